"""What a first person sees: known rooms, laws of perspective, and the same picture compiled and in plain Python."""

import math

import numpy as np
import pytest

import puffer_arena
from puffer_arena.core import paint_rooms
from puffer_arena.core.pictures.textures import COLORS, MATERIALS
from puffer_arena.errors import ParameterError

WALL = 1 + MATERIALS.index("hedge")
NOTHING = np.zeros((0, 6))
EAST, SOUTH = 0.0, math.pi / 2
RIGHT_ANGLE = math.pi / 2  # of view: then a wall as far away as its height fills the picture


def hall(rows: int, cols: int) -> np.ndarray:
    """Return a hall of so many cells of floor within a wall."""
    cells = np.full((rows + 2, cols + 2), WALL, np.int8)
    cells[1:-1, 1:-1] = 0
    return cells


def see(
    cells: np.ndarray, x: float, y: float, heading: float, things: np.ndarray = NOTHING, size: int = 64
) -> np.ndarray:
    picture = np.full((size, size, 3), 99, np.uint8)
    paint_rooms(picture, cells, (x, y, heading, RIGHT_ANGLE), things)
    return picture


def is_green(picture: np.ndarray) -> np.ndarray:
    """Tell where there is hedge: nothing else here has more green than red and blue."""
    red, green, blue = (picture[..., k].astype(int) for k in range(3))
    return (green > red) & (green > blue)


@pytest.mark.parametrize("distance", [1, 2, 4, 8])
def test_a_wall_is_as_high_as_perspective_says(distance: int) -> None:
    # Half the picture spans an angle of 45 degrees: a metre that is d away spans 1 / (2 d) of it.
    seen = is_green(see(hall(3, 9), 10.0 - distance, 2.5, EAST))
    assert seen[:, 32].sum() == pytest.approx(64 / (2 * distance), abs=1)


def test_what_is_near_is_brighter() -> None:
    near, far = (see(hall(3, 9), x, 2.5, EAST)[32, 32].sum() for x in (9.0, 2.0))
    assert near > far


def test_a_thing_is_seen_where_it_stands_and_hides_behind_walls() -> None:
    cells = hall(3, 9)
    rose = np.array([[5.5, 2.5, 0.0, 0.6, 1, list(COLORS).index("rose")]])
    box = see(cells, 2.5, 2.5, EAST, rose)
    # 3 m away it is 0.6 / 3 * 32 = 6.4 pixels high and wide, with its foot 0.5 / 3 * 32 = 5.3 below the middle.
    rows, cols = np.nonzero(box[..., 0] > box[..., 1] + 80)
    assert 4 <= rows.max() - rows.min() + 1 <= 7 and abs(rows.max() - 36.5) <= 1
    assert 5 <= cols.max() - cols.min() + 1 <= 7 and abs(cols.mean() - 31.5) <= 1
    cells[2, 4] = WALL
    assert not (see(cells, 2.5, 2.5, EAST, rose)[..., 0] > see(cells, 2.5, 2.5, EAST)[..., 0]).any()


def test_the_nearer_thing_hides_the_farther_whatever_their_order() -> None:
    things = np.array([[4.5, 2.5, 0.0, 0.8, 1, 0], [6.5, 2.5, 0.0, 0.8, 1, 3]])
    one, other = see(hall(3, 9), 2.5, 2.5, EAST, things), see(hall(3, 9), 2.5, 2.5, EAST, things[::-1].copy())
    assert (one == other).all() and one[34, 32, 0] > one[34, 32, 2]


def test_a_turn_to_the_right_moves_the_picture_to_the_left() -> None:
    rose = np.array([[8.5, 2.5, 0.0, 0.6, 1, 0]])
    middle = [np.nonzero(see(hall(5, 9), 5.5, 2.5, turn, rose)[..., 0] > 150)[1].mean() for turn in (0.0, 0.2)]
    assert middle[1] < middle[0] - 4


@pytest.mark.parametrize("heading", [EAST, 0.3, SOUTH, 4.0])
def test_the_picture_is_the_same_compiled_and_in_plain_python(heading: float) -> None:
    things = np.array([[5.2, 2.2, 0.1, 0.6, 4, 1], [4.0, 2.9, 0.0, 0.3, 0, 2]])
    picture = np.zeros((24, 20, 3), np.uint8)
    paint_rooms(picture, hall(4, 7), (2.6, 2.3, heading, 1.2), things)
    plain = np.zeros_like(picture)
    paint_rooms.__arena_rule__(plain, hall(4, 7), (2.6, 2.3, heading, 1.2), things)  # type: ignore[attr-defined]
    assert (picture == plain).all()


@pytest.mark.parametrize("size", [1, 2, 7, 300])
def test_every_pixel_of_any_picture_is_painted(size: int) -> None:
    blank = np.full((size, size, 3), 7, np.uint8)
    other = np.full((size, size, 3), 201, np.uint8)
    for picture in (blank, other):
        paint_rooms(picture, hall(3, 3), (1.5, 2.5, 0.7, 1.2), NOTHING)
    assert (blank == other).all()


@pytest.mark.parametrize(
    ("eye", "things"),
    [
        ((-50.0, 2.5, 0.0, 1.2), NOTHING),
        ((1e12, -1e12, 0.3, 1.2), NOTHING),
        ((2.0, 2.0, 1e9, 1e9), NOTHING),
        ((1.5, 1.5, 0.0, -3.0), np.array([[1.6, 1.5, 1e12, 1e12, 1e6, -5.0], [1e300, 1e300, 0.0, 1.0, 0, 0]])),
    ],
)
def test_rows_from_outside_cannot_paint_beyond_the_picture(eye: tuple, things: np.ndarray) -> None:
    around = np.full((20, 16, 3), 42, np.uint8)
    picture = around[2:-2]
    paint_rooms(picture, hall(3, 3), eye, things)
    assert (around[:2] == 42).all() and (around[-2:] == 42).all()


def test_a_picture_too_large_or_too_small_is_refused_by_its_range() -> None:
    for size in (1, 4096):
        with pytest.raises(ParameterError, match=rf"pixels.*{size}.*16.*256"):
            puffer_arena.make("rooms", pixels=size)


def test_games_of_pictures_do_not_disturb_each_other() -> None:
    def play(batches: list[puffer_arena.Batch]) -> list[bytes]:
        rng = np.random.default_rng(0)
        for _ in range(10):
            actions = batches[0].sample_actions(rng)
            for batch in batches:
                batch.step(actions)
        return [batch.obs.tobytes() for batch in batches]

    def small_game() -> puffer_arena.Batch:
        return puffer_arena.make("rooms", 2, seed=3, pixels=16, compiled=False)

    small, large = small_game(), puffer_arena.make("rooms", 2, seed=3)
    both = play([small, large])
    assert both[0] == play([small_game()])[0]
    assert large.obs.shape == (2, 48, 48, 3) and large.rows.states["x"].tobytes() == small.rows.states["x"].tobytes()
