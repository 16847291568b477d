"""A match: who sits in which seat of a game, who may take it in the middle of one, and who has won how much."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np

from puffer_arena.batch.batch import Batch
from puffer_arena.batch.seats import legs, list_sides, outcome_of, places, side_returns
from puffer_arena.core.env import Env
from puffer_arena.core.fields import Array
from puffer_arena.errors import ArenaError, ParameterError

Choose = Callable[[Batch], Array]  # returns actions for every agent, shaped as `Batch.actions`
HUMAN = "human"


class Rated(Protocol):
    """Who rates the rounds that count."""

    def note(self, names: list[str], places: list[float]) -> str:
        """Take in who had each side and their places; say in a few words what came of it."""

    def pair(self, other: str, side: int, ahead: float) -> float | None:
        """Return by how much the person was ahead over both legs of a game; None after the first, which waits."""


@dataclass(frozen=True)
class Sitter:
    """Somebody who can sit in a seat.

    Attributes:
        name: as on the command line.
        choose: chooses actions for everybody; None for a person.
    """

    name: str
    choose: Choose | None = None

    def check(self, batch: Batch) -> None:
        """Check that they can play in a batch, which may take seconds where a policy is loaded first.

        Raises:
            ArenaError: they cannot: no such file, other sizes, a package that is missing.
        """
        if self.choose is not None:
            self.choose(batch)


def short_name(name: str) -> str:
    """Return a player's name without folders, as there is room for in a window: run:/a/b#self@5 is run:b#self@5."""
    kind, colon, rest = name.partition(":") if name.startswith("run:") else ("", "", name)
    path, mark, member = rest.partition("#")
    return f"{kind}{colon}{Path(path).name}{mark}{member}"


def scripted(env: Env) -> list[Sitter]:
    """Return an environment's scripted bots, or chance where it has none."""
    if not env.bots:
        rng = np.random.default_rng(0)
        return [Sitter("random", lambda batch: batch.sample_actions(rng))]
    return [Sitter(f"bot:{name}", partial(Batch.act, bot=name)) for name in env.bots]


@dataclass
class Match:
    """Rounds of a game between those who sit in its seats.

    Attributes:
        seats: who sits in each, an agent's each.
        roster: who may be put into a seat, in the order of a seat's key.
        rounds: after how many the match is decided; 0 for as long as people like.
        rated: told of each round that counts.
        points: side by side, of those who began there: a win is 1, shared first places split it.
        played: rounds that ended.
        mixed: somebody was swapped in this round, or time turned back: it does not count.
        ended: who won the last round, in words.
        left: who of the bots could not play on, and why.
    """

    batch: Batch
    seats: list[Sitter]
    roster: list[Sitter]
    rounds: int = 0
    rated: Rated | None = None
    points: list[float] = field(default_factory=list)
    played: int = 0
    mixed: bool = False
    said: str = ""
    ended: str = ""
    left: str = ""

    def __post_init__(self) -> None:
        count = self.batch.num_agents
        if len(self.seats) != count:
            sides = list_sides(self.batch) if self.batch.env.agents else []
            if len(self.seats) != len(sides):
                either = f"{count} or, by side, {len(sides)}" if len(sides) not in (0, count) else f"{count}"
                given = f"{len(self.seats)} seat{'s are' if len(self.seats) > 1 else ' is'} given"
                raise ParameterError(f"{given}; '{self.batch.env.name}' has {either} here")
            asked, self.seats = self.seats, [self.seats[0]] * count
            mate = next((sitter for sitter in self.roster if sitter.choose is not None), None)
            for sitter, (first, *others) in zip(asked, sides, strict=True):
                self.seats[first] = sitter
                for agent in others:  # a person steers one agent
                    self.seats[agent] = mate if sitter.choose is None and mate is not None else sitter
        self.sides = list_sides(self.batch)
        self.points = [0.0] * len(self.sides)

    @property
    def people(self) -> list[int]:
        """The agents that people steer."""
        return [agent for agent, sitter in enumerate(self.seats) if sitter.choose is None]

    def __call__(self, batch: Batch) -> Array:
        """Return actions for every agent; those of people are for others to fill in.

        A bot who cannot go on, as one that gives no finite numbers, leaves its seats to a scripted one.
        """
        actions = batch.actions.copy()
        waiting = [agent for agent, sitter in enumerate(self.seats) if sitter.choose is not None]
        while waiting:
            sitter = self.seats[waiting[0]]
            assert sitter.choose is not None  # people were left out
            try:
                chosen = np.asarray(sitter.choose(batch))
            except ArenaError as error:
                self._dismiss(sitter, error)
                continue
            own = [agent for agent in waiting if self.seats[agent] is sitter]
            actions[:, own] = chosen[:, own]
            waiting = [agent for agent in waiting if agent not in own]
        return actions

    def _dismiss(self, sitter: Sitter, reason: ArenaError) -> None:
        """Put a scripted bot where somebody sits who cannot play on."""
        substitute = scripted(self.batch.env)[0]
        if sitter.name == substitute.name:
            raise reason
        self.seats = [substitute if other is sitter else other for other in self.seats]
        self.roster = [other for other in self.roster if other is not sitter]
        self.mixed, self.left = True, f"{sitter.name} leaves: {reason}"

    def swap(self, seat: int, by: int = 1) -> Sitter | None:
        """Put the next of the roster, or the one before, into a seat; return who sits there now, None where there is none.

        Raises:
            ArenaError: the next cannot play here, and is left out from now on.
        """
        if not 0 <= seat < len(self.seats):
            return None
        names = [sitter.name for sitter in self.roster]
        at = names.index(self.seats[seat].name) if self.seats[seat].name in names else -1
        wanted = self.roster[(at + by) % len(self.roster)]
        try:
            wanted.check(self.batch)
        except ArenaError:
            self.roster.remove(wanted)
            raise
        self.seats[seat] = wanted
        self.mixed = True
        return wanted

    def name_of(self, side: int) -> str:
        """Return what a side is called, its role or agent, and who sits there."""
        agents = self.sides[side]
        ids = [self.batch.agent_ids[agent] for agent in agents]
        roles = {self.batch.env.role_of(each) for each in self.batch.agent_ids}
        called = ids[0].replace("_", " ") if len(roles) == 1 else self.batch.env.role_of(ids[0])
        names = dict.fromkeys(short_name(self.seats[agent].name) for agent in agents)
        return f"{called} ({' + '.join('you' if name == HUMAN else name for name in names)})"

    def begin(self) -> None:
        """Begin a round."""
        self.mixed, self.said, self.left = False, "", ""
        if self.decided:
            self.points, self.played = [0.0] * len(self.sides), 0

    def note(self) -> None:
        """Count the round that has just ended."""
        (ranks,) = places(self.batch, self.batch.finished[:1])
        self.ended = self.winner(ranks)
        if self.mixed:
            self.said = "not counted: somebody was swapped, or time turned back"
            return
        first = np.flatnonzero(ranks == 1.0)
        for side in first:
            self.points[side] += 1.0 / len(first)
        self.played += 1
        there = [k for k in range(len(self.sides)) if ranks[k] == ranks[k]]
        names = [self._leader(k) for k in there]
        if self.rated is None:
            return
        if legs(self.batch.env) == len(names) == 2:
            self.said = self._note_leg(names, self.rated)
        else:
            self.said = self.rated.note(names, [float(ranks[k]) for k in there])

    def _note_leg(self, names: list[str], rated: Rated) -> str:
        """Rate a round as each role against somebody as one, where one role comes out ahead whoever has it."""
        if names.count(HUMAN) != 1:
            return ""
        side = names.index(HUMAN)
        other, returns = names[1 - side], side_returns(self.batch, self.batch.finished[:1])[0]
        both = rated.pair(other, side, float(returns[side] - returns[1 - side]))
        if both is None:
            return f"rated with a round as {[*self.batch.env.agents][1 - side]} against {other}, too"
        outcome = outcome_of(both)
        return rated.note([HUMAN, other], [1.0 + float(outcome < 0), 1.0 + float(outcome > 0)])

    def _leader(self, side: int) -> str:
        """Return whom a side's result counts for: the person among them, or the first."""
        names = [self.seats[agent].name for agent in self.sides[side]]
        return HUMAN if HUMAN in names else names[0]

    @property
    def is_between_people(self) -> bool:
        """Whether people sit on several sides, so that nobody's end of a round is that of all."""
        return sum(any(self.seats[agent].choose is None for agent in side) for side in self.sides) > 1

    def winner(self, ranks: Array) -> str:
        """Return who won a round, in words; `ranks` as `places` gives them."""
        first = [self.name_of(k) for k, rank in enumerate(ranks) if rank == 1.0]
        return f"{first[0]} wins" if len(first) == 1 else "A draw"

    @property
    def decided(self) -> bool:
        """Whether all rounds are played."""
        return 0 < self.rounds <= self.played

    @property
    def board(self) -> str:
        """The score board in one line."""
        scores = "   ".join(f"{self.name_of(k)} {points:g}" for k, points in enumerate(self.points))
        of = f" of {self.rounds}" if self.rounds else ""
        if not self.decided:
            return f"round {self.played + 1}{of}   {scores}"
        best = max(self.points)
        ahead = [self.name_of(k) for k, points in enumerate(self.points) if points == best]
        return f"{ahead[0]} wins the match   {scores}" if len(ahead) == 1 else f"the match is a draw   {scores}"
