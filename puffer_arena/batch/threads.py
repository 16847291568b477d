"""Threads that step spans of rows beside the calling thread, without the GIL.

A thread that sleeps takes some 50 microseconds to wake, as long as a whole step of a thousand rows.  So
a worker waits for its next call inside compiled code, watching a word of memory for as long as
back-to-back steps need, and only then sleeps.  A call reaches it as addresses of the arrays to use.

Which core is slow changes from step to step.  So every thread takes its own span in chunks that shrink towards its end,
and then the chunks that are left of the others'.  Rows are independent: whoever steps them, the bytes are the same.
"""

import contextlib
import functools
import itertools
import os
import threading
import time
import weakref
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from puffer_arena.core.compile import bind, compile_function, jit, load_numba
from puffer_arena.core.fields import Array
from puffer_arena.core.kernel import Buffers, Rows, Span

MIN_SPAN = 64  # rows; a smaller span costs more to hand over than to step
FRACTIONS = np.array([0, 16, 24, 28, 30, 31, 32]) / 32  # where the chunks of a span begin and end
LINE = 8  # words between two counters, so that no two share a line of a cache
SPINS = 100_000  # looks at the control word before a worker sleeps, some 50 microseconds

# A worker's control block: int64 words.
CALLED, DONE, MODE, ACTIONS, BUFFERS = range(5)  # from BUFFERS on, one address per field of Buffers
WORDS = BUFFERS + len(Buffers._fields)


class Primitives(NamedTuple):
    """What Python has no words for: an array at another address, and ordered memory access."""

    rebase: Any  # rebase(array, address): an array like `array` whose data begin at `address`
    load: Any  # load(words, index): read after what the writer wrote before
    store: Any  # store(words, index, value): write after all that was written before
    take: Any  # take(words, index): add 1 to a word, and return what it was


@functools.cache
def primitives() -> Primitives:
    """Define the compiled primitives."""
    null: Any = load_numba().core.cgutils.get_null_value
    from numba import types
    from numba.extending import intrinsic

    @intrinsic
    def rebase(context: Any, array: Any, address: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            kind = context.make_array(signature.args[0])
            source, moved = kind(context, builder, arguments[0]), kind(context, builder)
            for name in ("nitems", "itemsize", "shape", "strides"):
                setattr(moved, name, getattr(source, name))
            moved.data = builder.inttoptr(arguments[1], source.data.type)
            moved.meminfo = null(source.meminfo.type)
            moved.parent = null(source.parent.type)
            return moved._getvalue()

        return array(array, types.int64), generate

    def word(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        return builder.gep(array.data, [arguments[1]])

    @intrinsic
    def load(context: Any, words: Any, index: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return builder.load_atomic(word(context, builder, signature, arguments), "acquire", 8)

        return types.int64(words, types.intp), generate

    @intrinsic
    def store(context: Any, words: Any, index: Any, value: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            builder.store_atomic(arguments[2], word(context, builder, signature, arguments), "release", 8)
            return context.get_dummy_value()

        return types.void(words, types.intp, types.int64), generate

    @intrinsic
    def take(context: Any, words: Any, index: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            place = word(context, builder, signature, arguments)
            return builder.atomic_rmw("add", place, context.get_constant(types.int64, 1), "acq_rel")

        return types.int64(words, types.intp), generate

    return Primitives(rebase, load, store, take)


def _unbound(*_: Any) -> Any:
    raise AssertionError("a template was called before it was bound")


step = rebase = load = store = take = _unbound


@jit
def share(taken: Array, edges: Array, own: int, rows: Rows, actions: Array, out: Buffers, mode: int) -> None:
    """Step the chunks that nobody has taken: of span `own` first, then of the others.

    `taken` counts a span's chunks at every LINE-th word; `edges` are their rows, uint64 (spans, chunks + 1).
    """
    for i in range(len(edges)):
        part = (own + i) % len(edges)
        k = take(taken, part * LINE)
        while k < edges.shape[1] - 1:
            step((edges[part, k], edges[part, k + 1]), rows, actions, out, mode)
            k = take(taken, part * LINE)


@jit
def serve(control: Array, taken: Array, edges: Array, own: int, rows: Rows, actions: Array, out: Buffers) -> None:
    """Take part in every call that comes; return when none has come for a while."""
    seen = load(control, DONE)
    while True:
        called = seen
        for _ in range(SPINS):
            called = load(control, CALLED)
            if called != seen:
                break
        if called == seen:
            return
        target = Buffers(
            rebase(out.obs, control[BUFFERS]),
            rebase(out.rewards, control[BUFFERS + 1]),
            rebase(out.terminated, control[BUFFERS + 2]),
            rebase(out.truncated, control[BUFFERS + 3]),
            rebase(out.final_obs, control[BUFFERS + 4]),
            rebase(out.alive, control[BUFFERS + 5]),
            rebase(out.action_mask, control[BUFFERS + 6]),
        )
        share(taken, edges, own, rows, rebase(actions, control[ACTIONS]), target, control[MODE])
        store(control, DONE, called)
        seen = called


@jit
def wait(control: Array) -> bool:
    """Watch for the end of the call; False when it takes long."""
    for _ in range(SPINS):  # noqa: SIM110  compiled code has no any()
        if load(control, DONE) == control[CALLED]:
            return True
    return False


@jit
def call(control: Array, value: int) -> None:
    store(control, CALLED, value)


class Server(NamedTuple):
    """The compiled functions of the workers of one environment."""

    share: Callable[..., Any]
    serve: Callable[..., Any]
    wait: Callable[..., Any]
    call: Callable[..., Any]


def compile_server(name: str, template: Any, compiled: Any, layout: str) -> Server:
    """Compile what workers run around a step kernel, given bound and compiled."""
    words = primitives()._asdict()
    shared = bind(share, name, step=template, **words)
    ready = {template: compiled}
    ready[shared] = compile_function(shared, name, ready, layout)
    return Server(
        ready[shared],
        compile_function(bind(serve, name, share=shared, **words), name, ready, layout),
        compile_function(bind(wait, "words", **words), name),
        compile_function(bind(call, "words", **words), name),
    )


def split_rows(num_rows: int, parts: int) -> list[Span]:
    """Split range(num_rows) into at most `parts` contiguous spans of nearly equal size.

    Their ends are unsigned, which spares compiled indexing the test for negative indices.
    """
    parts = max(1, min(parts, num_rows // MIN_SPAN))
    edges = [num_rows * k // parts for k in range(parts + 1)]
    return [(low, high) for low, high in itertools.pairwise(np.array(edges, np.uint64))]


class Worker:
    """One thread that takes part in every step.

    Args:
        server: the compiled functions.
        arguments: of `serve`, but for the control block.
    """

    def __init__(self, server: Server, *arguments: Any) -> None:
        self._server, self._arguments = server, arguments
        self._control = np.zeros(WORDS, np.int64)
        self._bell = threading.Lock()
        self._bell.acquire()
        self._asleep = self._closed = False
        self._error: BaseException | None = None
        threading.Thread(target=self._run, name="puffer-arena-rows", daemon=True).start()

    def _run(self) -> None:
        while not self._closed:
            self._asleep = True  # announced before the look at the word, so that no call is missed
            if self._control[CALLED] == self._control[DONE]:
                self._bell.acquire()
            self._asleep = False
            try:
                self._server.serve(self._control, *self._arguments)
            except BaseException as error:  # raised again in the calling thread, by `join`
                self._error = error
                self._control[DONE] = self._control[CALLED]

    def start(self, mode: int, addresses: list[int]) -> None:
        """Have rows stepped with the actions and buffers at `addresses`; `join` waits for it."""
        self._control[MODE:] = [mode, *addresses]
        self._server.call(self._control, self._control[CALLED] + 1)
        if self._asleep:
            self._ring()

    def _ring(self) -> None:
        self._asleep = False
        with contextlib.suppress(RuntimeError):  # it rings already
            self._bell.release()

    def join(self) -> None:
        """Wait for the call to end."""
        while not self._server.wait(self._control):
            time.sleep(0)
        if self._error is not None:
            error, self._error = self._error, None
            raise error

    def close(self) -> None:
        self._closed = True
        self._ring()


class Crew:
    """Steps all rows of a batch on several threads; `close` or garbage collection ends them.

    A fork leaves its child the calling thread alone, which then steps all rows.
    """

    def __init__(
        self, step_kernel: Any, server: Server | None, spans: list[Span], rows: Rows, actions: Array, out: Buffers
    ) -> None:
        self._step, self._span = step_kernel, spans[0]
        self._taken = np.zeros(len(spans) * LINE, np.int64)
        self._edges = np.stack([low + FRACTIONS * (high - low) for low, high in spans]).astype(np.uint64)
        self._share = server.share if server else None
        self._workers: list[Worker] = []
        if server:
            shared = self._taken, self._edges
            self._workers += [Worker(server, *shared, own, rows, actions, out) for own in range(1, len(spans))]
        self._addresses: dict[int, tuple[Buffers, list[int]]] = {}
        _crews.add(self)
        self._finalizer = weakref.finalize(self, _dismiss, self._workers)

    def step(self, rows: Any, actions: Any, out: Any, mode: int) -> None:
        """Step every row; the calling thread begins with the first span, and does all once the others have ended."""
        if self._share is None:
            self._step(self._span, rows, actions, out, mode)
            return
        self._join()  # an interrupt may have left a worker at work
        self._taken[:] = 0
        addresses = [actions.ctypes.data, *self._addresses_of(out)]
        for worker in self._workers:
            worker.start(mode, addresses)
        try:
            self._share(self._taken, self._edges, 0, rows, actions, out, mode)
        finally:
            self._join()

    def _join(self) -> None:
        for worker in self._workers:
            worker.join()

    def _addresses_of(self, out: Buffers) -> list[int]:
        known = self._addresses.get(id(out))
        if known is None or known[0] is not out:
            if len(self._addresses) > 1024:
                self._addresses.clear()
            known = (out, [array.ctypes.data for array in out])
            self._addresses[id(out)] = known
        return known[1]

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
