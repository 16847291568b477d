"""Between a batch and a curriculum: notes which episodes end, and hands their rows the next tasks.

    director = Director(batch, load_curriculum(batch.env, "uniform", {"density": "0.1:0.6"}), seed=0)
    director.begin()                  # all rows begin anew
    batch.step(actions)
    director.follow(batch.began)      # after every step

A row's next task is written while its present episode is played, so a reset inside a kernel waits for nobody.  Where the
task is a whole row (a state in mid-episode, a drawn level), that is written over what the reset made, and seen instead.
"""

import contextlib
import inspect
import traceback
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from puffer_arena.batch.batch import Batch
from puffer_arena.core.fields import Array
from puffer_arena.curriculum.curriculum import Curriculum, Ended, Tasks, mean_return, successes
from puffer_arena.curriculum.entrances import Entrances
from puffer_arena.curriculum.hand import AT_LEVEL, CROWDED, DRAWN, ENTERING, WRITTEN, Hand, make_shelf
from puffer_arena.curriculum.ledger import Ledger
from puffer_arena.curriculum.notes import Endings, Shown
from puffer_arena.curriculum.queue import Queue
from puffer_arena.errors import ArenaError, FileError, ParameterError, TrainingError, shown
from puffer_arena.kernels.tables import Buffers
from puffer_arena.levels import Level
from puffer_arena.machine.loops import kernel

NEW = -1  # a step of which no row was looked at
LONGEST = 1 << 62  # steps: where there is no rollout that ends before what followed its last step was judged


@kernel
def add_up(
    advantages: Any, values: Any, acting: Any, owners: Any, ends: Any, ended: Any, sums: Any, found: Any
) -> None:
    """Add up the steps of every row's present episode; where one ends, its sums go to `found` and begin anew.

    Args:
        advantages, values, acting: (time, streams).
        owners: the row of each stream, in their order, (streams,).
        ends, ended: step and row of each end, by step, (ends,).
        sums: |advantage|, positive advantage, value and steps of every row so far, (4, rows).
        found: those of the episodes that ended, (4, ends).
    """
    k, zero = 0, np.float32(0.0)
    alone = len(owners) == sums.shape[1]  # each row is one stream
    for t in range(advantages.shape[0]):
        if alone:  # nothing stands in the way of vector registers then, which take a fifth of the time
            for i in range(advantages.shape[1]):
                advantage = advantages[t, i] if acting[t, i] else zero
                sums[0, i] += abs(advantage)
                sums[1, i] += max(advantage, zero)
                sums[2, i] += values[t, i] if acting[t, i] else zero
                sums[3, i] += 1.0 if acting[t, i] else 0.0
        else:
            for i in range(advantages.shape[1]):
                if acting[t, i]:
                    row, advantage = owners[i], advantages[t, i]
                    sums[0, row] += abs(advantage)
                    sums[1, row] += max(advantage, zero)
                    sums[2, row] += values[t, i]
                    sums[3, row] += 1.0
        while k < len(ends) and ends[k] == t:
            for j in range(sums.shape[0]):
                found[j, k] = sums[j, ended[k]]
                sums[j, ended[k]] = 0.0
            k += 1


class Director:
    """Carries out a curriculum in a batch.

    Args:
        batch: whose episodes.
        curriculum: who chooses.
        seed: of its chance.
    """

    def __init__(self, batch: Batch, curriculum: Curriculum, seed: int = 0) -> None:
        self.batch, self.curriculum, self._seed = batch, curriculum, seed & (2**64 - 1)
        self._seats, self._here = (batch.num_envs, -1), batch.device == "cpu"
        self._draws = np.zeros(1, np.int64)  # of tasks so far: the stream's counter
        # Of the present episodes, for their scores: |advantage|, positive advantage, value, steps.
        self._sums = np.zeros((4, batch.num_envs))
        # Of the episodes last told of: those from levels, from kept rows, and from drawn levels.
        self._success = np.zeros(3)
        self._turn = np.zeros(2, np.int64)  # see `Seen`
        self.entrances, self.queue, self._endings = Entrances(batch), Queue(batch), Endings(batch)
        self.ledger = Ledger(batch)
        self.episodes = 0
        self.silent = False  # the curriculum went wrong: nothing is asked of it, or told to it, any more
        curriculum.begin(batch)
        self._take_up()
        self.entrances.draw(curriculum.drawn, curriculum.weight)

    def begin(self) -> None:
        """Begin new episodes everywhere, of tasks from the curriculum."""
        self._assign()
        self.batch.reset()
        entrances = self.entrances
        entrances.present[:], entrances.weights[:] = entrances.waiting, entrances.next_weights
        entrances.enter(np.arange(self.batch.num_envs), self.curriculum, self.batch.buffers)
        self._assign()

    def change(self, curriculum: Curriculum) -> None:
        """Go on with another curriculum, from every row's next episode on.

        Raises:
            ArenaError: it cannot give tasks, or its drawn levels do not fit; the present one stays.
        """
        before, draws = (self.curriculum, self.entrances, self.queue), int(self._draws[0])
        try:
            curriculum.begin(self.batch)
            self.entrances, self.queue = Entrances(self.batch), Queue(self.batch)
            self.entrances.draw(curriculum.drawn, curriculum.weight)
            self.curriculum = curriculum
            self._assign()
        except ArenaError:
            (self.curriculum, self.entrances, self.queue), self._draws[0] = before, draws
            raise
        self._take_up()
        self.silent = False

    def draw(self, levels: Sequence[Level], share: float) -> None:
        """Let a share of the episodes begin at drawn levels, from every row's next task on.

        Raises:
            FileError: a level does not fit, or is not valid; all stays as it was.
        """
        self.entrances.draw(levels, share)
        self.curriculum.drawn, self.curriculum.weight = levels, share
        self.queue.drop()

    def follow(self, began: Array, t: int = 0, out: Buffers | None = None) -> None:
        """Take in a step.

        Args:
            began: the batch's flags, as the step wrote them.
            t: which step of the rollout it was.
            out: the buffers that the step wrote; by default the batch's.
        """
        if self.silent:
            return
        started = began.reshape(self._seats)
        if self._here:
            follows = self._hand_out(t, started)
        elif np.count_nonzero(started):
            with self.batch.handing():
                follows = self._hand_out(t, started)
        else:
            follows = 0
        if follows & WRITTEN:
            self.batch.take_over(self._shelf.written, self.batch.buffers if out is None else out)
        if follows & ENTERING:
            entering = self.entrances.entering
            rows = entering[1 : 1 + entering[0]]
            self.entrances.enter(rows, self.curriculum, self.batch.buffers if out is None else out)
        if follows & CROWDED:
            self.shown.grow()
            self._take_hand()
        if self._notes:
            self.shown.note(t, started[:, 0])

    def _hand_out(self, t: int, started: Array) -> int:
        """Hand the rows that began their next tasks, and return what is to follow."""
        follows: int = self._hand.run(t, NEW, started)
        while follows < 0:
            self._refill()
            follows = self._hand.run(t, -1 - follows, started)
        if self.queue.checks:
            with self._naming():
                self.queue.check_rows(np.flatnonzero(started[:, 0]))
        return follows

    def _take_up(self) -> None:
        """Have what the present curriculum needs in every step: rows that need no past, and lie here, are compiled loops'."""
        batch, curriculum = self.batch, self.curriculum
        starts = curriculum.starts if curriculum.keeps else None
        limit = batch.env.parameters.get(batch.env.time_limit)
        direct = starts is not None and not starts.exact and self._here and (not limit or limit.kind is int)
        self._shelf = make_shelf(batch, starts if direct else None)
        self.shown = Shown(batch, curriculum.every, self._turn, direct)
        self._notes = curriculum.every > 0 and not self.shown.copies
        self._take_hand()

    def _take_hand(self) -> None:
        """Have the arrays at hand that every step works on."""
        self._hand = Hand(self.queue.block, self.entrances.places, self._endings, self._shelf, self.shown.log)

    def _refill(self) -> None:
        """Have further tasks to hand out, or more room to note what ended."""
        if self._endings.full:
            self._endings.grow()
            self._take_hand()
        else:
            self._fill(self.queue.wanted)

    def _offer(self, scores: Callable[[Array, Array], Array], horizon: int) -> None:
        """Show the curriculum how rows stood before steps of the rollout, with scores(steps, rows)."""
        for steps, rows, kept in self.shown.take(horizon - 1):  # what followed the last step is not yet judged
            with self._naming():
                self.curriculum.seen(kept, scores(steps + 1, rows))

    def report(self) -> Ended | None:
        """Tell the curriculum of the episodes that ended since the last report, without scores."""
        if self.silent:
            return None
        self._offer(lambda steps, rows: np.ones(len(rows)), LONGEST)
        return self._tell(self._endings.take(), {})

    def learned(
        self, advantages: Array, values: Array, acting: Array, owners: Array, scale: float = 1.0
    ) -> Ended | None:
        """Tell the curriculum of the episodes that ended in a rollout, with what the learner made of them.

        Args:
            advantages, values: of every step, (time, streams).
            acting: which steps count, bool (time, streams).
            owners: the row that each stream belongs to, (streams,).
            scale: what rewards were divided by.
        """

        if self.silent:
            return None

        def mean_there(steps: Array, which: Array) -> Array:
            """Return the mean |advantage| of those who acted in some rows at some steps."""
            if len(owners) == self.batch.num_envs:  # each its own stream
                return np.asarray(np.abs(advantages[steps, which]) * acting[steps, which], np.float64)
            found = np.empty(len(steps))
            for t in np.unique(steps):
                at = steps == t
                counts = np.bincount(owners, acting[t], self.batch.num_envs)[which[at]]
                sums = np.bincount(owners, np.abs(advantages[t]) * acting[t], self.batch.num_envs)[which[at]]
                found[at] = sums / np.maximum(counts, 1.0)
            return found

        self._offer(mean_there, len(advantages))
        ends = self._endings.take()
        steps, rows = ends[:2]
        sums = np.zeros((len(self._sums), len(rows)))
        taken = (np.ascontiguousarray(advantages, np.float32), np.ascontiguousarray(values, np.float32))
        add_up(*taken, np.ascontiguousarray(acting), owners, steps, rows, self._sums, sums)
        means = sums[:3] / np.maximum(sums[3], 1.0)
        return self._tell(ends, dict(zip(("advantage", "surprise", "value"), means, strict=True)), scale)

    def drop(self, key: int) -> None:
        """Throw out what the curriculum would play again, by the key that `Curriculum.ranked` tells.

        Raises:
            ParameterError: it is not there any more.
        """
        with self._naming():
            dropped = self.curriculum.drop(key)
        if not dropped:
            raise ParameterError("this level is not kept any more")
        self.queue.drop()

    def metrics(self) -> dict[str, float]:
        """Return the share of successes, the means of the parameters that are moved, and the curriculum's own numbers."""
        params = self.batch.rows.params
        found = {"success": float(self._success[0])}
        if self.curriculum.keeps:
            found["success_from_kept"] = float(self._success[1])
        if self.entrances.share:
            found["success_from_drawn"] = float(self._success[2])
        found |= {name: float(params[name].mean()) for name in self.curriculum.ranges}
        return {f"curriculum/{name}": value for name, value in (found | self.curriculum.metrics()).items()}

    def state(self) -> dict[str, Array]:
        """Return the arrays that the next tasks depend on; a checkpoint is read back into them."""
        own = {"draws": self._draws, "sums": self._sums, "success": self._success, "shown": self._turn}
        parts = {"own": self.curriculum.state(), "entrances": self.entrances.state(), "queue": self.queue.state()}
        if self.curriculum.keeps:
            parts["starts"] = self.curriculum.starts.state()
        return own | {f"{part}.{name}": array for part, arrays in parts.items() for name, array in arrays.items()}

    def check(self, what: str) -> None:
        """Check what a checkpoint wrote into the arrays of `state`, before a rule runs on it.

        Raises:
            FileError: it holds what no run can have.
        """
        self.entrances.check(what)
        self.queue.check(what, len(self.entrances.drawn.serials))
        if self.curriculum.keeps:
            self.curriculum.starts.check(what)
        if not (0 <= self._turn[1] < self.batch.num_envs and self._turn[0] >= 0):
            raise FileError(f"{what} is damaged: it is the turn of row {self._turn[1]}")

    def _tell(self, ends: tuple[Array, ...], scores: dict[str, Array], scale: float = 1.0) -> Ended | None:
        _, rows, starts, records = ends
        if not len(rows):
            return None
        returns = mean_return(records)
        if scores:
            scores["scaled"] = returns / max(scale, 1e-12)
        ended = Ended(rows, records, returns, successes(self.batch.env, records, returns), scores, starts)
        self.queue.expect(len(ended))
        self.episodes += len(ended)
        for k, of in enumerate((starts == AT_LEVEL, starts > AT_LEVEL, starts <= DRAWN)):
            if of.any():
                self._success[k] = ended.success[of].mean()
        own = starts >= AT_LEVEL  # what a person has drawn, the curriculum did not choose
        chosen = ended if own.all() else ended.take(own)
        self.ledger.note(ended)
        if len(chosen):
            with self._naming():
                self.curriculum.ended(chosen)
        return ended

    def _assign(self) -> None:
        """Write the next task of every row.

        Raises:
            TrainingError: see `_fill`.
        """
        with self.batch.handing():
            self._fill(self.batch.num_envs)
            with self._naming():
                self.queue.hand_to_all(self.entrances.places)

    def _fill(self, count: int) -> None:
        """Let the curriculum draw the next tasks.

        Raises:
            TrainingError: the curriculum raised, or returned what no row can have.
        """
        self._draws += 1
        rng = np.random.Generator(np.random.Philox(key=self._seed, counter=[0, 0, 0, int(self._draws[0])]))
        with self._naming():
            tasks = self.curriculum.next(count, rng)
            if not isinstance(tasks, Tasks):
                raise ParameterError(f"next() returned {shown(tasks)}; it must return Tasks")
            self.queue.fill(tasks, count)
            self.entrances.mix(self.queue.block, rng)

    @contextlib.contextmanager
    def _naming(self) -> Iterator[None]:
        """Name the curriculum, and its line, in what it raises.

        Raises:
            TrainingError: something went wrong inside.
        """
        try:
            yield
        except Exception as error:
            own = [part.__code__ for part in vars(type(self.curriculum)).values() if inspect.isfunction(part)]
            frames = traceback.extract_tb(error.__traceback__)
            lines = [
                (frame.filename, frame.lineno)
                for frame in frames
                if frame.filename in {code.co_filename for code in own}
            ]
            # What is wrong with the tasks that it returned is found here, and not in a line of its own.
            lines = lines or [(code.co_filename, code.co_firstlineno) for code in own if code.co_name == "next"]
            where = f" ({lines[-1][0]}, line {lines[-1][1]})" if lines else ""
            kind = "" if isinstance(error, ArenaError) else f"{type(error).__name__}: "
            raise TrainingError(f"curriculum {type(self.curriculum).__name__}{where}: {kind}{error}") from error
