"""Spaces: exact flattening, membership, sampling."""

import contextlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from puffer_arena.core.composites import Dict, Tuple
from puffer_arena.core.spaces import Box, Discrete, MultiBinary, MultiDiscrete, Space, flatten, labels_of, unflatten
from puffer_arena.errors import DefinitionError, SpaceError

names = st.text("abcdefgh_", min_size=1, max_size=6)
shapes = st.lists(st.integers(1, 3), max_size=3).map(tuple)
leaves: st.SearchStrategy[Space] = st.one_of(
    st.integers(1, 10_000).map(Discrete),
    st.lists(st.integers(1, 50), min_size=1, max_size=4).map(lambda nvec: MultiDiscrete(tuple(nvec))),
    st.integers(1, 9).map(MultiBinary),
    st.builds(
        lambda shape, kind: Box(-3, 7, shape, kind),
        shapes,
        st.sampled_from([np.float32, np.float64, np.int8, np.int32]),
    ),
    st.builds(lambda shape: Box(0, 255, shape, np.uint8), shapes),
)
spaces = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.dictionaries(names, inner, min_size=1, max_size=3).map(Dict),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: Tuple(tuple(parts))),
    ),
    max_leaves=8,
)


def equal(left, right) -> bool:
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(equal(left[name], right[name]) for name in left)
    if isinstance(left, tuple):
        return len(left) == len(right) and all(map(equal, left, right))
    left, right = np.asarray(left), np.asarray(right)
    return left.dtype == right.dtype and left.tobytes() == right.tobytes()


@settings(deadline=None)
@given(spaces, st.integers(0, 2**32 - 1))
def test_unflatten_gives_back_exactly_what_was_flattened(space: Space, seed: int) -> None:
    value = space.sample(np.random.default_rng(seed))
    assert space.contains(value)
    flat = flatten(space, value)
    assert flat.dtype == np.uint8 and flat.shape == (space.dtype.itemsize,)
    assert equal(unflatten(space, flat), value)


@settings(deadline=None)
@given(spaces, st.data())
def test_hostile_bytes_give_a_member_or_a_space_error(space: Space, data: st.DataObject) -> None:
    size = space.dtype.itemsize
    flat = np.frombuffer(data.draw(st.binary(min_size=size, max_size=size)), np.uint8)
    with contextlib.suppress(SpaceError):
        assert space.contains(unflatten(space, flat))


@pytest.mark.parametrize("length", [0, 7, 9])
def test_unflatten_refuses_the_wrong_size(length: int) -> None:
    with pytest.raises(SpaceError, match=r"shape \(8,\)"):
        unflatten(Discrete(3), np.zeros(length, np.uint8))


def test_flatten_refuses_what_lies_outside() -> None:
    with pytest.raises(SpaceError, match="does not lie in"):
        flatten(Discrete(3), 3)


@pytest.mark.parametrize(
    ("space", "outside"),
    [
        (Discrete(3), -1),
        (Discrete(3), 1.0),
        (MultiDiscrete((2, 3)), np.array([1, 3])),
        (MultiDiscrete((2, 3)), np.array([1])),
        (MultiBinary(2), np.array([0, 2])),
        (Box(0, 1, (2,)), np.array([0.0, 1.5], np.float32)),
        (Box(0, 1, (2,)), np.array([0.0, np.nan], np.float32)),
        (Box(0, 9, (2,), np.uint8), np.array([0.5, 1.0])),
        (Dict({"a": Discrete(2)}), {"b": 0}),
        (Tuple((Discrete(2),)), (0, 0)),
    ],
)
def test_values_outside_are_told_apart(space: Space, outside) -> None:
    assert not space.contains(outside)


def test_named_dimensions_are_looked_up_on_params() -> None:
    class Params:
        rows, cols = 3, 4

    space = Dict({"board": Box(0, 3, ("rows", "cols"), np.uint8), "pair": Tuple((Box(0, 1, ("rows",)), Discrete(2)))})
    resolved = space.resolve(Params())
    assert isinstance(resolved, Dict) and resolved.spaces["board"].dtype.shape == (3, 4)
    assert resolved.sample(np.random.default_rng(0))["pair"][0].shape == (3,)
    with pytest.raises(DefinitionError, match="did you mean 'rows'"):
        Box(0, 1, ("rwos",)).resolve(Params())


def test_labels_are_one_for_each_element_and_may_be_looked_up_on_params() -> None:
    class Params:
        size, none = 2, ()
        seen = ("speed", *labels_of("ray", 3, ("far",)))

    space = Box(-1.0, 1.0, ("seen",)).resolve(Params())
    assert isinstance(space, Box) and space.shape == (4,)
    assert space.labels == ("speed", "ray 0 far", "ray 1 far", "ray 2 far")
    board = Box(-1.0, 1.0, ("size", "seen")).resolve(Params())
    assert board.shape == (2, 4) and not board.labels
    assert not Box(-1.0, 1.0, ("size",)).resolve(Params()).labels
    with pytest.raises(DefinitionError, match=r"shape \(3,\) has 1 labels; give 3"):
        Box(-1.0, 1.0, (3,), labels=("x",)).resolve(Params())
    with pytest.raises(DefinitionError, match=r"shape \(4,\) has 2 labels; give 4"):
        Box(-1.0, 1.0, ("seen",), labels=("x", "y")).resolve(Params())
    with pytest.raises(DefinitionError, match="dimension 'none' is 0; it must be a whole number of at least 1"):
        Box(-1.0, 1.0, ("none",)).resolve(Params())


def test_cell_codes_are_recognised() -> None:
    assert Box(0, 3, (5, 5), np.uint8).num_codes == 4
    assert Box(0, 255, (5, 5), np.uint8).num_codes == 0
    assert Box(0, 3, (5, 5)).num_codes == 0


def test_sampling_an_unbounded_box_gives_finite_numbers() -> None:
    space = Box(-np.inf, np.inf, (4,))
    assert space.contains(space.sample(np.random.default_rng(0)))
