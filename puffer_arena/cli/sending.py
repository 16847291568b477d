"""Sending a drawn level into the run that trains in its game now."""

from dataclasses import replace
from pathlib import Path

from puffer_arena.errors import ArenaError, ParameterError
from puffer_arena.levels import Level
from puffer_arena.levels.drawn import as_table
from puffer_arena.live.address import FILE_NAME, Address, read_address
from puffer_arena.live.subscriber import Subscriber
from puffer_arena.machine.running import is_running


def find_trainer(env_id: str, runs_dir: Path) -> tuple[Address, Path]:
    """Return the newest run that trains in a game now.

    Raises:
        ParameterError: none does.
    """
    files = sorted(runs_dir.glob(f"*/{FILE_NAME}"), key=lambda path: path.stat().st_mtime, reverse=True)
    for folder in (path.parent for path in files):
        address = read_address(folder)
        if address is not None and is_running(address.pid) and address.env == env_id:
            return address, folder
    raise ParameterError(f"no run in '{runs_dir}' trains in '{env_id}' now; start one: train {env_id}")


class Sender:
    """Attaches to the trainer when the first level is sent, and tells what it answers."""

    def __init__(self, env_id: str, runs_dir: str, weight: float) -> None:
        self._env_id, self._runs_dir, self._weight = env_id, Path(runs_dir), weight
        self._trainer: Subscriber | None = None
        self._told = ""

    def send(self, level: Level) -> str:
        """Send a level; return what to tell the person meanwhile."""
        try:
            if self._trainer is None or self._trainer.status in ("finished", "stopped", "lost"):
                self.close()
                address, folder = find_trainer(self._env_id, self._runs_dir)
                self._trainer = Subscriber(replace(address, env=self._env_id), folder, folder.name)
            self._trainer.send("level", level=as_table(level), weight=self._weight)
        except ArenaError as error:
            return str(error)
        self._told = ""
        return f"sent to {self._trainer.title}"

    def poll(self) -> str:
        """Return what the trainer has answered since the last call, "" for nothing new."""
        if self._trainer is None:
            return ""
        self._trainer.poll()
        note = self._trainer.note
        told, self._told = self._told, note
        return note if note != told else ""

    def close(self) -> None:
        """Let the trainer go on alone."""
        if self._trainer is not None:
            self._trainer.close()
            self._trainer = None
