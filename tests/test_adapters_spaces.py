"""Our spaces as Gymnasium's and back, bound for bound and value for value."""

from collections import OrderedDict

import gymnasium.spaces as theirs
import gymnasium.vector.utils as vector
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from puffer_arena.adapters.spaces import (
    batched_values,
    from_gymnasium,
    many_values,
    mask_values,
    one_value,
    to_gymnasium,
)
from puffer_arena.core import spaces as ours
from puffer_arena.core.composites import Dict, Tuple
from puffer_arena.errors import SpaceError

counts = st.integers(1, 6)
shapes = st.lists(st.integers(1, 3), max_size=3).map(tuple)


@st.composite
def boxes(draw):
    kind = draw(st.sampled_from([np.float32, np.float64, np.uint8, np.int8, np.int32, np.int64]))
    shape = draw(shapes)
    if np.issubdtype(kind, np.floating):
        low, high = draw(st.sampled_from([(-np.inf, np.inf), (-1.5, 0.25), (0.1, np.inf), (-3.0, -3.0)]))
    else:
        low, high = draw(st.sampled_from([(0, 3), (np.iinfo(kind).min, np.iinfo(kind).max - 1), (1, 1)]))
    return ours.Box(low, high, shape, kind)


leaves = (
    counts.map(ours.Discrete)
    | st.lists(counts, min_size=1, max_size=3).map(lambda nvec: ours.MultiDiscrete(tuple(nvec)))
    | counts.map(ours.MultiBinary)
    | boxes()
)
names = st.text("zyxab", min_size=1, max_size=3)
nested = st.recursive(
    leaves,
    lambda parts: (
        st.dictionaries(names, parts, min_size=1, max_size=3).map(Dict)
        | st.lists(parts, min_size=1, max_size=3).map(lambda spaces: Tuple(tuple(spaces)))
    ),
    max_leaves=5,
)


def assert_same(left, right):
    """Compare values of nested spaces exactly."""
    if isinstance(left, dict):
        assert list(left) == list(right)
        for name in left:
            assert_same(left[name], right[name])
    elif isinstance(left, tuple):
        assert isinstance(right, tuple) and len(left) == len(right)
        for one, other in zip(left, right, strict=True):
            assert_same(one, other)
    else:
        np.testing.assert_array_equal(np.asarray(left), np.asarray(right), strict=True)


@settings(deadline=None, max_examples=150)
@given(space=nested)
def test_a_space_goes_to_gymnasium_and_back_unchanged(space) -> None:
    there = to_gymnasium(space)
    back = from_gymnasium(there)
    assert back.dtype == space.dtype and from_gymnasium(to_gymnasium(back)) == back
    assert to_gymnasium(back) == there
    assert repr(to_gymnasium(back)) == repr(there)  # the order of names as well


@pytest.mark.filterwarnings("ignore:.*Casting input x:UserWarning")  # a Box without dimensions gives single numbers
@settings(deadline=None, max_examples=100)
@given(space=nested, seed=st.integers(0, 2**32 - 1))
def test_values_of_one_lie_in_the_other(space, seed) -> None:
    there = to_gymnasium(space)
    there.seed(seed)
    assert space.contains(there.sample())
    assert there.contains(space.sample(np.random.default_rng(seed)))


@settings(deadline=None, max_examples=100)
@given(space=nested, seed=st.integers(0, 2**32 - 1))
def test_stored_values_come_out_as_gymnasium_batches_them(space, seed) -> None:
    rng, there = np.random.default_rng(seed), to_gymnasium(space)
    stored = np.zeros(3, space.dtype)
    values = [space.sample(rng) for _ in range(3)]
    for i, value in enumerate(values):
        if isinstance(space, ours.Discrete):
            stored[i, 0] = value
        else:
            space.store(value, stored, i)
        assert_same(one_value(space, stored[i]), value)
    for loaded, value in zip(many_values(space, stored.copy()), values, strict=True):
        np.testing.assert_equal(loaded, value)
    expected = vector.concatenate(there, values, vector.create_empty_array(there, 3))
    assert_same(batched_values(space, stored), expected)
    assert batched_values(space, stored) in vector.batch_space(there, 3)


def test_a_whole_number_within_parts_has_a_dtype_as_gymnasiums_has() -> None:
    space = Dict({"mine": ours.Discrete(3), "more": Tuple((ours.Discrete(2), ours.MultiBinary(1)))})
    stored = np.zeros((1,), space.dtype)
    space.store({"mine": 2, "more": (1, np.ones(1, np.int8))}, stored, 0)
    found, drawn = one_value(space, stored[0]), to_gymnasium(space).sample()
    assert found["mine"] == 2 and found["mine"].dtype == drawn["mine"].dtype == np.int64
    assert found["more"][0] == 1 and found["more"][0].dtype == drawn["more"][0].dtype


def test_bounds_of_every_element_survive() -> None:
    low, high = np.array([[0.0, -np.inf], [-2.0, 0.1]], np.float32), np.array([[1.0, 5.0], [np.inf, 0.3]], np.float32)
    box = theirs.Box(low, high, dtype=np.float32)
    back = to_gymnasium(from_gymnasium(box))
    assert isinstance(back, theirs.Box)
    np.testing.assert_array_equal(back.low, low, strict=True)
    np.testing.assert_array_equal(back.high, high, strict=True)
    hash(from_gymnasium(box))


def test_the_order_of_parts_is_kept() -> None:
    space = Dict({"b": ours.Discrete(2), "a": ours.Discrete(3)})
    there = to_gymnasium(space)
    assert isinstance(there, theirs.Dict) and list(there) == ["b", "a"]
    assert list(from_gymnasium(there).spaces) == ["b", "a"]


def test_labels_stay_behind() -> None:
    assert from_gymnasium(to_gymnasium(ours.Discrete(2, ("left", "right")))) == ours.Discrete(2)


@pytest.mark.parametrize(
    "space",
    [
        theirs.Discrete(3, start=1),
        theirs.Discrete(3, dtype=np.int32),
        theirs.MultiDiscrete([[2, 3], [4, 5]]),
        theirs.MultiDiscrete([2, 3], start=[0, 1]),
        theirs.MultiDiscrete([2, 3], dtype=np.int32),
        theirs.MultiBinary((2, 2)),
        theirs.Text(5),
        theirs.Sequence(theirs.Discrete(2)),
        theirs.Dict(OrderedDict([(3, theirs.Discrete(2))])),
        theirs.Tuple([theirs.Discrete(2), theirs.Text(5)]),
    ],
    ids=repr,
)
def test_a_space_without_an_exact_counterpart_is_refused(space) -> None:
    with pytest.raises(SpaceError, match=r"no exact counterpart|have strings for names"):
        from_gymnasium(space)


def test_masks_are_what_sample_takes() -> None:
    single = mask_values(ours.Discrete(3), np.array([False, True, False]))
    assert single.dtype == np.int8 and theirs.Discrete(3).sample(mask=single) == 1
    several = mask_values(ours.MultiDiscrete((3, 2)), np.array([False, False, True, True, False]))
    assert theirs.MultiDiscrete([3, 2]).sample(mask=several).tolist() == [2, 0]
    many = mask_values(ours.MultiDiscrete((3, 2)), np.ones((4, 5), np.bool_))
    assert [part.shape for part in many] == [(4, 3), (4, 2)]
