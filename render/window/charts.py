"""Curves of the run: any metric over the steps, smoothed, with what it was under the mouse."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from imgui_bundle import ImVec2, ImVec2Like, imgui, implot

from puffer_arena.core.fields import Array
from puffer_arena.render.draw.numbers import format_count, format_tick, format_value, nice_ticks
from puffer_arena.render.window.imgui_canvas import packed
from puffer_arena.render.window.theme import SERIES, SMALL, Theme, colored, font, vec4
from puffer_arena.render.window.widgets import (
    Area,
    card,
    close_on_escape,
    gap,
    inset,
    padded,
    shorten,
    text_width,
    tooltip,
    write,
)

Metrics = Mapping[str, Sequence[tuple[float, float]]]
MOST_POINTS = 500  # drawn per curve; more are averaged together
SMOOTHING = 0.9  # share of the past in a smoothed point
FIRST_CHOICES = (("episode_return",), ("value_loss", "loss"), ("score", "episode_length"))  # per chart; parts of names


@dataclass
class Curve:
    """One metric made ready to draw."""

    length: int  # points it was made from
    steps: Array
    raw: Array
    smooth: Array


@dataclass
class Charts:
    """What the person chose to see, and curves already prepared."""

    chosen: dict[int, str] = field(default_factory=dict)  # chart -> metric
    curves: dict[str, Curve] = field(default_factory=dict)
    marks: Sequence[tuple[int, str]] = ()  # steps at which a person changed something, and what

    def choose(self, chart: int, metrics: Metrics) -> str | None:
        """Return the metric of a chart: the person's choice, or the first that suits."""
        name = self.chosen.get(chart)
        if name in metrics:
            return name
        taken = [self.chosen.get(other, self._default(other, metrics)) for other in range(chart)]
        default = self._default(chart, metrics)
        if default in taken:
            return next((name for name in sorted(metrics) if name not in taken), None)
        return default

    def _default(self, chart: int, metrics: Metrics) -> str | None:
        for part in FIRST_CHOICES[chart % len(FIRST_CHOICES)]:
            if found := [name for name in metrics if part in name]:
                return min(found, key=lambda name: (len(name), name))
        return min(metrics, default=None)

    def curve(self, name: str, metrics: Metrics) -> Curve:
        """Return the metric's curve, prepared anew when points were added."""
        known = self.curves.get(name)
        points = metrics[name]
        if known is None or known.length != len(points):
            known = self.curves[name] = prepare(points)
        return known


def prepare(points: Sequence[tuple[float, float]]) -> Curve:
    """Thin a metric's points out by averaging, and smooth them."""
    array = np.array(points, np.float64).reshape(-1, 2)
    array = array[np.isfinite(array).all(axis=1)]
    if len(array) > MOST_POINTS:
        edges = np.linspace(0, len(array), MOST_POINTS + 1).astype(int)[:-1]
        counts = np.diff(np.append(edges, len(array)))
        array = np.add.reduceat(array, edges, axis=0) / counts[:, None]
    steps, raw = np.ascontiguousarray(array[:, 0]), np.ascontiguousarray(array[:, 1])
    return Curve(len(points), steps, raw, smoothed(raw))


def smoothed(values: Array) -> Array:
    """Return an exponential moving average that is fair to its first points (Adam's bias correction)."""
    result, mean = np.empty_like(values), 0.0
    for k, value in enumerate(values):
        mean = SMOOTHING * mean + (1 - SMOOTHING) * value
        result[k] = mean / (1 - SMOOTHING ** (k + 1))
    return result


def family(name: str, metrics: Metrics) -> list[str]:
    """Return the metrics to draw together: the one chosen and its parts, such as "episode_return/chaser"."""
    return [name, *sorted(other for other in metrics if other.startswith(f"{name}/"))]


def draw_charts(theme: Theme, charts: Charts, metrics: Metrics, area: Area) -> None:
    """Draw as many charts side by side as have room."""
    x, y, width, height = area
    count = 3 if width > theme.px(1050) else 2 if width > theme.px(420) else 1
    space = gap(theme)
    each = (width - (count - 1) * space) / count
    for chart in range(count):
        draw_chart(theme, charts, chart, metrics, (x + chart * (each + space), y, each, height))


def draw_chart(theme: Theme, charts: Charts, chart: int, metrics: Metrics, area: Area) -> None:
    """Draw one chart with its chooser and the latest value."""
    card(theme, area)
    x, y, width, height = inset(area, theme.px(10))
    name = charts.choose(chart, metrics)
    if name is None:
        text = "curves appear with the first update" if chart == 0 else ""
        at = x + (width - text_width(text, SMALL)) / 2, y + (height - theme.px(SMALL)) / 2
        write(theme, at, text, "muted", SMALL)
        return
    latest = charts.curve(name, metrics)
    draw_chooser(theme, charts, chart, name, metrics, (x, y, width * 0.66, 0.0))
    if len(latest.smooth):
        value = format_value(float(latest.smooth[-1]))
        write(theme, (x + width - text_width(value), y), value, "text")
    top = theme.px(24)
    imgui.set_cursor_screen_pos(ImVec2(x - theme.px(4), y + top))
    draw_plot(theme, charts, chart, family(name, metrics), metrics, (width + theme.px(8), height - top + theme.px(4)))


def draw_chooser(theme: Theme, charts: Charts, chart: int, name: str, metrics: Metrics, area: Area) -> None:
    """Draw the metric's name; a click lists the others."""
    x, y, width, _ = area
    shown = shorten(name.replace("_", " "), width - theme.px(18), SMALL)
    imgui.set_cursor_screen_pos(ImVec2(x - theme.px(4), y - theme.px(2)))
    popup = f"metrics{chart}"
    if imgui.invisible_button(f"choose{chart}", ImVec2(text_width(shown, SMALL) + theme.px(26), theme.px(22))):
        imgui.open_popup(popup)
    tone = "text" if imgui.is_item_hovered() or imgui.is_popup_open(popup) else "muted"
    end = x + write(theme, (x, y), shown, tone, SMALL) + theme.px(7)
    middle, half = y + theme.px(SMALL) / 2 + theme.px(1), theme.px(4)
    corners: list[ImVec2Like] = [
        ImVec2(end, middle - half / 2),
        ImVec2(end + 2 * half, middle - half / 2),
        ImVec2(end + half, middle + half / 2),
    ]
    imgui.get_window_draw_list().add_convex_poly_filled(corners, packed(tone))
    with padded(theme):
        if imgui.begin_popup(popup):
            close_on_escape()
            with font(SMALL):
                for other in sorted(metrics):
                    if imgui.selectable(other.replace("_", " "), other == name)[0]:
                        charts.chosen[chart] = other
            imgui.end_popup()


def draw_plot(
    theme: Theme, charts: Charts, chart: int, names: Sequence[str], metrics: Metrics, size: tuple[float, float]
) -> None:
    """Draw some metrics in one pair of axes, raw values faint behind the smoothed ones."""
    curves = [charts.curve(name, metrics) for name in names]
    curves_with_points = [curve for curve in curves if len(curve.steps)]
    if not curves_with_points:
        return
    x0, x1, y0, y1 = limits(curves_with_points)
    flags = implot.Flags_.no_title | implot.Flags_.no_menus | implot.Flags_.no_box_select | implot.Flags_.no_mouse_text
    if len(names) == 1:
        flags |= implot.Flags_.no_legend
    with font(SMALL - 1), colored(imgui.Col_.text, "muted"):
        if not implot.begin_plot(f"##plot{chart}", ImVec2(*size), flags):
            return
        axis = implot.AxisFlags_.no_label | implot.AxisFlags_.no_tick_marks | implot.AxisFlags_.no_highlight
        implot.setup_axes("", "", axis | implot.AxisFlags_.no_grid_lines, axis)
        implot.setup_axes_limits(x0, x1, y0, y1, implot.Cond_.always)
        steps = nice_ticks(x0, x1, max(int(size[0] / theme.px(90)), 1))
        levels = nice_ticks(y0, y1, max(int(size[1] / theme.px(28)), 2))
        steps = fitting(steps, (x0, x1), size[0], lambda tick: text_width(format_tick(tick)))
        implot.setup_axis_ticks(implot.ImAxis_.x1, steps, [format_tick(tick) for tick in steps])
        implot.setup_axis_ticks(implot.ImAxis_.y1, levels, [tick_label(tick, levels) for tick in levels])
        legend = implot.LegendFlags_.no_buttons | implot.LegendFlags_.outside | implot.LegendFlags_.horizontal
        implot.setup_legend(implot.Location_.north, legend)  # above the curves, not over them
        draw_marks(theme, chart, charts.marks)
        for k, (name, curve) in enumerate(zip(names, curves, strict=True)):
            draw_curve(theme, chart + k, name, curve, faint=len(names) == 1)
        if implot.is_plot_hovered():
            draw_reading(theme, names, curves)
        implot.end_plot()


def limits(curves: Sequence[Curve]) -> tuple[float, float, float, float]:
    """Return an x and a y range that hold the curves with some air; single odd points may stick out."""
    low = min(float(np.percentile(curve.raw, 1)) for curve in curves)
    high = max(float(np.percentile(curve.raw, 99)) for curve in curves)
    low = min(low, *(float(curve.smooth.min()) for curve in curves))
    high = max(high, *(float(curve.smooth.max()) for curve in curves))
    air = (high - low) * 0.08 or max(abs(high) * 0.1, 1e-6)
    first, last = min(float(curve.steps[0]) for curve in curves), max(float(curve.steps[-1]) for curve in curves)
    return first, max(last, first + 1.0), low - air, high + air


def fitting(
    ticks: Sequence[float], ends: tuple[float, float], width: float, label_width: Callable[[float], float]
) -> list[float]:
    """Return the ticks whose labels, centred under them, do not go over the right end of an axis so wide."""
    first, last = ends
    return [tick for tick in ticks if (last - tick) * width >= (last - first) * label_width(tick) / 2]


def tick_label(tick: float, ticks: Sequence[float]) -> str:
    """Write a tick with as many decimals as tell it from its neighbours."""
    step = ticks[1] - ticks[0] if len(ticks) > 1 else abs(tick) or 1.0
    if max(abs(ticks[0]), abs(ticks[-1])) >= 10_000:
        return format_tick(tick)
    if step < 1e-3:
        return f"{tick:.0e}".replace("e-0", "e-") if abs(tick) > step / 2 else "0"
    decimals = max(0, int(np.ceil(-np.log10(step) - 1e-9)))
    exact = abs(step * 10**decimals - round(step * 10**decimals)) < 1e-6
    return f"{tick:.{decimals if exact else decimals + 1}f}"


def draw_curve(theme: Theme, series: int, name: str, curve: Curve, *, faint: bool) -> None:
    color = SERIES[series % len(SERIES)]
    if faint:
        pale = implot.Spec(line_color=vec4(color, 0.25), line_weight=theme.px(1))
        implot.plot_line(f"##raw{name}", curve.steps, curve.raw, pale)
    strong = implot.Spec(line_color=vec4(color), line_weight=2 * theme.scale)
    implot.plot_line(name.rpartition("/")[2].replace("_", " "), curve.steps, curve.smooth, strong)


def draw_marks(theme: Theme, chart: int, marks: Sequence[tuple[int, str]]) -> None:
    """Draw a line where a person changed something; the mouse on it tells what."""
    if not marks:
        return
    steps = np.array([step for step, _ in marks], np.float64)
    spec = implot.Spec(line_color=vec4("amber", 0.55), line_weight=theme.px(1))
    implot.plot_inf_lines(f"##marks{chart}", steps, spec)
    if not implot.is_plot_hovered():
        return
    mouse = imgui.get_mouse_pos().x
    for step, text in reversed(marks):
        x = implot.plot_to_pixels(float(step), 0.0).x
        if abs(x - mouse) < theme.px(4):
            at, apart = implot.get_plot_pos(), theme.px(5)
            width = text_width(text, SMALL - 1)
            left = beside(x, width, at.x + implot.get_plot_size().x, apart)
            write(theme, (left, at.y + theme.px(4)), text, "amber", SMALL - 1)
            return


def beside(x: float, width: float, right: float, apart: float) -> float:
    """Return where a text begins beside a mark at `x`: on its right where there is room up to `right`, else on its left."""
    return x + apart if x + apart + width <= right else x - apart - width


def draw_reading(theme: Theme, names: Sequence[str], curves: Sequence[Curve]) -> None:
    """Mark the place under the mouse and say the smoothed values there."""
    at = implot.get_plot_mouse_pos().x
    lines = []
    for name, curve in zip(names, curves, strict=True):
        if len(curve.steps) == 0:
            continue
        k = int(np.abs(curve.steps - at).argmin())
        point = implot.plot_to_pixels(float(curve.steps[k]), float(curve.smooth[k]))
        implot.get_plot_draw_list().add_circle_filled(point, theme.px(3.5), packed("text"))
        label = f"{name.rpartition('/')[2].replace('_', ' ')} " if len(names) > 1 else ""
        lines.append(f"{label}{format_value(float(curve.smooth[k]))}  at {format_count(float(curve.steps[k]))}")
    tooltip(theme, "\n".join(lines))
