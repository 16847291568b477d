"""Sliders: every parameter that declares a range, and the learning rate."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from imgui_bundle import imgui

from puffer_arena.batch.frame import Frame
from puffer_arena.core.params import Parameter
from puffer_arena.render.draw.numbers import format_value
from puffer_arena.render.window.source import Source
from puffer_arena.render.window.theme import Theme
from puffer_arena.render.window.widgets import caption, section, slider

LEARNING_RATES = (1e-6, 1e-1)


@dataclass
class Sliders:
    """What the sliders remember between frames."""

    edits: dict[str, Any] = field(default_factory=dict)  # slider -> value while it is dragged
    sizes: dict[str, Any] = field(default_factory=dict)  # parameters that size memory: the greatest value seen


def draw_parameters(theme: Theme, source: Source, frame: Frame, sliders: Sliders) -> None:
    """Lay out a slider for every parameter with a range, and the learning rate."""
    rates = source.metrics.get("learning_rate")
    ranged = [parameter for parameter in source.env.parameters.values() if parameter.ranged]
    if not ranged and not rates:
        return
    section(theme, "Parameters")
    if rates and "time-lapse" in source.modes:
        draw_learning_rate(theme, source, float(rates[-1][1]), sliders)
    for parameter in ranged:
        draw_parameter(theme, source, parameter, frame.params[parameter.name], sliders)


def draw_learning_rate(theme: Theme, source: Source, rate: float, sliders: Sliders) -> None:
    shown = float(sliders.edits.get("learning rate", rate))
    caption(theme, "learning rate", value=f"{shown:.1e}".replace("e-0", "e-"))
    low, high = (math.log10(limit) for limit in LEARNING_RATES)
    place = (math.log10(max(shown, LEARNING_RATES[0])) - low) / (high - low)
    share, released = slider(theme, "learning rate", place)
    if share != place or released:
        shown = float(f"{10 ** (low + share * (high - low)):.1e}")
    settle(sliders, "learning rate", shown, released, lambda: source.send("learning_rate", value=shown))


def draw_parameter(theme: Theme, source: Source, parameter: Parameter, now: Any, sliders: Sliders) -> None:
    """Lay out one parameter; it goes to the trainer once the knob is let go, a right click sets the default."""
    name, label = parameter.name, parameter.name.replace("_", " ")
    low, high = now.min().item(), now.max().item()
    top = parameter.high
    if name in source.env.dimensions:  # memory was made for the greatest value
        top = sliders.sizes[name] = max(sliders.sizes.get(name, low), high)
    if parameter.kind is bool:
        ticked, wanted = imgui.checkbox(label, bool(high))
        if ticked:
            source.send("param", name=name, value=wanted)
        return
    shown = sliders.edits.get(name, high)
    varied = f"{format_number(low)} to {format_number(high)}" if low != high and name not in sliders.edits else ""
    caption(theme, label, value=varied or format_number(shown))
    span = top - parameter.low
    place = (shown - parameter.low) / span if span > 0 else 1.0
    share, released = slider(theme, name, place)
    if imgui.is_item_hovered(imgui.HoveredFlags_.stationary) and parameter.doc:
        imgui.set_tooltip(f"{parameter.doc}; by default {format_number(parameter.default)}".replace("%", "%%"))
    if imgui.is_item_clicked(imgui.MouseButton_.right) and parameter.default <= top:
        source.send("param", name=name, value=parameter.default)
    if share != place or released:
        shown = settable(parameter, top, parameter.low + share * span)
    settle(sliders, name, shown, released, lambda: source.send("param", name=name, value=shown))


def settable(parameter: Parameter, top: Any, value: float) -> Any:
    """Return the round value nearest to `value` that the parameter may take."""
    if parameter.kind is int:
        return min(max(round(value), parameter.low), top)
    span = top - parameter.low
    step = 10.0 ** math.floor(math.log10(span / 100)) if span > 0 else 1.0
    return min(max(round(value / step) * step, parameter.low), top)


def format_number(value: float) -> str:
    """Write a parameter without figures that say nothing."""
    return f"{value:.4g}" if abs(value) < 1e5 else format_value(value)


def settle(sliders: Sliders, name: str, value: Any, released: bool, send: Callable[[], None]) -> None:
    """Keep a slider's value while it is dragged, and send it once it is let go."""
    if released:
        sliders.edits.pop(name, None)
        send()
    elif imgui.is_item_active():
        sliders.edits[name] = value
