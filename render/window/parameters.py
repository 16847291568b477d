"""Sliders: every parameter that declares a range, and the learning rate.

A knob is dragged, or a double click types a value; a click alone changes nothing.  What was set takes effect when the
knob is let go, and can be undone.
"""

import math
from collections.abc import Callable
from typing import Any

from imgui_bundle import ImVec2, imgui

from puffer_arena.batch.frame import Frame
from puffer_arena.core.params import Parameter
from puffer_arena.render.window.curriculum import FIXED, draw_range, method_shown, table_of
from puffer_arena.render.window.knobs import Sliders, begin_typing, draw_typing, read_number, settable, settle
from puffer_arena.render.window.source import Source
from puffer_arena.render.window.steering import RATE, Steering, format_setting
from puffer_arena.render.window.theme import Theme
from puffer_arena.render.window.widgets import caption, item_tooltip, section, slider, tooltip

LEARNING_RATES = (1e-6, 1e-1)
HOW = "drag, or double click to type; right click: default"


def draw_parameters(theme: Theme, source: Source, frame: Frame, sliders: Sliders) -> None:
    """Lay out a slider for every parameter with a range, and the learning rate of what trains."""
    trains = "time-lapse" in source.modes and source.status in ("training", "paused")
    rates = source.metrics.get("learning_rate") if trains else None
    ranged = [parameter for parameter in source.env.parameters.values() if parameter.ranged and not parameter.size]
    if not ranged and not rates:
        return
    section(theme, "Parameters")
    draw_undo(theme, source, sliders.steering)
    if rates:
        draw_learning_rate(theme, source, float(rates[-1][1]), sliders)
    chosen = trains and method_shown(table_of(source, sliders)) != FIXED
    for parameter in ranged:
        if chosen and parameter.kind is not bool:
            draw_range(theme, source, parameter, sliders)
            continue
        draw_parameter(theme, source, parameter, frame.params[parameter.name], sliders)


def draw_undo(theme: Theme, source: Source, steering: Steering) -> None:
    """Lay out undo and redo, once there is something to."""
    if not (steering.done or steering.undone):
        return
    each = (imgui.get_content_region_avail().x - theme.px(8)) / 2
    entries: list[tuple[str, str, list[Any], Callable[[Source], None]]] = [
        ("Undo", "Ctrl Z", steering.done, steering.undo),
        ("Redo", "Ctrl Y", steering.undone, steering.redo),
    ]
    for k, (label, key, changes, act) in enumerate(entries):
        if k:
            imgui.same_line(0, theme.px(8))
        imgui.begin_disabled(not changes)
        if imgui.button(label, ImVec2(each, theme.px(28))):
            act(source)
        imgui.end_disabled()
        if changes:
            last = changes[-1]
            item_tooltip(
                theme,
                f"( {key} )  {last.name.replace('_', ' ')}: {format_setting(last.before)} to {format_setting(last.after)}",
            )


def draw_learning_rate(theme: Theme, source: Source, rate: float, sliders: Sliders) -> None:
    shown = float(sliders.edits.get(RATE, rate))
    caption(theme, RATE, value=f"{shown:.1e}".replace("e-0", "e-"))
    if sliders.typing == RATE:
        draw_typing(
            theme,
            sliders,
            lambda text: check_rate(read_number(text)),
            lambda value: sliders.steering.change(source, RATE, rate, value),
        )
        return
    low, high = (math.log10(limit) for limit in LEARNING_RATES)
    place = (math.log10(max(shown, LEARNING_RATES[0])) - low) / (high - low)
    share, released = slider(theme, RATE, place)
    begin_typing(sliders, RATE, f"{rate:g}")
    if share != place or released:
        shown = float(f"{10 ** (low + share * (high - low)):.1e}")
    settle(sliders, RATE, shown, released, lambda: sliders.steering.change(source, RATE, rate, shown))


def check_rate(value: float) -> float:
    """Return a learning rate that was typed.

    Raises:
        ValueError: it is none.
    """
    if not 1e-12 <= value <= 1:
        raise ValueError("a learning rate is above 0, at most 1")
    return value


def draw_parameter(theme: Theme, source: Source, parameter: Parameter, now: Any, sliders: Sliders) -> None:
    """Lay out one parameter; it goes to the trainer once the knob is let go, a right click sets the default."""
    name, label = parameter.name, parameter.name.replace("_", " ")
    low, high = now.min().item(), now.max().item()
    top = parameter.high
    if name in source.env.dimensions:  # memory was made for so much
        top = max(source.made.get(name, high), high)
    wanted = source.wanted.get(name, high)

    def change(value: Any) -> None:
        sliders.steering.change(source, name, wanted, value)

    if parameter.kind is bool:
        ticked, tick = imgui.checkbox(label, bool(wanted))
        if ticked:
            change(tick)
        return
    shown = sliders.edits.get(name, wanted)
    varied = f"{format_setting(low)} to {format_setting(high)}" if low != high and name not in sliders.edits else ""
    waits = source.takes_effect if wanted != high and low == high and name not in sliders.edits else ""
    caption(theme, label, note=waits, value=varied if varied and not waits else format_setting(shown))
    if sliders.typing == name:
        draw_typing(theme, sliders, lambda text: checked(parameter, top, read_number(text)), change)
        return
    span = top - parameter.low
    place = (shown - parameter.low) / span if span > 0 else 1.0
    share, released = slider(theme, name, place)
    if imgui.is_item_hovered(imgui.HoveredFlags_.stationary):
        about = f"{parameter.doc}; {format_setting(parameter.low)} to {format_setting(top)}\n" if parameter.doc else ""
        tooltip(theme, f"{about}{HOW} ({format_setting(parameter.default)})")
    if imgui.is_item_clicked(imgui.MouseButton_.right) and parameter.default <= top:
        change(parameter.default)
    begin_typing(sliders, name, format_setting(shown))
    if share != place or released:
        shown = settable(parameter, top, parameter.low + share * span)
    settle(sliders, name, shown, released, lambda: change(shown))


def checked(parameter: Parameter, top: Any, value: float) -> Any:
    """Return a typed number as the parameter takes it.

    Raises:
        ParameterError: it does not.
    """
    whole = parameter.kind is int and value == int(value)
    return parameter.check(int(value) if whole else value, top)
