"""Games seen as pictures: `draw` as a compiled rule paints what the window shows."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from puffer_arena import list_envs, make
from puffer_arena.adapters.gymnasium import GymnasiumEnv
from puffer_arena.core.fields import Array
from puffer_arena.core.pictures import raster
from puffer_arena.errors import ArenaError, DefinitionError, ParameterError
from puffer_arena.machine import compile
from puffer_arena.registry import choose_env, env_name, load_env
from puffer_arena.render.draw.canvas import PygameCanvas

SKETCH = str(Path(__file__).parent / "games" / "sketch.py")
# How far pictures may differ from the window's: levels of 255 on average, and the part of pixels off by more than 32.
MEAN, PART = 4.0, 0.04


class Wordless(PygameCanvas):
    """The canvas of the window's pictures, without text, which agents do not see."""

    def text(self, *_: Any, **__: Any) -> None:
        pass


def painted(env: Any, state: Any, params: Any, size: int, who: int = -1) -> Array:
    """Paint a row by the rule that is written from `draw`, in plain Python."""
    picture = np.full((size, size, 3), 77, np.uint8)
    env.observe(state, params, *((who,) if env.agents else ()), picture)
    return picture


def drawn(env: Any, state: Any, params: Any, size: int) -> Array:
    canvas = Wordless((size, size))
    env.draw(state, params, canvas)
    return canvas.rgb_array()


@pytest.mark.parametrize("size", [64, 128])
@pytest.mark.parametrize("env_id", [*(name for name in list_envs() if load_env(name).camera is None), SKETCH])
def test_pictures_are_those_of_the_window(env_id: str, size: int) -> None:
    batch = make(env_id, 1, seed=3, compiled=False)
    env = load_env(f"{env_id}:pixels={size}")
    rng = np.random.default_rng(0)
    for _ in range(3):
        batch.step(batch.sample_actions(rng))
    one, other = (paint(env, batch.state(0), batch.state_params(0), size) for paint in (painted, drawn))
    off = abs(one.astype(int) - other)
    assert off.mean() < MEAN and (off.max(-1) > 32).mean() < PART


def test_a_polygon_covers_pixels_by_how_far_inside_of_its_edges_they_are() -> None:
    rng = np.random.default_rng(0)
    middles = np.stack(np.meshgrid(np.arange(24) + 0.5, np.arange(24) + 0.5), -1)
    for _ in range(200):
        angles = np.sort(rng.uniform(0.0, 2.0 * np.pi, rng.integers(3, 7)))
        if np.diff(angles, append=angles[0] + 2.0 * np.pi).max() > 3.0:
            continue  # its middle would lie outside
        points = rng.uniform(6.0, 18.0, 2) + rng.uniform(1.0, 9.0) * np.stack([np.cos(angles), np.sin(angles)], 1)
        if len(points) == 3 and points[0, 1] < points[1, 1]:
            points[2, 1] = points[0, 1]  # a level edge
        along = np.roll(points, -1, 0) - points
        inward = np.stack([-along[:, 1], along[:, 0]], 1) / np.linalg.norm(along, axis=1, keepdims=True)
        off = ((middles[:, :, None] - points) * inward).sum(-1).min(-1)
        near = (middles > np.floor(points.min(0) - 0.5)) & (middles < np.ceil(points.max(0) + 0.5))
        picture = np.zeros((24, 24, 3), np.uint8)
        canvas = raster.open_canvas(picture, 0)
        raster.begin_points(canvas)
        for x, y in points:
            raster.add_point(canvas, float(x), float(y))
        picture[:] = 0
        raster.draw_polygon(canvas, raster.NAMES.index("white"), 1.0)
        white = raster.RGB[raster.NAMES.index("white"), 0]
        assert abs(picture[:, :, 0] - white * near.all(-1) * np.clip(off + 0.5, 0.0, 1.0)).max() < 2.0


@pytest.mark.slow
def test_nothing_is_painted_beyond_a_picture() -> None:
    around = np.full((40, 40, 3), 77, np.uint8)
    picture = around[16:24, 16:24]
    canvas = raster.open_canvas(picture, 0)
    rng = np.random.default_rng(0)
    for _ in range(3000):
        raster.set_view(canvas, 8.0, 8.0, 0.0, 0.0, bool(rng.integers(2)), bool(rng.integers(2)))
        x, y, width, height = (float(number) for number in rng.uniform(-12.0, 20.0, 4) // rng.choice([0.25, 0.01]))
        shape, alpha = int(rng.integers(5)), float(rng.choice([0.4, 1.0]))
        x, y, width, height = 0.25 * x % 32 - 12, 0.25 * y % 32 - 12, abs(width) % 9, abs(height) % 9
        raster.begin_points(canvas)
        for _ in range(4):
            raster.add_point(canvas, x + float(rng.uniform(-6, 6)), y + float(rng.uniform(-6, 6)))
        if shape == 0:
            raster.draw_rect(canvas, x, y, width, height, 1, float(rng.choice([0.0, 0.4])), alpha)
        elif shape == 1:
            raster.draw_circle(canvas, x, y, width, 1, alpha)
        elif shape == 2:
            raster.draw_ring(canvas, x, y, width, 1, 0.3, alpha)
        elif shape == 3:
            raster.draw_line(canvas, 1, 0.5, alpha)
        else:
            raster.draw_polygon(canvas, 1, alpha)
    around[16:24, 16:24] = 77
    assert (around == 77).all()


@pytest.mark.slow
@pytest.mark.parametrize("frames", [1, 2])
@pytest.mark.parametrize("env_id", [SKETCH, "tag"])
def test_agents_of_a_compiled_batch_see_the_same_picture(env_id: str, frames: int) -> None:
    stacked = {"frames": frames} if frames > 1 else {}
    first, second = (make(env_id, 2, pixels=20, compiled=compiled, **stacked) for compiled in (True, False))
    assert first.observation.dtype.shape == (20, 20, 3 * frames) and first.obs.dtype == np.uint8
    for _ in range(8):
        assert first.obs.tobytes() == second.obs.tobytes()
        for batch in (first, second):
            batch.step(np.zeros_like(batch.actions) if batch.num_agents else np.array([0, 1]))
    assert (first.obs[0] != first.obs[1]).any()


FLAT_TEAMS = [name for name in list_envs() if load_env(name).camera is None and load_env(name).agents]


@pytest.mark.parametrize("env_id", FLAT_TEAMS)
def test_agents_that_look_at_once_see_what_each_would(env_id: str) -> None:
    batch = make(env_id, 1, seed=3, compiled=False, pixels=36)
    frames = make(env_id, 1, seed=3, compiled=False, pixels=36, frames=2)
    rng = np.random.default_rng(0)
    for _ in range(3):
        actions = batch.sample_actions(rng)
        batch.step(actions)
        frames.step(actions)
    living = batch.rows.states[0]["alive"] != 0
    each = [painted(batch.env, batch.state(0), batch.state_params(0), 36, who) for who in range(batch.num_agents)]
    assert (batch.obs[0][living] == np.array(each)[living]).all()
    assert (frames.obs[0][living][..., 3:] == np.array(each)[living]).all()
    assert not batch.obs[0][~living].any()


def test_the_agent_that_looks_is_marked_among_others() -> None:
    batch = make("tag", 1, seed=3, compiled=False)
    env = load_env("tag:pixels=64")
    nobody, first, second = (painted(env, batch.state(0), batch.state_params(0), 64, who) for who in (-1, 0, 1))
    assert (first != nobody).any() and (second != nobody).any() and (first != second).any()
    assert (first != nobody).any(-1).mean() < 0.03


@pytest.mark.parametrize("size", [1, 5, 4096])
def test_pictures_of_any_size_are_painted_in_full(size: int) -> None:
    batch, env = make(SKETCH, 1, compiled=False), load_env(f"{SKETCH}:pixels={size}")
    picture = painted(env, batch.state(0), batch.state_params(0), size)
    assert (picture != 77).any(-1).all()


@pytest.mark.parametrize("size", [0, 4097, -1, "wide", 2.5, True])
def test_a_size_that_is_none_is_refused(size: Any) -> None:
    with pytest.raises(ParameterError, match="1 to 4096 rows and columns"):
        make(SKETCH, pixels=size)


def test_rows_without_measure_paint_within_the_picture() -> None:
    batch, env = make(SKETCH, 1, compiled=False), load_env(f"{SKETCH}:pixels=24")
    around = np.full((32, 24, 3), 42, np.uint8)
    for x in (1e300, -1e300, 1e9, -1e9):
        batch.rows.states["x"] = x
        env.observe(batch.state(0), batch.state_params(0), around[4:-4])
        assert (around[:4] == 42).all() and (around[-4:] == 42).all()


def test_a_drawing_that_cannot_be_a_rule_names_its_line(tmp_path: Path) -> None:
    text = Path(SKETCH).read_text().replace("    mark(canvas, s.x, wide=0.3)\n", "    canvas.dot(s.x)\n")
    (tmp_path / "dotted.py").write_text(text)
    with pytest.raises(DefinitionError, match=r"'draw' .*canvas\.dot\(s\.x\)\n.*a canvas has no 'dot'"):
        make(str(tmp_path / "dotted.py"), pixels=16)


@pytest.mark.slow
def test_what_the_compiler_refuses_of_a_drawing_names_its_line_too(tmp_path: Path) -> None:
    text = Path(SKETCH).read_text().replace("    x = 1.0\n", "    x = float(len(repr(s)))\n")
    (tmp_path / "named.py").write_text(text)
    with pytest.raises(DefinitionError, match=r"x = float\(len\(repr\(s\)\)\)"):
        batch = make(str(tmp_path / "named.py"), pixels=16)
        batch.step(batch.actions)


def test_ids_say_how_large_the_picture_is() -> None:
    assert env_name("envs/snake.py:pixels=32") == "snake:pixels=32" != env_name("snake")
    assert choose_env("snake:pixels=32", "", "", "a checkpoint") == "snake:pixels=32"
    with pytest.raises(ArenaError, match="never imported"):
        choose_env("./other.py:pixels=32", "", "", "a checkpoint")
    assert load_env("snake:pixels=32") is load_env("snake:pixels=32") is not load_env("snake")


def test_gymnasium_has_pictures() -> None:
    env = GymnasiumEnv(SKETCH, pixels=20)
    obs, _ = env.reset(seed=0)
    assert env.observation_space.shape == obs.shape == (20, 20, 3) and env.observation_space.contains(obs)


def first_pictures(env_id: str) -> bytes:
    with make(env_id, 1, seed=3, compiled=False, pixels=16) as batch:
        for _ in range(3):
            batch.step(batch.act(next(iter(batch.env.bots))))
        return batch.obs.tobytes()


@pytest.mark.parametrize("env_id", ["snake", "lander", "rooms", "marble", "kart", "hideseek"])
def test_what_paints_as_machine_code_paints_the_same_in_plain_python(env_id: str, monkeypatch) -> None:
    painted = first_pictures(env_id)
    monkeypatch.setattr(compile, "compile_shared", lambda function: function)
    assert first_pictures(env_id) == painted
