"""A sweep as a picture: its runs by seconds and score, those that no other one beats, and what mattered to the score."""

from collections.abc import Mapping, Sequence

from puffer_arena.render.draw.canvas import PygameCanvas
from puffer_arena.render.draw.chart import LEFT, LOW, SIZE, SMALL, TOP, fitting
from puffer_arena.render.draw.numbers import nice_ticks

WIDTH, HEIGHT = 470.0, SIZE[1] - TOP - LOW  # of the plot of runs
BARS, LONGEST = 640.0, 250.0  # where the bars begin, and how long the whole is
MOST_BARS = 7
TICKS = 5  # at most along an axis
Run = tuple[float, float]  # seconds, score


def draw_trials(title: str, runs: Sequence[Run], mattered: Mapping[str, float]) -> PygameCanvas:
    """Draw the runs of a sweep and what mattered.

    Args:
        title: of the picture.
        runs: seconds and score of each, at least one.
        mattered: setting -> its share in what made scores differ, of 1 together; empty where too few runs tell.
    """
    canvas = PygameCanvas(SIZE)
    canvas.view(*SIZE)
    canvas.text(LEFT, 34, title, size=fitting(title), anchor="left")
    _draw_runs(canvas, runs)
    _draw_bars(canvas, mattered)
    return canvas


def front_of(runs: Sequence[Run]) -> list[Run]:
    """Return the runs that no other one beats in both, by rising seconds and score (Pareto's front)."""
    found: list[Run] = []
    for run in sorted(runs, key=lambda run: (run[0], -run[1])):
        if not found or run[1] > found[-1][1]:
            found.append(run)
    return found


def _draw_runs(canvas: PygameCanvas, runs: Sequence[Run]) -> None:
    (left, right), (low, high) = (_spread([run[k] for run in runs]) for k in range(2))

    def place(run: Run) -> tuple[float, float]:
        across, up = (run[0] - left) / (right - left), (run[1] - low) / (high - low)
        return LEFT + WIDTH * across, TOP + HEIGHT * (1 - up)

    for score in nice_ticks(low, high, TICKS):
        y = place((left, score))[1]
        canvas.line([(LEFT, y), (LEFT + WIDTH, y)], "line", width=1.0)
        canvas.text(LEFT - 14, y, f"{score:g}", "muted", size=SMALL, anchor="right")
    for seconds in nice_ticks(left, right, TICKS):
        canvas.text(place((seconds, low))[0], TOP + HEIGHT + 24, f"{seconds:g}", "muted", size=SMALL)
    canvas.text(LEFT + WIDTH / 2, SIZE[1] - 24, "seconds", size=SMALL)
    canvas.text(LEFT, TOP - 26, "score; joined: no other run is better and shorter", "muted", size=SMALL, anchor="left")
    for run in runs:
        canvas.circle(*place(run), 5.0, "muted")
    front = [place(run) for run in front_of(runs)]
    if len(front) > 1:
        canvas.line(front, "accent", width=2.0)
    for at in front:
        canvas.circle(*at, 7.0, "accent")


def _draw_bars(canvas: PygameCanvas, mattered: Mapping[str, float]) -> None:
    said = "what mattered to the score" if mattered else "too few runs to tell what mattered"
    canvas.text(BARS, TOP - 26, said, "muted", size=SMALL, anchor="left")
    most = sorted(mattered.items(), key=lambda each: -each[1])[:MOST_BARS]
    for k, (name, share) in enumerate(most):
        y = TOP + HEIGHT * k / MOST_BARS
        canvas.text(BARS, y + 10, f"{name}  {share:.0%}", size=SMALL, anchor="left")
        canvas.rect(BARS, y + 24, LONGEST, 10, "raised")
        canvas.rect(BARS, y + 24, max(LONGEST * share, 1.0), 10, "amber")


def _spread(values: Sequence[float]) -> tuple[float, float]:
    """Return what an axis spans: all values, with some room beside them."""
    low, high = min(values), max(values)
    room = 0.06 * (high - low) or max(abs(high) * 0.1, 1e-3)
    return low - room, high + room
