"""Exporting: a policy, what it saw and did, where it comes from, in one bot's file."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from puffer_arena.batch.batch import Batch
from puffer_arena.batch.make import make
from puffer_arena.bots import file as bots_file
from puffer_arena.bots.layout import read_leaves
from puffer_arena.bots.model import MOST_EARLIER, Model
from puffer_arena.core.fields import Array
from puffer_arena.errors import ParameterError
from puffer_arena.players.described import describe
from puffer_arena.registry import env_name, load_env, source_digest
from puffer_arena.trainers.actor import CHECKPOINT_KIND, CHECKPOINT_VERSION, Actor, roles_in
from puffer_arena.trainers.config import load_config, pool_names
from puffer_arena.trainers.export.origin import origin_of
from puffer_arena.trainers.export.weights import describe_network, plain_copy
from puffer_arena.trainers.networks.observations import leaf_arrays, leaf_tensors
from puffer_arena.trainers.networks.policy import Policy
from puffer_arena.trainers.runs.tensorfile import read_bytes, unpack

VECTORS = 64  # parity vectors in a file,
EARLIER_VECTORS = 16  # and of each earlier policy in it,
FEWEST_VECTORS = 4
VECTOR_BYTES = 65_536  # beyond which there are fewer of them: pictures would be most of a file
WATCHED_STEPS = 4  # of play between two parity vectors, while the ranges of observations are noted


@dataclass
class Seen:
    """What a policy saw and did in play."""

    vectors: dict[str, Array]
    ranges: list[tuple[list[float], list[float]]]  # of every leaf: least and greatest of its elements


def export_policy(
    policy: Policy, env: str, training: Mapping[str, Any] | None = None, half: bool = False, seed: int = 1
) -> bytes:
    """Return a policy as the bytes of a bot's file, which has been read back and run against its parity vectors.

    Args:
        policy: any that puffer_arena makes.
        env: the id of its environment.
        training: where it comes from, fit for JSON.
        half: store weights in half precision; the bot then is the rounded policy.
        seed: of the play that parity vectors are taken from.

    Raises:
        DefinitionError: its encoder is of the caller's own.
        FileError: the bot does not do what the policy does.
    """
    policy, rules = plain_copy(policy, half), load_env(env)
    about = {
        "env": {"id": env_name(env), "version": rules.version, "rules": source_digest(rules)},
        "params": dict(policy.origin["params"]),
        "masked": rules.action_mask is not None,
        "decision_rate": rules.steps_per_second,
        "training": dict(training or {}),
    }
    return file_of(policy, watch(policy, env, seed), about, half)


def file_of(policy: Policy, seen: Seen, about: Mapping[str, Any], half: bool) -> bytes:
    """Return the file of a policy that `plain_copy` made; see `export_policy`."""
    network, arrays = describe_network(policy, half)
    observation = describe(policy.observation)
    _note_ranges(observation, iter(seen.ranges))
    described = {
        "observation": observation,
        "action": describe(policy.action),
        "network": network,
        "values": list(policy.values),
        "strength": {},
        "levels": [],
    }
    checks = {f"check.{name}": value for name, value in seen.vectors.items()}
    for k, leaf in enumerate(read_leaves(observation)):
        checks[f"check.obs.{k}"] = checks[f"check.obs.{k}"].reshape(-1, *leaf.shape)
    data = bots_file.pack({**described, **about}, {**arrays, **checks})
    Model(data).check()
    return data


def with_measured(data: bytes, measured: Mapping[str, Any]) -> bytes:
    """Return a bot's file with entries of its description replaced, such as "strength"."""
    about, arrays = bots_file.unpack(data, "the bot")
    return bots_file.pack({**about, **measured}, arrays)


def with_earlier(data: bytes, earlier: Sequence[bytes]) -> bytes:
    """Return a bot's file with the policies of earlier checkpoints of its run, which its levels of difficulty may play.

    Args:
        data: the bot.
        earlier: those checkpoints as bots' files, the least trained first.

    Raises:
        ParameterError: one has other spaces or another network, or there are too many.
        FileError: a file is damaged.
    """
    if len(earlier) > MOST_EARLIER:
        raise ParameterError(f"{len(earlier)} earlier checkpoints are given; a bot's file holds at most {MOST_EARLIER}")
    about, arrays = bots_file.unpack(data, "the bot")
    steps, held = [], dict(arrays)
    for k, other in enumerate(earlier):
        theirs, parts = bots_file.unpack(other, f"earlier checkpoint {k}")
        for what in ("network", "values", "observation", "action"):
            if _unseen(theirs[what]) != _unseen(about[what]):
                raise ParameterError(
                    f"earlier checkpoint {k} has another {what} than the bot; give one of the same run"
                )
        for name, part in parts.items():
            if not name.startswith("earlier."):
                held[f"earlier.{k}.{name}"] = part[:EARLIER_VECTORS] if name.startswith("check.") else part
        steps.append({"steps": theirs["training"].get("steps", 0)})
    whole = bots_file.pack({**about, "earlier": steps}, held)
    Model(whole).check()
    return whole


def _unseen(tree: Any) -> Any:
    """Return a part of a description without the ranges that were seen in play."""
    if isinstance(tree, dict):
        return {name: _unseen(part) for name, part in tree.items() if name != "seen"}
    return [_unseen(part) for part in tree] if isinstance(tree, list) else tree


def export_file(path: str | Path, env: str = "", half: bool = False, seed: int = 1, role: str = "") -> bytes:
    """Return a checkpoint's or policy's file as the bytes of a bot's file.

    Args:
        env: needed unless the environment comes with puffer_arena; see `Actor.load`.
        half, seed: see `export_policy`.
        role: whose policy, of a checkpoint in which each role has its own.

    Raises:
        ArenaError: see `Actor.load` and `export_policy`.
    """
    data = read_bytes(path)
    policy = Actor.load(path, env, role=role).policy
    training: dict[str, Any] = {}
    if b'"puffer_arena checkpoint"' in data[: 1 << 20]:
        _, _, about = unpack(data, {CHECKPOINT_KIND: CHECKPOINT_VERSION}, f"'{path}'")
        if roles_in(about) and not role:
            raise ParameterError(
                f"in '{path}' each role has a policy; choose one: --role {' or '.join(roles_in(about))}"
            )
        training = origin_of(about, str(policy.origin["env"]), f"'{path}'")
    return export_policy(policy, str(policy.origin["env"]), training, half, seed)


def meets_scripted(env: str) -> bool:
    """Tell whether training meets a scripted bot: it is games against that which say how good a policy is."""
    return any(name.startswith("bot:") for name in pool_names(load_config(env).opponent.pool))


def watch(policy: Policy, env: str, seed: int) -> Seen:
    """Let a policy play, and keep observations, states and outputs from all along its episodes."""
    rows = min(VECTORS, load_env(env).usual_rows)  # fewer where steps are dear
    with make(env, num_envs=rows, seed=seed, **policy.origin["params"]) as batch:
        return _watch(policy, batch, seed)


@torch.inference_mode()
def _watch(policy: Policy, batch: Batch, seed: int) -> Seen:
    shape = batch.obs.shape[1 + bool(batch.num_agents) :]
    rows = batch.num_envs * max(batch.num_agents, 1)
    state, head = policy.initial_state(rows), policy.head
    noise = torch.Generator().manual_seed(seed)
    kept: dict[str, list[Array]] = {}
    ranges: list[Any] = []
    for step in range(VECTORS * WATCHED_STEPS):
        obs = np.ascontiguousarray(batch.obs).reshape(rows, *shape)
        outputs, values, after = policy(leaf_tensors(policy.observation, obs), state)
        _widen(ranges, leaf_arrays(policy.observation, obs))
        if step % WATCHED_STEPS == step // WATCHED_STEPS % WATCHED_STEPS:  # at any step of short episodes
            row = (step // WATCHED_STEPS) * max(batch.num_agents, 1) % rows
            row += step % max(batch.num_agents, 1)
            parts = {f"obs.{k}": part[row] for k, part in enumerate(leaf_arrays(policy.observation, obs))}
            parts["outputs"] = torch.cat([outputs[row], values[row]]).numpy()
            parts |= {f"state.{name}": part[row].numpy() for name, part in state.items()}
            parts |= {f"next.{name}": part[row].numpy() for name, part in after.items()}
            for name, part in parts.items():
                kept.setdefault(name, []).append(np.array(part))
        mask = torch.from_numpy(batch.action_mask.reshape(rows, -1).copy()) if batch.num_choices else None
        drawn = head.draw_noise(
            (rows,),
            lambda shape: torch.rand(shape, generator=noise).numpy(),
            lambda shape: torch.randn(shape, generator=noise).numpy(),
        )
        chosen = head.sample(outputs, torch.from_numpy(drawn), mask)
        batch.step(head.to_env(chosen.numpy()).reshape(batch.actions.shape))
        began = torch.from_numpy(np.repeat(batch.began.reshape(-1), rows // batch.began.size))
        state = {name: torch.where(began[:, None], 0.0, part) for name, part in after.items()}
    apart = math.ceil(sum(part.nbytes for parts in kept.values() for part in parts) / VECTOR_BYTES)
    vectors = {name: np.stack(parts[:: min(apart, VECTORS // FEWEST_VECTORS)]) for name, parts in kept.items()}
    return Seen(vectors, [(low.tolist(), high.tolist()) for low, high in ranges])


def _widen(ranges: list[Any], parts: list[Array]) -> None:
    """Let ranges take in more observations; those of absent agents, all zeros, are among them."""
    for k, part in enumerate(parts):
        flat = part.reshape(len(part), -1).astype(np.float64)
        low, high = flat.min(0), flat.max(0)
        if k == len(ranges):
            ranges.append((low, high))
        else:
            ranges[k] = np.minimum(ranges[k][0], low), np.maximum(ranges[k][1], high)


def _note_ranges(tree: dict[str, Any], ranges: Any) -> None:
    """Write into a description what its leaves' ranges were; codes have theirs by nature."""
    if "parts" in tree:
        parts = tree["parts"]
        for part in parts.values() if isinstance(parts, dict) else parts:
            _note_ranges(part, ranges)
        return
    low, high = next(ranges)
    if tree["kind"] == "box" and not tree["codes"]:
        is_picture = tree["dtype"] == "uint8" and len(tree["shape"]) == 3
        tree["seen"] = [min(low), max(high)] if is_picture else [low, high]
