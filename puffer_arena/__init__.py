"""A game-engine integrated suite of environments: play, watch and edit them, and train agents in them."""

import importlib
import sys
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_BESIDE = ("envs", "render", "trainers", "assets")
_checkout = Path(__file__).resolve().parent.parent


class _Checkout(MetaPathFinder):
    """Finds the four subpackages that lie beside this folder in a checkout, and nothing else there."""

    @staticmethod
    def find_spec(fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        package, _, name = fullname.partition(".")
        if package == __name__ and name in _BESIDE:
            return PathFinder.find_spec(fullname, [str(_checkout)], target)
        return None


if (_checkout / "envs" / "__init__.py").is_file() and (_checkout / "pyproject.toml").is_file():
    sys.meta_path.append(_Checkout())

# Gymnasium and PettingZoo learn of the environments now or when they are imported; this imports neither.
importlib.import_module("puffer_arena.adapters.register").announce()

_PUBLIC = {
    "ArenaError": "errors",
    "Batch": "batch.batch",
    "Env": "core.env",
    "check": "laws.check",
    "emulate": "foreign.open",
    "evaluate": "players.evaluate",
    "list_envs": "registry",
    "load": "training",
    "load_bot": "bots.difficulty",
    "load_env": "registry",
    "make": "batch.make",
    "train": "training",
    "register": "adapters.register",
}
__all__ = [
    "ArenaError",
    "Batch",
    "Env",
    "check",
    "emulate",
    "evaluate",
    "list_envs",
    "load",
    "load_bot",
    "load_env",
    "make",
    "register",
    "train",
]

if TYPE_CHECKING:
    from puffer_arena.adapters.register import register
    from puffer_arena.batch.batch import Batch
    from puffer_arena.batch.make import make
    from puffer_arena.bots.difficulty import load_bot
    from puffer_arena.core.env import Env
    from puffer_arena.errors import ArenaError
    from puffer_arena.foreign.open import emulate
    from puffer_arena.laws.check import check
    from puffer_arena.players.evaluate import evaluate
    from puffer_arena.registry import list_envs, load_env
    from puffer_arena.training import load, train


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(importlib.import_module(f"puffer_arena.{_PUBLIC[name]}"), name)
    raise AttributeError(f"module 'puffer_arena' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
