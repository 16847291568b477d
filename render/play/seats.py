"""The panel of a match: who sits in which seat, with what in hand, and the key that puts somebody else there."""

from collections.abc import Sequence

from imgui_bundle import imgui

from puffer_arena.render.play.hands import Hands
from puffer_arena.render.play.match import Match, short_name
from puffer_arena.render.window.imgui_canvas import packed
from puffer_arena.render.window.theme import BODY, RADIUS, SMALL, TITLE, Theme
from puffer_arena.render.window.widgets import Area, key_hints, shorten, write

MOST_SEAT_KEYS = 8  # F1 to F8
LINE, EDGE, WIDTH, BESIDE = 27, 16, 420, 320  # pixels at scale 1; widths over the game and beside it
ROOM = 1.2  # width / height that the game has at least where the seats stand beside it


def seats_room(theme: Theme, area: Area) -> float:
    """Return the width that the seats take at the left of `area`; 0 where the game needs it, and they lie over it."""
    taken = theme.px(BESIDE)
    return taken if area[2] - taken >= ROOM * area[3] else 0.0


def draw_seats(theme: Theme, match: Match, hands: Sequence[Hands], area: Area, chosen: int | None = None) -> Area:
    """Draw the seats in the upper left of `area`, the window's stage, as far as there is room; point out one.

    Returns:
        Where they stand.
    """
    in_hand = {each.agent: each.controls.label for each in hands}
    room = area[3] * 0.6 - theme.px(44 + EDGE)
    shown = min(len(match.seats), max(int(room / theme.px(LINE)), 1))
    left, top = area[0] + theme.px(12), area[1] + theme.px(12)
    aside = seats_room(theme, area)
    wide = aside - theme.px(12) if aside else theme.px(WIDTH)
    width, height = min(wide, area[2] - theme.px(24)), theme.px(44 + EDGE + LINE * shown)
    draw, corner = imgui.get_window_draw_list(), (left + width, top + height)
    draw.add_rect_filled((left, top), corner, packed("shadow", 225), theme.px(RADIUS + 4))
    draw.add_rect((left, top), corner, packed("line"), theme.px(RADIUS + 4), theme.px(1))
    write(theme, (left + theme.px(EDGE), top + theme.px(12)), "Seats", "text", TITLE)
    for k, sitter in enumerate(match.seats[:shown]):
        y = top + theme.px(46 + LINE * k)
        if k == chosen:
            ends = (left + theme.px(6), y - theme.px(3)), (left + width - theme.px(6), y + theme.px(LINE - 4))
            draw.add_rect(*ends, packed("accent"), theme.px(RADIUS), theme.px(1.5))
        if k < MOST_SEAT_KEYS:
            key_hints(theme, (left + theme.px(EDGE), y), [(f"F{k + 1}", "")], left + width)
        name = match.batch.agent_ids[k].replace("_", " ")
        write(
            theme, (left + theme.px(62), y + theme.px(2)), shorten(name, theme.px(100), SMALL + 1), "muted", SMALL + 1
        )
        person = sitter.choose is None
        text = f"you ({in_hand[k]})" if person and k in in_hand else "you" if person else short_name(sitter.name)
        text = shorten(text, width - theme.px(172 + EDGE), BODY)
        write(theme, (left + theme.px(172), y), text, "accent" if person else "text", BODY)
    return left, top, width, height
