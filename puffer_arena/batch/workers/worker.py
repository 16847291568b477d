"""The main loop of a worker process (see `puffer_arena.batch.workers.processes`)."""

import contextlib
import faulthandler
import functools
import importlib
import json
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from queue import SimpleQueue
from typing import IO, Any

from puffer_arena.batch.workers.shared import Layout, SharedArrays, digest
from puffer_arena.batch.workers.turns import BY_PIPE, Turn, turns_layout
from puffer_arena.errors import ArenaError, WorkerError
from puffer_arena.machine.notices import announced_waits


def main() -> None:
    """Serve the parent until it is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt is for the parent, which then ends this process
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # what rules print goes to the parent's standard error
    sys.stdout = sys.stderr
    faulthandler.enable()
    calls: SimpleQueue[Any] = SimpleQueue()
    threading.Thread(target=_read, args=(sys.stdin.buffer, calls), daemon=True).start()
    order = calls.get()
    with announced_waits() if order["announce"] else contextlib.nullcontext():
        _serve(order, calls, answers)


def _serve(order: Any, calls: "SimpleQueue[Any]", answers: IO[bytes]) -> None:
    """Make the worker's object and answer calls, for ever."""
    turn = Turn(SharedArrays(turns_layout(order["of"]), order["turns"])["turns"][order["number"]], order["seconds"])
    subject: list[Any] = []
    awake = _answer(answers, turn, lambda: subject.append(_begin(order)))
    while True:
        number = turn.called() if awake else BY_PIPE
        call = calls.get() if number == BY_PIPE else {"call": order["quick"][number], "arguments": ()}
        awake = _answer(answers, turn, functools.partial(_call, subject, call))


def _read(stream: IO[bytes], calls: "SimpleQueue[Any]") -> None:
    """Take in calls; end the process with the parent, even in the middle of one."""
    for line in stream:
        calls.put(json.loads(line))
    os._exit(0)


def _begin(order: Any) -> Any:
    """Make the worker's object."""

    def attach(layout: Layout) -> SharedArrays:
        if digest(layout) != order["layout"]:
            raise WorkerError("the worker lays out its arrays otherwise than its parent; did a source file change?")
        return SharedArrays(layout, order["memory"])

    module, _, name = order["factory"].partition(":")
    return getattr(importlib.import_module(module), name)(order["setup"], attach)


def _call(subject: list[Any], call: Any) -> Any:
    """Call the object's method; there is no object where making it failed."""
    return getattr(subject[0], call["call"])(*call["arguments"])


def _answer(answers: IO[bytes], turn: Turn, work: Callable[[], Any]) -> bool:
    """Do the work and hand the turn back; False where that took a line, so that the next call comes by the pipe."""
    try:
        message = {"result": work()}
        if turn.end():
            return True
    except Exception as error:
        message = {"error": say_error(error)}
    turn.answer()
    answers.write(json.dumps(message).encode() + b"\n")
    return False


def say_error(error: Exception) -> list[str]:
    """Return what `processes.revive` makes an error of: its kind, ours where it is one of ours, its text and its trace."""
    ours = (base.__name__ for base in type(error).__mro__ if issubclass(base, ArenaError))
    return [next(ours, type(error).__name__), str(error), "".join(traceback.format_exception(error))]
