"""Playing on from the picture: the buttons, and who plays what the person does not."""

from collections.abc import Sequence
from typing import Protocol

from imgui_bundle import ImVec2, imgui

from puffer_arena.render.play.match import Sitter
from puffer_arena.render.window.gui import Gui
from puffer_arena.render.window.theme import Theme
from puffer_arena.render.window.widgets import close_on_escape, item_tooltip, padded, section


class Host(Protocol):
    """The screen from which a branch begins."""

    gui: Gui
    sitters: Sequence[Sitter]  # who can play on: scripted bots, trained ones, policies of runs
    chosen: int  # among them

    def fork(self, *, bot_plays: bool = False) -> None:
        """Let the person, or the chosen one, play on from here."""


def draw_branching(theme: Theme, host: Host) -> None:
    """Lay out what begins a branch."""
    section(theme, "Play on from here")
    apart = theme.px(8)
    each = ImVec2((imgui.get_content_region_avail().x - apart) / 2, theme.px(30))
    if imgui.button("Take over", each):
        host.gui.after(host.fork)
    item_tooltip(theme, "( F )  steer it yourself; Esc comes back")
    imgui.same_line(0, apart)
    if imgui.button("Let it play", each):
        host.gui.after(lambda: host.fork(bot_plays=True))
    item_tooltip(theme, "( Shift F )  hand it to who is chosen below; F3 and F4 change that while it plays")
    host.chosen = choose_sitter(theme, host.sitters, host.chosen)


def choose_sitter(theme: Theme, sitters: Sequence[Sitter], chosen: int) -> int:
    """Lay out who can play as a list to choose from; return the place of the chosen one."""
    if len(sitters) < 2:
        return 0
    imgui.set_next_item_width(-1)
    with padded(theme):
        if imgui.begin_combo("##sitter", sitters[chosen].name, imgui.ComboFlags_.height_large):
            close_on_escape()
            for k, sitter in enumerate(sitters):
                if imgui.selectable(sitter.name, k == chosen)[0]:
                    chosen = k
            imgui.end_combo()
        else:
            item_tooltip(theme, "who plays what you do not")
    return chosen
