"""A world model and the policy that acts on its state: a recurrent state-space model with discrete latents.

Hafner et al. 2023, arXiv 2301.04104, equation 3, at a small size.  With h the deterministic and z the stochastic state

    posterior   z_t ~ q(z_t | h_t, x_t)          x_t: what is seen; `latents` choices of `classes` each, one-hot
    recurrence  h_{t+1} = f(h_t, z_t, a_t)       zero where an episode begins
    prior       z_{t+1} ~ p(z_{t+1} | h_{t+1})   what x_{t+1} will tell, before it is seen
    reward, continuation of step t from h_{t+1};  observation, open choices, actor and critic from (h_t, z_t)

The rewards of a step are read from h_{t+1}, which has the action in it, so that an episode's last reward needs no
observation after its end.  The policy holds what acting takes, and acts on the likeliest latents.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from puffer_arena.core.composites import leaves
from puffer_arena.core.spaces import Space
from puffer_arena.errors import ParameterError
from puffer_arena.trainers.config import Network
from puffer_arena.trainers.estimate.symlog import BINS, symexp, symlog, two_hot_mean
from puffer_arena.trainers.networks.encoder import Encoder
from puffer_arena.trainers.networks.heads import action_features, feature_count, make_head
from puffer_arena.trainers.networks.memory import State
from puffer_arena.trainers.networks.observations import code_sizes, scale
from puffer_arena.trainers.networks.policy import Central, MakeEncoder, Policy

UNIFORM = 0.01  # share of the uniform distribution in every latent's (section "Robust predictions")


def layers(inputs: int, widths: Sequence[int], outputs: int, zero: bool = False) -> nn.Sequential:
    """Return linear layers with LayerNorm and SiLU between; `zero`: the outputs begin at 0."""
    made: list[nn.Module] = []
    for width in widths:
        made += [nn.Linear(inputs, width), nn.LayerNorm(width), nn.SiLU()]
        inputs = width
    last = nn.Linear(inputs, outputs)
    nn.init.zeros_(last.bias)
    if zero:
        nn.init.zeros_(last.weight)
    return nn.Sequential(*made, last)


class Latents(NamedTuple):
    """Distributions over `latents` choices of `classes`: log-probabilities (..., latents, classes)."""

    log_probs: Tensor

    @classmethod
    def of(cls, logits: Tensor, network: Network) -> "Latents":
        """Return the distributions that a network's outputs (..., latents * classes) stand for."""
        shares = logits.unflatten(-1, (network.latents, network.classes)).softmax(-1)  # type: ignore[no-untyped-call]
        return cls(((1.0 - UNIFORM) * shares + UNIFORM / network.classes).log())

    def likeliest(self) -> Tensor:
        """Return the likeliest choices, one-hot, (..., latents * classes)."""
        best = self.log_probs.argmax(-1)
        return functional.one_hot(best, self.log_probs.shape[-1]).to(self.log_probs.dtype).flatten(-2)

    def sample(self, generator: torch.Generator) -> Tensor:
        """Draw choices, one-hot (..., latents * classes); gradients go straight through to the probabilities."""
        shares = self.log_probs.exp()
        noise = torch.rand(shares.shape[:-1], generator=generator).to(shares.device)[..., None]
        drawn = (shares.detach().cumsum(-1) < noise).sum(-1).clamp(max=shares.shape[-1] - 1)
        hot = functional.one_hot(drawn, shares.shape[-1]).to(shares.dtype)
        return (hot + (shares - shares.detach())).flatten(-2)


def divergence(one: Latents, other: Latents) -> Tensor:
    """Return KL(one | other), summed over latents, (...,)."""
    return (one.log_probs.exp() * (one.log_probs - other.log_probs)).sum((-2, -1))


class WorldPolicy(Policy):
    """Posterior, recurrence, actor and critic: what acting takes; see the module and `Policy`."""

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
        if make_encoder is not None:
            raise ParameterError("network.memory = 'rssm' brings an encoder of its own; leave make_encoder out")
        self.observation, self.action, self.network = observation, action, network
        self.origin, self.values, self.central, self.critic = dict(origin or {}), tuple(values), None, None
        self.head = make_head(action, network.head)
        self.latent_width = network.latents * network.classes
        self.feature_width = network.memory_size + self.latent_width
        self.encoder = Encoder(observation, network, network.hidden)
        self.posterior = layers(network.memory_size + self.encoder.width, network.hidden[-1:], self.latent_width)
        self.enter = layers(self.latent_width + feature_count(self.head), (), network.memory_size)
        self.cell = nn.GRUCell(network.memory_size, network.memory_size)
        self.act = layers(self.feature_width, network.hidden, self.head.width, zero=True)
        self.judge = layers(self.feature_width, network.hidden, BINS, zero=True)

    @property
    def memory(self) -> Any:
        """What remembers."""
        return self.cell

    @property
    def towers(self) -> dict[str, Any]:
        """None with layers that Muon is meant for."""
        return {}

    @property
    def state_spec(self) -> dict[str, tuple[int, ...]]:
        return {"actor.h": (self.network.memory_size,), "actor.z": (self.latent_width,)}

    def initial_state(self, rows: int) -> State:
        weight = next(self.cell.parameters())
        return {name: weight.new_zeros(rows, *shape) for name, shape in self.state_spec.items()}

    def watch(self, obs: list[Tensor], central: Sequence[Tensor] = ()) -> None:
        self.encoder.watch([*obs])

    def infer(self, h: Tensor, seen: Tensor) -> Latents:
        """Return q(z | h, x) for an encoded observation, (rows, ...)."""
        return Latents.of(self.posterior(torch.cat([h, seen], -1)), self.network)

    def recur(self, h: Tensor, z: Tensor, actions: Tensor) -> Tensor:
        """Return h after actions (rows, components) were taken in (h, z)."""
        entered = functional.silu(self.enter(torch.cat([z, action_features(self.head, actions)], -1)))
        new: Tensor = self.cell(entered, h)
        return new

    def forward(
        self, obs: list[Tensor], state: Mapping[str, Tensor], central: Sequence[Tensor] = ()
    ) -> tuple[Tensor, Tensor, State]:
        h = state["actor.h"]
        z = self.infer(h, self.encoder(obs)).likeliest()
        features = torch.cat([h, z], -1)
        return self.act(features), two_hot_mean(self.judge(features))[:, None], {"actor.h": h, "actor.z": z}

    def acted(self, state: State, actions: Tensor) -> State:
        return {"actor.h": self.recur(state["actor.h"], state["actor.z"], actions), "actor.z": state["actor.z"]}


class World(nn.Module):
    """What only learning and imagining take: prior, observation, open choices, reward and continuation.

    Args:
        choices: how many may be barred, 0 where none ever is.
    """

    def __init__(self, observation: Space, network: Network, feature_width: int, choices: int) -> None:
        super().__init__()
        size, latents = network.memory_size, network.latents * network.classes
        self.network = network
        self.spaces = [space for _, space in leaves(observation)]
        self.codes = [code_sizes(space) for space in self.spaces]
        self.prior = layers(size, network.hidden[-1:], latents)
        self.reward = layers(size, network.hidden[-1:], BINS, zero=True)
        self.going_on = layers(size, network.hidden[-1:], 1)
        shapes = [
            sum(codes) if codes else space.dtype.itemsize // space.dtype.base.itemsize for codes, space in self._each()
        ]
        self.widths = shapes
        self.draw = layers(feature_width, network.hidden, sum(shapes))
        self.bars = layers(feature_width, network.hidden[-1:], choices) if choices else None

    def _each(self) -> Any:
        return zip(self.codes, self.spaces, strict=True)

    def foresee(self, h: Tensor) -> Latents:
        """Return p(z | h)."""
        return Latents.of(self.prior(h), self.network)

    def mask_loss(self, features: Tensor, mask: Tensor) -> Tensor:
        """Return -ln p of the choices that are open, bool (rows, choices), summed over them: (rows,)."""
        assert self.bars is not None  # there are masks
        each = functional.binary_cross_entropy_with_logits(self.bars(features), mask.float(), reduction="none")
        return each.sum(-1)

    def open_choices(self, features: Tensor) -> Tensor | None:
        """Return which choices are probably open, bool (rows, choices); None where none is ever barred."""
        return None if self.bars is None else self.bars(features) > 0.0

    def unlikeliness(self, features: Tensor, obs: list[Tensor]) -> Tensor:
        """Return how little observations (rows, ...) are expected, (rows,): -ln p of codes, else squares of symlogs."""
        total = features.new_zeros(len(features))
        for part, leaf, (codes, space) in zip(
            self.draw(features).split(self.widths, -1), obs, self._each(), strict=True
        ):
            flat = leaf.reshape(len(leaf), -1)
            if codes:
                logits = part.split(list(codes), -1)
                for k, each in enumerate(logits):
                    total = total + functional.cross_entropy(each, flat[:, k].long(), reduction="none")
            else:
                total = total + ((symlog(flat.float() * scale(space)) - part) ** 2).sum(-1)
        return total

    def expected(self, features: Tensor) -> list[Tensor]:
        """Return the observations that are expected, flat: for every leaf (rows, elements) codes or quantities."""
        found = []
        for part, (codes, space) in zip(self.draw(features).split(self.widths, -1), self._each(), strict=True):
            if codes:
                found.append(torch.stack([each.argmax(-1) for each in part.split(list(codes), -1)], -1))
            else:
                found.append(symexp(part) / scale(space))
        return found
