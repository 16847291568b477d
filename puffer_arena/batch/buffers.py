"""What a step writes: how the buffers are laid out and made.  `kernels/tables.py` declares them."""

from collections.abc import Collection
from typing import Any

import numpy as np

from puffer_arena.core.fields import Array
from puffer_arena.core.spaces import Space, stored
from puffer_arena.errors import ActionError, UnknownName, suggest
from puffer_arena.kernels.tables import BUFFERS, CHOICES, NUMBER, OBSERVATION, SIGNALS, STATE, Buffers

SEATED = tuple(name for name in Buffers._fields if BUFFERS[name].holds != STATE)  # have an entry for each agent
Layout = dict[str, tuple[tuple[int, ...], np.dtype[Any]]]


def buffer_layout(
    observation: Space,
    num_envs: int,
    num_agents: int,
    num_choices: int,
    num_signals: int = 0,
    state: Space | None = None,
) -> Layout:
    """Return shape and dtype of every buffer; `state` is the global state's space, None where nobody asks for it."""
    obs_dtype, obs_shape = stored(observation)
    state_dtype, state_shape = (np.dtype(np.uint8), (0,)) if state is None else stored(state)
    entries = {OBSERVATION: obs_shape, NUMBER: (), CHOICES: (num_choices,), SIGNALS: (num_signals,), STATE: state_shape}
    kinds = {OBSERVATION: obs_dtype, STATE: state_dtype}
    layout = {}
    for name, buffer in BUFFERS.items():
        agents = (num_agents,) if num_agents and buffer.holds != STATE else (1,) * buffer.seats
        dtype = kinds.get(buffer.holds, np.dtype(buffer.dtype))
        layout[name] = ((num_envs, *agents, *entries[buffer.holds]), dtype)
    return layout


def make_buffers(layout: Layout, given: dict[str, Array]) -> Buffers:
    """Return the given arrays as buffers, with new ones for the rest.

    Raises:
        UnknownName: no buffer has such a name.
        ActionError: an array of the wrong shape or dtype, or one that is not contiguous.
    """
    if unknown := set(given) - set(layout):
        raise UnknownName(f"unknown buffer '{min(unknown)}'; {suggest(min(unknown), layout)}")
    arrays = {}
    for name, (shape, dtype) in layout.items():
        array = given.get(name)
        if array is None:
            array = np.zeros(shape, dtype)
            if BUFFERS[name].filled:
                array[:] = True
        elif array.shape != shape or array.dtype != dtype or not array.flags.carray:
            raise ActionError(
                f"buffer '{name}' has shape {array.shape} and dtype {array.dtype}; it must be contiguous, writable, "
                f"{shape} and {dtype}"
            )
        arrays[name] = array
    return Buffers(**arrays)


def by_seat(buffers: Buffers, names: Collection[str] = SEATED) -> dict[str, Array]:
    """Return views of the named buffers with one entry a seat, an agent of a row: (num_envs * agents, *entry).

    The global state has none: it is a row's.
    """
    several = buffers.rewards.ndim == 2
    views = {}
    for name in names:
        array = getattr(buffers, name)
        leading = 2 if several or BUFFERS[name].seats else 1
        views[name] = array.reshape(buffers.rewards.size, *array.shape[leading:])
    return views
