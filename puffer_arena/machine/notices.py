"""What is said on standard error, beside all output: ways around something missing, and waits."""

import contextlib
import sys
import threading
import time
from collections.abc import Iterator

MARK = "puffer_arena: "
PATIENCE = 1.0  # seconds that somebody waits without wondering
SAID: set[str] = set()  # what this process has said

_lock = threading.Lock()
_waits: dict[str, float] = {}  # seconds waited so far, by reason
_announcing = threading.Event()


def say_once(text: str) -> None:
    """Say something on standard error, the first time."""
    with _lock:
        if text in SAID:
            return
        SAID.add(text)
    tell(f"{MARK}{text}")


def tell(line: str) -> None:
    """Write a line to standard error; where nobody can read it, go on."""
    if sys.stderr is not None:  # it is where the program was started without one
        with contextlib.suppress(OSError, ValueError):
            print(line, file=sys.stderr, flush=True)


def relay(line: str) -> None:
    """Write a line of another process of ours; what several of them say once is said once."""
    if line.startswith(MARK):
        say_once(line.removeprefix(MARK))
    else:
        tell(line)


@contextlib.contextmanager
def announced_waits() -> Iterator[None]:
    """Say meanwhile why one waits: for commands, since programs have words of their own."""
    _announcing.set()
    try:
        yield
    finally:
        _announcing.clear()


def announces_waits() -> bool:
    """Tell whether this process says why one waits."""
    return _announcing.is_set()


@contextlib.contextmanager
def wait(reason: str) -> Iterator[None]:
    """Say `reason` once such waits have taken PATIENCE in all, if this process announces waits."""
    if reason in SAID or not announces_waits():
        yield
        return
    timer = threading.Timer(max(0.0, PATIENCE - _waits.get(reason, 0.0)), say_once, [reason])
    timer.daemon = True
    begun = time.perf_counter()
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        _waits[reason] = _waits.get(reason, 0.0) + time.perf_counter() - begun
