"""The side panel: how the run goes and what steers it; the policy and the parameters have their own modules."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from imgui_bundle import ImVec2, imgui

from puffer_arena.render.draw.numbers import format_count, format_value
from puffer_arena.render.window.grid_view import Watch
from puffer_arena.render.window.parameters import Sliders, draw_parameters
from puffer_arena.render.window.policy_view import ValuePast, draw_policy
from puffer_arena.render.window.source import Source
from puffer_arena.render.window.theme import PAD, SMALL, TITLE, Theme
from puffer_arena.render.window.widgets import (
    caption,
    pill,
    section,
    segmented,
    shorten,
    slider,
    stat,
    text_width,
    write,
)

STATUS_COLORS = {
    "training": "lime",
    "playing": "lime",
    "paused": "amber",
    "waiting": "muted",
    "finished": "sky",
    "lost": "rose",
}
SPEEDS = {  # stops of the speed control; 0 is "no limit", which only training has
    "smooth": (0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0),
    "time-lapse": (1.0, 2.0, 5.0, 10.0, 30.0, 100.0, 1000.0, 0.0),
}
ROW_COUNTS = (1, 4, 8, 15, 24, 40)  # what fills a wide stage without gaps


@dataclass
class Panel:
    """What the panel remembers between frames."""

    rows: int = 8  # how many environments the person wants to see
    sliders: Sliders = field(default_factory=Sliders)
    past: ValuePast = field(default_factory=ValuePast)


def draw_panel(theme: Theme, source: Source, watch: Watch, panel: Panel) -> None:
    """Lay out the whole panel in the current child window."""
    draw_header(theme, source)
    draw_stats(theme, source)
    if source.frame is not None and len(source.frame.rows):
        draw_controls(theme, source, panel)
        draw_policy(theme, source, source.frame, watch, panel.past)
        draw_parameters(theme, source, source.frame, panel.sliders)
    imgui.dummy(ImVec2(0, theme.px(2)))


def draw_header(theme: Theme, source: Source) -> None:
    at, width = imgui.get_cursor_screen_pos(), imgui.get_content_region_avail().x
    color = STATUS_COLORS.get(source.status, "muted")
    status_width = text_width(source.status, SMALL) + theme.px(38)
    pill(theme, at.x + width, at.y + theme.px(1), source.status, color)
    write(theme, (at.x, at.y), shorten(source.title, width - status_width, TITLE), "text", TITLE)
    subtitle = source.env.name if source.env.name != source.title else ""
    if source.agent_ids:
        subtitle = f"{subtitle}  ·  {len(source.agent_ids)} agents".strip(" ·")
    if subtitle:
        write(theme, (at.x, at.y + theme.px(TITLE + 3)), shorten(subtitle, width, SMALL), "muted", SMALL)
    imgui.dummy(ImVec2(width, theme.px(TITLE + (SMALL + 6 if subtitle else 4))))


def draw_stats(theme: Theme, source: Source) -> None:
    """Lay out the run's main figures, two to a line."""
    figures = [("steps", format_count(source.frame.steps if source.frame else 0))]
    returns = [f"episode_return/{role}" for role in source.env.agents] or ["episode_return"]
    signals = [f"episode_{name}" for name in source.env.signals]
    for name in ["steps_per_second", *returns, *signals, *source.env.counters, "episode_length"]:
        points = source.metrics.get(name)
        if points and len(figures) < 4:
            whole, _, role = name.partition("/")
            label = {"steps_per_second": "steps / s", "episode_return": f"{role} return".strip()}.get(whole, whole)
            figures.append((label.replace("_", " "), format_value(points[-1][1])))
    each = (imgui.get_content_region_avail().x - theme.px(PAD)) / 2
    for k, (label, value) in enumerate(figures):
        if k % 2:
            imgui.same_line(0, theme.px(PAD))
        stat(theme, label, value, each)


def draw_controls(theme: Theme, source: Source, panel: Panel) -> None:
    """Lay out what steers the run and the picture."""
    section(theme, "Control")
    learns = "time-lapse" in source.modes
    buttons: list[tuple[str, str, Callable[[], None]]] = [
        ("Resume" if source.status == "paused" else "Pause", "Space", lambda: toggle_pause(source)),
        ("Step", "one step, then pause  ( . )", lambda: source.send("step")),
    ]
    if learns:
        buttons.append(("Save", "write a checkpoint now  ( S )", lambda: source.send("save")))
    room = imgui.get_content_region_avail().x
    each = (room - (len(buttons) - 1) * theme.px(8)) / len(buttons)
    imgui.begin_disabled(source.status in ("waiting", "lost"))
    for k, (label, hint, act) in enumerate(buttons):
        if k:
            imgui.same_line(0, theme.px(8))
        if imgui.button(label, ImVec2(each, theme.px(32))):
            act()
        imgui.set_item_tooltip(hint)
    if len(source.modes) > 1:
        modes = list(source.modes)
        chosen = segmented(theme, "mode", modes, modes.index(source.mode) if source.mode in modes else -1)
        if chosen is not None:
            source.send("mode", name=modes[chosen])
    draw_speed(theme, source)
    draw_row_count(theme, source, panel)
    imgui.end_disabled()


def toggle_pause(source: Source) -> None:
    """Pause, or go on."""
    source.send("resume" if source.status == "paused" else "pause")


def speed_stops(source: Source) -> Sequence[float]:
    """Return the speeds on offer in the present mode."""
    return SPEEDS.get(source.mode, SPEEDS["smooth"])


def nearest_stop(source: Source) -> int:
    """Return which stop the present speed is nearest to."""
    stops = speed_stops(source)
    if source.speed <= 0:
        return len(stops) - 1
    return min((k for k, s in enumerate(stops) if s > 0), key=lambda k: abs(math.log(stops[k] / source.speed)))


def change_speed(source: Source, by: int) -> None:
    """Go some stops faster or slower."""
    stops = speed_stops(source)
    source.send("speed", value=stops[min(max(nearest_stop(source) + by, 0), len(stops) - 1)])


def draw_speed(theme: Theme, source: Source) -> None:
    stops = speed_stops(source)
    current = nearest_stop(source)
    caption(theme, "speed", value="no limit" if stops[current] == 0 else f"{stops[current]:g} x natural")
    share, _ = slider(theme, "speed", current / (len(stops) - 1))
    chosen = round(share * (len(stops) - 1))
    if chosen != current:
        source.send("speed", value=stops[chosen])


def draw_row_count(theme: Theme, source: Source, panel: Panel) -> None:
    most = source.num_envs or ROW_COUNTS[-1]
    counts = [count for count in ROW_COUNTS if count <= most] or [1]
    if len(counts) == 1:
        return
    caption(theme, "environments watched")
    current = counts.index(panel.rows) if panel.rows in counts else -1
    chosen = segmented(theme, "rows", [str(count) for count in counts], current)
    if chosen is not None:
        panel.rows = counts[chosen]
        source.send("rows", indices=list(range(panel.rows)))
