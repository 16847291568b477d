"""Tournaments: everybody against everybody, or Swiss rounds, and what the games say of the players."""

import itertools
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from puffer_arena.batch.seats import outcome_of
from puffer_arena.errors import ParameterError
from puffer_arena.players.evaluate import Sample
from puffer_arena.players.ratings import Game, Rating, rate

MOST_PLAYERS = 64
MOST_TRIES = 1000  # to pair a round without a repeated match


@dataclass(frozen=True)
class Match:
    """Some games between two players.

    Attributes:
        results: of `first`, game by game: 1 a win, 0 a draw, -1 a defeat.
    """

    first: str
    second: str
    results: tuple[int, ...]

    def points(self, name: str) -> float:
        """Return a player's points: a win is 1, a draw 1/2."""
        own = sum(0.5 + 0.5 * result for result in self.results)
        return own if name == self.first else len(self.results) - own


@dataclass(frozen=True)
class Standing:
    """What a tournament says of a player."""

    name: str
    rating: Rating
    points: float
    games: int
    won: int
    drawn: int
    lost: int


Play = Callable[[str, str, int], Match]  # plays the match of two players in a round


def results_of(sample: Sample, legs: int = 1) -> tuple[int, ...]:
    """Return who won each game that `versus` played: by the scores where there are any, else by the returns.

    Args:
        legs: so many episodes, one as each role, are one game: see `batch.seats.legs`.  Where legs are left over, they
            do not count.
    """
    columns = sample.columns
    if "won" in columns:
        outcome = columns["won"] - columns["lost"]
    else:
        ahead = columns["return"] - columns["opponent's return"]
        outcome = outcome_of(ahead[: len(ahead) // legs * legs].reshape(-1, legs).sum(axis=1))
    return tuple(outcome.astype(int).tolist())


def round_robin(names: Sequence[str], rounds: int, play: Play) -> list[Match]:
    """Let everybody play everybody, `rounds` times."""
    return [play(a, b, k) for k in range(rounds) for a, b in itertools.combinations(names, 2)]


def swiss(names: Sequence[str], rounds: int, play: Play) -> list[Match]:
    """Let those with equal points play each other, round after round, nobody twice the same while there is another.

    With an odd number somebody sits a round out, from the bottom, nobody twice before all have.
    """
    played: list[Match] = []
    rested: list[str] = []
    for k in range(rounds):
        order = sorted(names, key=lambda name: -sum(share(match, name) for match in played if involves(match, name)))
        if len(order) % 2:
            seats_out = min(reversed(order), key=rested.count)
            rested.append(seats_out)
            order.remove(seats_out)
        met = {frozenset((match.first, match.second)) for match in played}
        played += [play(a, b, k) for a, b in _pairs(order, met)]
    return played


def _pairs(order: Sequence[str], met: set[frozenset[str]]) -> list[tuple[str, str]]:
    """Pair everybody with the nearest whom they have not met, from the top; neighbours where that cannot be."""
    tries = itertools.count()

    def pair(left: list[str]) -> list[tuple[str, str]] | None:
        if not left:
            return []
        first, *others = left
        for second in others:
            if frozenset((first, second)) in met:
                continue
            rest = pair([name for name in others if name != second])
            if rest is not None:
                return [(first, second), *rest]
            if next(tries) > MOST_TRIES:
                return None
        return None

    return pair(list(order)) or [*zip(order[::2], order[1::2], strict=True)]


def involves(match: Match, name: str) -> bool:
    """Tell whether somebody played in a match."""
    return name in (match.first, match.second)


def share(match: Match, name: str) -> float:
    """Return a player's points per game of a match."""
    return match.points(name) / len(match.results)


def standings(names: Sequence[str], matches: Sequence[Match], seed: int = 0) -> list[Standing]:
    """Return everybody's standing, the best first, by rating.

    Args:
        seed: of the order in which games are rated: each counts alike, whenever it was played.
    """
    games: list[Game] = [
        ((match.first, match.second), (1, 1) if result == 0 else (1, 2) if result > 0 else (2, 1))
        for match in matches
        for result in match.results
    ]
    random.Random(seed).shuffle(games)
    ratings = rate(dict.fromkeys(names, Rating()), games, drift=False)
    found = []
    for name in names:
        own = [match for match in matches if involves(match, name)]
        results = [result if match.first == name else -result for match in own for result in match.results]
        won, drawn, lost = (results.count(result) for result in (1, 0, -1))
        found.append(Standing(name, ratings[name], won + 0.5 * drawn, len(results), won, drawn, lost))
    return sorted(found, key=lambda standing: -standing.rating.mu)


def payoffs(names: Sequence[str], matches: Sequence[Match]) -> list[list[float]]:
    """Return points per game of each (rows) against each (columns); NaN where they never met."""
    games: dict[tuple[str, str], list[float]] = {}
    for match in matches:
        for a, b in ((match.first, match.second), (match.second, match.first)):
            total = games.setdefault((a, b), [0.0, 0.0])
            total[0] += match.points(a)
            total[1] += len(match.results)
    return [[_mean(games.get((a, b), [0.0, 0.0])) for b in names] for a in names]


def _mean(total: Sequence[float]) -> float:
    return total[0] / total[1] if total[1] else float("nan")


def deciding(order: Sequence[str], matches: Sequence[Match], most: int = 3) -> list[Match]:
    """Return the matches that decided the top: between those who stand highest, the highest first."""
    place = {name: k for k, name in enumerate(order)}
    ranked = sorted(matches, key=lambda match: (place[match.first] + place[match.second], place[match.first]))
    kept: dict[Any, Match] = {}
    for match in ranked:
        kept.setdefault(frozenset((match.first, match.second)), match)
    return list(kept.values())[:most]


def check_players(names: Sequence[str]) -> None:
    """Check that a tournament can be played.

    Raises:
        ParameterError: too few, too many, or somebody twice.
    """
    if not 2 <= len(names) <= MOST_PLAYERS:
        raise ParameterError(f"a tournament needs 2 to {MOST_PLAYERS} players; {len(names)} are named")
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ParameterError(f"'{twice}' is named twice; name everybody once")
