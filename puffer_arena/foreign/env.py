"""An environment of another library as an `Env`: its shape, how it is made, and who steps its rows."""

import dataclasses
import functools
import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from gymnasium.vector.utils import batch_space

from puffer_arena.core.env import Env
from puffer_arena.core.fields import Field, f64
from puffer_arena.core.params import Parameter
from puffer_arena.core.spaces import Space
from puffer_arena.errors import ArenaError, DefinitionError
from puffer_arena.foreign.origin import Make, Origin, Params, maker
from puffer_arena.foreign.picture import draw_picture, reduced, take_picture
from puffer_arena.foreign.remote import RemoteEnv
from puffer_arena.foreign.shape import (
    BY_TURNS,
    PARALLEL,
    PROBED_STEPS,
    REMOTE,
    SOLO,
    SUCCESS,
    USUAL_RATE,
    VECTOR,
    Shape,
    kind_of,
    numbers_in,
    shape_of,
)
from puffer_arena.foreign.stepper import ForeignStepper

USUAL_ROWS = 16
PROBE_SEED = 0


@dataclass(frozen=True)
class ForeignEnv(Env):
    """An environment whose rules are another library's; see `emulate`."""

    origin: Any = None
    shape: Any = None  # with the usual parameters

    def __post_init__(self) -> None:
        object.__setattr__(self, "steps_per_second", self.shape.rate)

    @property
    def usual_rows(self) -> int:
        return USUAL_ROWS

    @property
    def is_drawn(self) -> bool:
        return bool(self.shape.picture)

    @property
    def can_be_watched(self) -> bool:
        return bool(self.origin.watched)

    @functools.cached_property
    def name(self) -> str:
        return str(self.origin.env_id)

    @property
    def doc(self) -> str:
        return f"{self.origin.env_id}, an environment of another library ({self.shape.kind})."

    @functools.cached_property
    def dimensions(self) -> frozenset[str]:
        return frozenset(self.parameters)

    @functools.cached_property
    def parameters(self) -> dict[str, Parameter]:
        found = super().parameters
        return {name: dataclasses.replace(parameter, ranged=False) for name, parameter in found.items()}

    def shape_with(self, values: Any) -> Shape:
        """Return the shape of the environments of a batch with these parameters."""
        known: dict[Any, Shape] = self.__dict__.setdefault("_shapes", {Params(): self.shape})
        if values not in known:
            known[values] = dataclasses.replace(probe(self.origin, values), counters=self.shape.counters)
        return known[values]

    def spaces(self, params: Any) -> tuple[Space, Space]:
        shape = self.shape_with(params)
        return shape.observation, shape.action

    def stepped_by(self, table: Any, threads: int) -> Any:
        return ForeignStepper(table, threads)


def probe(origin: Origin, values: Any) -> Shape:
    """Make an environment, look at it and play a few steps: which numbers its infos hold shows only then.

    Raises:
        DefinitionError: it cannot be made or laid out, or raises in its first steps.
    """
    name, make = origin.env_id, maker(origin, values)
    try:
        env = make()
    except ArenaError:
        raise
    except TypeError:  # it takes the number of rows
        env = _make(name, functools.partial(make, 1))
    except Exception as error:
        raise _unmade(name, error) from error
    kind = kind_of(env)
    if values != Params() and (kind == VECTOR or isinstance(getattr(env, "unwrapped", env), RemoteEnv)):
        env.close()
        raise DefinitionError(f"environment '{name}' steps its rows by itself; wrap it where it is made")
    try:
        return _probed(env, kind, origin)
    finally:
        env.close()


def _make(name: str, make: Make) -> Any:
    try:
        return make()
    except Exception as error:
        raise _unmade(name, error) from error


def _unmade(name: str, error: Exception) -> Exception:
    return DefinitionError(f"environment '{name}' cannot be made: {type(error).__name__}: {error}")


def _probed(env: Any, kind: str, origin: Origin) -> Shape:
    name, infos = origin.env_id, list[Any]()
    try:
        first = _play(env, kind, infos)
    except Exception as error:
        raise DefinitionError(
            f"environment '{name}' fails in its first steps: {type(error).__name__}: {error}"
        ) from error
    shape = shape_of(env, name, first)
    picture = reduced(take_picture(env, name)).shape if origin.drawn else ()
    return dataclasses.replace(shape, counters=numbers_in(infos), picture=picture, rate=_rate(env))


def _rate(env: Any) -> float:
    rate = (getattr(env, "metadata", None) or {}).get("render_fps", USUAL_RATE)
    return float(rate) if isinstance(rate, int | float) and 0 < rate <= 240 else USUAL_RATE


def _play(env: Any, kind: str, infos: list[Any]) -> dict[str, Any]:
    """Play some steps by chance and collect infos; return the first one."""
    if kind == BY_TURNS:
        env.reset(seed=PROBE_SEED)
        infos += [info for info in env.infos.values() if isinstance(info, dict)]
        return infos[0] if infos else {}
    _, info = env.reset(seed=PROBE_SEED)
    spaces = _action_spaces(env, kind)
    for k, space in enumerate(spaces.values()):
        space.seed(PROBE_SEED + k)
    found = _infos(info, kind)
    first = found[0] if found else {}
    infos += found
    for _ in range(PROBED_STEPS):
        *_, info = env.step(_random(env, kind, spaces, info))
        infos += _infos(info, kind)
        if (kind == PARALLEL and not env.agents) or (kind in (SOLO, REMOTE) and (_[2] or _[3])):
            break
    return first


def _action_spaces(env: Any, kind: str) -> dict[str, Any]:
    if kind == PARALLEL:
        return {agent: env.action_space(agent) for agent in env.possible_agents}
    return {"": batch_space(env.single_action_space, env.num_envs) if kind == VECTOR else env.action_space}


def _random(env: Any, kind: str, spaces: dict[str, Any], info: Any) -> Any:
    if kind == PARALLEL:
        return {agent: spaces[agent].sample() for agent in env.agents}
    mask = info.get("action_mask") if isinstance(info, dict) and kind == SOLO else None
    return spaces[""].sample() if mask is None else spaces[""].sample(mask=np.asarray(mask, np.int8))


def _infos(info: Any, kind: str) -> list[Any]:
    if kind == PARALLEL:
        return [each for each in (info or {}).values() if isinstance(each, dict)]
    if kind == VECTOR:
        return [{key: values[0] for key, values in info.items() if isinstance(values, np.ndarray) and key[0] != "_"}]
    return [info]


def no_rule(*_: Any) -> None:
    """Stand in for the rules of an environment that another library steps."""


def foreign_env(origin: Origin) -> ForeignEnv:
    """Return an environment of another library as an Env."""
    shape = probe(origin, Params())
    counters = tuple(shape.counters.values())
    fields = {name: f64() for name in counters}
    if shape.picture:
        fields["picture"] = Field(np.uint8, shape.picture)
    state = type("State", (), fields | {"__annotations__": dict.fromkeys(fields, Any)})
    env = ForeignEnv(
        params=Params,
        state=state,
        observation=shape.observation,
        action=shape.action,
        reset=no_rule,
        observe=no_rule,
        draw=draw_picture if shape.picture else no_rule,
        agents=shape.agents,
        action_mask=no_rule if shape.masks else None,
        counters=counters,
        success=next((name for key, name in shape.counters.items() if key in SUCCESS), ""),
        origin=origin,
        shape=shape,
    )
    source = f"{origin.env_id} {shape.described()} {counters}"
    env.__dict__["_source"] = hashlib.sha256(source.encode()).hexdigest()[:16]
    return env
