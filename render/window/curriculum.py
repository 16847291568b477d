"""The curriculum in the panel: its method, every parameter's range with what becomes of it, and presets.

A knob at each end of a range is dragged, or a double click types it ("0.1:0.6", "5"); both knobs at one place pin the
value.  What was set takes effect when the knob is let go, from the rows' next episodes on, and can be undone.
"""

import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from imgui_bundle import ImVec2, imgui

from puffer_arena.core.palette import Rgb
from puffer_arena.core.params import Parameter
from puffer_arena.curriculum.choose import load_curriculum, method_of, read_table, write_table
from puffer_arena.curriculum.ledger import is_wide
from puffer_arena.curriculum.spread import Spread, read_spread
from puffer_arena.errors import ArenaError
from puffer_arena.machine.files import write_bytes
from puffer_arena.render.draw.numbers import format_count
from puffer_arena.render.draw.palette import mix
from puffer_arena.render.window.imgui_canvas import packed, packed_rgb
from puffer_arena.render.window.knobs import (
    Sliders,
    begin_typing,
    draw_typing,
    settable,
    settle,
)
from puffer_arena.render.window.source import Source
from puffer_arena.render.window.steering import CURRICULUM, format_setting
from puffer_arena.render.window.theme import SMALL, Theme, colored, font
from puffer_arena.render.window.widgets import (
    caption,
    close_on_escape,
    item_tooltip,
    padded,
    range_slider,
    section,
    segmented,
    tooltip,
)

FIXED = "fixed"  # nobody chooses: parameters are as they stand
METHODS = (FIXED, "uniform", "plr", "accel", "sfl", "states", "alp")
PRESETS = Path("curricula")  # where presets lie; the same files as `train --curriculum FILE.toml` takes
MOST_PRESETS = 20
STRIP = 26  # pixels at scale 1: height of a distribution
HOW = "drag either end, or double click to type LOW:HIGH or a value; right click: pin the default"
PATIENCE = 2.0  # seconds for which what was asked is shown, until the trainer answers


def table_of(source: Source, sliders: Sliders) -> dict[str, Any]:
    """Return the curriculum's table: what was just asked for until the trainer has answered, else the one in force."""
    asked, until = sliders.asked
    if asked is not None and time.monotonic() < until and not source.note:
        return asked
    return dict(source.steering.curriculum)


def steer(source: Source, sliders: Sliders, table: Mapping[str, Any]) -> None:
    """Ask for another curriculum."""
    sliders.steering.change(source, CURRICULUM, dict(source.steering.curriculum), dict(table))
    sliders.asked = dict(table), time.monotonic() + PATIENCE


def method_shown(table: Mapping[str, Any]) -> str:
    """Return the name of a table's method; without a table parameters are as fixed as `fixed` leaves them."""
    return str(method_of(table)) if table else FIXED


def movable(source: Source) -> list[Parameter]:
    """Return the parameters that have a slider with two ends."""
    found = source.env.parameters.values()
    return [parameter for parameter in found if parameter.ranged and not parameter.size and parameter.kind is not bool]


def draw_curriculum(theme: Theme, source: Source, sliders: Sliders) -> None:
    """Lay out who chooses what episodes are, and presets."""
    section(theme, "Curriculum")
    table = table_of(source, sliders)
    method = method_shown(table)
    methods = list(METHODS) if method in METHODS else [*METHODS, method.rpartition(":")[2]]
    chosen = segmented(theme, "method", methods, METHODS.index(method) if method in METHODS else len(METHODS))
    if chosen is not None:
        name = methods[chosen]
        steer(source, sliders, {} if name == FIXED else {"method": name, "ranges": pinned(source, table)})
    draw_presets(theme, source, sliders, table)


def pinned(source: Source, table: Mapping[str, Any]) -> dict[str, Any]:
    """Return the ranges of a table; without any every parameter stays where it is."""
    ranges = table.get("ranges", {})
    if isinstance(ranges, Mapping) and ranges:
        return dict(ranges)
    kept = [parameter for parameter in movable(source) if parameter.name in source.wanted]
    return {parameter.name: source.wanted[parameter.name] for parameter in kept}


def draw_presets(theme: Theme, source: Source, sliders: Sliders, table: Mapping[str, Any]) -> None:
    """Lay out the buttons that keep a curriculum in a file, and read one."""
    each = (imgui.get_content_region_avail().x - theme.px(8)) / 2
    imgui.begin_disabled(not table)
    if imgui.button("Save preset", ImVec2(each, theme.px(28))):
        sliders.told = save_preset(source.env.name, table)
    imgui.end_disabled()
    item_tooltip(theme, f"into the folder {PRESETS}, as train --curriculum takes it")
    imgui.same_line(0, theme.px(8))
    if imgui.button("Load preset", ImVec2(each, theme.px(28))):
        imgui.open_popup("presets")
    with padded(theme):
        if imgui.begin_popup("presets"):
            close_on_escape()
            found = sorted(PRESETS.glob("*.toml"), key=lambda path: path.name)[-MOST_PRESETS:]
            if not found:
                imgui.text_disabled(f"no preset in {PRESETS}")
            for path in reversed(found):
                if imgui.selectable(path.name, False)[0]:
                    load_preset(source, sliders, path)
            imgui.end_popup()
    if sliders.told:
        with font(SMALL), colored(imgui.Col_.text, "muted"):
            imgui.text_wrapped(sliders.told.replace("%", "%%"))


def save_preset(env: str, table: Mapping[str, Any]) -> str:
    """Write a preset; return what to tell the person."""
    path = PRESETS / f"{env}-{time.strftime('%Y%m%d-%H%M%S')}.toml"
    try:
        PRESETS.mkdir(exist_ok=True)
        write_bytes(path, write_table(table).encode())
    except OSError as error:
        return f"{path} cannot be written: {error.strerror}"
    return f"saved as {path}"


def load_preset(source: Source, sliders: Sliders, path: Path) -> None:
    """Ask for the curriculum in a file, if it is one of this game's."""
    try:
        table = read_table(path)
        load_curriculum(source.env, table)
    except ArenaError as error:
        sliders.told = str(error)
        return
    sliders.told = f"loaded {path}"
    steer(source, sliders, table)


# -- one parameter ----------------------------------------------------------------------------------


def draw_range(theme: Theme, source: Source, parameter: Parameter, sliders: Sliders) -> None:
    """Lay out one parameter of a curriculum: where its values are drawn from, and what becomes of them."""
    name, table = parameter.name, table_of(source, sliders)
    top = parameter.high
    if name in source.env.dimensions:  # memory was made for so much
        top = source.made.get(name, top)
    spread = spread_of(source, parameter, table)
    low, high = sliders.edits.get(name, (spread.low, spread.high))
    caption(theme, name.replace("_", " "), value=told(spread, low, high))

    def put(text: str) -> None:
        steer(source, sliders, {**table, "ranges": {**pinned(source, table), name: text}})

    if sliders.typing == name:
        draw_typing(theme, sliders, lambda text: str(read_spread(parameter, text)), put)
        return
    draw_bins(theme, source.steering.bins.get(name))
    shares = share_of(parameter, top, low), share_of(parameter, top, high)
    before = share_of(parameter, top, spread.low), share_of(parameter, top, spread.high)
    moved, released = range_slider(theme, name, shares, before)

    if imgui.is_item_hovered(imgui.HoveredFlags_.stationary):
        about = f"{parameter.doc}; {format_setting(parameter.low)} to {format_setting(top)}\n" if parameter.doc else ""
        tooltip(theme, f"{about}{HOW} ({format_setting(parameter.default)})")
    if imgui.is_item_clicked(imgui.MouseButton_.right):
        put(format(parameter.default, ".10g"))
    begin_typing(sliders, name, str(spread))
    if moved != shares or released:
        low, high = (
            now if share == was else value_at(parameter, top, share)
            for now, was, share in zip((low, high), shares, moved, strict=True)
        )
    text = format(low, ".10g") if low == high else f"{low:.10g}:{high:.10g}" + (":log" if spread.log else "")
    settle(sliders, name, (low, high), released, lambda: put(text))


def share_of(parameter: Parameter, top: float, value: float) -> float:
    """Return where a value lies on a parameter's slider, from 0 to 1."""
    if is_wide(parameter.low, top):
        return math.log(max(value, parameter.low) / parameter.low) / math.log(top / parameter.low)
    return float((value - parameter.low) / max(top - parameter.low, 1e-9))


def value_at(parameter: Parameter, top: Any, share: float) -> Any:
    """Return the round value at a place on a parameter's slider."""
    if not is_wide(parameter.low, top):
        return settable(parameter, top, parameter.low + share * (top - parameter.low))
    value = parameter.low * (top / parameter.low) ** share
    rounded = float(f"{value:.2g}") if value < 0.99 * top else top
    return min(max(parameter.kind(rounded), parameter.low), top)


def spread_of(source: Source, parameter: Parameter, table: Mapping[str, Any]) -> Spread:
    """Return what a parameter is drawn from; where the curriculum does not move it, the value that it has."""
    ranges = table.get("ranges", {})
    given = ranges.get(parameter.name) if isinstance(ranges, Mapping) else None
    try:
        return read_spread(parameter, source.wanted.get(parameter.name, parameter.default) if given is None else given)
    except ArenaError:  # of another version; the trainer has the last word
        return Spread(parameter, float(parameter.low), float(parameter.high))


def told(spread: Spread, low: float, high: float) -> str:
    """Write a range."""
    if spread.values and len(spread.values) > 1 and (low, high) == (spread.low, spread.high):
        return ", ".join(map(str, spread.values))
    if low == high:
        return f"{format_setting(low)}  pinned"
    return f"{format_setting(low)} to {format_setting(high)}" + ("  log" if spread.log else "")


def draw_bins(theme: Theme, bins: Mapping[str, Any] | None) -> None:
    """Draw where the next episodes are as bars, coloured by success, and visits as a line over them."""
    at, width, height = imgui.get_cursor_screen_pos(), imgui.get_content_region_avail().x, theme.px(STRIP)
    imgui.dummy(ImVec2(width, height))
    if not bins:
        return
    draw, knob = imgui.get_window_draw_list(), theme.px(7)
    following, seen, won = (bins[part] for part in ("next", "seen", "won"))
    most, visited = max(*following, 1), max(*seen, 1.0)
    each, base, left = (width - 2 * knob) / len(seen), at.y + height, at.x + knob
    mouse = imgui.get_mouse_pos()
    for k, (count, visits, wins) in enumerate(zip(following, seen, won, strict=True)):
        x0, x1 = left + k * each + 1, left + (k + 1) * each - 1
        if count:
            tall = max(height * count / most, theme.px(2))
            draw.add_rect_filled((x0, base - tall), (x1, base), packed_rgb(success_color(visits, wins)))
        if visits > 0.5:
            line = base - height * visits / visited
            draw.add_line((x0, line), (x1, line), packed("text", 150), theme.px(1))
        if imgui.is_item_hovered() and left + k * each <= mouse.x < left + (k + 1) * each:
            low, high, count_of = bins["low"], bins["high"], len(seen)
            parts = (k / count_of, (k + 1) / count_of)
            wide = is_wide(low, high)
            ends = [low * (high / low) ** part if wide else low + part * (high - low) for part in parts]
            success = f"success {wins / visits:.0%}" if visits > 0.5 else "not yet played"
            text = (
                f"{format_setting(ends[0])} to {format_setting(ends[1])}: {count} rows play it next\n"
                f"{format_count(visits)} episodes lately, {success}"
            )
            tooltip(theme, text)


def success_color(visits: float, wins: float) -> Rgb:
    """Return the colour of a bin: grey while it was hardly played, then from red over amber to green."""
    if visits < 0.5:
        return mix("muted", "raised", 0.4)
    share = min(max(wins / visits, 0.0), 1.0)
    return mix("rose", "amber", 2 * share) if share < 0.5 else mix("amber", "lime", 2 * share - 1)
