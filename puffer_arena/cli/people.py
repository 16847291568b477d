"""Games that people played on this machine, game by game in one file: what `tournament` knows of "human"."""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from puffer_arena.machine.files import read_json_table, write_bytes
from puffer_arena.players.tournament import Match

MAX_BYTES = 4_000_000  # of the file
MOST_ROUNDS = 1000  # of a game that are kept; the oldest go first
MOST_SIDES = 64
Round = tuple[list[str], list[float]]  # who had each side, and their places


def read_rounds(path: Path) -> dict[str, list[Round]]:
    """Return what a file holds, by the games' keys; a file that is damaged holds nothing."""
    games = read_json_table(path, MAX_BYTES)
    return {
        key: [_round(each) for each in kept if _is_round(each)] for key, kept in games.items() if isinstance(kept, list)
    }


def add_round(path: Path, key: str, names: Sequence[str], places: Sequence[float]) -> None:
    """Put a round into the file: beside it, then renamed.

    Raises:
        OSError: it cannot be written; the file is as it was.
    """
    games = read_rounds(path)
    games[key] = [*games.get(key, []), (list(names), list(places))][-MOST_ROUNDS:]
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, json.dumps(games).encode())


def matches_of(rounds: Sequence[Round], person: str, others: Sequence[str]) -> list[Match]:
    """Return a person's matches against each of some others whom the person met."""
    met: dict[str, list[int]] = {name: [] for name in others}
    for names, places in rounds:
        if names.count(person) != 1:
            continue
        own = places[names.index(person)]
        for name, place in zip(names, places, strict=True):
            if name in met:
                met[name].append((own < place) - (own > place))
    return [Match(person, name, tuple(results)) for name, results in met.items() if results]


def _is_round(each: Any) -> bool:
    """Tell whether a value from a file is a round."""
    if not (isinstance(each, list) and len(each) == 2 and all(isinstance(part, list) for part in each)):
        return False
    names, places = each
    sound = all(isinstance(name, str) for name in names) and all(
        isinstance(place, int | float) and math.isfinite(place) for place in places
    )
    return sound and len(names) == len(places) <= MOST_SIDES


def _round(each: Any) -> Round:
    return list(each[0]), [float(place) for place in each[1]]
