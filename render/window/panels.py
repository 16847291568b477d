"""The side panel: how the run goes and what steers it; the policy and the parameters have their own modules."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from imgui_bundle import ImVec2, imgui

from puffer_arena.render.draw.numbers import format_count, format_value
from puffer_arena.render.window.branching import Host, draw_branching
from puffer_arena.render.window.curriculum import draw_curriculum
from puffer_arena.render.window.grid_view import Watch
from puffer_arena.render.window.imgui_canvas import packed
from puffer_arena.render.window.kept import Gallery, draw_kept
from puffer_arena.render.window.knobs import Sliders
from puffer_arena.render.window.parameters import draw_parameters
from puffer_arena.render.window.policy_view import ValuePast, draw_policy
from puffer_arena.render.window.sight import Sight, draw_sight
from puffer_arena.render.window.source import Source
from puffer_arena.render.window.theme import PAD, SMALL, TITLE, Theme
from puffer_arena.render.window.widgets import (
    caption,
    item_tooltip,
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
    "stopped": "amber",
    "lost": "rose",
}
ASKED = {"pause": "pausing", "resume": "resuming", "step": "stepping"}
GONE = ("waiting", "finished", "stopped", "lost")  # no trainer that could be asked for anything
SPEEDS = {  # stops of the speed control; 0 is "no limit", which only training has
    "smooth": (0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0),
    "time-lapse": (1.0, 2.0, 5.0, 10.0, 30.0, 100.0, 1000.0, 0.0),
}
PAGES = ("run", "steering")
STEERING = 1
ROW_COUNTS = (1, 4, 8, 15, 24, 40)  # what fills a wide stage without gaps


@dataclass
class Panel:
    """What the panel remembers between frames."""

    page: int = 0  # of `PAGES`
    rows: int = 8  # how many environments the person wants to see
    sliders: Sliders = field(default_factory=Sliders)
    gallery: Gallery = field(default_factory=Gallery)
    sight: Sight = field(default_factory=Sight)
    past: ValuePast = field(default_factory=ValuePast)


def draw_panel(theme: Theme, source: Source, watch: Watch, panel: Panel, host: Host) -> None:
    """Lay out the whole panel in the current child window."""
    draw_header(theme, source)
    if "time-lapse" in source.modes and source.status in ("training", "paused"):
        chosen = segmented(theme, "page", PAGES, panel.page)
        panel.page = panel.page if chosen is None else chosen
        if panel.page == STEERING and source.frame is not None and len(source.frame.rows):
            draw_curriculum(theme, source, panel.sliders)
            draw_kept(theme, source, panel.gallery)
            draw_parameters(theme, source, source.frame, panel.sliders)
            return
    draw_stats(theme, source)
    if source.frame is not None and len(source.frame.rows):
        draw_controls(theme, source, panel)
        draw_policy(theme, source, source.frame, watch, panel.past)
        draw_branching(theme, host)
        draw_sight(theme, source, source.frame, watch, panel.sight)
        if source.status not in ("training", "paused"):  # a trainer is steered on a page of its own
            draw_parameters(theme, source, source.frame, panel.sliders)
    imgui.dummy(ImVec2(0, theme.px(2)))


def draw_header(theme: Theme, source: Source) -> None:
    at, width = imgui.get_cursor_screen_pos(), imgui.get_content_region_avail().x
    status = ASKED.get(source.asked, source.status)  # before the trainer has answered, too
    color = STATUS_COLORS.get(status, "muted")
    told = describe_stop(source) if status == "stopped" else status
    status_width = text_width(told, SMALL) + theme.px(38)
    pill(theme, at.x + width, at.y + theme.px(1), told, color)
    write(theme, (at.x, at.y), shorten(source.title, width - status_width, TITLE), "text", TITLE)
    subtitle = source.env.name if source.env.name != source.title else ""
    if source.agent_ids:
        subtitle = f"{subtitle}  ·  {len(source.agent_ids)} agents".strip(" ·")
    if subtitle:
        write(theme, (at.x, at.y + theme.px(TITLE + 3)), shorten(subtitle, width, SMALL), "muted", SMALL)
    imgui.dummy(ImVec2(width, theme.px(TITLE + (SMALL + 6 if subtitle else 4))))
    draw_progress(theme, source)


def draw_progress(theme: Theme, source: Source) -> None:
    """Lay out how much of the run is done, and how long the rest takes."""
    if not source.total:
        return
    steps = steps_done(source)
    share = min(steps / source.total, 1.0)
    caption(theme, f"{format_count(steps)} of {format_count(source.total)} steps", value=time_left(source, steps))
    draw, at, width = imgui.get_window_draw_list(), imgui.get_cursor_screen_pos(), imgui.get_content_region_avail().x
    high = theme.px(5)
    draw.add_rect_filled((at.x, at.y), (at.x + width, at.y + high), packed("raised"), high / 2)
    if share > 0:
        tone = packed(STATUS_COLORS.get(source.status, "muted"), 200)
        draw.add_rect_filled((at.x, at.y), (at.x + max(share * width, high), at.y + high), tone, high / 2)
    imgui.dummy(ImVec2(width, high))


def steps_done(source: Source) -> int:
    """Return how many steps the run has come to."""
    steps = source.frame.steps if source.frame is not None else 0
    return max([steps, *(int(points[-1][0]) for points in source.metrics.values() if points)])


def describe_stop(source: Source) -> str:
    """Say where a run stopped, short."""
    of = f" of {format_count(source.total)}" if source.total else ""
    return f"stopped at {format_count(steps_done(source))}{of}"


def time_left(source: Source, steps: int) -> str:
    """Return how long the rest of the run takes at its present rate; "" while it does not train."""
    rates = source.metrics.get("steps_per_second")
    if source.status != "training" or not rates or rates[-1][1] <= 0:
        return ""
    seconds = max(source.total - steps, 0) / rates[-1][1]
    if seconds >= 5400:
        return f"{seconds / 3600:.1f} h left"
    return f"{seconds / 60:.0f} min left" if seconds >= 90 else f"{seconds:.0f} s left"


def draw_stats(theme: Theme, source: Source) -> None:
    """Lay out the run's main figures, two to a line."""
    figures = [] if source.total else [("steps", format_count(source.frame.steps if source.frame else 0))]
    returns = [f"episode_return/{role}" for role in source.env.agents] or ["episode_return"]
    signals = [f"episode_{name}" for name in source.env.signals]
    for name in ["steps_per_second", *returns, *signals, *source.env.counters, "episode_length"]:
        points = source.metrics.get(name)
        if points and len(figures) < 4:
            whole, _, role = name.partition("/")
            label = {"steps_per_second": "steps / s", "episode_return": f"{role} return".strip()}.get(whole, whole)
            still = whole == "steps_per_second" and source.status in ("paused", *GONE)
            figures.append((label.replace("_", " "), "0" if still else format_value(points[-1][1])))
    each = (imgui.get_content_region_avail().x - theme.px(PAD)) / 2
    for k, (label, value) in enumerate(figures):
        if k % 2:
            imgui.same_line(0, theme.px(PAD))
        stat(theme, label, value, each)


def draw_controls(theme: Theme, source: Source, panel: Panel) -> None:
    """Lay out what steers the run, and below it what steers the picture."""
    learns = "time-lapse" in source.modes
    if learns:
        section(theme, "Training")
        paused = source.status == "paused"
        imgui.begin_disabled(source.status in GONE)
        draw_buttons(
            theme,
            [
                (
                    "Resume" if paused else "Pause",
                    f"{hint(source, 'time-lapse', 'Space')}training",
                    lambda: pause(source),
                ),
                (
                    "Step",
                    f"{hint(source, 'time-lapse', '.')}one step of training, then pause",
                    lambda: source.send("step"),
                ),
                ("Save", "( S )  write a checkpoint now", lambda: source.send("save")),
                ("Record", "( F9 )  some environments into a replay, or stop that", lambda: source.send("record")),
            ],
        )
        imgui.end_disabled()
    section(theme, "Picture")
    imgui.begin_disabled(source.status in ("waiting", "lost") and not learns)
    if len(source.modes) > 1:
        modes = list(source.modes)
        chosen = segmented(theme, "mode", modes, modes.index(source.mode) if source.mode in modes else -1)
        if chosen is not None:
            source.send("mode", name=modes[chosen])
    if source.mode == "smooth":
        draw_buttons(
            theme,
            [
                ("Play" if source.view_paused else "Hold", "( Space )  the picture alone", lambda: hold(source)),
                ("Next", "( . )  one step of the picture, then hold", lambda: source.send("view_step")),
            ],
        )
    draw_speed(theme, source)
    draw_row_count(theme, source, panel)
    imgui.end_disabled()


def hint(source: Source, mode: str, key: str) -> str:
    """Return a key in brackets where it means this mode now."""
    return f"( {key} )  " if source.mode == mode else ""


def draw_buttons(theme: Theme, buttons: Sequence[tuple[str, str, Callable[[], None]]]) -> None:
    """Lay out buttons in one line: each its label, its tooltip and what it does."""
    room = imgui.get_content_region_avail().x
    each = (room - (len(buttons) - 1) * theme.px(8)) / len(buttons)
    for k, (label, about, act) in enumerate(buttons):
        if k:
            imgui.same_line(0, theme.px(8))
        if imgui.button(label, ImVec2(each, theme.px(32))):
            act()
        item_tooltip(theme, about)


def pause(source: Source) -> None:
    """Pause training, or go on."""
    source.send("resume" if source.status == "paused" else "pause")


def hold(source: Source) -> None:
    """Hold the picture, or let it play."""
    source.send("view_resume" if source.view_paused else "view_pause")


def toggle_pause(source: Source) -> None:
    """Pause what is looked at, training in time-lapse and the picture in smooth mode, or let it go on."""
    (hold if source.mode == "smooth" else pause)(source)


def single_step(source: Source) -> None:
    """Let what is looked at take one step and stand."""
    source.send("view_step" if source.mode == "smooth" else "step")


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
    share, _ = slider(theme, "speed", current / (len(stops) - 1), clicks=True)
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
