"""A level at hand: painting, moving, undo and redo, and whether it is valid. No window."""

from dataclasses import replace
from pathlib import Path

from puffer_arena.batch.batch import Batch
from puffer_arena.core.editor import Brush
from puffer_arena.errors import ArenaError, FileError
from puffer_arena.levels.drawn import (
    Level,
    draw_level,
    editor_of,
    finish,
    read_level,
    take_level,
    write_level,
    write_state,
)

MOST_UNDO = 500


class Drawing:
    """The level that is being drawn, in the only row of a batch.

    Args:
        batch: made with `compiled=False`, and at an episode's beginning.

    Attributes:
        level: as it would be saved.
        reason: why it is not valid; "" where it is.
        fault: why the last change could not be made.
    """

    def __init__(self, batch: Batch) -> None:
        self.batch, self.env, self.editor = batch, batch.env, editor_of(batch.env)
        self._done: list[Level] = []
        self._undone: list[Level] = []
        self._stroke, self._noted = False, False  # whether changes are one, and the first of them was noted
        self.level = take_level(batch)
        self.reason = self.fault = ""
        self._show(self.level)

    @property
    def brushes(self) -> tuple[Brush, ...]:
        """What cells may be painted with."""
        return self.editor.cells.brushes if self.editor.cells is not None else ()

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of cells; none where there is nothing to paint."""
        cells = self.editor.cells
        return cells.shape(self.batch.state_params(0)) if cells is not None else (0, 0)

    def paint(self, row: int, col: int, brush: Brush) -> bool:
        """Paint a cell; tell whether anything changed."""
        rows, cols = self.shape
        if not (0 <= row < rows and 0 <= col < cols) or self.level.cells[row][col] == brush.letter:
            return False
        lines = [list(line) for line in self.level.cells]
        if brush.single:
            bare = self.brushes[0].letter
            lines = [[bare if letter == brush.letter else letter for letter in line] for line in lines]
        lines[row][col] = brush.letter
        return self.change(replace(self.level, cells=tuple("".join(line) for line in lines)))

    def move(self, name: str, k: int, x: float, y: float) -> bool:
        """Move a thing; tell whether it may be there."""
        places = [list(place) for place in self.level.things[name]]
        if places[k] == [x, y]:
            return False
        places[k] = [x, y]
        return self.change(replace(self.level, things={**self.level.things, name: places}))

    def change(self, level: Level) -> bool:
        """Go on with another level, unless it breaks a bound; what is not valid yet may still be drawn."""
        before = self.level
        if not self._show(level):
            return False
        if not self._noted:
            self._done = [*self._done, before][-MOST_UNDO:]
        self._noted = self._stroke
        self._undone.clear()
        return True

    def begin_stroke(self) -> None:
        """Let all changes until `end_stroke` be one: a stroke of the mouse is undone at once."""
        self._stroke = True

    def end_stroke(self) -> None:
        """Let every change be one of its own again."""
        self._stroke = self._noted = False

    def undo(self) -> None:
        """Take the last change back."""
        self._noted = False
        if self._done:
            self._undone.append(self.level)
            self._show(self._done.pop())

    def redo(self) -> None:
        """Make it again."""
        if self._undone:
            self._done.append(self.level)
            self._show(self._undone.pop())

    def renew(self, number: int) -> None:
        """Go on from another of the game's own levels."""
        self.batch.assign([0], {}, number)
        self.batch.reset()
        self.change(take_level(self.batch))

    def open(self, path: Path) -> str:
        """Go on with the level of a file; return what to tell the person."""
        try:
            level = read_level(path, self.env)
            if self.env.build_params(dict(level.params)) != self.batch.param_values:
                return f"{path.name} has other parameters; open it with: edit {self.env.name} {path}"
            shown = self.change(level)
        except ArenaError as error:
            return str(error)
        return f"opened {path}" if shown else self.fault

    def save(self, path: Path) -> str:
        """Write the level; return what to tell the person."""
        try:
            write_level(path, self.level)
        except OSError as error:
            return f"{path} cannot be written: {error.strerror}"
        return f"saved as {path}" + (f"; not valid yet: {self.reason}" if self.reason else "")

    def snapshot(self) -> bytes:
        """Return the level as a snapshot.

        Raises:
            FileError: it is not valid.
        """
        draw_level(self.batch, self.level)
        return self.batch.snapshot(0)

    def _show(self, level: Level) -> bool:
        """Put a level into the row; tell whether it keeps to the bounds."""
        batch = self.batch
        before = batch.rows.states[0].copy()
        batch.assign([0], {}, level.level)
        batch.reset()
        try:
            write_state(self.env, batch.rows.states, batch.rows.params[0], level)
            self.reason = finish(batch)
        except FileError as error:
            batch.rows.states[0] = before
            self.fault = str(error)
            return False
        self.level = take_level(batch)  # as the rules have made it: an outer wall, a stone that fell
        return True
