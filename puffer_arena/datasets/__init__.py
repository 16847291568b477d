"""Datasets: whole episodes that somebody played, to learn from without playing."""

import importlib
from typing import TYPE_CHECKING, Any

_PUBLIC = {"Dataset": "dataset", "record": "recording", "read_dataset": "file", "write_dataset": "file"}
__all__ = ["Dataset", "read_dataset", "record", "write_dataset"]

if TYPE_CHECKING:
    from puffer_arena.datasets.dataset import Dataset
    from puffer_arena.datasets.file import read_dataset, write_dataset
    from puffer_arena.datasets.recording import record


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(importlib.import_module(f"puffer_arena.datasets.{_PUBLIC[name]}"), name)
    raise AttributeError(f"module 'puffer_arena.datasets' has no attribute '{name}'")
