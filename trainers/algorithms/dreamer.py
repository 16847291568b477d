"""Dreamer: learn a model of the world from what was played, and learn to act in what the model imagines.

Hafner et al. 2023, "Mastering diverse domains through world models" (DreamerV3), arXiv 2301.04104, its essentials at a
small size.  With h, z, the prior p and the posterior q of networks/world.py, and sg(.) taken as a constant,

    L_world  = -ln p(x_t | h_t, z_t) - ln p(r_t | h_{t+1}) - ln p(c_t | h_{t+1})                 (equations 4 and 5)
               - ln p(m_t | h_t, z_t) + max(1, KL[sg(q) | p]) + 0.1 max(1, KL[q | sg(p)])
    R_t      = r_t + gamma c_t ((1 - lambda) v_{t+1} + lambda R_{t+1}),  R_H = v_H               (equation 7)
    L_critic = -ln p(R_t | h_t, z_t) - ln p(sg(v'_t) | h_t, z_t),  v' its running average        (section 3)
    L_actor  = -sg((R_t - v_t) / max(1, S)) ln pi(a_t | h_t, z_t) - entropy_coef H[pi]           (equation 11)

S is the running average of the spread between the 5th and 95th percentile of R.  Rewards and values are two-hot in the
symmetric logarithm, numbers that are seen are symlogs.  Where the game bars choices, m, the model learns which: in what
is imagined those count as barred that probably are, for what they would lead to has never been seen.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from puffer_arena.core.fields import Array
from puffer_arena.errors import ParameterError
from puffer_arena.settings import setting
from puffer_arena.trainers.algorithms.algorithm import OnStep
from puffer_arena.trainers.algorithms.off_policy import OffPolicy
from puffer_arena.trainers.data.replay import ReplayBuffer, Segment
from puffer_arena.trainers.estimate.symlog import two_hot_loss, two_hot_mean
from puffer_arena.trainers.networks.critics import average_of, follow
from puffer_arena.trainers.networks.world import Latents, World, WorldPolicy, divergence

SPREAD_DECAY = 0.99  # of S, a step of the optimizer


@dataclass(frozen=True)
class Settings:
    """Play, replay, and the three losses."""

    horizon: int = setting(16, 1, 4096, "steps of every environment per update")
    minibatches: int = setting(8, 1, 10_000, "optimizer steps per update")
    capacity: int = setting(100_000, 1, 2**40, "steps that are kept to learn from")
    warm_up: int = setting(1000, 0, 2**40, "steps before anything is learned")
    batch: int = setting(16, 1, 2**16, "segments in a minibatch")
    length: int = setting(32, 2, 4096, "steps of each")
    starts: int = setting(128, 1, 2**20, "states of the segments from which is imagined, at most")
    imagined: int = setting(15, 1, 1024, "steps that are imagined from each of them")
    gamma: float = setting(0.99, 0.0, 1.0, "discount")
    trace: float = setting(0.95, 0.0, 1.0, "lambda of the returns")
    free_nats: float = setting(1.0, 0.0, 1e3, "divergence that costs nothing")
    posterior_weight: float = setting(0.1, 0.0, 1e3, "of the divergence that draws the posterior to the prior")
    entropy_coef: float = setting(1e-2, 0.0, 10.0, "weight of the entropy bonus")
    average: float = setting(0.02, 1e-6, 1.0, "share by which the critic's running average moves a step")


class Dream(NamedTuple):
    """What was imagined, H steps on from some states: features (H + 1, rows, width), the rest (H, rows, ...)."""

    features: Tensor
    actions: Tensor
    rewards: Tensor
    going_on: Tensor  # probability that the episode goes on after the step
    mask: Tensor | None  # choices that are open before the step, bool; None where none is ever barred


def free_divergence(posterior: Latents, prior: Latents, s: Settings) -> tuple[Tensor, Tensor]:
    """Return both divergences of L_world with their weights and what is free of them, (...,), and the divergence."""
    forward = divergence(Latents(posterior.log_probs.detach()), prior)
    backward = divergence(posterior, Latents(prior.log_probs.detach()))
    cost = forward.clamp(min=s.free_nats) + s.posterior_weight * backward.clamp(min=s.free_nats)
    return cost, forward.detach()


def imagined_returns(rewards: Tensor, going_on: Tensor, values: Tensor, s: Settings) -> Tensor:
    """Return R, (H, rows), from rewards and continuations (H, rows) and values (H + 1, rows); equation 7."""
    after, found = values[-1], []
    for t in reversed(range(len(rewards))):
        after = rewards[t] + s.gamma * going_on[t] * ((1.0 - s.trace) * values[t + 1] + s.trace * after)
        found.append(after)
    return torch.stack(found[::-1])


class Dreamer(OffPolicy):
    """A small Dreamer."""

    section, settings = "dreamer", Settings
    memories: ClassVar[tuple[str, ...]] = ("rssm",)
    defaults: ClassVar[Mapping[str, Any]] = {
        "num_envs": 8,
        "total_steps": 100_000,
        "network": {"hidden": [64], "memory": "rssm", "memory_size": 64, "critic": "shared", "normalize": False},
        "optimizer": {"name": "adam", "learning_rate": 1e-3, "schedule": "constant", "max_grad_norm": 100.0},
    }
    policy: WorldPolicy

    def prepare(self) -> None:
        config, s = self.config, self.config.method
        if self.batch.num_agents:
            raise ParameterError(f"algorithm 'dreamer' is for games with one agent, and '{config.env}' has several")
        if s.capacity // config.num_envs < s.length:
            raise ParameterError(
                f"dreamer.capacity = {s.capacity} keeps {s.capacity // config.num_envs} steps of each of {config.num_envs} "
                f"environments; segments have dreamer.length = {s.length}"
            )
        self.buffer = ReplayBuffer(
            self.batch.observation,
            self.policy.head,
            config.num_envs,
            s.capacity,
            config.device,
            choices=self.batch.num_choices,
        )
        self.spread = np.ones(1, np.float32)  # S
        self.fresh = np.ones(config.num_envs, np.bool_)  # rows whose observation is the first of an episode

    def build(self) -> dict[str, nn.Module]:
        self.world = World(
            self.policy.observation, self.config.network, self.policy.feature_width, self.batch.num_choices
        )
        self.followers["average"] = self.average = average_of(self.policy.judge)
        return {"world": self.world}

    def update(self, on_step: OnStep | None = None) -> dict[str, float]:
        begun, s = time.perf_counter(), self.config.method
        self.play(s.horizon, on_step, self._note)
        played = time.perf_counter()
        ready = self.buffer.held >= s.length and self.steps >= s.warm_up
        found = self.teach(s.minibatches) if ready else {"learning_rate": self.rate}
        steps = self.config.num_envs * s.horizon
        self.steps += steps
        self.updates += 1
        seconds = time.perf_counter() - begun
        self.seconds += seconds
        return {
            "steps": float(self.steps),
            "updates": float(self.updates),
            "seconds": self.seconds,
            "steps_per_second": steps / seconds,
            "time/step": played - begun,
            "time/learn": time.perf_counter() - played,
            **found,
            **self.batch.episodes(),
        }

    def _note(self, obs: Array, masks: Array, actions: Array, rewards: Array, terminated: Array, began: Array) -> None:
        done = self.policy.head.from_env(actions)
        open_choices = {"mask": masks} if self.batch.num_choices else {}
        self.buffer.add(obs=obs, actions=done, rewards=rewards, terminated=terminated, began=self.fresh, **open_choices)
        self.fresh[:] = began

    def learn(self) -> tuple[Tensor, dict[str, Tensor]]:
        s: Settings = self.config.method
        part = self.buffer.draw(s.batch, s.length, self.generator)
        world_loss, states, found = self.model(part, s)
        h, z = states
        chosen = torch.randperm(len(h), generator=self.generator)[: s.starts].to(h.device)
        actor_critic, more = self.behave(self.imagine(h[chosen], z[chosen], s.imagined), s)
        return world_loss + actor_critic, found | more

    def model(self, part: Segment, s: Settings) -> tuple[Tensor, tuple[Tensor, Tensor], dict[str, Tensor]]:
        """Return L_world, the states (h, z) that were passed through, (time x rows, ...), and statistics."""
        policy, world = self.policy, self.world
        seen = policy.encoder([leaf.flatten(0, 1) for leaf in part.obs])
        seen = seen.view(*part.rewards.shape, -1)
        keep = (~part.began).to(seen.dtype)[..., None]
        state = policy.initial_state(part.rewards.shape[1])
        after, kept = state["actor.h"], []
        for t in range(len(seen)):
            h = after * keep[t]
            posterior = policy.infer(h, seen[t])
            z = posterior.sample(self.generator)
            after = policy.recur(h, z, part.actions[t])
            kept.append((h, z, posterior.log_probs, after))
        h, z, log_probs, after = (torch.stack(each).flatten(0, 1) for each in zip(*kept, strict=True))
        cost, nats = free_divergence(Latents(log_probs), world.foresee(h), s)
        features = torch.cat([h, z], -1)
        drawn = world.unlikeliness(features, [leaf.flatten(0, 1) for leaf in part.obs])
        if part.mask is not None:
            drawn = drawn + world.mask_loss(features, part.mask.flatten(0, 1))
        reward_loss = two_hot_loss(world.reward(after), part.rewards.flatten())
        ends = functional.binary_cross_entropy_with_logits(
            world.going_on(after)[:, 0], 1.0 - part.terminated.flatten(), reduction="none"
        )
        total = (cost + drawn + reward_loss + ends).mean()
        return (
            total,
            (h.detach(), z.detach()),
            {
                "observation_loss": drawn.mean(),
                "reward_loss": reward_loss.mean(),
                "continue_loss": ends.mean(),
                "latent_nats": nats.mean(),
            },
        )

    @torch.no_grad()
    def imagine(self, h: Tensor, z: Tensor, steps: int, actions: Tensor | None = None) -> Dream:
        """Go on from states (rows, ...) without seeing anything.

        Args:
            actions: what to do, (steps, rows, components); the policy's own draws without.
        """
        policy, world, head = self.policy, self.world, self.policy.head
        features, done, states = [torch.cat([h, z], -1)], [], []
        masks: list[Tensor] = []
        for t in range(steps):
            if actions is None:
                noise = head.draw_noise((len(h),), self._uniform, self._normal)
                mask = world.open_choices(features[-1])
                masks += [] if mask is None else [mask]
                action = head.sample(policy.act(features[-1]), torch.from_numpy(noise).to(h.device), mask)
            else:
                action = actions[t]
            h = policy.recur(h, z, action)
            z = world.foresee(h).sample(self.generator)
            features.append(torch.cat([h, z], -1))
            done.append(action)
            states.append(h)
        after = torch.stack(states)  # what a step gives is asked of all of them at once
        rewards, going_on = two_hot_mean(world.reward(after)), world.going_on(after)[..., 0].sigmoid()
        return Dream(torch.stack(features), torch.stack(done), rewards, going_on, torch.stack(masks) if masks else None)

    def _uniform(self, shape: tuple[int, ...]) -> Array:
        return torch.rand(shape, generator=self.generator).numpy()

    def _normal(self, shape: tuple[int, ...]) -> Array:
        return torch.randn(shape, generator=self.generator).numpy()

    def behave(self, dream: Dream, s: Settings) -> tuple[Tensor, dict[str, Tensor]]:
        """Return L_actor + L_critic over what was imagined, each step as likely as it is to be reached; statistics."""
        policy, steps = self.policy, dream.features[:-1].flatten(0, 1)
        logits = policy.judge(dream.features.flatten(0, 1)).view(*dream.features.shape[:2], -1)
        values = two_hot_mean(logits.detach())
        returns = imagined_returns(dream.rewards, dream.going_on, values, s)
        reached = torch.cat([torch.ones_like(returns[:1]), (s.gamma * dream.going_on[:-1]).cumprod(0)]).flatten()
        low, high = torch.quantile(returns.flatten(), torch.tensor([0.05, 0.95], device=returns.device))
        self.spread += (1.0 - SPREAD_DECAY) * (float(high - low) - self.spread)
        advantage = ((returns - values[:-1]) / max(1.0, float(self.spread[0]))).flatten()
        mask = None if dream.mask is None else dream.mask.flatten(0, 1)
        log_prob, entropy = policy.head.evaluate(policy.act(steps), dream.actions.flatten(0, 1), mask)
        actor_loss = -(reached * (advantage * log_prob + s.entropy_coef * entropy)).mean()
        own = logits[:-1].flatten(0, 1)
        kept = two_hot_mean(self.average(steps)).detach()
        critic_loss = (reached * (two_hot_loss(own, returns.flatten()) + two_hot_loss(own, kept))).mean()
        return actor_loss + critic_loss, {
            "actor_loss": actor_loss,
            "critic_loss": critic_loss,
            "entropy": entropy.mean(),
            "imagined_return": returns.mean(),
        }

    def after_step(self) -> None:
        follow(self.average, self.policy.judge, self.config.method.average)

    def carried(self) -> dict[str, Array]:
        kept = {f"replay.{name}": column for name, column in self.buffer.columns.items()}
        return super().carried() | kept | {"count": self.buffer.count, "spread": self.spread, "fresh": self.fresh}


ALGORITHM = Dreamer
