"""Lessons: stages with a criterion each, as a teacher would write them.

    method = "lessons"

    [[lessons]]
    name = "open"
    ranges = {walls = 0.0}
    until = {measure = "success", at_least = 0.8, episodes = 200}

    [[lessons]]
    name = "walls"
    ranges = {walls = "0.1:0.4"}

A measure is "success", "return", "length" or a counter, averaged over the last `episodes` of the lesson or, with
`smoothing`, exponentially.  Lessons of one parameter alone, beside those of others, stand under its name:

    [[ladders.walls]]
    ranges = {walls = "0:0.2"}
    until = {measure = "success", at_least = 0.8, episodes = 200}

    [[ladders.walls]]
    ranges = {walls = "0:0.6"}
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from puffer_arena.batch.batch import Batch
from puffer_arena.core.env import Env
from puffer_arena.core.fields import Array
from puffer_arena.curriculum.curriculum import Curriculum, Ended, Tasks
from puffer_arena.curriculum.spread import Spread, read_spread
from puffer_arena.errors import ParameterError, UnknownName, shown, suggest

MOST_LESSONS, MOST_EPISODES = 1000, 100_000


@dataclass(frozen=True)
class Until:
    """When a lesson is over: its measure has reached `bound`, over at least so many of its episodes.

    Args:
        measure: "success", "return", "length" or a counter.
        bound: to be reached.
        rising: whether from below.
        episodes: that count, the last of the lesson.
        smoothing: weight of the past in an exponential mean; 0 for the plain mean of the last `episodes`.
    """

    measure: str
    bound: float
    rising: bool
    episodes: int
    smoothing: float = 0.0


@dataclass(frozen=True)
class Lesson:
    """One stage; the last has no end."""

    name: str
    ranges: Mapping[str, Spread]
    until: Until | None


class Ladder:
    """Lessons that follow one another."""

    def __init__(self, name: str, lessons: list[Lesson]) -> None:
        self.name, self.lessons = name, lessons
        most = max((lesson.until.episodes for lesson in lessons if lesson.until), default=1)
        self._place = np.zeros(2, np.int64)  # the lesson, and how many of its episodes have counted
        self._last = np.zeros(most)  # their measures, in a ring
        self._mean = np.zeros(1)

    @property
    def stage(self) -> int:
        """The present lesson's number."""
        return int(self._place[0]) % len(self.lessons)

    @property
    def lesson(self) -> Lesson:
        """The present lesson."""
        return self.lessons[self.stage]

    def take(self, episodes: Ended) -> None:
        """Count episodes of the present lesson, and go on to the next when it is over."""
        until = self.lesson.until
        if until is None:
            return
        # Episodes that began before the lesson did are none of it.
        params = episodes.records["params"]
        held = [spread.holds(params[name]) for name, spread in self.lesson.ranges.items()]
        episodes = episodes.take(np.logical_and.reduce([np.ones(len(episodes), bool), *held]))
        for value in measures(until.measure, episodes):
            self._count(float(value), until)
            if self._is_over(until):
                self._place[:] = self.stage + 1, 0
                self._mean[:] = 0.0
                break

    def _count(self, value: float, until: Until) -> None:
        count = int(self._place[1])
        self._last[count % until.episodes] = value
        weight = until.smoothing if count else 0.0
        self._mean[0] = weight * self._mean[0] + (1.0 - weight) * value
        self._place[1] = count + 1

    def _is_over(self, until: Until) -> bool:
        if self._place[1] < until.episodes:
            return False
        reached = self._mean[0] if until.smoothing else self._last[: until.episodes].mean()
        return bool(reached >= until.bound if until.rising else reached <= until.bound)

    def state(self) -> dict[str, Array]:
        """Return what it has counted."""
        return {f"{self.name}.{name}": part for name, part in
                (("place", self._place), ("last", self._last), ("mean", self._mean))}  # fmt: skip


class Lessons(Curriculum):
    """Goes through lessons, one ladder of them or several side by side."""

    def __init__(self, env: Env, ranges: Mapping[str, Spread], settings: Any) -> None:
        super().__init__(env, ranges, settings)
        self.ladders: list[Ladder] = []

    def read(self, given: Mapping[str, Any]) -> None:
        """Take over the tables `lessons` and `ladders` of a TOML file.

        Raises:
            ParameterError, UnknownName: they hold something else, or lessons that can never end.
        """
        ladders = given.get("ladders", {})
        if not isinstance(ladders, Mapping):
            raise ParameterError("ladders must be tables of lessons: [[ladders.NAME]]")
        tables = {**({"lessons": given["lessons"]} if "lessons" in given else {}), **ladders}
        self.ladders = [Ladder(name, read_lessons(self.env, name, lessons)) for name, lessons in tables.items()]
        if not self.ladders:
            raise ParameterError("a curriculum of lessons needs some: [[lessons]] with ranges and until")
        mine: dict[str, str] = {}
        for ladder in self.ladders:
            for name in {name for lesson in ladder.lessons for name in lesson.ranges}:
                if mine.setdefault(name, ladder.name) != ladder.name:
                    raise ParameterError(f"'{name}' is moved by two ladders, '{mine[name]}' and '{ladder.name}'")
                self.ranges.setdefault(name, next(x.ranges[name] for x in ladder.lessons if name in x.ranges))

    def begin(self, batch: Batch) -> None:
        """Take notice of the batch.

        Raises:
            ParameterError: a lesson ends once episodes are longer than any can be.
        """
        super().begin(batch)
        limit = self.env.time_limit
        if limit not in self.env.parameters:
            return
        for ladder in self.ladders:
            for k, lesson in enumerate(ladder.lessons):
                spread = (self.ranges | dict(lesson.ranges)).get(limit)
                most = float(batch.rows.params[limit].max() if spread is None else spread.high)
                until = lesson.until
                if until is not None and until.measure == "length" and until.rising and until.bound > most:
                    raise ParameterError(
                        f"until of lesson {k + 1} of {ladder.name}: no episode is longer than {limit} = {most:g} steps, so "
                        f"at_least = {until.bound:g} can never end it"
                    )

    def next(self, count: int, rng: np.random.Generator) -> Tasks:
        spreads = dict(self.ranges)
        for ladder in self.ladders:
            spreads |= ladder.lesson.ranges
        return Tasks({name: spread.draw(count, rng) for name, spread in spreads.items()})

    def highest(self) -> dict[str, float]:
        most = super().highest()
        for spreads in (lesson.ranges for ladder in self.ladders for lesson in ladder.lessons):
            most |= {name: max(spread.high, most[name]) for name, spread in spreads.items()}
        return most

    def ended(self, episodes: Ended) -> None:
        for ladder in self.ladders:
            ladder.take(episodes)

    def state(self) -> dict[str, Array]:
        return {name: part for ladder in self.ladders for name, part in ladder.state().items()}

    def metrics(self) -> dict[str, float]:
        return {f"{ladder.name}/lesson": float(ladder.stage) for ladder in self.ladders}


def measures(name: str, episodes: Ended) -> Array:
    """Return a measure of every episode."""
    known = {"success": episodes.success, "return": episodes.returns}
    if name in known:
        return known[name]
    return np.asarray(episodes.records["episode_length" if name == "length" else name], np.float64)


def read_lessons(env: Env, ladder: str, given: Any) -> list[Lesson]:
    """Return the lessons of a ladder.

    Raises:
        ParameterError, UnknownName: see `Lessons.read`.
    """
    if not isinstance(given, list) or not 0 < len(given) <= MOST_LESSONS:
        raise ParameterError(f"{ladder} must be 1 to {MOST_LESSONS} tables [[{ladder}]]")
    lessons = []
    for k, table in enumerate(given):
        what = f"lesson {k + 1} of {ladder}"
        _check_names(what, table, ("name", "ranges", "until"))
        ranges = table.get("ranges", {})
        _check_names(f"ranges of {what}", ranges, env.parameters)
        spreads = {name: read_spread(env.parameters[name], value) for name, value in ranges.items()}
        until = _read_until(env, what, table["until"]) if "until" in table else None
        if until is None and k < len(given) - 1:
            raise ParameterError(f"{what} never ends, and others follow it; give it until = {{measure = ...}}")
        lessons.append(Lesson(str(table.get("name", k + 1)), spreads, until))
    return lessons


def _read_until(env: Env, what: str, given: Any) -> Until:
    _check_names(f"until of {what}", given, ("measure", "at_least", "at_most", "episodes", "smoothing"))
    measure, episodes, smoothing = (
        given.get("measure", "success"),
        given.get("episodes", 100),
        given.get("smoothing", 0.0),
    )
    known = ("success", "return", "length", *env.counters)
    if measure not in known:
        raise UnknownName(f"until of {what}: unknown measure {shown(measure)}; {suggest(str(measure), known)}")
    bounds = [name for name in ("at_least", "at_most") if name in given]
    if len(bounds) != 1 or not _is_number(given[bounds[0]]):
        raise ParameterError(f"until of {what} needs a number: at_least or at_most")
    bound, rising = float(given[bounds[0]]), bounds[0] == "at_least"
    if measure == "success" and not (0.0 < bound <= 1.0 if rising else 0.0 <= bound < 1.0):
        raise ParameterError(
            f"until of {what}: success is from 0 to 1, so {bounds[0]} = {bound:g} can never end it or always does"
        )
    if measure == "length" and not rising and bound < 1.0:
        raise ParameterError(
            f"until of {what}: no episode is shorter than 1 step, so at_most = {bound:g} can never end it"
        )
    if not isinstance(episodes, int) or not 1 <= episodes <= MOST_EPISODES:
        raise ParameterError(f"until of {what}: episodes = {shown(episodes)}; it must be from 1 to {MOST_EPISODES}")
    if not _is_number(smoothing) or not 0.0 <= smoothing < 1.0:
        raise ParameterError(f"until of {what}: smoothing = {shown(smoothing)}; it must be at least 0 and below 1")
    return Until(measure, bound, rising, episodes, float(smoothing))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and bool(np.isfinite(value))


def _check_names(what: str, table: Any, known: Any) -> None:
    if not isinstance(table, Mapping):
        raise ParameterError(f"{what} must be a table, not {shown(table)}")
    for name in table:
        if name not in known:
            raise UnknownName(f"{what}: unknown name '{name}'; {suggest(str(name), known)}")
