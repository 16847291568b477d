"""Who plays: a scripted bot, chance or anybody who was trained, alone or one against another."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import numpy as np

from puffer_arena.batch.batch import Batch
from puffer_arena.batch.seats import seats
from puffer_arena.core.actions import draw_actions
from puffer_arena.core.fields import Array


class Choose(Protocol):
    """Chooses actions for the agents of a batch."""

    def __call__(self, batch: Batch, which: Array | None = None) -> Array:
        """Return actions shaped as `Batch.actions`; only those of agents in `which`, shaped as `acting`, count."""


# Action probabilities (rows, agents or 1, choices), and values (rows, agents or 1).
Thoughts = tuple[Array | None, Array | None]
UNKNOWN: Thoughts = (None, None)


class Acting(NamedTuple):
    """A player in front of one batch.

    Attributes:
        choose: chooses actions.
        forget: takes where an episode began, as `Batch.began`.
        state: returns what it remembers and where its random numbers are, fit for JSON; what lies in rows is not its own.
        set_state: goes on from what `state` returned.
        thoughts: returns what it made of the rows as it chose last, for a replay; None for what it does not tell.
    """

    choose: Choose
    forget: Callable[[Array], None]
    state: Callable[[], Any] = lambda: None
    set_state: Callable[[Any], None] = lambda _: None
    thoughts: Callable[[], Thoughts] = lambda: UNKNOWN


@dataclass
class Player:
    """Somebody who can be put in front of a batch."""

    name: str
    prepare: Callable[[Batch], Acting]
    params: dict[str, Any] = field(default_factory=dict)  # of the environment that it learned in
    policy: Any = None  # the trainers' own, of a run or checkpoint


def chance(seed: int) -> Player:
    """Return a player of random actions."""

    def prepare(batch: Batch) -> Acting:
        rng = np.random.default_rng(seed)

        def set_state(state: Any) -> None:
            rng.bit_generator.state = state

        return Acting(
            lambda batch, which=None: draw_actions(batch.action, batch.actions.shape, batch.action_mask, rng),
            forget_nothing,
            lambda: rng.bit_generator.state,
            set_state,
        )

    return Player("random", prepare)


def scripted(bot: str) -> Player:
    """Return one of the environment's scripted bots."""
    return Player(f"bot:{bot}", lambda _: Acting(lambda batch, which=None: batch.act(bot, which=which), forget_nothing))


def versus(player: Player, other: Player, role: str) -> Player:
    """Return both as one player: `player` in the seats of `role`, or of each role in turn, and `other` in the rest."""

    def prepare(batch: Batch) -> Acting:
        mine = seats(batch, role)
        first, second = player.prepare(batch), other.prepare(batch)

        def choose(batch: Batch, which: Array | None = None) -> Array:
            actions = first.choose(batch, mine).copy()  # a bot's are in a buffer that the next bot writes
            theirs = second.choose(batch, ~mine)
            actions[~mine] = theirs[~mine]
            return actions

        def forget(began: Array) -> None:
            first.forget(began)
            second.forget(began)

        def thoughts() -> Thoughts:
            return merge_thoughts([(first.thoughts(), mine), (second.thoughts(), ~mine)])

        return Acting(choose, forget, thoughts=thoughts)

    return Player(f"{player.name} against {other.name}", prepare, {**other.params, **player.params})


def merge_thoughts(parts: Sequence[tuple[Thoughts, Array]]) -> Thoughts:
    """Return as one what several players made of the rows: what all tell alike.

    Args:
        parts: of each player, with its seats, bool (agents,) or (rows, agents).
    """
    merged: list[Array | None] = []
    for k in range(2):
        columns = [(thoughts[k], own) for thoughts, own in parts]
        if len({None if column is None else column.shape for column, _ in columns}) > 1 or columns[0][0] is None:
            merged.append(None)
            continue
        whole = columns[0][0].copy()
        for column, own in columns[1:]:
            assert column is not None  # all have the first one's shape
            mine = np.broadcast_to(own, whole.shape[:2])
            whole[mine] = column[mine]
        merged.append(whole)
    return merged[0], merged[1]


def forget_nothing(began: Array) -> None:
    """What players do who remember nothing."""
