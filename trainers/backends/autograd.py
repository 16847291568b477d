"""The backend that always works: torch's autograd."""

import contextlib
import threading
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from puffer_arena.core.fields import Array
from puffer_arena.trainers.backends.backend import Backend, add_up, check_finite, interleaved
from puffer_arena.trainers.backends.loss import Loss
from puffer_arena.trainers.data.rollout import Chunk, Minibatch
from puffer_arena.trainers.networks.observations import leaf_tensors
from puffer_arena.trainers.networks.policy import Policy
from puffer_arena.trainers.threadpool import ThreadPool


class Autograd(Backend):
    """Differentiates by recording what torch computes.

    Args:
        half: matrix products in bfloat16.
        compiled: torch.compile the network.
    """

    def __init__(self, policy: Policy, device: torch.device, threads: int, half: bool, compiled: bool) -> None:
        self.policy, self.device, self.half = policy, device, half
        self.forward: Any = torch.compile(policy) if compiled else policy
        self.parameters = list(policy.parameters())
        self.sum_type = torch.float32 if device.type == "mps" else torch.float64  # Apple's have no float64
        threads = threads if device.type == "cpu" else 1
        self.pool = ThreadPool([(k, threads) for k in range(threads)])

    def refresh(self) -> None:
        pass

    def autocast(self) -> Any:
        """Return the context in which matrix products take the wanted precision."""
        if not self.half:
            return contextlib.nullcontext()
        # Without the cache: it is shared between threads, and sums would depend on who came first.
        return torch.autocast(self.device.type, torch.bfloat16, cache_enabled=False)

    def _run(
        self, obs: Array, state: Mapping[str, Array], central: Sequence[Array]
    ) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        leaves = leaf_tensors(self.policy.observation, obs, self.device)
        outputs: tuple[Tensor, Tensor, dict[str, Tensor]] = self.forward(
            leaves, self._tensors(state), self._list(central)
        )
        return outputs

    def _list(self, arrays: Sequence[Array]) -> list[Tensor]:
        return [torch.from_numpy(array).to(self.device) for array in arrays]

    def _tensors(self, arrays: Mapping[str, Array]) -> dict[str, Tensor]:
        return {name: torch.from_numpy(array).to(self.device) for name, array in arrays.items()}

    def act(
        self,
        obs: Array,
        state: dict[str, Array],
        masks: Array,
        noise: Array,
        actions: Array,
        log_probs: Array,
        place: int | None = None,
        central: Sequence[Array] = (),
    ) -> Array:
        head = self.policy.head
        with torch.inference_mode(), self.autocast():
            outputs, values, new = self._run(obs, state, central)
            mask = torch.from_numpy(masks).to(self.device) if masks.shape[-1] else None
            chosen = head.sample(outputs, torch.from_numpy(noise).to(self.device), mask)
            actions[:] = chosen.cpu().numpy()
            log_probs[:] = head.evaluate(outputs, chosen, mask)[0].cpu().numpy()
        for name, part in new.items():
            state[name][:] = part.float().cpu().numpy()
        found: Array = values.float().cpu().numpy()
        return found

    def value(self, obs: Array, state: Mapping[str, Array], central: Sequence[Array] = ()) -> Array:
        with torch.inference_mode(), self.autocast():
            found: Array = self._run(obs, state, central)[1].float().cpu().numpy()
        return found

    def gradients(
        self, loss: Loss, minibatch: Minibatch, settings: Any, columns: tuple[str, ...], remember: bool = False
    ) -> dict[str, float]:
        results: dict[int, tuple[list[Tensor], dict[str, float]]] = {}
        lock = threading.Lock()

        def run(part: tuple[int, int]) -> None:
            thread, threads = part
            total = [torch.zeros_like(parameter) for parameter in self.parameters]
            sums: dict[str, float] = {}
            for chunk, weights in interleaved(minibatch, thread, threads):
                found = self._differentiate(loss, chunk, weights, minibatch.count, settings, columns, remember, total)
                sums = {name: sums.get(name, 0.0) + value for name, value in found.items()}
            with lock:
                results[thread] = total, sums

        self.pool.run(run)
        ordered = [results[k] for k in sorted(results)]
        sums: dict[str, float] = {}
        for _, found in ordered:
            sums = {name: sums.get(name, 0.0) + found.get(name, 0.0) for name in {**sums, **found}}
        check_finite(sums)
        add_up([total for total, _ in ordered], self.policy)
        return sums

    def _differentiate(
        self,
        loss: Loss,
        chunk: Chunk,
        weights: Array,
        count: float,
        settings: Any,
        columns: tuple[str, ...],
        remember: bool,
        total: list[Tensor],
    ) -> dict[str, float]:
        """Add a chunk's gradients to `total`; return the sums of its statistics."""
        masks = chunk.rows("action_mask")
        given = self._tensors({name: chunk.rows(name) for name in ("actions", *columns)})
        mask = torch.from_numpy(masks).to(self.device) if masks.shape[-1] else None
        weight = torch.from_numpy(weights).to(self.device)
        with self.autocast():
            outputs, values = self._evaluate(chunk)
        log_prob, entropy = self.policy.head.evaluate(outputs, given["actions"], mask)
        named = {name: values[:, k] for k, name in enumerate(self.policy.values)}
        made = {"outputs": outputs, "log_prob": log_prob, "entropy": entropy, **named}
        if bins := self.policy.network.value_bins:
            logits = values[:, len(named) :].reshape(-1, len(named), bins).float()
            made |= {f"{name}_logits": logits[:, k] for k, name in enumerate(named)}
        each, statistics = loss(SimpleNamespace(**made, **given), settings)
        mean = torch.where(weight > 0, each, 0.0).sum() / count
        new = torch.autograd.grad(mean, self.parameters, allow_unused=True)
        for so_far, gradient in zip(total, new, strict=True):
            if gradient is not None:
                so_far += gradient
        with torch.no_grad():
            counted = {n: torch.where(weight > 0, part, 0.0) for n, part in statistics.items()}
            sums = {n: float(part.sum(dtype=self.sum_type)) for n, part in counted.items()}
        if remember:
            kept = {name: part.detach().float().cpu().numpy() for name, part in named.items()}
            chunk.remember(log_prob.detach().float().cpu().numpy(), kept)
        return sums

    def log_probs(self, chunk: Chunk) -> Array:
        """Return how likely the policy finds a chunk's actions, (rows,)."""
        masks = chunk.rows("action_mask")
        mask = torch.from_numpy(masks).to(self.device) if masks.shape[-1] else None
        with torch.inference_mode(), self.autocast():
            outputs, _ = self._evaluate(chunk)
            actions = torch.from_numpy(chunk.rows("actions")).to(self.device)
            found: Array = self.policy.head.evaluate(outputs, actions, mask)[0].float().cpu().numpy()
        return found

    def _evaluate(self, chunk: Chunk) -> tuple[Tensor, Tensor]:
        """Return the head's inputs and the values of a chunk's rows."""
        policy = self.policy
        leaves = leaf_tensors(policy.observation, chunk.rows("obs"), self.device)
        central = self._list(chunk.central())
        if not policy.is_recurrent:
            outputs, values, _ = self.forward(leaves, {}, central)
            return outputs, values
        began, acting = torch.from_numpy(chunk.began()).to(self.device), chunk.acting()
        moves = None if acting is None else torch.from_numpy(acting).to(self.device)
        over_time = [part.view(*began.shape, *part.shape[1:]) for part in leaves]
        seen = [part.view(*began.shape, *part.shape[1:]) for part in central]
        outputs, values = policy.sequence(over_time, self._tensors(chunk.first_state()), began, moves, seen)
        return outputs.flatten(0, 1), values.flatten(0, 1)

    def close(self) -> None:
        self.pool.close()
