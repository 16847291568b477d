"""A pool: threads that run the same call over several parts of the work, the calling thread among them.

Torch operations and kernels release the GIL, so they run side by side.  Handing a part over costs some
microseconds; a part should take a good deal longer.
"""

import threading
import weakref
from collections.abc import Callable, Sequence
from typing import Any

import torch

TRIES = 5  # at a thread: what traces all threads, as coverage does, may end one at its beginning


class _Worker:
    """One thread that runs one call at a time."""

    def __init__(self) -> None:
        self._begin, self._end = threading.Lock(), threading.Lock()
        self._begin.acquire()
        self._end.acquire()
        self._call: Callable[[], Any] | None = None
        self._error: BaseException | None = None
        self._runs = threading.Event()
        for _ in range(TRIES):
            self._thread = threading.Thread(target=self._run, name="puffer-arena-pool", daemon=True)
            self._thread.start()
            if self._comes_up():
                return
        raise RuntimeError("a thread of the pool ends before it runs")

    def _comes_up(self) -> bool:
        """Wait for the thread's first line; tell whether it was reached."""
        while self._thread.is_alive():
            if self._runs.wait(0.05):
                return True
        return self._runs.is_set()

    def _run(self) -> None:
        self._runs.set()
        # OpenMP keeps this per thread: without it a thread's matrix products would start threads of their own, and add
        # up in another order.
        torch.set_num_threads(1)
        while True:
            self._begin.acquire()
            if self._call is None:
                return
            try:
                self._call()
            except BaseException as error:  # raised again in the calling thread, by `join`
                self._error = error
            self._end.release()

    def start(self, call: Callable[[], Any] | None) -> None:
        """Begin a call; None ends the thread."""
        self._call = call
        self._begin.release()

    def join(self) -> None:
        """Wait for the call to end."""
        self._end.acquire()
        self._call = None
        if self._error is not None:
            error, self._error = self._error, None
            raise error

    def end(self) -> None:
        """End the thread; a process must not end while one still runs."""
        self.start(None)
        if self._thread is not threading.current_thread():
            self._thread.join()


class ThreadPool:
    """Runs a call once for each of `parts`; `close` or garbage collection ends the threads."""

    def __init__(self, parts: Sequence[Any]) -> None:
        self.parts = list(parts)
        self._workers = [_Worker() for _ in self.parts[1:]]
        self._finalizer = weakref.finalize(self, _dismiss, self._workers)

    def run(self, call: Callable[..., Any], *arguments: Any) -> None:
        """Call `call(part, *arguments)` for every part and wait for all of them."""
        for worker, part in zip(self._workers, self.parts[1:], strict=True):
            worker.start(lambda part=part: call(part, *arguments))  # type: ignore[misc]  # binds the loop's part
        try:
            call(self.parts[0], *arguments)
        finally:
            for worker in self._workers:
                worker.join()

    def close(self) -> None:
        """End the threads."""
        self._finalizer()


def _dismiss(workers: list[_Worker]) -> None:
    while workers:
        workers.pop().end()
