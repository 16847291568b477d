"""Who acts in which seat, and how well."""

import importlib
from typing import TYPE_CHECKING, Any

_PUBLIC = {
    "Measure": "evaluate",
    "Player": "player",
    "Rating": "ratings",
    "Sample": "evaluate",
    "chance": "player",
    "find_player": "names",
    "rate": "ratings",
    "scripted": "player",
    "summarize": "evaluate",
    "versus": "player",
}
__all__ = ["Measure", "Player", "Rating", "Sample", "chance", "find_player", "rate", "scripted", "summarize", "versus"]

if TYPE_CHECKING:
    from puffer_arena.players.evaluate import Measure, Sample, summarize
    from puffer_arena.players.names import find_player
    from puffer_arena.players.player import Player, chance, scripted, versus
    from puffer_arena.players.ratings import Rating, rate


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(importlib.import_module(f"puffer_arena.players.{_PUBLIC[name]}"), name)
    raise AttributeError(f"module 'puffer_arena.players' has no attribute '{name}'")
