"""PPO that stays on its device: rows, rollout, advantages, loss and optimizer, for networks that a GPU computes.

    python -m puffer_arena train snake --algorithm resident --device cuda

The same updates as PPO's in torch's own operations, without a wait for the device before an update's end.  Rows live on the
GPU where the game can be stepped there, and on the CPU beside it where not.  It runs on a CPU, too, where the fused
kernels of plain PPO are faster.
"""

import time
from collections.abc import Callable
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
from puffer_arena.trainers.algorithms.ppo import PPO
from puffer_arena.trainers.backends.backend import check_finite
from puffer_arena.trainers.config import Config
from puffer_arena.trainers.data.resident import ResidentRollout
from puffer_arena.trainers.estimate.resident import ResidentScale, explained_variance, gae, normalize
from puffer_arena.trainers.networks.heads import Gaussian, Head

MAX_BOOTSTRAP = 1 << 16  # rows valued at once
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
        config, policy = self.config, self.policy
        if self.batch.num_agents or np.dtype(self.batch.obs.dtype).names or not _acts_in_tensors(policy.head):
            raise TrainingError(
                "algorithm = 'resident' is for one agent that sees one array and chooses, or gives numbers; "
                f"'{config.env}' is another kind of game: use algorithm = 'ppo', which learns on a GPU, too"
            )
        self.device = torch.device(config.device)
        self.rollout: Any = ResidentRollout(self.batch, config.method.horizon, policy, self.device)
        self.reward_scale: Any = ResidentScale(self.rollout.streams, self.device)
        self.noise = torch.Generator(self.device)
        self.forward: Any = torch.compile(policy) if config.compile == "on" else policy
        self.collector: Any = self  # which tells where a rollout's time went
        self.infer_seconds = self.step_seconds = 0.0  # only the CPU's part of it: a device is not waited for

    def collect(self, generator: torch.Generator, on_step: Callable[[int], None] | None = None) -> None:
        """Play the whole horizon by the present policy, and value what follows it."""
        rollout, head = self.rollout, self.policy.head
        self._seed(generator)
        draw: Any = {"uniform": torch.rand, "normal": torch.randn}[head.noise_kind]
        shape = (rollout.horizon, rollout.streams, head.components)
        noise = draw(shape, generator=self.noise, device=self.device)
        self.infer_seconds = self.step_seconds = 0.0
        for t in range(rollout.horizon):
            begun = time.perf_counter()
            actions = self._act(t, noise[t])
            acted = time.perf_counter()
            self.batch.step(actions, out=rollout.slices[t])
            rollout.take(t)
            self.infer_seconds += acted - begun
            self.step_seconds += time.perf_counter() - acted
            self._stepped(t)
            if on_step is not None:
                on_step(t)
        self._look_ahead()

    def _seed(self, generator: torch.Generator) -> None:
        """Seed the device's chance from the run's, which checkpoints keep."""
        self.noise.manual_seed(int(torch.randint(1 << 62, (), generator=generator)))

    def _autocast(self) -> Any:
        half = self.config.precision == "bfloat16"
        return torch.autocast(self.device.type, torch.bfloat16, enabled=half)

    @torch.no_grad()
    def _act(self, t: int, noise: Tensor) -> Any:
        """Choose the actions of step `t`, and return them as the batch takes them."""
        rollout, head = self.rollout, self.policy.head
        mask = rollout.mask(rollout.action_mask[t])
        with self._autocast():
            outputs, values, _ = self.forward([rollout.obs[t]], {}, [])
        chosen = head.sample(outputs, noise, mask)
        rollout.actions[t], rollout.old_value[t] = chosen, values[:, 0]
        rollout.old_log_prob[t] = head.evaluate(outputs, rollout.actions[t], mask)[0]
        actions = _to_env(head, rollout.actions[t]).reshape(self.batch.actions.shape)
        return actions if self.batch.device == "cuda" else actions.cpu().numpy()

    @torch.no_grad()
    def _look_ahead(self) -> None:
        """Value the observations after the last step, and those that ended truncated episodes."""
        rollout = self.rollout
        with self._autocast():
            rollout.old_value[-1] = self.forward([rollout.obs[-1]], {}, [])[1][:, 0]
            cut = (rollout.truncated & ~rollout.terminated).flatten().nonzero()[:, 0]
            for some in cut.split(MAX_BOOTSTRAP) if len(cut) else ():
                seen = rollout.final_obs.flatten(0, 1)[some]
                rollout.final_value.view(-1)[some] = self.policy([seen], {}, [])[1][:, 0].float()

    def update(self, on_step: OnStep | None = None) -> dict[str, float]:
        s = annealed(self.config.method, self.progress)
        with self.measuring(on_step) as metrics:
            rollout = self.rollout
            if s.normalize_rewards:
                self.reward_scale.apply(rollout, s.gamma)
            gae(rollout, s.gamma, s.gae_lambda)
            if s.normalize_advantages:
                normalize(rollout.advantage)
            found = self._learn(s)
            found["explained_variance"] = explained_variance(rollout.old_value[:-1], rollout.target)
            read = torch.stack([value.double() for value in found.values()]).tolist()  # waits for the device, once
            metrics.update(zip(found, read, strict=True))
            check_finite(metrics)
        return metrics

    def _learn(self, s: Any) -> dict[str, Tensor]:
        """Move the weights over all epochs; return means of the loss's statistics and of the gradient's length."""
        (loss,) = self.losses()
        rollout, rate = self.rollout, self.rate
        flat = {name: column[: rollout.horizon].flatten(0, 1) for name, column in rollout.columns.items()}
        each: list[dict[str, Tensor]] = []
        for _ in range(s.epochs):
            self._seed(self.generator)
            order = torch.randperm(len(flat["obs"]), generator=self.noise, device=self.device)
            for chosen in order.tensor_split(s.minibatches):
                self.optimizer.zero()
                found = self._differentiate(loss, {name: flat[name][chosen] for name in USED}, s)
                each.append({**found, "gradient_norm": self.optimizer.step_unseen(rate)})
        return {name: torch.stack([found[name] for found in each]).mean() for name in each[0]}

    def _differentiate(self, loss: Any, rows: dict[str, Tensor], s: Any) -> dict[str, Tensor]:
        """Set the gradients of a minibatch's mean loss; return the means of its statistics."""
        with self._autocast():
            outputs, values, _ = self.forward([rows["obs"]], {}, [])
        mask = self.rollout.mask(rows["action_mask"])
        log_prob, entropy = self.policy.head.evaluate(outputs, rows["actions"], mask)
        made = {"outputs": outputs, "log_prob": log_prob, "entropy": entropy, "value": values[:, 0].float()}
        total, statistics = loss(SimpleNamespace(**made, **{name: rows[name] for name in self.loss_columns}), s)
        total.mean().backward()
        return {name: part.detach().mean() for name, part in statistics.items()}

    def _watch(self) -> None:
        if self.config.network.normalize:
            seen = self.rollout.obs[:-1].flatten(0, 1)
            self.policy.watch([seen[:: max(1, len(seen) // WATCHED_ROWS)]], [])

    def _stepped(self, t: int) -> None:
        if self.director is not None:  # hands out tasks on this machine, so each step waits for the device
            self.director.follow(self.rollout.began[t + 1].cpu().numpy(), t, self.rollout.slices[t])

    def _teach(self) -> None:
        director, rollout = self.director, self.rollout
        if director is None:
            return
        if not director.curriculum.needs_scores:
            director.report()
            return
        values, targets = (column.cpu().numpy() for column in (rollout.old_value[:-1], rollout.target))
        scale = float(self.reward_scale.deviation) if self.config.method.normalize_rewards else 1.0
        everybody = np.ones(values.shape, np.bool_)
        director.learned(targets - values, values, everybody, np.arange(rollout.streams), scale)

    @torch.no_grad()
    def look(self, rows: Array, t: int) -> tuple[Array | None, Array]:
        obs, mask = self.rollout.newest(t, rows)
        outputs, values, _ = self.policy([obs], {}, [])
        probs = self.policy.head.probabilities(outputs, mask)
        shown = None if probs is None else probs.float().cpu().numpy()[:, None]
        return shown, values[:, :1].float().cpu().numpy()

    def load_state(self, tensors: dict[str, Tensor], about: dict[str, Any], name: str = "the checkpoint") -> None:
        super().load_state(tensors, about, name)
        scale = {f"reward_scale.{part}": array for part, array in self.reward_scale.state().items()}
        from_bytes(groups_of(tensors, ("carried",))["carried"], scale, name)
        self.reward_scale.load({part.removeprefix("reward_scale."): array for part, array in scale.items()})
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


def _to_env(head: Head, actions: Tensor) -> Tensor:
    """Return the environment's actions for the policy's, as `Head.to_env` does."""
    if not isinstance(head, Gaussian):
        return actions
    reach, middle = (torch.as_tensor(part, device=actions.device) for part in (head.reach, head.middle))
    return actions * reach + middle


ALGORITHM = Resident
