"""What people change about a run while it trains: carried out, written to `steering.jsonl`, and done again from it.

A line a change: the environment steps after which it was made, its name, what was before and what is now.  A run that
is given such a file makes the same changes at the same steps, and so learns the same to the bit.
"""

import contextlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from puffer_arena.curriculum.choose import method_of
from puffer_arena.errors import ArenaError, FileError, ParameterError, printable
from puffer_arena.live.commands import Command, check_command, decode_header
from puffer_arena.machine.files import write_bytes

if TYPE_CHECKING:
    from puffer_arena.trainers.algorithms.algorithm import Algorithm

FILE_NAME = "steering.jsonl"
CHANGES = ("param", "learning_rate", "curriculum", "drop")  # the commands that change what is learned
MOST_BYTES = 20_000_000  # of a file
MOST_LINE = 64_000
SHOWN_BYTES = 50_000  # of changes that windows are told of
SHOWN = 40


@dataclass(frozen=True)
class Change:
    """One change, and the environment steps after which it was made."""

    steps: int
    command: Command
    before: Any

    @property
    def name(self) -> str:
        """What was changed: a parameter, "learning_rate", "curriculum", or "drop" for a level that was thrown out."""
        return str(self.command.arguments["name"]) if self.command.name == "param" else self.command.name

    @property
    def after(self) -> Any:
        """What it was set to."""
        return self.command.arguments[{"curriculum": "table", "drop": "key"}.get(self.command.name, "value")]

    def encode(self) -> bytes:
        """Return it as a line of a file."""
        values = {"steps": self.steps, "command": self.command.name, **self.command.arguments, "before": self.before}
        return json.dumps(values).encode() + b"\n"


def steps_after(trainer: "Algorithm", t: int) -> int:
    """Return the environment steps of a run after step `t` of a rollout."""
    return trainer.steps + (t + 1) * trainer.config.num_envs


def carry_out(trainer: "Algorithm", command: Command) -> tuple[str, Any]:
    """Make a change; return a line for the person, and what was before.

    Raises:
        ArenaError: it cannot be; all stays as it was.
    """
    given, batch = command.arguments, trainer.batch
    if command.name in ("param", "curriculum"):
        batch.env.check_own("another value of a parameter")
    if command.name == "learning_rate":
        before, trainer.learning_rate = trainer.learning_rate, float(given["value"])
        return f"the learning rate is {given['value']:g}, before its schedule", before
    if command.name == "curriculum":
        table = dict(trainer.config.curriculum)
        trainer.steer(given["table"])
        return f"{describe(given['table'])} from the next episodes on", table
    if command.name == "drop":
        director = getattr(trainer, "director", None)
        if director is None:
            raise ParameterError("there is no curriculum that keeps levels")
        director.drop(given["key"])
        return "the level is thrown out", None
    name, value = given["name"], given["value"]
    following = batch.rows.following
    was = following[name][0].tolist() if name in (following.dtype.names or ()) else None
    batch.params[name][:] = value
    late = batch.env.parameters[name].at_reset or name in batch.env.dimensions
    return f"{name} is {value} {'from the next episodes on' if late else 'now'}", was


def mixed_in(table: Mapping[str, Any], command: Command) -> Command:
    """Return the change of the curriculum that a sent level asks for.

    Raises:
        ParameterError: with it the curriculum is more than a command may carry.
    """
    levels = [*table.get("levels", []), command.arguments["level"]]
    return check_command("curriculum", {"table": {**table, "levels": levels, "weight": command.arguments["weight"]}})


def describe(table: Mapping[str, Any]) -> str:
    """Say in a line what a curriculum's table asks for."""
    if not table:
        return "curriculum fixed"
    ranges = table.get("ranges", {})
    told = ", ".join(f"{name} {value}" for name, value in ranges.items()) if isinstance(ranges, Mapping) else ""
    method = method_of(table)
    if drawn := len(table.get("levels", [])):
        told += f" with {drawn} drawn level{'' if drawn == 1 else 's'}, {100 * table.get('weight', 0.2):g} % of the episodes"
    return printable(f"curriculum {method} {told.strip()}".strip(), 200)


class SteeringLog:
    """A run's record of changes.

    Args:
        folder: the run's; a file that cannot be written is let be, as the rest of a run's folder.
        until: environment steps that the run resumes from; what was changed later is forgotten.
    """

    def __init__(self, folder: Path, until: int) -> None:
        self._path = folder / FILE_NAME
        self.changes: list[Change] = []
        with contextlib.suppress(ArenaError, OSError):
            if self._path.exists():
                known = read_steering(self._path)
                self.changes = [change for change in known if change.steps <= until]
                if len(self.changes) < len(known):
                    write_bytes(self._path, b"".join(change.encode() for change in self.changes))

    def note(self, change: Change) -> None:
        """Keep a change."""
        self.changes.append(change)
        with contextlib.suppress(OSError), self._path.open("ab") as file:
            file.write(change.encode())
            file.flush()
            os.fsync(file.fileno())

    def newest(self) -> list[list[Any]]:
        """Return the newest changes for windows, oldest first: [steps, name, before, after]."""
        found: list[list[Any]] = []
        room = SHOWN_BYTES
        for change in reversed([change for change in self.changes[-SHOWN:] if change.name != "drop"]):
            room -= len(change.encode())
            if room < 0:
                break
            found.insert(0, [change.steps, change.name, change.before, change.after])
        return found


class SteeringPlan:
    """Changes to be made again."""

    def __init__(self, changes: Sequence[Change], begun: int = 0) -> None:
        self._waiting = [change for change in changes if change.steps > begun]

    def due(self, steps: int) -> list[Change]:
        """Return the changes whose time has come, each once."""
        count = 0
        while count < len(self._waiting) and self._waiting[count].steps <= steps:
            count += 1
        found, self._waiting = self._waiting[:count], self._waiting[count:]
        return found


def read_steering(path: Path) -> list[Change]:
    """Read a file of changes.

    Raises:
        FileError: it cannot be read, or holds something else; the line is named.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise FileError(f"steering '{path}' cannot be read: {error.strerror}") from None
    if len(data) > MOST_BYTES:
        raise FileError(f"steering '{path}' is larger than {MOST_BYTES:,} bytes")
    changes: list[Change] = []
    for number, line in enumerate(data.splitlines(), 1):
        if not line.strip():
            continue
        try:
            changes.append(_read_change(line))
            if len(changes) > 1 and changes[-1].steps < changes[-2].steps:
                raise ParameterError("its steps are before those of the line above")
        except ArenaError as error:
            raise FileError(f"steering '{path}', line {number}: {error}") from None
    return changes


def _read_change(line: bytes) -> Change:
    values = decode_header(line, MOST_LINE)
    steps, name, before = values.pop("steps", None), values.pop("command", None), values.pop("before", None)
    if type(steps) is not int or not 0 <= steps < 2**63:
        raise FileError(f"steps = {printable(steps, 40)}; it is a whole number of at least 0")
    if name not in CHANGES:
        raise FileError(f"command = {printable(name, 40)}; it is one of {', '.join(CHANGES)}")
    return Change(steps, check_command(name, values), before)
