"""Worlds in space seen as pictures: compiled rules paint what the window's 3D view shows."""

import dataclasses
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from puffer_arena import list_envs, make
from puffer_arena.adapters.gymnasium import GymnasiumEnv
from puffer_arena.batch.batch import Batch
from puffer_arena.batch.settings import Settings
from puffer_arena.core.fields import Array
from puffer_arena.core.pictures import space
from puffer_arena.core.pictures.pixels import see_pixels
from puffer_arena.engines.bullet.engine import load_panda
from puffer_arena.errors import DefinitionError, MissingExtra
from puffer_arena.registry import load_env
from puffer_arena.render.world.world import WorldView
from tests.test_render_world_shapes import SHAPES

KART = str(Path(__file__).parents[1] / "examples" / "kart.py")
IN_SPACE = [name for name in list_envs() if load_env(name).camera is not None]
# How far pictures may differ from the 3D view's: levels of 255 on average, and the part of pixels off by more than 32.
MEAN, PART = 8.0, 0.1


def batch_of(env: Any, size: int, **params: Any) -> Batch:
    """Return a batch of one row, in plain Python, of an environment that is no module's."""
    return Batch(see_pixels(env, size), "variant", Settings(seed=4, compiled=False), params)


def viewed(batch: Any, size: int, agent: int = -1) -> Array:
    """Return the 3D view of the first row, without the highlights that only balls have in agents' pictures."""
    view = WorldView(batch.env, (size, size), supersample=1)
    view._root.get_material().set_specular((0, 0, 0, 1))
    picture = view.draw(batch.state(0), batch.state_params(0), agent=agent)
    view.close()
    return picture


def differences(one: Array, other: Array) -> tuple[float, float]:
    off = np.abs(one.astype(int) - other)
    return float(off.mean()), float((off.max(-1) > 32).mean())


@pytest.mark.parametrize("env_id", [*IN_SPACE, KART])
def test_pictures_are_those_of_the_3d_view(env_id: str) -> None:
    with make(env_id, 1, seed=4, compiled=False, pixels=96) as batch:
        bot = next(iter(batch.env.bots))
        for _ in range(20):
            batch.step(batch.act(bot))
        for agent in range(max(batch.num_agents, 1)):
            seen = batch.obs[0, agent] if batch.num_agents else batch.obs[0]
            mean, part = differences(seen, viewed(batch, 96, agent if batch.num_agents else -1))
            assert mean < MEAN and part < PART, (agent, mean, part)


def test_every_kind_of_shape_is_painted_where_it_stands() -> None:
    marble, places = load_env("marble"), [(3.0 * (k % 5) - 6.0, 3.0 * (k // 5) - 4.0) for k in range(len(SHAPES))]

    def build(world: Any, p: Any) -> Any:
        from panda3d.bullet import BulletRigidBodyNode
        from panda3d.core import TransformState

        made = marble.build(world, p)  # type: ignore[misc]  # a physics game has one
        for k, (name, make_shape) in enumerate(SHAPES.items()):
            node = BulletRigidBodyNode(name)
            node.add_shape(make_shape())
            node.set_tag("color", "floor" if "plane" in name else ("amber", "sky", "lime")[k % 3])
            x, z = (0.0, -9.0) if "plane" in name else places[k]
            node.set_transform(TransformState.make_pos_hpr((x, 3.0, z), (20, 10, 0)))
            world.attach(node)
        return made

    def camera(s: Any, p: Any, view: Any) -> None:
        view.orbit(0.0, 3.0, 0.0, angle=-1.5, elevation=0.1, distance=15.0)

    env = dataclasses.replace(marble, build=build, camera=camera, draw3d=None)
    with batch_of(env, 128) as batch:
        seen, known = batch.obs[0], viewed(batch, 128)
    mean, part = differences(seen, known)
    assert mean < MEAN and part < PART, (mean, part)
    focus = 64 / math.tan(math.radians(30))
    for k, name in enumerate(SHAPES):  # each lies about the middle of its place
        row, col = int(64 - focus * places[k][1] / 15.0), int(64 + focus * places[k][0] / 15.0)
        around = slice(row - 3, row + 3), slice(col - 3, col + 3)
        assert "plane" in name or differences(seen[around], known[around])[0] < 25.0, name


def test_a_row_with_other_parameters_keeps_its_own_shapes() -> None:
    with make("marble", 2, seed=4, compiled=False, pixels=48, gap=0.0, bend=0.0) as batch:
        batch.params.width[1] = 0.8
        batch.reset(4, levels=np.array([5, 5]))
        plates = (batch.obs[:, 34] != batch.obs[:, 34, :1]).any(-1).sum(-1)
        assert plates[0] > 2 * plates[1] > 0
        kept = batch.snapshot(1)
        batch.restore(0, kept)
        assert (batch.obs[0] == batch.obs[1]).all()


@pytest.mark.slow
def test_threads_processes_and_plain_python_paint_the_same_bytes() -> None:
    kinds = [{"compiled": False}, {"threads": 1}, {"threads": 2}]
    batches = [make("marble", 4, seed=2, pixels=20, frames=2, max_steps=60, **kind) for kind in kinds]
    rng = np.random.default_rng(0)
    for _ in range(70):
        actions = batches[0].sample_actions(rng)
        seen = [[part.tobytes() for part in (batch.step(actions).obs, batch.final_obs)] for batch in batches]
        assert seen[0] == seen[1] == seen[2]
    for batch in batches:
        batch.close()


def test_two_games_in_one_process_paint_what_each_does_alone() -> None:
    def play(*ids: str) -> list[bytes]:
        batches = [make(env_id, 1, seed=1, compiled=False, pixels=16) for env_id in ids]
        for _ in range(3):
            for batch in batches:
                batch.step(batch.act(next(iter(batch.env.bots))))
        seen = [batch.obs.tobytes() for batch in batches]
        for batch in batches:
            batch.close()
        return seen

    assert play("marble", "hideseek") == play("marble") + play("hideseek")


@pytest.mark.parametrize("size", [1, 5, 4096])
def test_pictures_of_any_size_are_painted_in_full(size: int) -> None:
    env = load_env(f"marble:pixels={size}")
    with make("marble:pixels=8", 1, seed=4, compiled=False) as batch:
        picture = np.full((size, size, 3), 255, np.uint8)
        env.observe(batch.state(0), batch.state_params(0), picture)
        assert (picture != 255).any(-1).all()
        if size == 4096:  # seen as in a small picture
            small = np.empty((64, 64, 3), np.uint8)
            load_env("marble:pixels=64").observe(batch.state(0), batch.state_params(0), small)
            assert differences(picture[32::64, 32::64], small)[0] < 1.0


def test_rows_without_measure_paint_within_the_picture() -> None:
    around = np.full((40, 24, 3), 42, np.uint8)
    rng = np.random.default_rng(0)
    wild = np.array([0.0, 0.3, 1.0, -1.0, 5.0, 1e-9, 1e3, -1e9, 1e300, -1e300, math.inf, -math.inf, math.nan])
    with np.errstate(all="ignore"):
        for _ in range(1500):
            canvas = space.open_space(around[8:-8], 0, 3)
            given = rng.choice(wild, 7) if rng.integers(2) else rng.normal(0.0, 4.0, 7)
            given = [float(number) for number in given]
            for k in range(3):
                space.note_body(canvas, k, tuple(rng.choice(wild, 3)), *(float(n) for n in rng.choice(wild, 4)))
            space.chase(canvas, *given[:3], float(rng.normal()), 5.0, 2.0)
            space.tilt(canvas, given[3], 0.1)
            space.aim(canvas)
            space.draw_box(canvas, *given[:6], 1, given[6], 1.0)
            space.draw_sphere(canvas, *given[:3], given[4], 1, 1.0)
            space.draw_cylinder(canvas, tuple(given[:3]), tuple(given[3:6]), given[6], 1, 1.0)
            space.begin_points(canvas)
            for _ in range(3):
                space.add_point(canvas, *(float(n) for n in rng.choice(wild, 3)))
            space.draw_line(canvas, 1, given[0], 1.0)
            parts = rng.choice(wild, (4, 16)) if rng.integers(2) else rng.normal(0.0, 2.0, (4, 16))
            parts[:, 0] = rng.choice([1.0, 2.0, 3.0, 4.0, 5.0, 9.0, math.nan], 4)
            space.draw_bodies(canvas, parts)
            assert (around[:8] == 42).all() and (around[-8:] == 42).all()


def test_more_parts_than_rows_hold_are_refused() -> None:
    marble = load_env("marble")

    def build(world: Any, p: Any) -> Any:
        from panda3d.bullet import BulletBoxShape, BulletRigidBodyNode
        from panda3d.core import Vec3

        made = marble.build(world, p)  # type: ignore[misc]  # a physics game has one
        for k in range(int(p.width)):
            node = BulletRigidBodyNode(f"more {k}")
            node.add_shape(BulletBoxShape(Vec3(1, 1, 1)))
            world.attach(node)
        return made

    with batch_of(dataclasses.replace(marble, build=build), 8, width=2.0) as batch:
        batch.params.width[0] = 4.0
        with pytest.raises(DefinitionError, match=r"makes 14 parts .* and 12 with those of the batch"):
            batch.reset()


def test_a_drawing_in_space_that_cannot_be_a_rule_names_its_line() -> None:
    def camera(s: Any, p: Any, view: Any) -> None:
        view.zoom(2.0)

    def draw3d(s: Any, p: Any, canvas: Any) -> None:
        canvas.cone(1.0)

    for rule, reason in ((camera, "a camera has no 'zoom'"), (draw3d, "a canvas in space has no 'cone'")):
        env = dataclasses.replace(load_env("marble"), **{rule.__name__: rule})
        with pytest.raises(DefinitionError, match=rf"'{rule.__name__}' .*\n.*{reason}"):
            see_pixels(env, 8)


def test_without_panda_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "panda3d.core", None)
    load_panda.cache_clear()
    with pytest.raises(MissingExtra, match=r"pip install 'puffer-arena\[world\]'"):
        load_env("marble:pixels=9")
    monkeypatch.undo()
    load_panda()


def test_gymnasium_has_pictures_of_worlds_in_space() -> None:
    env = GymnasiumEnv("marble", pixels=20, compiled=False)
    obs, _ = env.reset(seed=0)
    assert env.observation_space.shape == obs.shape == (20, 20, 3) and env.observation_space.contains(obs)
