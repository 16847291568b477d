"""A rollout: the columns of `horizon` steps in every environment, and the chunks in which it is learned from.

The batch writes each step straight into the columns.  A stream is one agent of one environment, of
those that the policy steers; columns are (time, streams, ...).
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch

from puffer_arena.batch.batch import Batch
from puffer_arena.batch.buffers import by_seat
from puffer_arena.batch.workers.spans import split
from puffer_arena.core.fields import Array
from puffer_arena.kernels.tables import Buffers
from puffer_arena.trainers.data.arrays import aligned_copy, aligned_zeros
from puffer_arena.trainers.data.columns import Column, value_columns
from puffer_arena.trainers.data.credit import Pending
from puffer_arena.trainers.networks.observations import leaf_arrays
from puffer_arena.trainers.networks.policy import Policy

LOOKED_AT = ("obs", "acting", "action_mask", "began")  # what a step leaves for the next
MAX_CHUNK = 2048  # rows; larger chunks leave the cache, smaller ones spend their time between operations
CHUNKS_PER_MINIBATCH = 2  # at least; the rows of a chunk come from all environments, but from neighbouring steps


class Rollout:
    """The columns of one rollout, each an attribute; the next rollout uses them again.

    Every rollout has what the batch writes (obs, acting, action_mask, began, rewards, terminated, truncated, and the
    environment's signals by their names), what the policy did (actions, old_log_prob, old_<value>, final_<value>) and
    what the algorithm declares.
    Where `acting` is not set a row is nobody's: its agent is absent, has left or waits (see `credit.py`).

    Args:
        columns: those of the algorithm.
        learners: agents that the policy steers and learns from, bool (num_envs, agents); all of them by default.
    """

    def __init__(
        self,
        batch: Batch,
        horizon: int,
        policy: Policy,
        columns: Sequence[Column] = (),
        learners: Array | None = None,
    ) -> None:
        self.batch, self.horizon, self.policy = batch, horizon, policy
        self._sample = batch.make_buffers()
        # None where every agent has a stream: then the batch writes into these arrays itself.
        self._picked = None if learners is None or learners.all() else np.flatnonzero(learners)
        self.streams = batch.num_envs * max(batch.num_agents, 1) if self._picked is None else len(self._picked)
        self._written = {
            name: aligned_zeros((horizon + (name in LOOKED_AT), self.streams, *part.shape[1:]), part.dtype)
            for name, part in by_seat(self._sample).items()
            if name != "final_obs"
        }
        self.columns: dict[str, Array] = dict(self._written)
        self.columns |= {name: self.signals[..., k] for k, name in enumerate(batch.env.signals)}
        self.acting[:] = True
        self.action_mask[:] = True
        self.owners = self._agents // max(batch.num_agents, 1)  # the row that each stream belongs to, (streams,)
        if policy.central is not None:
            self._make_central()
        self.slices = [self._slice(t) for t in range(horizon)]
        self.final_obs = by_seat(self._sample)["final_obs"]
        if self._picked is not None:
            self.final_obs = self.final_obs[self._picked]
        head = policy.head
        own = (Column("actions", head.numbers, (head.components,)), Column("old_log_prob"))
        for column in (*own, *value_columns(policy.values), *columns):
            shape = (horizon + column.ahead, self.streams, *column.shape)
            self.columns[column.name] = aligned_zeros(shape, column.dtype)
        self.state = self._make_state()
        self.first_state = self._make_state()  # the recurrent state before step 0
        # None for solo environments, whose one agent always acts.
        self.pending = Pending(self.columns, self.state) if batch.num_agents else None
        self.together = np.ones(horizon, np.bool_)  # steps in which all streams acted
        self.begin()

    def __getattr__(self, name: str) -> Array:
        try:
            return self.__dict__["columns"][name]  # type: ignore[no-any-return]  # columns hold arrays
        except KeyError:
            raise AttributeError(f"this rollout has no column '{name}'") from None

    def _make_central(self) -> None:
        """Add the columns that only a central critic sees: the global state, and which agent of its row a stream is."""
        state = self._sample.global_state
        self.columns["global_state"] = aligned_zeros((self.horizon + 1, self.streams, *state.shape[1:]), state.dtype)
        self.columns["seat"] = aligned_zeros((self.horizon + 1, self.streams, 1), np.int64)
        self.seat[:] = (self._agents % max(self.batch.num_agents, 1))[:, None]

    @property
    def _agents(self) -> Array:
        """The agent that each stream is, numbered through the rows of the batch, (streams,)."""
        return np.arange(self.streams) if self._picked is None else self._picked

    def central(self, *place: Any) -> list[Array]:
        """Return what a central critic sees besides observations, a view for each leaf, at a place of the columns."""
        if self.policy.central is None:
            return []
        return self.central_leaves(self.global_state[place], self.seat[place])

    def central_of(self, states: Array, agents: Array) -> list[Array]:
        """Return the same of agents, numbered through the rows, from the global states of all rows."""
        if self.policy.central is None:
            return []
        count = max(self.batch.num_agents, 1)
        return self.central_leaves(aligned_copy(states[agents // count]), (agents % count)[:, None])

    def final_central(self, streams: Array) -> list[Array]:
        """Return what a central critic saw of some streams, (streams,), whose episodes have just been cut off."""
        return self.central_of(np.asarray(self._sample.final_global_state), self._agents[streams])

    def newest_central(self, agents: Array) -> list[Array]:
        """Return what a central critic sees of some agents after the last step; see `newest`."""
        return self.central_of(np.asarray(self._sample.global_state), agents)

    def central_leaves(self, states: Array, seats: Array) -> list[Array]:
        """Return what a central critic sees besides observations, from global states and seats, for each leaf."""
        assert self.policy.central is not None  # asked for where there is one
        return [*leaf_arrays(self.policy.central.state, states), *([seats] if self.policy.central.seats else [])]

    def _make_state(self) -> dict[str, Array]:
        spec = self.policy.state_spec
        return {name: aligned_zeros((self.streams, *shape), np.float32) for name, shape in spec.items()}

    def _slice(self, t: int) -> Buffers:
        """Return the buffers that the batch writes step `t` into."""
        if self._picked is not None:
            return self._sample
        own = {name: array[t + (name in LOOKED_AT)] for name, array in self._written.items()}
        shaped = {name: array.reshape(getattr(self._sample, name).shape) for name, array in own.items()}
        shared = {name: getattr(self._sample, name) for name in ("final_obs", "global_state", "final_global_state")}
        return self.batch.make_buffers(**shared, **shaped)

    def gather(self, t: int) -> None:
        """Take the streams out of what the batch wrote at step `t`, where not every agent has one.

        The global state, which is a row's, goes to all its streams.
        """
        if self.policy.central is not None:
            np.take(self._sample.global_state, self.owners, axis=0, out=self.global_state[t + 1])
        if self._picked is None:
            return
        parts = by_seat(self._sample)
        for name, array in self._written.items():
            np.take(parts[name], self._picked, axis=0, out=array[t + (name in LOOKED_AT)])
        np.take(parts["final_obs"], self._picked, axis=0, out=self.final_obs)

    def newest(self, t: int, agents: Array) -> tuple[Array, Array, dict[str, Array]]:
        """Return observations, action masks and recurrent states of some agents after step `t`.

        Args:
            agents: numbered through the rows of the batch.  Those without a stream remember nothing.
        """
        if self._picked is None:
            state = {name: part[agents] for name, part in self.state.items()}
            return self.obs[t + 1][agents], self.action_mask[t + 1][agents], state
        parts, state = by_seat(self._sample), {}
        for name, part in self.state.items():
            everybody = np.zeros((len(parts["obs"]), *part.shape[1:]), np.float32)
            everybody[self._picked] = part
            state[name] = everybody[agents]
        return parts["obs"][agents], parts["action_mask"][agents], state

    def acts(self, t: int) -> Array | None:
        """Return which streams act at step `t`, bool (streams,); None for all."""
        if self.pending is None:
            return None
        flags = self.acting[0] & ~self.pending.flags if t == 0 else self.acting[t]
        self.together[t] = flags.all()
        return None if self.together[t] else flags

    def who(self, stream: int) -> str:
        """Return which row, and which agent, a stream is, for messages."""
        agent = stream if self._picked is None else int(self._picked[stream])
        row, seat = divmod(agent, max(self.batch.num_agents, 1))
        return f"row {row}" + (f", agent {seat}" if self.batch.num_agents else "")

    def weigh(self, weights: Array | None) -> None:
        """Let steps count by the weight of their episode, beginning with those of the first step, (num_envs,); None: alike."""
        if weights is None:
            self.columns.pop("weight", None)
            return
        if "weight" not in self.columns:
            self.columns["weight"] = aligned_zeros((self.horizon, self.streams), np.float32)
        self.weight[0] = weights[self.owners]

    def begin(self) -> None:
        """Take over the batch's buffers after a reset."""
        parts = by_seat(self.batch.buffers)
        for name in LOOKED_AT:
            self.columns[name][0] = parts[name] if self._picked is None else parts[name][self._picked]
        if self.policy.central is not None:
            self.global_state[0] = self.batch.global_state[self.owners]
        if self.pending is not None:
            self.pending.forget()

    def advance(self) -> None:
        """Let the last step be the first of the next rollout."""
        for name in self._carried_columns:
            self.columns[name][0] = self.columns[name][-1]
        self.remember_start()

    @property
    def _carried_columns(self) -> tuple[str, ...]:
        """What of the last row the next rollout begins with; pending actions keep their values, too."""
        values = () if self.pending is None else tuple(f"old_{name}" for name in self.policy.values)
        return LOOKED_AT + values + (() if self.policy.central is None else ("global_state",))

    def remember_start(self) -> None:
        """Note the recurrent state before the first step."""
        for name, part in self.newest_state().items():
            self.first_state[name][:] = part

    def newest_state(self) -> dict[str, Array]:
        """Return the recurrent state that belongs to the observations which the next rollout begins with."""
        return self.state if self.pending is None else self.pending.states(self.state)

    def carried(self) -> dict[str, Array]:
        """Return what one rollout hands to the next, for checkpoints."""
        kept = {name: self.columns[name][0] for name in self._carried_columns}
        pending = {} if self.pending is None else self.pending.carried()
        return kept | {f"state.{name}": part for name, part in self.state.items()} | pending

    def cut(self, minibatches: int, threads: int) -> list["Chunk"]:
        """Cut the rollout into chunks of nearly equal size, some for every minibatch and thread."""
        if self.policy.is_recurrent:
            # Few wide chunks where time steps follow one another, each at the price of its calls.
            memory = self.policy.memory
            wide = 2 if memory is not None and memory.at_once else 16
            units, largest, each = self.streams, max(1, MAX_CHUNK * wide // self.horizon), threads
        else:
            units, largest = self.streams * self.horizon, MAX_CHUNK
            each = max(CHUNKS_PER_MINIBATCH, threads)
        count = max(-(-units // largest), min(units, minibatches * each))
        count = min(units, -(-count // minibatches) * minibatches)
        return [Chunk(self, *span) for span in split(units, count)]


class Chunk:
    """A part of a rollout: neighbouring steps of all streams, or with memory some streams over the whole horizon.

    Rows are (time x streams) flattened, so that the former is a view and nothing is copied, unless some act and some do
    not: then it is those who act.  With memory all rows of a stream are kept.

    Args:
        rollout: that it is a part of.
        begin, end: the span of its rows, or of its streams.
        drawn: streams in any order, and as often as they were drawn, in place of those of the span, (end - begin,).

    Attributes:
        mean, deviation: what its advantages are read less, and divided by.
        importance: what each row's advantage is multiplied by; None for 1.
    """

    def __init__(self, rollout: Rollout, begin: int, end: int, drawn: Array | None = None) -> None:
        self.rollout, self.begin, self.end = rollout, begin, end
        self.is_segment = rollout.policy.is_recurrent or drawn is not None
        self.streams: slice | Array = slice(begin, end) if drawn is None else drawn  # of a segment
        self.mean, self.deviation = 0.0, 1.0
        self.importance: Array | None = None
        self._kept: Array | None = None  # the rows of those who act, where not all do

    def look(self) -> None:
        """Look at who acts in this rollout."""
        if not self.is_segment and self.rollout.pending is not None:
            acting = self.rollout.acting[:-1].reshape(-1)[self.begin : self.end]
            self._kept = None if acting.all() else np.flatnonzero(acting)

    @property
    def place(self) -> int | None:
        """The first row's number in the rollout, where rows are neighbours and were acted on together."""
        streams = self.rollout.streams
        steps = slice(self.begin // streams, -(-self.end // streams))
        if self.is_segment or self._kept is not None or not self.rollout.together[steps].all():
            return None
        return self.begin

    def __len__(self) -> int:
        if self._kept is not None:
            return len(self._kept)
        return (self.end - self.begin) * (self.rollout.horizon if self.is_segment else 1)

    def rows(self, name: str) -> Array:
        """Return the chunk's entries of a column, (rows, ...)."""
        array, a, b = self.rollout.columns[name][: self.rollout.horizon], self.begin, self.end
        if self.is_segment:
            array, a, b = aligned_copy(array[:, self.streams]), 0, (b - a) * len(array)
        rows = array.reshape(array.shape[0] * array.shape[1], *array.shape[2:])[a:b]
        rows = rows if self._kept is None else aligned_copy(rows[self._kept])
        return self._weigh(rows) if name == "advantage" else rows

    def _weigh(self, advantages: Array) -> Array:
        """Return advantages as they are learned from."""
        if (self.mean, self.deviation) != (0.0, 1.0):
            advantages = (advantages - np.float32(self.mean)) / np.float32(self.deviation)
        return advantages if self.importance is None else advantages * self.importance

    def weights(self) -> Array:
        """Return how much each row counts, float32 (rows,): not at all where nobody acts."""
        acting = self.rows("acting").astype(np.float32)
        return acting * self.rows("weight") if "weight" in self.rollout.columns else acting

    def write(self, name: str, rows: Array) -> None:
        """Set the chunk's entries of a column."""
        column = self.rollout.columns[name][: self.rollout.horizon]
        if self.is_segment:
            column[:, self.streams] = rows.reshape(len(column), self.end - self.begin, *rows.shape[1:])
        else:
            chosen = column.reshape(-1, *column.shape[2:])[self.begin : self.end]
            chosen[slice(None) if self._kept is None else self._kept] = rows

    def central(self) -> list[Array]:
        """Return what only a central critic sees of the chunk's rows, an array for each leaf; none without one."""
        if self.rollout.policy.central is None:
            return []
        return self.rollout.central_leaves(self.rows("global_state"), self.rows("seat"))

    def began(self) -> Array:
        """Return where episodes begin in a segment, (time, streams)."""
        return aligned_copy(self.rollout.began[:-1, self.streams])

    def acting(self) -> Array | None:
        """Return who acts in a segment, (time, streams), and so remembers what it sees; None where all do."""
        acting = self.rollout.acting[:-1, self.streams]
        return None if acting.all() else aligned_copy(acting)

    def first_state(self) -> dict[str, Array]:
        """Return a segment's recurrent state before its first step, (streams, ...)."""
        return {name: part[self.streams] for name, part in self.rollout.first_state.items()}

    def remember(self, log_probs: Array, values: dict[str, Array]) -> None:
        """Keep what the present policy makes of the rows, which a later V-trace corrects by."""
        self.write("ratio", np.exp(log_probs - self.rows("old_log_prob")))
        for name, rows in values.items():
            self.write(f"old_{name}", rows)


class Minibatch:
    """Some chunks, and how many of their rows count."""

    def __init__(self, chunks: Sequence[Chunk]) -> None:
        for chunk in chunks:
            chunk.look()
        self.chunks = [chunk for chunk in chunks if len(chunk)]
        self.weights = [chunk.weights() for chunk in self.chunks]
        self.count = float(sum(weights.sum() for weights in self.weights))

    def normalize(self) -> None:
        """Have the advantages of the rows that count read with mean 0 and deviation 1."""
        kept = [chunk.importance for chunk in self.chunks]
        for chunk in self.chunks:
            chunk.mean, chunk.deviation, chunk.importance = 0.0, 1.0, None
        given = [(chunk.rows("advantage"), weights) for chunk, weights in zip(self.chunks, self.weights, strict=True)]
        mean = sum(float((rows * weights).sum(dtype=np.float64)) for rows, weights in given) / self.count
        square = sum(float((weights * (rows - mean) ** 2).sum(dtype=np.float64)) for rows, weights in given)
        for chunk, importance in zip(self.chunks, kept, strict=True):
            chunk.mean, chunk.deviation = mean, (square / self.count) ** 0.5 + 1e-8
            chunk.importance = importance


def shuffled(chunks: Sequence[Chunk], minibatches: int, generator: torch.Generator) -> Iterator[Minibatch]:
    """Yield the chunks in random order, in so many minibatches; those in which nobody takes part are left out."""
    order: Any = torch.randperm(len(chunks), generator=generator).numpy()
    for part in np.array_split(order, min(minibatches, len(order))):
        minibatch = Minibatch([chunks[k] for k in part])
        if minibatch.count:
            yield minibatch


def prioritized(
    rollout: Rollout, minibatches: int, chunks: int, power: float, beta: float, generator: torch.Generator
) -> Iterator[Minibatch]:
    """Yield minibatches of streams that were drawn by how much there is to learn from them, each over the whole horizon.

    A stream i of N is drawn with the probability p_i ~ (mean |advantage_i|)^power, and its advantages are multiplied by
    (N p_i)^-beta (Schaul et al. 2016, arXiv 1511.05952, section 3.4, over segments in place of steps).

    Args:
        rollout: with its advantages filled in.
        minibatches: how many; together they have as many streams as the rollout.
        chunks: in each, at least.
        power: 0 draws all alike.
        beta: 1 makes up for the drawing in full, 0 not at all.
        generator: of the draws.
    """
    acting, size = rollout.acting[:-1], np.abs(rollout.advantage).sum(0, dtype=np.float64)
    priority = (size / np.maximum(acting.sum(0), 1) + 1e-6) ** power * acting.any(0)
    edges = np.cumsum(priority) / max(priority.sum(), 1e-300)
    weight = (np.maximum(priority / max(priority.mean(), 1e-300), 1e-12) ** -beta).astype(np.float32)
    for begin, end in split(rollout.streams, min(minibatches, rollout.streams)):
        drawn = torch.rand(end - begin, generator=generator, dtype=torch.float64).numpy()
        streams = np.minimum(np.searchsorted(edges, drawn, "right"), rollout.streams - 1)
        parts = []
        for a, b in split(len(streams), min(max(chunks, len(streams) * rollout.horizon // MAX_CHUNK), len(streams))):
            part = Chunk(rollout, a, b, streams[a:b])
            part.importance = np.tile(weight[part.streams], rollout.horizon)
            parts.append(part)
        minibatch = Minibatch(parts)
        if minibatch.count:
            yield minibatch
