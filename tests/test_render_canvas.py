"""Pictures in memory: where the pixels land, and that no window or sound is started for them."""

import json

import numpy as np
import pygame
import pytest

from puffer_arena import list_envs, make
from puffer_arena.core import bands
from puffer_arena.core.palette import load_palette
from puffer_arena.errors import UnknownName
from puffer_arena.registry import load_env
from puffer_arena.render.draw.canvas import PygameCanvas, render_rgb
from puffer_arena.render.draw.fit import fit
from puffer_arena.render.draw.palette import choose_palette, color, font_bytes
from tests.processes import run_python

ROSE, BACKGROUND = (255, 93, 115), (15, 18, 24)


def drawn(size=(80, 80), **view):
    canvas = PygameCanvas(size)
    canvas.view(view.pop("width", 8), view.pop("height", 8), **view)
    return canvas


def at(canvas, x, y):
    return tuple(int(part) for part in canvas.rgb_array()[y, x])


def test_a_rect_fills_its_pixels_and_no_others():
    canvas = drawn()  # ten pixels to a unit
    canvas.rect(2, 1, 3, 2, "rose")
    filled = (canvas.rgb_array() == ROSE).all(axis=-1)
    assert filled[10:30, 20:50].all()
    assert filled.sum() == 20 * 30


def test_up_puts_y_upwards():
    canvas = drawn(up=True)
    canvas.rect(0, 0, 1, 1, "rose")
    assert at(canvas, 5, 75) == ROSE
    assert at(canvas, 5, 5) == BACKGROUND


def test_the_view_may_begin_anywhere():
    canvas = drawn(left=-4, low=-4, up=True)
    canvas.circle(0, 0, 1, "rose")
    assert at(canvas, 40, 40) == ROSE
    assert at(canvas, 55, 40) == BACKGROUND


def test_the_aspect_is_kept_and_the_rest_stays_background():
    canvas = drawn(size=(120, 60), width=4, height=4)  # 15 pixels to a unit, 30 free at either side
    canvas.rect(-10, -10, 40, 40, "rose")  # drawing outside the view is cut off
    picture = canvas.rgb_array()
    assert picture.shape == (60, 120, 3)
    assert (picture[:, :29] == BACKGROUND).all()
    assert (picture[:, 31:89] == ROSE).all()
    assert (picture[:, 91:] == BACKGROUND).all()


def test_what_bleeds_fills_the_picture():
    canvas = drawn(size=(120, 60), width=4, height=4, bleed=True)
    canvas.rect(-10, -10, 40, 40, "rose")
    assert (canvas.rgb_array() == ROSE).all()
    assert at(drawn(size=(120, 60), width=4, height=4, bleed=True), 60, 30) == BACKGROUND


def test_bands_pass_from_colour_to_colour_without_a_jump():
    canvas = drawn(size=(8, 96), width=1, height=12)
    bands(canvas, 0, 0, 1, 12, ("shadow", "white"), steps=12)
    column = canvas.rgb_array()[:, 4, 0].astype(int)
    assert column[0] == 9 and column[-1] > 240  # of shadow, #090b10; white at last
    assert (np.diff(column) >= 0).all() and np.diff(column).max() < 30


@pytest.mark.parametrize("kind", ["rect", "circle", "polygon", "line"])
def test_alpha_blends_with_what_lies_below(kind):
    canvas = drawn()
    shapes = {
        "rect": lambda: canvas.rect(2, 2, 4, 4, "rose", alpha=0.5),
        "circle": lambda: canvas.circle(4, 4, 2, "rose", alpha=0.5),
        "polygon": lambda: canvas.polygon([(2, 2), (6, 2), (6, 6), (2, 6)], "rose", alpha=0.5),
        "line": lambda: canvas.line([(1, 4), (4, 4), (7, 4)], "rose", width=2, alpha=0.5),
    }
    shapes[kind]()
    middle = np.array(at(canvas, 40, 40))
    assert np.abs(middle - (np.array(ROSE) + BACKGROUND) / 2).max() <= 2  # once, also where parts of a line overlap
    assert at(canvas, 1, 1) == BACKGROUND


def test_alpha_of_zero_draws_nothing():
    canvas = drawn()
    canvas.rect(0, 0, 8, 8, "rose", alpha=0.0)
    assert (canvas.rgb_array() == BACKGROUND).all()


def test_a_shape_outside_the_view_is_ignored():
    canvas = drawn()
    canvas.circle(-40, 90, 2, "rose", alpha=0.5)
    canvas.rect(20, 20, 1, 1, "rose")
    assert (canvas.rgb_array() == BACKGROUND).all()


def test_edges_are_smooth():
    canvas = drawn()
    canvas.circle(4, 4, 3, "rose")
    assert len(np.unique(canvas.rgb_array().reshape(-1, 3), axis=0)) > 8


def test_rounded_corners_leave_the_corner_free():
    canvas = drawn()
    canvas.rect(1, 1, 6, 6, "rose", radius=2)
    assert at(canvas, 11, 11) == BACKGROUND
    assert at(canvas, 40, 11) == ROSE


def test_a_ring_is_hollow_and_its_width_lies_about_its_radius():
    canvas = drawn()
    canvas.ring(4, 4, 2, "rose", width=0.6)
    assert at(canvas, 40, 40) == BACKGROUND
    assert at(canvas, 60, 40) == ROSE
    assert at(canvas, 65, 40) == BACKGROUND
    assert at(canvas, 55, 40) == BACKGROUND


@pytest.mark.parametrize(("anchor", "columns"), [("left", (40, 80)), ("right", (0, 40)), ("center", (20, 60))])
def test_text_lies_beside_its_anchor(anchor, columns):
    canvas = drawn()
    canvas.text(4, 4, "HIH", "rose", size=1.5, anchor=anchor)
    rows, cols = np.nonzero((canvas.rgb_array() != BACKGROUND).any(axis=-1))
    assert columns[0] <= cols.min() and cols.max() < columns[1] + 1
    assert abs((rows.min() + rows.max()) / 2 - 40) <= 1  # capitals are centred on the point


def test_an_unknown_colour_is_named_with_the_closest():
    with pytest.raises(UnknownName, match="unknown colour 'rosee'; did you mean 'rose'"):
        drawn().circle(1, 1, 1, "rosee")


def test_the_palette_and_the_font_come_from_the_assets():
    assert color("rose") == ROSE
    assert len(load_palette()) >= 19
    assert len(font_bytes()) < 150_000
    assert font_bytes()[:4] == b"\x00\x01\x00\x00"  # TrueType


def test_another_palette_draws_in_its_own_colours_and_an_unknown_one_is_named():
    choose_palette("light")
    try:
        canvas = drawn()
        canvas.rect(2, 2, 4, 4, "rose")
        assert at(canvas, 40, 40) == load_palette("light")["rose"] != ROSE
    finally:
        choose_palette("dark")
    with pytest.raises(UnknownName, match="unknown palette 'lihgt'; did you mean 'light'"):
        choose_palette("lihgt")


# What a person without red or green cones sees (Machado et al. 2009, table of severity 1), of linear light.
FEW_COLOURS = {
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
}


@pytest.mark.parametrize("kind", FEW_COLOURS)
def test_players_of_the_safe_palette_differ_for_eyes_that_see_few_colours(kind):
    palette = load_palette("safe")
    players = ("rose", "sky", "lime", "amber", "violet", "teal", "orange", "white")
    linear = (np.array([palette[name] for name in players]) / 255.0) ** 2.2
    seen = 255 * np.clip(linear @ np.array(FEW_COLOURS[kind]).T, 0, 1) ** (1 / 2.2)
    apart = np.abs(seen[:, None] - seen[None]).max(axis=-1) + 255 * np.eye(len(players))
    assert apart.min() > 30


def test_points_and_sizes_scale_together():
    view = fit((0, 0, 10, 5), (100, 50, 200, 200))
    assert view.scale == 20
    assert view.point(0, 0) == (100, 100)  # 200 by 100 pixels, centred in 200 by 200
    assert fit((0, 0, 10, 5), (100, 50, 200, 200), up=True).corner(0, 0, 5) == (100, 100)


@pytest.mark.parametrize("env_id", list_envs())
def test_every_environment_draws_a_picture_at_any_size(env_id):
    with make(env_id, 1, seed=3) as batch:
        for size in ((480, 480), (160, 90), (33, 64)):
            picture = render_rgb(batch.env, batch.state(0), batch.state_params(0), size)
            assert picture.shape == (size[1], size[0], 3)
            assert picture.dtype == np.uint8
            assert picture.flags.c_contiguous
            assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 3


@pytest.mark.parametrize("env_id", [name for name in list_envs() if load_env(name).engine != "panda3d"])
def test_no_small_picture_is_mostly_empty(env_id):
    canvas = PygameCanvas((256, 256))
    with make(env_id, 1, seed=1) as batch:
        batch.env.draw(batch.state(0), batch.state_params(0), canvas)
    fields = canvas.rgb_array().reshape(8, 32, 8, 32, 3).transpose(0, 2, 1, 3, 4).reshape(64, 1024, 3)
    empty = (fields == fields[:, :1]).all(axis=(1, 2))
    assert empty.sum() <= 16, "fields of 32 pixels in one colour, of 64"


def test_drawing_starts_no_window_no_sound_and_prints_nothing():
    said = run_python(
        """
        import json
        from puffer_arena import list_envs, make
        from puffer_arena.render.draw.canvas import render_rgb
        for env_id in list_envs():
            batch = make(env_id, 1, compiled=False)
            render_rgb(batch.env, batch.state(0), batch.state_params(0), (120, 120))
        import pygame, sys
        print(json.dumps([pygame.get_init(), pygame.display.get_init(), pygame.mixer.get_init(), pygame.joystick.get_init(),
                          "imgui_bundle" in sys.modules, "torch" in sys.modules]))
        """
    )
    assert json.loads(said) == [False, False, None, False, False, False]


def test_a_missing_extra_is_named_with_its_command():
    said = run_python(
        """
        import sys
        sys.modules["pygame"] = None
        from puffer_arena.errors import MissingExtra
        try:
            import puffer_arena.render.draw.canvas
        except MissingExtra as error:
            print(error)
        """
    )
    assert "pip install 'puffer-arena[window]'" in said


def test_a_missing_part_of_the_window_is_named_before_anything_opens():
    said = run_python(
        """
        import sys
        sys.modules["imgui_bundle"] = None
        from puffer_arena.errors import MissingExtra
        from puffer_arena.render.play.play import play
        try:
            play("snake")
        except MissingExtra as error:
            print(error)
        """
    )
    assert "'imgui_bundle' is not installed" in said


def test_the_human_viewer_shows_pictures_and_stays_closed_once_closed():
    said = run_python(
        """
        import numpy as np
        from puffer_arena import make
        from puffer_arena.render.play.human import HumanViewer
        import pygame
        batch = make("snake", 1, compiled=False)
        viewer = HumanViewer("snake", (200, 160))
        viewer.show(np.full((50, 50, 3), 255, np.uint8))
        shown = pygame.surfarray.array3d(viewer.window.get_surface())
        print(shown.shape[:2], shown[100, 80].tolist(), shown[5, 80].tolist())
        viewer.draw(batch.env, batch.state(0), batch.state_params(0))
        print(viewer.window.title.startswith("snake"), pygame.mixer.get_init())
        pygame.event.post(pygame.event.Event(pygame.QUIT))
        viewer.show(np.zeros((50, 50, 3), np.uint8))
        viewer.show(np.zeros((50, 50, 3), np.uint8))
        print(viewer.closed, viewer.window)
        viewer.close()
        """,
        SDL_VIDEODRIVER="dummy",
    )
    assert said.splitlines() == ["(200, 160) [255, 255, 255] [15, 18, 24]", "True None", "True None"]


def test_the_human_viewer_without_a_display_says_so():
    said = run_python(
        """
        import numpy as np
        from puffer_arena import ArenaError
        from puffer_arena.render.play.human import HumanViewer
        try:
            HumanViewer("snake").show(np.zeros((4, 4, 3), np.uint8))
        except ArenaError as error:
            print(error)
        """,
        SDL_VIDEODRIVER="",
    )
    assert "no display to open a window on" in said


def test_writing_goes_on_after_another_library_has_ended_pygame():
    written = drawn(size=(80, 80))
    written.text(4, 4, "12", size=2)
    again = drawn(size=(80, 80))
    pygame.quit()
    again.text(4, 4, "12", size=2)
    assert (again.rgb_array() == written.rgb_array()).all()
