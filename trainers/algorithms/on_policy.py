"""What on-policy algorithms share: environments, policy, rollout, collector, backend, optimizer and their state."""

import contextlib
import dataclasses
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar

import numpy as np
import torch
from torch import nn

from puffer_arena.batch.batch import Batch
from puffer_arena.batch.make import make
from puffer_arena.batch.seeds import row_keys
from puffer_arena.batch.workers.spans import split
from puffer_arena.core.fields import Array
from puffer_arena.curriculum.choose import load_curriculum
from puffer_arena.curriculum.curriculum import Curriculum
from puffer_arena.curriculum.director import Director
from puffer_arena.errors import ParameterError, TrainingError
from puffer_arena.registry import load_env, source_digest
from puffer_arena.trainers.actor import load_weights
from puffer_arena.trainers.algorithms.algorithm import (
    Algorithm,
    OnStep,
    as_bytes,
    from_bytes,
    groups_of,
    take_generator,
)
from puffer_arena.trainers.backends.choose import choose_backend
from puffer_arena.trainers.backends.loss import Loss
from puffer_arena.trainers.config import Config
from puffer_arena.trainers.data.collector import Collector
from puffer_arena.trainers.data.columns import Column
from puffer_arena.trainers.data.rollout import Rollout
from puffer_arena.trainers.data.stagger import stagger
from puffer_arena.trainers.estimate.scale import RewardScale
from puffer_arena.trainers.league.opponents import Opponents
from puffer_arena.trainers.networks.observations import leaf_tensors
from puffer_arena.trainers.networks.policy import MakeEncoder, Policy, find_central
from puffer_arena.trainers.networks.roles import build_policy_of
from puffer_arena.trainers.nodes import Nodes, check_shared, present_nodes
from puffer_arena.trainers.optimize.optimizers import Optimizers
from puffer_arena.trainers.optimize.schedules import decay
from puffer_arena.trainers.precision import resolve
from puffer_arena.trainers.threadpool import ThreadPool

WATCHED_ROWS = 8192  # of a rollout, that the statistics of observations are taken from


class OnPolicy(Algorithm):
    """The parts of an on-policy algorithm; a subclass says what it learns from them, in `update`.

    Attributes:
        columns: what the rollout holds besides the columns of every rollout.
    """

    columns: ClassVar[tuple[Column, ...]] = ()

    def __init__(self, config: Config, make_encoder: MakeEncoder | None = None) -> None:
        self.config = config = resolve(config)
        if config.network.head == "greedy" and self.defaults.get("network", {}).get("head") != "greedy":
            raise TrainingError(
                f"network.head = 'greedy' gives values, not probabilities, which {config.algorithm} learns; choose 'auto'"
            )
        self.nodes = nodes = present_nodes()
        check_shared(config, type(self), nodes)
        # The threads below each run whole operations; torch must not split those again.
        torch.set_num_threads(1)
        method = config.method
        curriculum = load_curriculum(load_env(config.env), config.curriculum) if config.curriculum else None
        self.batch = make_rows(config, curriculum, nodes, self.rows_device())
        apart = getattr(method, "stagger", 0)
        if apart and curriculum is not None:
            raise TrainingError(
                f"{self.section}.stagger = {apart} begins rows on levels that a curriculum did not choose"
            )
        if apart:
            stagger(self.batch, apart, config.seed)
        self.director = None if curriculum is None else Director(self.batch, curriculum, config.seed)
        if self.director is not None:
            self.director.begin()
        self.policy = make_policy(self.batch, config, self.values, make_encoder).to(config.device)
        self.generator = torch.Generator().manual_seed(config.seed)
        self.optimizer = Optimizers(self.policy, config.optimizer, config.precision, lambda: self.between())
        pool = config.opponent.pool
        self.opponent = Opponents(self.batch, config, self.policy, make_encoder) if pool else None
        self.equip()
        self.learning_rate = config.optimizer.learning_rate
        self.steps = self.updates = self.inexact_rows = 0
        self.seconds = 0.0

    def rows_device(self) -> str:
        """Return where the environments' rows live, as `make` takes it."""
        return "cpu"

    def equip(self) -> None:
        """Make what collects a rollout and learns from it."""
        config, method = self.config, self.config.method
        learners = None if self.opponent is None else self.opponent.learners
        self.rollout = Rollout(self.batch, method.horizon, self.policy, self.columns, learners)
        self.backend = choose_backend(config, self.policy, self.losses(), method.horizon * self.rollout.streams)
        threads = config.threads if config.device == "cpu" else 1
        self.collector = Collector(self.rollout, self.backend, threads, self.opponent, self.nodes)
        self.collector.stepped = self._stepped
        self.chunks = self.rollout.cut(method.minibatches, threads)
        self.pool = ThreadPool(split(self.rollout.streams, threads))
        self.reward_scale = RewardScale(self.rollout.streams, self.nodes)

    def losses(self) -> list[Loss]:
        """Return every loss that this run trains."""
        raise NotImplementedError

    @property
    def rate(self) -> float:
        """The learning rate now, by its schedule."""
        optimizer = self.config.optimizer
        return self.learning_rate * decay(optimizer.schedule, self.progress, optimizer.final_fraction)

    @contextlib.contextmanager
    def measuring(self, on_step: OnStep | None) -> Iterator[dict[str, float]]:
        """Collect a rollout, let the body learn from it, and complete the metrics that the body has begun."""
        begun, config = time.perf_counter(), self.config
        rate, director = self.rate, self.director
        weighs = director is not None and director.curriculum.weighs
        self.rollout.weigh(director.entrances.weights if director is not None and weighs else None)
        self.collector.collect(self.generator, self._hook(on_step))
        collected = time.perf_counter()
        self.optimizer.begin_rollout()
        learned: dict[str, float] = {}
        yield learned
        self._watch()
        self.nodes.share_first(self.policy)
        self._teach()
        self.rollout.advance()
        steps = config.num_envs * self.rollout.horizon
        self.steps += steps
        self.updates += 1
        seconds = time.perf_counter() - begun
        self.seconds += seconds
        measured = {
            "steps": float(self.steps),
            "updates": float(self.updates),
            "seconds": self.seconds,
            "steps_per_second": steps / seconds,
            "time/step": self.collector.step_seconds,
            "time/infer": self.collector.infer_seconds,
            "time/learn": time.perf_counter() - collected,
            "learning_rate": rate,
        }
        found = dict(learned)
        learned.clear()
        learned.update(measured | found | self.batch.episodes())
        if self.opponent is not None:
            learned.update(self.opponent.conclude(self.steps))
        if self.director is not None:
            learned.update(self.director.metrics())

    def in_rewards(self, values: Array) -> Array:
        """Return values in the units of rewards."""
        return values

    def _hook(self, on_step: OnStep | None) -> Callable[[int], None] | None:
        """Return what follows every step of a rollout."""
        return None if on_step is None else lambda t: on_step(self, t)

    def _stepped(self, t: int) -> None:
        """Let the curriculum see step `t` of a rollout; a person may begin and end one at any step."""
        director, rollout = self.director, self.rollout
        if director is None:
            return
        out = rollout.slices[t]
        with self._bearing(director):
            director.follow(out.began, t, out)
        if "weight" in rollout.columns and t + 1 < rollout.horizon:
            rollout.weight[t + 1] = director.entrances.weights[rollout.owners]

    @contextlib.contextmanager
    def _bearing(self, director: Director) -> Iterator[None]:
        """Let the update go on where a curriculum goes wrong, so that it can be saved; nobody asks that one any more."""
        try:
            yield
        except TrainingError as error:
            self.failure, director.silent = error, True

    def steer(self, table: Mapping[str, Any]) -> None:
        batch, director = self.batch, self.director
        made = dataclasses.asdict(batch.param_values)
        if table:
            curriculum = load_curriculum(batch.env, table)
            for name, spread in curriculum.ranges.items():
                if name in batch.env.dimensions and spread.high > made[name]:
                    raise ParameterError(
                        f"range of '{name}' ends at {spread.high:g}, and the rows' memory was made for {made[name]}"
                    )
            if director is not None and _chosen(table) == _chosen(self.config.curriculum):
                director.draw(curriculum.drawn, curriculum.weight)  # and what was learned stays
            else:
                director = director or Director(batch, curriculum, self.config.seed)
                director.change(curriculum)
            self.director = director
        elif director is not None:
            values = batch.env.build_params(self.config.params)
            own = {name: getattr(values, name) for name in director.curriculum.ranges}
            batch.assign(np.arange(batch.num_envs), own, -1)
            self.rollout.weigh(None)
            self.director = None
        sizes = {name: made[name] for name in batch.env.dimensions if name in made}
        params = {**self.config.params, **sizes}  # a resumed run makes rows of the same size
        self.config = dataclasses.replace(self.config, curriculum=dict(table), params=params)

    def _teach(self) -> None:
        """Tell the curriculum which episodes ended, and what was learned from them."""
        rollout, director = self.rollout, self.director
        if director is None:
            return
        if not director.curriculum.needs_scores or "target" not in rollout.columns:
            with self._bearing(director):
                director.report()
            return
        values, targets = self.in_rewards(rollout.old_value[:-1]), self.in_rewards(rollout.target)
        scale = self.reward_scale.deviation if getattr(self.config.method, "normalize_rewards", False) else 1.0
        with self._bearing(director):
            director.learned(targets - values, values, rollout.acting[:-1], rollout.owners, scale)

    def _watch(self) -> None:
        """Let networks that normalize observations see some of the rollout's."""
        if not self.config.network.normalize:
            return
        obs, acting = self.rollout.obs[:-1], self.rollout.acting[:-1]
        apart = max(1, acting.size // WATCHED_ROWS)

        def some(column: Array) -> Array:
            kept: Array = column.reshape(-1, *column.shape[2:])[::apart][acting.reshape(-1)[::apart]]
            return kept

        kept = some(obs)
        if len(kept):
            leaves = leaf_tensors(self.policy.observation, kept, self.config.device)
            central = []
            if self.policy.central is not None:
                seen = self.rollout.central_leaves(some(self.rollout.global_state[:-1]), some(self.rollout.seat[:-1]))
                central = [torch.from_numpy(part).to(self.config.device) for part in seen]
            self.policy.watch(leaves, central)

    def look(self, rows: Array, t: int) -> tuple[Array | None, Array]:
        policy, device = self.policy, self.config.device
        agents = max(self.batch.num_agents, 1)
        chosen = (rows[:, None] * agents + np.arange(agents)).reshape(-1)
        seen, masks, state = self.rollout.newest(t, chosen)
        with torch.inference_mode():
            tensors = {name: torch.from_numpy(part).to(device) for name, part in state.items()}
            central = [torch.from_numpy(part).to(device) for part in self.rollout.newest_central(chosen)]
            outputs, values, _ = policy(leaf_tensors(policy.observation, seen, device), tensors, central)
            mask = torch.from_numpy(masks).to(device) if masks.shape[-1] else None
            probs = policy.head.probabilities(outputs, mask)
        shape = (len(rows), agents)
        shown = None if probs is None else probs.float().cpu().numpy().reshape(*shape, -1)
        if not policy.values:
            return shown, np.full(shape, np.nan, np.float32)
        return shown, self.in_rewards(values[:, 0].float().cpu().numpy().reshape(shape))

    def _carried(self) -> dict[str, Array]:
        """Return the arrays that one update hands to the next."""
        scale = {f"reward_scale.{name}": array for name, array in self.reward_scale.state().items()}
        tasks = {} if self.director is None else self.director.state()
        seats = {} if self.opponent is None else self.opponent.carried()
        found = {f"curriculum.{name}": array for name, array in tasks.items()}
        found |= {f"league.{name}": array for name, array in seats.items()}
        return self.rollout.carried() | scale | found

    def beside(self) -> dict[str, nn.Module | Optimizers]:
        """Return the networks and optimizers beside the policy's that checkpoints hold, by name."""
        return {}

    def state(self) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
        tensors = {f"policy/{name}": value for name, value in self.policy.state_dict().items()}
        tensors |= {f"optimizer/{name}": value for name, value in self.optimizer.tensors().items()}
        tensors |= {name: as_bytes(array) for name, array in self.batch.save_rows().items()}
        tensors |= {f"carried/{name}": as_bytes(array) for name, array in self._carried().items()}
        tensors["generator"] = self.generator.get_state()
        tensors = self.nodes.gather(tensors)
        about = self.describe()
        if self.opponent is not None:
            about["league"] = self.opponent.pool.state()
            policies = self.opponent.policies()
            tensors |= {f"league/{key}": as_bytes(np.frombuffer(data, np.uint8)) for key, data in policies.items()}
        for key, part in self.beside().items():
            own = part.state_dict() if isinstance(part, nn.Module) else part.tensors()
            tensors |= {f"{key}/{name}": value for name, value in own.items()}
        return tensors, about

    def load_state(self, tensors: dict[str, torch.Tensor], about: dict[str, Any], name: str = "the checkpoint") -> None:
        self.check_layout(about, name)
        beside = self.beside()
        found = groups_of(tensors, tuple(beside))
        tensors = self.nodes.part_of(tensors)
        groups = groups_of(tensors, ("policy", "optimizer", "carried", "league"))
        load_weights(self.policy, groups["policy"], name)
        self.optimizer.load_tensors(groups["optimizer"])
        for key, part in beside.items():
            if isinstance(part, nn.Module):
                load_weights(part, found[key], name)
            else:
                part.load_tensors(found[key])
        if self.opponent is not None:
            policies = {key: value.numpy().tobytes() for key, value in groups["league"].items()}
            self.opponent.load(about.get("league"), policies, name)
        from_bytes(groups["carried"], self._carried(), name)
        if self.director is not None:
            self.director.check(name)
        if self.opponent is not None:
            self.opponent.settle(name)
        self.take_rows(tensors, name)
        if self.batch.env.stepped_by is not None:  # episodes of other libraries begin anew
            self.rollout.begin()
            for remembered in self.rollout.state.values():
                remembered[:] = 0.0
        take_generator(self.generator, tensors, name)
        self.take_counts(about, name)

    def close(self) -> None:
        self.collector.close()
        if self.opponent is not None:
            self.opponent.close()
        self.pool.close()
        self.backend.close()
        self.batch.close()


def _chosen(table: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of a curriculum's table its method is made of: not what people have drawn beside it."""
    return {name: part for name, part in table.items() if name not in ("levels", "weight")}


def make_rows(
    config: Config,
    curriculum: Curriculum | None,
    nodes: Nodes = Nodes(),  # noqa: B008  frozen
    device: str = "cpu",
) -> Batch:
    """Make this process's rows of a run; memory has room for the largest parameters that its curriculum may choose."""
    values, env = dict(config.params), load_env(config.env)
    if curriculum is not None:
        largest = list(curriculum.highest().items())
        largest += [each for level in curriculum.drawn for each in level.params.items()]
        for name, high in largest:
            if name in env.dimensions:
                values[name] = env.parameters[name].kind(max(high, values.get(name, high)))
    sees = config.network.critic == "state"
    low, high = nodes.span(config.num_envs)
    batch = make(
        config.env, high - low, config.seed, config.threads, record=None, observe_state=sees, device=device, **values
    )
    if nodes.size > 1:  # the rows that they are of all together
        batch.rows.states["row_key"] = row_keys(config.seed, config.num_envs)[low:high]
        batch.rows.states["episode"] = 0
        batch.reset()
    return batch


def annealed(settings: Any, progress: float) -> Any:
    """Return settings in which every `<name>_final` that is not below 0 has moved `<name>` towards it, in a line."""
    progress = min(max(progress, 0.0), 1.0)
    moved = {}
    for each in dataclasses.fields(settings):
        end = getattr(settings, f"{each.name}_final", -1.0)
        if end >= 0.0:
            start = getattr(settings, each.name)
            moved[each.name] = start + (end - start) * progress
    return dataclasses.replace(settings, **moved) if moved else settings


def make_policy(
    batch: Batch, config: Config, values: tuple[str, ...] = ("value",), make_encoder: MakeEncoder | None = None
) -> Policy:
    """Make the policy for a batch, with weights drawn from the config's seed."""
    origin = {"env": config.env, "params": config.params, "rules": source_digest(batch.env)}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        central = find_central(batch.env, batch.param_values, config.network)
        return build_policy_of(batch.observation, batch.action, config.network, origin, values, make_encoder, central)
