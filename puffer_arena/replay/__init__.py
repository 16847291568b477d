"""Replays: what rows did, in a file that can be scrubbed, verified, forked and studied."""

import importlib
from typing import TYPE_CHECKING, Any

_PUBLIC = {"Replay": "reader", "Writer": "writer", "verify": "verify", "rewards": "relabel", "dataset": "relabel"}
__all__ = ["Replay", "Writer", "dataset", "rewards", "verify"]

if TYPE_CHECKING:
    from puffer_arena.replay.reader import Replay
    from puffer_arena.replay.writer import Writer


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        value = getattr(importlib.import_module(f"puffer_arena.replay.{_PUBLIC[name]}"), name)
        globals()[name] = value  # `verify` is a module's name, too
        return value
    raise AttributeError(f"module 'puffer_arena.replay' has no attribute '{name}'")
