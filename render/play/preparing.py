"""Compiling what a branch needs beside the window, which goes on drawing and answering meanwhile."""

import threading
from collections.abc import Callable, Hashable

from puffer_arena.batch.batch import Batch
from puffer_arena.errors import ArenaError
from puffer_arena.render.play.match import Sitter

BEFORE = 3  # rounds of the window's loop in which it draws that it will stand still
_ready: set[Hashable] = set()  # what this process has compiled


class Preparing:
    """One preparation at a time, and what follows it."""

    def __init__(self) -> None:
        self._key: Hashable = None
        self._thread: threading.Thread | None = None
        self._then: Callable[[], None] | None = None
        self._rounds = 0

    @property
    def busy(self) -> bool:
        """Whether something waits for it."""
        return self._then is not None

    def begin(self, key: Hashable, work: Callable[[], None], then: Callable[[], None], *, beside: bool = True) -> None:
        """Do `work` in a thread, unless it was done for this `key`, and `then` in the window's own, once it polls.

        Args:
            key: names what is prepared.
            work: uses nothing of the window's.
            then: begins the branch.
            beside: False where `work` must not run in another thread: `then` compiles, after the window has said so.
        """
        if self.busy:
            return
        if key in _ready:
            then()
            return
        self._then, self._rounds = then, BEFORE
        if not beside:
            self._key, self._thread = key, None
        elif self._thread is None or not self._thread.is_alive() or self._key != key:
            self._key = key
            self._thread = threading.Thread(target=work, name="preparing")  # ends before the process does: it compiles
            self._thread.start()

    def poll(self) -> None:
        """Go on with what follows, once all is prepared."""
        self._rounds -= 1
        ready = self._rounds <= 0 if self._thread is None else not self._thread.is_alive()
        if self._then is None or not ready:
            return
        then, self._then, self._thread = self._then, None, None
        _ready.add(self._key)
        then()

    def cancel(self) -> bool:
        """Let nothing follow; tell whether something would have."""
        busy, self._then = self.busy, None
        return busy


def rehearse(make: Callable[[], Batch], sitter: Sitter) -> None:
    """Do once what a branch does, so that all of its code is compiled; what cannot be is told by the branch itself.

    Args:
        make: makes its row.
        sitter: who steers what the person does not.
    """
    try:
        with make() as batch:
            batch.restore(0, batch.snapshot(0))
            sitter.check(batch)
            batch.step(batch.actions.copy())
            batch.rewind(0, 0)
    except ArenaError:
        pass
