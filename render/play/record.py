"""Recording what a person plays."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from puffer_arena.errors import ArenaError, FileError
from puffer_arena.render.play.game import Game
from puffer_arena.replay.writer import Writer

FOLDER = "recordings"  # where F9 puts them


class GameRecorder:
    """The recording of a game, switched on and off.

    Attributes:
        note: what became of it, in one line.
    """

    def __init__(self, game: Game) -> None:
        self.game, self.note = game, ""
        self._writer: Writer | None = None
        self._told = ("", "")

    @property
    def steps(self) -> int | None:
        """Steps recorded so far; None while nothing is."""
        return None if self._writer is None or self._writer.closed else self._writer.steps

    def begin(self, path: str | Path, parent: Mapping[str, Any] | None = None) -> None:
        """Record into a file from now on.

        Raises:
            ArenaError: it cannot be written.
        """
        agents = self.game.batch.agent_ids
        mine = agents[self.game.agent] if agents else "all"
        players = {"all": "bots", mine: "a person"} if agents else {"all": "a person"}
        if self.game.match is not None:
            sitters = zip(agents, self.game.match.seats, strict=True)
            players = {agent: "a person" if sitter.choose is None else sitter.name for agent, sitter in sitters}
        self._writer = Writer(self.game.batch, path, players=players, parent=parent, warn=self._say)
        self.note = f"recording into {self._writer.path}"

    def toggle(self) -> None:
        """Begin a recording with a name of its own, or end the one that runs."""
        if self.steps is not None:
            self.close()
            return
        try:
            self.begin(free_name(recording_stem(self.game.env.name)))
        except ArenaError as error:
            self.note = f"no recording: {error}"

    def tell(self) -> None:
        """Note who plays now, where that has changed."""
        agents = self.game.batch.agent_ids
        now = agents[self.game.agent] if agents else "", self.game.bot_name if self.game.bot_plays else "a person"
        if self._writer is not None and now != self._told:
            self._writer.event("player", f"{now[1]} steers {now[0] or 'now'}", 0)
        self._told = now

    def close(self) -> None:
        """End the recording, if there is one."""
        if self._writer is not None:
            self._writer.close()
            self.note = f"recorded {self._writer.steps} steps into {self._writer.path}"
        self._writer = None

    def _say(self, text: str) -> None:
        self.note = text


def recording_stem(env: str) -> Path:
    """Return where a recording of now goes, but for its kind, in a folder that is there.

    Raises:
        FileError: it cannot be made.
    """
    try:
        Path(FOLDER).mkdir(exist_ok=True)
    except OSError as error:
        raise FileError(f"cannot record into '{FOLDER}': {error.strerror}") from None
    return Path(FOLDER) / f"{env}-{time.strftime('%Y%m%d-%H%M%S')}"


def free_name(stem: Path, kind: str = ".mcap") -> Path:
    """Return a file's name that is not taken: `stem` with its kind, or with a number before that."""
    path, number = stem.with_name(f"{stem.name}{kind}"), 1
    while path.exists():
        number += 1
        path = stem.with_name(f"{stem.name}-{number}{kind}")
    return path
