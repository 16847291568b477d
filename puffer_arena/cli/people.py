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
MOST_LEGS = 64  # of a game that wait; the oldest go first
LEGS = "legs"  # where they stand among the games, whose keys have their version and parameters in them
Round = tuple[list[str], list[float]]  # who had each side, and their places
Legs = dict[tuple[str, int], float]  # (opponent, the person's side) -> by how much the person was ahead


def read_rounds(path: Path) -> dict[str, list[Round]]:
    """Return what a file holds, by the games' keys; a file that is damaged holds nothing."""
    games = read_json_table(path, MAX_BYTES)
    return {
        key: [_round(each) for each in kept if _is_round(each)] for key, kept in games.items() if isinstance(kept, list)
    }


def read_legs(path: Path) -> dict[str, Legs]:
    """Return the rounds in a file that wait for their other leg, by the games' keys; what is damaged is left out."""
    games = read_json_table(path, MAX_BYTES).get(LEGS)
    if not isinstance(games, dict):
        return {}
    sound = {key: [each for each in kept if _is_leg(each)] for key, kept in games.items() if isinstance(kept, list)}
    return {
        key: {(other, side): float(ahead) for other, side, ahead in kept[-MOST_LEGS:]} for key, kept in sound.items()
    }


def add_round(path: Path, key: str, names: Sequence[str], places: Sequence[float], legs: Legs) -> None:
    """Put a round into the file, and the legs that wait after it: beside it, then renamed.

    Raises:
        OSError: it cannot be written; the file is as it was.
    """
    games = read_rounds(path)
    games[key] = [*games.get(key, []), (list(names), list(places))][-MOST_ROUNDS:]
    _write(path, games, {**read_legs(path), key: legs})


def write_legs(path: Path, key: str, legs: Legs) -> None:
    """Put the legs that wait in a game into the file: beside it, then renamed.

    Raises:
        OSError: it cannot be written; the file is as it was.
    """
    _write(path, read_rounds(path), {**read_legs(path), key: legs})


def _write(path: Path, games: dict[str, list[Round]], legs: dict[str, Legs]) -> None:
    waiting = {key: [[*leg, ahead] for leg, ahead in kept.items()][-MOST_LEGS:] for key, kept in legs.items() if kept}
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, json.dumps({**games, **({LEGS: waiting} if waiting else {})}).encode())


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


def _is_leg(each: Any) -> bool:
    """Tell whether a value from a file is a round that waits for its other leg."""
    if not (isinstance(each, list) and len(each) == 3):
        return False
    other, side, ahead = each
    told = isinstance(other, str) and isinstance(side, int) and side in (0, 1)
    return told and isinstance(ahead, int | float) and math.isfinite(ahead)


def _round(each: Any) -> Round:
    return list(each[0]), [float(place) for place in each[1]]
