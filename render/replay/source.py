"""A source over replays: the window draws their frames as it draws a trainer's."""

import time
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from puffer_arena.batch.endings import SAID_SECONDS, Ending
from puffer_arena.batch.frame import Frame
from puffer_arena.core.fields import Array
from puffer_arena.errors import ArenaError, ParameterError
from puffer_arena.live.messages import Steering
from puffer_arena.render.draw.ends import ending_of
from puffer_arena.replay.reader import Episode, Event, Replay

BESIDE = 100_000  # added to the rows of a second replay, so that each has a number of its own
MOST_EXACT = 20_000  # steps whose rewards are read one by one for the curve; longer replays are drawn by blocks


class ReplaySource:
    """`render.window.source.Source` over one replay, or over several beside each other, step for step.

    Args:
        replays: open, of the same game and sizes; the caller closes them.
        clock: seconds; tests give their own.

    Attributes:
        step: where the person is.
        loop: first and last step to play again and again, or None.
        params: what the person set for branches.

    Raises:
        ParameterError: they are of different games or sizes.
    """

    modes: Sequence[str] = ("smooth",)
    takes_effect = "in branches"
    mode = "smooth"
    steering = Steering()  # nothing trains here

    def __init__(self, replays: Sequence[Replay], clock: Callable[[], float] = time.monotonic) -> None:
        first = replays[0]
        for other in replays[1:]:
            if (other.env.name, other.header.states) != (first.env.name, first.header.states):
                raise ParameterError(
                    f"{other.what} is of another game or size than {first.what}; they cannot be beside"
                )
        self.replays, self.env = replays, first.env
        self.agent_ids: Sequence[str] = first.header.agents
        self.title = " | ".join(replay.path.name for replay in replays)
        self.total = 0  # nothing trains here
        self.made: Mapping[str, Any] = {}
        self.num_envs = sum(len(replay.header.rows) for replay in replays)
        self.asked, self.env_id = "", first.env_id
        self.status, self.note, self.speed, self.frame_seconds = "paused", "", 1.0, 0.0
        self.metrics: Mapping[str, Sequence[tuple[float, float]]] = first.metrics
        self.steps = max(replay.steps for replay in replays)
        self.step = 0
        self.loop: tuple[int, int] | None = None
        self.params: dict[str, Any] = {}
        self._clock, self._due = clock, 0.0
        self._curves: dict[int, tuple[Array, Array, Array]] = {}
        self._episodes: dict[int, list[Episode]] = {}
        self._events: dict[int, list[Event]] = {}
        self._scores: dict[int, tuple[float, float]] = {}
        self.frame: Frame | None = None
        self._landed = 0  # where the last jump led: how episodes ended before is not said there
        self.seek(0)

    # -- which row ----------------------------------------------------------------------------------

    def owner(self, row: int) -> tuple[Replay, int]:
        """Return the replay that a watched row is of, and its place there."""
        number, own = divmod(row, BESIDE)
        replay = self.replays[min(number, len(self.replays) - 1)]
        return replay, replay.header.rows.index(own) if own in replay.header.rows else 0

    def label(self, row: int) -> str:
        """Return what to call a watched row."""
        number, own = divmod(row, BESIDE)
        return f"{self.replays[number].path.stem} #{own}" if len(self.replays) > 1 else f"#{own}"

    def episodes(self, row: int) -> list[Episode]:
        """Return the episodes of a watched row."""
        if row not in self._episodes:
            replay, slot = self.owner(row)
            self._episodes[row] = [episode for episode in replay.episodes if episode.slot == slot]
        return self._episodes[row]

    def scores(self, row: int) -> tuple[float, float]:
        """Return the least and the greatest return of a watched row's whole episodes."""
        if row not in self._scores:
            known = [episode.score for episode in self.episodes(row) if episode.how]
            self._scores[row] = min(known, default=0.0), max(known, default=1.0)
        return self._scores[row]

    def events(self, row: int) -> list[Event]:
        """Return what happened to a watched row, or to all."""
        if row not in self._events:
            replay, slot = self.owner(row)
            self._events[row] = [event for event in replay.events if event.slot in (slot, -1)]
        return self._events[row]

    def curve(self, row: int) -> tuple[Array, Array, Array]:
        """Return steps, returns of the running episode and values of a watched row; the last may be NaN."""
        if row not in self._curves:
            self._curves[row] = self._read_curve(*self.owner(row))
        return self._curves[row]

    def _read_curve(self, replay: Replay, slot: int) -> tuple[Array, Array, Array]:
        values: Array
        if replay.steps <= MOST_EXACT:
            blocks = [replay.block(number) for number in range(replay.blocks)]
            rewards = np.concatenate([block.rewards[:, slot].sum(axis=1) for block in blocks])
            empty = [np.full(block.steps, np.nan) if block.values is None else None for block in blocks]
            known = [
                block.values[:, slot].mean(axis=1) if block.values is not None else missing
                for block, missing in zip(blocks, empty, strict=True)
            ]
            steps, values = np.arange(1, replay.steps + 1), np.concatenate([part for part in known if part is not None])
            firsts = [e.first for e in replay.episodes if e.slot == slot]
        else:
            steps, table = replay.rewards_by_block()
            rewards, values, firsts = table[:, slot], np.full(len(steps), np.nan), []
            places, means = replay.values_by_block()
            values[np.searchsorted(steps, places)] = means[:, slot]
        total = np.cumsum(rewards.astype(np.float64))
        if firsts:
            begun = np.searchsorted(np.sort(firsts), steps - 1, "right") - 1
            before = np.concatenate([[0.0], total])[np.sort(firsts)]
            total = total - before[np.maximum(begun, 0)]
        else:
            total = rewards
        return steps, total, values

    # -- time ---------------------------------------------------------------------------------------

    def seek(self, step: int) -> None:
        """Show a step; a fault of the file is told in `note`."""
        self.step = min(max(int(step), 0), self.steps)
        parts = []
        try:
            for number, replay in enumerate(self.replays):
                frame = replay.frame(min(self.step, replay.steps))
                parts.append((frame.rows + number * BESIDE, frame))
        except ArenaError as error:
            self.note, self.status = str(error), "paused"
            return
        self.frame = parts[0][1] if len(parts) == 1 else self._join(parts)

    def _join(self, parts: list[tuple[Array, Frame]]) -> Frame:
        frames = [frame for _, frame in parts]

        def joined(name: str) -> Array | None:
            """Return what policies thought, NaN where none did."""
            known = [array.shape[1:] for frame in frames if (array := getattr(frame, name)) is not None]
            if len(set(known)) != 1:
                return None
            shapes = [(len(frame.rows), *known[0]) for frame in frames]
            every = zip(frames, shapes, strict=True)
            return np.concatenate(
                [np.full(shape, np.nan) if (a := getattr(f, name)) is None else a for f, shape in every]
            )

        rows = np.concatenate([rows for rows, _ in parts])
        states, params = (np.concatenate([getattr(frame, name) for frame in frames]) for name in ("states", "params"))
        return Frame(self.step, rows, states, params, joined("probs"), joined("values"))

    def poll(self) -> None:
        """Go on by the steps that have become due."""
        now = self._clock()
        if self.status != "playing":
            self._due = now
            return
        interval = 1.0 / (self.replays[0].header.steps_per_second * self.speed)
        count = int((now - self._due) / interval)
        if count <= 0:
            return
        self._due = max(self._due + count * interval, now - interval)
        first, last = self.loop or (0, self.steps)
        step = self.step + count
        if step > last:
            step = first if self.loop else last
        if step == last and not self.loop:
            self.status = "paused"
        self.seek(step)

    @property
    def endings(self) -> dict[int, Ending]:
        """What is to be said of episodes that ended within the last second and a half of the replay: row -> ending."""
        found = {}
        for number, replay in enumerate(self.replays):
            since = self.step - SAID_SECONDS * replay.header.steps_per_second
            since = max(since, self._landed) if self.step >= self._landed else since
            for row in replay.header.rows:
                episodes = self.episodes(row + number * BESIDE)
                place = bisect_right(episodes, self.step, key=lambda episode: episode.last) - 1
                if place >= 0 and episodes[place].last > since and episodes[place].how:
                    found[row + number * BESIDE] = ending_of(replay, episodes[place])
        return found

    @property
    def wanted(self) -> Mapping[str, Any]:
        """The parameters that the person has set for branches."""
        return self.params

    @property
    def view_paused(self) -> bool:
        """Whether the replay stands still."""
        return self.status == "paused"

    def send(self, command: str, **arguments: Any) -> None:
        """Carry out a command of the window's."""
        self.note = ""
        match command:
            case "view_pause":
                self.status = "paused"
            case "view_resume":
                if self.step >= self.steps:
                    self.seek(0)
                self.status, self._due = "playing", self._clock()
            case "view_step":
                self.status = "paused"
                self.seek(self.step + int(arguments.get("by", 1)))
            case "speed":
                self.speed = min(max(float(arguments["value"]), 0.05), 100.0)
            case "param":
                self.params[arguments["name"]] = arguments["value"]
                self.note = f"{arguments['name']} is {arguments['value']:g} in branches from here (F)"
            case "rows":
                pass
            case _:
                self.note = f"'{command}' needs a trainer; this is a replay"

    # -- jumps --------------------------------------------------------------------------------------

    def jump_episode(self, row: int, by: int) -> None:
        """Go to where the next or the previous episode of a row begins."""
        firsts = sorted({episode.first for episode in self.episodes(row)})
        ahead = [first for first in firsts if first > self.step]
        behind = [first for first in firsts if first < self.step]
        if by > 0 and ahead:
            self._land(ahead[0])
        elif by < 0 and behind:
            self._land(behind[-1])

    def jump_event(self, row: int) -> None:
        """Go to what happens next: an event, or the end of an episode."""
        told = [(event.step, f"{event.kind} {event.text}".strip()) for event in self.events(row)]
        told += [(episode.last, episode.words or episode.how) for episode in self.episodes(row) if episode.how]
        ahead = [entry for entry in told if entry[0] > self.step]
        if ahead:
            step, said = min(ahead, key=lambda entry: entry[0])
            self.seek(step)
            self.note = said
        else:
            self.note = "nothing more happens"

    def jump_to(self, which: str) -> int | None:
        """Go to the "best", "worst" or "longest" whole episode of any row; return the row."""
        found = []
        for number, replay in enumerate(self.replays):
            for episode in replay.episodes:
                if episode.how:
                    found.append((replay.header.rows[episode.slot] + number * BESIDE, episode))
        if not found:
            self.note = "no episode has ended here"
            return None
        key: Callable[[tuple[int, Episode]], float] = {
            "best": lambda pair: pair[1].score,
            "worst": lambda pair: -pair[1].score,
            "longest": lambda pair: float(pair[1].length),
        }[which]
        row, episode = max(found, key=key)
        self._land(episode.first)
        said = f"{episode.words}; " if episode.words else ""
        self.note = f"the {which} of {len(found)} episodes: {said}return {episode.score:.4g}, {episode.length} steps"
        return row

    def _land(self, step: int) -> None:
        """Go to an episode's beginning."""
        self.seek(step)
        self._landed = self.step

    def close(self) -> None:
        """Close the files."""
        for replay in self.replays:
            replay.close()
