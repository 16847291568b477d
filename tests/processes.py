"""Processes of tests: Python code in one of its own, waiting for what one does, and an end to all that a test started.

Nobody here waits for a time: a slow machine is no fault.  Whoever waits in vain meets pytest's own limit, and what the
test had started ends with it.
"""

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

T = TypeVar("T")
ROOT = Path(__file__).parent.parent
MARK = "PUFFER_ARENA_TEST"  # in the surroundings of whatever a test starts, and of what that starts in turn
_started: list[str] = []
sys.addaudithook(lambda event, _: _started.append(event) if event in ("subprocess.Popen", "os.fork") else None)


@pytest.fixture(autouse=True)
def _ended_processes(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """End the processes that a test left behind, as one that fails does, and theirs."""
    mark = uuid.uuid4().hex
    monkeypatch.setenv(MARK, mark)
    _started.clear()
    yield
    if _started:
        end_marked(mark)


def end_marked(mark: str) -> list[int]:
    """Kill every process that carries a mark but this one, until there are none; return their ids."""
    ended: list[int] = []
    while found := [pid for pid in marked(mark) if pid != os.getpid()]:
        for pid in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):  # not a child of this process: its own parent is asked
                os.waitpid(pid, os.WNOHANG)
            forget_coverage(pid)
        ended += found
        time.sleep(0.002)
    return sorted(set(ended))


def forget_coverage(pid: int) -> None:
    """Delete what a process that was killed has written of its coverage: it may have been in the middle of that."""
    for path in ROOT.glob(f".coverage.*.pid{pid}.*"):
        path.unlink(missing_ok=True)


def marked(mark: str) -> list[int]:
    """Return the processes that live and carry a mark, where the system shows their surroundings."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # of somebody else, or gone meanwhile; one that has ended carries nothing
            if f"{MARK}={mark}".encode() in (folder / "environ").read_bytes():
                found.append(int(folder.name))
    return found


def wait_until(happened: Callable[[], T], process: "subprocess.Popen[str] | None" = None) -> T:
    """Wait until something has happened, and return what that was; fail when the process that should do it ends."""
    while not (result := happened()):
        if process is not None and process.poll() is not None:
            result = happened()  # its last deed, perhaps
            assert result, process.communicate()
            break
        time.sleep(0.005)
    return result


def unmeasured() -> dict[str, str]:
    """Return the surroundings of a process that finds our packages and whose coverage nobody measures.

    A KeyboardInterrupt that is raised while coverage holds its own lock never gives that back, and the process hangs;
    what a process was writing of it when it was killed is damaged.
    """
    return {**uncovered(), "PYTHONPATH": os.pathsep.join(sys.path)}


def uncovered() -> dict[str, str]:
    """Return this process's surroundings without the measuring of coverage, which takes a process half a second."""
    return {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}


def run_python(code: str, **environment: str) -> str:
    """Run code in a fresh process, whose coverage nobody measures, and return what it printed."""
    clean = {name: value for name, value in uncovered().items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env={**clean, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
