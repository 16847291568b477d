"""Collecting into a rollout that lies where the network computes: no step waits for the device.

Rows beside the device, in this machine's memory, are stepped half by half: while the CPU steps one half, the device
takes in what the other shows and acts for it.
"""

import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from puffer_arena.batch.workers.spans import split
from puffer_arena.trainers.data.resident import EVERYBODY, ResidentRollout, pinned
from puffer_arena.trainers.networks.heads import Gaussian

MAX_BOOTSTRAP = 1 << 16  # rows valued at once


class ResidentCollector:
    """Fills a resident rollout.

    Args:
        forward: the policy, as it is to be called.
        half: compute in bfloat16.
        beside: rows live in this machine's memory, and not where the network computes.

    Attributes:
        halves: of the rows, where these are stepped half by half.
        stepped: called after each step, before anything acts on what the rows then show.
        looks: tells whether somebody looks at steps as a whole; such are not made half by half.
        infer_seconds, step_seconds: where the last rollout spent the CPU's time; a device is not waited for.
    """

    def __init__(self, rollout: ResidentRollout, forward: Any, half: bool, beside: bool) -> None:
        self.rollout, self.forward, self.half = rollout, forward, half
        self.noise = torch.Generator(rollout.device)
        self.stepped: Callable[[int], None] = lambda t: None
        self.looks: Callable[[], bool] = lambda: False
        self.infer_seconds = self.step_seconds = 0.0
        batch, head = rollout.batch, rollout.policy.head
        self._units: list[Tensor] = []  # of actions that are numbers: sent once, for each sending waits for the device
        if isinstance(head, Gaussian):
            self._units = [torch.as_tensor(part, device=rollout.device) for part in (head.reach, head.middle)]
        self.halves: list[slice] = []
        if beside and batch.steps_apart and batch.num_envs > 1:
            self.halves = [slice(*span) for span in split(batch.num_envs, 2)]
            kind = torch.from_numpy(batch.actions).dtype
            self._chosen = pinned(batch.actions.shape, kind, rollout.device)  # actions that are on their way here
            event: Any = torch.cuda.Event
            self._arrivals: list[Any] = [event() for _ in self.halves if rollout.device.type == "cuda"]

    def seed(self, generator: torch.Generator) -> None:
        """Seed the device's chance from the run's, which checkpoints keep."""
        self.noise.manual_seed(int(torch.randint(1 << 62, (), generator=generator)))

    def autocast(self) -> Any:
        """Return a context in which networks compute at the run's precision."""
        return torch.autocast(self.rollout.device.type, torch.bfloat16, enabled=self.half)

    def collect(self, generator: torch.Generator, on_step: Callable[[int], None] | None = None) -> None:
        """Play the whole horizon by the present policy, and value what follows it.

        `on_step(t)` is called after each step.
        """
        rollout, head = self.rollout, self.rollout.policy.head
        self.seed(generator)
        draw: Any = {"uniform": torch.rand, "normal": torch.randn}[head.noise_kind]
        shape = (rollout.horizon, rollout.streams, head.components)
        noise = draw(shape, generator=self.noise, device=rollout.device)
        self.infer_seconds = self.step_seconds = 0.0
        play = self._play_by_halves if self.halves else self._play
        play(noise, on_step)
        self._value_cut()
        rollout.settle()
        with torch.no_grad(), self.autocast():
            rollout.old_value[-1] = self.forward([rollout.obs[-1]], {}, [])[1][:, 0]

    def _play(self, noise: Tensor, on_step: Callable[[int], None] | None) -> None:
        """Play the horizon step by step."""
        rollout, batch = self.rollout, self.rollout.batch
        for t in range(rollout.horizon):
            begun = time.perf_counter()
            actions = self._act(t, noise)
            acted = time.perf_counter()
            batch.step(actions if batch.device == "cuda" else actions.cpu().numpy(), out=rollout.slices[t])
            self.infer_seconds += acted - begun
            self.step_seconds += time.perf_counter() - acted
            self.stepped(t)
            rollout.take(t)
            if on_step is not None:
                on_step(t)

    def _play_by_halves(self, noise: Tensor, on_step: Callable[[int], None] | None) -> None:
        """Play the horizon, the CPU stepping one half of the rows while the device acts for the other.

        The policy is the same throughout, so nothing lags, and the rollout is that of `_play`.
        """
        rollout, (first, second) = self.rollout, self.halves
        self._send(0, 0, noise)
        for t in range(rollout.horizon):
            self._send(1, t, noise)
            whole = self.looks()
            self._step(t, EVERYBODY if whole else first)
            if t + 1 < rollout.horizon:
                self._send(0, t + 1, noise)
            if not whole:
                self._step(t, second)
            if on_step is not None:
                on_step(t)

    def _send(self, half: int, t: int, noise: Tensor) -> None:
        """Have the device choose the actions of half of the rows at step `t`, and send them here."""
        begun, rows = time.perf_counter(), self.halves[half]
        self._chosen[rows].copy_(self._act(t, noise, rows), non_blocking=True)
        if self._arrivals:
            self._arrivals[half].record()
        self.infer_seconds += time.perf_counter() - begun

    def _step(self, t: int, rows: slice) -> None:
        """Step half of the rows, or all, once their actions are here, and send the device what they show."""
        begun, batch, out = time.perf_counter(), self.rollout.batch, self.rollout.slices[t]
        for half, arrival in zip(self.halves, self._arrivals, strict=False):
            if rows in (half, EVERYBODY):
                arrival.synchronize()
        actions = self._chosen.numpy()
        if rows == EVERYBODY:
            batch.step(actions, out)
            self.stepped(t)
        else:
            batch.step_rows(rows, actions[rows], out)
        self.rollout.take(t, rows)
        self.step_seconds += time.perf_counter() - begun

    @torch.no_grad()
    def _act(self, t: int, noise: Tensor, rows: slice = EVERYBODY) -> Tensor:
        """Choose the actions of some rows at step `t`, and return them as the batch takes them."""
        rollout, head = self.rollout, self.rollout.policy.head
        low, high, _ = rows.indices(rollout.batch.num_envs)
        mine = slice(low * rollout.agents, high * rollout.agents)
        mask, acts = rollout.mask(rollout.action_mask[t, mine]), rollout.acts(t)
        with self.autocast():
            outputs, values, _ = self.forward([rollout.obs[t, mine]], {}, [])
        chosen = head.sample(outputs, noise[t, mine], mask)
        if acts is not None:
            chosen = chosen * acts[mine, None]
        rollout.actions[t, mine], rollout.old_value[t, mine] = chosen, values[:, 0]
        rollout.old_log_prob[t, mine] = head.evaluate(outputs, rollout.actions[t, mine], mask)[0]
        actions = rollout.actions[t, mine]
        if self._units:  # as `Head.to_env` has it
            reach, middle = self._units
            actions = actions * reach + middle
        return actions.reshape(high - low, *rollout.batch.actions.shape[1:])

    @torch.no_grad()
    def _value_cut(self) -> None:
        """Value the observations that ended truncated episodes."""
        rollout = self.rollout
        cut: Any = (rollout.truncated & ~rollout.terminated).flatten().nonzero()[:, 0]
        for some in cut.split(MAX_BOOTSTRAP) if len(cut) else ():
            with self.autocast():
                values = rollout.policy([rollout.flat("final_obs")[some]], {}, [])[1]
            rollout.final_value.view(-1)[some] = values[:, 0].float()
