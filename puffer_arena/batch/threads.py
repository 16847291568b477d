"""A pair of hands for the kernels: threads that each run one span of rows without the GIL.

The calling thread takes the first span itself, so two spans cost one hand-over (some microseconds).
"""

import itertools
import threading
import weakref
from collections.abc import Callable
from typing import Any

MIN_SPAN = 64  # rows; a smaller span costs more to hand over than to step


def spans(num_rows: int, parts: int) -> list[tuple[int, int]]:
    """Split range(num_rows) into at most `parts` contiguous spans of nearly equal size."""
    parts = max(1, min(parts, num_rows // MIN_SPAN))
    edges = [num_rows * k // parts for k in range(parts + 1)]
    return list(itertools.pairwise(edges))


class _Worker:
    """One thread that runs one call at a time."""

    def __init__(self) -> None:
        self._begin, self._end = threading.Lock(), threading.Lock()
        self._begin.acquire()
        self._end.acquire()
        self._call: Callable[[], Any] | None = None
        self._error: BaseException | None = None
        threading.Thread(target=self._run, name="puffer-arena-rows", daemon=True).start()

    def _run(self) -> None:
        while True:
            self._begin.acquire()
            if self._call is None:
                return
            try:
                self._call()
            except BaseException as error:  # handed to the caller by `join`
                self._error = error
            self._end.release()

    def start(self, call: Callable[[], Any] | None) -> None:
        self._call = call
        self._begin.release()

    def join(self) -> None:
        self._end.acquire()
        self._call = None
        if self._error is not None:
            error, self._error = self._error, None
            raise error


class Crew:
    """Runs a kernel over several spans at once; `close` or garbage collection ends its threads."""

    def __init__(self, spans: list[tuple[int, int]]) -> None:
        self.spans = spans
        self._workers = [_Worker() for _ in spans[1:]]
        self._finalizer = weakref.finalize(self, _dismiss, self._workers)

    def run(self, kernel: Callable[..., Any], *arguments: Any) -> None:
        """Call `kernel(span, *arguments)` for every span and wait for all of them."""
        for worker, span in zip(self._workers, self.spans[1:], strict=True):
            worker.start(lambda span=span: kernel(span, *arguments))  # type: ignore[misc]  # binds the loop's span
        try:
            kernel(self.spans[0], *arguments)
        finally:
            for worker in self._workers:
                worker.join()

    def close(self) -> None:
        """End the threads."""
        self._finalizer()


def _dismiss(workers: list[_Worker]) -> None:
    while workers:
        workers.pop().start(None)
