"""The main loop of a worker process (see `puffer_arena.batch.processes`)."""

import faulthandler
import importlib
import json
import os
import signal
import sys
import threading
import traceback
from queue import SimpleQueue
from typing import IO, Any

from puffer_arena.batch.shared import Layout, SharedArrays, digest
from puffer_arena.core.errors import ArenaError, WorkerError


def main() -> None:
    """Serve the parent until it is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt is for the parent, which then ends this process
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # what rules print goes to the parent's standard error
    sys.stdout = sys.stderr
    faulthandler.enable()
    calls: SimpleQueue[Any] = SimpleQueue()
    threading.Thread(target=_read, args=(sys.stdin.buffer, calls), daemon=True).start()
    subject: list[Any] = []
    while True:
        _answer(answers, subject, calls.get())


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


def _answer(answers: IO[bytes], subject: list[Any], call: Any) -> None:
    """Make the worker's object, or call its method, and write the result or the error as one line."""
    try:
        if "factory" in call:
            subject.append(_begin(call))
            message: Any = {"result": None}
        else:
            message = {"result": getattr(subject[0], call["call"])(*call["arguments"])}
    except Exception as error:
        ours = (base.__name__ for base in type(error).__mro__ if issubclass(base, ArenaError))
        message = {"error": [next(ours, type(error).__name__), str(error), traceback.format_exc()]}
    answers.write(json.dumps(message).encode() + b"\n")
