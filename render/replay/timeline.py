"""The timeline: episodes, events, returns and values of the watched row, and where the person is."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from imgui_bundle import ImVec2, ImVec2Like, imgui

from puffer_arena.core.fields import Array
from puffer_arena.render.draw.ends import end_color
from puffer_arena.render.draw.numbers import format_value
from puffer_arena.render.replay.source import ReplaySource
from puffer_arena.render.window.imgui_canvas import packed
from puffer_arena.render.window.retained import Retained
from puffer_arena.render.window.theme import SMALL, Theme
from puffer_arena.render.window.widgets import Area, card, inset, shorten, text_width, tooltip, write

MARKS = {"start": "muted", "moved": "violet", "params": "sky", "checkpoint": "sky", "player": "violet"}
EVENT_COLOR = "lime"  # of the game's own counters
Curve = tuple[str, str, Array, Array]  # label, colour, steps, values


@dataclass
class Scrub:
    """What the mouse is doing on the timeline."""

    active: bool = False
    ranging: int | None = None  # where a loop begins that is being drawn
    drawn: Retained = field(default_factory=Retained)  # what does not change with time


def draw_timeline(theme: Theme, source: ReplaySource, row: int, scrub: Scrub, area: Area) -> None:
    """Draw the timeline into `area` and take the mouse."""
    card(theme, area)
    x, y, width, height = inset(area, theme.px(10))
    head = draw_head(theme, source, row, (x, y, width, theme.px(20)))
    top, band = y + theme.px(26), theme.px(16)
    steps = max(source.steps, 1)

    def place(step: float) -> float:
        return x + width * step / steps

    key = row, theme.scale, area
    scrub.drawn.draw("episodes", key, lambda: draw_episodes(theme, source, row, (x, top, width, band)))
    plot = x, top + band + theme.px(12), width, height - theme.px(38) - band
    curves = scrub.drawn.draw("curves", key, lambda: draw_curves(theme, source, row, plot))
    write_values(theme, source.step, curves, head)
    dots = x, top + band + theme.px(2), width, theme.px(8)
    scrub.drawn.draw("events", key, lambda: draw_events(theme, source, row, dots))
    draw = imgui.get_window_draw_list()
    if source.loop is not None:
        first, last = (place(step) for step in source.loop)
        draw.add_rect_filled((first, top), (max(last, first + 2), y + height), packed("accent", 36))
    at = place(source.step)
    draw.add_line((at, top - theme.px(2)), (at, y + height), packed("text"), theme.px(1.5))
    draw.add_circle_filled((at, top - theme.px(2)), theme.px(4.5), packed("text"))
    take_mouse(theme, source, row, scrub, (x, y, width, height))


def draw_head(theme: Theme, source: ReplaySource, row: int, area: Area) -> Area:
    """Write where the person is, over the track; return what room that leaves."""
    x, y, width, height = area
    pace = source.replays[0].header.steps_per_second
    episodes = source.episodes(row)
    here = bisect_right(episodes, source.step, key=lambda episode: episode.first)
    part = f"   episode {here} of {len(episodes)}" if episodes else ""
    left = f"{clock(source.step / pace)}   step {source.step}{part}"
    right = f"{clock(source.steps / pace)}   {source.steps} steps"
    right_width = text_width(right, SMALL)
    room = width - right_width - theme.px(20)
    used = write(theme, (x, y), shorten(left, room, SMALL), "text", SMALL) + theme.px(18)
    write(theme, (x + width - right_width, y), right, "muted", SMALL)
    return x + used, y, room - used, height


def clock(seconds: float) -> str:
    """Write a time as minutes and seconds."""
    whole = int(seconds)
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60}:{rest % 60:02d}"


def draw_episodes(theme: Theme, source: ReplaySource, row: int, area: Area) -> None:
    """Draw episodes as bars, brighter for better ones, each with how it ended at its right edge."""
    x, y, width, height = area
    draw, steps = imgui.get_window_draw_list(), max(source.steps, 1)
    low, high = source.scores(row)
    draw.add_rect_filled((x, y), (x + width, y + height), packed("raised"), theme.px(4))
    seen = {round(width * episode.last / steps): episode for episode in source.episodes(row)}  # one a pixel
    for episode in seen.values():
        left, right = x + width * episode.first / steps, x + width * episode.last / steps
        share = (episode.score - low) / (high - low) if high > low and episode.how else 0.3
        glow = round(50 + 150 * min(max(share, 0.0), 1.0))
        gap = theme.px(1) if right - left > theme.px(4) else 0.0
        draw.add_rect_filled((left, y), (max(right - gap, left + 1), y + height), packed("accent", glow), theme.px(3))
        if episode.how and right - left > theme.px(3):
            edge = (right - gap - theme.px(2.5), y)
            draw.add_rect_filled(
                edge, (right - gap, y + height), packed(end_color(source.owner(row)[0], episode)), theme.px(1)
            )


def draw_events(theme: Theme, source: ReplaySource, row: int, area: Area) -> None:
    """Mark what happened by small dots, one a pixel."""
    x, y, width, height = area
    places = {round(width * event.step / max(source.steps, 1)): event.kind for event in source.events(row)}
    draw = imgui.get_window_draw_list()
    for at, kind in places.items():
        tone = packed(MARKS.get(kind, EVENT_COLOR))
        draw.add_circle_filled((x + at, y + height / 2), theme.px(2.2), tone, 8)


def draw_curves(theme: Theme, source: ReplaySource, row: int, area: Area) -> list[Curve]:
    """Draw the return of the running episode, and the critic's value over it; return the points drawn."""
    x, y, width, height = area
    if height < theme.px(14):
        return []
    steps, returns, values = source.curve(row)
    labels = [("return", "lime", steps, returns)]
    if np.isfinite(values).any():
        labels.append(("value", "violet", steps - 1, values))  # of the state before each step
    curves = []
    for label, tone, places, curve in labels:
        xs, ys = thinned(places, curve, round(width))
        low, high = float(ys.min()), float(ys.max())
        span = max(high - low, 1e-9)
        points: list[ImVec2Like] = [
            ImVec2(x + width * float(a) / max(source.steps, 1), y + height - (height - 3) * (float(b) - low) / span)
            for a, b in zip(xs, ys, strict=True)
        ]
        if len(points) > 1:
            imgui.get_window_draw_list().add_polyline(points, packed(tone, 200), theme.px(1.3), 0)
        curves.append((label, tone, xs, ys))
    return curves


def write_values(theme: Theme, step: int, curves: Sequence[Curve], area: Area) -> None:
    """Write in the curves' colours what they are at a step, as far as there is room."""
    x, y, room, _ = area
    for label, tone, xs, ys in curves:
        index = int(np.searchsorted(xs, step, "right")) - 1
        text = f"{label} {format_value(float(ys[index])) if index >= 0 else '0'}"
        width = text_width(text, SMALL)
        if width > room:
            return
        write(theme, (x, y), text, tone, SMALL)
        x, room = x + width + theme.px(18), room - width - theme.px(18)


def thinned(steps: Array, values: Array, most: int) -> tuple[Array, Array]:
    """Return a curve's finite points, at most about `most`, its peaks kept."""
    known = np.isfinite(values)
    steps, values = steps[known], values[known]
    if len(steps) <= max(most, 8):
        return steps, values
    edges = np.linspace(0, len(steps), max(most // 2, 4) + 1).astype(int)[:-1]
    low, high = np.minimum.reduceat(values, edges), np.maximum.reduceat(values, edges)
    return np.repeat(steps[edges], 2), np.stack([low, high], axis=1).reshape(-1)


def take_mouse(theme: Theme, source: ReplaySource, row: int, scrub: Scrub, area: Area) -> None:
    """Seek where the mouse is held, draw a loop with Shift, and tell what lies under it."""
    x, y, width, height = area
    imgui.set_cursor_screen_pos(ImVec2(x, y))
    imgui.invisible_button("timeline", ImVec2(max(width, 1.0), max(height, 1.0)))
    mouse = imgui.get_io().mouse_pos.x
    step = round(min(max((mouse - x) / width, 0.0), 1.0) * source.steps)
    if imgui.is_item_activated():
        scrub.ranging = step if imgui.get_io().key_shift else None
        source.loop = source.loop if scrub.ranging is None else None
    if imgui.is_item_active():
        if scrub.ranging is not None:
            first, last = sorted((scrub.ranging, step))
            source.loop = (first, last) if last > first else None
        elif step != source.step:
            source.seek(step)
    elif imgui.is_item_hovered():
        tooltip(theme, describe(source, row, step, source.steps / max(width, 1.0)))


def describe(source: ReplaySource, row: int, step: int, reach: float) -> str:
    """Say what is at a step, in lines."""
    lines = [f"step {step}"]
    for k, episode in enumerate(source.episodes(row), 1):
        if episode.first <= step < episode.last:
            result = (
                f"{episode.words or episode.how}; return {episode.score:.4g}, {episode.length} steps"
                if episode.how
                else "not ended"
            )
            lines.append(f"episode {k}: {result}")
            lines += [f"{name.replace('_', ' ')} {value:g}" for name, value in episode.counters.items()]
    near = [event for event in source.events(row) if abs(event.step - step) <= max(3 * reach, 0.5)]
    lines += [f"{event.kind.replace('_', ' ')} {event.text}".strip() for event in near[:5]]
    return "\n".join(lines)
