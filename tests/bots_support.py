"""Policies of every kind, and bots made of them, for the tests of puffer_arena.bots."""

from typing import Any

import numpy as np
import torch

from puffer_arena.bots.bot import Bot
from puffer_arena.bots.model import Model
from puffer_arena.core.composites import Dict, Tuple
from puffer_arena.core.spaces import Box, Discrete, Entities, MultiBinary, MultiDiscrete, Space, stored
from puffer_arena.trainers.config import Network
from puffer_arena.trainers.export.bot import Seen, file_of
from puffer_arena.trainers.export.weights import plain_copy
from puffer_arena.trainers.networks.observations import leaf_arrays, leaf_tensors
from puffer_arena.trainers.networks.policy import Policy

NUMBERS = Box(-np.inf, np.inf, (5,), labels=("x", "y", "speed", "ray 0", "ray 1"))
OBSERVATIONS: dict[str, Space] = {
    "numbers": NUMBERS,
    "whole numbers": Box(-7, 40, (2, 3), np.int16),
    "codes": Box(0, 3, (6, 5), np.uint8),
    "one code": Discrete(9),
    "picture": Box(0, 255, (40, 38, 3), np.uint8),
    "parts": Dict({"board": Box(0, 3, (5, 5), np.uint8), "own": NUMBERS, "kind": Discrete(4)}),
    "things": Dict({"others": Entities(-1.0, 1.0, (4, 3)), "own": NUMBERS}),
    "a tuple": Tuple((MultiDiscrete((3, 5)), MultiBinary(6), Box(-1.0, 1.0, (2,)))),
}
NETWORKS: dict[str, dict[str, Any]] = {
    "mlp": {},
    "separate": {"critic": "separate", "critic_hidden": (7,)},
    "cnn": {"images": "cnn"},
    "normalized": {"normalize": True},
    "sets": {},
    "attention": {"entities": "attention"},
    "mingru": {"memory": "mingru"},
    "gru": {"memory": "gru", "critic": "separate"},
    "lstm": {"memory": "lstm"},
    "normed": {"blocks": "normed"},
    "residual": {"blocks": "residual", "hidden": (8, 8, 8)},
    "squashed": {"head": "squashed"},
}
ACTIONS: dict[str, Space] = {
    "discrete": Discrete(4, ("up", "down", "left", "right")),
    "multi_discrete": MultiDiscrete((3, 2)),
    "flags": MultiBinary(3, ("jump", "fire", "duck")),
    "parts": Dict({"move": Discrete(3), "aim": Box(-1.0, 1.0, (2,)), "fire": MultiBinary(1)}),
    "box": Box((-1.0, 0.0), (1.0, 3.0), (2,), labels=("steer", "gas")),
}

SEEN = {"cnn": ("codes", "picture"), "sets": ("things",), "attention": ("things",)}  # by these networks, others: parts


def make_policy(observation: Space, action: Space, seed: int = 0, **network: Any) -> Policy:
    """Return a small policy with random weights, also where training begins with zeros."""
    torch.manual_seed(seed)
    settings = Network(**{"hidden": (12, 9), "channels": (3, 4), "memory_size": 6, **network})
    policy = Policy(observation, action, settings, {"env": "game", "params": {}, "rules": ""})
    with torch.no_grad():
        for parameter in policy.parameters():
            inputs = parameter[0].numel() if parameter.ndim > 1 else 1  # of thousands each counts for little
            parameter.add_(min(0.3, 3 / inputs**0.5) * torch.randn_like(parameter))
        for name, buffer in policy.named_buffers():  # of layers that normalize
            buffer.copy_(torch.rand_like(buffer) * 2 + 0.5 if name.endswith("variance") else torch.rand_like(buffer))
    return policy.eval()


def draw_observations(space: Space, rows: int, seed: int = 0) -> Any:
    """Return random observations as a batch stores them, (rows, *shape)."""
    dtype, shape = stored(space)
    obs, rng = np.zeros((rows, *shape), dtype), np.random.default_rng(seed)
    for row in range(rows):
        space.store(space.sample(rng), obs, row)
    return obs


@torch.inference_mode()
def see(policy: Policy, rows: int = 64, seed: int = 0) -> Seen:
    """Return what a policy makes of random observations, in the middle of episodes."""
    obs = draw_observations(policy.observation, rows, seed)
    torch.manual_seed(seed)
    state = {name: torch.randn_like(part) for name, part in policy.initial_state(rows).items()}
    outputs, values, after = policy(leaf_tensors(policy.observation, obs), state)
    parts = leaf_arrays(policy.observation, obs)
    vectors = {f"obs.{k}": part for k, part in enumerate(parts)}
    vectors |= {f"state.{name}": part.numpy() for name, part in state.items()}
    vectors |= {f"next.{name}": part.numpy() for name, part in after.items()}
    vectors["outputs"] = torch.cat([outputs, values], -1).numpy()
    flat = [part.reshape(rows, -1).astype(np.float64) for part in parts]
    return Seen(vectors, [(part.min(0).tolist(), part.max(0).tolist()) for part in flat])


def bot_bytes(policy: Policy, half: bool = False, **about: Any) -> bytes:
    """Return the bot's file of a policy, without an environment."""
    plain = plain_copy(policy, half)
    env = {"id": "game", "version": 3, "rules": "0" * 16}
    given = {"env": env, "params": {}, "masked": True, "decision_rate": 10.0, "training": {}, **about}
    return file_of(plain, see(plain), given, half)


def small_bot(observation: str = "numbers", action: str = "discrete", seed: int = 0, **network: Any) -> Bot:
    return Bot(Model(bot_bytes(make_policy(OBSERVATIONS[observation], ACTIONS[action], **network))), seed)
