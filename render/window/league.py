"""The league of a run over the stage: ratings, and points per game of each against each, from its metrics."""

import math
from collections.abc import Callable, Mapping, Sequence

from imgui_bundle import imgui

from puffer_arena.render.draw.league import Rated, draw_league, pair_at
from puffer_arena.render.window.imgui_canvas import ImguiCanvas
from puffer_arena.render.window.meetings import POLICY
from puffer_arena.render.window.theme import BODY, PAD, SMALL, Theme
from puffer_arena.render.window.widgets import Area, card, inset, shorten, text_width, write

RATING = "league/rating/"  # before a member's name
SURE = 1.96  # deviations on either side that hold 95 %
Points = Sequence[tuple[float, float]]


def read_league(metrics: Mapping[str, Points]) -> tuple[list[Rated], list[list[float]]]:
    """Return everybody's rating, the best first, and the payoffs in that order; nobody where a run has no pool.

    Members whose ratings have stopped have left.
    """
    own = metrics.get("league/rating") or ()
    if not own:
        return [], []
    newest, mu = own[-1]
    spread = SURE * last(metrics, "league/uncertainty", 0.0)
    rated: list[Rated] = [(POLICY, mu, mu - spread, mu + spread)]
    for name, points in metrics.items():
        if name.startswith(RATING) and points and points[-1][0] >= newest:
            rated.append((name.removeprefix(RATING), points[-1][1], points[-1][1], points[-1][1]))
    rated.sort(key=lambda each: -each[1])
    names = [each[0] for each in rated]
    return rated, [[payoff(metrics, a, b) for b in names] for a in names]


def payoff(metrics: Mapping[str, Points], a: str, b: str) -> float:
    """Return points per game of one against another; NaN where nobody knows."""
    if a == POLICY:
        return last(metrics, f"league/win_rate/{b}", math.nan)
    if b == POLICY:
        return 1.0 - last(metrics, f"league/win_rate/{a}", math.nan)
    return last(metrics, f"league/payoff/{a}/{b}", math.nan)


def last(metrics: Mapping[str, Points], name: str, default: float) -> float:
    """Return the newest value of a metric."""
    points = metrics.get(name)
    return points[-1][1] if points else default


def draw_league_panel(
    theme: Theme,
    metrics: Mapping[str, Points],
    area: Area,
    begin: Callable[[str, str], None] | None = None,
    note: str = "",
) -> None:
    """Draw the league of a run, or say that it has none.

    Args:
        begin: shows a match of two members; a click on their cell asks for it.
        note: one line for the person, in the foot.
    """
    card(theme, area)
    rated, payoffs = read_league(metrics)
    if not rated:
        text = "this run has no pool of opponents (train with --opponent.pool self)"
        at = (area[0] + (area[2] - text_width(text, BODY)) / 2, area[1] + area[3] / 2)
        write(theme, at, text, "muted", BODY)
        return
    with ImguiCanvas(imgui.get_window_draw_list(), inset(area, theme.px(PAD))) as canvas:
        draw_league(canvas, "points per game", rated, payoffs)
        seen = canvas.seen
    if begin is None:
        return
    mouse = imgui.get_mouse_pos()
    pair = pair_at(*seen.world(mouse.x, mouse.y), len(rated))
    said = note or "click on a cell to watch a match of the two"
    if pair is not None:
        one, other = rated[pair[0]][0], rated[pair[1]][0]
        said = f"click to watch {one} against {other}"
        imgui.set_mouse_cursor(imgui.MouseCursor_.hand)
        if imgui.is_mouse_clicked(imgui.MouseButton_.left):
            begin(one, other)
    at = (area[0] + theme.px(PAD), area[1] + area[3] - theme.px(PAD + SMALL))
    write(theme, at, shorten(said, area[2] - 2 * theme.px(PAD), SMALL), "muted", SMALL)
