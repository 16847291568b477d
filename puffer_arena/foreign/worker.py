"""What a worker process steps: a span of another library's environments (see `pool`)."""

import base64
import dataclasses
from typing import Any

import cloudpickle

from puffer_arena.errors import DefinitionError
from puffer_arena.foreign.open import origin_of
from puffer_arena.foreign.origin import Origin, Params, maker
from puffer_arena.foreign.part import PARTS, Part, desk_layout, make_one
from puffer_arena.foreign.shape import shape_of


def open_part(setup: Any, attach: Any) -> Part:
    """Make a worker's object (see `batch.workers.processes`).

    Raises:
        DefinitionError: its environments are not those of the caller.
    """
    name = setup["env_id"]
    if setup["make"]:  # from this process's parent, by its own pipe
        origin = Origin(name, cloudpickle.loads(base64.b64decode(setup["make"])))
    else:
        origin = origin_of(name)
    make = maker(origin, Params(**setup["params"]))
    first = make_one(name, make)
    shape = dataclasses.replace(shape_of(first, name), counters=setup["counters"], masks=setup["masks"])
    first.close()
    if shape.described() != setup["described"]:
        raise DefinitionError(
            f"environment '{name}' is another in a worker: {shape.described()}, not {setup['described']}; make all with "
            "the same spaces and agents"
        )
    memory = attach(desk_layout(shape, setup["num_envs"]))
    return PARTS[shape.kind](name, make, shape, memory.arrays, tuple(setup["span"]))
