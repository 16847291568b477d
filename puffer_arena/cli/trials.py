"""What a sweep shows: its trials as a table, live in a terminal, and as a picture."""

import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

from puffer_arena.cli.output import Waiting, printable
from puffer_arena.errors import ParameterError
from puffer_arena.sweeps.study import Plan, best_trials, importances

SHOWN = 10  # of the best trials
LIVE_SECONDS = 1.0  # between two tables


class Board:
    """The table of a sweep while it goes on: one that changes in a terminal, a line now and then elsewhere.

    Args:
        plan: what the sweep does.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan, self._begun, self._next = plan, time.monotonic(), 0.0
        self._lock = threading.Lock()  # trials tell from threads of their own
        self._waiting, self._live = Waiting(), None
        if sys.stderr.isatty() and os.environ.get("TERM", "").lower() not in ("dumb", "unknown"):
            from rich.console import Console
            from rich.live import Live

            self._live = Live(console=Console(file=sys.stderr), auto_refresh=False, transient=True)

    def __enter__(self) -> "Board":
        (self._live or self._waiting).__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        (self._live or self._waiting).__exit__(None, None, None)

    def tell(self, study: Any) -> None:
        """Show how far the sweep is, if that is due."""
        with self._lock:
            spent = f"{time.monotonic() - self._begun:.0f} s"
            if self._live is None:
                if self._waiting.due():
                    self._waiting.tell(f"{progress(study)}, {spent}")
            elif time.monotonic() >= self._next:
                from rich.text import Text

                self._next = time.monotonic() + LIVE_SECONDS
                self._live.update(Text(printable(f"{report(study, self._plan)}\n{spent}")), refresh=True)


def draw(study: Any, plan: Plan, path: Path) -> None:
    """Write the complete trials by seconds and score, with those that no other beats, and what mattered, as a PNG.

    Raises:
        ParameterError: no trial is complete, or the file cannot be written.
        MissingExtra: pygame is not installed.
    """
    from puffer_arena.render.draw.chart import save_png
    from puffer_arena.render.draw.trials import draw_trials

    done = [trial for trial in study.get_trials(deepcopy=False) if trial.state.name == "COMPLETE"]
    if not done:
        raise ParameterError("no trial has been completed, so there is nothing to draw")
    runs = [(float(trial.user_attrs["seconds"]), float(trial.values[0])) for trial in done]
    title = f"{plan.order['env']}: {len(done)} runs of study '{plan.name}'"
    try:
        save_png(draw_trials(title, runs, importances(study)), path)
    except OSError as error:
        raise ParameterError(f"picture '{path}' cannot be written: {error.strerror or error}") from None


def progress(study: Any) -> str:
    """Return how many trials there are of each kind, and the best score so far."""
    trials = study.get_trials(deepcopy=False)
    counts: dict[str, int] = {}
    for trial in trials:
        counts[trial.state.name.lower()] = counts.get(trial.state.name.lower(), 0) + 1
    scores = [trial.values[0] for trial in trials if trial.state.name == "COMPLETE"]
    said = ", ".join(f"{count} {state}" for state, count in counts.items())
    return said + (f", best score {max(scores):.4g}" if scores else "")


def report(study: Any, plan: Plan) -> str:
    """Return the table of the best trials, and what mattered."""
    lines = [f"{plan.order['env']}, study '{plan.name}' in {plan.storage}: {progress(study)}"]
    for trial in study.get_trials(deepcopy=False):
        if trial.user_attrs.get("failed"):
            lines.append(f"  trial {trial.number} failed: {trial.user_attrs['failed']}")
    complete = [trial for trial in study.get_trials(deepcopy=False) if trial.state.name == "COMPLETE"]
    front = {trial.number for trial in best_trials(study)}
    shown = sorted(complete, key=lambda trial: (trial.number not in front, -trial.values[0]))[:SHOWN]
    if shown:
        columns = list(shown[0].params)
        head = ["trial", "score", "seconds", *(name.rpartition(".")[2] for name in columns)]
        rows = [head]
        for trial in shown:
            mark = "*" if trial.number in front else ""
            values = [
                f"{trial.params.get(name, ''):.4g}"
                if isinstance(trial.params.get(name), float)
                else str(trial.params.get(name, ""))
                for name in columns
            ]
            rows.append(
                [f"{trial.number}{mark}", f"{trial.values[0]:.4g}", f"{trial.user_attrs['seconds']:.1f}", *values]
            )
        widths = [max(len(row[k]) for row in rows) for k in range(len(head))]
        lines += ["", *("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)]
        lines.append(
            "* " + ("the best" if len(plan.objectives) == 1 else "beaten by no other in both score and seconds")
        )
    if found := importances(study):
        lines += ["", "what mattered to the score: " + ", ".join(f"{name} {part:.0%}" for name, part in found.items())]
    return "\n".join(lines)
