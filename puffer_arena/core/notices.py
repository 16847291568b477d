"""What is said beside all output, on standard error: a way around something missing, and waits that need a reason."""

import contextlib
import sys
import threading
import time
from collections.abc import Iterator

PATIENCE = 1.0  # seconds that somebody waits without wondering
SAID: set[str] = set()  # what this process has said

_lock = threading.Lock()
_waits: dict[str, float] = {}  # seconds waited so far, by reason
_announcing = threading.Event()


def say_once(text: str) -> None:
    """Say something on standard error, the first time; where nobody can read that, go on."""
    with _lock:
        if text in SAID:
            return
        SAID.add(text)
    if sys.stderr is not None:  # it is where the program was started without one
        with contextlib.suppress(OSError, ValueError):
            print(f"puffer_arena: {text}", file=sys.stderr, flush=True)


def announce_waits() -> None:
    """Say from now on why one waits: for commands, since a program that uses this package has its own words."""
    _announcing.set()


def announces_waits() -> bool:
    """Tell whether this process says why one waits."""
    return _announcing.is_set()


@contextlib.contextmanager
def wait(reason: str) -> Iterator[None]:
    """Say `reason` once such waits have taken longer than PATIENCE in all, if this process announces waits."""
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
