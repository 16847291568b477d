"""Opening the replay viewer."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from puffer_arena.replay.reader import Replay

if TYPE_CHECKING:
    from puffer_arena.render.play.match import Sitter

FIRST_SIZE = (1280, 800)


def show_replays(
    replays: Sequence[Replay],
    *,
    sitters: "Sequence[Sitter]" = (),
    size: tuple[int, int] | None = None,
    on_frame: Callable[[Any], None] | None = None,
) -> None:
    """Show replays beside each other in a window until the person closes it; the caller closes the files.

    Args:
        replays: of one game, of the same sizes.
        sitters: who can steer in branches what the person does not; by default the game's scripted bots.
        size: the window's first size; by default what the desktop has room for.
        on_frame: called with every frame's screen before it is shown; for tests and screenshots.

    Raises:
        ArenaError: there is no display, or the replays cannot be beside each other.
        MissingExtra: the extra `window` is not installed.
    """
    from puffer_arena.render.display import begin_opengl
    from puffer_arena.render.replay.source import ReplaySource
    from puffer_arena.render.toolkit import require_window

    require_window()
    source = ReplaySource(replays)
    begin_opengl()
    from puffer_arena.render.replay.screen import ReplayScreen
    from puffer_arena.render.window.gui import fit_desktop

    screen = ReplayScreen(source, size or fit_desktop(FIRST_SIZE), sitters)
    try:
        screen.run(on_frame)
    finally:
        screen.close()
