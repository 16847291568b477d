"""Threads that step spans of rows beside the calling thread, without the GIL.

A thread that sleeps takes some 50 microseconds to wake, as long as a whole step of a thousand rows.  So
a worker waits for its next call inside compiled code, watching a word of memory for as long as
back-to-back steps need, and only then sleeps.  A call reaches it as the addresses of a block and of actions.

Which core is slow changes from step to step.  So every thread takes its own span in chunks that shrink towards its end,
and then the chunks that are left of the others'.  Rows are independent: whoever steps them, the bytes are the same.
"""

import contextlib
import functools
import os
import threading
import time
import weakref
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from puffer_arena.core.fields import Array
from puffer_arena.kernels.step import Span
from puffer_arena.machine.blocks import unpacker
from puffer_arena.machine.compile import address_of, bind, compile_function, entry_point, jit, unbound
from puffer_arena.machine.memory import primitives

FEWEST = 64  # rows of one agent in a span; fewer cost more to hand over than to step
FEWEST_SCENES = 4  # the same where an engine moves the rows' bodies
FRACTIONS = np.array([0, 16, 24, 28, 30, 31, 32]) / 32  # where the chunks of a span begin and end
LINE = 8  # words between two counters, so that no two share a line of a cache
SPINS = 100_000  # looks at the control word before a worker sleeps, some 50 microseconds

# A worker's control words, int64, which fill a line: what it is called for, and addresses.
CALLED, DONE, MODE, ACTIONS, BLOCK, CODE = range(6)


step = look = unpack = address = rebase = load = store = take = call_code = unbound


@jit
def step_span(block: int, low: int, high: int, actions: Array, mode: int) -> None:
    """Step the rows from `low` to below `high`; `block` is the address of rows and buffers (see `machine/blocks.py`)."""
    rows, out = unpack(block)
    step((np.uint64(low), np.uint64(high)), rows, actions, out, mode)


@jit
def look_span(block: int, low: int, high: int, chosen: Array) -> None:
    """Observe the chosen rows of a span; see `step_span`."""
    rows, out = unpack(block)
    look((np.uint64(low), np.uint64(high)), rows, out, chosen)


@jit
def wait(control: Array) -> bool:
    """Watch for the end of a worker's call; False when it takes long."""
    for _ in range(SPINS):  # noqa: SIM110  compiled code has no any()
        if load(control, DONE) == control[CALLED]:
            return True
    return False


@jit
def work(
    controls: Array, taken: Array, edges: Array, own: int, code: int, block: int, actions: Array, mode: int
) -> bool:
    """Step rows beside other threads, as the caller or as a worker.

    The caller owns the last span and steps once; it returns False where a worker is not done soon after.  A worker takes
    part in every call that comes, and returns when none has come for a while.  It calls `step_span` by its address, so that
    it is compiled once for all environments whose actions are alike.

    Args:
        controls: the control words of each worker, int64 (workers, LINE).
        taken: how many chunks of each span somebody has taken, at every LINE-th word.
        edges: the rows where the chunks of a span begin, uint64 (spans, chunks + 1).
        own: the span to begin with.
        code: the address of the environment's `step_span`.
        block, actions, mode: of the call, as for `step_span`; a worker finds these and `code` in its control words.
    """
    calls, seen = own == len(controls), 0
    if calls:
        for part in range(len(edges)):
            taken[part * LINE] = 0
        for control in controls:
            control[MODE] = mode
            control[ACTIONS] = address(actions)
            control[BLOCK] = block
            control[CODE] = code
            store(control, CALLED, control[CALLED] + 1)
    else:
        seen = load(controls[own], DONE)
    while True:
        if not calls:
            control, called = controls[own], seen
            for _ in range(SPINS):
                called = load(control, CALLED)
                if called != seen:
                    break
            if called == seen:
                return True
            seen, mode, actions = called, control[MODE], rebase(actions, control[ACTIONS])
            block, code = control[BLOCK], control[CODE]
        for i in range(len(edges)):
            part = (own + i) % len(edges)
            k = take(taken, part * LINE)
            while k < edges.shape[1] - 1:
                call_code(code, block, edges[part, k], edges[part, k + 1], actions, mode)
                k = take(taken, part * LINE)
        if calls:
            break
        store(controls[own], DONE, seen)
    done = True
    for control in controls:
        done &= wait(control)
    return done


class Server(NamedTuple):
    """What threads run together."""

    work: Callable[..., Any]
    wait: Callable[..., Any]


def compile_step(name: str, template: Any, kind: Any, ready: dict[Any, Any], layout: str) -> Any:
    """Compile `step_span` around a step kernel.

    Args:
        name: the environment's.
        template: the kernel, bound.
        kind: of the blocks (see `Blocks.kind`).
        ready, layout: as for `compile_function`.
    """
    return compile_function(bind(step_span, name, step=template, unpack=unpacker(kind)), name, ready, layout)


def compile_look(name: str, template: Any, kind: Any, ready: dict[Any, Any], layout: str) -> Any:
    """Compile `look_span` around a look kernel, as `compile_step` does."""
    return compile_function(bind(look_span, name, look=template, unpack=unpacker(kind)), name, ready, layout)


@functools.cache
def compile_server(layout: str) -> Server:
    """Compile what threads run together, once a process.

    Args:
        layout: of actions that are records, as for `compile_function`; "" for others.
    """
    words = primitives()._asdict()
    waiting = bind(wait, "words", **words)
    working = bind(work, "words", wait=waiting, **words)
    return Server(compile_function(working, "threads", layout=layout), compile_function(waiting, "threads"))


class Worker:
    """One thread that takes part in every step.

    Args:
        server: the compiled functions.
        control: its control block.
        arguments: of `work`.
    """

    def __init__(self, server: Server, control: Array, *arguments: Any) -> None:
        self._server, self._control, self._arguments = server, control, arguments
        self._bell = threading.Lock()
        self._bell.acquire()
        self._asleep = self._closed = False
        self._error: BaseException | None = None
        threading.Thread(target=self._run, name="puffer-arena-rows", daemon=True).start()

    def _run(self) -> None:
        while not self._closed:
            self._asleep = True  # announced before the look at the word, so that no call is missed
            if self._error is not None or self._control[CALLED] == self._control[DONE]:
                self._bell.acquire()
            self._asleep = False
            try:
                self._server.work(*self._arguments)
            except BaseException as error:  # raised again in the calling thread
                self._error = error

    def wake(self) -> None:
        """Have the thread watch for calls, if it sleeps."""
        if self._asleep:
            self._asleep = False
            self._ring()

    def _ring(self) -> None:
        with contextlib.suppress(RuntimeError):  # it rings already
            self._bell.release()

    def join(self) -> BaseException | None:
        """Wait for the call to end, and return what went wrong in it."""
        while not self._server.wait(self._control):
            if self._error is not None:
                self._control[DONE] = self._control[CALLED]  # before the error goes: nobody takes up the call again
                error, self._error = self._error, None
                return error
            self.wake()
            time.sleep(0)
        return None

    def close(self) -> None:
        self._closed = True
        self._ring()  # also a thread that is just about to sleep


class Crew:
    """Steps rows of a batch on several threads; `close` or garbage collection ends them.

    A fork leaves its child the calling thread alone, which then steps all rows.

    Args:
        server: the compiled functions.
        kernel: the environment's `step_span`, compiled.
        size: how many threads, with the caller's, and how many rows there are at least for each.
        block: an address of rows and buffers.
        actions: such as steps are given.

    Attributes:
        fewest: rows that it is worth calling it for.
    """

    def __init__(self, server: Server, kernel: Any, size: tuple[int, int], block: int, actions: Array) -> None:
        team, each = size
        self.fewest = 2 * each
        taken = np.zeros(team * LINE, np.int64)
        edges = np.zeros((team, len(FRACTIONS)), np.uint64)
        controls = np.zeros((team - 1, LINE), np.int64)
        self._edges, self._span = edges, (0, 0)  # of the last step
        self._server, self._kernel = server, kernel
        self._code: Callable[..., Any] | None = None  # of the server's work, once it is compiled
        self._address = 0  # of the kernel's code
        self._together = (controls, taken, edges, len(controls))
        self._alone = (controls[:0], taken, edges, 0)
        self._workers: list[Worker] = []
        self._late = False  # an interrupt may have left a worker at work
        for own, control in enumerate(controls):
            self._workers.append(Worker(server, control, controls, taken, edges, own, 0, block, actions, 0))
        _crews.add(self)
        self._finalizer = weakref.finalize(self, _dismiss, self._workers)

    def step(self, block: int, actions: Array, mode: int, rows: Span) -> None:
        """Step the rows of a span; the calling thread begins with the last part, and does all once the others have ended."""
        if self._late:
            self._join()
        if rows != self._span:
            self._share_out(rows)
        for worker in self._workers:
            worker.wake()
        self._late = True
        first = self._together if self._workers else self._alone
        if self._code is None:
            self._address = address_of(self._kernel, block, 0, 0, actions, mode)
            self._code = entry_point(self._server.work, *first, self._address, block, actions, mode)
        try:
            done = self._code(*first, self._address, block, actions, mode)
        except Exception:
            self._join()
            raise
        errors = self._join() if done is False else []
        self._late = False
        if errors:
            raise errors[0]

    def _share_out(self, rows: Span) -> None:
        """Write down whose rows are whose in the calls to come; nobody is in one now."""
        low, high = rows
        begins = low + (high - low) * np.arange(len(self._edges) + 1) // len(self._edges)
        self._edges[:] = begins[:-1, None] + FRACTIONS * (begins[1:] - begins[:-1])[:, None]
        self._span = rows

    def _join(self) -> list[BaseException]:
        """Wait until no worker steps, and return what went wrong in each."""
        return [error for error in (worker.join() for worker in self._workers) if error is not None]

    def forget(self) -> None:
        """Do without the other threads: they are not there any more."""
        self._workers.clear()

    def close(self) -> None:
        """End the threads."""
        self._finalizer()


def _dismiss(workers: list[Worker]) -> None:
    while workers:
        workers.pop().close()


_crews: "weakref.WeakSet[Crew]" = weakref.WeakSet()


def _forget_threads() -> None:
    """Know, in a process just forked, that it has only one thread."""
    for crew in list(_crews):
        crew.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_threads)
