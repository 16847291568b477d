"""Windows draw only what has changed, and look as if they drew everything."""

from itertools import pairwise

import numpy as np
import pytest

from puffer_arena import make
from puffer_arena.render.replay.source import ReplaySource
from puffer_arena.render.toolkit import pygame
from puffer_arena.replay.reader import Replay
from puffer_arena.replay.writer import Writer
from tests.xvfb import unplug_mouse

pytest.importorskip("imgui_bundle")
from puffer_arena.render.window.changes import CELL, COLUMNS, find_boxes, hash_cells, pick_triangles

SIZE = (640, 480)
KEYS = (pygame.K_RIGHT, pygame.K_RETURN, pygame.K_END, pygame.K_RETURN, pygame.K_o, pygame.K_h, pygame.K_h, pygame.K_v)


@pytest.fixture
def on_display(display, monkeypatch):
    for name in ("DISPLAY", "SDL_VIDEODRIVER", "LIBGL_ALWAYS_SOFTWARE"):
        monkeypatch.setenv(name, display[name])
    pygame.display.quit()
    unplug_mouse(monkeypatch)


def triangles(*places):
    """Triangles of ten pixels with their corners at these places, in one command over a window of 4 x 3 cells."""
    points = np.zeros((3 * len(places), 5), np.float32)
    for k, (x, y) in enumerate(places):
        points[3 * k : 3 * k + 3, :2] = [(x, y), (x + 10, y), (x, y + 10)]
    indices = np.arange(len(points), dtype=np.uint32)
    commands = np.array([[0, len(points), 7, 0, 0, 4 * CELL, 3 * CELL]], np.int64)
    assert commands.shape == (1, COLUMNS)
    return points, indices, commands


def cells_of(points, indices, commands):
    cells = np.zeros((3, 4), np.uint64)
    hash_cells(points.view(np.uint32), points, indices, commands, cells)
    return cells


def test_a_cell_changes_only_with_what_reaches_into_it():
    before = cells_of(*triangles((5, 5), (70, 40), (100, 70)))
    moved = cells_of(*triangles((5, 5), (71, 40), (100, 70)))
    assert np.argwhere(before != moved).tolist() == [[1, 2]]
    # Two that overlap, the other one above: only their cell looks different.
    assert np.argwhere(
        cells_of(*triangles((5, 5), (8, 5), (100, 70))) != cells_of(*triangles((8, 5), (5, 5), (100, 70)))
    ).tolist() == [[0, 0]]
    across = cells_of(*triangles((28, 28)))  # reaches over a corner where four cells meet
    assert np.argwhere(across != 0).tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]


def test_what_a_command_cuts_off_or_shows_counts():
    points, indices, commands = triangles((70, 40))
    cut, shown = commands.copy(), commands.copy()
    cut[0, 3:] = 0, 0, 64, 32  # the clip rectangle ends before the triangle
    assert not cells_of(points, indices, cut).any()
    shown[0, 2] = 8  # another picture in its texture
    assert np.argwhere(cells_of(points, indices, shown) != cells_of(points, indices, commands)).tolist() == [[1, 2]]


def test_triangles_are_picked_in_order_command_by_command():
    points, indices, _ = triangles((5, 5), (70, 40), (8, 5), (10, 8))
    commands = np.array([[0, 6, 7, 0, 0, 128, 96], [6, 6, 7, 0, 0, 128, 96]], np.int64)
    picked = np.zeros_like(indices)
    assert pick_triangles(points, indices, commands, (0, 0, 32, 32), picked) == 9
    assert picked[:9].tolist() == [0, 1, 2, 6, 7, 8, 9, 10, 11]
    assert commands[:, :2].tolist() == [[0, 3], [3, 6]]


def test_boxes_hold_every_changed_cell_once_and_lie_apart():
    rng = np.random.default_rng(1)
    for share in (0.0, 0.02, 0.1, 0.5, 1.0):
        changed = rng.random((15, 20)) < share
        covered = np.zeros((15 * CELL, 20 * CELL), np.int64)
        for left, top, right, bottom in find_boxes(changed, (620, 470)):
            assert right <= 620 and bottom <= 470
            covered[top:bottom, left:right] += 1
        wanted = changed.repeat(CELL, axis=0).repeat(CELL, axis=1)
        assert covered.max(initial=0) <= 1
        assert (covered[:470, :620][wanted[:470, :620]] == 1).all()
        assert covered.any() == changed.any()


def back_buffer(size):
    """What the window's back buffer holds, uint8 (height, width, 3)."""
    from puffer_arena.render.window.opengl import gl

    width, height = size
    gl.glPixelStorei(gl.GL_PACK_ALIGNMENT, 1)
    data = gl.glReadPixels(0, 0, width, height, gl.GL_RGB, gl.GL_UNSIGNED_BYTE)
    return np.frombuffer(data, np.uint8).reshape(height, width, 3)[::-1]


@pytest.mark.parametrize("env_id", ["lander", "rooms", "marble"])
def test_a_window_looks_as_if_it_drew_everything(env_id, on_display, tmp_path):
    from puffer_arena.render.display import begin_opengl

    begin_opengl()
    from puffer_arena.render.replay.screen import ReplayScreen
    from puffer_arena.render.window.retained import Retained

    path = tmp_path / "bot.mcap"
    with make(env_id, 3, seed=5) as batch, Writer(batch, path):
        for _ in range(40):
            batch.step(batch.act(next(iter(batch.env.bots))))
    now, keys, seen, stood = [100.0], list(KEYS), [], []

    def look(screen):
        now[0] += 0.1
        for _ in range(2):  # Dear ImGui lays out what is new in two frames
            screen.draw()
        partly = screen.pixels()
        screen.gui.flip()
        assert screen.gui._painter._copies  # Mesa draws here, on the processor
        assert np.argwhere((partly != back_buffer(SIZE)).any(axis=-1)).tolist() == []
        screen.watch.drawn, screen.scrub.drawn = Retained(), Retained()
        screen.gui._painter._resize(screen.gui._pixel_size)  # it forgets what it has drawn
        screen.draw()
        assert np.argwhere((partly != screen.pixels()).any(axis=-1)).tolist() == []
        seen.append(partly)
        screen.gui._painter.show(whole=True)
        screen.draw()  # and once more, as it is
        stood.append(not screen.gui._painter.is_new)
        if len(seen) == 4:
            screen.press(pygame.K_SPACE)  # it plays
        elif len(seen) > 8:
            screen.press(pygame.K_SPACE if len(seen) == 9 else keys.pop(0))
        screen.gui.closing = not keys
        screen._pace._drawn = -1e9  # the next frame is due, too

    screen = ReplayScreen(ReplaySource([Replay(path)], lambda: now[0]), SIZE)
    try:
        screen.run(look)
    finally:
        screen.close()
        screen.replay.close()
    different = sum((a != b).any() for a, b in pairwise(seen))
    assert different >= 6 and len(seen) == 17
    assert sum(stood) >= 12  # a picture that stands is not drawn again


def test_what_lies_over_a_window_leaves_its_picture_as_it_is(on_display, monkeypatch):
    """The list of keys comes and goes at once, also where a processor draws: nothing below is drawn for it."""
    from puffer_arena.render.display import begin_opengl

    begin_opengl()
    from puffer_arena.render.window.local_source import LocalSource
    from puffer_arena.render.window.painter import Layer
    from puffer_arena.render.window.screen import Screen

    taken, take = [], Layer.take

    def counted(layer, cells, size):
        boxes = take(layer, cells, size)
        taken.append((layer, boxes))
        return boxes

    source = LocalSource(make("snake", 2, seed=1))
    screen = Screen(source, SIZE)
    try:
        for _ in range(3):
            screen.draw()
        before = screen.pixels()
        monkeypatch.setattr(Layer, "take", counted)
        below = screen.gui._painter._below
        for shown in (True, False):
            screen.press(pygame.K_h)
            for _ in range(3):  # Dear ImGui lays out what is new in two frames
                screen.draw()
            assert (screen.pixels() != before).any() == shown
        assert {len(boxes) for layer, boxes in taken if layer is below} == {0}
        assert any(boxes for layer, boxes in taken if layer is not below)
    finally:
        screen.close()
        source.close()
