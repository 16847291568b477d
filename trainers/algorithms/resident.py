"""PPO that stays on its device: rows, rollout, advantages, loss and optimizer, for networks that a GPU computes.

    python -m puffer_arena train snake --algorithm resident --device cuda

The same updates as PPO's in torch's own operations, without a wait for the device before a rollout's end.  Rows live on the
GPU where the game can be stepped there, and on the CPU beside it where not.  It runs on a CPU, too, where the fused
kernels of plain PPO are faster.
"""

from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from puffer_arena.batch.gpu.batch import why_not_on_gpu
from puffer_arena.core.fields import Array
from puffer_arena.errors import TrainingError
from puffer_arena.machine.notices import say_once
from puffer_arena.registry import load_env
from puffer_arena.trainers.algorithms.algorithm import OnStep, from_bytes, groups_of
from puffer_arena.trainers.algorithms.on_policy import annealed
from puffer_arena.trainers.algorithms.ppo import PPO, STATISTICS
from puffer_arena.trainers.backends.backend import check_finite
from puffer_arena.trainers.config import Config
from puffer_arena.trainers.data.resident import ResidentRollout
from puffer_arena.trainers.data.resident_collector import ResidentCollector
from puffer_arena.trainers.estimate.resident import ResidentScale, explained_variance, gae, normalized
from puffer_arena.trainers.networks.heads import Gaussian, Head

WATCHED_ROWS = 8192  # of a rollout, that the statistics of observations are taken from


class Resident(PPO):
    """PPO whose data never leave its device; see the module's docstring."""

    memories: ClassVar[tuple[str, ...]] = ("none",)
    shared = False

    def rows_device(self) -> str:
        check_fits(self.config)
        reason = why_not_on_gpu(load_env(self.config.env)) if self.config.device == "cuda" else "none"
        if self.config.device == "cuda" and reason:
            say_once(f"the environments stay on the CPU, beside the GPU that learns: {reason}")
        return "cpu" if reason else "cuda"

    def equip(self) -> None:
        config, policy, batch = self.config, self.policy, self.batch
        if np.dtype(batch.obs.dtype).names or not _acts_in_tensors(policy.head):
            raise TrainingError(
                "algorithm = 'resident' is for agents that all see one array alike, and choose or give numbers; "
                f"'{config.env}' is another kind of game: use algorithm = 'ppo', which learns on a GPU, too"
            )
        device, beside = torch.device(config.device), self.rows_beside
        self.rollout: Any = ResidentRollout(batch, config.method.horizon, policy, device, beside)
        self.reward_scale: Any = ResidentScale(self.rollout.streams, device)
        self.forward: Any = torch.compile(policy) if config.compile == "on" else policy
        half = config.precision == "bfloat16"
        self.collector: Any = ResidentCollector(self.rollout, self.forward, half, beside)
        self.collector.stepped = self._stepped
        self.collector.looks = lambda: bool(self.batch.witnesses) or self.director is not None

    @property
    def rows_beside(self) -> bool:
        """Whether the rows do not live where the network computes."""
        return self.batch.device != self.config.device

    def update(self, on_step: OnStep | None = None) -> dict[str, float]:
        s = annealed(self.config.method, self.progress)
        with self.measuring(on_step) as metrics:
            rollout = self.rollout
            if s.normalize_rewards:
                self.reward_scale.apply(rollout, s.gamma)
            gae(rollout, s.gamma, s.gae_lambda)
            found = self._learn(s)
            values, targets = (rollout.of_actors(rollout.flat(name)) for name in ("old_value", "target"))
            found["explained_variance"] = explained_variance(values, targets)
            read = torch.stack([value.double() for value in found.values()]).tolist()  # waits for the device, once
            metrics.update(zip(found, read, strict=True))
            check_finite(metrics)
        return metrics

    def _learn(self, s: Any) -> dict[str, Tensor]:
        """Move the weights over all epochs; return means of the loss's statistics and of the gradient's length."""
        (loss,) = self.losses()
        rollout, rate, device = self.rollout, self.rate, self.rollout.device
        acted = rollout.learned()
        if not len(acted):  # all actions are under way
            return dict.fromkeys((*STATISTICS, "gradient_norm"), torch.zeros((), device=device))
        flat = {name: rollout.flat(name) for name in USED}
        if s.normalize_advantages == "rollout":
            flat["advantage"] = normalized(flat["advantage"], flat["advantage"][acted])
        each: list[dict[str, Tensor]] = []
        for _ in range(s.epochs):
            self.collector.seed(self.generator)
            order = acted[torch.randperm(len(acted), generator=self.collector.noise, device=device)]
            for chosen in order.tensor_split(min(s.minibatches, len(order))):
                rows = {name: flat[name][chosen] for name in USED}
                if s.normalize_advantages == "minibatch":
                    rows["advantage"] = normalized(rows["advantage"], rows["advantage"])
                self.optimizer.zero()
                found = self._differentiate(loss, rows, s)
                each.append({**found, "gradient_norm": self.optimizer.step_unseen(rate)})
        return {name: torch.stack([found[name] for found in each]).mean() for name in each[0]}

    def _differentiate(self, loss: Any, rows: dict[str, Tensor], s: Any) -> dict[str, Tensor]:
        """Set the gradients of a minibatch's mean loss; return the means of its statistics."""
        with self.collector.autocast():
            outputs, values, _ = self.forward([rows["obs"]], {}, [])
        mask = self.rollout.mask(rows["action_mask"])
        log_prob, entropy = self.policy.head.evaluate(outputs, rows["actions"], mask)
        made = {"outputs": outputs, "log_prob": log_prob, "entropy": entropy, "value": values[:, 0].float()}
        total, statistics = loss(SimpleNamespace(**made, **{name: rows[name] for name in self.loss_columns}), s)
        total.mean().backward()
        return {name: part.detach().mean() for name, part in statistics.items()}

    def _watch(self) -> None:
        if self.config.network.normalize:
            seen = self.rollout.of_actors(self.rollout.flat("obs"))
            if len(seen):
                self.policy.watch([seen[:: max(1, len(seen) // WATCHED_ROWS)]], [])

    def _stepped(self, t: int) -> None:
        """Let the curriculum see step `t`; it hands out tasks on this machine, so each step waits for rows of the device."""
        if self.director is not None:
            out = self.rollout.slices[t]
            began = out.began if self.rows_beside else self.rollout.began[t + 1].cpu().numpy()
            with self._bearing(self.director):
                self.director.follow(began, t, out)

    def _teach(self) -> None:
        director, rollout = self.director, self.rollout
        if director is None:
            return
        with self._bearing(director):
            if not director.curriculum.needs_scores:
                director.report()
                return
            values, targets = (column.cpu().numpy() for column in (rollout.old_value[:-1], rollout.target))
            scale = float(self.reward_scale.deviation) if self.config.method.normalize_rewards else 1.0
            acting = np.ones(values.shape, np.bool_) if rollout.pending is None else rollout.acting[:-1].cpu().numpy()
            owners = np.arange(rollout.streams) // rollout.agents
            director.learned(targets - values, values, acting, owners, scale)

    @torch.no_grad()
    def look(self, rows: Array, t: int) -> tuple[Array | None, Array]:
        obs, mask = self.rollout.newest(t, rows)
        outputs, values, _ = self.policy([obs], {}, [])
        probs = self.policy.head.probabilities(outputs, mask)
        shape = (len(rows), self.rollout.agents)
        shown = None if probs is None else probs.float().cpu().numpy().reshape(*shape, -1)
        return shown, values[:, 0].float().cpu().numpy().reshape(shape)

    def load_state(self, tensors: dict[str, Tensor], about: dict[str, Any], name: str = "the checkpoint") -> None:
        super().load_state(tensors, about, name)
        carried, scale = self.rollout.carried(), self.reward_scale.state()
        named = {f"reward_scale.{part}": array for part, array in scale.items()}
        from_bytes(groups_of(tensors, ("carried",))["carried"], carried | named, name)
        self.reward_scale.load(scale)
        if self.batch.env.stepped_by is None:
            self.rollout.load(carried)
        else:  # episodes of other libraries begin anew
            self.rollout.begin()

    def close(self) -> None:
        self.batch.close()


USED = ("obs", "action_mask", "actions", *PPO.loss_columns)


def check_fits(config: Config) -> None:
    """Check that a run can stay on one device.

    Raises:
        TrainingError: it asks for what plain PPO alone does; it names the settings.
    """
    s, network = config.method, config.network
    reasons = {
        "device = 'mps', which has no float64": config.device == "mps",
        "ppo.advantage = 'vtrace'": s.advantage == "vtrace",
        "ppo.normalize_values": s.normalize_values,
        "ppo.target_kl": s.target_kl > 0.0,
        "ppo.priority": s.priority > 0.0,
        "network.value_bins": network.value_bins > 0,
        "network.critic = 'state'": network.critic == "state",
        "opponent.pool": bool(config.opponent.pool),
        "gradients = 'fused'": config.gradients == "fused",
    }
    if wrong := [name for name, asked in reasons.items() if asked]:
        raise TrainingError(f"algorithm = 'resident' does not do {', '.join(wrong)}; use algorithm = 'ppo'")


def _acts_in_tensors(head: Head) -> bool:
    """Tell whether actions of a head become the environment's without NumPy."""
    return isinstance(head, Gaussian) or type(head).to_env is Head.to_env


ALGORITHM = Resident
