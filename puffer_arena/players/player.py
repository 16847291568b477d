"""Who plays: a scripted bot, chance or a trained policy, alone or one against another."""

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from puffer_arena.batch.batch import Batch
from puffer_arena.batch.seats import seats
from puffer_arena.core.fields import Array
from puffer_arena.errors import ParameterError, UnknownName, require, suggest
from puffer_arena.registry import is_edited, load_env
from puffer_arena.trainers.runs.find import find_run
from puffer_arena.trainers.runs.log import find_checkpoints


class Acting(NamedTuple):
    """A player in front of one batch."""

    choose: Callable[[Batch], Array]  # actions for every agent, shaped as `Batch.actions`
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
    return Player("random", lambda _: Acting(lambda batch: batch.sample_actions(rng), _forget_nothing))


def scripted(bot: str) -> Player:
    """Return one of the environment's scripted bots."""
    return Player(f"bot '{bot}'", lambda _: Acting(lambda batch: batch.act(bot), _forget_nothing))


def trained(path: Path, env: str, seed: int, deterministic: bool) -> Player:
    """Return the policy of a checkpoint; say so where the environment's source has changed since.

    Raises:
        ArenaError: it is damaged, or of another environment than `env`.
    """
    require("torch", "train")
    from puffer_arena.trainers.actor import Actor

    origin = Actor.load(path, env).policy.origin
    if is_edited(str(origin["rules"]), env):
        print(f"the source of environment '{env}' has changed since '{path}' was trained", file=sys.stderr)

    def prepare(batch: Batch) -> Acting:
        actor = Actor.load(path, env)
        check_spaces(actor.policy, batch)
        return acting(actor, seed, deterministic)

    return Player(str(path), prepare, dict(origin["params"]))


def check_spaces(policy: Any, batch: Batch) -> None:
    """Check that a policy sees and does what the agents of a batch do.

    Raises:
        ParameterError: it was trained with other spaces.
    """
    if (policy.observation, policy.action) != (batch.observation, batch.action):
        raise ParameterError(
            f"this policy, of '{policy.origin['env']}', was trained with other sizes or spaces than '{batch.env.name}' has "
            "here; give the parameters that it was trained with (params=, --param)"
        )


def acting(actor: Any, seed: int, deterministic: bool) -> Acting:
    """Put an `Actor` in front of a batch."""
    rng = np.random.default_rng(seed)

    def choose(batch: Batch) -> Array:
        return np.asarray(actor.act(batch.obs, batch.action_mask, deterministic, rng, batch.acting)[0])

    return Acting(choose, actor.reset)


def opponent(name: str, env: str, runs_dir: str, seed: int, deterministic: bool) -> Player:
    """Return who is meant by "random", the name of a scripted bot, or a checkpoint or run.

    Raises:
        UnknownName: none of them.
        ArenaError: see `trained`.
    """
    bots = load_env(env).bots
    if name == "random":
        return chance(seed)
    if name in bots:
        return scripted(name)
    try:
        path = find_checkpoint(name, runs_dir)
    except UnknownName:
        raise UnknownName(
            f"opponent '{name}' is no bot of '{env}', no run and no checkpoint; {suggest(name, [*bots, 'random'])}"
        ) from None
    return trained(path, env, seed, deterministic)


def versus(player: Player, other: Player, role: str) -> Player:
    """Return both as one player: `player` in the seats of `role`, or of each role in turn, and `other` in the rest."""

    def prepare(batch: Batch) -> Acting:
        mine = seats(batch, role)
        mine = mine.reshape(*mine.shape, *[1] * (batch.actions.ndim - 2))
        first, second = player.prepare(batch), other.prepare(batch)

        def choose(batch: Batch) -> Array:
            actions = first.choose(batch).copy()  # a bot's are in a buffer that the next bot writes
            return np.where(mine, actions, second.choose(batch))

        def forget(began: Array) -> None:
            first.forget(began)
            second.forget(began)

        return Acting(choose, forget)

    return Player(f"{player.name} against {other.name}", prepare, {**other.params, **player.params})


def find_checkpoint(name: str, runs_dir: str) -> Path:
    """Return a checkpoint's file: `name` itself, or the newest of the run that it names.

    Raises:
        UnknownName: there is no such run.
        ParameterError: the run has no checkpoint.
    """
    if Path(name).is_file():
        return Path(name)
    folder = find_run(name, runs_dir, saved=True)
    found = find_checkpoints(folder)
    if not found:
        raise ParameterError(f"run '{folder}' has no checkpoint yet")
    return found[-1]


def _forget_nothing(began: Array) -> None:
    """Scripted bots and chance remember nothing."""
