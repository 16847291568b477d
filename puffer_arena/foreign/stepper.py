"""Steps the rows of a batch whose environments are of another library; the verbs are those of `batch.stepper.Stepper`.

What is known of rows (episodes, lengths, returns, levels) is kept here as kernels keep it: levels are the seeds of
episodes, so that the same seed gives the same levels, and training never meets a held-out one.
"""

import warnings
from typing import Any

import numpy as np

from puffer_arena.batch.stepper import OneThread
from puffer_arena.batch.table import Table
from puffer_arena.core.action_checks import check_actions, check_mask
from puffer_arena.core.composites import leaves
from puffer_arena.core.fields import Array
from puffer_arena.core.random import draw_level
from puffer_arena.core.roles import Roles
from puffer_arena.core.spaces import Box
from puffer_arena.errors import ParameterError, SpaceError
from puffer_arena.foreign.books import finite_check, open_books
from puffer_arena.foreign.codecs import check_stored
from puffer_arena.foreign.part import BEGINS, RESTS, STEPS, counted, desk_layout, lay_out
from puffer_arena.foreign.picture import reduced, take_picture
from puffer_arena.foreign.pool import Pool
from puffer_arena.foreign.shape import REMOTE, VECTOR
from puffer_arena.kernels.step import DISABLED, NEXT_STEP, SAME_STEP_FINAL
from puffer_arena.kernels.tables import Buffers

FEW = 8  # rows
CHECKED = ("rewards", "obs", "action_mask", "acting", "ended", "began")
WRITTEN = ("obs", "rewards", "terminated", "truncated", "final_obs", "acting", "action_mask", "began")


class ForeignStepper:
    """Steps the rows of a table in this process, or in several, here or on a Ray cluster.

    Attributes:
        worlds: None, as of all rows without an engine of ours.
        alone, steps_apart: see `Stepper`.
    """

    worlds = None
    steps_apart = False

    def __init__(self, table: Table, threads: int) -> None:
        env: Any = table.env  # a ForeignEnv
        self._table, self._env = table, env
        self.alone = OneThread(env, None)
        self.shape = shape = env.shape_with(table.values)
        layout = desk_layout(shape, table.num_envs)
        alone = threads == 1 and not env.origin.on_ray
        here = alone or shape.picture or shape.kind in (VECTOR, REMOTE)
        workers = 0 if here else min(threads, table.num_envs)
        self.pool = Pool(env, table.values, shape, layout, table.num_envs, workers)
        self.desk = self.pool.desk
        lay_out(self.desk, shape)
        self._chosen = b""  # the levels that somebody chose, when those of the next episodes were last written down
        self._everybody = slice(0, table.num_envs)
        self._all = np.ones(table.num_envs, np.bool_)
        self._keep_books = open_books(table, self.desk, shape.several)
        self._counters = counted(self.desk, shape)
        self._given = [(name, self.desk[name]) for name in WRITTEN if name != "final_obs" and self.desk[name].size]
        self._numbers = isinstance(shape.observation, Box) and self.desk["obs"].dtype.kind == "f"
        self._nothing = np.zeros(0, np.float32)
        numbers = self.desk["obs"] if self._numbers else self._nothing
        self._all_finite = finite_check(self.desk["rewards"], numbers)
        self._made = table.rows.following.tobytes()
        self._bounded = [(path, leaf) for path, leaf in leaves(shape.observation) if isinstance(leaf, Box)]
        self._looks = 0 if isinstance(shape.observation, Roles) else 2 * table.num_envs

    # -- as of every stepper ------------------------------------------------------------------------

    def begin(self, actions: Array, out: Buffers, which: Array) -> None:
        """Begin new episodes in the chosen rows, bool (num_envs,)."""
        if self.shape.kind == VECTOR and not which.all():
            raise ParameterError(
                f"environment '{self._env.name}' steps all its rows by itself; reset all of them or none"
            )
        self.desk["todo"][:] = np.where(which, BEGINS, RESTS)
        self._chosen = b""  # the rows' keys may be others
        self._prepare(False)
        self.pool.move()
        self._check(self._everybody)
        self._keep(self._all, False)
        self._hand_out(out, which)

    def step(self, actions: Array, out: Buffers, mode: int, rows: slice | None = None) -> None:
        """Step all rows; see `Stepper.step`."""
        desk, over = self.desk, self._table.rows.states["ended"]
        desk["actions"][...] = actions
        rests = BEGINS if mode == NEXT_STEP else RESTS
        desk["todo"][:] = np.where(over, rests, STEPS) if is_any(over) and self.shape.kind != VECTOR else STEPS
        if mode in (NEXT_STEP, DISABLED) and self.shape.kind == VECTOR:
            raise ParameterError(
                f"environment '{self._env.name}' steps all its rows by itself; make the batch with autoreset='same_step'"
            )
        self._prepare(mode <= SAME_STEP_FINAL)
        self.pool.move()
        self._check(self._everybody)
        self._keep(self._all, True)
        self._hand_out(out)

    def look(self, which: Array) -> None:
        """Write what the chosen rows see as they stand into the table's buffers."""
        self._hand_out(self._table.buffers, which)

    def depict(self, which: Array) -> None:
        """Have the chosen rows, (k,), draw themselves as they stand, where they hold pictures.

        Raises:
            ParameterError: one draws nothing.
            SpaceError: its picture has another shape than the first one.
        """
        if not self.shape.picture:
            return
        pictures = self._table.rows.states["picture"]
        for i in which.tolist():
            drawn = reduced(take_picture(self.pool.part.rows[i].env, self._env.name))
            if drawn.shape != self.shape.picture:
                raise SpaceError(
                    f"environment '{self._env.name}' draws row {i} as a picture of {drawn.shape}; the first one was "
                    f"{self.shape.picture}"
                )
            pictures[i] = drawn

    def resume(self) -> None:
        """Begin new episodes in all rows, as rows that were saved say: what their environments held is gone."""
        self.begin(self._table.actions, self._table.buffers, np.ones(self._table.num_envs, np.bool_))

    def close(self) -> None:
        """Close the environments and end the processes."""
        self.alone.close()
        self.pool.close()

    # -- some rows at a time -------------------------------------------------------------------------

    def send(self, workers: list[int], actions: Array) -> None:
        """Have some workers step their rows, each beginning anew where its episode ends; `receive` takes what they gave.

        Args:
            workers: by their number.
            actions: for all rows, checked; only those of the workers' rows count.
        """
        self._prepare(True)
        for k in workers:
            span = slice(*self.pool.spans[k])
            self.desk["actions"][span], self.desk["todo"][span] = actions[span], STEPS
        self.pool.send(workers)

    def receive(self, workers: list[int]) -> None:
        """Take in what some workers gave, as `step` does of all."""
        self.pool.receive(workers)
        mine = np.zeros(self._table.num_envs, np.bool_)
        for k in workers:
            span = slice(*self.pool.spans[k])
            mine[span] = True
            self._check(span)
        self._keep(mine, True)

    @property
    def halves(self) -> list[slice]:
        """The rows of the first half of the workers and those of the second, which `send_rows` takes; else none."""
        spans = self.pool.spans
        if not self.pool.pids or len(spans) < 2 or self.shape.several:
            return []
        middle = spans[len(spans) // 2][0]
        return [slice(0, middle), slice(middle, self._table.num_envs)]

    def send_rows(self, rows: slice, actions: Array) -> None:
        """Have one of the halves step; see `send`.

        Args:
            rows: the half.
            actions: for all rows, of which those of the half count.
        """
        with self.alone:
            checked = check_actions(self._env.name, self._table.action, actions, self._table.actions)
            self.send(self._workers_of(rows), checked)

    def receive_rows(self, rows: slice, out: Buffers) -> None:
        """Take in what one of the halves gave, and write it into its rows of a step's buffers."""
        with self.alone:
            self.receive(self._workers_of(rows))
            for name in WRITTEN:
                getattr(out, name)[rows] = self.desk[name][rows]

    def _workers_of(self, rows: slice) -> list[int]:
        return [k for k, (low, high) in enumerate(self.pool.spans) if rows.start <= low and high <= rows.stop]

    # -- the parts of a step ------------------------------------------------------------------------

    def _prepare(self, again: bool) -> None:
        """Choose the levels that rows begin next, and say whether those whose episode ends begin at once."""
        rows, desk = self._table.rows, self.desk
        if rows.following.tobytes() != self._made:
            raise ParameterError(
                f"environment '{self._env.name}' is of another library: its parameters hold for a whole batch; make "
                "another one with other values"
            )
        if (chosen := rows.levels.tobytes()) != self._chosen:  # the books go on with them
            self._chosen, keys, plan = chosen, rows.states["row_key"], rows.plan
            drawn = draw_level(keys, rows.states["episode"], int(plan[0]), int(plan[1]))
            desk["level"][:] = np.where(rows.levels < 0, drawn, rows.levels)
        desk["again"][0] = again

    def _check(self, rows: slice) -> None:
        """Check rewards and observations of some rows.

        Raises:
            SpaceError: one is not finite, or a code outside its range; it names row and part.
        """
        name = self._env.name
        if rows == self._everybody:
            desk = self.desk
        else:
            desk = {key: array[rows] for key, array in self.desk.items() if key in CHECKED}
        numbers = desk["obs"] if self._numbers else self._nothing
        if self._all_finite(desk["rewards"], numbers):
            if not self._numbers:
                self._check_parts(desk["obs"], rows.start)
        elif not np.isfinite(desk["rewards"]).all():
            where = np.argwhere(~np.isfinite(desk["rewards"]))[0]
            value = desk["rewards"][tuple(where)]
            where[0] += rows.start
            raise SpaceError(
                f"environment '{name}': the reward at {where.tolist()} is {value}; it must be a finite number"
            )
        else:
            self._check_parts(desk["obs"], rows.start)
        if self._looks > 0 and self._bounded:
            self._looks -= self._table.num_envs
            self._check_bounds()
        if desk["action_mask"].size:
            began = desk["began"] if desk["began"].ndim == 1 else desk["began"].any(1)
            going = desk["acting"] & ~(desk["ended"] & ~began)[:, None]
            check_mask(name, self._table.agent_ids, self.shape.action, desk["action_mask"], going)

    def _check_parts(self, obs: Array, first: int) -> None:
        """Check the parts of observations; see `_check`."""
        space, several = self.shape.observation, self.shape.several
        for role, part in space.spaces.items() if isinstance(space, Roles) else [("", space)]:
            seen = space.of(obs, role)[:, space.spans[role]] if isinstance(space, Roles) else obs
            each = seen.reshape(-1, *seen.shape[2:]) if several else seen
            if wrong := check_stored(part, each):
                entry, said = wrong
                row = first + entry // (seen.shape[1] if several else 1)
                raise SpaceError(
                    f"environment '{self._env.name}': the observation {f'of {role} ' if role else ''}in row {row}{said}"
                )

    def _check_bounds(self) -> None:
        """Say where the first observations leave the bounds that their space gives: training goes on."""
        for path, leaf in self._bounded:
            view = self.desk["obs"]
            for name in path:
                view = view[name]
            low, high = leaf.bounds
            if view.size and ((view < low) | (view > high)).any():
                where = f" of part {'.'.join(path)}" if path else ""
                warnings.warn(
                    f"environment '{self._env.name}' gives observations{where} from {view.min()} to {view.max()}, outside "
                    "the bounds of its space; they are taken as they are",
                    stacklevel=2,
                )
                self._looks = 0

    def _keep(self, mine: Array, stepped: bool) -> None:
        """Take what some rows gave into the books, and the numbers of their infos."""
        if not self._counters:
            self._keep_books(mine, stepped)
            return
        states, episodes = self._table.rows.states, self._table.rows.episodes
        going = mine & (states["ended"] == 0) if stepped else np.zeros_like(mine)
        ended = going & self.desk["ended"]
        for name, values in self._counters.items():
            states[name][going] = values[going]
            episodes["finished"][name][ended] = values[ended]
            episodes["totals"][name][ended] += values[ended]
        self._keep_books(mine, stepped)

    def _hand_out(self, out: Buffers, which: Array | None = None) -> None:
        """Copy what the environments gave into a step's buffers, of all rows or of some."""
        if which is None or is_all(which):
            for name, given in self._given:
                np.copyto(getattr(out, name), given)
            if is_any(self.desk["ended"]):
                np.copyto(out.final_obs, self.desk["final_obs"])
            return
        for name in WRITTEN:
            getattr(out, name)[which] = self.desk[name][which]


def is_any(flags: Array) -> bool:
    """Tell whether a flag is set; for few flags in a tenth of the time of a reduction."""
    return b"\1" in flags.tobytes()


def is_all(flags: Array) -> bool:
    """Tell whether all flags are set; see `is_any`."""
    return b"\0" not in flags.tobytes()
