"""Makes the environments known to Gymnasium and PettingZoo.

Since version 1.0 Gymnasium reads no entry points.  Where puffer_arena is installed, Python's own start takes their place
(`tools/startup`): as soon as Gymnasium or PettingZoo is imported, so is puffer_arena.  Elsewhere `import puffer_arena`
does it, or the id itself, `gymnasium.make("puffer_arena:puffer_arena/Snake-v0")`.  Importing puffer_arena stays cheap:
neither library is imported for it.  One that is there already is told at once, one that comes later as soon as it has
been imported, so the order of imports does not matter.

`register` adds an environment of yours.  The id's version is `Env.version`, which changes whenever stored replays would play differently.  Gymnasium gets the
environments for one agent, PettingZoo those for several.
"""

import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterator, Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

NAMESPACE = "puffer_arena"


def gymnasium_id(name: str, version: int) -> str:
    """Return "puffer_arena/MyGame-v0" for "my_game"."""
    return f"{NAMESPACE}/{''.join(part.capitalize() for part in name.split('_'))}-v{version}"


def pettingzoo_id(name: str, version: int) -> str:
    """Return "puffer_arena/my_game_v0" for "my_game"."""
    return f"{NAMESPACE}/{name}_v{version}"


def definitions() -> Iterator[tuple[str, Any]]:
    """Yield every environment's id and `Env`; None for one whose file cannot be imported."""
    from puffer_arena.registry import list_envs, load_env

    for name in list_envs():
        try:
            yield name, load_env(name)
        except Exception:  # whoever makes this environment gets the error; the others go on
            yield name, None


def register(env_id: str) -> str:
    """Make an environment of yours known to Gymnasium, or to PettingZoo where it has several agents.

    Args:
        env_id: what `puffer_arena.make` takes: a .py file or a dotted module.

    Returns:
        The id that it has there, such as "puffer_arena/MyGame-v0" for "./my_game.py".

    Raises:
        UnknownName, DefinitionError: there is no such environment, or it is written wrongly.
        ParameterError: an environment from elsewhere has the id already.
    """
    from puffer_arena.errors import ArenaError, ParameterError
    from puffer_arena.registry import load_env

    env = load_env(env_id)
    source = str(Path(env_id).resolve()) if env_id.endswith(".py") else env_id
    host = importlib.import_module("pettingzoo" if env.agents else "gymnasium")
    if env.agents and not hasattr(host, "register"):
        raise ArenaError("this PettingZoo has no registry; install one from 1.26 on, or use adapters.pettingzoo")
    known_as = (pettingzoo_id if env.agents else gymnasium_id)(env.name, env.version)
    registries = (host.aec_registry, host.parallel_registry) if env.agents else (host.registry,)
    filed_as = gymnasium_style(known_as) if env.agents else known_as
    for registry in registries:
        known = registry.get(filed_as)
        if known is not None and known.kwargs.get("env_id") != source:
            raise ParameterError(
                f"'{known_as}' is '{known.kwargs.get('env_id')}' already; give '{env_id}' another name"
            )
    for registry in registries:  # it may have been edited since
        registry.pop(filed_as, None)
    (_tell_pettingzoo if env.agents else _tell_gymnasium)(known_as, source, env)
    return known_as


def register_gymnasium() -> None:
    """Register the environments for one agent with Gymnasium; those it knows already stay as they are."""
    gymnasium = importlib.import_module("gymnasium")
    for name, env in definitions():
        known_as = gymnasium_id(name, env.version if env else 0)
        if (env is None or not env.agents) and known_as not in gymnasium.registry:
            _tell_gymnasium(known_as, name, env)


def _tell_gymnasium(known_as: str, env_id: str, env: Any) -> None:
    importlib.import_module("gymnasium").register(
        known_as,
        entry_point="puffer_arena.adapters.gymnasium:GymnasiumEnv",
        vector_entry_point="puffer_arena.adapters.gymnasium_vector:GymnasiumVectorEnv",
        reward_threshold=env.solved if env else None,
        kwargs={"env_id": env_id},
    )


def register_pettingzoo() -> None:
    """Register the environments for several agents with PettingZoo, where it has a registry (from 1.26 on)."""
    pettingzoo = importlib.import_module("pettingzoo")
    if not hasattr(pettingzoo, "register"):
        return
    for name, env in definitions():
        if env is not None and env.agents:
            _tell_pettingzoo(pettingzoo_id(name, env.version), name, env)


def _tell_pettingzoo(known_as: str, env_id: str, _: Any) -> None:
    """Register with those of PettingZoo's two registries that do not have it."""
    pettingzoo = importlib.import_module("pettingzoo")
    known = {"aec": pettingzoo.aec_registry, "parallel": pettingzoo.parallel_registry}
    for kind, registry in known.items():
        if gymnasium_style(known_as) not in registry:
            entry_point = f"puffer_arena.adapters.pettingzoo:{kind}_env"
            pettingzoo.register(kind, known_as, entry_point, kwargs={"env_id": env_id})


def gymnasium_style(known_as: str) -> str:
    """Return the form under which PettingZoo files an id: its last "_v" as "-v"."""
    return "-v".join(known_as.rsplit("_v", 1))


HOSTS: dict[str, Callable[[], None]] = {"gymnasium": register_gymnasium, "pettingzoo": register_pettingzoo}


class Herald:
    """An entry of `sys.meta_path` that calls a host's register function when that host has been imported."""

    def __init__(self) -> None:
        self._looking: set[str] = set()  # hosts whose own finder is being asked

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name not in HOSTS or name in self._looking:
            return None
        self._looking.add(name)
        try:
            spec = importlib.util.find_spec(name)
        finally:
            self._looking.discard(name)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def execute_and_register(module: ModuleType) -> None:
                execute(module)
                HOSTS[name]()

            spec.loader.exec_module = execute_and_register  # type: ignore[method-assign]  # this one loader's, for this import
        return spec


def announce() -> None:
    """Register with the hosts that are imported, and with the others when they come."""
    for host, register in HOSTS.items():
        if sys.modules.get(host) is not None:
            register()
    if not any(isinstance(finder, Herald) for finder in sys.meta_path):
        sys.meta_path.insert(0, Herald())
