"""A run that does not train: its curves and its last policy at play, until somebody goes on with it."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from puffer_arena.errors import ParameterError
from puffer_arena.live.address import Address
from puffer_arena.live.history import read_metrics
from puffer_arena.live.playback import LoadActor
from puffer_arena.live.subscriber import Subscriber
from puffer_arena.live.view import ROWS, Policy


class StoppedRun(Subscriber):
    """A run that nobody trains now; once it is resumed, the window attaches as to any other.

    Args:
        run_dir: the run's folder, where its trainer is looked for every second.
        env: what it trained in.
        params: the environment's parameters.
        newest: returns the last policy saved, or None.
        total: environment steps that the run was to have.
        left: the address that a trainer which was killed left behind, if it did.
    """

    def __init__(
        self,
        run_dir: Path,
        env: str,
        params: Mapping[str, Any],
        load_actor: LoadActor,
        newest: Callable[[], Policy | None],
        total: int = 0,
        left: Address | None = None,
    ) -> None:
        super().__init__(None, run_dir, run_dir.name, load_actor, newest, env=env)
        self._address, self._trained = left, False
        self._left, self.mode, self.total = self.mode, "smooth", total
        self._history = read_metrics(run_dir / "metrics.jsonl")
        done = max((curve[-1][0] for curve in self.metrics.values() if curve), default=0.0)
        self.status = "finished" if done >= total else "stopped"
        if self.status == "stopped":
            self._note = f"go on with: train --resume {run_dir}"
        self._begin(params, ROWS)
        try:
            self._load_newest()
        except ParameterError:
            self._note = "this run has saved no checkpoint yet; only its curves can be shown"

    @property
    def modes(self) -> Sequence[str]:
        """There are no training rows before the run has been resumed."""
        return super().modes if self._trained else ("smooth",)

    def _connect(self, address: Address) -> None:
        self._trained = True
        super()._connect(address)
