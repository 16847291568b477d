"""Ends a process that does not come back when a person asks it to.

Python runs handlers of signals between two of its own instructions, and a compiled rule has none: a process whose rule
never ends would hear neither Ctrl-C nor a termination request.  The system still writes a signal's number to the wakeup
descriptor at once, and a thread of its own, which reads it, counts: who asks twice and waits in vain for
`GRACE_SECONDS` is told so, and the process ends.
"""

import contextlib
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator

GRACE_SECONDS = 10.0  # between the second request and the end
EXIT_CODE = 130
ASKING = {int(getattr(signal, name)) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)}
SHOW_CURSOR = b"\r\n\x1b[?25h"
LAST_WORDS = (
    b"the process was asked twice to end and does not come back, most likely from a compiled rule that never ends; "
    b"it is ended now, and what was not saved is lost\n"
)

_watching = threading.Lock()


@contextlib.contextmanager
def watchdog() -> Iterator[None]:
    """Watch over what runs within, unless that is done already or this is not the main thread.

    Signals count that have a handler in Python; others do what they did.
    """
    if threading.current_thread() is not threading.main_thread() or not _watching.acquire(blocking=False):
        yield
        return
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    before = signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
    threading.Thread(target=_watch, args=(ours,), name="puffer-arena-watchdog", daemon=True).start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        theirs.close()  # which ends the thread
        _watching.release()


def _forget_in_child() -> None:
    """Leave the parent's descriptor alone: its watchdog is not to count what a fork is asked."""
    if _watching.locked():
        with contextlib.suppress(ValueError):  # forked from another thread than the one that watches
            signal.set_wakeup_fd(-1)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_in_child)


def _watch(requests: socket.socket) -> None:
    """Count requests to end until the other side is closed; end the process when the second one is in vain."""
    asked, deadline = 0, float("inf")
    with requests:
        while True:
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                break
            requests.settimeout(None if asked < 2 else remaining)
            try:
                numbers = requests.recv(64)
            except TimeoutError:
                break
            if not numbers:
                return
            asked += sum(number in ASKING for number in numbers)
            if asked >= 2 and deadline == float("inf"):
                deadline = time.monotonic() + GRACE_SECONDS
        with contextlib.suppress(OSError):  # not by way of `sys.stderr`, whose lock another thread may hold
            os.write(2, (SHOW_CURSOR if os.isatty(2) else b"") + LAST_WORDS)
        os._exit(EXIT_CODE)
