"""A span of rows that one process steps: the same object in the caller's and in every worker process.

`move` does to every row what `todo` says.  An episode that ends is followed by the next at once where `again` is set: its
level has been chosen before, in `level`.
"""

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from puffer_arena.batch.buffers import Layout, buffer_layout
from puffer_arena.core.actions import action_dtype, blank_actions, count_choices
from puffer_arena.core.fields import Array
from puffer_arena.core.roles import Roles
from puffer_arena.errors import ArenaError, DefinitionError, WorkerError
from puffer_arena.foreign.picture import close_drawn
from puffer_arena.foreign.remote import Lost
from puffer_arena.foreign.rows import ROWS, Desk, name_error, seats_of
from puffer_arena.foreign.seeds import Seeder
from puffer_arena.foreign.shape import BY_TURNS, PARALLEL, REMOTE, SOLO, Shape, kind_of, shape_of
from puffer_arena.foreign.wrappers import Limit

RESTS, STEPS, BEGINS = range(3)  # what a row is to do
UNLIMITED = np.iinfo(np.int64).max  # steps of an episode
MOST_LOST = 1000  # games that may go and be followed by another, for a batch


def desk_layout(shape: Shape, num_envs: int) -> Layout:
    """Return the arrays by which a batch and those who step its rows speak.

    They are the buffers of a step, the actions, and for every row: what it is to do, the level that it begins next, whether
    its episode has ended, who is still in it, and the numbers of its infos.
    """
    agents = sum(shape.agents.values())
    seats = (num_envs, agents) if agents else (num_envs,)
    choices = count_choices(shape.action) if shape.masks else 0
    acts = action_dtype(shape.action)
    base, inner = acts.subdtype or (acts, ())
    rows = {
        "actions": ((*seats, *inner), base),
        "todo": ((num_envs,), np.dtype(np.int8)),
        "level": ((num_envs,), np.dtype(np.int64)),
        "ended": ((num_envs,), np.dtype(np.bool_)),
        "alive": ((num_envs, max(agents, 1)), np.dtype(np.bool_)),
        "counters": ((num_envs, len(shape.counters)), np.dtype(np.float64)),
        "again": ((1,), np.dtype(np.bool_)),
        "roles": ((agents,), np.dtype(np.int64)),
    }
    return {**buffer_layout(shape.observation, num_envs, agents, choices), **rows}


def lay_out(desk: Desk, shape: Shape) -> None:
    """Write what of a new desk does not change: whose places are whose."""
    if isinstance(shape.observation, Roles):
        for number, span in enumerate(shape.observation.spans.values()):
            desk["roles"][span] = number
        for name in ("obs", "final_obs"):
            desk[name]["role"] = desk["roles"]
        desk["actions"][...] = blank_actions(shape.action, desk["actions"].shape)
    desk["acting"][...] = desk["alive"][...] = not shape.several
    desk["action_mask"][...] = True


class Part:
    """The rows of one span, each an environment of its own."""

    def __init__(self, name: str, make: Callable[[], Any], shape: Shape, desk: Desk, span: tuple[int, int]) -> None:
        self.name, self.desk, self.span = name, desk, span
        self.rows: list[Any] = []  # a Row of the environment's kind each
        self._moves = list(range(*span))
        seats = seats_of(shape, desk)
        for i in self._moves:
            env = make_one(name, make, shape)
            self.rows.append(ROWS[shape.kind](env, shape, desk, seats, i))

    def move(self) -> None:
        """Let every row do what it is to do.

        Raises:
            ArenaError: an environment raised, or gave what its spaces do not say; it is named with its row.
        """
        desk, begin = self.desk, self.span[0]
        span, again = slice(*self.span), bool(self.desk["again"][0])
        todo = desk["todo"][span].tolist()
        for name in ("rewards", "terminated", "truncated", "began", "ended"):
            desk[name][span] = 0
        for k, what in enumerate(todo):
            if what == RESTS:
                continue
            try:
                if what == STEPS:
                    if not self.rows[k].step():
                        continue
                    desk["ended"][begin + k] = True
            except Exception as error:
                raise name_error(error, self.name, begin + k, "step") from error
            if what == BEGINS or again:
                self.reset(k)

    def reset(self, k: int) -> None:
        """Begin the next episode of the k-th row here; see `move`."""
        i = self.span[0] + k
        try:
            self.rows[k].reset(int(self.desk["level"][i]))
        except Exception as error:
            raise name_error(error, self.name, i, "reset") from error
        self.desk["began"][i] = True

    def close(self) -> None:
        """Close the environments."""
        for row in self.rows:
            if row.shape.picture:
                close_drawn(row.env)
            else:
                row.close()


class SoloPart(Part):
    """Rows of Gymnasium's Env.  Where all step, and see one array each, they do so in one loop without a call between.

    An environment such as CartPole takes ten microseconds for a step: each call around it is some percent.  So episodes'
    limits are looked at together, too, past the wrappers that do it row by row.

    Attributes:
        seeder: what makes generators from the seeds of episodes; None for Gymnasium itself.
    """

    def __init__(self, name: str, make: Callable[[], Any], shape: Shape, desk: Desk, span: tuple[int, int]) -> None:
        super().__init__(name, make, shape, desk, span)
        mine, (role,) = slice(*span), shape.roles.values()
        self._plain = not shape.masks and not shape.counters and role.sees.is_array
        envs = [row.env for row in self.rows]
        self._limits = {k: env for k, env in enumerate(envs) if isinstance(env, Limit)}
        self._steps = [env.env.step if isinstance(env, Limit) else env.step for env in envs]
        self._resets = [env.env.reset if isinstance(env, Limit) else env.reset for env in envs]
        self.seeder: Seeder | None = None
        self._counts = np.zeros(len(envs), np.int64)  # of steps in the rows' episodes, where there are limits
        self._most = np.array([env.most if isinstance(env, Limit) else UNLIMITED for env in envs])
        self._levels = desk["level"][mine]
        self._act = role.does.many_reader(desk["actions"][mine])
        self._flags = [desk[name][mine] for name in ("terminated", "truncated", "began", "ended")]
        self._obs, self._final, self._rewards = (desk[name][mine] for name in ("obs", "final_obs", "rewards"))
        self._todo, self._seat = desk["todo"][mine], seats_of(shape, desk)[0]
        self._sizes = [self._obs.shape[1]] * len(self.rows) if self._plain else []
        self._joined = self._obs.reshape(-1, *self._obs.shape[2:]) if self._plain else self._obs  # one behind the other
        self._all_step = np.full(len(self.rows), STEPS, np.int8).tobytes()
        self._each = self._obs.shape[1:], self._obs.dtype  # what a row sees
        self._clear = False  # no flag is set

    def move(self) -> None:
        """See `Part.move`."""
        if not self._plain or self._todo.tobytes() != self._all_step:
            self._clear = False
            self._move_one_by_one()
            return
        if not self._clear:
            for flags in self._flags:
                flags[:] = False
        seen: list[Any] = []
        rewards: list[Any] = []
        ended: list[int] = []
        over, cut = self._flags[:2]
        try:
            for step, action in zip(self._steps, self._act(), strict=True):
                observation, reward, terminated, truncated, _ = step(action)
                rewards.append(reward)
                if terminated or truncated:
                    over[len(seen)], cut[len(seen)] = terminated, truncated
                    ended.append(len(seen))
                seen.append(observation)
        except Exception as error:
            raise name_error(error, self.name, self.span[0] + len(seen), "step") from error
        self._take(seen, rewards)
        if self._limits:
            self._cut_off(ended)
        self._clear = not ended
        if not ended:
            return
        for k in ended:  # one by one, as they are few: an array of them takes NumPy as long as ten
            self._flags[-1][k] = True
            self._final[k] = self._obs[k]
        if self.desk["again"][0]:
            self._begin(ended)

    def _move_one_by_one(self) -> None:
        """Move by the rows' own wrappers, which are told what was counted here, and tell it again."""
        for k, limit in self._limits.items():
            limit.count = int(self._counts[k])
        super().move()
        for k, limit in self._limits.items():
            self._counts[k] = limit.count

    def _cut_off(self, ended: list[int]) -> None:
        """Count a step of every row, and end the episodes that have reached their limit."""
        self._counts += 1
        late = self._counts >= self._most
        if b"\1" in late.tobytes():
            for k in np.flatnonzero(late).tolist():
                self._flags[1][k] = True
                if k not in ended:
                    ended.append(k)
        for k in ended:
            self._counts[k] = 0

    def _take(self, seen: list[Any], rewards: list[Any]) -> None:
        """Store what all rows see and get: at once where these are arrays as the space says, else one by one."""
        try:
            self._rewards[:] = rewards
            if list(map(len, seen)) == self._sizes:
                np.concatenate(seen, 0, self._joined)
                return
        except (TypeError, ValueError):
            pass  # one of them is no number or array, or no such one: to be named below
        k = 0
        try:
            for k, observation in enumerate(seen):
                self._rewards[k] = rewards[k]
                self.rows[k].see(self._seat, observation, {})
        except Exception as error:
            raise name_error(error, self.name, self.span[0] + k, "step") from error

    def _begin(self, ended: list[int]) -> None:
        """Begin the next levels of rows here."""
        seeder, levels, began = self.seeder, self._levels.tolist(), self._flags[2]
        if seeder is not None:
            seeder.prepare(self._levels)
        k = 0
        try:
            for k in ended:
                reset, level = self._resets[k], levels[k]
                observation, _ = reset(seed=level) if seeder is None else seeder.reset(reset, level, k)
                if type(observation) is np.ndarray and (observation.shape, observation.dtype) == self._each:
                    self._obs[k] = observation
                else:
                    self.rows[k].see(self._seat, observation, {})
                began[k] = True
        except Exception as error:
            raise name_error(error, self.name, self.span[0] + k, "reset") from error


class RemotePart(Part):
    """Rows that are games in other programs: all are asked before the first is heard, so that they step side by side.

    A game that is lost is named, and the next that connects takes its row; the episode is cut off there.
    """

    def __init__(self, name: str, make: Callable[[], Any], shape: Shape, desk: Desk, span: tuple[int, int]) -> None:
        self._make, self._shape, self._left = make, shape, MOST_LOST
        super().__init__(name, self._fitting, shape, desk, span)

    def _fitting(self) -> Any:
        """Wait for the next game that is of the same kind; others are let go."""
        while shape_of(game := self._make(), "game").described() != self._shape.described():
            game.leave()
            print(f"a game of other spaces than '{self._shape.described()}' was let go", file=sys.stderr)
        return game

    def move(self) -> None:
        """See `Part.move`."""
        desk, span = self.desk, slice(*self.span)
        todo = desk["todo"][span].tolist()
        for name in ("rewards", "terminated", "truncated", "began", "ended"):
            desk[name][span] = 0
        begin = [k for k, what in enumerate(todo) if what == BEGINS]
        ended = self._step([k for k, what in enumerate(todo) if what == STEPS])
        self._begin(begin + (ended if desk["again"][0] else []))

    def _step(self, asked: list[int]) -> list[int]:
        """Have some rows step, and return those whose episode has ended and that are to begin anew."""
        ended = []
        for k in asked:
            self.rows[k].env.ask_step(self.rows[k].act())
        for k in asked:
            i = self.span[0] + k
            try:
                if self.rows[k].take(*self.rows[k].env.hear()):
                    self.desk["ended"][i] = True
                    ended.append(k)
            except Lost as lost:
                self.desk["final_obs"][i] = self.desk["obs"][i]
                self.desk["truncated"][i] = self.desk["ended"][i] = True
                self._replace(k, lost)
            except Exception as error:
                raise name_error(error, self.name, i, "step") from error
        return ended

    def _begin(self, asked: list[int]) -> None:
        """Have some rows begin an episode."""
        for k in asked:
            self.rows[k].env.ask_reset(int(self.desk["level"][self.span[0] + k]))
        for k in asked:
            i = self.span[0] + k
            try:
                self.rows[k].enter(*self.rows[k].env.hear())
                self.desk["began"][i] = True
            except Lost as lost:
                self._replace(k, lost)
            except Exception as error:
                raise name_error(error, self.name, i, "reset") from error

    def _replace(self, k: int, lost: Lost) -> None:
        """Let another game take a row, and begin there.

        Raises:
            WorkerError: none has come, or games have been lost too often.
        """
        self.rows[k].env.leave()
        if not self._left:
            raise WorkerError(
                f"environment '{self.name}': {MOST_LOST} games have been lost, the last of row {k}: {lost}"
            )
        self._left -= 1
        print(f"the game of row {k} of '{self.name}' was lost: {lost}; waiting for another", file=sys.stderr)
        self.rows[k].env = self._fitting()
        self._begin([k])


PARTS: dict[str, type[Part]] = {SOLO: SoloPart, REMOTE: RemotePart, PARALLEL: Part, BY_TURNS: Part}


def make_one(name: str, make: Callable[[], Any], shape: Shape | None = None) -> Any:
    """Make an environment, and check that it is what the first one was.

    Raises:
        DefinitionError: the function raised, or its environments differ.
    """
    try:
        env = make()
    except ArenaError:
        raise
    except Exception as error:
        raise DefinitionError(f"environment '{name}' cannot be made: {type(error).__name__}: {error}") from error
    kind = kind_of(env)
    if shape is not None and shape_of(env, name).described() != shape.described():
        env.close()
        raise DefinitionError(
            f"environment '{name}' is another at every making: {shape.described()} at first, then "
            f"{kind} {shape_of(env, name).described()}; make all with the same spaces and agents"
        )
    return env


def counted(desk: Desk, shape: Shape) -> dict[str, Array]:
    """Return the numbers of infos by the names of the batch's counters, (num_envs,)."""
    return {name: desk["counters"][:, k] for k, name in enumerate(shape.counters.values())}
