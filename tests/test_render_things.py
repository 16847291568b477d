"""What a 3D view shows of an environment's `draw3d`: things without bodies, and bodies in other colours."""

import dataclasses
import math

import numpy as np
import pytest

from puffer_arena import load_env, make
from puffer_arena.core.canvas3d import Canvas3D
from puffer_arena.errors import DefinitionError
from puffer_arena.render.draw.palette import color
from puffer_arena.render.world.world import WorldView
from tests.playing import CRANE

SIZE = (120, 80)


def look(s, p, view):
    view.orbit(0.0, 0.0, 1.0, angle=-math.pi / 2, elevation=0.2, distance=9.0)


@pytest.fixture(scope="module")
def shown():
    """Return a function that draws the crane's world as a `draw3d` says; one view draws all pictures."""
    with make(CRANE, compiled=False) as batch:
        env = dataclasses.replace(load_env(CRANE), camera=look)
        view = WorldView(env, SIZE)

        def draw(draw3d=None):
            view.env = view._things._env = dataclasses.replace(env, draw3d=draw3d) if view._built else env
            return view.draw(batch.state(0), batch.state_params(0)).astype(int)

        view.draw(batch.state(0), batch.state_params(0))
        yield draw
        view.close()


def near(picture, name):
    """Return how many pixels have about the hue of a palette's colour."""
    wanted = np.array(color(name)) / np.linalg.norm(color(name))
    length = np.linalg.norm(picture, axis=2)
    return int(((picture @ wanted > 0.99 * length) & (length > 60)).sum())


DRAWN = {
    "a ball": lambda canvas: canvas.sphere(0.0, 0.0, 3.0, 0.5, "rose"),
    "a box": lambda canvas: canvas.box(0.0, 0.0, 3.0, 1.0, 1.0, 1.0, "rose", heading=0.5),
    "an upright cylinder": lambda canvas: canvas.cylinder((0, 0, 2.5), (0, 0, 3.5), 0.5, "rose"),
    "a lying cylinder": lambda canvas: canvas.cylinder((-0.7, 0, 3.0), (0.7, 0, 3.0), 0.4, "rose"),
    "a line": lambda canvas: canvas.line([(-2, 0, 3), (0, 0, 3.5), (2, 0, 3)], "rose", width=0.3),
    "a ghostly ball": lambda canvas: canvas.sphere(0.0, 0.0, 3.0, 0.5, "rose", alpha=0.9),
    "another colour": lambda canvas: canvas.paint("ball", "rose"),
}


@pytest.mark.parametrize("thing", DRAWN.values(), ids=DRAWN)
def test_a_thing_is_in_its_picture_and_gone_from_the_next(thing, shown):
    without = shown(lambda s, p, canvas: None)
    drawn = shown(lambda s, p, canvas: thing(canvas))
    assert near(drawn, "rose") > near(without, "rose") + 30
    assert (shown(lambda s, p, canvas: None) == without).all()


def test_things_stand_where_they_are_put(shown):
    def left_and_right(s, p, canvas):
        canvas.sphere(-2.0, 0.0, 3.0, 0.4, "rose")
        canvas.sphere(2.0, 0.0, 3.0, 0.4, "lime")

    changed = np.abs(shown(left_and_right) - shown(lambda s, p, canvas: None)).sum(2) > 60
    half = SIZE[0] // 2
    assert changed[:, :half].any() and changed[:, half:].any()
    assert not changed[:, half - 5 : half + 5].any() and not changed[SIZE[1] // 2 :].any()


REFUSED = {
    "a colour": (lambda canvas: canvas.sphere(0, 0, 0, 1, "ambre"), "did you mean 'amber'"),
    "a field": (lambda canvas: canvas.paint("bal", "rose"), "State has no body3d 'bal'; did you mean 'ball'"),
    "a place": (lambda canvas: canvas.paint("ball", "rose", 1), "State.ball has 1 bodies, and none is 1"),
    "a number": (lambda canvas: canvas.line([(0, 0, math.nan), (1, 1, 1)], "rose"), "must be finite"),
}


@pytest.mark.parametrize(("thing", "said"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_drawn_is_said(thing, said, shown):
    with pytest.raises(DefinitionError, match=f"environment 'crane': draw3d: .*{said}"):
        shown(lambda s, p, canvas: thing(canvas))


def test_a_draw3d_of_another_shape_is_refused_where_it_is_defined():
    env = load_env(CRANE)
    with pytest.raises(
        DefinitionError, match=r"draw3d: must be a plain function, not @jit, that takes \(s, p, canvas\)"
    ):
        dataclasses.replace(env, draw3d=lambda s, p: None)
    with pytest.raises(DefinitionError, match="draw3d: is of worlds in space"):
        dataclasses.replace(load_env("lander"), draw3d=lambda s, p, canvas: None)


@pytest.mark.parametrize("env_id", ["marble", "examples/kart.py", CRANE])
def test_draw3d_asks_for_what_a_canvas_in_space_offers(env_id):
    calls: list[str] = []

    class Listening:
        def __getattr__(self, name):
            assert hasattr(Canvas3D, name)
            return lambda *args, **kwargs: calls.append(name)

    with make(env_id, compiled=False) as batch:
        batch.step(batch.actions)
        batch.env.draw3d(batch.state(0), batch.state_params(0), Listening())
    assert calls
