"""Lines of a table, each measured by a process that may fail without the others.

measure({"a line": function}, ["a line"], print)    # in the process that measures
for name, found in gather(command, names, until, each):     # in the one that prints the table
"""

import contextlib
import json
import queue
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

from puffer_arena.errors import ArenaError, DeviceError, MissingExtra

STARTING = 20.0  # seconds that a line may take at least; with less left none is begun


def measure(lines: Mapping[str, Callable[[], str]], names: Sequence[str], say: Callable[[str], None]) -> None:
    """Measure some lines, and say each as JSON: name, what was found, and whether it may have spoilt this process.

    After such a one the others are left to another process: what a GPU's kernel did wrong stays with its context.
    """
    for name in names:
        try:
            found, spoilt = lines[name](), False
        except Exception as error:
            missing = isinstance(error, DeviceError | MissingExtra)
            found = f"{'NOT RUN' if missing else 'FAILS'}: {type(error).__name__}: {' '.join(str(error).split())[:300]}"
            spoilt = not isinstance(error, ArenaError | AssertionError | ImportError)
        say(json.dumps([name, found, spoilt]))
        if spoilt:
            return


class Process:
    """Measures lines, one after the other, in a process of its own.

    Args:
        command: that runs `measure`; the names are its last arguments.
        names: of the lines.

    Attributes:
        left: names of the lines that are not done.
        ended: whether it measures no more.
    """

    def __init__(self, command: Sequence[str], names: Sequence[str]) -> None:
        self.left, self.ended = list(names), False
        self._running = subprocess.Popen([*command, *names], stdout=subprocess.PIPE, text=True)
        self._said: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        for said in self._running.stdout or ():
            if said.startswith("["):  # others write there, too
                self._said.put(said)
        self._said.put(None)

    def found(self, seconds: float) -> tuple[str, str]:
        """Wait for the next line, and return its name and what was found; without an answer end the process."""
        name = self.left.pop(0)
        try:
            said = self._said.get(timeout=max(seconds, 0.1))
        except queue.Empty:
            self._running.kill()
            self.close()
            return name, "FAILS: no answer in its time"
        if said is None:
            self.close()
            return name, f"FAILS: its process ended with code {self._running.returncode}"
        _, text, spoilt = json.loads(said)
        if spoilt:
            self.close()
        return name, text

    def close(self) -> None:
        """End it, if it has not ended."""
        self.ended = True
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._running.wait(1.0)
        self._running.kill()
        self._running.wait()


def together(command: Sequence[str], names: Sequence[str], seconds: float) -> Iterator[tuple[str, str]]:
    """Yield what is found of lines that are measured at once, a process each, as `gather` does."""
    until, processes = time.monotonic() + seconds, [Process(command, [name]) for name in names]
    for process in processes:
        yield process.found(until - time.monotonic())
        process.close()


def gather(command: Sequence[str], names: Sequence[str], until: float, each: float) -> Iterator[tuple[str, str]]:
    """Yield what is found of lines, one by one; a process that ends before all are done is followed by another.

    Args:
        command: see `Process`.
        names: of the lines.
        until: the time, as of `time.monotonic`, after which none is waited for.
        each: seconds for one line.
    """
    left, process = list(names), None
    while left and until - time.monotonic() > min(STARTING, each):
        if process is None or process.ended:
            process = Process(command, left)
        yield process.found(min(each, until - time.monotonic()))
        left = process.left
    if process is not None and not process.ended:
        process.close()
    yield from ((name, "not begun: the time is over") for name in left)
