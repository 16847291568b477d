"""Best scores, kept on disk: for each game with its parameters, a person's and a bot's apart."""

import contextlib
import hashlib
import json
import math
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from puffer_arena.machine.files import read_json_table, write_bytes

MAX_BYTES = 1_000_000  # of the file
MAX_GAMES = 2000  # that are kept; the oldest go first
PERSON, BOT = "person", "bot"


def scores_file() -> Path:
    """Return where scores are kept: in the person's own folder for the data of programs."""
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or "~/AppData/Local"
    elif sys.platform == "darwin":
        base = "~/Library/Application Support"
    else:
        base = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(base).expanduser() / "puffer_arena" / "scores.json"


class Scores:
    """The best scores of one game.

    Args:
        env: its name.
        version: its version; another one is another game.
        params: its parameters; others are another game.
        path: the file; None keeps nothing.

    Attributes:
        key: of the game in files.
    """

    def __init__(self, env: str, version: int, params: Mapping[str, Any], path: Path | None) -> None:
        text = json.dumps({name: params[name] for name in sorted(params)})
        self.key = f"{env} {version} {hashlib.sha256(text.encode()).hexdigest()[:12]}"
        self._path = path
        self.best = {} if path is None else _read(path).get(self.key, {})

    def note(self, who: str, score: float) -> bool:
        """Take in the score of an episode, of PERSON or BOT; tell whether it is the best so far.

        A file that cannot be written loses the score with the program, and nothing else.
        """
        if not math.isfinite(score) or score <= self.best.get(who, -math.inf):
            return False
        self.best[who] = score
        if self._path is not None:
            with contextlib.suppress(OSError):
                _write(self._path, self.key, self.best)
        return True


def _read(path: Path) -> dict[str, dict[str, float]]:
    """Return what a file holds; a file that is damaged holds nothing."""
    games = read_json_table(path, MAX_BYTES)
    return {key: _scores(kept) for key, kept in games.items() if isinstance(kept, dict)}


def _scores(kept: dict[str, Any]) -> dict[str, float]:
    numbers = {who: kept.get(who) for who in (PERSON, BOT)}
    return {
        who: float(value)
        for who, value in numbers.items()
        if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300
    }


def _write(path: Path, key: str, best: dict[str, float]) -> None:
    """Put one game's scores into the file: beside it, then renamed.

    Raises:
        OSError: it cannot be written; the file is as it was.
    """
    games = {other: kept for other, kept in _read(path).items() if other != key}
    games[key] = best
    path.parent.mkdir(parents=True, exist_ok=True)
    data = json.dumps(dict(list(games.items())[-MAX_GAMES:]), indent=1).encode()
    write_bytes(path, data)
