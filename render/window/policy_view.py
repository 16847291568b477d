"""What the watched agent thinks: its action probabilities, and its value now and lately."""

import math
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from imgui_bundle import ImVec2, ImVec2Like, imgui

from puffer_arena.batch.frame import Frame
from puffer_arena.core.composites import leaves
from puffer_arena.core.roles import space_of
from puffer_arena.core.spaces import Discrete, MultiBinary, MultiDiscrete, Space
from puffer_arena.render.draw.numbers import format_value
from puffer_arena.render.window.grid_view import Watch
from puffer_arena.render.window.imgui_canvas import packed
from puffer_arena.render.window.source import Source
from puffer_arena.render.window.theme import SMALL, Theme, colored, font
from puffer_arena.render.window.widgets import bar, close_on_escape, padded, section, text_width, write

VALUE_POINTS = 120


@dataclass
class ValuePast:
    """The watched agent's values, newest last."""

    values: deque[float] = field(default_factory=lambda: deque(maxlen=VALUE_POINTS))
    whose: tuple[Any, ...] = ()
    seen: Frame | None = None

    def add(self, frame: Frame, value: float, whose: tuple[Any, ...]) -> None:
        """Note a frame's value once; another agent begins anew."""
        if whose != self.whose:
            self.values.clear()
            self.whose = whose
        if frame is not self.seen and math.isfinite(value):
            self.values.append(value)
            self.seen = frame


def choice_names(action: Space, count: int) -> list[str]:
    """Return a name for each of `count` choices, part after part; continuous parts have none."""
    names = [name for path, leaf in leaves(action) for name in names_of(leaf, " ".join(path))]
    return names[:count] + [f"choice {k}" for k in range(len(names), count)]


def names_of(leaf: Space, where: str) -> list[str]:
    """Return a name for each choice of a simple space, behind that of the part which it is."""
    labels = list(getattr(leaf, "labels", ()))
    if isinstance(leaf, MultiDiscrete):
        parts = labels if len(labels) == len(leaf.nvec) else [f"{where or 'part'} {k}" for k in range(len(leaf.nvec))]
        return [f"{part} {value}" for part, size in zip(parts, leaf.nvec, strict=True) for value in range(size)]
    if isinstance(leaf, Discrete):
        return labels if len(labels) == leaf.n else [f"{where or 'action'} {k}" for k in range(leaf.n)]
    if isinstance(leaf, MultiBinary):
        return labels if len(labels) == leaf.n else [f"{where or 'flag'} {k}" for k in range(leaf.n)]
    return []


def draw_policy(theme: Theme, source: Source, frame: Frame, watch: Watch, past: ValuePast) -> None:
    """Lay out the watched agent's action probabilities and its value."""
    slot = watch.slot(frame)
    section(theme, f"Policy of #{frame.rows[slot]}")
    watch.agent = min(watch.agent, max(len(source.agent_ids) - 1, 0))
    if source.env.turn is not None:
        watch.agent = max(int(frame.states[slot]["turn"]), 0)  # a policy has nothing to say while it waits
    if source.agent_ids:
        draw_agent_choice(theme, source, frame, slot, watch)
    value = math.nan if frame.values is None else float(frame.values[slot, watch.agent])
    if math.isfinite(value):
        draw_value(theme, frame, value, (watch.row, watch.agent), past)
    probs = np.zeros(0) if frame.probs is None else frame.probs[slot, watch.agent].astype(float)
    if not np.isfinite(probs).any():
        if math.isnan(value):
            with font(SMALL), colored(imgui.Col_.text, "muted"):
                imgui.text_wrapped("No policy is speaking: a script plays, or its first word is on the way.")
        return
    role = source.env.role_of(source.agent_ids[watch.agent]) if source.agent_ids else None
    shares = np.nan_to_num(probs)
    for name, share in zip(choice_names(space_of(source.env.action, role), len(shares)), shares, strict=True):
        bar(theme, name, float(share), f"{share:.0%}", strong=share >= shares.max() and share > 0)


def draw_agent_choice(theme: Theme, source: Source, frame: Frame, slot: int, watch: Watch) -> None:
    alive = frame.states[slot]["alive"]
    imgui.set_next_item_width(-1)
    with padded(theme):
        if imgui.begin_combo("##agent", source.agent_ids[watch.agent], imgui.ComboFlags_.height_large):
            close_on_escape()
            for k, agent in enumerate(source.agent_ids):
                label = agent if alive[k] else f"{agent}  (out)"
                if imgui.selectable(label, k == watch.agent)[0]:
                    watch.agent = k
            imgui.end_combo()


def draw_value(theme: Theme, frame: Frame, value: float, whose: tuple[Any, ...], past: ValuePast) -> None:
    """Lay out the critic's estimate and how it went lately."""
    past.add(frame, value, whose)
    at, width, height = imgui.get_cursor_screen_pos(), imgui.get_content_region_avail().x, theme.px(34)
    write(theme, (at.x, at.y + theme.px(8)), "value", "muted", SMALL)
    shown = format_value(value)
    write(theme, (at.x + width - text_width(shown), at.y + theme.px(7)), shown)
    left, right = at.x + theme.px(92), at.x + width - theme.px(54)
    low, high = min(past.values, default=0.0), max(past.values, default=1.0)
    span = max(high - low, 1e-6)
    step = (right - left) / (VALUE_POINTS - 1)
    start = left + (VALUE_POINTS - len(past.values)) * step
    line: list[ImVec2Like] = [
        ImVec2(start + k * step, at.y + theme.px(4) + (height - theme.px(8)) * (1 - (old - low) / span))
        for k, old in enumerate(past.values)
    ]
    if len(line) > 1:
        imgui.get_window_draw_list().add_polyline(line, packed("violet"), 1.5 * theme.scale, 0)
    imgui.dummy(ImVec2(width, height))
