"""The launcher's parts: tabs, a grid of moving pictures, lines with curves, and the panel of what is chosen."""

import math
from collections.abc import Sequence

from imgui_bundle import ImVec2, ImVec2Like, imgui

from puffer_arena.render.front.choice import Choice
from puffer_arena.render.front.entries import Action, Entry
from puffer_arena.render.front.games import Games
from puffer_arena.render.window.imgui_canvas import packed
from puffer_arena.render.window.theme import BODY, GAP, RADIUS, SMALL, TITLE, Theme, colored, font
from puffer_arena.render.window.widgets import Area, card, inset, item_tooltip, pill, shorten, stat, text_width, write

TILE, CAPTION, LINE = 176, 26, 64  # pixels at scale 1: width of a picture at least, its caption, height of a line
WIDE = 1.25  # width / height of a picture


def draw_tabs(theme: Theme, choice: Choice, area: Area) -> None:
    """Draw the name of the house and the places; a click goes to one."""
    x, y, _, height = area
    draw, top = imgui.get_window_draw_list(), y + theme.px(10)
    x += theme.px(6)
    x += write(theme, (x, top), "puffer_arena", "text", TITLE) + theme.px(28)
    for k, place in enumerate(choice.places):
        count = f"  {len(place.entries)}" if place.entries else ""
        wide = text_width(place.title + count, BODY) + theme.px(24)
        imgui.set_cursor_screen_pos(ImVec2(x, top - theme.px(4)))
        if imgui.invisible_button(f"tab{k}", ImVec2(wide, theme.px(34))):
            choice.turn(k - choice.place)
        here = k == choice.place
        tone = "accent" if here else "text" if imgui.is_item_hovered() else "muted"
        end = x + theme.px(12) + write(theme, (x + theme.px(12), top + theme.px(3)), place.title, tone)
        write(theme, (end, top + theme.px(3)), count, "muted")
        if here:
            line = y + height - theme.px(6)
            draw.add_rect_filled((x, line), (x + wide, line + theme.px(3)), packed("accent"), theme.px(2))
        x += wide


def draw_entries(theme: Theme, choice: Choice, games: Games, area: Area) -> tuple[int | None, bool]:
    """Draw the entries of a place, as many as can be seen; return one that was clicked, and whether twice."""
    x, y, width, height = area
    here = choice.here
    imgui.set_cursor_screen_pos(ImVec2(x, y))
    imgui.begin_child(f"entries {here.title}", ImVec2(width, height), 0, imgui.WindowFlags_.no_nav)
    room = width - theme.px(12)  # beside the scroll bar
    space = theme.px(GAP)
    if here.pictures:
        columns = max(int((room + space) / (theme.px(TILE) + space)), 1)
        each = (room - (columns - 1) * space) / columns
        size = each, each / WIDE + theme.px(CAPTION)
    else:
        columns, size = 1, (room, theme.px(LINE))
    choice.columns = columns
    choice.page = columns * max(int((height + space) / (size[1] + space)), 1)
    if choice.moved:
        scroll_to(choice.index // columns * (size[1] + space), size[1], height)
        choice.moved = False
    if not here.entries:
        imgui.dummy(ImVec2(0, theme.px(8)))
        with colored(imgui.Col_.text, "muted"):
            imgui.text_wrapped(here.empty.replace("%", "%%"))
    clicked, twice, begin = None, False, imgui.get_cursor_screen_pos()
    for k, entry in enumerate(here.entries):
        left = begin.x + k % columns * (size[0] + space)
        top = begin.y + k // columns * (size[1] + space)
        if top + size[1] < y or top > y + height:
            continue
        imgui.set_cursor_screen_pos(ImVec2(left, top))
        if imgui.invisible_button(f"entry{k}", ImVec2(*size)):
            clicked = k
        hovered = imgui.is_item_hovered()
        twice |= hovered and imgui.is_mouse_double_clicked(imgui.MouseButton_.left)
        (draw_tile if here.pictures else draw_line)(theme, entry, games, (left, top, *size))
        frame_entry(theme, (left, top, *size), k == choice.index, hovered, choice.button is None)
    lines = math.ceil(len(here.entries) / columns)
    imgui.set_cursor_screen_pos(begin)
    imgui.dummy(ImVec2(room, max(lines * (size[1] + space) - space, 1.0)))
    imgui.end_child()
    return clicked, twice


def scroll_to(top: float, size: float, height: float) -> None:
    """Scroll as little as shows a line of entries whole."""
    now = imgui.get_scroll_y()
    imgui.set_scroll_y(min(max(now, top + size - height), top))


def frame_entry(theme: Theme, area: Area, chosen: bool, hovered: bool, focused: bool) -> None:
    """Draw the frame that marks an entry as chosen, or under the mouse."""
    if not (chosen or hovered):
        return
    x, y, width, height = area
    tone = packed("accent", 255 if chosen and focused else 120)
    draw, thick = imgui.get_window_draw_list(), theme.px(2 if chosen else 1)
    draw.add_rect((x + 1, y + 1), (x + width - 1, y + height - 1), tone, theme.px(RADIUS + 2), thick)


def draw_tile(theme: Theme, entry: Entry, games: Games, area: Area) -> None:
    """Draw a game with its name below it."""
    x, y, width, height = area
    card(theme, area)
    caption = theme.px(CAPTION)
    picture = inset((x, y, width, height - caption), theme.px(7))
    draw_game(theme, entry, games, picture)
    line = y + height - caption + theme.px(2)
    name_width = write(theme, (x + theme.px(10), line), shorten(entry.title, width * 0.7, BODY))
    shown = shorten(entry.state, width - name_width - theme.px(28), SMALL)
    write(theme, (x + width - theme.px(10) - text_width(shown, SMALL), line + theme.px(1)), shown, entry.tone, SMALL)


def draw_game(theme: Theme, entry: Entry, games: Games, picture: Area) -> None:
    """Draw a moving picture, or in its place why there is none."""
    fault = games.draw(entry.picture, picture) if entry.actions else entry.about
    if fault:
        x, y, width, height = picture
        lines = wrap(fault, width - theme.px(8), SMALL)[: max(int(height / theme.px(SMALL + 3)), 1)]
        top = y + (height - len(lines) * theme.px(SMALL + 3)) / 2
        for k, line in enumerate(lines):
            at = x + (width - text_width(line, SMALL)) / 2, top + k * theme.px(SMALL + 3)
            write(theme, at, line, "muted", SMALL)


def draw_line(theme: Theme, entry: Entry, games: Games, area: Area) -> None:
    """Draw a run, a replay or an extra as a line: its names at the left, its curve at the right."""
    x, y, width, height = area
    card(theme, area)
    left, right = x + theme.px(14), x + width - theme.px(14)
    if entry.curve:
        wide = min(width * 0.3, theme.px(240))
        draw_curve(theme, entry.curve, (right - wide, y + theme.px(10), wide, height - theme.px(20)))
        right -= wide + theme.px(16)
    if entry.state:
        pill(theme, right, y + theme.px(10), entry.state, entry.tone)
    room = right - left - (text_width(entry.state, SMALL) + theme.px(44) if entry.state else 0.0)
    write(theme, (left, y + theme.px(11)), shorten(entry.title, room, BODY))
    told = "   ".join(f"{label} {value}".strip() for label, value in entry.figures) or entry.about
    write(theme, (left, y + theme.px(36)), shorten(told, right - left, SMALL), "muted", SMALL)


def draw_curve(theme: Theme, curve: Sequence[tuple[float, float]], area: Area) -> None:
    """Draw points as a line that fills `area`."""
    x, y, width, height = area
    first, last = curve[0][0], curve[-1][0]
    low, high = min(point[1] for point in curve), max(point[1] for point in curve)
    across, up = max(last - first, 1e-9), max(high - low, 1e-9)
    line: list[ImVec2Like] = [
        ImVec2(x + (at - first) / across * width, y + height - (value - low) / up * height) for at, value in curve
    ]
    if len(line) == 1:
        imgui.get_window_draw_list().add_circle_filled(line[0], theme.px(3), packed("sky"))
    imgui.get_window_draw_list().add_polyline(line, packed("sky"), 1.6 * theme.scale, 0)


def draw_panel(theme: Theme, choice: Choice, games: Games, area: Area) -> Action | None:
    """Draw what is chosen, and what can be done with it; return the action whose button was pressed."""
    entry = choice.entry
    if entry is None:
        return None
    x, y, width, height = area
    imgui.set_cursor_screen_pos(ImVec2(x, y))
    imgui.begin_child("chosen", ImVec2(width, height), 0, imgui.WindowFlags_.no_nav)
    big = TITLE if text_width(entry.title, TITLE) <= width else BODY
    write(theme, (x, y), shorten(entry.title, width, big), "text", big)
    imgui.dummy(ImVec2(width, theme.px(TITLE + 2)))
    high = min(theme.px(90), height * 0.2) if entry.curve else 0.0
    lines = wrap(entry.about, width, SMALL)
    taken = len(entry.actions) * theme.px(34 + GAP) + math.ceil(len(entry.figures) / 2) * theme.px(54)
    room = height - high - taken - len(lines) * theme.px(SMALL + 5) - theme.px(TITLE + 5 * GAP)
    if entry.picture and room > theme.px(48):  # what is below comes first
        tall, at = min(width / WIDE, room), imgui.get_cursor_screen_pos()
        draw_game(theme, entry, games, (x, at.y, width, tall))
        imgui.dummy(ImVec2(width, tall))
    if entry.curve:
        at = imgui.get_cursor_screen_pos()
        draw_curve(theme, entry.curve, (x, at.y + theme.px(6), width, high - theme.px(12)))
        imgui.dummy(ImVec2(width, high))
    each = (width - theme.px(GAP)) / 2
    for k, (label, value) in enumerate(entry.figures):
        if k % 2:
            imgui.same_line(0, theme.px(GAP))
        stat(theme, label, value, each)
    if entry.about and (entry.actions or not entry.picture):
        with font(SMALL), colored(imgui.Col_.text, "muted"):
            imgui.text_wrapped(entry.about.replace("%", "%%"))
    pressed = draw_actions(theme, choice, entry)
    imgui.end_child()
    return pressed


def draw_actions(theme: Theme, choice: Choice, entry: Entry) -> Action | None:
    """Lay out an entry's buttons, the letter of each at its end."""
    pressed = None
    imgui.dummy(ImVec2(0, theme.px(2)))
    draw = imgui.get_window_draw_list()
    for k, action in enumerate(entry.actions):
        at, width, height = imgui.get_cursor_screen_pos(), imgui.get_content_region_avail().x, theme.px(34)
        imgui.begin_disabled(not (action.arguments or action.copies))
        if imgui.button(f"{action.label}##{k}", ImVec2(width, height)):
            choice.button, pressed = k, action
        imgui.end_disabled()
        item_tooltip(theme, action.about)
        if choice.button == k:
            draw.add_rect(at, (at.x + width, at.y + height), packed("accent"), theme.px(6), theme.px(2))
        label = action.key.upper()
        write(theme, (at.x + width - theme.px(22), at.y + (height - theme.px(SMALL)) / 2), label, "muted", SMALL)
    return pressed


def wrap(text: str, room: float, size: float) -> list[str]:
    """Return a text in lines no wider than `room` pixels."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if text_width(longer, size) > room and lines[-1]:
            lines.append(shorten(word, room, size))
        else:
            lines[-1] = longer
    return lines
