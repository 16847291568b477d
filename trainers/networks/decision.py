"""A policy that aims at a return: a causal transformer over the last steps of its episode.

Chen et al. 2021, arXiv 2106.01345.  A step is one token: what is still to be gained, what is seen, and what was done
before it are embedded and added up, where the paper has three tokens a step; what a token knows when it acts is the
same, and attention costs a ninth.  Every layer looks back over `context` steps, by how far away they are (a learned
bias for each head and distance), so that an episode may be of any length.

When it acts, keys and values of the last steps are kept, so that a step costs one token.  They are recurrent state like
any other: arrays of a fixed shape, zero where an episode begins.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from puffer_arena.core.composites import Tuple
from puffer_arena.core.spaces import MultiBinary, Space
from puffer_arena.errors import ParameterError
from puffer_arena.trainers.config import Network
from puffer_arena.trainers.networks.encoder import Encoder
from puffer_arena.trainers.networks.heads import action_features, feature_count, make_head
from puffer_arena.trainers.networks.memory import State
from puffer_arena.trainers.networks.policy import Central, MakeEncoder, Policy

OUT_OF_SIGHT = float("-inf")


class Layer(nn.Module):
    """Attention and a feed-forward layer, each behind a LayerNorm and added to what it saw."""

    def __init__(self, width: int, heads: int, context: int) -> None:
        super().__init__()
        self.heads = heads
        self.before_attention, self.before_forward = nn.LayerNorm(width), nn.LayerNorm(width)
        self.look = nn.Linear(width, 3 * width)
        self.join = nn.Linear(width, width)
        self.widen, self.narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.nearness = nn.Parameter(torch.zeros(heads, context))  # by distance in steps

    def queries(self, tokens: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return queries, keys and values (..., width) of tokens."""
        query, key, value = self.look(self.before_attention(tokens)).chunk(3, -1)
        return query, key, value

    def attend(self, tokens: Tensor, query: Tensor, keys: Tensor, values: Tensor, bias: Tensor) -> Tensor:
        """Return the tokens (rows, T, width) after the layer; keys (rows, S, width), bias (..., heads, T, S)."""
        query, keys, values = (
            part.view(*part.shape[:2], self.heads, -1).transpose(1, 2) for part in (query, keys, values)
        )
        found = functional.scaled_dot_product_attention(query, keys, values, attn_mask=bias)
        tokens = tokens + self.join(found.transpose(1, 2).flatten(2))
        added: Tensor = self.narrow(functional.gelu(self.widen(self.before_forward(tokens))))
        return tokens + added


class Transformer(nn.Module):
    """Layers over tokens (rows, time, width)."""

    def __init__(self, inputs: int, network: Network) -> None:
        super().__init__()
        width, heads, context = network.memory_size, network.heads, network.context
        if width % heads:
            raise ParameterError(f"network.heads = {heads} does not divide network.memory_size = {width}")
        self.width, self.context, self.past = width, context, context - 1
        self.enter = nn.Linear(inputs, width)
        self.layers = nn.ModuleList(Layer(width, heads, context) for _ in range(network.layers))
        self.leave = nn.LayerNorm(width)
        shape = (network.layers, self.past, width)
        self.spec: dict[str, tuple[int, ...]] = {"keys": shape, "values": shape, "time": (1,)}

    def step(self, features: Tensor, state: Mapping[str, Tensor]) -> tuple[Tensor, State]:
        """Return features (rows, width) of the present step, and the next state."""
        tokens = self.enter(features)[:, None]
        kept: dict[str, list[Tensor]] = {"keys": [], "values": []}
        ago = torch.arange(self.past, -1, -1, device=features.device)  # of the keys kept, and of the step itself
        there = ago <= state["time"]  # (rows, context)
        for k, layer in enumerate(self.layers):
            assert isinstance(layer, Layer)  # made above
            query, key, value = layer.queries(tokens)
            keys = torch.cat([state["keys"][:, k], key], 1)
            values = torch.cat([state["values"][:, k], value], 1)
            bias = layer.nearness[:, ago].expand(len(features), -1, -1).masked_fill(~there[:, None], OUT_OF_SIGHT)
            tokens = layer.attend(tokens, query, keys, values, bias[:, :, None])
            kept["keys"].append(keys[:, 1:])
            kept["values"].append(values[:, 1:])
        new = {name: torch.stack(parts, 1) for name, parts in kept.items()}
        return self.leave(tokens)[:, 0], new | {"time": state["time"] + 1.0}

    def sequence(self, features: Tensor) -> Tensor:
        """Return features (time, rows, width) of segments (time, rows, inputs), whose first step is the first known."""
        tokens = self.enter(features).transpose(0, 1)
        at = torch.arange(len(features), device=features.device)
        ago = at[:, None] - at
        seen = (ago >= 0) & (ago < self.context)
        for layer in self.layers:
            assert isinstance(layer, Layer)  # made above
            bias = layer.nearness[:, ago.clamp(0, self.context - 1)].masked_fill(~seen, OUT_OF_SIGHT)
            tokens = layer.attend(tokens, *layer.queries(tokens), bias)
        found: Tensor = self.leave(tokens).transpose(0, 1)
        return found


class DecisionPolicy(Policy):
    """A transformer that is told a return and acts so as to gain it; see the module and `Policy`.

    Attributes:
        target: the return that it aims at, a tensor of one number that may be written.
        scale: what returns are divided by.
    """

    target: Tensor
    scale: Tensor

    def __init__(
        self,
        observation: Space,
        action: Space,
        network: Network,
        origin: Mapping[str, Any] | None = None,
        values: Sequence[str] = (),
        make_encoder: MakeEncoder | None = None,
        central: Central | None = None,
    ) -> None:
        nn.Module.__init__(self)
        if make_encoder is not None:
            raise ParameterError("network.memory = 'transformer' brings an encoder of its own; leave make_encoder out")
        self.observation, self.action, self.network = observation, action, network
        self.origin, self.values, self.central, self.critic = dict(origin or {}), tuple(values), None, None
        self.head = make_head(action, network.head)
        told = MultiBinary(2 + feature_count(self.head))  # to go, whether it has begun, what was done
        self.encoder = Encoder(Tuple((observation, told)), network, network.hidden)
        self.transformer = Transformer(self.encoder.width, network)
        self.output = nn.Linear(network.memory_size, self.head.width)
        nn.init.orthogonal_(self.output.weight, 0.01)
        nn.init.zeros_(self.output.bias)
        self.register_buffer("target", torch.zeros(1))
        self.register_buffer("scale", torch.ones(1))

    @property
    def memory(self) -> Any:
        """What remembers."""
        return self.transformer

    @property
    def towers(self) -> dict[str, Any]:
        """The one that acts."""
        return {"actor": self}

    @property
    def state_spec(self) -> dict[str, tuple[int, ...]]:
        own = {"gained": (1,), "action": (self.head.components,)}
        return {f"actor.{name}": shape for name, shape in (self.transformer.spec | own).items()}

    def initial_state(self, rows: int) -> State:
        return {name: self.output.weight.new_zeros(rows, *shape) for name, shape in self.state_spec.items()}

    def watch(self, obs: list[Tensor], central: Sequence[Tensor] = ()) -> None:
        self.encoder.watch([*obs, self.output.weight.new_zeros(len(obs[0]), 2 + feature_count(self.head))])

    def tell(self, to_go: Tensor, started: Tensor, before: Tensor) -> Tensor:
        """Return what it is told besides what is seen: (..., 2 + numbers of an action).

        Args:
            to_go, started: see `Segments`, (...,).
            before: the last action, (..., components).
        """
        done = action_features(self.head, before) * started[..., None]
        return torch.cat([(to_go / self.scale)[..., None], started[..., None], done], -1)

    def forward(
        self, obs: list[Tensor], state: Mapping[str, Tensor], central: Sequence[Tensor] = ()
    ) -> tuple[Tensor, Tensor, State]:
        time = state["actor.time"][:, 0]
        told = self.tell(self.target - state["actor.gained"][:, 0], (time > 0).float(), state["actor.action"])
        mine = {name: state[f"actor.{name}"] for name in self.transformer.spec}
        features, new = self.transformer.step(self.encoder([*obs, told]), mine)
        outputs = self.output(features)
        after = dict(state) | {f"actor.{name}": part for name, part in new.items()}
        return outputs, outputs.new_zeros(len(outputs), 0), after

    def outputs_of(self, obs: list[Tensor], told: Tensor) -> Tensor:
        """Return the head's inputs (time, rows, width) for segments: leaves and `tell`'s, (time, rows, ...)."""
        time, rows = told.shape[:2]
        features = self.encoder([part.flatten(0, 1) for part in (*obs, told)]).view(time, rows, -1)
        found: Tensor = self.output(self.transformer.sequence(features))
        return found

    def rewarded(self, state: State, rewards: Tensor) -> State:
        going = (state["actor.time"] > 0).float()  # the last reward of an episode before is none of this one
        return dict(state) | {"actor.gained": state["actor.gained"] + going * rewards[:, None]} if state else state

    def acted(self, state: State, actions: Tensor) -> State:
        return dict(state) | {"actor.action": actions.float()}
