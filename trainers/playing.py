"""Policies of runs and checkpoints as players: what `puffer_arena.players.names` opens them with."""

import sys
from pathlib import Path
from typing import Any

import numpy as np

from puffer_arena.batch.batch import Batch
from puffer_arena.batch.seats import belongs
from puffer_arena.core.actions import blank_actions
from puffer_arena.core.fields import Array
from puffer_arena.errors import ParameterError
from puffer_arena.players.player import Acting, Player
from puffer_arena.registry import is_edited
from puffer_arena.trainers.actor import CHECKPOINT_KIND, CHECKPOINT_VERSION, Actor, roles_in
from puffer_arena.trainers.runs.find import find_checkpoint
from puffer_arena.trainers.runs.tensorfile import read_bytes, unpack

MOST_HEADER = 1 << 20  # bytes of a file in which its kind must be said


def run_player(name: str, env: str, runs_dir: str, seed: int, deterministic: bool) -> Player:
    """Return the newest policy of a run.

    Raises:
        UnknownName: there is no such run.
        ArenaError: it has no checkpoint; or see `policy_player`.
    """
    return policy_player(find_checkpoint(name, runs_dir), env, seed, deterministic)


def policy_player(path: Path, env: str, seed: int, deterministic: bool) -> Player:
    """Return the policy of a checkpoint; say so where the environment's source has changed since.

    Raises:
        ArenaError: it is damaged, or of another environment than `env`.
    """
    data = read_bytes(path)
    roles = checkpoint_roles(data, f"'{path}'")
    policy = Actor.load(data, env).policy
    origin = policy.origin
    if is_edited(str(origin["rules"]), env):
        print(f"the source of environment '{env}' has changed since '{path}' was trained", file=sys.stderr)

    def prepare(batch: Batch) -> Acting:
        actors = [Actor.load(data, env, role=role) for role in roles or [""]]
        for actor in actors:
            check_spaces(actor.policy, batch)
        each = [acting(actor, seed + k, deterministic) for k, actor in enumerate(actors)]
        return by_role(batch, dict(zip(roles, each, strict=True))) if roles else each[0]

    return Player(str(path), prepare, dict(origin["params"]), None if roles else policy)


def checkpoint_roles(data: bytes, name: str) -> list[str]:
    """Return the roles that have policies of their own in the bytes of a file; none of any but such checkpoints."""
    if f'"{CHECKPOINT_KIND}"'.encode() not in data[:MOST_HEADER]:
        return []
    return roles_in(unpack(data, {CHECKPOINT_KIND: CHECKPOINT_VERSION}, name)[2])


def by_role(batch: Batch, players: dict[str, Acting]) -> Acting:
    """Return players of a role each as one."""
    seats = {role: belongs(batch, role) for role in players}

    def choose(batch: Batch, which: Array | None = None) -> Array:
        actions = blank_actions(batch.action, batch.rewards.shape)
        for role, player in players.items():
            actions[:, seats[role]] = player.choose(batch, which)[:, seats[role]]
        return actions

    def forget(began: Array) -> None:
        for player in players.values():
            player.forget(began)

    return Acting(choose, forget)


def actor_player(actor: Actor, name: str = "policy", seed: int = 1, deterministic: bool = False) -> Player:
    """Return an actor as a player, whom `players.evaluate` puts in front of batches."""

    def prepare(batch: Batch) -> Acting:
        check_spaces(actor.policy, batch)
        return acting(actor.fresh(), seed, deterministic)

    return Player(name, prepare, dict(actor.policy.origin["params"]), actor.policy)


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


def acting(actor: Actor, seed: int, deterministic: bool) -> Acting:
    """Put an `Actor` in front of a batch."""
    rng = np.random.default_rng(seed)

    def choose(batch: Batch, which: Array | None = None) -> Array:
        return np.asarray(actor.act(batch.obs, batch.action_mask, deterministic, rng, batch.acting, batch.rewards)[0])

    return Acting(choose, actor.reset)
