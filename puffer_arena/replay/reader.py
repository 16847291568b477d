"""Reading a replay: what happened, the rows at any step, and what was done.

    replay = Replay("snake.mcap")
    replay.frame(1200).states           # every recorded row after 1200 steps
    replay.episodes[3].returns

A file comes from anybody.  Opening it reads its index alone; sizes are bounded, blocks are read one at a time and
checked before a rule draws them, and no game is imported but one of puffer_arena's own or that the person names.
"""

import bisect
import math
from array import array
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import numpy as np

from puffer_arena.batch.frame import Frame
from puffer_arena.batch.saving.snapshot import check_params, check_states
from puffer_arena.core.env import Env
from puffer_arena.core.fields import Array
from puffer_arena.core.params import params_record
from puffer_arena.errors import FileError, ParameterError, printable
from puffer_arena.live.commands import decode_header, read_count
from puffer_arena.registry import choose_env, drawn_id, is_edited, load_env
from puffer_arena.replay import container
from puffer_arena.replay.block import MAX_STEPS, Block, decode, shape_of
from puffer_arena.replay.header import Header, check_layout, sized
from puffer_arena.replay.header import decode as decode_header_of
from puffer_arena.replay.writer import INDEX, SETTINGS, SNAPSHOT, STARTS, STEPS

MOST_EVENTS = 200_000  # kept of a file; further ones are left out
MOST_BLOCKS = 1 << 22
KEPT_BYTES = 64 << 20  # of blocks in memory


@dataclass(frozen=True)
class Episode:
    """An episode of one row, from step `first` to step `last`, the one that ended it.

    Attributes:
        slot: place of its row in `Header.rows`.
        first, last: steps of the replay; the episode's first state is frame `first`, its last step leads to `last`.
        returns: of every agent; one number for a solo game.
        length: steps of the episode, also those before the recording began.
        level: that it was played on.
        counters: those of the game when it ended.
        how: "terminated", "truncated", or "" for one that the recording left unfinished.
        words: what happened, as `describe_ending` says; "" where nobody noted it.
    """

    slot: int
    first: int
    last: int
    returns: tuple[float, ...] = ()
    length: int = 0
    level: int = -1
    counters: dict[str, float] = field(default_factory=dict)
    how: str = ""
    words: str = ""

    @property
    def score(self) -> float:
        """The mean return."""
        return sum(self.returns) / max(len(self.returns), 1)


@dataclass(frozen=True)
class Event:
    """Something that happened at a step: in row `slot` of the recorded, or to all (-1)."""

    step: int
    slot: int
    kind: str
    text: str


@dataclass(frozen=True)
class Start:
    """A row that was written from outside before the step after `step`.

    Attributes:
        slot: place of its row.
        snapshot: as `Batch.restore` takes it; b"" where only what follows was written.
        settings: its parameters, those that follow and its level, as bytes.
    """

    step: int
    slot: int
    snapshot: bytes = b""
    settings: bytes = b""


class Replay:
    """An open replay.

    Args:
        path: the file.
        env: the game as the person names it; needed where it is none of puffer_arena's own.

    Attributes:
        header: see `Header`.
        steps: whole steps in the file.
        episodes, events: in the order in which they came.
        metrics: name -> [(steps, value)].
        rewards: step, and the sum of rewards of every row since the one before, (blocks, 1 + k).
        title_note: what a person should know, such as that the game has changed since.

    Raises:
        FileError: it is no replay, damaged, or of a newer format or another layout.
        ParameterError: its game has to be named, or is another.
        UnknownName: there is no such file.
    """

    def __init__(self, path: str | Path, env: str = "") -> None:
        self.path = Path(path)
        self.what = f"'{printable(self.path.name, 100)}'"
        self._file = _open(self.path)
        try:
            self._scan()
            self.env_id = drawn_id(choose_env(self.header.env, self.header.rules, env, self.what))
            self.env: Env = load_env(self.env_id)
            self.values = sized(self.header, self.env)
            check_layout(self.header, self.env, self.values)
            self.state_dtype, self.params_dtype = self.env.row_dtype(self.values), params_record(self.values).dtype
        except BaseException:
            self._file.close()
            raise
        self._shape = shape_of(self.header, self.state_dtype.itemsize, self.params_dtype.itemsize)
        self._kept: OrderedDict[int, tuple[Block, list[Start]]] = OrderedDict()
        self._close_episodes()

    # -- opening ----------------------------------------------------------------------------------------

    def _scan(self) -> None:
        """Read the index."""
        self._places: list[container.StoredChunk] = []
        self._firsts, self.steps = array("q"), 0
        self.events: list[Event] = []
        self.episodes: list[Episode] = []
        self.metrics: dict[str, list[tuple[float, float]]] = {}
        self._rewards: list[list[float]] = []
        self._values: list[tuple[int, list[float]]] = []
        header, summary = None, None
        for found in container.scan(self._file, self.what):
            if isinstance(found, dict):
                if header is None and "header" in found:
                    header = decode_header_of(found["header"])
            elif header is None:
                raise FileError(f"{self.what} is no replay: it has no header of ours")
            elif isinstance(found, container.Message):
                if found.channel == INDEX:
                    summary = decode_header(found.data, container.MAX_RECORD)
            elif summary is not None:
                self._take(summary, found, header)
                summary = None
        if header is None:
            raise FileError(f"{self.what} is no replay: it has no header of ours")
        self.header: Header = header

    def _take(self, summary: dict[str, Any], place: container.StoredChunk, header: Header) -> None:
        """Take in one block's summary, whose chunk is whole."""
        first, steps = read_count(summary, "first"), read_count(summary, "steps")
        if first != self.steps or not 0 < steps <= MAX_STEPS or len(self._places) >= MOST_BLOCKS:
            raise FileError(f"{self.what} is damaged: {steps} steps from {first} on come after {self.steps}")
        k = len(header.rows)
        self._places.append(place)
        self._firsts.append(first)
        self.steps += steps
        self._rewards.append(self._numbers(summary, "rewards", k))
        if summary.get("values") is not None:
            self._values.append((first, self._numbers(summary, "values", k)))
        try:
            for step, slot, kind, text in summary["events"]:
                self._check_place(step, slot, k)
                if len(self.events) < MOST_EVENTS:
                    self.events.append(Event(step, slot, printable(kind, 40), printable(text, 200)))
            for step, slot, length, level, returns, counters, how, *words in summary["ended"]:
                self._check_place(step, slot, k)
                agents = max(len(header.agents), 1)
                fits = len(returns) == agents and all(map(_is_number, [length, level, *returns, *counters.values()]))
                if not fits or how not in ("terminated", "truncated"):
                    raise ValueError
                if len(self.episodes) < MOST_EVENTS:
                    counted = {printable(name, 100): float(value) for name, value in counters.items()}
                    known = tuple(map(float, returns))
                    said = printable(words[0], 200) if words else ""  # files of older writers have none
                    self.episodes.append(Episode(slot, 0, step, known, int(length), int(level), counted, how, said))
            for _, at, values in summary["metrics"]:
                for name, value in values.items():
                    if _is_number(at) and _is_number(value) and (name in self.metrics or len(self.metrics) < 200):
                        self.metrics.setdefault(printable(name, 100), []).append((float(at), float(value)))
        except (KeyError, TypeError, ValueError, AttributeError):
            raise FileError(f"{self.what} is damaged: what is noted of steps {first} on cannot be read") from None

    def _numbers(self, summary: dict[str, Any], name: str, count: int) -> list[float]:
        numbers = summary.get(name)
        if not isinstance(numbers, list) or len(numbers) != count or not all(map(_is_number, numbers)):
            raise FileError(f"{self.what} is damaged: its {name} are {printable(numbers, 40)}")
        return [float(number) for number in numbers]

    def _check_place(self, step: Any, slot: Any, rows: int) -> None:
        if type(step) is not int or type(slot) is not int or not 0 <= step <= self.steps or not -1 <= slot < rows:
            raise ValueError

    def _close_episodes(self) -> None:
        """Say where episodes began, and add those that were left unfinished."""
        starts: dict[int, list[int]] = {slot: [0] for slot in range(len(self.header.rows))}
        for event in self.events:
            if event.kind == "start" and event.slot >= 0:
                starts[event.slot].append(event.step)
        whole: list[Episode] = []
        goes_on = self.header.autoreset != "disabled"
        for ended in self.episodes:
            known = starts[ended.slot]
            place = bisect.bisect_left(known, ended.last) - 1
            values = {**vars(ended), "first": known[place] if place >= 0 else 0}
            whole.append(Episode(**values))
            if goes_on:
                bisect.insort(known, ended.last)
        lasts = {(ended.slot, ended.first) for ended in whole}
        for slot, known in starts.items():
            for k, first in enumerate(known):
                last = known[k + 1] if k + 1 < len(known) else self.steps
                if (slot, first) not in lasts and last > first:
                    whole.append(Episode(slot, first, last))
        self.episodes = sorted(whole, key=lambda episode: (episode.first, episode.slot))

    # -- what a caller asks ---------------------------------------------------------------------------

    @property
    def rows(self) -> Array:
        """Which rows of the batch these are, (k,)."""
        return np.array(self.header.rows, np.int64)

    @property
    def is_changed(self) -> bool:
        """Whether the game is of another version or source than the one that was recorded."""
        return self.header.version != self.env.version or is_edited(self.header.rules, self.env_id)

    @property
    def title_note(self) -> str:
        """What a person should know of it, in a few words."""
        if self.header.version != self.env.version:
            return f"of version {self.header.version}, the game is now {self.env.version}: shown as it was stored"
        return "the game's source has changed since" if self.is_changed else ""

    def rewards_by_block(self) -> tuple[Array, Array]:
        """Return the first step of every block, (blocks,), and the rows' sums of rewards in it, (blocks, k)."""
        return np.array(self._firsts, np.int64), np.array(self._rewards).reshape(-1, len(self.header.rows))

    def values_by_block(self) -> tuple[Array, Array]:
        """Return the first step of every block with values, (blocks,), and the rows' means in it, (blocks, k)."""
        firsts = np.array([first for first, _ in self._values], np.int64)
        return firsts, np.array([values for _, values in self._values]).reshape(-1, len(self.header.rows))

    @property
    def blocks(self) -> int:
        """How many blocks there are."""
        return len(self._places)

    def block(self, number: int) -> Block:
        """Return a block, read and checked.

        Raises:
            FileError: it is damaged.
        """
        return self._load(number)[0]

    def starts(self, number: int) -> list[Start]:
        """Return which rows were written from outside during a block, in order."""
        return self._load(number)[1]

    def find_block(self, step: int) -> int:
        """Return the number of the block that the step after frame `step` is in; of the last block at the end."""
        return max(min(bisect.bisect_right(self._firsts, step), len(self._firsts)) - 1, 0)

    def stored(self, step: int) -> int:
        """Return the last frame up to `step` whose states are stored.

        Raises:
            ParameterError: no such step.
        """
        if isinstance(step, bool) or not isinstance(step, int | np.integer) or not 0 <= step <= self.steps:
            raise ParameterError(f"step {step!r} of {self.what}; it has 0 to {self.steps}")
        if not self.steps:
            raise FileError(f"{self.what} holds no whole step")
        number = self.find_block(int(step))
        return int(step) if self.header.every else self._firsts[number]

    def frame(self, step: int) -> Frame:
        """Return the rows after `step` steps, or at the last stored frame before.

        Raises:
            ParameterError: no such step.
            FileError: the file is damaged there.
        """
        at = self.stored(step)
        number = self.find_block(at)
        block = self.block(number)
        k = at - block.first
        states = block.states[k].reshape(-1).view(self.state_dtype)
        params = block.params[k].reshape(-1).view(self.params_dtype)
        self.check(states, params)
        thought = min(k, block.steps - 1)
        probs = _known(block.probs, thought)
        return Frame(at, self.rows, states, params, probs, _known(block.values, thought))

    def check(self, states: Array, params: Array) -> None:
        """Check stored records before any rule runs on them.

        Raises:
            FileError: no row can have them.
        """
        try:
            check_states(self.env, self.values, states)
            check_params(self.env, self.values, params)
        except FileError as error:
            raise FileError(f"{self.what} is damaged: {error}") from None

    def _load(self, number: int) -> tuple[Block, list[Start]]:
        if number in self._kept:
            self._kept.move_to_end(number)
            return self._kept[number]
        messages = container.read_chunk(self._file, self._places[number], self.what)
        found = [message for message in messages if message.channel == STEPS]
        if len(found) != 1:
            raise FileError(f"{self.what} is damaged: {len(found)} blocks in one chunk")
        block = decode(found[0].data, self._shape, self.what)
        last = self._firsts[number + 1] if number + 1 < len(self._firsts) else self.steps
        if (block.first, block.first + block.steps) != (self._firsts[number], last):
            raise FileError(f"{self.what} is damaged: steps {block.first} on lie where {self._firsts[number]} should")
        for numbers in (block.rewards, block.values, block.probs):
            if numbers is not None and np.isinf(numbers).any():
                raise FileError(f"{self.what} is damaged: it has infinite numbers at step {block.first}")
        starts = [self._read_start(message.data, block) for message in messages if message.channel == STARTS]
        self._kept[number] = block, sorted(starts, key=lambda start: start.step)
        while len(self._kept) > 1 and sum(kept.nbytes for kept, _ in self._kept.values()) > KEPT_BYTES:
            self._kept.popitem(last=False)
        return self._kept[number]

    def _read_start(self, data: bytes, block: Block) -> Start:
        step, kind, slot = int.from_bytes(data[:8], "little"), *data[8:10], *(0, 0)[: max(10 - len(data), 0)]
        last = block.first + block.steps
        if not block.first <= step <= last or slot >= len(self.header.rows) or kind not in (SNAPSHOT, SETTINGS):
            raise FileError(f"{self.what} is damaged: a row begins at step {step}")
        if kind == SNAPSHOT:
            return Start(step, slot, snapshot=data[10:])
        if len(data) != 10 + 2 * self.params_dtype.itemsize + 8:
            raise FileError(f"{self.what} is damaged: settings of {len(data)} bytes")
        return Start(step, slot, settings=data[10:])

    def settings(self, start: Start) -> tuple[Array, Array, int]:
        """Return the parameters, those that follow and the level that a start of that kind holds, checked.

        Raises:
            FileError: no row can have them.
        """
        size = self.params_dtype.itemsize
        records = np.frombuffer(start.settings[: 2 * size], self.params_dtype)
        level = int.from_bytes(start.settings[2 * size :], "little", signed=True)
        check_params(self.env, self.values, records)
        if not -1 <= level < 1 << 32:
            raise FileError(f"{self.what} is damaged: level {level}")
        return records[:1], records[1:], level

    def forget(self) -> None:
        """Let go of the blocks that are kept in memory."""
        self._kept.clear()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _open(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except FileNotFoundError:
        raise FileError(f"there is no replay '{path}'") from None
    except OSError as error:
        raise FileError(f"'{path}' cannot be read: {error.strerror}") from None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _known(thoughts: Array | None, at: int) -> Array | None:
    """Return what was last thought up to a step of a block, or None."""
    if thoughts is None:
        return None
    known = np.flatnonzero(np.isfinite(thoughts[: at + 1]).reshape(at + 1, -1).all(axis=1))
    return np.asarray(thoughts[known[-1]]) if len(known) else None
