"""The policy: a network from observations to a distribution over actions and a value."""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from puffer_arena.core.spaces import Space
from puffer_arena.trainers.config import Network
from puffer_arena.trainers.heads import make_head
from puffer_arena.trainers.networks import Encoder, Memory
from puffer_arena.trainers.tensorfile import pack

POLICY_KIND, POLICY_VERSION = "puffer_arena policy", 1


class Policy(nn.Module):
    """Encoder, optional memory, and one linear layer whose last output is the value."""

    def __init__(
        self, observation: Space, action: Space, network: Network, origin: Mapping[str, Any] | None = None
    ) -> None:
        """Make the network; `origin` says for which environment: {"env": id, "params": {...}, "rules": digest}."""
        super().__init__()
        self.observation, self.action, self.network = observation, action, network
        self.origin = dict(origin or {})
        self.head = make_head(action)
        self.encoder = Encoder(observation, network)
        features = network.hidden[-1]
        self.memory = Memory(network.memory, features, network.memory_size) if network.memory != "none" else None
        features = network.memory_size if self.memory is not None else features
        self.output = nn.Linear(features, self.head.width + 1)
        nn.init.orthogonal_(self.output.weight[: self.head.width], 0.01)
        nn.init.orthogonal_(self.output.weight[self.head.width :], 1.0)
        nn.init.zeros_(self.output.bias)

    @property
    def state_size(self) -> int:
        """Width of the recurrent state; 0 without memory."""
        return 0 if self.memory is None else self.memory.state_size

    def initial_state(self, rows: int) -> Tensor:
        """Return the state at an episode's start, (rows, state_size)."""
        return self.output.weight.new_zeros(rows, self.state_size)

    def forward(self, obs: list[Tensor], state: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the head's inputs (rows, width), values (rows,) and the next state."""
        features = self.encoder(obs)
        if self.memory is not None:
            features, state = self.memory(features, state)
        return (*self._outputs(features), state)

    def forward_sequence(self, obs: list[Tensor], state: Tensor, starts: Tensor) -> tuple[Tensor, Tensor]:
        """Run over time: leaves (time, rows, ...), `starts` (time, rows) marks steps that begin an episode.

        Returns:
            The head's inputs (time, rows, width) and values (time, rows).
        """
        assert self.memory is not None
        time, rows = starts.shape
        features = self.encoder([part.flatten(0, 1) for part in obs]).view(time, rows, -1)
        keep = (~starts).to(features.dtype)[..., None]
        outputs = []
        for t in range(time):
            output, state = self.memory(features[t], state * keep[t])
            outputs.append(output)
        logits, values = self._outputs(torch.cat(outputs))
        return logits.view(time, rows, -1), values.view(time, rows)

    def _outputs(self, features: Tensor) -> tuple[Tensor, Tensor]:
        # In float32 even under autocast: values need more digits than bfloat16 has.
        with torch.autocast(features.device.type, enabled=False):
            outputs = self.output(features.to(self.output.weight.dtype))
        return outputs[:, :-1], outputs[:, -1]


def matrix_flops(policy: Policy, epochs: int = 1, dense_codes: bool = True) -> float:
    """Count the floating-point operations of matrix products per step of one agent, acting and learning.

    A product (1, a) x (a, b) is 2ab; its backward pass is twice that, once for a first layer, whose input needs
    no gradient.  `dense_codes` counts one-hot layers as full products, all codes included; else as nothing.
    """
    total = 0.0
    for layer in policy.encoder.inputs:
        sizes: Any = getattr(layer, "sizes", None)
        if sizes is None:
            weights = sum(parameter.numel() for parameter in layer.parameters() if parameter.dim() == 2)
        else:
            weights = sum(sizes) * policy.network.hidden[0] if dense_codes else 0
        total += 2.0 * weights * (1 + 2 * epochs)
    later = [*policy.encoder.hidden, policy.output, *([policy.memory] if policy.memory is not None else [])]
    weights = sum(parameter.numel() for module in later for parameter in module.parameters() if parameter.dim() == 2)
    return total + 2.0 * weights * (1 + 3 * epochs)


def policy_bytes(policy: Policy) -> bytes:
    """Return the policy as safetensors, with its environment and network in the header: see `Actor.load`."""
    about = {"origin": policy.origin, "network": dataclasses.asdict(policy.network)}
    return pack(POLICY_KIND, POLICY_VERSION, policy.state_dict(), about)


def parameter_count(policy: Policy) -> int:
    """Return how many weights there are."""
    return sum(math.prod(parameter.shape) for parameter in policy.parameters())
