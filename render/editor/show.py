"""Opening the editor's window."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from puffer_arena.batch.make import make
from puffer_arena.errors import FileError
from puffer_arena.levels.drawn import editor_of, read_level
from puffer_arena.registry import load_env

if TYPE_CHECKING:
    from puffer_arena.render.editor.screen import EditScreen, Trainer
    from puffer_arena.render.play.match import Sitter

FIRST_SIZE = (1180, 800)


def edit(
    env_id: str,
    file: str = "",
    *,
    level: int = 0,
    params: Mapping[str, Any] | None = None,
    folder: str = "levels",
    size: tuple[int, int] | None = None,
    trainer: "Trainer | None" = None,
    sitters: "Sequence[Sitter]" = (),
    on_frame: "Callable[[EditScreen], None] | None" = None,
) -> None:
    """Open a window in which a person draws a level, and return when it is closed.

    Args:
        env_id: as `make` takes it.
        file: the level to begin with; by default the game's own `level`.
        params: the environment's parameters; those of the file come first.
        folder: where levels are saved.
        size: the window's first size; by default what the desktop has room for.
        trainer: where levels are sent to.
        sitters: who can be watched at play in the level; by default the game's scripted bots.
        on_frame: called with every frame before it is shown; for tests and screenshots.

    Raises:
        ArenaError: no display; a game that declares no editor; a file that is no level of this game.
        MissingExtra: the extra `window` is not installed.
    """
    from puffer_arena.render.display import begin_opengl
    from puffer_arena.render.editor.canvas import Drawing
    from puffer_arena.render.toolkit import require_window

    require_window()
    env = load_env(env_id)
    editor_of(env)
    drawn = read_level(file, env) if file else None
    given = {**(params or {}), **(drawn.params if drawn else {})}
    with make(env_id, compiled=False, autoreset="disabled", **given) as batch:
        batch.reset(levels=level)
        drawing = Drawing(batch)
        if drawn is not None and not drawing.change(drawn):
            raise FileError(f"level '{file}': {drawing.fault}")
        begin_opengl()
        from puffer_arena.render.editor.screen import EditScreen
        from puffer_arena.render.window.gui import fit_desktop

        screen = EditScreen(env_id, drawing, Path(folder), size or fit_desktop(FIRST_SIZE), sitters)
        screen.note, screen.trainer = f"opened {file}" if file else "", trainer
        try:
            screen.run(on_frame)
        finally:
            screen.close()
