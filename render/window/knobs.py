"""What sliders have in common: what they remember between frames, typed values, round values."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from imgui_bundle import imgui

from puffer_arena.core.params import Parameter
from puffer_arena.errors import ArenaError
from puffer_arena.render.window.steering import Steering
from puffer_arena.render.window.theme import SMALL, Theme, colored, font


@dataclass
class Sliders:
    """What the sliders remember between frames."""

    edits: dict[str, Any] = field(default_factory=dict)  # slider -> value while it is dragged
    typing: str = ""  # the slider whose value is typed
    text: str = ""  # what was typed so far
    fault: str = ""  # why it cannot be
    fresh: bool = False  # the field has just come, and wants the keyboard
    told: str = ""  # what became of a preset
    asked: tuple[dict[str, Any] | None, float] = (None, 0.0)  # a curriculum asked for, and until when it is shown
    steering: Steering = field(default_factory=Steering)


def begin_typing(sliders: Sliders, name: str, text: str) -> None:
    """Let a double click on the slider just laid out turn it into a field of text."""
    if imgui.is_item_hovered() and imgui.is_mouse_double_clicked(imgui.MouseButton_.left):
        sliders.typing, sliders.text, sliders.fault, sliders.fresh = name, text, "", True


def draw_typing(theme: Theme, sliders: Sliders, check: Callable[[str], Any], change: Callable[[Any], None]) -> None:
    """Lay out the field in which a value is typed: Enter takes it, Escape or a click elsewhere leaves it."""
    flags = imgui.InputTextFlags_.enter_returns_true | imgui.InputTextFlags_.auto_select_all
    imgui.set_next_item_width(-1)
    if sliders.fresh:
        imgui.set_keyboard_focus_here()
    entered, sliders.text = imgui.input_text(f"##type {sliders.typing}", sliders.text[:40], flags)
    left = imgui.is_item_deactivated() and not sliders.fresh
    sliders.fresh = False
    if entered:
        try:
            change(check(sliders.text.strip()))
            sliders.typing = sliders.fault = ""
        except (ValueError, ArenaError) as error:
            sliders.fault, sliders.fresh = str(error), True  # Enter has taken the keyboard from it
    elif left:
        sliders.typing = sliders.fault = ""
    if sliders.fault:
        with font(SMALL), colored(imgui.Col_.text, "rose"):
            imgui.text_wrapped(sliders.fault.replace("%", "%%"))


def settle(sliders: Sliders, name: str, value: Any, released: bool, send: Callable[[], None]) -> None:
    """Keep the value of the slider just laid out while it is dragged, and send it once it is let go."""
    if imgui.is_item_active() and sliders.typing != name:
        sliders.edits[name] = value
        return
    sliders.edits.pop(name, None)  # also where it was clicked alone: what is shown is what is so
    if released:
        send()


def read_number(text: str) -> float:
    """Return the number that a person typed.

    Raises:
        ValueError: it is none.
    """
    try:
        return float(text.replace(",", "."))
    except ValueError:
        raise ValueError("type a number") from None


def settable(parameter: Parameter, top: Any, value: float) -> Any:
    """Return the round value nearest to `value` that the parameter may take."""
    if parameter.kind is int:
        return min(max(round(value), parameter.low), top)
    span = top - parameter.low
    step = 10.0 ** math.floor(math.log10(span / 100)) if span > 0 else 1.0
    return min(max(round(value / step) * step, parameter.low), top)
