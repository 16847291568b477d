"""What the watched agent sees: its observation as a picture where it is one, elsewhere as numbers."""

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from imgui_bundle import ImVec2, imgui

from puffer_arena.batch.batch import Batch
from puffer_arena.batch.frame import Frame
from puffer_arena.batch.make import make
from puffer_arena.batch.saving.past import raw
from puffer_arena.core.composites import leaves
from puffer_arena.core.fields import Array
from puffer_arena.core.roles import space_of
from puffer_arena.core.spaces import Box
from puffer_arena.errors import ArenaError
from puffer_arena.render.draw.numbers import format_value
from puffer_arena.render.window.grid_view import Watch
from puffer_arena.render.window.source import Source
from puffer_arena.render.window.theme import SMALL, Theme, colored, font
from puffer_arena.render.window.widgets import section, text_width, write

MOST_NUMBERS = 48  # shown of one part
MOST_CELLS = 4096  # of a picture
HIGHEST = 220  # pixels at scale 1 that a picture takes
LINE = 18  # of a number


class Sight:
    """Observes shown states by a row of its own.

    Attributes:
        shown: whether the person wants to see it.
        make: makes that row, of the sizes of those shown; None makes it of the source's parameters.
    """

    def __init__(self, make: Callable[[], Batch] | None = None) -> None:
        self.shown, self.make = False, make
        self._batch: Batch | None = None

    def observe(self, source: Source, frame: Frame, slot: int) -> Any:
        """Return what the agents of a shown row see: the row's part of `Batch.obs`.

        Raises:
            ArenaError: such a row cannot be made.
        """
        source.env.check_own("what its agents see")
        if self._batch is None:
            self._batch = make(source.env_id, 1, **source.made) if self.make is None else self.make()
        batch = self._batch
        raw(batch.rows.states)[0], raw(batch.rows.params)[0] = raw(frame.states)[slot], raw(frame.params)[slot]
        batch.look(np.ones(1, np.bool_))
        return batch.obs[0]

    def close(self) -> None:
        """Let the row go."""
        if self._batch is not None:
            self._batch.close()


def draw_sight(theme: Theme, source: Source, frame: Frame, watch: Watch, sight: Sight) -> None:
    """Lay out what the watched agent sees, where the person wants to."""
    if not sight.shown:
        return
    slot = watch.slot(frame)
    try:
        obs = sight.observe(source, frame, slot)
    except ArenaError as error:
        watch.faults.add(f"observation: {error}")
        sight.shown = False
        return
    agents = source.agent_ids
    mine = obs[watch.agent] if agents else obs
    role = source.env.role_of(agents[watch.agent]) if agents else None
    section(theme, f"{agents[watch.agent]} sees" if agents else f"#{frame.rows[slot]} sees")
    for name, values, labels in parts_of(space_of(source.env.observation, role), mine):
        if name:
            with font(SMALL), colored(imgui.Col_.text, "muted"):
                imgui.text(name)
        if values.ndim >= 2 and values[..., 0].size * values.shape[-1] <= MOST_CELLS and not labels:
            draw_grid(theme, values)
        else:
            draw_numbers(theme, values.reshape(-1), labels)


def parts_of(space: Any, obs: Any) -> Iterator[tuple[str, Array, tuple[str, ...]]]:
    """Go through an observation's parts: name, numbers, and what each is called where the game says so."""
    for path, leaf in leaves(space):
        value = obs
        for name in path:
            value = value[name]
        yield " ".join(path), np.asarray(value), leaf.labels if isinstance(leaf, Box) else ()


def draw_grid(theme: Theme, values: Array) -> None:
    """Draw numbers of two or more dimensions as cells, brighter for greater ones; colours where there are three."""
    cells = values if values.ndim > 2 and values.shape[-1] == 3 else values.reshape(*values.shape[:2], -1)[..., :1]
    rows, cols = cells.shape[:2]
    side = min(imgui.get_content_region_avail().x / cols, theme.px(HIGHEST) / rows)
    side = float(math.floor(side)) or side  # whole pixels, without lines between cells
    low, high = float(cells.min()), float(cells.max())
    glow = ((cells.astype(np.float64) - low) / max(high - low, 1e-9) * 255).astype(int)
    if values.dtype == np.uint8 and cells.shape[-1] == 3:
        glow = cells.astype(int)
    at, draw = imgui.get_cursor_screen_pos(), imgui.get_window_draw_list()
    for row in range(rows):
        for col in range(cols):
            red, green, blue = (glow[row, col, k % cells.shape[-1]] for k in range(3))
            x, y = at.x + col * side, at.y + row * side
            draw.add_rect_filled((x, y), (x + side, y + side), imgui.IM_COL32(int(red), int(green), int(blue), 255))
    imgui.dummy(ImVec2(cols * side, rows * side))


def draw_numbers(theme: Theme, values: Array, labels: tuple[str, ...]) -> None:
    """List numbers in two columns, each with its name or place."""
    room, high = imgui.get_content_region_avail().x, theme.px(LINE)
    shown, at = values[:MOST_NUMBERS].tolist(), imgui.get_cursor_screen_pos()
    half = (room - theme.px(16)) / 2
    for k, value in enumerate(shown):
        x, y = at.x + (k % 2) * (half + theme.px(16)), at.y + (k // 2) * high
        text = format_value(float(value))
        write(theme, (x, y), labels[k] if k < len(labels) else str(k), "muted", SMALL - 1)
        write(theme, (x + half - text_width(text, SMALL - 1), y), text, "text", SMALL - 1)
    imgui.dummy(ImVec2(room, -(-len(shown) // 2) * high))
    if len(values) > MOST_NUMBERS:
        with font(SMALL), colored(imgui.Col_.text, "muted"):
            imgui.text(f"and {len(values) - MOST_NUMBERS} more")
