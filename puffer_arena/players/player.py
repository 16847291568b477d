"""Who plays: a scripted bot, chance or anybody who was trained, alone or one against another."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import numpy as np

from puffer_arena.batch.batch import Batch
from puffer_arena.batch.seats import seats
from puffer_arena.core.fields import Array


class Choose(Protocol):
    """Chooses actions for the agents of a batch."""

    def __call__(self, batch: Batch, which: Array | None = None) -> Array:
        """Return actions shaped as `Batch.actions`; only those of agents in `which`, shaped as `acting`, count."""


class Acting(NamedTuple):
    """A player in front of one batch."""

    choose: Choose
    forget: Callable[[Array], None]  # takes where an episode began, as `Batch.began`


@dataclass
class Player:
    """Somebody who can be put in front of a batch."""

    name: str
    prepare: Callable[[Batch], Acting]
    params: dict[str, Any] = field(default_factory=dict)  # of the environment that it learned in


def chance(seed: int) -> Player:
    """Return a player of random actions."""
    rng = np.random.default_rng(seed)
    return Player("random", lambda _: Acting(lambda batch, which=None: batch.sample_actions(rng), forget_nothing))


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

        return Acting(choose, forget)

    return Player(f"{player.name} against {other.name}", prepare, {**other.params, **player.params})


def forget_nothing(began: Array) -> None:
    """What players do who remember nothing."""
