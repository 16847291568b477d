"""Environments of other libraries by name, and from functions: `emulate`.

    gymnasium:CartPole-v1           any id that Gymnasium knows; gymnasium:my_package.envs:Mine-v0 imports a module first
    gymnasium-vector:CartPole-v1    its own vector environment
    minigrid:MiniGrid-DoorKey-8x8-v0, ale:Pong-v5
    pettingzoo:knights_archers_zombies_v10, or pettingzoo:classic/connect_four_v3 with its family
    remote:HOST:PORT                games in other programs that connect there, see `remote`
    emulated:NAME                   what `emulate` was given in this process

and each with `:drawn` behind it, whose rows hold the pictures that it draws of itself, or `ray:` before it, whose rows
actors on a Ray cluster step.

A name is imported because a person typed it.  Files and checkpoints name none that is (see `registry.choose_env`).
"""

import dataclasses
import functools
import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from puffer_arena.errors import DefinitionError, ParameterError, UnknownName, require, suggest
from puffer_arena.foreign.env import ForeignEnv, foreign_env
from puffer_arena.foreign.origin import Make, Origin
from puffer_arena.foreign.remote import lobby_at
from puffer_arena.foreign.wrappers import Limit
from puffer_arena.registry import DRAWN, ON_RAY, is_foreign

ROWS_ELSEWHERE = ("gymnasium-vector", "remote")
FAMILIES = ("pettingzoo.butterfly", "pettingzoo.classic", "pettingzoo.sisl", "pettingzoo.atari", "mpe2")

_emulated: dict[str, Origin] = {}


def emulate(make_env: Make, name: str = "", *, timeout: float = 60.0, restarts: int = 10) -> str:
    """Let a function's environments be trained in, and return the id that `make`, `train` and `evaluate` take.

    Args:
        make_env: make_env() -> an Env of Gymnasium, or a ParallelEnv or AECEnv of PettingZoo, a new one at every call; or
            make_env(num_envs) -> a VectorEnv of Gymnasium.
        name: what to call it; the function's own by default.
        timeout: seconds that a worker process may take for a step of its rows before it is ended and begun anew.
        restarts: of workers that died or hang, for a whole batch; one more ends it.

    Raises:
        DefinitionError: no such environment, or one whose spaces cannot be laid out.
        ParameterError: the timeout or the number of restarts cannot be.
    """
    if not callable(make_env):
        raise DefinitionError(f"emulate takes a function that makes an environment, not a {type(make_env).__name__}")
    if not timeout > 0 or restarts < 0:
        raise ParameterError(f"timeout = {timeout} must be above 0 seconds, and restarts = {restarts} at least 0")
    called = name or getattr(make_env, "__name__", type(make_env).__name__).strip("<>")
    env_id = f"emulated:{called}"
    _emulated[env_id] = Origin(env_id, make_env, timeout, restarts, watched=False)
    open_env.cache_clear()
    open_env(env_id)
    return env_id


@functools.lru_cache(maxsize=64)
def open_env(env_id: str) -> ForeignEnv:
    """Return the environment that an id with a library's name before the colon means.

    Raises:
        UnknownName: the library has none of that name.
        MissingExtra: the library is not installed.
        DefinitionError: it cannot be made, or its spaces cannot be laid out.
        ParameterError: it is to be drawn, and gives no pictures.
    """
    plain = env_id.removeprefix(ON_RAY).removesuffix(DRAWN)
    if env_id.startswith(ON_RAY):
        _check_spread(plain)
    origin = dataclasses.replace(origin_of(plain), on_ray=env_id.startswith(ON_RAY))
    return foreign_env(_drawn(origin) if env_id.endswith(DRAWN) else origin)


def _check_spread(plain: str) -> None:
    """Check that actors of Ray may step the environments of an id."""
    if not is_foreign(plain) or plain.startswith(ON_RAY):
        raise ParameterError(
            f"'{ON_RAY}{plain}': Ray's actors step environments of other libraries, as in ray:gymnasium:ID"
        )
    if plain.partition(":")[0] in ROWS_ELSEWHERE:
        raise ParameterError(f"environment '{plain}' steps its rows by itself, and no actor of Ray's does")


def _drawn(origin: Origin) -> Origin:
    """Return how the environments of an id are made so that they draw themselves; those of `emulate` do if they are to."""
    scheme = origin.env_id.partition(":")[0]
    if scheme in ROWS_ELSEWHERE:
        raise ParameterError(f"environment '{origin.env_id}' steps its rows by itself, and draws no pictures of them")
    if scheme != "emulated":
        origin = dataclasses.replace(origin, make=functools.partial(origin.make, render_mode="rgb_array"))
    return dataclasses.replace(origin, drawn=True)


def origin_of(env_id: str) -> Origin:
    """Return how the environments of an id are made; see `open_env`."""
    scheme, _, rest = env_id.partition(":")
    return OPENERS[scheme](env_id, rest)


def _gymnasium(env_id: str, rest: str) -> Origin:
    _known(env_id, rest)
    return Origin(env_id, functools.partial(_make_solo, rest))


def _make_solo(rest: str, **options: Any) -> Any:
    """Make an environment without what guards its callers' order and looks at its first step: a batch does both itself.

    Its episodes' limit is a wrapper of ours, past which a batch can step it.
    """
    import gymnasium

    spec = dataclasses.replace(gymnasium.spec(rest.rpartition(":")[2]), order_enforce=False, disable_env_checker=True)
    env = gymnasium.make(spec, max_episode_steps=-1, **options)
    return Limit(env, spec.max_episode_steps) if spec.max_episode_steps else env


def _known(env_id: str, rest: str) -> None:
    """Check that Gymnasium knows an id, after importing the module before its colon."""
    import gymnasium

    module, _, plain = rest.rpartition(":")
    try:
        if module:
            importlib.import_module(module)
        gymnasium.spec(plain)
    except ModuleNotFoundError as error:
        raise UnknownName(f"unknown environment '{env_id}': there is no module '{error.name}'") from None
    except gymnasium.error.Error as error:
        raise UnknownName(f"unknown environment '{env_id}': {str(error).splitlines()[0]}") from None


def _gymnasium_vector(env_id: str, rest: str) -> Origin:
    _known(env_id, rest)
    return Origin(env_id, functools.partial(_make_vector, rest), watched=False)


def _make_vector(rest: str, count: int) -> Any:
    import gymnasium

    return gymnasium.make_vec(rest, num_envs=count, vectorization_mode="vector_entry_point")


def _minigrid(env_id: str, rest: str) -> Origin:
    require("minigrid", "foreign")
    _known(env_id, rest)
    return Origin(env_id, functools.partial(_make_minigrid, rest))


def _make_minigrid(rest: str, **options: Any) -> Any:
    """Make an environment whose grid says that it holds codes: MiniGrid gives it the bounds of a picture's bytes."""
    from gymnasium.spaces import Box, Dict
    from minigrid.core.constants import COLOR_TO_IDX, OBJECT_TO_IDX, STATE_TO_IDX

    env = _make_solo(rest, **options)
    parts = env.observation_space.spaces if isinstance(env.observation_space, Dict) else {}
    grid = parts.get("image")
    if isinstance(grid, Box) and grid.dtype == np.uint8 and (grid.high == 255).all():
        last = max(*OBJECT_TO_IDX.values(), *COLOR_TO_IDX.values(), *STATE_TO_IDX.values())
        env.observation_space = Dict({**parts, "image": Box(0, last, grid.shape, np.uint8)})
    return env


def _ale(env_id: str, rest: str) -> Origin:
    import gymnasium

    ale: Any = require("ale_py", "foreign")
    ale.ALEInterface.setLoggerMode(ale.LoggerMode.Error)  # it greets otherwise
    gymnasium.register_envs(ale)
    return _gymnasium(env_id, rest if "/" in rest else f"ALE/{rest}")


def _pettingzoo(env_id: str, rest: str) -> Origin:
    require("pettingzoo", "foreign")
    family, slash, game = rest.rpartition("/")
    for place in (f"pettingzoo.{family}",) if slash else FAMILIES:
        where = f"{place}.{game}"
        try:
            module = importlib.import_module(where)
        except ModuleNotFoundError as error:
            if error.name and (where == error.name or where.startswith(f"{error.name}.")):
                continue
            raise DefinitionError(f"environment '{env_id}' needs '{error.name}', which is not installed") from None
        except ImportError as error:
            raise DefinitionError(f"environment '{env_id}' cannot be imported: {error}") from None
        return Origin(env_id, module.parallel_env if hasattr(module, "parallel_env") else module.env)
    raise UnknownName(f"unknown environment '{env_id}'; {suggest(game, _games())}")


def _games() -> set[str]:
    """Return the names of PettingZoo's games."""
    import pettingzoo

    return {path.stem for path in Path(pettingzoo.__path__[0]).glob("*/*_v*.py")}


def _remote(env_id: str, rest: str) -> Origin:
    return Origin(env_id, lobby_at(rest).take, watched=False)


def _emulated_again(env_id: str, rest: str) -> Origin:
    if env_id not in _emulated:
        raise UnknownName(f"unknown environment '{env_id}': emulate(make_env, '{rest}') it in this process first")
    return _emulated[env_id]


OPENERS: dict[str, Callable[[str, str], Origin]] = {
    "gymnasium": _gymnasium,
    "gymnasium-vector": _gymnasium_vector,
    "minigrid": _minigrid,
    "ale": _ale,
    "pettingzoo": _pettingzoo,
    "remote": _remote,
    "emulated": _emulated_again,
}
