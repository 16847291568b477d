"""The 3D view: what it shows, through every renderer that this machine has."""

import os
import sys

import numpy as np
import pytest

from puffer_arena.batch.make import make
from puffer_arena.core.palette import load_palette
from puffer_arena.errors import DefinitionError, DisplayError
from puffer_arena.machine.notices import SAID
from puffer_arena.registry import load_env
from puffer_arena.render.draw.canvas import render_rgb
from puffer_arena.render.draw.look import Look
from puffer_arena.render.draw.palette import color
from puffer_arena.render.world import world
from puffer_arena.render.world.world import WorldView
from tests.playing import PILE, variant
from tests.processes import run_python


@pytest.fixture(params=["p3headlessgl", "p3tinydisplay"])
def pipe(request):
    return (request.param,)


@pytest.fixture
def marble():
    with make("marble", num_envs=1, seed=4, wind=0.0) as batch:
        yield batch


def draw(batch, pipes, size=(160, 120), **moved):
    try:
        view = WorldView(batch.env, size, pipes)
    except DisplayError:
        pytest.skip(f"{pipes[0]} does not work on this machine")
    picture = view.draw(batch.state(0), batch.state_params(0), **moved)
    view.close()
    return picture


def hue(picture, name, tolerance=60):
    """Return where a picture is about as coloured as a palette colour, brightness apart."""
    wanted = np.array(color(name), float)
    pixels = picture.astype(float) + 1.0
    near = pixels / pixels.max(axis=-1, keepdims=True) - wanted / wanted.max()
    return (np.abs(near).max(axis=-1) < tolerance / 255) & (picture.max(axis=-1) > 60)


def test_the_marble_is_seen_in_the_middle_and_the_course_before_it(marble, pipe):
    picture = draw(marble, pipe)
    assert picture.shape == (120, 160, 3) and picture.dtype == np.uint8
    rows, columns = np.nonzero(hue(picture, "amber"))
    assert len(rows) > 40
    assert abs(columns.mean() - 80) < 12
    assert hue(picture, "sky", 90).sum() > 500  # plates


def test_a_person_turns_the_camera_about_what_it_looks_at_and_comes_nearer(marble, pipe):
    at = marble.state(0).marble
    own, turned = draw(marble, pipe), draw(marble, pipe, look=Look(turn=2.0, rise=0.4))
    near = draw(marble, pipe, look=Look(zoom=2.0, follows=True), followed=(at.x, at.y, 0.4))
    rows, columns = np.nonzero(hue(near, "amber"))
    assert abs(columns.mean() - 80) < 6 and abs(rows.mean() - 60) < 6
    assert hue(turned, "amber").sum() > 20
    assert np.abs(turned.astype(int) - own).mean() > 5  # the course lies elsewhere
    assert hue(near, "amber").sum() > 2 * hue(own, "amber").sum()


def test_a_marble_to_the_right_of_its_course_shows_the_course_to_its_left(marble, pipe):
    straight = draw(marble, pipe)
    marble.rows.states[0]["marble"]["x"] += 2.0
    moved = draw(marble, pipe)

    def middle(picture):
        return np.nonzero(hue(picture, "sky", 90))[1].mean()

    assert middle(moved) < middle(straight) - 10


def test_a_world_that_leans_to_the_right_shows_its_right_side_lower(marble, pipe):
    marble.rows.states[0]["tilt"][0] = 0.3
    rows, columns = np.nonzero(hue(draw(marble, pipe), "sky", 90))
    near = rows > 75  # the plate that the marble is on
    slope = np.polyfit(columns[near], rows[near], 1)[0]
    assert slope > 0.02


@pytest.mark.parametrize("name", load_palette())
def test_every_renderer_shows_a_colour_alike(name):
    def build(world, p):
        handles = marble_env.build(world, p)
        for body in (handles["marble"], *handles["plates"]):
            body.set_tag("color", name)
        return handles

    marble_env = load_env("marble")
    with variant("marble", build=build) as batch:
        batch.reset()
        hardware, software = (draw(batch, (pipe,)).astype(int) for pipe in ("p3headlessgl", "p3tinydisplay"))
    middle = (slice(55, 115), slice(60, 100))  # the marble on its plate
    differs = np.abs(hardware - software)[middle].max(axis=-1)
    assert np.percentile(differs, 90) <= 12  # levels of 255; at edges, in shadow and highlight they differ more


def test_a_body_is_found_where_the_picture_shows_it(marble, pipe):
    marble.rows.states[0]["tilt"][0] = 0.3
    try:
        view = WorldView(marble.env, (160, 120), pipe)
    except DisplayError:
        pytest.skip(f"{pipe[0]} does not work on this machine")
    rows, columns = np.nonzero(hue(view.draw(marble.state(0), marble.state_params(0)), "amber"))
    ball = marble.state(0).marble
    across, down, radius = view.find(ball.x + 0.1, ball.y - 0.1, 0.4)
    nowhere = view.find(ball.x + 0.5, ball.y, 0.4)
    view.close()
    assert abs(160 * across - columns.mean()) < 2
    assert abs(120 * down - rows.mean()) < 2
    assert abs(160 * radius - np.sqrt(len(rows) / np.pi)) < 3  # a disc of as many pixels
    assert nowhere is None


def test_an_unknown_colour_is_refused_with_its_environment_and_body(pipe):
    def build(world, p):
        handles = marble_env.build(world, p)
        handles["plates"][2].set_tag("color", "purple")
        return handles

    marble_env = load_env("marble")
    with (
        variant("marble", build=build) as batch,
        pytest.raises(DefinitionError, match="'marble': build: body 'plate 2': unknown colour 'purple'; valid are: "),
    ):
        batch.reset()
        draw(batch, pipe)


def test_an_orbit_looks_from_all_sides(pipe):
    with make(PILE, boxes=3) as batch:
        try:
            view = WorldView(batch.env, (120, 90), pipe)
        except DisplayError:
            pytest.skip(f"{pipe[0]} does not work on this machine")
        first = view.draw(batch.state(0), batch.state_params(0))
        seen = [first]
        for angle in (0.0, 1.5, 3.0):
            view.orbit(0.0, 0.0, 1.0, angle=angle, elevation=0.5, distance=12.0)
            seen.append(view._take_picture())
        view.close()
    for k, picture in enumerate(seen):
        assert picture.std() > 5
        for other in seen[:k]:
            assert np.abs(picture.astype(int) - other).mean() > 1


def test_the_same_row_gives_the_same_picture(marble, pipe):
    assert np.array_equal(draw(marble, pipe), draw(marble, pipe))


def test_a_view_that_drew_other_moments_draws_this_one_as_a_new_view_does(marble, pipe):
    try:
        used = WorldView(marble.env, (160, 120), pipe)
    except DisplayError:
        pytest.skip(f"{pipe[0]} does not work on this machine")
    for _ in range(30):  # the world leans further and further
        marble.step(np.array([[0.5, 1.0]]))
        last = used.draw(marble.state(0), marble.state_params(0))
    used.close()
    assert np.array_equal(last, draw(marble, pipe))


def test_drawing_leaves_the_row_as_it_is(marble, pipe):
    before = marble.rows.states.tobytes()
    draw(marble, pipe)
    assert marble.rows.states.tobytes() == before


def test_render_rgb_shows_the_world_where_this_machine_can(marble):
    picture = render_rgb(marble.env, marble.state(0), marble.state_params(0), (96, 64))
    assert picture.shape == (64, 96, 3)
    assert (96, 64) in world._views
    assert np.array_equal(picture, render_rgb(marble.env, marble.state(0), marble.state_params(0), (96, 64)))


def test_a_picture_whose_finer_one_would_be_too_large_is_drawn_as_it_is(marble, monkeypatch):
    row = marble.state(0), marble.state_params(0)
    drawn = {}
    for finest in (4 * 90 * 70, 4 * 90 * 70 - 1):  # just enough, and not enough
        monkeypatch.setattr(world, "FINEST", finest)
        monkeypatch.setattr(world, "_views", {})
        drawn[finest] = render_rgb(marble.env, *row, (90, 70))
        world._views[90, 70].close()
    smooth, plain = drawn.values()
    view = WorldView(marble.env, (90, 70), supersample=1)
    assert (plain == view.draw(*row)).all() and (plain != smooth).any()
    view.close()


def test_a_machine_that_cannot_draw_worlds_sees_them_from_above(marble, monkeypatch, capsys):
    monkeypatch.setattr(world, "open_buffer", lambda size, pipes: (_ for _ in ()).throw(DisplayError("no renderer")))
    monkeypatch.setattr(world, "_views", {})
    SAID.clear()
    for _ in range(2):
        picture = render_rgb(marble.env, marble.state(0), marble.state_params(0), (97, 64))
        assert picture.shape == (64, 97, 3) and picture.std() > 5
    assert capsys.readouterr().err.count("drawn from above") == 1


def test_gymnasium_renders_without_a_display():
    code = """
        import gymnasium
        env = gymnasium.make("puffer_arena:puffer_arena/Marble-v1", render_mode="rgb_array")
        env.reset(seed=1)
        picture = env.render()
        print(picture.shape, picture.std() > 5)
    """
    assert run_python(code, PYTHONPATH=os.pathsep.join(sys.path)).strip().endswith("True")


def test_a_window_with_opengl_and_a_view_leave_each_other_alone(display):
    code = """
        import ctypes
        import pygame
        from puffer_arena import make
        from puffer_arena.render.world.world import WorldView

        current = ctypes.CDLL("libGL.so.1").glXGetCurrentContext
        current.restype = ctypes.c_void_p

        with make("marble", seed=4) as batch:
            def pictures():
                view = WorldView(batch.env, (80, 60))
                drawn = [view.draw(batch.state(0), batch.state_params(0)) for _ in range(3)]
                view.close()
                return [picture.tobytes() for picture in drawn]

            seen = pictures()
            pygame.display.set_mode((200, 100), pygame.OPENGL)
            before = current()
            seen += pictures()
            assert current() == before
            pygame.display.quit()
            seen += pictures()
        print(len(seen), len(set(seen)))
    """
    env = {**display, "PYTHONPATH": os.pathsep.join(sys.path)}
    assert run_python(code, **env).split()[-2:] == ["9", "1"]
