"""What scenes of every engine have in common: calling `build`, and knowing which rows need another scene."""

import math
import traceback
from typing import Any

import numpy as np

from puffer_arena.core.bodies import PhysicsField, physics_fields
from puffer_arena.core.env import Env
from puffer_arena.core.params import record_values, watched
from puffer_arena.errors import ArenaError, DefinitionError, suggest


def read_params(env: Env) -> set[str]:
    """Return the parameters that `build` read, in any call so far."""
    reads: set[str] = env.__dict__.setdefault(
        "_scene_reads", set()
    )  # kept with the environment, as cached_property does
    return reads


def scene_params(env: Env, record: Any, values: Any) -> Any:
    """Return a row's Params for `build`, which note what it reads.

    Args:
        env: the environment.
        record: the row's parameters.
        values: the Params that sized the rows: dimensions are theirs, so that all rows have as many bodies.
    """
    given = record_values(record)
    given |= {name: getattr(values, name) for name in env.dimensions}
    reads = read_params(env)
    before = set(reads)
    if "_scene_params" not in env.__dict__:  # a class, made once
        env.__dict__["_scene_params"] = watched(env.params, reads)
    params = env.__dict__["_scene_params"](**given)
    reads.intersection_update(before)  # what __post_init__ reads is not of the scene
    return params


def call_build(env: Env, world: Any, p: Any) -> dict[str, Any]:
    """Call an environment's `build` and return its handles by field.

    Args:
        env: the environment.
        world: the engine's own empty world.
        p: from `scene_params`.

    Raises:
        DefinitionError: it fails, or does not return a handle for every physics field, and for those only.
    """
    build: Any = env.build
    try:
        handles = build(world, p)
    except ArenaError:
        raise
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        file = getattr(build, "__code__", call_build.__code__).co_filename
        own = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
        at = own[-1]  # the author's innermost; below it lies the engine
        raise env.error_at(at.name, at.filename, at.lineno or 0, reason) from None
    declared = physics_fields(env.state)
    if not isinstance(handles, dict):
        raise env.error(
            "build", f"returned {handles!r}; it must return a dict: {{'{next(iter(declared))}': body, ...}}"
        )
    for name in handles:
        if name not in declared:
            raise env.error(
                "build", f"returned a handle '{name}' that State does not declare; {suggest(name, declared)}"
            )
    for name in declared:
        if name not in handles:
            raise env.error("build", f"returned no handle for State.{name}; add '{name}': ... to the dict it returns")
    return handles


def list_handles(
    env: Env, name: str, described: PhysicsField, handle: Any, shape: tuple[int, ...]
) -> list[tuple[str, Any]]:
    """Return (place for messages, handle) of every record of one field.

    Raises:
        DefinitionError: not as many handles as the field has records.
    """
    if not shape:
        return [(f"State.{name}", handle)]
    count = math.prod(shape)
    handles = list(handle) if isinstance(handle, list | tuple) else [handle]
    if len(handles) != count:
        raise env.error("build", f"returned {len(handles)} handles for State.{name}, which has {count}")
    return [(f"State.{name}[{k}]", one) for k, one in enumerate(handles)]


class SceneParams:
    """Which parameters each row's scene was built with, and which rows need another scene.

    Args:
        env: the environment; its `build` has run once, so that it is known what it reads.
        rows: of the batch.

    Raises:
        DefinitionError: `build` reads a parameter that takes effect at once, so rules and scene would disagree.
    """

    def __init__(self, env: Env, rows: Any) -> None:
        self._rows = rows
        self._names = sorted(read_params(env) - env.dimensions)
        for name in self._names:
            if not env.parameters[name].at_reset:
                raise DefinitionError(
                    f"environment '{env.name}': build reads p.{name}, which takes effect at once; declare it with "
                    "param(..., at_reset=True)"
                )
        self._of = {name: rows.params[name].copy() for name in self._names}
        self._settled = b""  # all rows' next parameters, when last no scene differed from them

    def changed(self) -> list[int]:
        """Return the rows whose next reset needs a scene other than the one last built for them."""
        following = self._rows.following.tobytes()  # one look at all of it costs less than one at each parameter
        if following == self._settled:
            return []
        differs = np.zeros(len(self._rows.params), np.bool_)
        for name in self._names:
            differs |= self._rows.following[name] != self._of[name]
        found = [int(i) for i in np.flatnonzero(differs)]
        self._settled = b"" if found else following
        return found

    def differs(self, i: int) -> bool:
        """Tell whether row `i` plays with parameters other than its newest scene's."""
        return any(self._rows.params[name][i] != self._of[name][i] for name in self._names)

    def note(self, i: int, record: Any) -> None:
        """Keep in mind that row `i`'s newest scene was built with these parameters."""
        self._settled = b""
        for name in self._names:
            self._of[name][i] = record[name]
