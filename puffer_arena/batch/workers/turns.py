"""A word of shared memory by which a caller and a worker process take turns, awake or asleep.

A process that sleeps on a pipe takes some 50 microseconds to wake, and a whole step may take no longer.  So each
side watches the word for a while, in compiled code without the GIL, and only then sleeps on its pipe.  It says so in
the word itself, by compare-and-swap, so that the other knows whether it must also write to the pipe:

    WATCHED     the worker watches for a call
    ASLEEP      the worker sleeps until its pipe brings a call
    CALLED      the worker works, the caller watches for the end
    AWAITED     the worker works, the caller sleeps until its pipe brings the answer
    ANSWERED    the answer lies in the caller's pipe, or will at once; the worker sleeps

Whoever changes the word does so in one atomic operation that all processes see in the same order, on any processor, and
what was written to memory before it is seen by whoever reads it.
"""

import functools
import os
import time
from typing import Any

import numpy as np

from puffer_arena.batch.workers.shared import Layout
from puffer_arena.core.fields import Array
from puffer_arena.machine.compile import bind, compile_function, jit, unbound
from puffer_arena.machine.cores import usable_cores
from puffer_arena.machine.memory import primitives

WATCHED, ASLEEP, CALLED, AWAITED, ANSWERED = range(5)
STATE, METHOD = range(2)  # words of a turn: the one described above, and which method is called
BY_PIPE = -1  # in place of a method's number: the pipe says what is called
WORDS = 16  # of 8 bytes: two cache lines, since processors fetch them in pairs
LOOKS = 200  # at the word before a core is offered to others, some microseconds
PATIENCE = 500e-6  # seconds of watching before a process sleeps: longer than a policy takes to choose its actions
offer_core = getattr(os, "sched_yield", functools.partial(time.sleep, 0))


def turns_layout(count: int) -> Layout:
    """Return the shared array of the turns of `count` workers."""
    return {"turns": ((count, WORDS), np.dtype(np.int64))}


def patience(processes: int) -> float:
    """Return how long each of so many processes may watch: not at all where they are more than there are cores."""
    return PATIENCE if processes <= usable_cores() else 0.0


class Turn:
    """One worker's word, as either side uses it.

    Args:
        words: a row of the array in `turns_layout`.
        seconds: for which to watch it.
    """

    def __init__(self, words: Array, seconds: float) -> None:
        self._words, self._seconds = words, seconds
        self._watch, self._swap, self._claim = atomics()

    # -- the caller's side --------------------------------------------------------------------------

    def call(self, method: int) -> bool:
        """Hand the turn to the worker; True where it sleeps, so that the call must be sent by its pipe too."""
        self._words[METHOD] = method
        return self._swap(self._words, CALLED) in (ASLEEP, ANSWERED)

    def call_by_pipe(self) -> None:
        """Have the worker read its pipe, and answer by it."""
        self._words[METHOD] = BY_PIPE
        self._swap(self._words, AWAITED)

    def ends(self) -> bool:
        """Watch for the end of the call; False where the caller's pipe brings the answer."""
        state = self._changed(CALLED)
        if state == CALLED:
            if self._claim(self._words, CALLED, AWAITED):
                return False
            state = int(self._words[STATE])
        return state in (WATCHED, ASLEEP)

    def is_over(self) -> bool:
        """Tell whether a call has ended, or its answer lies in the caller's pipe."""
        return int(self._watch(self._words, CALLED)) not in (CALLED, AWAITED)

    def doze(self) -> None:
        """Have the worker announce the end by the caller's pipe, where it has not ended yet."""
        self._claim(self._words, CALLED, AWAITED)

    # -- the worker's side --------------------------------------------------------------------------

    def called(self) -> int:
        """Watch for a call and return the method's number; BY_PIPE where the worker is to sleep on its pipe."""
        if self._changed(WATCHED) == WATCHED and self._claim(self._words, WATCHED, ASLEEP):
            return BY_PIPE
        return int(self._words[METHOD])

    def end(self) -> bool:
        """Hand the turn back; False where the caller sleeps, so that it must be answered by its pipe."""
        return bool(self._claim(self._words, CALLED, WATCHED))

    def answer(self) -> None:
        """Announce that an answer is about to go into the caller's pipe."""
        self._swap(self._words, ANSWERED)

    def _changed(self, state: int) -> int:
        """Watch for another state than `state` and return what the word says at last."""
        end = time.perf_counter() + self._seconds
        while (found := self._watch(self._words, state)) == state and time.perf_counter() < end:
            offer_core()
        return int(found)


load = exchange = compare_exchange = relax = unbound


@jit
def watch(words: Array, state: int) -> int:
    """Look at the state LOOKS times, until it is another than `state`; return what it is."""
    found: int = load(words, STATE)
    for _ in range(LOOKS):
        if found != state:
            break
        relax()
        found = load(words, STATE)
    return found


@jit
def swap(words: Array, state: int) -> int:
    """Set the state and return what it was."""
    before: int = exchange(words, state)
    return before


@jit
def claim(words: Array, expected: int, state: int) -> bool:
    """Set the state if it is as expected, and tell whether it was."""
    was_expected: bool = compare_exchange(words, expected, state)
    return was_expected


@functools.cache
def atomics() -> tuple[Any, Any, Any]:
    """Return `watch`, `swap` and `claim`, compiled."""
    words = primitives()._asdict()
    watcher, swapper, claimer = (
        compile_function(bind(rule, "turns", **words), "turns") for rule in (watch, swap, claim)
    )
    return watcher, swapper, claimer
