"""Finding environments by id: a module of `puffer_arena.envs`, a dotted module, or a file.

There is no table: `snake` is `puffer_arena.envs.snake`, `my_package.my_env` is that module, and
`./my_env.py` is that file.  Each ends in `ENV = Env(...)`.
"""

import importlib
import importlib.util
import pkgutil
import sys
from pathlib import Path

from puffer_arena.core.env import Env
from puffer_arena.core.errors import DefinitionError, UnknownName, suggest


def list_envs() -> list[str]:
    """Return the ids of the environments that come with the package, sorted."""
    package = importlib.import_module("puffer_arena.envs")
    return sorted(found.name for found in pkgutil.iter_modules(package.__path__) if not found.name.startswith("_"))


def load_env(env_id: str) -> Env:
    """Import an environment.

    Raises:
        UnknownName: nothing answers to `env_id`.
        DefinitionError: the module has no `ENV`.
    """
    if env_id.endswith(".py"):
        module_name = _load_file(Path(env_id))
    elif "." in env_id:
        module_name = env_id
    elif env_id in list_envs():
        module_name = f"puffer_arena.envs.{env_id}"
    else:
        hint = suggest(env_id, list_envs())
        raise UnknownName(f"unknown environment '{env_id}'; {hint} (python -m puffer_arena list)")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not (module_name == error.name or module_name.startswith(f"{error.name}.")):
            raise
        raise UnknownName(f"unknown environment '{env_id}': there is no module '{error.name}'") from None
    env = getattr(module, "ENV", None)
    if not isinstance(env, Env):
        raise DefinitionError(f"environment '{env_id}': the module must end with ENV = Env(...)")
    return env


def _load_file(path: Path) -> str:
    """Import the file once and return its module's name."""
    path = path.resolve()
    if not path.is_file():
        raise UnknownName(f"unknown environment '{path}': there is no such file")
    known = sys.modules.get(path.stem)
    if known is not None and getattr(known, "__file__", None) == str(path):
        return path.stem
    name = path.stem if known is None else f"puffer_arena_file_{abs(hash(path))}.{path.stem}"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None and spec.loader is not None  # a file that ends in .py always has one
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
    return name
