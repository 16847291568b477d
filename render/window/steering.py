"""What a person has changed about a run: sent on, kept for undo and redo, and marked on the charts."""

from dataclasses import dataclass, field
from typing import Any

from puffer_arena.render.draw.numbers import format_value
from puffer_arena.render.window.source import Source

RATE = "learning rate"  # its name here, which no parameter can have


@dataclass(frozen=True)
class Change:
    """One setting, before and after a person changed it."""

    name: str
    before: Any
    after: Any


@dataclass
class Steering:
    """The changes of this window, newest last.

    Attributes:
        done: what can be undone.
        undone: what can be done again.
        marks: (environment steps, what changed) for the charts.
    """

    done: list[Change] = field(default_factory=list)
    undone: list[Change] = field(default_factory=list)
    marks: list[tuple[int, str]] = field(default_factory=list)

    def change(self, source: Source, name: str, before: Any, after: Any) -> None:
        """Set something, unless it has that value already."""
        if before == after:
            return
        self.done.append(Change(name, before, after))
        self.undone.clear()
        self._send(source, name, after)

    def undo(self, source: Source) -> None:
        """Take the last change back, if there is one."""
        if self.done:
            change = self.done.pop()
            self.undone.append(change)
            self._send(source, change.name, change.before)

    def redo(self, source: Source) -> None:
        """Make the last change that was taken back once more, if there is one."""
        if self.undone:
            change = self.undone.pop()
            self.done.append(change)
            self._send(source, change.name, change.after)

    def _send(self, source: Source, name: str, value: Any) -> None:
        steps = source.frame.steps if source.frame is not None else 0
        shown = str(value) if isinstance(value, bool) else format_setting(value)
        self.marks.append((steps, f"{name.replace('_', ' ')} {shown}"))
        if name == RATE:
            source.send("learning_rate", value=value)
        else:
            source.send("param", name=name, value=value)


def format_setting(value: float) -> str:
    """Write a setting without figures that say nothing."""
    return f"{value:.4g}" if abs(value) < 1e5 else format_value(value)
