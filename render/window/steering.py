"""What a person has changed about a run: sent on, kept for undo and redo, and marked on the charts."""

from dataclasses import dataclass, field
from typing import Any

from puffer_arena.curriculum.choose import method_of
from puffer_arena.render.draw.numbers import format_value
from puffer_arena.render.window.source import Source

RATE, CURRICULUM = "learning rate", "the curriculum"  # their names here, which no parameter can have
TOLD = {"learning_rate": RATE, "curriculum": CURRICULUM}  # as a trainer tells them


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
        met: whether this window has asked for anything, or taken over what was changed before it came.
    """

    done: list[Change] = field(default_factory=list)
    undone: list[Change] = field(default_factory=list)
    marks: list[tuple[int, str]] = field(default_factory=list)
    met: bool = False

    def adopt(self, source: Source) -> None:
        """Take over what was changed before this window came, or by others: marks always, undo where it has none."""
        told = [(steps, TOLD.get(name, name), before, after) for steps, name, before, after in source.steering.changes]
        if not told:
            return
        self.marks = [(steps, f"{name.replace('_', ' ')} {format_setting(after)}") for steps, name, _, after in told]
        if not self.met:
            self.done = [Change(name, before, after) for _, name, before, after in told] + self.done
            self.met = True

    def change(self, source: Source, name: str, before: Any, after: Any) -> None:
        """Set something, unless it has that value already."""
        if before == after:
            return
        self.met = True
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
        self.marks.append((steps, f"{name.replace('_', ' ')} {format_setting(value)}"))
        if name == CURRICULUM:
            source.send("curriculum", table=value)
        elif name == RATE:
            source.send("learning_rate", value=value)
        else:
            source.send("param", name=name, value=value)


def format_setting(value: Any) -> str:
    """Write a setting without figures that say nothing."""
    if isinstance(value, dict):
        ranges = value.get("ranges", {})
        told = [f"{name} {given}" for name, given in ranges.items()] if isinstance(ranges, dict) else []
        return " ".join([str(method_of(value)), *told])[:80] if value else "fixed"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)[:80]
    return f"{value:.4g}" if abs(value) < 1e5 else format_value(value)
