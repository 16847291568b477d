"""The programs that the launcher starts: each a process of its own, whose trouble is told in one line."""

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from typing import IO, Any

from puffer_arena.batch.workers.processes import python
from puffer_arena.errors import printable

MOST_BYTES = 4000  # of what a program said last
FINE = (0, 130, -2)  # done, and interrupted by the person
START = "from puffer_arena.__main__ import main; sys.exit(main())"


class Programs:
    """What was started, until it ends; programs outlive the launcher."""

    def __init__(self) -> None:
        self._running: list[tuple[Sequence[str], subprocess.Popen[bytes], IO[bytes]]] = []

    def start(self, arguments: Sequence[str]) -> str:
        """Start a command of puffer_arena; return what to tell the person."""
        own_group: dict[str, Any] = (  # Ctrl-C in the launcher's terminal is not for them
            {"creationflags": 0x200} if sys.platform == "win32" else {"start_new_session": True}
        )
        said = tempfile.TemporaryFile()  # noqa: SIM115  closed once the program has ended
        try:
            process = subprocess.Popen(
                python(START, *arguments), stdin=subprocess.DEVNULL, stdout=said, stderr=said, **own_group
            )
        except OSError as error:
            said.close()
            return f"{arguments[0]} cannot be started: {error.strerror}"
        self._running.append((tuple(arguments), process, said))
        return f"starting: {' '.join(arguments)}"

    def poll(self) -> str:
        """Let go of programs that have ended; return what one of them had to say, "" for nothing."""
        note = ""
        for entry in [entry for entry in self._running if entry[1].poll() is not None]:
            self._running.remove(entry)
            arguments, process, said = entry
            with said:
                silence = "" if process.returncode in FINE else f"exit code {process.returncode}"
                if told := last_line(said) or silence:
                    note = f"{arguments[0]}: {told}"
        return note

    def running(self) -> list[tuple[str, int]]:
        """Return the commands that go on, with their processes' numbers."""
        return [(" ".join(arguments), process.pid) for arguments, process, _ in self._running if process.poll() is None]


def last_line(said: IO[bytes]) -> str:
    """Return the last line of a file, as a person may read it."""
    size = said.seek(0, 2)
    said.seek(max(size - MOST_BYTES, 0))
    lines = said.read().decode("utf-8", "replace").strip().splitlines()
    return printable(lines[-1].removeprefix("error: ")) if lines else ""
