"""What `train` shows while it trains: a dashboard in a terminal, plain lines anywhere else.

Both are written at most a few times a second, so that showing does not slow the training down.
"""

import contextlib
import itertools
import math
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from puffer_arena.cli.output import printable, reason, trouble

DASHBOARD_SECONDS = 0.5
LINE_SECONDS = 5.0
NARROW, LOW = 40, 6  # a terminal with fewer columns or rows gets one line in place of the picture
ECHO = 4  # columns that stay free for what a person types: beyond the last one it would move the picture
FRAME_ROWS = 3  # the frame's two, and the one that the cursor is in
BLOCKS = "▁▂▃▄▅▆▇█"
RATE_WEIGHT = 0.1  # of the newest update in the smoothed speed
SPARKS = 60  # characters of the curve of returns
SCORES = ("episode_return", "episode_length", "episodes")
OUTCOMES = ("league/won", "league/lost")  # against an opponent; see `trainers.league.opponents`
MEMBERS = ("league/win_rate/", "league/rating/", "league/payoff/")  # of every member, or every two
KNOWN = {*SCORES, "steps", "updates", "seconds", "steps_per_second", "learning_rate"}


class Progress:
    """Keeps what is shown: the newest metrics, and a curve of the mean return.

    Args:
        title: environment and run folder.
        total_steps: of the whole run.
        counters: what the environment counts, such as its score.
    """

    def __init__(self, title: str, total_steps: int, counters: Sequence[str]) -> None:
        self.title, self.total_steps, self.counters = title, total_steps, tuple(counters)
        self.values: dict[str, float] = {}
        self.returns: list[float] = []
        self.note = ""
        self.rate = 0.0  # steps per second, smoothed

    def take(self, metrics: Mapping[str, float]) -> None:
        """Take over an update's metrics; what it has no news of stays."""
        self.values.update(metrics)
        if rate := metrics.get("steps_per_second"):
            self.rate += (rate - self.rate) * (RATE_WEIGHT if self.rate else 1.0)
        if math.isfinite(metrics.get("episode_return", math.nan)):
            self.returns.append(metrics["episode_return"])
            if len(self.returns) > 16 * SPARKS:  # halve it by means of pairs
                self.returns = [sum(pair) / 2 for pair in zip(self.returns[::2], self.returns[1::2], strict=False)]

    @property
    def steps(self) -> float:
        return self.values.get("steps", 0.0)

    @property
    def fraction(self) -> float:
        """How much of the run is done."""
        return min(self.steps / self.total_steps, 1.0)

    @property
    def seconds_left(self) -> float:
        """How long the rest takes at the present speed; infinite while that is not known."""
        return max(self.total_steps - self.steps, 0) / self.rate if self.rate > 0 else math.inf

    def time_split(self) -> dict[str, float]:
        """Return the share of stepping, inference and learning in the time of an update."""
        parts = {name.partition("/")[2]: v for name, v in self.values.items() if name.startswith("time/")}
        total = sum(parts.values())
        return {name: value / total for name, value in parts.items()} if total > 0 else {}

    def scores(self) -> dict[str, float]:
        """Return the means over the newest episodes."""
        sums = [name for name in self.values if name.startswith("episode_") and name not in SCORES]
        names = ("episode_return", *sums, *OUTCOMES, *self.counters, "episode_length")
        return {
            name.replace("episode_", "").removeprefix("league/"): self.values[name]
            for name in names
            if name in self.values
        }

    def losses(self) -> dict[str, float]:
        """Return what learning reported."""
        skip = (*KNOWN, *self.counters, *OUTCOMES)
        return {
            name: value
            for name, value in self.values.items()
            if name not in skip and not name.startswith(("time/", "episode_", *MEMBERS))
        }


class PlainLines:
    """One line every few seconds, for logs and pipes."""

    def __init__(self, progress: Progress, clock: Callable[[], float] = time.monotonic) -> None:
        self._progress, self._clock, self._next = progress, clock, 0.0

    def __enter__(self) -> "PlainLines":
        print(self._progress.title, flush=True)
        return self

    def __exit__(self, *_: object) -> None:
        self.refresh(last=True)

    def refresh(self, last: bool = False) -> None:
        """Print a line if one is due."""
        now = self._clock()
        if self._progress.values and (last or now >= self._next):
            self._next = now + LINE_SECONDS
            print(format_line(self._progress), flush=True)

    def say(self, text: str) -> None:
        """Print a message of its own."""
        print(text, flush=True)


class Dashboard:
    """The live picture in a terminal."""

    def __init__(self, progress: Progress, clock: Callable[[], float] = time.monotonic) -> None:
        from rich.console import Console
        from rich.live import Live

        self._progress, self._clock, self._next = progress, clock, 0.0
        self._console = Console()
        self._live = Live(console=self._console, auto_refresh=False, vertical_overflow="crop")

    def __enter__(self) -> "Dashboard":
        self._live.__enter__()
        self.refresh()
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.refresh(last=True)
        finally:
            self._live.__exit__(None, None, None)  # brings the cursor back, too

    def refresh(self, last: bool = False) -> None:
        """Draw again if it is due."""
        now = self._clock()
        if last or now >= self._next:
            self._next = now + DASHBOARD_SECONDS
            self._live.update(render(self._progress, *self._console.size), refresh=True)

    def say(self, text: str) -> None:
        """Print a message above the picture."""
        self._live.console.print(text, highlight=False, markup=False, soft_wrap=True)


class Lasting:
    """All that training shows; when the display breaks, messages go on to stderr.

    No trouble with a display ends a run, be it a full disk, a closed terminal or a fault in the picture.

    Args:
        display: `PlainLines` or a `Dashboard`.
        folder: the run's, for the one line that says so.
    """

    def __init__(self, display: Any, folder: Path) -> None:
        self._display, self._folder, self._gone = display, folder, False

    def __enter__(self) -> "Lasting":
        self._attempt(self._display.__enter__)
        return self

    def __exit__(self, *error: object) -> None:
        self._attempt(self._display.__exit__, *error)

    def refresh(self, last: bool = False) -> None:
        """Show the progress if it is due."""
        self._attempt(self._display.refresh, last)

    def say(self, text: str) -> None:
        """Show a message of its own."""
        text = printable(text)
        if not self._attempt(self._display.say, text):
            _say_on_stderr(text)

    def _attempt(self, action: Callable[..., Any], *arguments: Any) -> bool:
        """Tell whether the display did it; one that fails is given up."""
        if self._gone:
            return False
        try:
            action(*arguments)
            problem = trouble()
        except Exception as error:  # whatever it is, it is only the display
            problem = error
        if problem is None:
            return True
        self._gone = True
        with contextlib.suppress(Exception):
            self._display.__exit__(None, None, None)
        _say_on_stderr(f"cannot show the progress: {reason(problem)}; the run itself goes on in {self._folder}")
        return False


def _say_on_stderr(text: str) -> None:
    with contextlib.suppress(OSError, ValueError):
        print(text, file=sys.stderr, flush=True)


def make_display(progress: Progress) -> Any:
    """Return the dashboard where there is a terminal that can draw one, plain lines elsewhere."""
    able = sys.stdout.isatty() and os.environ.get("TERM", "").lower() not in ("dumb", "unknown")
    return Dashboard(progress) if able else PlainLines(progress)


def format_line(progress: Progress) -> str:
    """Return the progress in one line."""
    split = " ".join(f"{name} {share:.0%}" for name, share in progress.time_split().items())
    scores = "  ".join(f"{name} {format_value(value)}" for name, value in progress.scores().items())
    return (
        f"{format_count(progress.steps)}/{format_count(progress.total_steps)} steps  "
        f"{format_count(progress.rate)}/s  {scores}  "
        f"[{split}]  {format_seconds(progress.seconds_left)} left"
    )


def render(progress: Progress, width: int, height: int) -> Any:
    """Return the dashboard as something rich can print, in no more than `width` columns and `height` rows."""
    from rich.panel import Panel
    from rich.table import Table
    from rich.text import Text

    if width < NARROW or height < LOW:
        return Text(printable(format_line(progress)))
    width = min(width - ECHO, 100)
    room = width - 16  # beside frame and labels
    rows: list[tuple[str, Text]] = [("progress", _progress_bar(progress, room))]
    speed = (f"{format_count(progress.rate)} steps/s", "bold"), f"   {format_seconds(progress.seconds_left)} left"
    rows.append(("speed", Text.assemble(*speed)))
    split = "   ".join(f"{name} {share:.0%}" for name, share in progress.time_split().items())
    rows.append(("time", Text(split or "-")))
    scores = [f"{name} {format_value(value)}" for name, value in progress.scores().items()]
    rows += _labelled("episodes", _pack(scores, room) or ["none has ended yet"])
    rows.append(("return", Text(sparkline(progress.returns, min(SPARKS, room)), "green")))
    losses = [f"{name} {format_value(value)}" for name, value in progress.losses().items()]
    rows += _labelled("learning", _pack(losses, room))
    if progress.note:
        rows.append(("window", Text(progress.note, "grey62")))
    table = Table.grid(padding=(0, 2))
    table.add_column(style="grey62", no_wrap=True)
    table.add_column(no_wrap=True, overflow="ellipsis")
    for label, text in rows[: height - FRAME_ROWS]:
        table.add_row(label, text)
    title = Text(printable(progress.title))
    return Panel(table, title=title, title_align="left", border_style="green", width=width)


def _progress_bar(progress: Progress, room: int) -> Any:
    from rich.text import Text

    share = f" {progress.fraction:.0%}  "
    steps = f"{format_count(progress.steps)} of {format_count(progress.total_steps)} steps"
    length = min(max(room - len(share) - len(steps), 4), 30)
    done = round(progress.fraction * length)
    return Text.assemble(("━" * done, "green"), ("╌" * (length - done), "grey30"), share, steps)


def _labelled(label: str, lines: list[str]) -> list[tuple[str, Any]]:
    """Return rows of which the first has the label."""
    from rich.text import Text

    return [(label if k == 0 else "", Text(line)) for k, line in enumerate(lines)]


def _pack(words: list[str], width: int) -> list[str]:
    """Return lines of as many words as fit."""
    lines: list[str] = []
    for word in words:
        if lines and len(lines[-1]) + 3 + len(word) <= width:
            lines[-1] += f"   {word}"
        else:
            lines.append(word)
    return lines


def sparkline(values: Sequence[float], width: int) -> str:
    """Return a curve drawn with block characters, of means where there are more values than characters."""
    if not values:
        return ""
    count = min(len(values), width)
    edges = [len(values) * k // count for k in range(count + 1)]
    means = [sum(values[a:b]) / (b - a) for a, b in itertools.pairwise(edges)]
    low, high = min(means), max(means)
    scale = (len(BLOCKS) - 1) / (high - low) if high > low else 0.0
    return "".join(BLOCKS[round((value - low) * scale)] for value in means)


def format_count(value: float) -> str:
    """Return "412 k", "23.4 M"."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            scaled = value / size
            return f"{scaled:.3g} {letter}" if scaled < 1000 else f"{scaled:.0f} {letter}"
    return f"{value:.0f}"


def format_value(value: float) -> str:
    """Return a number in few characters."""
    if value == 0 or 0.01 <= abs(value) < 10_000:
        return f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"
    return f"{value:.2g}"


def format_seconds(seconds: float) -> str:
    """Return "0:42", "1:02:03"."""
    if not math.isfinite(seconds) or seconds > 1e7:
        return "-:--"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
