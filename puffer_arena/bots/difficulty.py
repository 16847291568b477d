"""How good an opponent a bot is: a dial from 0 to 10, and one that follows the player.

A level handicaps a bot as people are: it reacts late, sees imprecisely, cannot change its mind at every moment, and
errs; or it knows only what its run had learned earlier.  At 10 it plays as it was trained.  A file has levels of its
own where they were measured (`export --levels`).
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from puffer_arena.bots.bot import Bot
from puffer_arena.bots.file import Numbers
from puffer_arena.bots.heads import Sampling
from puffer_arena.bots.model import MOST_EARLIER, Model
from puffer_arena.bots.stream import key_of, normals, uniforms
from puffer_arena.errors import FileError, ParameterError, shown

BEST = 10
MOST_DELAY = 64  # decisions
NOISE_SALT = 0x6E6F697365  # keeps noise apart from what actions are drawn with


@dataclass(frozen=True)
class Level:
    """How a bot is handicapped.

    Attributes:
        delay: decisions between what it sees and what it does.
        noise: of quantities, the deviation in parts of their range in training; of codes, how many read as 0.
        hold: decisions for which an action is kept at least.
        temperature, epsilon: see `Sampling`.
        earlier: which of the file's earlier policies decides, from 0, the first; None for what was learned in the end.
        rating: measured strength against the bot at its best, which has 0, on Elo's scale; None where nobody measured.
    """

    delay: int = 0
    noise: float = 0.0
    hold: int = 1
    temperature: float = 1.0
    epsilon: float = 0.0
    earlier: int | None = None
    rating: float | None = None

    def __post_init__(self) -> None:
        if type(self.delay) is not int or not 0 <= self.delay <= MOST_DELAY:
            raise ParameterError(f"delay = {shown(self.delay)}; it must be from 0 to {MOST_DELAY} decisions")
        if type(self.hold) is not int or not 1 <= self.hold <= MOST_DELAY:
            raise ParameterError(f"hold = {shown(self.hold)}; it must be from 1 to {MOST_DELAY} decisions")
        if not isinstance(self.noise, int | float) or not 0.0 <= self.noise <= 1.0:
            raise ParameterError(f"noise = {shown(self.noise)}; it must be from 0 to 1")
        if self.earlier is not None and (type(self.earlier) is not int or not 0 <= self.earlier < MOST_EARLIER):
            raise ParameterError(f"earlier = {shown(self.earlier)}; it must be None, or from 0 to {MOST_EARLIER - 1}")
        if self.rating is not None and not (isinstance(self.rating, int | float) and math.isfinite(self.rating)):
            raise ParameterError(f"rating = {shown(self.rating)}; it must be a number")
        Sampling(self.temperature, 1.0, self.epsilon)


def handicap(less: float, earlier: int | None = None, errs_only: bool = False) -> Level:
    """Return a level that handicaps in every way at once, or by errors alone, the more the greater `less` is, 0 to 10."""
    if errs_only:
        return Level(temperature=1.0 + 0.1 * less, epsilon=0.08 * less, earlier=earlier)
    return Level(round(0.3 * less), 0.01 * less, 1 + int(less / 4.0), 1.0 + 0.1 * less, 0.04 * less, earlier)


def usual_levels() -> list[Level]:
    """Return levels for a bot that nobody has measured: handicaps grow from 10 down, slowly at first."""
    return [handicap((BEST - level) ** 2 / BEST) for level in range(BEST + 1)]


def read_levels(model: Model) -> list[Level]:
    """Return the levels of a bot's file, 0 to 10, or the usual ones.

    Raises:
        FileError: they cannot be.
    """
    given = model.about.get("levels") or []
    if not given:
        return usual_levels()
    names = Level.__dataclass_fields__
    try:
        levels = [Level(**{name: each[name] for name in names if name in each}) for each in given]
    except (TypeError, KeyError, AttributeError, ParameterError) as error:
        raise FileError(f"{model.name} is damaged: its levels cannot be ({error})") from None
    if len(levels) != BEST + 1:
        raise FileError(f"{model.name} is damaged: it has {len(levels)} levels, not {BEST + 1}")
    for level in levels:
        if level.earlier is not None and level.earlier >= len(model.earlier):
            raise FileError(f"{model.name} is damaged: a level plays earlier policy {level.earlier}, which it lacks")
    return levels


class Handicapped(Bot):
    """A bot at a level of difficulty, which may be changed at any time.

    Args:
        level: 0 to 10, or a `Level` of your own.

    Attributes:
        level: how it is handicapped.
        difficulty: the level's number, None for one of your own.
    """

    def __init__(self, model: Model, seed: int = 0, level: int | Level = BEST) -> None:
        self.levels = read_levels(model)
        self._depth = 1 + max(each.delay for each in [*self.levels, *([level] if isinstance(level, Level) else [])])
        super().__init__(model, seed)
        self.set_level(level)

    def set_level(self, level: int | Level) -> None:
        """Play at another level from the next decision on.

        Raises:
            ParameterError: no such level.
        """
        difficulty = None if isinstance(level, Level) else level
        if not isinstance(level, Level):
            if not isinstance(level, int) or not 0 <= level <= BEST:
                raise ParameterError(f"difficulty = {shown(level)}; it must be a whole number from 0 to {BEST}")
            level = self.levels[level]
        if level.delay >= self._depth:
            raise ParameterError(
                f"delay = {level.delay}; this bot keeps {self._depth - 1} observations, give it at first"
            )
        if level.earlier is not None and level.earlier >= len(self.model.earlier):
            raise ParameterError(f"earlier = {level.earlier}; this bot's file has {len(self.model.earlier)} of them")
        playing = self.model if level.earlier is None else self.model.earlier[level.earlier]
        if playing is not self._playing:  # what one network remembers means nothing to another
            for name in self.model.memory_shapes:
                self._memory[name][:] = 0.0
        self.level, self.difficulty, self._playing = level, difficulty, playing
        self.sampling = Sampling(level.temperature, 1.0, level.epsilon)

    def copy(self, seed: int | None = None, model: Model | None = None) -> "Handicapped":
        level = self.level if self.difficulty is None else self.difficulty
        return Handicapped(model or self.model, self.seed if seed is None else seed, level)

    @property
    def _remembered(self) -> dict[str, tuple[tuple[int, ...], Any]]:
        kept: dict[str, tuple[tuple[int, ...], Any]]
        kept = {"level.seen": ((), np.dtype(np.int64)), "level.age": ((), np.dtype(np.int64))}
        for k, leaf in enumerate(self.model.leaves):
            kept[f"level.obs.{k}"] = ((self._depth, *leaf.shape), leaf.dtype)
        for k, leaf in enumerate(self.model.actions):
            kept[f"level.action.{k}"] = (leaf.shape, leaf.dtype)
        return {**super()._remembered, **kept}

    def _act_alone(self, parts: list[Numbers], mask: Numbers | None, who: int, sampling: Sampling) -> Any:
        rows = np.array([who])
        chosen = self.act_on([part[None] for part in parts], None if mask is None else mask[None], rows, sampling)
        action = self._single(chosen)
        assert self._last is not None  # it has just acted
        self._last = (who, self._last[1][0], mask, action)
        return action

    def act_on(
        self, parts: list[Numbers], mask: Numbers | None, who: Any, sampling: Sampling | None = None
    ) -> list[Numbers]:
        at = np.asarray(who)
        self._have_room(at)
        chosen = super().act_on(self._see(parts, at), mask, at, sampling)
        return self._keep(chosen, mask, at)

    def _see(self, parts: list[Numbers], at: Numbers) -> list[Numbers]:
        """Return what the actors see: what was there some decisions ago, and not precisely."""
        count = self._memory["level.seen"][at]
        then = (count - np.minimum(count, self.level.delay)) % self._depth
        seen = []
        draws = sum(leaf.size for leaf in self.model.leaves) if self.level.noise else 0
        keys = np.array([key_of(self.seed ^ NOISE_SALT, actor) for actor in at.tolist()] if draws else [], np.uint64)
        drawn = uniforms(keys, count * draws, draws) if draws else np.zeros((len(at), 0))
        begin = 0
        for k, (leaf, part) in enumerate(zip(self.model.leaves, parts, strict=True)):
            kept = self._memory[f"level.obs.{k}"]
            kept[at, count % self._depth] = part
            late = kept[at, then]
            if draws:
                late = self._blur(k, late, drawn[:, begin : begin + leaf.size])
                begin += leaf.size
            seen.append(late)
        self._memory["level.seen"][at] = count + 1
        return seen

    def _blur(self, k: int, part: Numbers, drawn: Numbers) -> Numbers:
        """Return a leaf's numbers with noise."""
        leaf, noise = self.model.leaves[k], self.level.noise
        flat = part.reshape(len(part), -1)
        if leaf.codes or leaf.kind == "multi_binary":
            return np.asarray(np.where(drawn < noise, 0, flat).astype(part.dtype).reshape(part.shape))
        low, high = leaf.seen
        reach = np.where(np.isfinite(high - low), high - low, 0.0)
        blurred = flat + noise * reach * normals(drawn)
        if part.dtype.kind in "iu":
            blurred = np.clip(np.round(blurred), leaf.low, leaf.high)
        return np.asarray(blurred.astype(part.dtype).reshape(part.shape))

    def _keep(self, chosen: list[Numbers], mask: Numbers | None, at: Numbers) -> list[Numbers]:
        """Return actions where they may change by now, and elsewhere the last ones, if these are open."""
        age = self._memory["level.age"][at]
        keep = (age > 0) & (age < self.level.hold)
        if mask is not None:
            keep &= self._is_open(mask, at)
        kept = []
        for k, part in enumerate(chosen):
            last = self._memory[f"level.action.{k}"]
            part = np.where(keep.reshape(-1, *[1] * (part.ndim - 1)), last[at], part).astype(part.dtype)
            last[at] = part
            kept.append(part)
        self._memory["level.age"][at] = np.where(keep, age + 1, 1)
        return kept

    def _is_open(self, mask: Numbers, at: Numbers) -> Numbers:
        """Return whether the actors' last actions are still open, (actors,)."""
        is_open, begin = np.ones(len(at), np.bool_), 0
        for k, leaf in enumerate(self.model.actions):
            last = self._memory[f"level.action.{k}"][at].reshape(len(at), -1)
            for component, size in enumerate(leaf.codes):
                is_open &= mask[np.arange(len(at)), begin + last[:, component]]
                begin += size
        return is_open


class Following:
    """A difficulty that follows the player: up after their wins, down after their defeats, to even games.

    Args:
        bot: whose level it sets.
        start: the level to begin with.
    """

    STEP = 1.0

    def __init__(self, bot: Handicapped, start: int = 5) -> None:
        self.bot, self.value = bot, float(start)
        bot.set_level(start)

    def report(self, score: float) -> int:
        """Take in how a game ended for the player, 1 won, 0 lost, 0.5 drawn, and return the level from now on.

        Raises:
            ParameterError: the score is none of these or between them.
        """
        if not 0.0 <= score <= 1.0:
            raise ParameterError(f"score = {shown(score)}; it must be from 0, lost, to 1, won")
        self.value = min(max(self.value + self.STEP * (2.0 * score - 1.0), 0.0), float(BEST))
        level = round(self.value)
        self.bot.set_level(level)
        return level


def load_bot(path: str | Path, seed: int = 0, difficulty: int | Level | None = None) -> Bot:
    """Load a bot's file; with a difficulty, 0 to 10, as an opponent that can be beaten.

    Raises:
        FileError: see `Bot.load`.
        ParameterError: no such difficulty, or a seed that is none.
    """
    bot = Bot.load(path, seed)
    return bot if difficulty is None else Handicapped(bot.model, seed, difficulty)
