"""A game-engine integrated suite of environments: play, watch and edit them, and train agents in them."""

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

# In a checkout envs/, render/, trainers/ and assets/ lie beside this folder and are subpackages of it.
_checkout = Path(__file__).resolve().parent.parent
if (_checkout / "envs" / "__init__.py").is_file() and (_checkout / "pyproject.toml").is_file():
    __path__.append(str(_checkout))

# Gymnasium and PettingZoo learn of the environments now or when they are imported; this imports neither.
importlib.import_module("puffer_arena.adapters.register").announce()

_PUBLIC = {
    "ArenaError": "core.errors",
    "Batch": "batch.batch",
    "Env": "core.env",
    "list_envs": "core.registry",
    "load_env": "core.registry",
    "make": "batch.batch",
    "register": "adapters.register",
}
__all__ = ["ArenaError", "Batch", "Env", "list_envs", "load_env", "make", "register"]

if TYPE_CHECKING:
    from puffer_arena.adapters.register import register
    from puffer_arena.batch.batch import Batch, make
    from puffer_arena.core.env import Env
    from puffer_arena.core.errors import ArenaError
    from puffer_arena.core.registry import list_envs, load_env


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(importlib.import_module(f"puffer_arena.{_PUBLIC[name]}"), name)
    raise AttributeError(f"module 'puffer_arena' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
