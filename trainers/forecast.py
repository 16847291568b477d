"""What a world model expects with its eyes shut, beside what came: open-loop predictions."""

from typing import NamedTuple

import numpy as np
import torch

from puffer_arena.batch.make import make
from puffer_arena.core.composites import leaves
from puffer_arena.core.fields import Array
from puffer_arena.core.spaces import Space
from puffer_arena.errors import ParameterError
from puffer_arena.trainers.algorithms.dreamer import Dreamer
from puffer_arena.trainers.networks.observations import leaf_arrays, leaf_tensors


class Forecast(NamedTuple):
    """A leaf of the observations over time."""

    space: Space
    truth: Array  # (time, elements)
    expected: Array  # (time, elements)


@torch.no_grad()
def forecast(trainer: Dreamer, known: int, steps: int, seed: int = 1) -> list[Forecast]:
    """Let the policy play an episode on a held-out level, and the model go on from what it knew at first.

    Args:
        trainer: whose policy plays and whose model foresees.
        known: observations that the model sees.
        steps: those that it does not; fewer where the episode ends before.
        seed: of the level and the actions.

    Returns:
        For each leaf what was seen, and what was expected: of the known ones after seeing them, of the others by the
        actions alone.

    Raises:
        ParameterError: nothing is known, or the episode ends before anything is unknown.
    """
    if known < 1 or steps < 1:
        raise ParameterError(f"{known} known and {steps} unknown observations; give 1 or more of each")
    obs, actions = _play(trainer, known + steps, seed)
    if len(obs) <= known:
        raise ParameterError(f"the episode ended after {len(obs)} steps; let fewer than {len(obs)} be known")
    policy, world = trainer.policy, trainer.world
    seen = policy.encoder(leaf_tensors(policy.observation, obs))
    done = torch.from_numpy(policy.head.from_env(actions))
    h, expected = policy.initial_state(1)["actor.h"], []
    for t in range(len(obs)):
        latents = policy.infer(h, seen[t : t + 1]) if t < known else world.foresee(h)
        z = latents.likeliest()
        expected.append([part[0].numpy() for part in world.expected(torch.cat([h, z], -1))])
        h = policy.recur(h, z, done[t : t + 1])
    spaces = [space for _, space in leaves(policy.observation)]
    truths = leaf_arrays(policy.observation, obs)
    return [
        Forecast(space, truth.reshape(len(obs), -1), np.stack([each[k] for each in expected]))
        for k, (space, truth) in enumerate(zip(spaces, truths, strict=True))
    ]


def _play(trainer: Dreamer, steps: int, seed: int) -> tuple[Array, Array]:
    """Return observations and actions of the first steps of an episode."""
    actor, rng = trainer.actor(), np.random.default_rng(seed)
    params = trainer.config.params
    seen, done = [], []
    with make(trainer.config.env, 1, seed, split="held_out", **params) as batch:
        for _ in range(steps):
            masks = batch.action_mask if batch.num_choices else None
            actions = actor.act(batch.obs, masks, rng=rng)[0]
            seen.append(batch.obs[0].copy())
            done.append(np.array(actions[0]))
            batch.step(actions)
            if batch.began[0]:
                break
    return np.stack(seen), np.stack(done)
