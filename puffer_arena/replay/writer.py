"""Recording: what some rows of a batch do, written as they do it.

    with replay.Writer(batch, "snake.mcap", rows=range(4), players={"all": "bot 'greedy'"}):
        for _ in range(1000):
            batch.step(batch.act("greedy"))

The writer looks on from `Batch.witnesses`.  Rows that are written from outside between two steps (a reset, a restored
snapshot, other parameters) are noticed by their bytes.  Trouble with the disk is told once and ends the recording,
never what is recorded.
"""

import contextlib
import json
import sys
import time
import zlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from puffer_arena.batch.batch import Batch
from puffer_arena.batch.endings import describe_ending
from puffer_arena.batch.saving.past import raw
from puffer_arena.core.fields import Array
from puffer_arena.errors import FileError, ParameterError, require
from puffer_arena.kernels.tables import Buffers
from puffer_arena.live.commands import MAX_ROWS
from puffer_arena.replay import container
from puffer_arena.replay.block import MAX_BYTES, MAX_STEPS, TERMINATED, TRUNCATED, Block, encode, shape_of
from puffer_arena.replay.header import MAX_ENTRY, describe
from puffer_arena.replay.header import encode as encode_header

INDEX, STARTS, STEPS = 1, 2, 3  # channels
CHANNELS = {INDEX: "index", STARTS: "starts", STEPS: "steps"}
SNAPSHOT, SETTINGS = 0, 1  # kinds of starts
FLUSH_SECONDS = 5.0  # what a recorder that is killed may lose
KEY_FRAME_STEPS = 128  # at most between stored states, where not all are
MOST_EVENTS = 2_000  # of one block
MOST_ENDS = 8_000  # returns of episodes in one block; with more it is written early
MOST_METRICS = 200  # of one block
MOST_TEXT = 200  # characters of an event


class Writer:
    """Records rows of a batch into a file.

    Args:
        batch: whose steps are recorded from now on.
        path: the file, which must not exist.
        rows: which rows, at most 64; all of them, or the first 64, by default.
        players: who steers: agent, role or "all" -> name.
        states: store the states of every step, so that the file can be shown without playing it again and by later
            versions of the game; False stores them now and then, which takes a tenth of the space.
        parent: of a branch: the file, step and row that it goes on from.
        warn: told, in one line, why the recording ended early.

    Raises:
        FileError: the file exists, or cannot be written.
        ParameterError: rows that do not exist, too many, or such as nothing shows (see `Env.check_drawn`).
        MissingExtra: zstandard is not installed.
    """

    def __init__(
        self,
        batch: Batch,
        path: str | Path,
        rows: Iterable[int] | None = None,
        *,
        players: Mapping[str, str] | None = None,
        states: bool = True,
        parent: Mapping[str, Any] | None = None,
        warn: Callable[[str], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        batch.env.check_drawn("a replay")
        require("zstandard", "window")
        self.path, self.batch = Path(path), batch
        self.rows = _fit(batch, rows)
        self.chosen = np.array(self.rows)
        self.header = describe(batch, self.rows, players or {}, int(states), parent or {})
        held = batch.rows
        batch.depict(self.chosen)
        self._pick = slice(self.rows[0], self.rows[-1] + 1) if _in_one_piece(self.rows) else np.array(self.rows)
        self._states, self._params = raw(held.states), raw(held.params)
        self._following, self._levels = raw(held.following), held.levels
        self._shape = shape_of(self.header, self._states.shape[1], self._params.shape[1])
        if max(self._shape.state, self._shape.params, self._shape.action) > MAX_ENTRY:
            raise ParameterError(
                f"a row of '{batch.env.name}' takes {self._shape.state:,} bytes; at most {MAX_ENTRY:,}"
            )
        self._warn, self._clock = warn or _say, clock
        self.steps = 0  # recorded so far
        self._sent = 0
        self._room = min(max(MAX_BYTES // self._shape.step, 1), MAX_STEPS if states else KEY_FRAME_STEPS)
        self._hashes = [0] * len(self.rows)
        self._seen_states, self._seen_params = self._states[self._pick].copy(), self._params[self._pick].copy()
        self._seen_following, self._seen_levels = self._following[self._pick].copy(), self._levels[self._pick].copy()
        self._ended = held.episodes["finished"]["episodes"][self._pick].copy()
        # Counters of whole numbers: others, such as a distance, move with every step.
        self._counters = [name for name in batch.env.counters if held.states.dtype[name].kind in "iu"]
        self._thought: tuple[Array | None, Array | None] = (None, None)
        self.closed = False
        self._begin_block()
        for slot in range(len(self.rows)):
            self._keep_snapshot(slot)
        self._file = self._open()
        batch.witnesses.append(self)

    def _open(self) -> Any:
        begin = container.begin(
            f"puffer_arena {self.header.versions['puffer-arena']}", "header", encode_header(self.header), CHANNELS
        )
        try:
            file = self.path.open("xb")
            file.write(begin)
            file.flush()
        except FileExistsError:
            raise FileError(f"'{self.path}' exists; a recording never writes over a file: name another") from None
        except OSError as error:
            raise FileError(f"cannot record into '{self.path}': {error.strerror}") from None
        return file

    def _begin_block(self) -> None:
        """Begin a block with the rows as they stand."""
        shape, room = self._shape, self._room
        self._first, self._count = self.steps, 0
        stored = room + 1 if shape.every else 1
        if not hasattr(self, "_block"):
            k, agents = shape.rows, shape.agents
            self._block = Block(
                0,
                np.zeros((stored, k, shape.state), np.uint8),
                np.zeros((room + 1, k, shape.params), np.uint8),
                np.zeros((room, k, shape.action), np.uint8),
                np.zeros((room, k, agents), np.float32),
                np.zeros((room, k, agents), np.uint8),
                np.zeros((room, k), np.uint32),
            )
        self._block.states[0], self._block.params[0] = self._seen_states, self._seen_params
        self._probs: dict[int, Array] = {}
        self._values: dict[int, Array] = {}
        self._starts: list[bytes] = []
        self._events: list[list[Any]] = []
        self._finished: list[list[Any]] = []
        self._metrics: list[list[Any]] = []
        self._begun = self._clock()

    # -- what a caller tells --------------------------------------------------------------------------

    def think(self, probs: Array | None, values: Array | None) -> None:
        """Note what a policy made of the recorded rows as they stand, before the next step.

        Args:
            probs: action probabilities, (k, agents or 1, choices).
            values: (k, agents or 1).
        """
        self._thought = probs, values

    def event(self, kind: str, text: str = "", row: int | None = None) -> None:
        """Note that something happened after the last step: a checkpoint, another player, a person's remark."""
        slot = self.rows.index(row) if row in self.rows else -1
        self._event(slot, kind, text)

    def metrics(self, steps: int, values: Mapping[str, float]) -> None:
        """Note metrics of a run."""
        finite = {name: float(f"{value:.6g}") for name, value in values.items() if np.isfinite(value)}
        if len(self._metrics) < MOST_METRICS:
            self._metrics.append([self.steps, int(steps), finite])

    # -- what the batch tells -------------------------------------------------------------------------

    def note(self, actions: Array) -> None:
        """Take in the actions of the step to come, and what was written from outside since the last one."""
        if self.closed:
            return
        self._look_for_changes()
        n, block = self._count, self._block
        chosen = np.ascontiguousarray(actions[self._pick])
        block.actions[n] = chosen.view(np.uint8).reshape(len(self.rows), -1)
        probs, values = self._thought
        if probs is not None:
            self._probs[n] = np.asarray(probs, np.float32)
        if values is not None:
            self._values[n] = np.asarray(values, np.float32)
        self._thought = None, None

    def _look_for_changes(self) -> None:
        """Keep what rows hold that were written from outside."""
        states, params = self._states[self._pick], self._params[self._pick]
        moved = (states != self._seen_states).any(axis=1)
        if moved.any():
            self.batch.depict(self.chosen)
            states = self._states[self._pick]
        changed = (params != self._seen_params).any(axis=1)
        other = (self._following[self._pick] != self._seen_following).any(axis=1)
        other |= self._levels[self._pick] != self._seen_levels
        if not (moved.any() or changed.any() or other.any()):
            return
        for slot in np.flatnonzero(moved | changed | other).tolist():
            if moved[slot]:
                self._keep_snapshot(slot)
                steps = int(self.batch.rows.states["step_count"][self.rows[slot]])
                self._event(slot, "start" if steps == 0 else "moved", "")
                self._hashes[slot] = 0
            else:
                self._keep_settings(slot)
            if changed[slot] and not moved[slot]:
                self._event(slot, "params", self._describe_changes(slot))
        self._seen_states[:], self._seen_params[:] = states, params
        self._seen_following[:], self._seen_levels[:] = self._following[self._pick], self._levels[self._pick]
        if self._shape.every or not self._count:
            self._block.states[self._count] = states
        self._block.params[self._count] = params

    def look(self, out: Buffers) -> None:
        """Keep what the step did."""
        if self.closed:
            return
        n, block, k = self._count, self._block, len(self.rows)
        before = self._seen_states
        self.batch.depict(self.chosen)
        states, params = self._states[self._pick], self._params[self._pick]
        self._note_events(before, out)
        if self._shape.every:
            block.states[n + 1] = states
        block.params[n + 1] = params
        block.rewards[n] = out.rewards[self._pick].reshape(k, -1)
        block.ends[n] = (out.terminated[self._pick] * TERMINATED + out.truncated[self._pick] * TRUNCATED).reshape(k, -1)
        self._hashes = [zlib.crc32(state, before) for state, before in zip(states, self._hashes, strict=True)]
        block.hashes[n] = self._hashes
        self._seen_states[:], self._seen_params[:] = states, params
        self._seen_following[:], self._seen_levels[:] = self._following[self._pick], self._levels[self._pick]
        self._count += 1
        self.steps += 1
        full = self._count == self._room or len(self._finished) * self._shape.agents >= MOST_ENDS
        if full or self._clock() - self._begun >= FLUSH_SECONDS:
            self.flush()

    def _note_events(self, before: Array, out: Buffers) -> None:
        """Note episodes that ended and counters that moved."""
        env, held = self.batch.env, self.batch.rows
        records = held.episodes["finished"]
        episodes = records["episodes"][self._pick]
        over = episodes != self._ended
        for name in self._counters:
            now, then = held.states[name][self._pick], before.view(held.states.dtype)[name][:, 0]
            for slot in np.flatnonzero((now != then) & ~over).tolist():
                self._event(slot, name, f"{now[slot]:g}", after=True)
        if not over.any():
            return
        for slot in np.flatnonzero(over).tolist():
            record, row = records[self.rows[slot]], self.rows[slot]
            returns = np.atleast_1d(record["episode_return"]).tolist()
            how = "terminated" if np.any(out.terminated[row]) else "truncated"
            counted = {name: float(record[name]) for name in env.counters}
            words = describe_ending(env, record, how == "truncated").words[:MOST_TEXT]
            self._finished.append(
                [
                    self.steps + 1,
                    slot,
                    int(record["episode_length"]),
                    int(record["level"]),
                    returns,
                    counted,
                    how,
                    words,
                ]
            )
        self._ended = episodes.copy()

    def _event(self, slot: int, kind: str, text: str, *, after: bool = False) -> None:
        if len(self._events) < MOST_EVENTS:
            self._events.append([self.steps + after, slot, kind[:MOST_TEXT], text[:MOST_TEXT]])

    def _describe_changes(self, slot: int) -> str:
        now = self.batch.rows.params[self.rows[slot]]
        then = self._seen_params[slot].view(self.batch.rows.params.dtype)[0]
        return ", ".join(f"{name} {now[name].item():g}" for name in now.dtype.names or () if now[name] != then[name])

    def _keep_snapshot(self, slot: int) -> None:
        """Keep a row with all that its engine needs; nobody can put one of another library's back."""
        if self.batch.env.stepped_by is not None:
            return
        head = self.steps.to_bytes(8, "little") + bytes([SNAPSHOT, slot])
        self._starts.append(head + self.batch.snapshot(self.rows[slot]))

    def _keep_settings(self, slot: int) -> None:
        """Keep a row's parameters and the level that comes next."""
        row = self.rows[slot]
        head = self.steps.to_bytes(8, "little") + bytes([SETTINGS, slot])
        parts = (self._params[row], self._following[row], self._levels[row : row + 1])
        self._starts.append(head + b"".join(part.tobytes() for part in parts))

    # -- the file -------------------------------------------------------------------------------------

    def flush(self) -> None:
        """Write what was recorded so far."""
        if self.closed or not self._count:
            return
        block = self._cut()
        period = 1e9 / self.header.steps_per_second
        first, last = round(self._first * period), round((self.steps - 1) * period)
        number = self._sent = self._sent + 1
        index = container.message(
            INDEX, number, first, json.dumps(self._summary(block), separators=(",", ":")).encode()
        )
        records = [container.message(STARTS, number, first, start) for start in self._starts]
        records.append(container.message(STEPS, number, first, encode(block)))
        self._write(index + container.chunk(first, last, b"".join(records)))
        if not self.closed:
            self._begin_block()

    def _cut(self) -> Block:
        """Return the block as far as it is filled."""
        n, block = self._count, self._block
        states = block.states[: n + 1] if self._shape.every else block.states
        parts = (block.actions[:n], block.rewards[:n], block.ends[:n], block.hashes[:n])
        thoughts = _spread(self._values, n), _spread(self._probs, n)
        return Block(self._first, states, block.params[: n + 1], *parts, *thoughts)

    def _summary(self, block: Block) -> dict[str, Any]:
        """Return what the timeline and lists need, so that a file opens without reading its blocks."""
        values = None
        if block.values is not None and len(known := [v for v in self._values.values() if np.isfinite(v).all()]):
            values = [float(f"{v:.5g}") for v in np.mean(known, axis=0).mean(axis=-1)]
        return {
            "first": block.first,
            "steps": block.steps,
            "rewards": [float(f"{r:.6g}") for r in block.rewards.sum(axis=(0, 2), dtype=np.float64)],
            "values": values,
            "ended": self._finished,
            "events": self._events,
            "metrics": self._metrics,
        }

    def _write(self, data: bytes) -> None:
        try:
            self._file.write(data)
            self._file.flush()
        except OSError as error:
            self._stop()
            self._warn(f"the recording of '{self.path}' ends after {self._first} steps: {error.strerror}")

    def _stop(self) -> None:
        self.closed = True
        if self in self.batch.witnesses:
            self.batch.witnesses.remove(self)
        with contextlib.suppress(OSError):  # what was buffered cannot be written either
            self._file.close()

    def close(self) -> None:
        """Write the rest and the file's end."""
        self._keep_last_changes()
        self.flush()
        if not self.closed:
            self._write(container.end())
        if not self.closed:
            self._stop()

    def _keep_last_changes(self) -> None:
        """Let the last frame show rows as they stand."""
        if not self.closed and self._count:
            self._look_for_changes()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _spread(thoughts: dict[int, Array], steps: int) -> Array | None:
    """Return what was thought before some of the steps as an array over all, NaN where nothing was."""
    if not thoughts:
        return None
    column = np.full((steps, *next(iter(thoughts.values())).shape), np.nan, np.float32)
    for t, thought in thoughts.items():
        column[t] = thought
    return column


def _fit(batch: Batch, rows: Iterable[int] | None) -> list[int]:
    chosen = list(range(min(batch.num_envs, MAX_ROWS))) if rows is None else [int(row) for row in rows]
    if not 0 < len(chosen) <= MAX_ROWS or len(set(chosen)) < len(chosen):
        raise ParameterError(f"{len(chosen)} rows to record; give 1 to {MAX_ROWS}, each once")
    if not 0 <= min(chosen) <= max(chosen) < batch.num_envs:
        raise ParameterError(f"rows {min(chosen)} to {max(chosen)} to record; the batch has 0 to {batch.num_envs - 1}")
    return chosen


def _in_one_piece(rows: list[int]) -> bool:
    return rows == list(range(rows[0], rows[-1] + 1))


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
