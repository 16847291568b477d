"""The training core: rollout, advantage, objective, optimizer, networks."""

import importlib
from typing import TYPE_CHECKING, Any

_PUBLIC = {
    "actor_player": "playing",
    "check_slope": "backends.loss",
    "config_type": "config",
    "slope_of": "backends.loss",
}
__all__ = ["actor_player", "check_slope", "config_type", "slope_of"]

if TYPE_CHECKING:
    from puffer_arena.trainers.backends.loss import check_slope, slope_of
    from puffer_arena.trainers.config import config_type
    from puffer_arena.trainers.playing import actor_player


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(importlib.import_module(f"puffer_arena.trainers.{_PUBLIC[name]}"), name)
    raise AttributeError(f"module 'puffer_arena.trainers' has no attribute '{name}'")
