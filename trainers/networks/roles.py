"""A policy for agents of several roles whose spaces differ: one of its own for each role, with or without a shared trunk.

Observations carry their agent's role (`core.roles.Roles`), and so do the outputs and actions made of them here, each
in a last column; so whoever works on rows of agents, in whatever order, needs to know nothing of roles.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from puffer_arena.core.actions import action_dtype, choice_sizes, role_words
from puffer_arena.core.composites import leaves
from puffer_arena.core.fields import Array
from puffer_arena.core.roles import WORD, Roles, space_of, within
from puffer_arena.core.spaces import Space
from puffer_arena.errors import ParameterError
from puffer_arena.trainers.config import Network
from puffer_arena.trainers.networks.decision import DecisionPolicy
from puffer_arena.trainers.networks.encoder import Encoder
from puffer_arena.trainers.networks.heads import Draw, Head, columns
from puffer_arena.trainers.networks.memory import State
from puffer_arena.trainers.networks.policy import Central, MakeEncoder, Policy, Tower
from puffer_arena.trainers.networks.world import WorldPolicy


def build_policy_of(
    observation: Space,
    action: Space,
    network: Network,
    origin: Mapping[str, Any] | None = None,
    values: Sequence[str] = ("value",),
    make_encoder: MakeEncoder | None = None,
    central: Central | None = None,
) -> Policy:
    """Return the policy for some spaces: see `Policy`, or `RolesPolicy` where each role has its own.

    With network.memory = "transformer" it is a `DecisionPolicy`, with "rssm" a `WorldPolicy`.
    """
    kind: type[Policy] = RolesPolicy if isinstance(observation, Roles) else Policy
    if kind is Policy:
        kind = {"transformer": DecisionPolicy, "rssm": WorldPolicy}.get(network.memory, Policy)
    return kind(observation, action, network, origin, values, make_encoder, central)


class RolesHead(Head):
    """The heads of all roles; what it is given and gives has the role's number in its last column.

    `noise` is that of every head, side by side, so that numbers drawn do not depend on who is where.
    """

    numbers = np.float32

    def __init__(self, action: Space, heads: Mapping[str, Head]) -> None:
        super().__init__()
        self.action, self.roles, self.heads = action, list(heads), tuple(heads.values())  # weights are the policies'
        self.width = max(head.width for head in self.heads) + 1
        self.components = max(head.components for head in self.heads) + 1
        self.sizes = choice_sizes(action)

    def draw_noise(self, leading: tuple[int, ...], uniform: Draw, normal: Draw) -> Array:
        return np.concatenate([head.draw_noise(leading, uniform, normal) for head in self.heads], -1)

    def _rows(self, outputs: Tensor) -> list[tuple[Head, Tensor, Tensor]]:
        """Return every role's head with the numbers of its rows and their outputs."""
        role = outputs[:, -1].round().long()
        rows = [(role == k).nonzero().squeeze(-1) for k in range(len(self.heads))]
        return [(head, own, outputs[own, : head.width]) for head, own in zip(self.heads, rows, strict=True)]

    def _mask(self, head: Head, mask: Tensor | None, rows: Tensor) -> Tensor | None:
        return mask[rows, : sum(head.sizes)] if mask is not None and head.sizes else None

    def _collect(self, outputs: Tensor, chosen: list[tuple[Head, Tensor, Tensor]]) -> Tensor:
        actions = torch.zeros(len(outputs), self.components, device=outputs.device)
        for head, rows, own in chosen:
            actions[rows, : head.components] = own.float()
        actions[:, -1] = outputs[:, -1].float()
        return actions

    def sample(self, outputs: Tensor, noise: Tensor, mask: Tensor | None) -> Tensor:
        draws = columns(noise, [head.components for head in self.heads])
        each = zip(self._rows(outputs), draws, strict=True)
        return self._collect(
            outputs,
            [(head, own, head.sample(out, d[own], self._mask(head, mask, own))) for (head, own, out), d in each],
        )

    def best(self, outputs: Tensor, mask: Tensor | None) -> Tensor:
        each = self._rows(outputs)
        return self._collect(outputs, [(h, own, h.best(out, self._mask(h, mask, own))) for h, own, out in each])

    def evaluate(self, outputs: Tensor, actions: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        kind = torch.float32 if outputs.dtype == torch.bfloat16 else outputs.dtype
        log_probs = torch.zeros(len(outputs), dtype=kind, device=outputs.device)
        entropies = torch.zeros_like(log_probs)
        for head, rows, own in self._rows(outputs):
            chosen = actions[rows, : head.components]
            log_prob, entropy = head.evaluate(own, chosen, self._mask(head, mask, rows))
            log_probs, entropies = log_probs.index_copy(0, rows, log_prob), entropies.index_copy(0, rows, entropy)
        return log_probs, entropies

    def probabilities(self, outputs: Tensor, mask: Tensor | None) -> Tensor | None:
        found = [(rows, h.probabilities(out, self._mask(h, mask, rows))) for h, rows, out in self._rows(outputs)]
        known = [(rows, probs) for rows, probs in found if probs is not None]
        if not known:
            return None
        shares = outputs.new_zeros(len(outputs), max(probs.shape[-1] for _, probs in known), dtype=torch.float32)
        for rows, probs in known:
            shares[rows, : probs.shape[-1]] = probs
        return shares

    def to_env(self, actions: Array) -> Array:
        if not isinstance(self.action, Roles):
            return self.heads[0].to_env(actions[:, :-1])  # heads of one kind, as the space is one
        role = actions[:, -1].astype(np.int64)
        taken: Any = np.zeros(len(actions), action_dtype(self.action))
        for k, (name, head) in enumerate(zip(self.roles, self.heads, strict=True)):
            rows = np.flatnonzero(role == k)
            own: Array = np.zeros(len(rows), taken.dtype)
            kind = within(action_dtype(self.action.spaces[name]), WORD * (role_words(self.action) + 1), WORD)
            value = own.view(kind)["value"]
            value[...] = head.to_env(actions[rows, : head.components]).reshape(value.shape)
            taken[rows] = own
        taken["role"] = role
        return np.asarray(taken)


class RolesPolicy(Policy):
    """A policy for each role; with `network.roles = "shared"` all but first and last layers are those of the first.

    Attributes:
        members: role -> its policy.
    """

    def __init__(
        self,
        observation: Space,
        action: Space,
        network: Network,
        origin: Mapping[str, Any] | None = None,
        values: Sequence[str] = ("value",),
        make_encoder: MakeEncoder | None = None,
        central: Central | None = None,
    ) -> None:
        nn.Module.__init__(self)
        self.central = central
        if network.value_bins:
            raise ParameterError("network.value_bins is for games whose roles share their spaces; set it to 0")
        assert isinstance(observation, Roles)  # or `build_policy_of` would have made another
        self.observation, self.action, self.network = observation, action, network
        self.origin, self.values, self.critic = dict(origin or {}), tuple(values), None
        made = {
            role: Policy(space, space_of(action, role), network, origin, values, make_encoder, central)
            for role, space in observation.spaces.items()
        }
        self.each = nn.ModuleDict(made)
        if network.roles == "shared":
            first, *others = made.values()
            for other in others:
                for name, tower in other.towers.items():
                    share_trunk(first.towers[name], tower)
        self.head = RolesHead(action, {role: policy.head for role, policy in made.items()})
        self.readers = [LeafReader(space) for space in observation.spaces.values()]

    @property
    def members(self) -> dict[str, Policy]:
        """The policy of every role."""
        return dict(self.each.items())  # type: ignore[arg-type]  # made of policies

    @property
    def first(self) -> Policy:
        """The first role's policy; the memories of all are alike."""
        return next(iter(self.members.values()))

    @property
    def towers(self) -> dict[str, Tower]:
        return {f"{role}.{name}": tower for role, own in self.members.items() for name, tower in own.towers.items()}

    @property
    def is_recurrent(self) -> bool:
        return self.first.is_recurrent

    @property
    def memory(self) -> Any:
        return self.first.memory

    @property
    def state_spec(self) -> dict[str, tuple[int, ...]]:
        return self.first.state_spec

    def initial_state(self, rows: int) -> State:
        return self.first.initial_state(rows)

    def forward(
        self, obs: list[Tensor], state: Mapping[str, Tensor], central: Sequence[Tensor] = ()
    ) -> tuple[Tensor, Tensor, State]:
        role, data = obs
        parts, new = [], dict(state)
        for k, policy, rows in self._of_each(role):
            own = {name: part[rows] for name, part in state.items()}
            outputs, values, after = policy(self.readers[k](data[rows]), own, [part[rows] for part in central])
            parts.append((rows, outputs, values))
            new = {name: part.index_copy(0, rows, after[name].to(part.dtype)) for name, part in new.items()}
        return (*self._gather(role.to(parts[0][1].dtype), parts, 0), new)

    def sequence(
        self,
        obs: list[Tensor],
        state: Mapping[str, Tensor],
        began: Tensor,
        acting: Tensor | None = None,
        central: Sequence[Tensor] = (),
    ) -> tuple[Tensor, Tensor]:
        role, data = obs
        parts = []
        for k, policy, rows in self._of_each(role[0]):  # a stream is one agent's, whose role stays
            flat = self.readers[k](data[:, rows].flatten(0, 1))
            over_time = [part.view(len(role), len(rows), *part.shape[1:]) for part in flat]
            own = {name: part[rows] for name, part in state.items()}
            moves = None if acting is None else acting[:, rows]
            seen = [part[:, rows] for part in central]
            parts.append((rows, *policy.sequence(over_time, own, began[:, rows], moves, seen)))
        return self._gather(role.to(parts[0][1].dtype), parts, 1)

    def _of_each(self, role: Tensor) -> list[tuple[int, Policy, Tensor]]:
        """Return number, policy and rows of every role that has any."""
        found = [(k, own, (role == k).nonzero().squeeze(-1)) for k, own in enumerate(self.members.values())]
        return [each for each in found if len(each[2])]

    def _gather(self, role: Tensor, parts: list[tuple[Tensor, Tensor, Tensor]], axis: int) -> tuple[Tensor, Tensor]:
        """Put what the roles' policies made of their rows back in order, the role's number behind it."""
        kind, shape = parts[0][1].dtype, role.shape
        outputs = torch.zeros(*shape, self.head.width - 1, dtype=kind, device=role.device)
        values = torch.zeros(*shape, len(self.values), dtype=kind, device=role.device)
        for rows, out, value in parts:
            wide = nn.functional.pad(out, (0, self.head.width - 1 - out.shape[-1]))
            outputs, values = outputs.index_copy(axis, rows, wide), values.index_copy(axis, rows, value)
        return torch.cat([outputs, role[..., None]], -1), values

    def watch(self, obs: list[Tensor], central: Sequence[Tensor] = ()) -> None:
        role, data = obs
        for k, policy, rows in self._of_each(role):
            policy.watch(self.readers[k](data[rows]), [part[rows] for part in central])


class LeafReader:
    """Reads a role's observation, stored as bytes, as one tensor for each leaf."""

    def __init__(self, space: Space) -> None:
        self.parts = []
        for path, leaf in leaves(space):
            dtype, begin = space.dtype, 0
            for name in path:
                fields: Any = dtype.fields
                dtype, offset = fields[name][:2]
                begin += offset
            kind = torch.from_numpy(np.zeros(0, leaf.dtype.base)).dtype
            shape = leaf.dtype.shape
            self.parts.append((begin, begin + leaf.dtype.base.itemsize * math.prod(shape), kind, shape))

    def __call__(self, data: Tensor) -> list[Tensor]:
        """Return the leaves of observations (rows, bytes)."""
        return [data[:, a:b].contiguous().view(kind).reshape(len(data), *shape) for a, b, kind, shape in self.parts]


def share_trunk(first: Tower, other: Tower) -> None:
    """Give a tower the hidden layers and the memory of another; both have the sizes of one config."""
    if isinstance(first.encoder, Encoder) and isinstance(other.encoder, Encoder):
        lend(first.encoder, other.encoder, "hidden")
    if first.memory is not None and first.encoder.width == other.encoder.width:
        lend(first, other, "memory")


def lend(owner: nn.Module, other: nn.Module, name: str) -> None:
    """Let a module use a part of another's, which stays the owner's: files hold its weights once."""
    delattr(other, name)
    object.__setattr__(other, name, getattr(owner, name))
