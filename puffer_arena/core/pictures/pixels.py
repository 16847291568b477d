"""Games seen as pictures (`pixels=64`): by their `draw`, or where a world in space has a `camera`, through that.

Of a world in space agents see what the window's 3D view shows: the bodies' shapes, which `build` makes and every row keeps
(`Env.looks`), and what `draw3d` draws.
"""

import dataclasses
import importlib
from typing import Any

import numpy as np

from puffer_arena.core.bodies import each_record, physics_fields
from puffer_arena.core.camera import Camera
from puffer_arena.core.canvas3d import Canvas3D
from puffer_arena.core.env import Env
from puffer_arena.core.fields import state_fields
from puffer_arena.core.pictures import raster, space
from puffer_arena.core.pictures.axes import MOST_FIELDS
from puffer_arena.core.pictures.drawing import Words, Writer, see_flat
from puffer_arena.core.spaces import Box
from puffer_arena.errors import ParameterError
from puffer_arena.machine.compile import generate

LARGEST = 4096  # rows and columns of a picture
BULLET = "puffer_arena.engines.bullet"  # has what reads the shapes of bodies
COLORS = {name: k for k, name in enumerate(raster.NAMES)}
CAMERA = Words(
    "a camera",
    Camera,
    {"chase": space.chase, "orbit": space.orbit, "tilt": space.tilt},
    attributes={"agent": space.who_looks},
    names=COLORS,
    dimensions=3,
)
THINGS = {
    "box": space.draw_box,
    "sphere": space.draw_sphere,
    "cylinder": space.draw_cylinder,
    "line": space.draw_line,
    "paint": space.paint_body,
    "begin": space.begin_points,
    "point": space.add_point,
}


def see_pixels(env: Env, size: Any) -> Env:
    """Return an environment whose agents see a picture of it, uint8 (size, size, 3).

    Raises:
        ParameterError: `size` is no whole number from 1 to LARGEST.
        MissingExtra: it is a world in space, and panda3d is not installed.
        DefinitionError: the source of `draw`, `draw3d` or `camera`, or of what they call, is not at hand, or cannot be a
            rule.
    """
    if isinstance(size, bool) or not isinstance(size, int) or not 1 <= size <= LARGEST:
        raise ParameterError(f"pixels = {size!r}; a picture has 1 to {LARGEST} rows and columns, a whole number")
    made: dict[int, Env] = env.__dict__.setdefault("_pixels", {})  # kept with it: programs belong to one environment
    if size not in made:
        rules = see_flat(env) if env.camera is None else {"observe": see_space(env), "looks": load_looks()}
        for name in rules.keys() & {"observe", "observe_all"}:
            rules[name].__module__ = env.reset.__module__
        seen = Box(0, 255, (size, size, 3), np.uint8)
        made[size] = dataclasses.replace(env, observation=seen, **rules)
    return made[size]


def load_looks() -> Any:
    """Return what counts the parts of bodies' shapes (`Env.looks`).

    Raises:
        MissingExtra: panda3d is not installed.
    """
    importlib.import_module(f"{BULLET}.engine").load_panda()
    return importlib.import_module(f"{BULLET}.looks").count_looks


def see_space(env: Env) -> Any:
    """Return the rule `observe` that paints a world in space as its camera sees it."""
    fields = list(physics_fields(env.state, "body3d"))
    if taken := [name for name in fields if name in COLORS]:
        raise env.error("pixels", f"State.{taken[0]} is a body's name and a colour's; choose another")
    if "looks" in state_fields(env.state):
        raise env.error("pixels", "State.looks: the name is kept for the bodies' shapes; choose another")
    if len(fields) > MOST_FIELDS:
        raise env.error("pixels", f"State has {len(fields)} fields of bodies; at most {MOST_FIELDS} are drawn")
    called: dict[str, Any] = {
        "opened": space.open_space,
        "note": note_bodies(env),
        "aim": space.aim,
        "place": Writer(env, CAMERA).write(env.camera),
        "bodies": space.draw_bodies,
    }
    given, who = ("s, p, agent, obs", "agent") if env.agents else ("s, p, obs", "-1")
    count = "+".join(f"len(s.{name})" if physics_fields(env.state)[name].shape else "1" for name in fields)
    lines = [f"    canvas = opened(obs, {who}, {count})", "    note(s, canvas)", "    place(s, p, canvas)"]
    lines += ["    aim(canvas)"]
    things, shines = ["    things(s, p, canvas)"], False
    if env.draw3d is not None:
        names = {**COLORS, **{name: k for k, name in enumerate(fields)}}
        writer = Writer(env, Words("a canvas in space", Canvas3D, THINGS, names=names, dimensions=3))
        called["things"], shines = writer.write(env.draw3d), writer.shines
        lines += things
    lines += ["    bodies(canvas, s.looks)", *(things if shines else [])]
    return generate("observe", given, lines, **called)


def note_bodies(env: Env) -> Any:
    """Generate note(s, canvas), which tells the canvas where all bodies of a row are."""
    lines = ["    k = 0"]
    for number, (prefix, record) in enumerate(each_record(env.state, "body3d")):
        lines.append(f"    field(canvas, {number}, k)")
        at = f"({record}.x, {record}.y, {record}.z)"
        told = f"{prefix}body(canvas, k, {at}, {record}.qw, {record}.qx, {record}.qy, {record}.qz)"
        indent = prefix.rsplit("\n", 1)[-1]
        lines += [told, f"{indent}k += 1"]
    return generate("note", "s, canvas", lines, body=space.note_body, field=space.note_field)
