"""Values of other libraries' spaces in memory of ours: exact both ways, each leaf in its own type."""

from collections import OrderedDict

import numpy as np
import pytest
from gymnasium import spaces
from hypothesis import given, settings
from hypothesis import strategies as st

from puffer_arena import make
from puffer_arena.core import spaces as ours
from puffer_arena.core.actions import action_dtype, check_kind
from puffer_arena.core.composites import leaves
from puffer_arena.core.spaces import stored as storage
from puffer_arena.errors import SpaceError
from puffer_arena.foreign.codecs import check_stored, codec_of
from puffer_arena.foreign.shape import shape_of
from puffer_arena.foreign.wrappers import area_means
from tests.foreign_games import Walk

SIZES = st.lists(st.integers(0, 3), max_size=3).map(tuple)
FLOATS, WHOLES = (np.float16, np.float32, np.float64), (np.uint8, np.int8, np.int16, np.uint32, np.int64)
whole_box = st.builds(lambda shape, kind: spaces.Box(0, 100, shape, kind), SIZES, st.sampled_from(WHOLES))
box = st.one_of(
    st.builds(lambda shape, kind: spaces.Box(-np.inf, 7.0, shape, kind), SIZES, st.sampled_from(FLOATS)),
    whole_box,
    st.builds(lambda shape: spaces.Box(0, 1, shape, np.bool_), SIZES),
)
numbers = st.one_of(
    st.builds(spaces.Discrete, st.integers(1, 9), start=st.integers(-5, 5)),
    st.builds(spaces.MultiBinary, st.one_of(st.integers(1, 4), st.lists(st.integers(1, 3), min_size=1, max_size=2))),
    st.builds(
        lambda nvec, start: spaces.MultiDiscrete(np.array(nvec), start=np.full_like(np.array(nvec), start)),
        st.one_of(st.lists(st.integers(1, 5), min_size=1, max_size=3), st.just([[2, 3], [4, 1]])),
        st.integers(-3, 3),
    ),
)
text = st.builds(spaces.Text, st.integers(1, 5), min_length=st.just(0))
NAMES = st.lists(st.sampled_from(["a", "b.c", "view", "class", "é", "1", ""]), unique=True, max_size=3)


def nested(leaf):
    return st.recursive(
        leaf,
        lambda inner: st.one_of(
            st.lists(inner, max_size=3).map(lambda parts: spaces.Tuple(parts)),
            st.builds(
                lambda names, parts: spaces.Dict(OrderedDict(zip(names, parts, strict=False))),
                NAMES,
                st.lists(inner, min_size=3, max_size=3),
            ),
        ),
        max_leaves=6,
    )


def same(a, b) -> bool:
    """Compare values of one space: their kinds, shapes and every number."""
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, str):
        return a == b
    a, b = np.asarray(a), np.asarray(b)
    return a.dtype == b.dtype and a.shape == b.shape and np.array_equal(a, b, equal_nan=True)


@settings(max_examples=60, deadline=None)
@given(nested(st.one_of(box, numbers, text)), st.integers(0, 2**16))
def test_observations_come_back_as_they_were(space, seed: int) -> None:
    space.seed(seed)
    codec = codec_of(space)
    dtype, shape = storage(codec.space)
    array = np.zeros((3, *shape), dtype)
    write, read = codec.writer(array), codec.reader(array)
    values = [space.sample() for _ in range(3)]
    for i, value in enumerate(values):
        write(value, i)
    for i, value in enumerate(values):
        assert same(read(i), value) and space.contains(read(i))
    assert check_stored(codec.space, array) is None


@settings(max_examples=40, deadline=None)
@given(nested(st.one_of(box, numbers)), st.integers(0, 2**16))
def test_actions_come_back_as_they_were(space, seed: int) -> None:
    space.seed(seed)
    codec = codec_of(space, acts=True)
    assert not check_kind(codec.space)
    array = np.zeros(1, action_dtype(codec.space))
    codec.writer(array)(value := space.sample(), 0)
    assert same(codec.reader(array)(0), value)


@settings(max_examples=20, deadline=None)
@given(nested(st.one_of(whole_box, numbers)))
def test_leaves_keep_their_types(space) -> None:
    codec = codec_of(space)
    ours = dict(leaves(codec.space))
    for _, fields, leaf in codec.leaves:
        assert ours[fields] == leaf.space
        if isinstance(leaf.dtype, np.dtype) and leaf.dtype.kind == "u":
            assert leaf.space.dtype.base == leaf.dtype


@pytest.mark.parametrize(
    "space",
    [
        spaces.Sequence(spaces.Discrete(2)),
        spaces.Graph(spaces.Discrete(2), None),
        spaces.OneOf([spaces.Discrete(2), spaces.Discrete(3)]),
        spaces.Dict(a=spaces.Sequence(spaces.Discrete(2))),
    ],
)
def test_what_has_no_size_is_refused(space) -> None:
    with pytest.raises(SpaceError, match="cannot be laid out in memory of a fixed size"):
        codec_of(space)


def test_texts_are_refused_as_actions() -> None:
    with pytest.raises(SpaceError, match=r"part \['word'\] .* no actions that a policy could draw"):
        codec_of(spaces.Dict(word=spaces.Text(3)), acts=True)


@pytest.mark.parametrize(
    ("space", "value", "said"),
    [
        (spaces.Box(0, 1, (2,)), np.zeros(3, np.float32), r"of shape \(3,\)"),
        (spaces.Box(0, 1, (2,)), np.zeros(1, np.float32), r"of shape \(1,\)"),
        (spaces.Box(0, 9, (2,), np.uint8), np.zeros(2, np.float32), "dtype float32"),
        (spaces.Discrete(3), 1.5, "dtype float64"),
        (spaces.Text(3), "long text", "takes up to 3"),
        (spaces.Dict(a=spaces.Discrete(3)), {"b": 1}, r"its space has a part \['a'\]"),
        (spaces.Dict(a=spaces.Discrete(3)), None, r"its space has a part \['a'\]"),
    ],
)
def test_values_of_another_shape_or_kind_are_refused(space, value, said: str) -> None:
    codec = codec_of(space)
    dtype, shape = storage(codec.space)
    with pytest.raises(SpaceError, match=said):
        codec.writer(np.zeros((1, *shape), dtype))(value, 0)


@pytest.mark.parametrize(
    ("space", "bad"),
    [(spaces.Discrete(3), 3), (spaces.Box(0, 4, (1,), np.uint8), 200), (spaces.Box(0, 1, (1,)), np.nan)],
)
def test_codes_out_of_range_and_numbers_that_are_none_are_found(space, bad) -> None:
    codec = codec_of(space)
    dtype, shape = storage(codec.space)
    array = np.zeros((3, *shape), dtype)
    array[1] = bad
    entry, said = check_stored(codec.space, array)
    assert entry == 1 and "it must be" in said
    assert check_stored(codec.space, array[::2]) is None


@given(st.integers(1, 9), st.integers(1, 9))
@settings(max_examples=30, deadline=None)
def test_shrunk_pictures_keep_their_mean(size: int, wanted: int) -> None:
    picture = np.arange(size * 2, dtype=np.float32).reshape(size, 2)
    made = area_means(picture, wanted, 0)
    assert made.shape == (wanted, 2)
    np.testing.assert_allclose(made.mean(0), picture.mean(0), rtol=1e-5)
    if wanted == size:
        np.testing.assert_allclose(made, picture, atol=1e-4)


def test_a_space_that_holds_a_function_is_the_same_in_every_process() -> None:
    class Told(spaces.Text):
        def __repr__(self) -> str:
            return f"Told({Telling.step!r})"

    class Telling(Walk):
        observation_space = Told(3)

    said = shape_of(Telling(), "telling").described()
    assert "Told(<function" in said and " at 0x" not in said


def test_missions_are_numbers_of_the_words_in_them() -> None:
    mission = pytest.importorskip("minigrid.core.mission").MissionSpace
    space = mission(lambda colour, thing: f"fetch a {colour} {thing}", [["red", "blue"], ["key", "ball", "box"]])
    codec = codec_of(space)
    assert codec.space == ours.MultiDiscrete((2, 3))
    dtype, shape = storage(codec.space)
    array = np.zeros((6, *shape), dtype)
    write, read = codec.writer(array), codec.reader(array)
    texts = [space.mission_func(colour, thing) for colour in ("red", "blue") for thing in ("key", "ball", "box")]
    for i, said in enumerate(texts):
        write(said, i)
    assert [read(i) for i in range(6)] == texts and array.tolist() == [[a, b] for a in range(2) for b in range(3)]
    with pytest.raises(SpaceError, match="none of the 6 texts"):
        write("fetch a green key", 0)
    one = codec_of(mission(lambda: "go"))
    assert one.space == ours.MultiDiscrete((1,))
    assert codec_of(mission(lambda word: "same", [["a", "b"]])).space.nvec[0] > 90  # letters: it tells no words apart


def test_a_minigrid_holds_codes() -> None:
    batch = make("minigrid:MiniGrid-DoorKey-5x5-v0", 2)
    grid = batch.observation.spaces["image"]
    assert grid.num_codes == 11 and batch.obs["image"].max() in range(1, 11)
    batch.close()
