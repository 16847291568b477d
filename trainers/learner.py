"""Learning from a rollout: minibatches of chunks, spread over threads.

A chunk is a run of neighbouring rows of the rollout, (time x streams) flattened, so it is a view and nothing is
copied; with memory it is a group of streams over the whole horizon.  Every thread sums the gradients of
its chunks, and the threads' sums are added in order: a run repeats bit for bit with the same number of threads.
"""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from puffer_arena.core.errors import TrainingError
from puffer_arena.core.fields import Array
from puffer_arena.trainers.advantage import ADVANTAGES, explained_variance, normalize
from puffer_arena.trainers.arrays import aligned_copy
from puffer_arena.trainers.config import Config
from puffer_arena.trainers.fused import NO_ROW, FusedPath, Gradients, loss_rules
from puffer_arena.trainers.lanes import Lanes, split
from puffer_arena.trainers.objective import STATISTICS, Samples, as_metrics, loss
from puffer_arena.trainers.observations import leaf_tensors
from puffer_arena.trainers.optimizers import Optimizers, clip_gradients
from puffer_arena.trainers.policy import Policy
from puffer_arena.trainers.rollout import Rollout

MAX_CHUNK = 2048  # rows; larger chunks leave the cache, smaller ones spend their time between operations
CHUNKS_PER_MINIBATCH = 2  # at least; the rows of a chunk come from all environments, but from neighbouring steps

Chunk = tuple[int, int]


class Learner:
    """Moves a policy along the gradients of its objective."""

    def __init__(
        self,
        config: Config,
        policy: Policy,
        optimizers: Optimizers,
        rollout: Rollout,
        autocast: Callable[[], Any],
        device: torch.device,
        fused: FusedPath | None = None,
    ) -> None:
        self.config, self.policy, self.optimizers, self.rollout = config, policy, optimizers, rollout
        self.autocast, self.device, self.fused = autocast, device, fused
        self.forward: Any = torch.compile(policy) if config.compile == "on" else policy
        self.parameters = [p for p in policy.parameters() if p.requires_grad]
        self.chunks = self._cut()
        threads = max(1, min(config.threads if device.type == "cpu" else 1, len(self.chunks)))
        self.lanes = Lanes([(k, threads) for k in range(threads)])
        self.spans = split(rollout.streams, threads)
        self.sums = [Gradients(policy) for _ in range(threads)] if fused is not None else []
        self.corrects = config.ppo.advantage == "vtrace" and config.ppo.epochs > 1
        self.learn_seconds = 0.0

    def _cut(self) -> list[Chunk]:
        """Cut the rollout into chunks of nearly equal size."""
        rollout, ppo = self.rollout, self.config.ppo
        if self.policy.memory is not None:
            # Few wide chunks: the time steps of a chunk follow one another, each at the price of its calls.
            units, largest, each = rollout.streams, max(1, MAX_CHUNK * 16 // rollout.horizon), self.config.threads
        else:
            units, largest = rollout.streams * rollout.horizon, MAX_CHUNK
            each = max(CHUNKS_PER_MINIBATCH, self.config.threads)
        count = max(-(-units // largest), min(units, ppo.minibatches * each))
        count = min(units, -(-count // ppo.minibatches) * ppo.minibatches)
        return split(units, count)

    def learn(self, generator: torch.Generator, learning_rate: float, entropy_coef: float) -> dict[str, float]:
        """Pass over the rollout `epochs` times and return the means of what was seen.

        Raises:
            TrainingError: a loss or gradient is not finite; the weights are those before that minibatch.
        """
        begun = time.perf_counter()
        ppo, rollout = self.config.ppo, self.rollout
        rollout.ratios[:] = 1.0
        totals, weight, lengths = np.zeros(len(STATISTICS)), 0.0, []
        for epoch in range(ppo.epochs):
            if epoch == 0 or ppo.advantage == "vtrace":
                self._estimate()
            order = torch.randperm(len(self.chunks), generator=generator).tolist()
            for part in np.array_split(np.asarray(order), min(ppo.minibatches, len(order))):
                sums, count, length = self._minibatch([self.chunks[k] for k in part], entropy_coef)
                if count == 0:
                    continue
                self.optimizers.step(learning_rate)
                totals += sums
                weight += count
                lengths.append(length)
        self.learn_seconds = time.perf_counter() - begun
        metrics = as_metrics(totals, weight)
        metrics["gradient_norm"] = float(np.mean(lengths)) if lengths else 0.0
        metrics["explained_variance"] = explained_variance(rollout.alive[:-1], rollout.values[:-1], rollout.returns)
        return metrics

    def _estimate(self) -> None:
        """Fill in advantages and returns."""
        ppo, rollout = self.config.ppo, self.rollout
        estimate = ADVANTAGES[ppo.advantage]
        cuts = np.array([ppo.rho_clip, ppo.c_clip])
        experience = rollout.experience

        def run(part: tuple[int, int]) -> None:
            if part[0] >= len(self.spans):
                return
            a, b = self.spans[part[0]]
            estimate(experience, a, b, ppo.gamma, ppo.gae_lambda, cuts, rollout.advantages, rollout.returns)

        self.lanes.run(run)
        if not np.isfinite(rollout.advantages.sum()):
            raise TrainingError(f"the advantages became {rollout.advantages.sum()}: {ODD_REWARDS}")
        if ppo.normalize_advantages:
            normalize(rollout.advantages, rollout.alive[:-1])

    def _minibatch(self, chunks: list[Chunk], entropy_coef: float) -> tuple[Array, float, float]:
        """Set the gradients for some chunks; return the sums of STATISTICS, the agents counted, and the gradient's length."""
        weights = [self._weights(chunk) for chunk in chunks]
        count = float(sum(w.sum() for w in weights))
        if count == 0:
            return np.zeros(len(STATISTICS)), 0.0, 0.0
        if self.fused is not None:
            return self._fused_minibatch(self.fused, chunks, weights, count, entropy_coef)
        partial: list[Any] = [None] * len(self.lanes.parts)

        def run(part: tuple[int, int]) -> None:
            k, threads = part
            partial[k] = self._gradients(chunks[k::threads], weights[k::threads], count, entropy_coef)

        self.lanes.run(run)
        done = [result for result in partial if result is not None]
        for k, parameter in enumerate(self.parameters):
            total = done[0][0][k]
            for gradients, _ in done[1:]:
                total = total + gradients[k]
            parameter.grad = total
        sums = np.sum([sums for _, sums in done], axis=0)
        self._check_finite(sums)
        return sums, count, self._clip()

    def _fused_minibatch(
        self, fused: FusedPath, chunks: list[Chunk], weights: list[Array], count: float, entropy_coef: float
    ) -> tuple[Array, float, float]:
        """`_minibatch` by the fused path."""
        fused.refresh()
        rules = loss_rules(self.config, count, entropy_coef)

        def run(part: tuple[int, int]) -> None:
            k, threads = part
            into = self.sums[k]
            into.clear()
            for chunk, weight in zip(chunks[k::threads], weights[k::threads], strict=True):
                self._add_fused(fused, chunk, weight, rules, into)

        self.lanes.run(run)
        first, *others = self.sums
        with torch.no_grad():
            for k, parameter in enumerate(self.policy.parameters()):
                for other in others:
                    first.tensors[k] += other.tensors[k]
                parameter.grad = first.tensors[k]
        sums = np.sum([part.sums for part in self.sums], axis=0)
        self._check_finite(sums)
        return sums, count, self._clip()

    def _add_fused(self, fused: FusedPath, chunk: Chunk, weight: Array, rules: Array, into: Gradients) -> None:
        rollout, (a, b) = self.rollout, chunk
        samples = Samples(
            self._rows(rollout.actions, chunk),
            self._rows(rollout.masks, chunk),
            self._rows(rollout.log_probs, chunk),
            self._rows(rollout.values, chunk),
            self._rows(rollout.advantages, chunk),
            self._rows(rollout.returns, chunk),
            weight,
        )
        if self.corrects:
            ratios, values = rollout.ratios.reshape(-1)[a:b], rollout.values[:-1].reshape(-1)[a:b]
        else:
            ratios = values = NO_ROW
        obs = leaf_tensors(self.policy.observation, self._rows(rollout.obs, chunk))
        fused.add_gradients(obs, samples, rules, into, ratios, values, a)

    def _clip(self) -> float:
        length = clip_gradients(self.policy, self.config.ppo.max_grad_norm)
        if not np.isfinite(length):
            bad = next(
                (n for n, p in self.policy.named_parameters() if p.grad is not None and not p.grad.isfinite().all()),
                "all weights together",
            )
            raise TrainingError(f"the gradient of '{bad}' is not finite; {ADVICE}")
        return length

    def _check_finite(self, sums: Array) -> None:
        for name, value in zip(STATISTICS, sums, strict=True):
            if not np.isfinite(value):
                raise TrainingError(f"the {name} became {value}; {ADVICE}")

    def _gradients(
        self, chunks: list[Chunk], weights: list[Array], count: float, entropy_coef: float
    ) -> tuple[list[Tensor], Array] | None:
        """Return the summed gradients and statistics of some chunks."""
        gradients: list[Tensor] | None = None
        sums = torch.zeros(len(STATISTICS), dtype=torch.float64, device=self.device)
        for chunk, weight in zip(chunks, weights, strict=True):
            samples = self._samples(chunk, weight)
            with self.autocast():
                outputs, values = self._evaluate(chunk)
            total, parts, ratio = loss(self.policy.head, outputs, values, samples, self.config.ppo, entropy_coef)
            new = torch.autograd.grad(total / count, self.parameters, allow_unused=True)
            self._store_ratios(chunk, ratio, values)
            sums += parts
            if gradients is None:
                gradients = [torch.zeros_like(p) if g is None else g for g, p in zip(new, self.parameters, strict=True)]
            else:
                gradients = [g if n is None else g + n for g, n in zip(gradients, new, strict=True)]
        return None if gradients is None else (gradients, sums.cpu().numpy())

    def _rows(self, array: Array, chunk: Chunk) -> Array:
        """Return a chunk's entries of an array (horizon, streams, ...), one row each."""
        a, b = chunk
        array = array[: self.rollout.horizon]
        if self.policy.memory is not None:
            array, a, b = aligned_copy(array[:, a:b]), 0, (b - a) * len(array)
        return array.reshape(array.shape[0] * array.shape[1], *array.shape[2:])[a:b]

    def _weights(self, chunk: Chunk) -> Array:
        return self._rows(self.rollout.alive, chunk).astype(np.float32)

    def _samples(self, chunk: Chunk, weights: Array) -> Samples:
        rollout = self.rollout

        def tensor(array: Array) -> Tensor:
            return torch.from_numpy(self._rows(array, chunk)).to(self.device)

        return Samples(
            tensor(rollout.actions),
            tensor(rollout.masks) if rollout.masks.shape[-1] else None,
            tensor(rollout.log_probs),
            tensor(rollout.values),
            tensor(rollout.advantages),
            tensor(rollout.returns),
            torch.from_numpy(weights).to(self.device),
        )

    def _evaluate(self, chunk: Chunk) -> tuple[Tensor, Tensor]:
        """Return the network's outputs and values for a chunk, one row each."""
        rollout, policy = self.rollout, self.policy
        obs = leaf_tensors(policy.observation, self._rows(rollout.obs, chunk), self.device)
        if policy.memory is None:
            outputs, values, _ = self.forward(obs, torch.empty(0, device=self.device))
            return outputs, values
        a, b = chunk
        sequence = [part.view(rollout.horizon, b - a, *part.shape[1:]) for part in obs]
        starts = torch.from_numpy(aligned_copy(rollout.starts[:-1, a:b])).to(self.device)
        state = torch.from_numpy(rollout.first_state[a:b]).to(self.device)
        outputs, values = policy.forward_sequence(sequence, state, starts)
        return outputs.flatten(0, 1), values.flatten()

    def _store_ratios(self, chunk: Chunk, ratio: Tensor, values: Tensor) -> None:
        """Keep what a later epoch's V-trace corrects by."""
        rollout = self.rollout
        if not self.corrects:
            return
        a, b = chunk
        for target, tensor in ((rollout.ratios, ratio), (rollout.values[:-1], values.detach())):
            new = tensor.float().cpu().numpy()
            if self.policy.memory is not None:
                target[:, a:b] = new.reshape(rollout.horizon, b - a)
            else:
                target.reshape(-1)[a:b] = new

    def close(self) -> None:
        """End the threads."""
        self.lanes.close()


ODD_REWARDS = "a reward is not finite or too large for float32; check the environment's rewards"
ADVICE = (
    "the weights are kept as they were before it: resume from the last checkpoint with a lower "
    "optimizer.learning_rate or ppo.max_grad_norm"
)
