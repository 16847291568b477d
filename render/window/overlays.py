"""What lies over the stage: the wait for a run, a lost connection, the list of keys."""

import math
from collections.abc import Sequence

from imgui_bundle import ImVec2, imgui

from puffer_arena.render.window.imgui_canvas import packed
from puffer_arena.render.window.source import Source
from puffer_arena.render.window.theme import BODY, RADIUS, SMALL, TITLE, Theme
from puffer_arena.render.window.widgets import Area, Hint, card, key_hints, shorten, text_width, write

KEYS = (
    ("Space", "pause"),
    (".", "step"),
    ("Enter", "enlarge"),
    ("Esc", "back"),
    ("H", "keys"),
    ("← →", "next"),
    ("+ −", "speed"),  # noqa: RUF001  the key's own sign
    ("M", "mode"),
    ("S", "save"),
    ("C", "steering"),
    ("F", "take over"),
)
HELP = (
    ("Space", "pause training; in smooth mode the picture"),
    (".", "one step, then pause"),
    ("+   −", "faster, slower"),  # noqa: RUF001
    ("M", "time-lapse or smooth"),
    ("S", "save a checkpoint now"),
    ("F9", "record some environments into a replay, or stop"),
    ("C", "the curriculum and other steering, and back"),
    ("L", "the league: ratings, and who beats whom; a click there shows a match"),
    ("Ctrl Z   Ctrl Y", "undo, redo a change of settings"),
    ("O", "what the watched agent sees"),
    ("F   Shift F", "take over the watched environment from here; let a bot or a policy"),
    ("Click, Enter", "enlarge an environment"),
    ("Esc", "back to all of them"),
    ("Wheel, drag", "come nearer, move or turn the camera; a double click resets it"),
    ("V", "let the camera follow the watched agent, or stay"),
    ("← →", "watch the next one"),
    ("Tab", "look into the next agent"),
    ("Ctrl +   Ctrl −", "larger, smaller interface"),  # noqa: RUF001
    ("Pad", "cross: watch the next; A: pause; B: back; X: take over; Y: keys; Start: enlarge"),
    ("H, F1", "these keys"),
)


def draw_waiting(theme: Theme, source: Source, area: Area) -> None:
    """Fill the stage while there is nothing to show yet."""
    card(theme, area)
    x, y, width, height = area
    middle, line = x + width / 2, y + height / 2
    draw, beat = imgui.get_window_draw_list(), imgui.get_time()
    lost = source.status == "lost"
    for k in range(3):
        glow = 0.25 if lost else 0.35 + 0.65 * max(0.0, math.sin(beat * 3 - k * 0.9))
        at = ImVec2(middle + (k - 1) * theme.px(22), line - theme.px(44))
        draw.add_circle_filled(at, theme.px(6), packed("rose" if lost else "accent", round(255 * glow)))
    title = "The run does not answer" if lost else "Waiting for a run" if source.status == "waiting" else "Starting"
    lines = [(title, "text", TITLE)]
    if source.note:
        lines.append((source.note, "muted", BODY))
    elif source.status == "waiting":
        lines.append((f"python -m puffer_arena train {source.env.name}", "muted", BODY))
    for text, tone, size in lines:
        shown = shorten(text, width - theme.px(40), size)
        write(theme, (middle - text_width(shown, size) / 2, line - theme.px(16)), shown, tone, size)
        line += theme.px(size + 10)


def draw_banner(theme: Theme, text: str, tone: str, area: Area) -> None:
    """Say at the top of the stage why what it shows stands still, beside a dot of a colour."""
    x, y, width, _ = area
    shown = shorten(text, width - theme.px(60), BODY)
    box = text_width(shown, BODY) + theme.px(44)
    left, top, height = x + (width - box) / 2, y + theme.px(10), theme.px(38)
    draw = imgui.get_window_draw_list()
    draw.add_rect_filled((left, top), (left + box, top + height), packed("shadow", 235), theme.px(RADIUS))
    draw.add_rect((left, top), (left + box, top + height), packed(tone, 160), theme.px(RADIUS), theme.px(1))
    draw.add_circle_filled((left + theme.px(18), top + height / 2), theme.px(4), packed(tone))
    write(theme, (left + theme.px(30), top + (height - theme.px(BODY)) / 2), shown)


def draw_help(theme: Theme, lines: Sequence[Hint], size: tuple[float, float]) -> bool:
    """List the keys over everything; return True when the person clicked it away."""
    room = max(text_width(meaning, SMALL + 1) for _, meaning in lines) + theme.px(204)
    each = min(theme.px(30), (size[1] - theme.px(62)) / len(lines))  # in a low window lines lie closer
    width, height = min(max(room, theme.px(420)), size[0]), theme.px(62) + each * len(lines)
    imgui.set_next_window_pos(ImVec2(0, 0))
    imgui.set_next_window_size(ImVec2(*size))
    imgui.set_next_window_focus()
    imgui.set_next_window_bg_alpha(0.0)
    flags = imgui.WindowFlags_.no_decoration | imgui.WindowFlags_.no_move | imgui.WindowFlags_.no_saved_settings
    imgui.begin("keys", None, flags | imgui.WindowFlags_.no_nav)
    imgui.get_window_draw_list().add_rect_filled((0, 0), size, packed("shadow", 190))
    left, top = (size[0] - width) / 2, max((size[1] - height) / 2, 0.0)
    card(theme, (left, top, width, height), "panel")
    write(theme, (left + theme.px(24), top + theme.px(20)), "Keys", "text", TITLE)
    for k, (key, meaning) in enumerate(lines):
        line = top + theme.px(58) + each * k
        if key:  # else the line goes on from the one before
            key_hints(theme, (left + theme.px(24), line), [(key, "")], left + width)
        shown = shorten(meaning, width - theme.px(190), SMALL + 1)
        write(theme, (left + theme.px(180), line + theme.px(2)), shown, "muted", SMALL + 1)
    clicked = imgui.is_mouse_clicked(imgui.MouseButton_.left)
    imgui.end()
    return bool(clicked)
