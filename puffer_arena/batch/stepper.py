"""Running an environment's kernels over the rows of a batch: on one thread, on several, or around a physics engine."""

import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from puffer_arena.authoring.explain import explain, place_of
from puffer_arena.batch.program import Program, digest
from puffer_arena.batch.table import Table
from puffer_arena.batch.workers.interrupts import uninterrupted
from puffer_arena.batch.workers.spans import split
from puffer_arena.batch.workers.threads import FEWEST, FEWEST_SCENES, Crew, compile_server
from puffer_arena.batch.worlds import Worlds
from puffer_arena.core.action_checks import check_mask
from puffer_arena.core.env import Env
from puffer_arena.core.fields import Array, Row, in_cells
from puffer_arena.core.roles import Roles
from puffer_arena.errors import BusyError, ClosedError
from puffer_arena.kernels.step import DISABLED, NEXT_STEP, Span
from puffer_arena.kernels.tables import BARRED, Buffers
from puffer_arena.machine.blocks import Blocks
from puffer_arena.machine.compile import entry_point


class OneThread:
    """Lets one thread at a time into a batch: engines end the process where two work on one scene.

    Args:
        env: of the batch, for the message.
        worlds: its scenes, which may be of use in one process only.
    """

    def __init__(self, env: Env, worlds: Worlds | None) -> None:
        self._env, self._worlds, self._lock = env, worlds, threading.RLock()
        self._closed = False
        self._acquire = self._lock.acquire

    def close(self) -> None:
        """Let nobody in any more."""
        self._closed = True

    def check_open(self) -> None:
        """Refuse a batch that was closed.

        Raises:
            ClosedError: it was.
        """
        if self._closed:
            raise ClosedError(f"this batch of '{self._env.name}' has been closed; make a new one")

    def __enter__(self) -> None:
        if self._closed or self._worlds:
            self._check()
        if not self._acquire(False):
            raise BusyError(
                f"a batch of '{self._env.name}' is being stepped by another thread; let one thread use a batch, or make "
                "one for each"
            )

    def _check(self) -> None:
        self.check_open()
        if self._worlds:
            self._worlds.check_process()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


class Stepper:
    """Steps the rows of a table.

    Attributes:
        worlds: the rows' scenes and their engine, in a physics environment.
        alone: a lock to be entered before rows change, which lets one thread in at a time.
        halves: rows that can be stepped while others are: none, as of all rows of ours.
        steps_apart: whether some rows can be stepped while the others rest.
    """

    halves: Sequence[slice] = ()

    def __init__(self, table: Table, program: Program, threads: int) -> None:
        self._table, self._program = table, program
        threads = threads if program.compiled else 1
        self.worlds = Worlds(table, program, threads) if table.env.engine else None
        self._rows: Any = self.worlds.rows if self.worlds else table.rows  # as kernels take them
        self._whole = 0, table.num_envs
        self._blocks = Blocks(self._rows)
        self._code: Callable[..., Any] | None = None  # of the step, once it is compiled
        self._looking: Callable[..., Any] | None = None  # of looks
        self.alone = OneThread(table.env, self.worlds)
        # Rules may leave somebody no choice, or name nobody as next; a look takes as long as a row's step.
        self._watched = table.env.turn is not None or table.env.action_mask is not None
        self._roles = isinstance(table.action, Roles)
        self._around_engine = self.worlds is not None and not self.worlds.fused
        self.steps_apart = not self._around_engine
        self._crew = None if self._around_engine else self._hire(threads)

    def _hire(self, threads: int) -> Crew | None:
        """Return the threads that run the step kernel, where there are several."""
        table = self._table
        fewest = FEWEST_SCENES if self.worlds else max(1, FEWEST // max(1, len(table.agent_ids)))
        team = len(split(table.num_envs, threads, fewest))
        if team == 1:
            return None
        server = compile_server(digest(repr(table.actions.dtype.descr)) if table.actions.dtype.names else "")
        kernel = self._program.step(self._blocks.kind(table.buffers))
        return Crew(server, kernel, (team, fewest), self._blocks.address(table.buffers), table.actions)

    def begin(self, actions: Array, out: Buffers, which: Array) -> None:
        """Begin new episodes in the chosen rows, bool (num_envs,): they have ended, and are stepped as such.

        Args:
            actions: not looked at.
            out: written for these rows.
            which: the rows.
        """
        if self.worlds:
            self.worlds.prepare()
        self._table.rows.states["ended"][which] = 1
        for span in find_spans(which):
            if self._around_engine:
                self.run(self._program.start, actions, span=span)
            self._step_span(actions, out, NEXT_STEP, span)
        if self.worlds:
            self.worlds.settle()
        self.check(out)

    def step(self, actions: Array, out: Buffers, mode: int, rows: slice | None = None) -> None:
        """Step all rows, or some.

        Args:
            actions: for all rows, checked.
            out: written for the rows that step.
            mode: what becomes of episodes that end, as in `kernels/step.py`.
            rows: those that step.
        """
        span = self._whole if rows is None else rows.indices(self._table.num_envs)[:2]
        if self.worlds and mode != DISABLED:
            self.worlds.prepare()
        if self._around_engine:
            self._step_around_engine(actions, out, mode, span)
        elif self._crew is None or span[1] - span[0] < self._crew.fewest:
            self._step_span(actions, out, mode, span)
        else:
            self._guard(self._crew.step, self._blocks.address(out), actions, mode, span)
        if self.worlds and not self._around_engine:
            self.worlds.settle()
        self.check(out)

    def _step_span(self, actions: Array, out: Buffers, mode: int, span: Span) -> None:
        """Step the rows of a span on this thread."""
        if not self._program.compiled:
            self.run(self._program.template("step"), actions, out, mode, span=span)
            return
        low, high = span
        block = self._blocks.address(out)
        try:
            if self._code is None:
                self._code = entry_point(self._program.step(self._blocks.kind(out)), block, low, high, actions, mode)
            self._code(block, low, high, actions, mode)
        except Exception as error:
            raise self._explained(error) from None

    def check(self, out: Buffers) -> None:
        """Check what rules say of who acts next, and how, in the buffers of a step.

        Raises:
            ActionError, DefinitionError: somebody has no choice; it is nobody's turn.
        """
        if self._watched:
            self._check_turns()
            self._check_masks(out)

    def _check_masks(self, out: Buffers) -> None:
        """Check that masks leave everybody who acts next a choice; but for spaces by role, the kernels have looked.

        Raises:
            ActionError: all choices of somebody are barred; it names the row and the agent.
        """
        table = self._table
        if table.rows.plan[BARRED] or (self._roles and out.action_mask.size):
            table.rows.plan[BARRED] = 0
            acting = out.acting & (table.rows.states["ended"] == 0)[:, None]
            check_mask(table.env.name, table.agent_ids, table.action, out.action_mask, acting)

    def _check_turns(self) -> None:
        """Check that it is somebody's turn in every row, where agents take turns.

        Raises:
            DefinitionError: the rule `turn` named nobody who takes part.
        """
        env, rows = self._table.env, self._table.rows
        if env.turn is None or rows.states["turn"].min() >= 0:
            return
        i, ids = int(rows.states["turn"].argmin()), self._table.agent_ids
        with np.errstate(all="ignore"):
            given = env.turn(Row(rows.states[i]), Row(rows.params[i]))
        playing = [str(k) for k in np.flatnonzero(rows.states["alive"][i])]
        who = f", {ids[int(given)]}, who has left" if 0 <= given < len(ids) else ""
        raise place_of(env, env.turn, f"gave {given!r}{who} in row {i}; allowed there: {', '.join(playing)}")

    def _step_around_engine(self, actions: Array, out: Buffers, mode: int, span: Any) -> None:
        """Step with an engine that compiled code cannot call."""
        assert self.worlds is not None  # only physics has no crew
        with uninterrupted():
            self.run(self._program.start, actions, span=span)
            self._guard(self.worlds.move)
            self._step_span(actions, out, mode, span)
            self.worlds.settle()

    def look(self, which: Array, out: Buffers | None = None) -> None:
        """Observe the chosen rows, bool (num_envs,), as they stand, into `out`, by default the table's buffers."""
        out = self._table.buffers if out is None else out
        if self._program.compiled:
            self._look_at(which, out)
        else:
            self.run(self._program.template("look"), out, which)
        if self._watched:
            self._check_masks(out)

    def _look_at(self, which: Array, out: Buffers) -> None:
        self.alone.check_open()
        given = self._blocks.address(out), *self._whole, which
        try:
            if self._looking is None:
                self._looking = entry_point(self._program.look(self._blocks.kind(out)), *given)
            self._looking(*given)
        except Exception as error:
            raise self._explained(error) from None

    def run(self, kernel: Any, *arguments: Any, span: Span | None = None) -> None:
        """Run a kernel over all rows, or a span of them, on this thread."""
        self.alone.check_open()
        rows = self._rows
        if not self._program.compiled:
            rows, arguments = in_cells(rows), in_cells(arguments)
        self._guard(kernel, tuple(np.array(span or self._whole, np.uint64)), rows, *arguments)

    def _guard(self, kernel: Callable[..., Any], *arguments: Any) -> None:
        """Call `kernel`, naming the rule and its line in what goes wrong."""
        try:
            kernel(*arguments)
        except Exception as error:
            raise self._explained(error) from None

    def _explained(self, error: Exception) -> Exception:
        return explain(self._table.env, error) or error

    def close(self) -> None:
        """End the threads and free the scenes."""
        self.alone.close()
        if self._crew:
            self._crew.close()
        if self.worlds:
            self.worlds.close()


def find_spans(which: Array) -> list[Span]:
    """Return the spans of rows where `which` is set."""
    if which.all():  # looking for edges takes longer than the reset of a few rows
        return [(0, len(which))]
    edges = np.flatnonzero(np.diff(which, prepend=False, append=False)).tolist()
    return list(zip(edges[::2], edges[1::2], strict=True))
