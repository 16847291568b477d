"""Opening the launcher's window."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from puffer_arena.render.front.entries import Place
from puffer_arena.render.front.programs import Programs

if TYPE_CHECKING:
    from puffer_arena.render.front.screen import FrontScreen

FIRST_SIZE = (1280, 800)


def show_front(
    look: Callable[[], Sequence[Place]],
    programs: Programs,
    *,
    size: tuple[int, int] | None = None,
    on_frame: "Callable[[FrontScreen], None] | None" = None,
) -> None:
    """Show the launcher until the person closes it.

    Args:
        look: returns the places as they are now; it is called every few seconds.
        programs: starts what the person chooses.
        size: the window's first size; by default what the desktop has room for.
        on_frame: called with every frame before it is shown; tests and screenshots look at the screen there.

    Raises:
        ArenaError: there is no display.
        MissingExtra: the extra `window` is not installed.
    """
    from puffer_arena.render.display import begin_opengl
    from puffer_arena.render.toolkit import require_window

    require_window()
    begin_opengl()
    from puffer_arena.render.front.screen import FrontScreen
    from puffer_arena.render.window.gui import fit_desktop

    screen = FrontScreen(look, programs, size or fit_desktop(FIRST_SIZE))
    try:
        screen.run(on_frame)
    finally:
        screen.close()
