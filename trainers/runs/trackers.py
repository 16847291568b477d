"""Trackers of other makers beside TensorBoard: Weights & Biases, and trackio, which has the same three calls.

Nothing that goes wrong with one ends a run: a missing package or network is said once, and the run goes on without.
"""

import contextlib
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from puffer_arena.errors import UnknownName, require, suggest
from puffer_arena.trainers.runs.log import grouped

TRACKERS = {"wandb": "track", "trackio": "trackio"}  # module -> extra
PROJECT = "puffer_arena"
SECONDS = 1.0  # between what is sent


def check_tracker(name: str) -> None:
    """Check that there is a tracker of that name.

    Raises:
        UnknownName: there is none.
    """
    if name not in TRACKERS:
        raise UnknownName(f"unknown tracker '{name}'; {suggest(name, TRACKERS)}")


class Tracker:
    """One run at one tracker.

    Args:
        name: of `TRACKERS`.
        folder: the run's; its name is the run's there, and files lie in it.
        warn: told, once, what goes wrong.

    Raises:
        UnknownName: no such tracker.
    """

    def __init__(self, name: str, folder: Path, warn: Callable[[str], None]) -> None:
        check_tracker(name)
        self.name, self.folder, self.warn = name, folder, warn
        self._module: Any = None
        self._run: Any = None
        self._off = False
        self._last = 0.0
        self._held: dict[str, float] | None = None  # the newest metrics, where they are not sent yet

    def begin(self, config: Mapping[str, Any]) -> None:
        """Open the run with its config; one that is resumed goes on where it was."""

        def open_run() -> None:
            self._module = require(self.name, TRACKERS[self.name])
            own = {"dir": str(self.folder), "id": self.folder.name} if self.name == "wandb" else {}
            known = {**config, "commit": commit_here()}
            self._run = self._module.init(project=PROJECT, name=self.folder.name, config=known, resume="allow", **own)

        self._attempt(open_run)

    def write(self, metrics: Mapping[str, float]) -> None:
        """Send an update's metrics; where the last ones were sent just now, only if no others follow."""
        self._held = dict(metrics)
        if time.monotonic() - self._last >= SECONDS:
            self._last = time.monotonic()
            self._attempt(self._send)

    def _send(self) -> None:
        if (metrics := self._held) is not None:
            self._held = None
            self._run.log(grouped(metrics), step=int(metrics["steps"]))

    def show(self, video: Path, steps: int) -> None:
        """Show a video of episodes, a GIF."""
        if self._run is not None:
            self._attempt(lambda: self._run.log({"episodes": self._module.Video(str(video))}, step=steps))

    def close(self, policy: Path | None, bot: Path | None = None) -> None:
        """End the run, with the newest checkpoint and the bot made of it kept beside it where the tracker keeps files."""
        if self._off or self._run is None:
            return

        def end() -> None:
            self._send()
            if policy is not None and hasattr(self._run, "log_artifact"):
                kept = self._module.Artifact("policy", "model")
                for file in (policy, bot):
                    if file is not None:
                        kept.add_file(str(file))
                self._run.log_artifact(kept)
            self._run.finish()

        self._attempt(end)
        self._run = None

    def _attempt(self, action: Callable[[], None]) -> None:
        """Do something with the tracker; what it raises is said once, and nothing more is done with it."""
        if self._off:
            return
        try:
            action()
        except Exception as error:  # of other makers' code and of the network: anything
            self._off = True
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            self.warn(f"no tracking by {self.name}: {reason}; training goes on without")
            with contextlib.suppress(Exception):
                if self._run is not None:
                    self._run.finish()


def commit_here() -> str:
    """Return the commit of the working folder, with a "+" where files differ from it; "" where git knows none."""

    def ask(*words: str) -> str:
        return subprocess.run(["git", *words], capture_output=True, text=True, timeout=5, check=True).stdout.strip()

    try:
        return ask("rev-parse", "HEAD") + ("+" if ask("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.SubprocessError):
        return ""
