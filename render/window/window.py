"""The window: watch a run, steer it, leave it. Start it in a process of its own."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from puffer_arena.render.window.source import Source

if TYPE_CHECKING:
    from puffer_arena.render.play.match import Sitter
    from puffer_arena.render.window.meetings import Meetings
    from puffer_arena.render.window.screen import Screen

FIRST_SIZE = (1280, 800)


def show(
    source: Source,
    *,
    size: tuple[int, int] | None = None,
    on_frame: "Callable[[Screen], None] | None" = None,
    meetings: "Meetings | None" = None,
    sitters: "Sequence[Sitter]" = (),
) -> None:
    """Show `source` in a window until the person closes it; the caller closes the source.

    Args:
        source: what to show.
        size: the window's first size; by default what the desktop has room for.
        on_frame: called with every frame before it is shown; tests and screenshots look at the screen there.
        meetings: begins matches of a run's league.
        sitters: who can steer in branches what the person does not; by default the environment's scripted bots.

    Raises:
        ArenaError: there is no display.
        MissingExtra: the extra `window` is not installed.
    """
    from puffer_arena.render.display import begin_opengl
    from puffer_arena.render.toolkit import require_window

    require_window()
    begin_opengl()
    from puffer_arena.render.window.gui import fit_desktop
    from puffer_arena.render.window.screen import Screen

    screen = Screen(source, size or fit_desktop(FIRST_SIZE), meetings, sitters)
    try:
        screen.run(on_frame)
    finally:
        screen.close()
