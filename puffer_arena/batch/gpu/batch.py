"""A batch whose rows and buffers live in a GPU's memory, and are stepped there by one kernel.

    batch = make("snake", num_envs=65536, device="cuda")
    obs = torch.as_tensor(batch.obs, device="cuda")     # the same memory; so are rewards, flags and masks
    batch.step(actions)                                 # a tensor on the card; returns before the card is done

What a step never needs is done on this machine, on a mirror of the rows that is brought up to date first: resets that a
caller asks for, snapshots, parameters, statistics of episodes.  Same seed, same bytes as on a CPU, wherever rules
compute with whole numbers; floats may differ in their last digits (docs/gpu.md).
"""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from puffer_arena.authoring.gpu import check_for_gpu
from puffer_arena.batch.batch import Batch
from puffer_arena.batch.gpu.kernel import Kernels
from puffer_arena.batch.limits import check_size
from puffer_arena.batch.saving.kept import Kept
from puffer_arena.batch.settings import Settings
from puffer_arena.core.action_checks import check_actions
from puffer_arena.core.actions import action_bounds, count_choices, draw_actions
from puffer_arena.core.fields import Array, Row
from puffer_arena.core.params import ParamRows
from puffer_arena.errors import ActionError, ArenaError, ParameterError, UnknownName, suggest
from puffer_arena.kernels.tables import Buffers, Rows, Step
from puffer_arena.machine.gpu import find_gpu

ROWS = Rows._fields
BUFFERS = "buffers"
EVERYTHING = (*ROWS, BUFFERS)


class GpuBatch(Batch):
    """Rows of one environment on a GPU; see `make`.  Buffers are arrays there, with `__cuda_array_interface__`.

    Attributes:
        held: the rows in the card's memory.
        kernels: what runs there.
    """

    device = "cuda"
    held: Any = None  # Rows, once they are there

    def __init__(self, env: Any, env_id: str, settings: Settings, params: dict[str, Any]) -> None:
        check_for_gpu(env)
        if settings.record or not settings.compiled:
            wrong = (
                "record = True keeps every action" if settings.record else "compiled = False runs rules in plain Python"
            )
            raise ParameterError(f"device = 'cuda': {wrong}, which is for CPUs; leave it out, or use device = 'cpu'")
        self.gpu = find_gpu()
        values = env.build_params(params)
        choices = count_choices(env.spaces(values)[1]) if env.action_mask else 0
        seen = (*env.spaces(values), env.state_space(values) if settings.observe_state else None)
        check_size(env, values, seen, choices, settings.num_envs, self.gpu.free_memory(), "the GPU's memory")
        compiled = not self.gpu.simulated  # the simulator runs rules in plain Python
        super().__init__(env, env_id, replace(settings, compiled=compiled, record=False), params)
        self._behind: set[str] = set()  # what of the mirror is older than the card's
        self._hold(settings.observe_state)

    def _hold(self, observe_state: bool) -> None:
        """Move rows and buffers into the card's memory."""
        table, send = self.table, self.gpu.send
        self.held = Rows(*map(send, table.rows))
        self.buffers = Buffers(*map(send, table.buffers))
        self._own = Step(*self.buffers[: len(Step._fields)])
        self.kernels = Kernels(self.gpu, table, observe_state)
        self.actions = self.kernels.actions

    # -- the mirror on this machine -------------------------------------------------------------------

    def bring(self, *names: str) -> None:
        """Bring some of the mirror up to date: parts of `Rows`, or "buffers"."""
        if self.held is None:
            return
        for name in self._behind & set(names):
            if name == BUFFERS:
                for array, mirror in zip(self.buffers, self.table.buffers, strict=True):
                    self.gpu.read(array, mirror)
            else:
                self.gpu.read(getattr(self.held, name), getattr(self.table.rows, name))
            self._behind.discard(name)

    def send(self, *names: str) -> None:
        """Send parts of the mirror, which were brought and changed, to the card."""
        for name in names if self.held is not None else ():
            if name == BUFFERS:
                for array, mirror in zip(self.buffers, self.table.buffers, strict=True):
                    self.gpu.write(mirror, array)
            else:
                self.gpu.write(getattr(self.table.rows, name), getattr(self.held, name))

    @contextmanager
    def _mirrored(self, *names: str) -> Iterator[None]:
        """Bring parts of the mirror, and send them once they are changed."""
        self.bring(*names)
        yield
        self.send(*names)

    @property
    def rows(self) -> Any:
        """The rows as they stand now, on this machine; what is written into them goes to the card by `adopt`."""
        return Mirror(self)

    @property
    def params(self) -> Any:
        self.bring("params", "following")
        return self._params

    def _show_params(self) -> ParamRows:
        rows, written = self.table.rows, partial(self._mirrored, "params", "following")
        return ParamRows(rows.params, rows.following, self.param_values, self.env.dimensions, written)

    # -- stepping -------------------------------------------------------------------------------------

    def make_buffers(self, **given: Any) -> Buffers:
        """Return buffers for `step(out=...)` in the card's memory: the given arrays or tensors, with new ones for the rest.

        Raises:
            UnknownName: no buffer has such a name.
            ActionError: an array that is not there, of the wrong shape or dtype, or not contiguous.
        """
        if unknown := set(given) - set(self.table.layout):
            raise UnknownName(f"unknown buffer '{min(unknown)}'; {suggest(min(unknown), self.table.layout)}")
        mirror, arrays = self.table.make_buffers(), {}
        for name, (shape, dtype) in self.table.layout.items():
            array = given.get(name)
            if array is None:
                arrays[name] = self.gpu.send(getattr(mirror, name))
                continue
            if not self.gpu.holds(array):
                raise ActionError(f"buffer '{name}' does not lie in the GPU's memory; give a tensor with device='cuda'")
            view = arrays[name] = self.gpu.view(array)
            contiguous = view.flags.carray if self.gpu.simulated else view.is_c_contiguous()
            if tuple(view.shape) != shape or view.dtype != dtype or not contiguous:
                raise ActionError(
                    f"buffer '{name}' has shape {tuple(view.shape)} and dtype {view.dtype}; it must be contiguous, {shape} "
                    f"and {dtype}"
                )
        return Buffers(**arrays)

    def step(self, actions: Any, out: Buffers | None = None) -> Step:
        """Step every row, as `Batch.step` does.

        Args:
            actions: an array or tensor in the card's memory, of any type of numbers; or one of this machine, which is checked
                and sent.
            out: from `make_buffers`.

        Actions in the card's memory are not looked at here: one outside its bounds is taken as the nearest within, and
        `episodes` raises the ActionError.
        """
        if out is None:
            out = self.buffers
        elif self._fitting.get(id(out)) is not out:
            self._fit(out)
        with self.stepper.alone:
            if self.witnesses:
                self._show(actions)
            self.kernels.step(self.held, self._given(actions), out, self.autoreset)
            self._behind.update(EVERYTHING if out is self.buffers else ROWS)
            if self.witnesses:
                self._show_after(out)
        return self._own if out is self.buffers else Step(*out[: len(Step._fields)])

    def _given(self, actions: Any) -> Any:
        """Return actions in the card's memory, (num_envs, numbers); those of this machine are checked, and sent for None."""
        if self.kernels.flat is None or not self.gpu.holds(actions):
            self.gpu.write(self._checked(actions), self.actions)
            return None
        view = self.gpu.view(actions)
        if tuple(view.shape) != self.table.actions.shape or view.dtype.kind not in "iuf"[: 2 + self._takes_floats]:
            raise ActionError(
                f"actions have shape {tuple(view.shape)} and dtype {view.dtype}; '{self.env.name}' takes "
                f"{self.table.actions.shape}, {'floats' if self._takes_floats else 'whole numbers'}"
            )
        return view.reshape(self.kernels.flat.shape)

    @property
    def _takes_floats(self) -> bool:
        return self.table.actions.dtype.kind == "f"

    def _checked(self, actions: Any) -> Array:
        return check_actions(self.env.name, self.action, actions, self.table.actions)

    def _show(self, actions: Any) -> None:
        """Let witnesses note actions; they look on from this machine, which costs every step a copy of all rows."""
        self.bring(*ROWS)
        here: Any = actions
        if self.gpu.holds(actions):
            view = self.gpu.view(actions)
            here = np.empty(tuple(view.shape), view.dtype)
            self.gpu.read(view, here)
        for witness in self.witnesses:
            witness.note(self._checked(here))

    def _show_after(self, out: Buffers) -> None:
        self.bring(*ROWS)
        mirror = self.table.make_buffers()
        for array, copy in zip(out, mirror, strict=True):
            self.gpu.read(array, copy)
        for witness in self.witnesses:
            witness.look(mirror)

    def reset(self, seed: int | None = None, *, levels: Any = None, which: Array | None = None) -> Array:
        with self._mirrored(*EVERYTHING):
            super().reset(seed, levels=levels, which=which)
        return self.obs

    def act(self, bot: str, out: Array | None = None, which: Array | None = None) -> Array:
        """Let a scripted bot choose actions, on this machine, and return them, an array here."""
        with self._mirrored("memories"):
            self.bring(*EVERYTHING)
            actions = np.zeros_like(self.table.actions) if out is None else out
            if which is None:
                which = np.ones_like(self.table.buffers.acting)
            return super().act(bot, actions, which)

    def sample_actions(self, rng: np.random.Generator) -> Array:
        """Draw uniform random actions for every agent on this machine, masks honoured."""
        self.bring(BUFFERS)
        return draw_actions(self.action, self.table.actions.shape, self.table.buffers.action_mask, rng)

    def assign(self, which: Any, params: Mapping[str, Any], levels: Any = None) -> None:
        with self._mirrored("levels"):
            super().assign(which, params, levels)

    def handing(self) -> AbstractContextManager[object]:
        self.bring("episodes", "params")
        return self._mirrored("following", "levels")

    # -- episodes, rows, snapshots ----------------------------------------------------------------------

    @property
    def finished(self) -> Array:
        self.bring("episodes")
        return super().finished

    def episodes(self) -> dict[str, float]:
        """Return what `Batch.episodes` does, once the card is done.

        Raises:
            ActionError: an action since the last call lay outside its bounds; or a mask leaves somebody no choice.
        """
        self.check()
        with self._mirrored("episodes"):
            return super().episodes()

    def check(self) -> None:
        """Check what kernels found amiss since the last call.

        Raises:
            ActionError, DefinitionError: see `episodes`; and it is nobody's turn.
        """
        if self.env.action_mask is not None or self.env.turn is not None:
            self.bring("states", "params", "plan", BUFFERS)
            try:
                self.stepper.check(self.table.buffers)
            finally:
                self.send("plan")
        faults = self.kernels.faults()
        if faults.any():
            low, high = action_bounds(self.action)
            raise ActionError(
                f"{int(faults.sum())} actions on the GPU lay outside their bounds, the first in row {int(faults.argmax())}; "
                f"allowed: {low} to {high}. They were taken as the nearest that are allowed"
            )

    def state(self, i: int) -> Row:
        self.bring("states")
        return super().state(i)

    def state_params(self, i: int) -> Row:
        self.bring("params")
        return super().state_params(i)

    def copy_rows(self, which: Array) -> tuple[Array, Array]:
        states, params = (np.zeros(len(which), kind.dtype) for kind in (self.table.rows.states, self.table.rows.params))
        there = [self.gpu.send(np.asarray(part)) for part in (which, states, params)]
        self.kernels.take(self.held, *there)
        self.gpu.read(there[1], states)
        self.gpu.read(there[2], params)
        return states, params

    def snapshot(self, i: int) -> bytes:
        self.bring(*ROWS)
        return super().snapshot(i)

    def restore(self, i: int, data: bytes) -> bool:
        with self._mirrored(*EVERYTHING):
            return super().restore(i, data)

    def look(self, which: Array) -> None:
        self.bring(*EVERYTHING)
        super().look(which)
        self.send(BUFFERS)

    def move_goals(self, later: Array) -> None:
        with self._mirrored(*EVERYTHING):
            super().move_goals(later)

    def keep(self, which: Array) -> Kept:
        self.bring(*ROWS)
        return super().keep(which)

    def place(self, which: Array, kept: Kept, out: Buffers | None = None) -> None:
        written = self.buffers if out is None else out
        with self._mirrored(*ROWS):
            for array, mirror in zip(written, self.table.buffers, strict=True):
                self.gpu.read(array, mirror)
            super().place(which, kept, self.table.buffers)
            for array, mirror in zip(written, self.table.buffers, strict=True):
                self.gpu.write(mirror, array)
        self._behind.add(BUFFERS)

    def adopt(self, which: Array | None = None) -> None:
        """Go on from rows whose data were written into `rows`."""
        super().adopt(which)
        self.send(*ROWS)

    def save_rows(self) -> dict[str, Array]:
        self.bring(*ROWS)
        return super().save_rows()

    def load_rows(self, saved: Mapping[str, Array]) -> Array:
        with self._mirrored(*EVERYTHING):
            return super().load_rows(saved)


def why_not_on_gpu(env: Any) -> str:
    """Return why a game's rows cannot live on a GPU here, or nothing."""
    try:
        check_for_gpu(env)
        find_gpu()
    except ArenaError as error:
        return str(error)
    return ""


class Mirror:
    """The rows of a batch on this machine: each part is brought up to date where it is read."""

    def __init__(self, batch: GpuBatch) -> None:
        self._batch = batch

    def __getattr__(self, name: str) -> Array:
        if name not in ROWS:
            raise AttributeError(name)
        self._batch.bring(name)
        array: Array = getattr(self._batch.table.rows, name)
        return array

    def __iter__(self) -> Iterator[Array]:
        return (getattr(self, name) for name in ROWS)

    def _asdict(self) -> dict[str, Array]:
        return {name: getattr(self, name) for name in ROWS}
