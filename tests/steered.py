"""A source that passes as a trainer with a curriculum: bots play, a real Director chooses, commands are carried out."""

from typing import Any

from puffer_arena import make
from puffer_arena.curriculum import Director, load_curriculum
from puffer_arena.curriculum.gallery import tell
from puffer_arena.errors import ArenaError
from puffer_arena.live.commands import check_command
from puffer_arena.live.messages import Steering, read_steering
from puffer_arena.render.window.local_source import LocalSource


class Steered(LocalSource):
    """Steps as many times as it is asked to, and keeps what it was told."""

    modes = ("time-lapse", "smooth")
    mode = "time-lapse"

    def __init__(self, env_id: str, table: dict[str, Any], num_envs: int = 8, **params: Any) -> None:
        super().__init__(make(env_id, num_envs, seed=1, compiled=False, **params))
        self.sent: list[tuple[str, dict[str, Any]]] = []
        self.table, self.changes = table, []
        self.director = Director(self.batch, load_curriculum(self.env, table)) if table else None
        self.status, self.metrics = "training", {"learning_rate": [(0.0, 1e-3)]}
        if self.director is not None:
            self.director.begin()
        self._tell()

    def play(self, steps: int) -> None:
        """Let the bots play, and the curriculum hear of it."""
        for _ in range(steps):
            self._advance()
            if self.director is not None:
                self.director.follow(self.batch.began)
        if self.director is not None:
            self.director.report()
        self.frame = self._look()
        self._tell()

    def poll(self) -> None:
        """Stand still: tests say when to play."""

    def send(self, command: str, **arguments: Any) -> None:
        self.sent.append((command, arguments))
        if command == "drop" and self.director is not None:
            self.director.drop(arguments["key"])
            self._tell()
            return
        if command != "curriculum":
            super().send(command, **arguments)
            return
        self.note, before = "", self.table
        try:
            table = check_command(command, arguments).arguments["table"]
            curriculum = load_curriculum(self.env, table) if table else None
            if curriculum is not None:
                self.director = self.director or Director(self.batch, curriculum)
                self.director.change(curriculum)
        except ArenaError as error:
            self.note = str(error)
            return
        self.table = table
        self.changes.append([self._steps, "curriculum", before, table])
        self._tell()

    def _tell(self) -> None:
        bins = {} if self.director is None else self.director.ledger.describe()
        levels = [] if self.director is None else tell(self.director.curriculum)
        told = {"curriculum": self.table, "bins": bins, "changes": self.changes, "levels": levels}
        self.steering: Steering = read_steering(told, self.env)
