"""The policy: from observations to a distribution over actions, and values."""

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from puffer_arena.core.composites import Tuple
from puffer_arena.core.env import Env
from puffer_arena.core.spaces import Discrete, Space
from puffer_arena.errors import ParameterError
from puffer_arena.trainers.config import Network
from puffer_arena.trainers.networks.bins import mean_of
from puffer_arena.trainers.networks.encoder import Encoder
from puffer_arena.trainers.networks.heads import Greedy, make_head
from puffer_arena.trainers.networks.memory import Memory, State, make_memory
from puffer_arena.trainers.runs.tensorfile import pack

POLICY_KIND, POLICY_VERSION = "puffer_arena policy", 2

MakeEncoder = Callable[[Space, Network], nn.Module]  # has `width`; takes leaves (rows, ...), gives (rows, width)


class Central(NamedTuple):
    """What a central critic sees besides the observation of the agent whose value it predicts.

    Yu et al. 2022, arXiv 2103.01955, section 4: the agent-specific global state.
    """

    state: Space  # the global state
    seats: int  # agents in a row, of which it is told the one; 0 in a solo environment

    @property
    def space(self) -> Tuple:
        """The global state and the agent's number, as the critic takes them."""
        return Tuple((self.state, *([Discrete(self.seats)] if self.seats else [])))


def find_central(env: Env, params: Any, network: Network) -> Central | None:
    """Return what the critic of `network` sees of the global state; None where it sees as much as the policy."""
    state = env.state_space(params) if network.critic == "state" else None
    return None if state is None else Central(state, len(env.agent_ids(params)))


class Tower(nn.Module):
    """Encoder, recurrent layer where there is one, and a linear layer to `outputs` numbers."""

    def __init__(self, encoder: nn.Module, network: Network, outputs: int) -> None:
        super().__init__()
        self.encoder = encoder
        features = int(encoder.width)  # type: ignore[arg-type]  # encoders say how wide they are
        self.memory: Memory | None = make_memory(network.memory, features, network.memory_size)
        self.output = nn.Linear(features if self.memory is None else self.memory.size, outputs)
        nn.init.zeros_(self.output.bias)

    @property
    def spec(self) -> dict[str, tuple[int, ...]]:
        """Shapes of the recurrent state's arrays, without rows."""
        return {} if self.memory is None else self.memory.spec

    def forward(self, obs: list[Tensor], state: Mapping[str, Tensor]) -> tuple[Tensor, State]:
        """Return outputs (rows, outputs) and the next state."""
        features, new = self.encoder(obs), dict(state)
        if self.memory is not None:
            features, new = self.memory(features, state)
        return self.project(features), new

    def sequence(
        self, obs: list[Tensor], state: Mapping[str, Tensor], began: Tensor, acting: Tensor | None = None
    ) -> Tensor:
        """Return outputs (time, rows, outputs); leaves are (time, rows, ...)."""
        assert self.memory is not None
        time, rows = began.shape
        features = self.encoder([part.flatten(0, 1) for part in obs]).view(time, rows, -1)
        features = self.memory.sequence(features, state, began, acting)
        return self.project(features.flatten(0, 1)).view(time, rows, -1)

    def project(self, features: Tensor) -> Tensor:
        """The linear layer, in float32 even under autocast: values need more digits than bfloat16 has."""
        with torch.autocast(features.device.type, enabled=False):
            outputs: Tensor = self.output(features.to(self.output.weight.dtype))
        return outputs


class Policy(nn.Module):
    """A tower for actions, and one for values unless they share it.

    Args:
        origin: for which environment: {"env": id, "params": {...}, "rules": digest of its source}.
        values: names of what the critic predicts.
        make_encoder: an encoder in place of our own.
        central: what a critic that reads the global state sees.
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
        super().__init__()
        self.central = central
        self.observation, self.action, self.network = observation, action, network
        self.origin, self.values = dict(origin or {}), tuple(values)
        self.head = make_head(action, network.head)
        make = make_encoder or (lambda space, settings: Encoder(space, settings, settings.hidden))
        # Who acts by the values of choices has a critic in them.
        self.is_greedy = isinstance(self.head, Greedy)
        shared = network.critic == "shared" and not self.is_greedy
        valued = len(self.values) * max(network.value_bins, 1)
        self.actor = Tower(make(observation, network), network, self.head.width + valued * shared)
        self.critic: Tower | None = None
        if network.critic != "shared":
            if self.is_greedy:
                raise ParameterError(
                    "network.head = 'greedy' has no critic of its own: leave network.critic at 'shared'"
                )
            own = dataclasses.replace(network, hidden=network.critic_hidden or network.hidden)
            seen = observation if central is None else Tuple((central.space, observation))
            self.critic = Tower(make(seen, own), own, valued)
        nn.init.orthogonal_(self.actor.output.weight[: self.head.width], 0.01)
        valuing = self.actor.output.weight[self.head.width :] if self.critic is None else self.critic.output.weight
        if len(valuing):
            nn.init.orthogonal_(valuing, 1.0)

    @property
    def towers(self) -> dict[str, Tower]:
        """The towers by name; outputs side by side are the head's inputs, then the values."""
        return {"actor": self.actor} if self.critic is None else {"actor": self.actor, "critic": self.critic}

    @property
    def memory(self) -> Memory | None:
        """The recurrent layer of the actions' tower."""
        return self.actor.memory

    @property
    def is_recurrent(self) -> bool:
        """Whether it remembers."""
        return self.memory is not None

    @property
    def state_spec(self) -> dict[str, tuple[int, ...]]:
        """Shapes of the recurrent state's arrays, without rows; empty without memory."""
        return {f"{name}.{part}": shape for name, tower in self.towers.items() for part, shape in tower.spec.items()}

    def initial_state(self, rows: int) -> State:
        """Return the state at an episode's start: arrays (rows, *shape)."""
        weight = self.actor.output.weight
        return {name: weight.new_zeros(rows, *shape) for name, shape in self.state_spec.items()}

    def rewarded(self, state: State, rewards: Tensor) -> State:
        """Return the state once the rewards (rows,) of the step before are known; ours do not ask for them."""
        return state

    def acted(self, state: State, actions: Tensor) -> State:
        """Return the state once the actions (rows, components) are drawn; it matters to whoever remembers them."""
        return state

    def seen_by(self, tower: str, obs: list[Any], central: Sequence[Any]) -> list[Any]:
        """Return the leaves that a tower takes, from those of observations and of what a central critic sees."""
        return [*central, *obs] if tower == "critic" and self.central is not None else obs

    def forward(
        self, obs: list[Tensor], state: Mapping[str, Tensor], central: Sequence[Tensor] = ()
    ) -> tuple[Tensor, Tensor, State]:
        """Return the head's inputs (rows, width), values (rows, values) and the next state.

        Values are NaN where the critic reads the global state and `central` is empty, as for who only acts.
        """
        outputs: list[Tensor] = []
        new: State = {}
        for name, tower in self.towers.items():
            mine = part_of(state, name)
            if name == "critic" and self.central is not None and not central:
                out, after = outputs[0].new_full((len(outputs[0]), len(self.values)), math.nan), mine
            else:
                out, after = tower(self.seen_by(name, obs, central), mine)
            outputs.append(out)
            new |= {f"{name}.{key}": value for key, value in after.items()}
        return (*self.split(torch.cat(outputs, -1) if len(outputs) > 1 else outputs[0]), new)

    def sequence(
        self,
        obs: list[Tensor],
        state: Mapping[str, Tensor],
        began: Tensor,
        acting: Tensor | None = None,
        central: Sequence[Tensor] = (),
    ) -> tuple[Tensor, Tensor]:
        """Run over time: leaves (time, rows, ...); `began` and `acting` (time, rows) as `Memory.sequence` takes them.

        Returns:
            The head's inputs (time, rows, width) and values (time, rows, values).
        """
        outputs = [
            tower.sequence(self.seen_by(name, obs, central), part_of(state, name), began, acting)
            for name, tower in self.towers.items()
        ]
        return self.split(torch.cat(outputs, -1))

    def watch(self, obs: list[Tensor], central: Sequence[Tensor] = ()) -> None:
        """Let encoders that normalize their quantities see more of them."""
        for name, tower in self.towers.items():
            watch: Any = getattr(tower.encoder, "watch", None)
            if watch is not None:
                watch(self.seen_by(name, obs, central))

    def split(self, outputs: Tensor) -> tuple[Tensor, Tensor]:
        """Split outputs into the head's inputs and the values: of choices, the best one's.

        Where values are in bins, their logits follow the values, (..., values + values * bins).
        """
        if self.is_greedy:
            return outputs, outputs.amax(-1, keepdim=True)[..., : len(self.values)]
        if self.network.value_bins and self.values:
            logits = outputs[..., self.head.width :]
            each = logits.reshape(*logits.shape[:-1], len(self.values), self.network.value_bins).float()
            return outputs[..., : self.head.width], torch.cat([mean_of(each, self.network.value_reach), logits], -1)
        return outputs[..., : self.head.width], outputs[..., self.head.width :]


def part_of(state: Mapping[str, Any], tower: str) -> dict[str, Any]:
    """Return a tower's part of a policy's state."""
    prefix = f"{tower}."
    return {name.removeprefix(prefix): part for name, part in state.items() if name.startswith(prefix)}


def matrix_flops(policy: Policy, epochs: int = 1, dense_codes: bool = True) -> float:
    """Count the floating-point operations of matrix products per step of one agent, acting and learning.

    A product (1, a) x (a, b) is 2ab; its backward pass is twice that, once for a first layer, whose input needs
    no gradient.  `dense_codes` counts one-hot layers as full products, all codes included; else as nothing.
    """
    total = 0.0
    for tower in policy.towers.values():
        encoder: Any = tower.encoder
        for layer in encoder.inputs:
            sizes: Any = getattr(layer, "sizes", None)
            if sizes is None:
                weights = sum(parameter.numel() for parameter in layer.parameters() if parameter.dim() == 2)
            else:
                weights = sum(sizes) * layer.weight.shape[1] if dense_codes else 0
            total += 2.0 * weights * (1 + 2 * epochs)
        later = [*encoder.hidden, tower.output, *([tower.memory] if tower.memory is not None else [])]
        weights = sum(p.numel() for module in later for p in module.parameters() if p.dim() == 2)
        total += 2.0 * weights * (1 + 3 * epochs)
    roles = len({name.rpartition(".")[0] for name in policy.towers})  # each row goes through the towers of one
    return total / roles


def policy_bytes(policy: Policy) -> bytes:
    """Return the policy as safetensors, with its environment and network in the header: see `Actor.load`."""
    about = {"origin": policy.origin, "network": dataclasses.asdict(policy.network), "values": list(policy.values)}
    return pack(POLICY_KIND, POLICY_VERSION, policy.state_dict(), about)


def parameter_count(policy: Policy) -> int:
    """Return how many weights there are."""
    return sum(math.prod(parameter.shape) for parameter in policy.parameters())
