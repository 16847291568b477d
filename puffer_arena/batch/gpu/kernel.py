"""The kernel that steps rows on a GPU: a thread a row, around the very step kernel that steps them on a CPU.

Rows stay records, one behind the other: a step touches a few fields of its row's header and a few cells of its board, which
lie in as many sectors of memory as they would in columns, and a record is what frames, snapshots and rules take.
"""

import functools
from typing import Any

import numpy as np

from puffer_arena.authoring.explain import explain
from puffer_arena.batch.program import load_program
from puffer_arena.batch.table import Table
from puffer_arena.core.actions import action_bounds
from puffer_arena.core.fields import Array, in_cells
from puffer_arena.kernels.tables import Buffers, Rows
from puffer_arena.machine.compile import bind, jit, unbound
from puffer_arena.machine.gpu import Gpu

step = fit = unbound
cuda: Any = None  # Numba's module, which binding puts here


@jit
def fit_actions(i: int, given: Array, own: Array, low: Array, high: Array, faults: Array) -> None:
    """Take a row's actions over into `own`, within their bounds; `faults` counts rows where they were not.

    Arrays are (num_envs, numbers of a row's actions); bounds have one entry for each number.
    """
    outside = False
    for k in range(own.shape[1]):
        value = given[i, k]
        if value >= low[k]:
            own[i, k] = value if value <= high[k] else high[k]
            outside |= value > high[k]
        else:  # too small, or not a number
            own[i, k] = low[k]
            outside = True
    if outside:
        faults[i] += 1


@jit
def step_row(rows: Rows, given: Array, flat: Array, limits: Any, actions: Array, out: Buffers, mode: int) -> None:
    """Step the row of this thread.

    Args:
        given: what the caller wants to be done, (num_envs, numbers), of any dtype.
        flat: the same memory as `actions`, (num_envs, numbers).
        limits: low, high and faults, see `fit_actions`.
        actions: as the rules take them.
        out, mode: as for `step_solo`.
    """
    i = cuda.grid(1)
    if i < len(given):
        fit(i, given, flat, limits[0], limits[1], limits[2])
        step((i, i + 1), rows, actions, out, mode)


@jit
def step_checked_row(rows: Rows, actions: Array, out: Buffers, mode: int) -> None:
    """Step the row of this thread by actions that were checked before they came here."""
    i = cuda.grid(1)
    if i < len(rows.states):
        step((i, i + 1), rows, actions, out, mode)


@jit
def take_row(rows: Rows, which: Array, states: Array, params: Array) -> None:
    """Copy state and parameters of the row that `which` names for this thread."""
    k = cuda.grid(1)
    if k < len(which):
        states[k] = rows.states[which[k]]
        params[k] = rows.params[which[k]]


@functools.cache
def compile_step(gpu: Gpu, template: Any, plain: Any, name: str) -> Any:
    """Return the kernel of a template around a step kernel that is bound and not compiled, once a process."""
    return gpu.compile(bind(template, name, step=plain, fit=fit_actions), name)


@functools.cache
def compile_take(gpu: Gpu, name: str) -> Any:
    """Return the kernel that copies rows of an environment, once a process."""
    return gpu.compile(take_row, name)


class Kernels:
    """What runs on the card for the rows of a table.

    Attributes:
        actions: as the rules take them, in the card's memory.
        flat: the same memory, (num_envs, numbers); None where actions are records, which this machine checks.
        limits: of actions, and in how many steps each row's lay outside; see `fit_actions`.
    """

    def __init__(self, gpu: Gpu, table: Table, observe_state: bool) -> None:
        self.gpu, self.table = gpu, table
        self.actions, self.flat = gpu.send(table.actions), None
        self.limits: tuple[Any, ...] = ()
        if table.actions.dtype.names is None:
            numbers = max(1, table.actions[0].size)
            self.flat = self.actions.reshape((table.num_envs, numbers))
            bounds = (np.broadcast_to(bound, table.actions.shape[1:]) for bound in action_bounds(table.action))
            low, high = (np.array(bound, table.actions.dtype).reshape(numbers) for bound in bounds)
            self.limits = (*map(gpu.send, (low, high, np.zeros(table.num_envs, np.int64))),)
        name, plain = table.env.name, load_program(table, compiled=False, observe_state=observe_state).template("step")
        template = step_checked_row if self.flat is None else step_row
        self._step, self._take = compile_step(gpu, template, plain, name), compile_take(gpu, name)

    def step(self, rows: Rows, given: Any, out: Buffers, mode: int) -> None:
        """Step all rows.

        Args:
            given: actions in the card's memory, (num_envs, numbers); None for what `actions` holds.
        """
        if self.flat is None:
            return self._run(self._step, self.table.num_envs, rows, self.actions, out, mode)
        given = self.flat if given is None else given
        return self._run(self._step, self.table.num_envs, rows, given, self.flat, self.limits, self.actions, out, mode)

    def faults(self) -> Array:
        """Return in how many steps each row's actions lay outside their bounds, and count anew."""
        found = np.zeros(self.table.num_envs, np.int64)
        if self.flat is not None:
            self.gpu.read(self.limits[2], found)
            if found.any():
                self.gpu.write(np.zeros_like(found), self.limits[2])
        return found

    def take(self, rows: Rows, which: Array, states: Array, params: Array) -> None:
        """Copy some rows; see `take_row`."""
        self._run(self._take, len(which), rows, which, states, params)

    def _run(self, kernel: Any, count: int, *arguments: Any) -> None:
        if self.gpu.simulated:
            arguments = in_cells(arguments)
        try:
            kernel(count, *arguments)
        except Exception as error:
            raise explain(self.table.env, error) or error from None
