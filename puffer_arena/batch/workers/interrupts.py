"""Ctrl-C, held back while a batch is in the middle of a step."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any


class _Hold:
    """A handler that keeps the first interrupt back and lets the next ones through."""

    def __init__(self, handler: Callable[[int, FrameType | None], Any]) -> None:
        self.handler = handler
        self.held: list[FrameType | None] = []

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if self.held:
            self.handler(number, frame)
        self.held.append(frame)


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Let a step end before the interrupt that came meanwhile; a second one is let through at once.

    Rows are then either before the step or after it, and a batch can go on after a KeyboardInterrupt.  Inside another
    such block it changes nothing.
    """
    before: Any = signal.getsignal(signal.SIGINT)
    in_main = threading.current_thread() is threading.main_thread()
    if not in_main or not callable(before) or isinstance(before, _Hold):
        yield
        return
    hold = _Hold(before)
    signal.signal(signal.SIGINT, hold)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if hold.held:
        before(signal.SIGINT, hold.held[0])
