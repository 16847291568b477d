"""Policies of runs and checkpoints as players: what `puffer_arena.players.names` opens them with."""

import sys
from pathlib import Path
from typing import Any

import numpy as np

from puffer_arena.batch.batch import Batch
from puffer_arena.batch.seats import belongs
from puffer_arena.core.actions import blank_actions
from puffer_arena.core.fields import Array
from puffer_arena.errors import FileError, ParameterError, TrainingError, UnknownName, suggest
from puffer_arena.players.player import UNKNOWN, Acting, Player, Thoughts, merge_thoughts
from puffer_arena.registry import is_edited
from puffer_arena.trainers.actor import CHECKPOINT_KIND, CHECKPOINT_VERSION, Actor, roles_in
from puffer_arena.trainers.runs.find import find_checkpoint
from puffer_arena.trainers.runs.tensorfile import read_bytes, unpack

MEMBER = "#"  # between a run and a member of its pool
MOST_HEADER = 1 << 20  # bytes of a file in which its kind must be said


def run_player(name: str, env: str, runs_dir: str, seed: int, deterministic: bool) -> Player:
    """Return the newest policy of a run; by RUN#MEMBER a snapshot in its pool of opponents.

    Raises:
        UnknownName: there is no such run, or no such member of its pool.
        ArenaError: it has no checkpoint; or see `policy_player`.
    """
    run, mark, member = name.partition(MEMBER)
    path = find_checkpoint(run, runs_dir)
    if not mark:
        return policy_player(path, env, seed, deterministic)
    return actor_player(Actor.load(pool_policy(path, member), env), name, seed, deterministic)


def pool_policy(path: Path, member: str) -> bytes:
    """Return the policy of a member of the pool in a checkpoint; ROLE/MEMBER of the second role's, where each has its own.

    Raises:
        UnknownName: there is no such member, or it is no policy.
        FileError: it is damaged.
    """
    _, tensors, about = unpack(read_bytes(path), {CHECKPOINT_KIND: CHECKPOINT_VERSION}, f"'{path}'")
    try:
        members = _keys_of(about)
    except (AttributeError, KeyError, TypeError) as error:
        raise FileError(f"'{path}' is damaged: its league lacks {error}") from None
    kept = {name: key for name, key in members.items() if key in tensors}
    if member not in kept:
        raise UnknownName(f"'{path}' has no policy '{member}' in its pool; {suggest(member, kept)}")
    return tensors[kept[member]].numpy().tobytes()


def _keys_of(about: dict[str, Any]) -> dict[str, str]:
    """Return where a checkpoint holds the policies of its pools, by the members' names as in the metrics."""
    found: dict[str, str] = {}
    for k, (role, part) in enumerate(about.get("parts", {"": about}).items()):
        before, prefix = (f"{role}/", f"role.{role}/") if k else ("", "")
        members = part.get("league", {}).get("members", [])
        found |= {f"{before}{each['name']}": f"{prefix}league/{each['serial']}" for each in members}
    return found


def policy_env(path: Path) -> str:
    """Return the environment that the policy of a checkpoint learned in.

    Raises:
        ArenaError: see `Actor.load`.
    """
    return str(Actor.load(path).policy.origin["env"])


def policy_player(path: Path, env: str, seed: int, deterministic: bool) -> Player:
    """Return the policy of a checkpoint; say so where the environment's source has changed since.

    Raises:
        ArenaError: it is damaged, or of another environment than `env`.
    """
    roles = checkpoint_roles(path)
    policy = Actor.load(path, env).policy
    origin = policy.origin
    if is_edited(str(origin["rules"]), env):
        print(f"the source of environment '{env}' has changed since '{path}' was trained", file=sys.stderr)

    def prepare(batch: Batch) -> Acting:
        actors = [Actor.load(path, env, role=role) for role in roles or [""]]
        for actor in actors:
            check_spaces(actor.policy, batch)
        each = [acting(actor, seed + k, deterministic, str(path)) for k, actor in enumerate(actors)]
        return by_role(batch, dict(zip(roles, each, strict=True))) if roles else each[0]

    return Player(str(path), prepare, dict(origin["params"]), None if roles else policy)


def checkpoint_roles(path: Path) -> list[str]:
    """Return the roles that have policies of their own in a file; none of any but such checkpoints."""
    data = read_bytes(path)
    if f'"{CHECKPOINT_KIND}"'.encode() not in data[:MOST_HEADER]:
        return []
    return roles_in(unpack(data, {CHECKPOINT_KIND: CHECKPOINT_VERSION}, f"'{path}'")[2])


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

    def thoughts() -> Thoughts:
        return merge_thoughts([(player.thoughts(), seats[role]) for role, player in players.items()])

    return Acting(choose, forget, thoughts=thoughts)


def actor_player(actor: Actor, name: str = "policy", seed: int = 1, deterministic: bool = False) -> Player:
    """Return an actor as a player, whom `players.evaluate` puts in front of batches."""

    def prepare(batch: Batch) -> Acting:
        check_spaces(actor.policy, batch)
        return acting(actor.fresh(), seed, deterministic, name)

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


def acting(actor: Actor, seed: int, deterministic: bool, name: str = "a policy") -> Acting:
    """Put an `Actor` in front of a batch, where it chooses while its network gives finite numbers.

    What it chooses raises TrainingError after that.
    """
    rng = np.random.default_rng(seed)
    thought: Thoughts = UNKNOWN

    def choose(batch: Batch, which: Array | None = None) -> Array:
        nonlocal thought
        actions, probs, values = actor.act(
            batch.obs, batch.action_mask, deterministic, rng, batch.acting, batch.rewards
        )
        numbers = actions if probs is None else probs
        moving = numbers.reshape(batch.acting.size, -1)[batch.acting.reshape(-1)]
        if moving.dtype.kind == "f" and not np.isfinite(moving).all():
            raise TrainingError(f"the network of '{name}' gives numbers that are not finite")
        seats = batch.acting.shape
        thought = (
            None if probs is None else probs.reshape(*seats, -1),
            values.reshape(seats) if np.isfinite(values).all() else None,
        )
        return np.asarray(actions)

    return Acting(choose, actor.reset, thoughts=lambda: thought)
