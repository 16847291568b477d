"""Small widgets that Dear ImGui lacks, drawn in our theme."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from imgui_bundle import ImVec2, imgui

from puffer_arena.render.window.imgui_canvas import packed
from puffer_arena.render.window.theme import BODY, FIGURE, GAP, PAD, RADIUS, SMALL, Theme, colored, font

Area = tuple[float, float, float, float]  # x, y, width, height in pixels
Hint = tuple[str, str]  # keys, what they do
TOOLTIP = 340  # pixels at scale 1 at which a tooltip's lines are broken


def section(theme: Theme, title: str) -> None:
    """Begin a part of the panel: some space, then its title."""
    imgui.dummy(ImVec2(0, theme.px(4)))
    with font(SMALL), colored(imgui.Col_.text, "muted"):
        imgui.text(title.upper())


def write(theme: Theme, at: tuple[float, float], text: str, color: str = "text", size: float = BODY) -> float:
    """Write at a place in the window and return the text's width; nothing is laid out."""
    with font(size):
        imgui.get_window_draw_list().add_text(ImVec2(round(at[0]), round(at[1])), packed(color), text)
        return imgui.calc_text_size(text).x


def text_width(text: str, size: float = BODY) -> float:
    """Return the width of a text in pixels."""
    with font(size):
        return imgui.calc_text_size(text).x


def shorten(text: str, room: float, size: float = BODY) -> str:
    """Return `text`, cut with an ellipsis where it is wider than `room` pixels."""
    if text_width(text, size) <= room:
        return text
    while text and text_width(text + "…", size) > room:
        text = text[:-1]
    return text.rstrip() + "…"


def tooltip(theme: Theme, text: str) -> None:
    """Say something beside the mouse, in a frame, on several lines where it is long."""
    with padded(theme):
        if imgui.begin_tooltip():
            _write_wrapped(theme, text)


def item_tooltip(theme: Theme, text: str) -> None:
    """Say something beside the mouse while it rests on the item just laid out."""
    with padded(theme):
        if imgui.begin_item_tooltip():
            _write_wrapped(theme, text)


def _write_wrapped(theme: Theme, text: str) -> None:
    """Fill an open tooltip, and close it."""
    imgui.push_text_wrap_pos(theme.px(TOOLTIP))
    imgui.text_unformatted(text)
    imgui.pop_text_wrap_pos()
    imgui.end_tooltip()


@contextmanager
def padded(theme: Theme) -> Iterator[None]:
    """Give popups and tooltips that are laid out meanwhile room between frame and text."""
    imgui.push_style_var(imgui.StyleVar_.window_padding, ImVec2(theme.px(9), theme.px(7)))
    try:
        yield
    finally:
        imgui.pop_style_var()


def stat(theme: Theme, label: str, value: str, width: float) -> None:
    """Lay out a figure under its small label."""
    at = imgui.get_cursor_screen_pos()
    write(theme, (at.x, at.y), shorten(label, width, SMALL), "muted", SMALL)
    write(theme, (at.x, at.y + theme.px(SMALL + 2)), shorten(value, width, FIGURE), "text", FIGURE)
    imgui.dummy(ImVec2(width, theme.px(SMALL + FIGURE + 6)))


def caption(theme: Theme, label: str, note: str = "", value: str = "") -> None:
    """Lay out the line above a control: its name, a word on it, and at the right its value."""
    at, width = imgui.get_cursor_screen_pos(), imgui.get_content_region_avail().x
    value_width = text_width(value, SMALL)
    write(theme, (at.x + width - value_width, at.y), value, "text", SMALL)
    room = width - value_width - theme.px(10)
    used = write(theme, (at.x, at.y), shorten(label, room, SMALL), "muted", SMALL) + theme.px(8)
    if note and room - used > theme.px(24):
        write(theme, (at.x + used, at.y), shorten(note, room - used, SMALL), "muted", SMALL)
    imgui.dummy(ImVec2(width, theme.px(SMALL - 4)))


def pill(theme: Theme, right: float, top: float, text: str, color: str) -> None:
    """Draw a status with its dot, ending at `right`."""
    draw = imgui.get_window_draw_list()
    width, height = text_width(text, SMALL) + theme.px(30), theme.px(24)
    left = right - width
    draw.add_rect_filled((left, top), (right, top + height), packed(color, 38), height / 2)
    draw.add_circle_filled((left + theme.px(13), top + height / 2), theme.px(4), packed(color))
    write(theme, (left + theme.px(22), top + (height - theme.px(SMALL)) / 2), text, color, SMALL)


def bar(theme: Theme, label: str, share: float, text: str, *, strong: bool, barred: bool = False) -> None:
    """Lay out a labelled bar filled to `share`; `strong` marks the greatest, `barred` one that is not allowed."""
    draw, at = imgui.get_window_draw_list(), imgui.get_cursor_screen_pos()
    width, height = imgui.get_content_region_avail().x, theme.px(22)
    name_width, figure_width = theme.px(92), theme.px(46)
    room = width - name_width - figure_width
    top, base = at.y + height / 2 - theme.px(5), at.y + height / 2 + theme.px(5)
    left = at.x + name_width
    tone = "muted" if barred else "text" if strong else "muted"
    text_top = at.y + (height - theme.px(SMALL)) / 2
    write(theme, (at.x, text_top), shorten(label, name_width - theme.px(8), SMALL), tone, SMALL)
    draw.add_rect_filled((left, top), (left + room, base), packed("raised"), theme.px(5))
    filled = room * min(max(share, 0.0), 1.0)
    if filled >= 1.0:
        color = packed("accent") if strong else packed("accent", 120)
        draw.add_rect_filled((left, top), (left + max(filled, theme.px(6)), base), color, theme.px(5))
    write(theme, (at.x + width - text_width(text, SMALL), text_top), text, tone, SMALL)
    imgui.dummy(ImVec2(width, height))


def segmented(theme: Theme, name: str, options: Sequence[str], current: int) -> int | None:
    """Lay out a row of choices; return the one chosen just now."""
    draw, at = imgui.get_window_draw_list(), imgui.get_cursor_screen_pos()
    width, height = imgui.get_content_region_avail().x, theme.px(28)
    texts = [text_width(option, SMALL) + theme.px(4) for option in options]
    each = width / len(options)
    if max(texts) <= each or sum(texts) > width:
        wide = [each] * len(options)
    else:  # equal parts would cut a word
        wide = [text + (width - sum(texts)) / len(options) for text in texts]
    chosen, left = None, at.x
    draw.add_rect_filled((at.x, at.y), (at.x + width, at.y + height), packed("raised"), theme.px(RADIUS))
    for k, option in enumerate(options):
        each = wide[k]
        imgui.set_cursor_screen_pos(ImVec2(left, at.y))
        if imgui.invisible_button(f"{name}{k}", ImVec2(each, height)) and k != current:
            chosen = k
        inset = theme.px(3)
        if k == current:
            corner = (left + inset, at.y + inset), (left + each - inset, at.y + height - inset)
            draw.add_rect_filled(*corner, packed("accent", 60), theme.px(RADIUS - 2))
        tone = "accent" if k == current else "text" if imgui.is_item_hovered() else "muted"
        shown = shorten(option, each - theme.px(4), SMALL)
        middle = left + (each - text_width(shown, SMALL)) / 2
        write(theme, (middle, at.y + (height - theme.px(SMALL)) / 2), shown, tone, SMALL)
        left += each
    imgui.set_cursor_screen_pos(ImVec2(at.x, at.y))
    imgui.dummy(ImVec2(width, height))
    return chosen


def slider(theme: Theme, name: str, share: float, *, clicks: bool = False) -> tuple[float, bool]:
    """Lay out a track with a knob at `share`; return where it is now, and whether the person let go of it.

    It follows a mouse that drags it; a click alone moves it only where `clicks` says so.
    """
    draw, at = imgui.get_window_draw_list(), imgui.get_cursor_screen_pos()
    width, height, knob = imgui.get_content_region_avail().x, theme.px(20), theme.px(7)
    imgui.invisible_button(name, ImVec2(width, height))
    held, hovered = imgui.is_item_active(), imgui.is_item_hovered()
    released = imgui.is_item_deactivated()
    left, room, line = at.x + knob, width - 2 * knob, at.y + height / 2
    if held or released:
        by = imgui.get_mouse_drag_delta(imgui.MouseButton_.left)  # zero until the mouse has really moved
        moved = clicks or by.x != 0 or by.y != 0
        held, released = held and moved, released and moved
    if held or released:
        share = (imgui.get_io().mouse_pos.x - left) / room
    share = min(max(share, 0.0), 1.0)
    thick, x = theme.px(4) / 2, left + share * room
    draw.add_rect_filled((at.x, line - thick), (at.x + width, line + thick), packed("raised"), thick)
    draw.add_rect_filled((at.x, line - thick), (x, line + thick), packed("accent", 150), thick)
    if held or hovered:
        draw.add_circle_filled((x, line), knob + theme.px(4), packed("accent", 50))
    draw.add_circle_filled((x, line), knob, packed("accent"))
    return share, released


def range_slider(
    theme: Theme, name: str, shares: tuple[float, float], before: tuple[float, float]
) -> tuple[tuple[float, float], bool]:
    """Lay out a track with a knob at each end of a range; return where they are now, and whether one was let go.

    The knob that was nearer follows a mouse that drags it; where both were at one place, the one that opens the range.

    Args:
        shares: where the knobs are.
        before: where they were before they were dragged.
    """
    draw, at = imgui.get_window_draw_list(), imgui.get_cursor_screen_pos()
    width, height, knob = imgui.get_content_region_avail().x, theme.px(20), theme.px(7)
    imgui.invisible_button(name, ImVec2(width, height))
    held, hovered, released = imgui.is_item_active(), imgui.is_item_hovered(), imgui.is_item_deactivated()
    left, room, line = at.x + knob, width - 2 * knob, at.y + height / 2
    low, high = (min(max(share, 0.0), 1.0) for share in shares)
    by = imgui.get_mouse_drag_delta(imgui.MouseButton_.left).x / room  # zero until the mouse has really moved
    released = released and by != 0
    if (held or released) and by != 0:
        place = min(max((imgui.get_io().mouse_pos.x - left) / room, 0.0), 1.0)
        begun = (imgui.get_io().mouse_pos.x - left) / room - by
        apart = abs(begun - before[0]) - abs(begun - before[1])
        at_low = apart < 0 if abs(before[1] - before[0]) > 1e-9 else by < 0
        low, high = (min(place, before[1]), before[1]) if at_low else (before[0], max(place, before[0]))
    thick, ends = theme.px(4) / 2, (left + low * room, left + high * room)
    draw.add_rect_filled((at.x, line - thick), (at.x + width, line + thick), packed("raised"), thick)
    draw.add_rect_filled((ends[0], line - thick), (ends[1], line + thick), packed("accent", 150), thick)
    for x in ends:
        if held or hovered:
            draw.add_circle_filled((x, line), knob + theme.px(3), packed("accent", 50))
        draw.add_circle_filled((x, line), knob, packed("accent"))
    return (low, high), released


def key_hints(theme: Theme, at: tuple[float, float], hints: Sequence[Hint], right: float) -> None:
    """Draw keys with what they do in one line from `at`, as many as end before `right`."""
    draw, (x, y) = imgui.get_window_draw_list(), at
    height = theme.px(20)
    for key, meaning in hints:
        cap, total = hint_widths(theme, (key, meaning))
        if x + total > right:
            return
        draw.add_rect_filled((x, y), (x + cap, y + height), packed("raised"), theme.px(5))
        inner = y + (height - theme.px(SMALL)) / 2
        write(theme, (x + (cap - text_width(key, SMALL)) / 2, inner), key, "text", SMALL)
        write(theme, (x + cap + theme.px(6), inner), meaning, "muted", SMALL)
        x += total + theme.px(PAD)


def hint_widths(theme: Theme, hint: Hint) -> tuple[float, float]:
    """Return how wide a key is, and how wide with what it does."""
    key, meaning = hint
    cap = max(text_width(key, SMALL) + theme.px(12), theme.px(20))
    return cap, cap + theme.px(6) + text_width(meaning, SMALL)


def hints_width(theme: Theme, hints: Sequence[Hint]) -> float:
    """Return how wide `key_hints` draws all of them."""
    return sum(hint_widths(theme, hint)[1] for hint in hints) + theme.px(PAD) * max(len(hints) - 1, 0)


def close_on_escape() -> None:
    """Close the popup that is being laid out once Esc goes down."""
    if imgui.is_key_pressed(imgui.Key.escape):
        imgui.close_current_popup()


def card(theme: Theme, area: Area, color: str = "panel") -> None:
    """Draw a panel's ground."""
    x, y, width, height = area
    draw = imgui.get_window_draw_list()
    draw.add_rect_filled((x, y), (x + width, y + height), packed(color), theme.px(RADIUS + 2))


def inset(area: Area, by: float) -> Area:
    """Return an area made smaller on every side."""
    x, y, width, height = area
    return x + by, y + by, max(width - 2 * by, 1.0), max(height - 2 * by, 1.0)


def gap(theme: Theme) -> float:
    """Return the distance between panels in pixels."""
    return theme.px(GAP)


def draw_footer(theme: Theme, hints: Sequence[Hint], note: str, tone: str, area: Area) -> None:
    """Draw a window's last line: keys at the left, a note for the person at the right."""
    x, y, width, height = area
    shown = shorten(note, width * 0.6, SMALL) if note else ""
    right = x + width
    if shown:
        note_width = text_width(shown, SMALL) + theme.px(12)
        top = y + (height - theme.px(SMALL)) / 2
        dot = right - note_width, top + theme.px(SMALL) / 2
        imgui.get_window_draw_list().add_circle_filled(dot, theme.px(3), packed(tone))
        right -= write(theme, (right - note_width + theme.px(9), top), shown, "text", SMALL) + theme.px(30)
    key_hints(theme, (x + theme.px(4), y + (height - theme.px(20)) / 2), hints, right)
