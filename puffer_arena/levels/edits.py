"""Small random changes of a level, from what a game declares as editable: cells painted, things moved."""

from dataclasses import replace
from typing import Any

import numpy as np

from puffer_arena.batch.batch import Batch
from puffer_arena.batch.saving.past import raw
from puffer_arena.core.editor import Cells, Things
from puffer_arena.errors import FileError
from puffer_arena.levels.drawn import Level, editor_of, finish, take_drawn, take_level, write_state

TRIES = 8  # until a changed level is valid


def vary(batch: Batch, rng: np.random.Generator, changes: int) -> bool:
    """Change the level at which row 0 of a batch begins; tell whether a valid one was found, else the row is as it was.

    Args:
        batch: made with room for the level's parameters.
        rng: all its chance.
        changes: cells painted or things moved, at first; the more tries fail the fewer.
    """
    before, rows = take_level(batch), batch.table.rows
    drawn, state, first = take_drawn(batch), raw(rows.states)[0], np.arange(batch.num_envs) == 0
    unchanged = state.copy()
    rows.following[0], rows.levels[0] = rows.params[0], before.level
    batch.reset(which=first)
    begun = state.copy()
    changed = False
    for k in range(TRIES):
        level = before
        for _ in range(max(1, changes - k * changes // TRIES)):
            level = change(batch, level, rng)
        state[:] = begun
        try:
            write_state(batch.env, batch.rows.states[:1], batch.rows.params[0], level)
            if finish(batch):
                continue
        except FileError:
            continue
        changed = take_drawn(batch) != drawn  # the rules may have taken the change back, as of an outer wall
        if changed:
            break
    if not changed:
        state[:] = unchanged
    batch.adopt()
    batch.look(first)
    return changed


def change(batch: Batch, level: Level, rng: np.random.Generator) -> Level:
    """Return a level with one cell painted, or one thing moved: a part of the editor's declaration is as likely as another."""
    editor, p = editor_of(batch.env), batch.state_params(0)
    parts = [part for part in (editor.cells, *editor.things) if part is not None]
    movable = [part for part in parts if not isinstance(part, Things) or level.things.get(part.name)]
    part = movable[rng.integers(len(movable))]
    if isinstance(part, Cells):
        return _paint(part, level, rng)
    places = [list(place) for place in level.things[part.name]]
    k = int(rng.integers(len(places)))
    places[k] = _nearby(editor.cells, part, p, places[k], rng)
    return replace(level, things={**level.things, part.name: places})


def _paint(cells: Cells, level: Level, rng: np.random.Generator) -> Level:
    lines = [list(line) for line in level.cells]
    brush = cells.brushes[rng.integers(len(cells.brushes))]
    if brush.single:
        bare = cells.brushes[0].letter
        lines = [[bare if letter == brush.letter else letter for letter in line] for line in lines]
    lines[rng.integers(len(lines))][rng.integers(len(lines[0]))] = brush.letter
    return replace(level, cells=tuple("".join(line) for line in lines))


def _nearby(cells: Cells | None, things: Things, p: Any, place: list[float], rng: np.random.Generator) -> list[float]:
    """Return a place for a thing: any cell, or in a world one near by, as likely in each decade of the distance."""
    if things.area is not None:
        left, low, width, height = things.area(p)
        reach, angle = max(width, height) * 10.0 ** rng.uniform(-3.0, -0.5), rng.uniform(0.0, 2.0 * np.pi)
        x, y = place[0] + reach * np.cos(angle), place[1] + reach * np.sin(angle)
        return [float(np.clip(x, left, left + width)), float(np.clip(y, low, low + height))]
    assert cells is not None  # its definition was checked
    rows, cols = cells.shape(p)
    return [float(rng.integers(cols)), float(rng.integers(rows))]
