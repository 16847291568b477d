"""Acting with a finished or growing policy: numpy in, numpy out, no learning."""

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from puffer_arena.core.action_checks import mask_flags
from puffer_arena.core.actions import action_dtype, action_value, count_choices
from puffer_arena.core.fields import Array
from puffer_arena.core.roles import WORD, Roles, space_of, within
from puffer_arena.core.spaces import Space, stored
from puffer_arena.errors import ArenaError, FileError, ParameterError, SpaceError, shown, suggest
from puffer_arena.registry import choose_env, load_env
from puffer_arena.settings import build
from puffer_arena.trainers.config import Network
from puffer_arena.trainers.networks.heads import action_shape
from puffer_arena.trainers.networks.observations import leaf_tensors
from puffer_arena.trainers.networks.policy import POLICY_KIND, POLICY_VERSION, MakeEncoder, Policy, find_central
from puffer_arena.trainers.networks.roles import build_policy_of
from puffer_arena.trainers.runs.tensorfile import read_bytes, unpack

CHECKPOINT_KIND, CHECKPOINT_VERSION = "puffer_arena checkpoint", 2


class Actor:
    """Chooses actions; a recurrent state is kept inside, one per row and agent."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy.eval()
        self._state: dict[str, torch.Tensor] = {}
        self._rows = 0
        self._rng = np.random.default_rng()

    @classmethod
    def load(
        cls, source: str | Path | bytes, env: str = "", make_encoder: MakeEncoder | None = None, role: str = ""
    ) -> "Actor":
        """Load a checkpoint, or what `policy_bytes` returned, from a file or from bytes.

        Args:
            source: a path, or the bytes themselves.
            env: the id of the environment it is of; needed unless that comes with puffer_arena, for nothing that a
                file names is imported.
            make_encoder: what the policy was trained with, if it was not ours.
            role: whose policy it is to be, of a checkpoint in which roles have policies of their own (`roles_in`); the
                first role's by default.

        Raises:
            FileError: damaged, foreign, from a newer version, or not fitting its own environment.
            ParameterError: it is of another environment than `env`, or of one that has to be named.
            UnknownName: nothing answers to `env`.
        """
        data, name = (source, "the policy") if isinstance(source, bytes) else (read_bytes(source), f"'{source}'")
        kinds = {POLICY_KIND: POLICY_VERSION, CHECKPOINT_KIND: CHECKPOINT_VERSION}
        kind, tensors, about = unpack(data, kinds, name)
        if kind == CHECKPOINT_KIND:
            roles = roles_in(about)
            if role and role not in roles:
                raise ParameterError(
                    f"{name} has no policy of role '{role}'; it has {', '.join(roles) or 'one for all'}"
                )
            prefix = f"role.{role}/policy/" if role in roles[1:] else "policy/"
            tensors = {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
            about = _as_policy(about, name)
        return cls(build_policy(about, tensors, name, env, make_encoder))

    def act(
        self,
        obs: Array,
        action_mask: Array | None = None,
        deterministic: bool = False,
        rng: np.random.Generator | None = None,
        acting: Array | None = None,
        rewards: Array | None = None,
    ) -> tuple[Array, Array | None, Array]:
        """Choose actions for stored observations, shaped as `Batch.obs`: (rows[, agents], *shape).

        Where `acting`, as `Batch.acting`, is not set, what is returned means nothing and what is remembered stays.
        `rewards` are those of the step before, as `Batch.rewards`; policies that aim at a return count them.

        Returns:
            The actions as `Batch.step` takes them; the probability of every choice (rows[, agents], choices), or
            None for continuous actions; the values (rows[, agents]), NaN where there is no critic or it reads the global
            state.
        """
        policy, shape = self.policy, stored(self.policy.observation)[1]
        leading = obs.shape[: obs.ndim - len(shape)]
        if obs.shape[len(leading) :] != shape or not leading:
            raise SpaceError(f"observations have shape {obs.shape}; they must be (rows[, agents]) + {shape}")
        rows = int(np.prod(leading))
        if self._rows != rows:
            self._state, self._rows = policy.initial_state(rows), rows
        head = policy.head
        rng = self._rng if rng is None else rng
        noise = head.draw_noise(
            (rows,), lambda shape: rng.random(shape, np.float32), lambda shape: rng.standard_normal(shape, np.float32)
        )
        mask = None
        if action_mask is not None and action_mask.shape[-1]:
            mask = torch.from_numpy(np.array(action_mask, np.bool_).reshape(rows, -1))
        with torch.inference_mode():
            tensors = leaf_tensors(policy.observation, np.ascontiguousarray(obs).reshape(rows, *shape))
            if rewards is not None:
                self._state = policy.rewarded(
                    self._state, torch.from_numpy(np.array(rewards, np.float32).reshape(rows))
                )
            outputs, values, state = policy(tensors, self._state)
            if acting is not None:
                moves = torch.from_numpy(np.array(acting, np.bool_).reshape(rows))
                for name, part in state.items():
                    moves = moves.view(rows, *[1] * (part.dim() - 1))
                    state[name] = torch.where(moves, part, self._state[name])
            chosen = head.best(outputs, mask) if deterministic else head.sample(outputs, torch.from_numpy(noise), mask)
            self._state = policy.acted(state, chosen)
            probs = head.probabilities(outputs, mask)
        actions = head.to_env(chosen.numpy()).reshape(*leading, *action_shape(policy.action))
        return (
            actions,
            None if probs is None else probs.numpy().reshape(*leading, -1),
            (values[:, 0] if policy.values else values.new_full((rows,), math.nan)).numpy().reshape(leading),
        )

    def choose(self, observation: Any, action_mask: Any = None, deterministic: bool = False) -> Any:
        """Choose one action for one observation, both as Gymnasium and PettingZoo have them.

        Args:
            observation: a value of the observation space: an array, a number, a dictionary or a tuple; or PettingZoo's
                {"observation": ..., "action_mask": ...}.  Where each role has a space: such a value of one of them, or
                (role, such a value).
            action_mask: which choices are open, as `info` holds them: (choices,), or such arrays for each part of the
                action; None for all.
            deterministic: take the likeliest action instead of drawing one.

        Raises:
            SpaceError: it does not lie in the observation space, or in those of several roles.
        """
        policy = self.policy
        role, seen = _told_role(policy.observation, observation)
        if isinstance(seen, Mapping) and seen.keys() == {"observation", "action_mask"}:
            seen, action_mask = seen["observation"], seen["action_mask"]
        if role is None and isinstance(policy.observation, Roles):
            role = _only_role(policy.observation, seen)
        observation = seen if role is None else (role, seen)
        if not policy.observation.contains(observation):
            raise SpaceError(f"{shown(observation)} does not lie in the observation space, {policy.observation}")
        dtype, shape = stored(policy.observation)
        row = np.zeros((1, *shape), dtype)
        policy.observation.store(observation, row, 0)
        action, mask = space_of(policy.action, role), None
        if action_mask is not None:
            flags = mask_flags(action, action_mask)
            mask = np.pad(flags, (0, count_choices(policy.action) - len(flags)))[None]
        done = self.act(row, mask, deterministic)[0]
        if isinstance(policy.action, Roles):
            done = done.view(within(action_dtype(action), done.dtype.itemsize, WORD))["value"]
        return action_value(action, done[0])

    def fresh(self) -> "Actor":
        """Return another actor of the same policy, which remembers nothing."""
        return Actor(self.policy)

    def follow(self, older: "Actor") -> None:
        """Go on with what an older policy of the same network remembers of the rows."""
        if older.policy.state_spec == self.policy.state_spec:
            self._state, self._rows = older._state, older._rows

    def remembered(self) -> dict[str, torch.Tensor]:
        """Return what is remembered of the rows, for a checkpoint."""
        return dict(self._state)

    def remember(self, state: dict[str, torch.Tensor], name: str) -> None:
        """Go on with what `remembered` returned.

        Raises:
            FileError: it is of another policy.
        """
        rows = {len(part) for part in state.values()}
        own = self.policy.initial_state(max(rows, default=0))
        _compare(own, state, name)
        self._state, self._rows = state, max(rows, default=0)

    def reset(self, which: Array | None = None) -> None:
        """Forget the recurrent state, of all rows or of those chosen, as `Batch.began`: bool (rows[, agents])."""
        if which is None or not self._rows:
            self._rows = 0
            return
        chosen = np.asarray(which, np.bool_).reshape(-1)
        forgotten = torch.from_numpy(np.repeat(chosen, self._rows // len(chosen)))
        self._state = {name: part.clone() for name, part in self._state.items()}
        for part in self._state.values():
            part[forgotten] = 0.0


def _told_role(space: Space, observation: Any) -> tuple[str | None, Any]:
    """Part an observation into the role that is given before it, None where there is none, and what is seen."""
    is_told = isinstance(space, Roles) and isinstance(observation, tuple) and len(observation) == 2
    if is_told and isinstance(observation[0], str):
        return observation[0], observation[1]
    return None, observation


def _only_role(space: Roles, seen: Any) -> str:
    """Return the role in whose space an observation lies.

    Raises:
        SpaceError: it lies in that of none, or of several.
    """
    roles = [role for role, own in space.spaces.items() if own.contains(seen)]
    if len(roles) != 1:
        where = f"those of {' and '.join(roles)}; say whose it is: (role, observation)" if roles else "that of no role"
        raise SpaceError(f"{shown(seen)} lies in {where}, {space}")
    return roles[0]


def roles_in(about: Mapping[str, Any]) -> list[str]:
    """Return the roles that have policies of their own in a checkpoint, by its description: none where one plays them all."""
    parts = about.get("parts")
    return list(parts) if isinstance(parts, dict) else []


def _as_policy(about: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return a checkpoint's description as `policy_bytes` writes a policy's.

    Raises:
        FileError: something is missing.
    """
    try:
        config = about["config"]
        origin = {"env": config["env"], "params": config["params"], "rules": about["env"]["rules"]}
        return {"origin": origin, "network": config["network"], "values": about["values"]}
    except (KeyError, TypeError) as error:
        raise FileError(f"{name} is damaged: its description lacks {error}") from None


def build_policy(
    about: Mapping[str, Any],
    tensors: dict[str, torch.Tensor],
    name: str,
    env: str = "",
    make_encoder: MakeEncoder | None = None,
) -> Policy:
    """Make a policy for an environment, with the weights in `tensors`.

    Args:
        about: {"origin": see `Policy`, "network": its settings}.
        tensors: the weights, by their names in the policy.
        name: what to call the file in errors.
        env, make_encoder: see `Actor.load`.

    Raises:
        FileError: the description or the weights do not fit the environment.
        ParameterError, UnknownName: see `Actor.load`.
    """
    try:
        network = build(Network, about["network"], "network.")
        values = tuple(str(each) for each in about["values"])
        origin: dict[str, Any] = {"env": "", "params": {}, "rules": ""}
        for key, value in about["origin"].items():
            if key not in origin:
                raise FileError(f"its origin has an unknown '{key}'; {suggest(str(key), origin)}")
            origin[key] = value
        recorded, rules, given = str(origin["env"]), str(origin["rules"]), dict(origin["params"])
    except ArenaError as error:
        raise FileError(f"{name} is damaged: {error}") from None
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise FileError(f"{name} is damaged: its description lacks {error}") from None
    origin["env"] = choose_env(recorded, rules, env, name)
    rules_of = load_env(origin["env"])
    try:
        params = rules_of.build_params(given)
    except ArenaError as error:
        raise FileError(f"{name} does not fit environment '{rules_of.name}': {error}") from None

    def make() -> Policy:
        spaces, central = rules_of.spaces(params), find_central(rules_of, params, network)
        return build_policy_of(*spaces, network, origin, values, make_encoder, central)

    check_sizes(make, tensors, name)
    policy = make()
    load_weights(policy, tensors, name)
    return policy


def check_sizes(make: Callable[[], Policy], tensors: dict[str, torch.Tensor], name: str) -> None:
    """Compare weights with the policy that they are for, before that takes any memory.

    Args:
        make: makes the policy.
        tensors: the weights.
        name: what to call the file in errors.

    Raises:
        FileError: other names or shapes than the policy's.
    """
    with torch.device("meta"):  # shapes without numbers
        own = make().state_dict()
    _compare(own, tensors, name)


def _compare(own: Mapping[str, torch.Tensor], tensors: dict[str, torch.Tensor], name: str) -> None:
    for key in sorted(own.keys() ^ tensors.keys()):
        raise FileError(f"{name} does not fit this environment and network: '{key}' is on one side only")
    for key, value in tensors.items():
        if value.shape != own[key].shape or value.dtype != own[key].dtype:
            raise FileError(
                f"{name} does not fit this environment and network: '{key}' is {_kind(value)}, not {_kind(own[key])}"
            )


def _kind(tensor: torch.Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} of shape {tuple(tensor.shape)}"


def load_weights(policy: nn.Module, tensors: dict[str, torch.Tensor], name: str) -> None:
    """Copy weights into a policy, or another module.

    Raises:
        FileError: other names or shapes than its own, or numbers that are not finite.
    """
    _compare(policy.state_dict(), tensors, name)
    for key, value in tensors.items():
        if not value.isfinite().all():
            raise FileError(f"{name} holds numbers that are not finite in '{key}'")
    policy.load_state_dict(tensors)
