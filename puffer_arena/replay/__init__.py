"""Replays: what rows did, in a file that can be scrubbed, verified, forked and studied."""

import importlib
from typing import TYPE_CHECKING, Any

_PUBLIC = {
    "Replay": "reader",
    "Writer": "writer",
    "verify": "truth",
    "fork": "branch",
    "rewards": "relabel",
    "dataset": "relabel",
    "to_dataset": "relabel",
}
__all__ = ["Replay", "Writer", "dataset", "fork", "rewards", "to_dataset", "verify"]

if TYPE_CHECKING:
    from puffer_arena.replay.branch import fork
    from puffer_arena.replay.reader import Replay
    from puffer_arena.replay.truth import verify
    from puffer_arena.replay.writer import Writer


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(importlib.import_module(f"puffer_arena.replay.{_PUBLIC[name]}"), name)
    raise AttributeError(f"module 'puffer_arena.replay' has no attribute '{name}'")
