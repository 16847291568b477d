"""Levels of difficulty that are evenly spaced: what a bot can play is measured, and levels are chosen of that.

The material is handicaps, and what the bot's run had learned earlier.  Each is tried at a few strengths, then between
those where a level has nothing near it yet, so levels are as even as the material allows.  Ratings are on Elo's scale
beside the bot at its best: 400 log10 of the odds, so -100 is 36 % of the points and -400 is 9 %.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from puffer_arena.batch.make import make
from puffer_arena.batch.seats import list_sides
from puffer_arena.bots.bot import Bot
from puffer_arena.bots.difficulty import BEST, Handicapped, Level, handicap
from puffer_arena.core.fields import Array
from puffer_arena.players.bots import bot_acting
from puffer_arena.players.evaluate import Sample, evaluate
from puffer_arena.players.player import Player, versus

FLOOR = -600.0  # no level is meant to be weaker: 3 % of the points
FIRST = (0.0, 1.0, 3.0, 10.0)  # how much every policy is handicapped at first
REFINED = 12  # handicaps that are tried between these
NEAR = 15.0  # a level's rating that is off by less is left alone
LEAST, MOST = 0.01, 0.99  # shares of points beyond which odds mean nothing

Rate = Callable[[Level], float]


@dataclass(frozen=True)
class Tried:
    """A policy in a bot's file under a handicap, and its rating."""

    earlier: int | None
    errs_only: bool  # where players take turns, who sees late is lost at once; errors grow evenly
    less: float
    rating: float

    @property
    def level(self) -> Level:
        return replace(handicap(self.less, self.earlier, self.errs_only), rating=round(self.rating, 1))


def at_level(bot: Bot, level: Level, seed: int = 5) -> Player:
    """Return a bot at a level as a player."""
    return Player(
        "bot", lambda batch: bot_acting(Handicapped(bot.model, seed, level), batch), dict(bot.about["params"])
    )


def calibrate(bot: Bot, rate: Rate, told: Callable[[int], None] = lambda done: None) -> list[Level]:
    """Return levels 0 to 10 of a bot with their ratings; the last is the bot at its best, rated 0.

    Args:
        bot: with the earlier policies in its file.
        rate: returns a level's rating beside the bot at its best; see `rating_in`.
        told: called with how many handicaps are done, before each.
    """

    def attempt(earlier: int | None, errs_only: bool, less: float) -> Tried:
        told(len(tried) - 2)
        return Tried(earlier, errs_only, less, rate(handicap(less, earlier, errs_only)))

    tried = [Tried(None, errs_only, 0.0, 0.0) for errs_only in (False, True)]
    for errs_only in (False, True):
        tried += [attempt(None, errs_only, less) for less in FIRST[1:]]
    for earlier in range(len(bot.model.earlier)):
        tried += [attempt(earlier, False, less) for less in FIRST]
    floor = max(FLOOR, min(each.rating for each in tried))
    wanted = [floor * (BEST - level) / BEST for level in range(BEST)]
    for _ in range(REFINED):
        worst = max(wanted, key=lambda rating: _reach(tried, rating))
        if _reach(tried, worst) == 0.0:
            break
        low, high = _around(tried, worst)[0]
        part = min(max((low.rating - worst) / (low.rating - high.rating), 0.1), 0.9)
        tried.append(attempt(low.earlier, low.errs_only, low.less + part * (high.less - low.less)))
    chosen = [min(tried, key=lambda each: (abs(each.rating - rating), each.less)) for rating in wanted]
    return [each.level for each in [*chosen, tried[0]]]


def _around(tried: list[Tried], rating: float) -> list[tuple[Tried, Tried]]:
    """Return neighbours of one kind between whose ratings another lies, those who are closest first."""
    found = []
    for kind in {(each.earlier, each.errs_only) for each in tried}:
        own = sorted((each for each in tried if (each.earlier, each.errs_only) == kind), key=lambda each: each.less)
        found += [(a, b) for a, b in pairwise(own) if a.rating > rating > b.rating and b.less - a.less > 0.05]
    return sorted(found, key=lambda pair: pair[0].rating - pair[1].rating)


def _reach(tried: list[Tried], rating: float) -> float:
    """Return how far a rating is from all that was tried, 0 where it is near enough or nothing lies around it."""
    off = min(abs(each.rating - rating) for each in tried)
    return off if off >= NEAR and _around(tried, rating) else 0.0


# -- ratings ------------------------------------------------------------------------------------------


def rating_in(env: str, bot: Bot, episodes: int, params: Mapping[str, Any], meets: bool, seed: int = 5) -> Rate:
    """Return what rates levels of a bot beside the bot at its best.

    Args:
        env: the game.
        episodes: on held-out levels of the game, of every handicap.
        params: of the game.
        meets: each plays against the bot at its best; else both play alone, and what counts is how often an episode has
            the greater return (of the first role).
    """
    best = at_level(bot, Level())
    if meets:
        with make(env, num_envs=1, **params) as batch:
            sides = len(list_sides(batch))

        def meet(level: Level) -> float:
            player = versus(at_level(bot, level, seed + 1), best, "")
            sample = evaluate(env, player, episodes, seed=seed, params=params, side="")
            return rating_of(float(points_of(sample).mean()), sides)

        return meet
    wanted = returns_of(evaluate(env, best, episodes, seed=seed, params=params))

    def compare(level: Level) -> float:
        sample = evaluate(env, at_level(bot, level), episodes, seed=seed + 1, params=params)
        return rating_of(share_of(returns_of(sample), wanted))

    return compare


def points_of(sample: Sample) -> Array:
    """Return the points of a side's games against others, one a game: 1 won, 0.5 drawn; or whether it was first."""
    columns = sample.columns
    return columns["won"] + 0.5 * columns["drawn"] if "won" in columns else columns["first"]


def returns_of(sample: Sample) -> Array:
    """Return the return of every episode, where there are several roles the first one's."""
    return next(column for name, column in sample.columns.items() if name.startswith("return"))


def share_of(ours: Array, theirs: Array) -> float:
    """Return how often one of ours is greater than one of theirs, equals by half, over all pairs."""
    ordered = np.sort(theirs)
    below, upto = (np.searchsorted(ordered, ours, side) for side in ("left", "right"))
    return float((below + upto).mean() / (2 * len(theirs)))


def rating_of(share: float, sides: int = 2) -> float:
    """Return a share of points as a rating beside the others, each of whom has an even part of the rest.

    Source: Plackett 1975; between two sides it is Elo's scale.
    """
    share = min(max(share, LEAST), MOST)
    return 400.0 * math.log10(share * (sides - 1) / (1.0 - share))
