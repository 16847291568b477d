"""Worker processes beside the calling one, for code that threads cannot run side by side.

    memory = SharedArrays({"obs": ((64, 4), np.dtype(np.float32))})
    workers = Workers("package.module:make_worker", [{"seed": 1}, {"seed": 2}], memory)
    workers.start("step", 3)    # every worker calls .step(3) on what its make_worker(setup, attach) returned
    results = workers.join()

Arrays lie in memory that all processes see and that no name keeps alive, so it is freed with the last process
even when that was killed.  A worker is a fresh interpreter that imports its own module only, never the caller's main
script: it starts fast, needs no `if __name__ == "__main__"`, and is the same on every platform.  It ends when its
standard input does, hence with its parent, whatever ended that one.  Calls and answers are lines of JSON; methods
that are called all the time, without arguments or results, are called through a word of memory instead (`batch.turns`).
"""

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import threading
import weakref
from collections import deque
from collections.abc import Sequence
from typing import IO, Any

from puffer_arena import errors
from puffer_arena.batch.workers.shared import SharedArrays, above_standard, digest
from puffer_arena.batch.workers.turns import Turn, patience, turns_layout
from puffer_arena.errors import ArenaError, WorkerError
from puffer_arena.machine.notices import announces_waits, relay

LAST_LINES = 20  # of a worker's standard error, kept for when it dies
GRACE = 2.0  # seconds a worker may take to end by itself
# Workers share the cores already: threads of matrix products in each would wait for one another.
ONE_THREAD = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL", "VECLIB", "NUMEXPR")}


class Workers:
    """Processes that each hold one object and call its methods; `close` or garbage collection ends them.

    Args:
        factory: "module:function", called in every worker as function(setup, attach), where attach(layout) gives
            the arrays of `memory`; it returns the worker's object.
        setups: one setup for each worker, of what JSON can say.
        memory: arrays that all of them see.
        names: what each worker does, for error messages; "rows 0 to 63".
        quick: methods without arguments or results that may be called many thousand times a second.
        replaced: workers may be begun anew, one by one (`replace`); memory keeps its descriptors open for them.
    """

    def __init__(
        self,
        factory: str,
        setups: Sequence[Any],
        memory: SharedArrays,
        names: Sequence[str] | None = None,
        quick: Sequence[str] = (),
        replaced: bool = False,
    ) -> None:
        self._workers: list[_Worker] = []
        self._process = os.getpid()
        held: list[SharedArrays] = []  # whose descriptors new workers inherit
        self._finalizer = weakref.finalize(self, _end, self._workers, self._process, held)
        self._failure: str | None = None
        self._pending = False
        self._quick = {method: number for number, method in enumerate(quick)}
        self._factory, self._setups, self._names, self._memory = factory, setups, names, memory
        self._turns = SharedArrays(turns_layout(len(setups)))
        self._seconds = patience(1 + len(setups))
        for k in range(len(setups)):
            self._workers.append(self._hire(k))
        for k, worker in enumerate(self._workers):
            worker.call(self._order(k))
        self._pending = True
        self.join()
        if replaced:
            held += [self._turns, memory]
        else:
            self._turns.release()

    def _hire(self, k: int) -> "_Worker":
        turn, descriptors = Turn(self._turns["turns"][k], self._seconds), self._memory.descriptors
        return _Worker(k, self._names[k] if self._names else "", turn, descriptors + self._turns.descriptors)

    def _order(self, k: int) -> dict[str, Any]:
        """Return the first message to a worker: whose object it makes, and where the arrays are."""
        memory, turns, of = self._memory, self._turns, len(self._setups)
        own = {"turns": turns.address, "number": k, "of": of, "quick": list(self._quick), "seconds": self._seconds}
        shared = {"memory": memory.address, "layout": digest(memory.layout), "announce": announces_waits()}
        return {"factory": self._factory, "setup": self._setups[k], **shared, **own}

    def __len__(self) -> int:
        return len(self._workers)

    @property
    def pids(self) -> list[int]:
        """The process ids of the living workers."""
        return [worker.process.pid for worker in self._workers]

    def start(self, method: str, *arguments: Any) -> None:
        """Have every worker call `method`; `join` waits for the answers.

        Raises:
            WorkerError: a worker has died, or this process was forked from the one whose workers they are.
        """
        self.check_process()
        if self._pending:  # an interrupt left a call unanswered
            self.join()
        if self._failure is not None or not self._workers:
            raise WorkerError(self._failure or "the worker processes have been closed; make a new batch")
        self._pending = True
        message = {"call": method, "arguments": arguments}
        for worker in self._workers:
            worker.call(message, None if arguments else self._quick.get(method))

    def check_process(self) -> None:
        """Refuse to serve a fork, which would reach into its parent's work.

        Raises:
            WorkerError: this process was forked from the one whose workers they are.
        """
        if os.getpid() != self._process:
            raise WorkerError(
                f"the worker processes serve process {self._process}, from which this one was forked; make a new batch"
            )

    def join(self) -> list[Any]:
        """Wait for every worker and return their answers.

        Raises:
            WorkerError: a worker died; the others are ended too.
            ArenaError: as raised in a worker; the workers live on.
        """
        if not self._pending:
            return []
        for worker in self._workers:
            if not worker.receive():
                self._failure = worker.obituary()
                self._pending = False
                self.close()
                raise WorkerError(self._failure)
        self._pending = False
        answers = [worker.take() for worker in self._workers]
        for worker, answer in zip(self._workers, answers, strict=True):
            if "error" in answer:
                raise revive(worker.title, *answer["error"])
        return [answer["result"] for answer in answers]

    def call(self, method: str, *arguments: Any) -> list[Any]:
        """Call `method` in every worker, wait, and return the answers."""
        self.start(method, *arguments)
        return self.join()

    # -- one by one, where workers may die without the others ------------------------------------------

    def call_one(self, k: int, method: str) -> None:
        """Have worker `k` call a quick method; `wait_for` brings its end."""
        self._workers[k].call({"call": method, "arguments": ()}, self._quick[method])

    def wait_for(self, k: int, timeout: float | None = None) -> str:
        """Wait for worker `k`, and return what has become of it where it has died or does not answer in time; else "".

        Args:
            timeout: seconds, None for no limit; there is none on Windows, whose pipes cannot be waited for.

        Raises:
            ArenaError: as raised in the worker, which lives on.
        """
        worker = self._workers[k]
        if not worker.receive(timeout):
            return worker.obituary(f"has not answered for {timeout:g} seconds" if worker.is_late else "")
        answer = worker.take()
        if "error" in answer:
            raise revive(worker.title, *answer["error"])
        return ""

    def wait_for_any(self, among: Sequence[int], timeout: float) -> list[int]:
        """Wait until some of the workers called have ended, and return them; none where that takes too long."""
        if ready := [k for k in among if self._workers[k].is_done()]:
            return ready
        pipes = {self._workers[k].doze(): k for k in among}
        if ready := [k for k in among if self._workers[k].is_done()]:  # before they were told to use the pipe
            return ready
        return [pipes[found] for found in select.select(list(pipes), [], [], timeout)[0]]

    def replace(self, k: int) -> str:
        """End worker `k` and begin another in its place; return what has become of it where that fails, too."""
        self._workers[k].kill()
        self._turns["turns"][k] = 0
        self._workers[k] = self._hire(k)
        self._workers[k].call(self._order(k))
        return self.wait_for(k)

    def close(self) -> None:
        """End the processes."""
        self._pending = False
        self._finalizer()


class _Worker:
    """One process, the pipes to it and the word it watches."""

    def __init__(self, number: int, name: str, turn: Turn, descriptors: tuple[int, ...]) -> None:
        self.title = f"worker {number}" + (f" ({name})" if name else "")
        self._turn = turn
        options: dict[str, Any] = {}
        if sys.platform == "win32":
            options["creationflags"] = subprocess.CREATE_NEW_PROCESS_GROUP  # Ctrl-C is for the parent only
        else:
            options |= {"start_new_session": True, "pass_fds": descriptors}
        with above_standard():
            self.process = subprocess.Popen(
                python("from puffer_arena.batch.workers.worker import main; main()"),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=ONE_THREAD | os.environ,  # what a person has set holds
                **options,
            )
        assert self.process.stdin and self.process.stdout and self.process.stderr  # asked for above
        self._in, self._out = self.process.stdin, self.process.stdout
        self._answer: Any = None
        self.is_late = False  # it has not answered in time
        self._last: deque[str] = deque(maxlen=LAST_LINES)
        self._listener = threading.Thread(
            target=_listen, args=(self.process.stderr, self._last), name="puffer-arena-stderr", daemon=True
        )
        self._listener.start()

    def call(self, message: Any, quick: int | None = None) -> None:
        """Have the worker do what `message` says; a worker that is gone is noticed by `receive`.

        Args:
            message: for its pipe.
            quick: the number of a quick method, which a worker that is awake needs no message for.
        """
        if quick is None:
            self._turn.call_by_pipe()
        elif not self._turn.call(quick):
            return
        with contextlib.suppress(BrokenPipeError, OSError):
            self._in.write(json.dumps(message).encode() + b"\n")
            self._in.flush()

    def receive(self, timeout: float | None = None) -> bool:
        """Wait for the worker's answer, once; False when it has died, or is late."""
        if self._answer is not None:  # an interrupt came between this worker's answer and another's
            return True
        if self._turn.ends():
            self._answer = {"result": None}
        elif timeout is not None and sys.platform != "win32" and not select.select([self._out], [], [], timeout)[0]:
            self.is_late = True
        else:
            line = self._out.readline()
            self._answer = json.loads(line) if line.endswith(b"\n") else None
        return self._answer is not None

    def is_done(self) -> bool:
        """Tell whether the worker's answer is there, without waiting."""
        return self._answer is not None or self._turn.is_over()

    def doze(self) -> IO[bytes]:
        """Have the worker answer by its pipe, and return the pipe."""
        self._turn.doze()
        return self._out

    def take(self) -> Any:
        """Return the answer received."""
        answer, self._answer = self._answer, None
        return answer

    def obituary(self, how: str = "") -> str:
        """Say how the process ended, or what is wrong with it, and what it said last."""
        if how:
            return self._compose(how)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(GRACE)
        self._listener.join(GRACE)
        code = self.process.returncode
        if code is not None and code < 0:
            with contextlib.suppress(ValueError):
                how = f"was ended by {signal.Signals(-code).name}"
                return self._compose(how)
        return self._compose(f"ended with exit code {code}")

    def _compose(self, how: str) -> str:
        said = "\n    ".join(self._last)
        last = f"; its last error:\n    {said}" if said else ""
        return f"{self.title} {how} (process {self.process.pid}); make a new batch{last}"

    def end(self) -> None:
        """Close the pipes, which ends the process."""
        with contextlib.suppress(OSError):
            self._in.close()

    def kill(self) -> None:
        """End the process at once."""
        self.process.kill()
        self.end()
        self.reap()

    def reap(self) -> None:
        """Wait for the process, killing one that does not end."""
        try:
            self.process.wait(GRACE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._out.close()
        self._listener.join(GRACE)


def python(code: str, *arguments: str) -> list[str]:
    """Return the command that runs code in a fresh interpreter, which finds modules where this process does.

    Without -P, and with "" in another place than the last, a json.py in the working folder would be taken for Python's own.
    """
    places = sorted(sys.path, key=lambda place: place == "")
    begin = "import json, sys; sys.path[:] = json.loads(sys.argv.pop(1))"
    return [sys.executable, "-P", "-c", f"{begin}; {code}", json.dumps(places), *arguments]


def _listen(stream: IO[bytes], last: "deque[str]") -> None:
    """Pass on what a worker says on its standard error, and keep the last lines."""
    with stream, contextlib.suppress(OSError, ValueError):
        for line in stream:
            last.append(line.decode(errors="replace").rstrip())
            relay(last[-1])


def _end(workers: "list[_Worker]", process: int, held: list[SharedArrays]) -> None:
    if os.getpid() != process:  # a fork: they are not its own
        return
    for worker in workers:
        worker.end()
    while workers:
        workers.pop().reap()
    for memory in held:
        memory.release()


def revive(title: str, kind: str, message: str, trace: str) -> ArenaError:
    """Return an error that a worker raised, as its own class where that is one of ours."""
    found = getattr(errors, kind, None)
    if isinstance(found, type) and issubclass(found, ArenaError):
        return found(message)
    return WorkerError(f"{title}: {kind}: {message}\n{trace}")
