"""Actors on a Ray cluster that step spans of rows on any of its machines (Moritz et al. 2018, arXiv 1712.05889).

A pool calls them as it calls worker processes of its own (see `batch.workers.processes`).  What those have in shared
memory travels here: an actor has a desk of its own, is sent what its rows are to do, and gives back what came of it.
"""

import importlib
import os
import re
import signal
import threading
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np

from puffer_arena.batch.workers.processes import revive
from puffer_arena.batch.workers.worker import say_error
from puffer_arena.core.fields import Array
from puffer_arena.errors import ParameterError, WorkerError, require
from puffer_arena.foreign.part import lay_out

VERSION = str(importlib.import_module("puffer_arena").__version__)  # of the package, the same on every machine
SENT = ("todo", "level", "actions")  # of the desk, to an actor
KEPT = (*SENT, "again", "roles")  # what an actor does not give back
START_SECONDS = 120.0  # for an actor to find a machine, import this package and make its environments
NUMBERS = re.compile(r"(class_name|actor_id|pid|namespace|ip): ")  # lines in which Ray says which actor it was
STATISTICS = "RAY_USAGE_STATS_ENABLED"


class SpanActor:
    """What runs on the cluster: the environments of one span of rows, and a desk.

    Its methods return {"result": ...} or {"error": ...}, so that what an environment raises stays readable.
    """

    def open(self, factory: str, setup: Mapping[str, Any], version: str) -> dict[str, Any]:
        """Make the environments; the result is this process and the machine that it runs on."""
        ray = require("ray", "ray")
        try:
            if version != VERSION:
                raise WorkerError(f"puffer_arena is {VERSION} there and {version} here; install the same")
            module, _, name = factory.partition(":")
            self._part = getattr(importlib.import_module(module), name)(setup, _lay_desk)
            lay_out(self._part.desk, self._part.rows[0].shape)
        except Exception as error:
            return {"error": say_error(error)}
        node = f"{ray.util.get_node_ip_address()}, {ray.get_runtime_context().get_node_id()[:8]}"
        return {"result": (os.getpid(), node)}

    def move(self, sent: Mapping[str, Array], again: bool) -> dict[str, Any]:
        """Have the rows do what they are to; the result is the span's part of the desk's arrays by name."""
        desk, span = self._part.desk, slice(*self._part.span)
        for name, array in sent.items():
            desk[name][span] = array
        desk["again"][0] = again
        try:
            self._part.move()
        except Exception as error:
            return {"error": say_error(error)}
        unused = KEPT if desk["ended"][span].any() else (*KEPT, "final_obs")
        return {"result": {name: desk[name][span] for name in desk if name not in unused and desk[name].size}}


def _lay_desk(layout: Any) -> SimpleNamespace:
    """Return the arrays of a whole batch, of which an actor touches its rows: memory never written to takes no room."""
    return SimpleNamespace(arrays={name: np.zeros(size, dtype) for name, (size, dtype) in layout.items()})


class Actors:
    """Actors that look like `processes.Workers`, called one by one.

    Args:
        factory: "module:function", called in every actor as function(setup, attach); see `worker.open_part`.
        setups: one for each actor.
        desk: the caller's arrays.
        names: what each does, for error messages.

    Attributes:
        pids: the process of each.
        nodes: the machine that each runs on: its address, and the first letters of its number.

    Raises:
        MissingExtra: Ray is not installed.
        ParameterError: the cluster has fewer cores.
        WorkerError: there is no cluster to join, or an actor cannot begin.
    """

    def __init__(
        self, factory: str, setups: Sequence[Mapping[str, Any]], desk: Mapping[str, Array], names: Sequence[str]
    ) -> None:
        self._ray = ray = join_cluster()
        self._factory, self._setups, self._desk, self._names = factory, setups, desk, names
        self._process = os.getpid()
        cores = int(ray.cluster_resources().get("CPU", 0))
        if cores < len(setups):
            raise ParameterError(f"threads = {len(setups)}: an actor takes a core, and the Ray cluster has {cores}")
        self._kind = ray.remote(SpanActor).options(num_cpus=1, max_restarts=0, scheduling_strategy="SPREAD")
        self._actors: list[Any] = [None] * len(setups)
        self._calls: dict[int, Any] = {}  # that have not been waited for
        self.nodes = [""] * len(setups)
        self.pids = [0] * len(setups)
        for k in range(len(setups)):
            self._hire(k)
        for k in range(len(setups)):
            if fate := self._begin(k):
                self.close()
                raise WorkerError(fate)

    def check_process(self) -> None:
        """Refuse to serve a fork; see `Workers.check_process`."""
        if os.getpid() != self._process:
            raise WorkerError(
                f"the actors serve process {self._process}, from which this one was forked; make a new batch"
            )

    def call_one(self, k: int, method: str) -> None:
        """Have actor `k` move its rows; `wait_for` brings what came of it."""
        span = slice(*self._setups[k]["span"])
        sent = {name: self._desk[name][span] for name in SENT}
        self._calls[k] = getattr(self._actors[k], method).remote(sent, bool(self._desk["again"][0]))

    def wait_for(self, k: int, timeout: float | None = None) -> str:
        """Wait for actor `k`; see `Workers.wait_for`."""
        result, fate = self._answer(k, timeout)
        if fate:
            return fate
        span = slice(*self._setups[k]["span"])
        for name, array in result.items():
            self._desk[name][span] = array
        return ""

    def wait_for_any(self, among: Sequence[int], timeout: float) -> list[int]:
        """See `Workers.wait_for_any`."""
        calls = {self._calls[k]: k for k in among}
        self._ray.wait(list(calls), num_returns=1, timeout=timeout)
        return [calls[call] for call in self._ray.wait(list(calls), num_returns=len(calls), timeout=0)[0]]

    def replace(self, k: int) -> str:
        """See `Workers.replace`.

        Raises:
            WorkerError: no machine has room for another.
        """
        self._ray.kill(self._actors[k])
        self._hire(k)
        return self._begin(k)

    def close(self) -> None:
        """End the actors; the cluster stays."""
        while self._actors:
            actor = self._actors.pop()
            if self._ray.is_initialized():
                self._ray.kill(actor)

    def _hire(self, k: int) -> None:
        self._actors[k] = self._kind.remote()
        self._calls[k] = self._actors[k].open.remote(self._factory, self._setups[k], VERSION)

    def _begin(self, k: int) -> str:
        """Wait until an actor has made its environments; return what has become of it where it was lost meanwhile."""
        call = self._calls[k]
        if not self._ray.wait([call], timeout=START_SECONDS)[0]:
            raise WorkerError(
                f"{self._title(k)} has not begun within {START_SECONDS:g} seconds: no machine of the Ray cluster may have a "
                "core free; add one, or go on with fewer threads: a run resumes from its newest checkpoint"
            )
        result, fate = self._answer(k, None)
        if not fate:
            self.pids[k], self.nodes[k] = result
        return fate

    def _answer(self, k: int, timeout: float | None) -> tuple[Any, str]:
        """Return what an actor's last call gave, or what has become of the actor."""
        gone = self._ray.exceptions
        try:
            answer = self._ray.get(self._calls.pop(k), timeout=timeout)
        except gone.GetTimeoutError:
            return None, f"{self._title(k)} has not answered for {timeout:g} seconds"
        except (gone.RayActorError, gone.RayTaskError, gone.ObjectLostError) as error:
            return None, f"{self._title(k)} was lost: {_reason(error)}"
        if "error" in answer:
            raise revive(self._title(k), *answer["error"])
        return answer["result"], ""

    def _title(self, k: int) -> str:
        node = f" on node {self.nodes[k]}" if self.nodes[k] else ""
        return f"worker {k} ({self._names[k]}){node}"


def _reason(error: Exception) -> str:
    """Return what Ray says of a loss in one line, without the actor's numbers."""
    lines = [line.strip() for line in str(error).splitlines()]
    return " ".join(line for line in lines if line and not NUMBERS.match(line))[:500]


def join_cluster() -> Any:
    """Return Ray, connected: to the cluster that RAY_ADDRESS names or that runs on this machine, else to one begun here.

    Raises:
        MissingExtra: Ray is not installed.
        WorkerError: the cluster is not there, or is of another version of Ray or Python.
    """
    ray = require("ray", "ray")
    if ray.is_initialized():
        return ray
    os.environ.setdefault(STATISTICS, "0")  # nobody else is told of a run, unless a person has set that
    handler = signal.getsignal(signal.SIGTERM)
    try:
        ray.init(logging_level="warning")
    except Exception as error:
        ray.shutdown()  # what may be half connected
        where = os.environ.get("RAY_ADDRESS", "on this machine")
        said = " ".join(str(error).split())
        raise WorkerError(f"the Ray cluster {where} cannot be joined ({ray.__version__} here): {said}") from None
    if callable(handler) and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, handler)  # a run saves itself; Ray's would end it unsaved
    return ray
