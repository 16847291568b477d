"""Opponents: who steers the agents that the policy does not, while it learns.

In the first rows of the batch members of a pool take the other sides, drawn anew for every episode; in the rest the
policy plays itself and learns from all sides.  Only agents that the policy steers have streams in the rollout.
"""

from typing import Any

import numpy as np

from puffer_arena.batch.batch import Batch
from puffer_arena.batch.seats import legs, list_sides, outcomes, places, seats, side_returns
from puffer_arena.core.actions import blank_actions
from puffer_arena.core.fields import Array
from puffer_arena.errors import ArenaError, FileError
from puffer_arena.kernels.tables import Buffers, Written
from puffer_arena.machine.notices import say_once
from puffer_arena.players.names import find_player
from puffer_arena.players.player import Acting, forget_nothing
from puffer_arena.trainers.actor import Actor
from puffer_arena.trainers.config import SELF, Config, pool_names
from puffer_arena.trainers.data.arrays import aligned_zeros
from puffer_arena.trainers.league.frozen import Frozen, actor_of
from puffer_arena.trainers.league.matchmaking import chances
from puffer_arena.trainers.league.pool import NOW, POLICY, SETTLED, Member, Pool, read_pool
from puffer_arena.trainers.networks.policy import MakeEncoder, Policy, policy_bytes
from puffer_arena.trainers.playing import check_spaces
from puffer_arena.trainers.threadpool import ThreadPool

NOBODY = Acting(lambda batch, which=None: batch.actions, forget_nothing)  # in place of somebody who is not found


class Shown(Written):
    """A batch whose last step was written into other buffers than its own: what players look at."""

    def __init__(self, batch: Batch) -> None:
        self.batch, self.buffers = batch, batch.buffers

    def __getattr__(self, name: str) -> Any:
        return getattr(self.batch, name)


class Opponents:
    """A pool on the other sides of some rows.

    Attributes:
        learners: the agents that the policy steers, bool (num_envs, agents).
        pool: who may be met.
        seated: who has each side of a row, serial numbers (num_envs, sides); 0 is the policy.
        void: rows whose opponent was dropped in the middle of a game, which does not count, bool (num_envs,).
    """

    def __init__(self, batch: Batch, config: Config, policy: Policy, make_encoder: MakeEncoder | None = None) -> None:
        self.batch, self.config, self.policy, self.make_encoder = batch, config, policy, make_encoder
        self.settings = config.opponent
        self.shown: Any = Shown(batch)
        self.rows = round(self.settings.share * batch.num_envs)
        self.learners = np.ones((batch.num_envs, batch.num_agents), np.bool_)
        self.learners[: self.rows] = seats(batch, self.settings.role)[: self.rows]
        self._streams = np.flatnonzero(self.learners)
        self._actions = blank_actions(batch.action, batch.rewards.shape)
        sides = list_sides(batch)
        self._side_of = np.zeros(batch.num_agents, np.int64)  # every agent's side
        for k, side in enumerate(sides):
            self._side_of[side] = k
        self._own = self._side_of[self.learners[: self.rows].argmax(axis=1)]  # the policy's side
        self.seated = np.zeros((batch.num_envs, len(sides)), np.int64)
        self.void = np.zeros(batch.num_envs, np.bool_)
        self.memory: dict[str, Array] = {}  # recurrent states of policies, by name and shape
        self.threads = ThreadPool(range(config.threads if config.device == "cpu" else 1))
        self.pool, self._rng = Pool(), np.random.default_rng(config.seed)
        self._which: dict[int, Array] = {}  # serial -> the agents whom a member steers
        self._ended: list[tuple[Array, Array]] = []  # who played whom; their places, or returns where games are legs
        self._legs = legs(batch.env) == len(sides) == 2
        self._failures: dict[str, ArenaError] = {}  # of the config's players
        self._lost: list[Member] = []  # of a checkpoint's, whom nobody finds any more
        self._rival: Policy | None = None  # who plays the other role, where each has a policy of its own
        self._share = 1.0  # of the games in which the pool is drawn from, and not the rival as it is now
        for name in pool_names(self.settings.pool):
            self._open(name)

    def meet(self, rival: Policy, share: float) -> None:
        """Let `self` be another policy, that of the other role: its snapshots in a share of the games, else as it is now."""
        self._rival, self._share = rival, share
        self.pool.add(NOW, NOBODY)

    # -- members ------------------------------------------------------------------------------------

    def _open(self, name: str) -> None:
        """Let a player of the config in; what is wrong with one is said when the first game begins."""
        if name == SELF:
            return
        try:
            player = find_player(name, self.config.env, seed=self.config.seed + 1)
            if player.policy is None:
                self.pool.add(name, player.prepare(self.batch))
            else:
                check_spaces(player.policy, self.batch)
                self.pool.add(name, self._freeze(player.policy), policy_bytes(player.policy))
        except ArenaError as error:
            self._failures[name] = error

    def _freeze(self, policy: Policy) -> Acting:
        """Return a copy of a policy as a player."""
        alone, memory = actor_of(policy), {}
        for name, shape in alone.state_spec.items():
            key = f"{name}.{'x'.join(map(str, shape))}"
            if key not in self.memory:
                self.memory[key] = aligned_zeros((self.learners.size, *shape), np.float32)
            memory[name] = self.memory[key]
        return Acting(Frozen(alone, memory, lambda: self._rng, self.threads, self.config), forget_nothing)

    def snapshot(self) -> None:
        """Take the policy as it is into the pool; the snapshot whose rating is missed least goes where there are too many."""
        gone = self.pool.surplus(self.settings.keep)
        if gone is not None:
            self._let_go(gone)
        steps, taken = self.pool.steps, self._rival or self.policy
        like = POLICY if self._rival is None else NOW
        self.pool.add(f"{SELF}@{steps}", self._freeze(taken), policy_bytes(taken), steps, like)
        self._which.clear()

    def _let_go(self, member: Member) -> None:
        """Take a member out of the pool and out of the rows, whose games no longer count."""
        self.pool.remove(member)
        self._which.clear()
        close(member)
        left = (self.seated == member.serial).any(axis=1)
        self.void |= left
        if not self.pool.members:
            self.snapshot()
        if left.any():
            self._draw(np.flatnonzero(left))
            self._forget(np.repeat(left[:, None], self.batch.num_agents, axis=1))

    def _drop(self, member: Member, reason: object) -> None:
        """Let somebody go who cannot play on, and say so."""
        say_once(f"'{member.name}' leaves the pool of opponents: {reason}")
        self._let_go(member)

    # -- games --------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Prepare for the games of an update: random numbers follow from the seed and the update's number.

        Raises:
            ArenaError: somebody whom the config names cannot play here.
        """
        for error in self._failures.values():
            raise error
        self._rng = np.random.default_rng([self.config.seed, self.pool.updates])
        self.pool.updates += 1
        if not self.rows:
            return
        if self._rival is not None:
            now = next(member for member in self.pool.members if member.name == NOW)
            close(now)
            now.acting = self._freeze(self._rival)
        if not self.pool.snapshots and (SELF in pool_names(self.settings.pool) or not self.pool.members):
            self.snapshot()
        if not self.seated.any():
            self._draw(np.arange(self.rows))

    def _draw(self, rows: Array) -> None:
        """Seat opponents on the sides of some rows that the policy does not have."""
        pool = self.pool
        serials = np.array([member.serial for member in pool.members])
        ratings = np.array([pool.ratings[member.name].mu for member in pool.members])
        steps = np.cumsum(chances(self.settings, pool.rates(), ratings, pool.newest))
        drawn = np.searchsorted(steps, self._rng.random((len(rows), self.seated.shape[1])), side="right")
        self.seated[rows] = serials[np.minimum(drawn, len(serials) - 1)]
        if self._rival is not None:
            live = self._rng.random(len(rows)) >= self._share
            self.seated[rows[live]] = next(member.serial for member in pool.members if member.name == NOW)
        self.seated[rows, self._own[rows]] = 0
        self._which.clear()

    def _seats_of(self, member: Member) -> Array:
        """Return the agents that a member steers, bool (num_envs, agents)."""
        if not self._which:
            who = self.seated[:, self._side_of]
            self._which = {other.serial: who == other.serial for other in self.pool.members}
        return self._which[member.serial]

    def join(self, actions: Array) -> Array:
        """Return everybody's actions, as `Batch.step` takes them, from those of the policy's streams."""
        waiting = ~self.learners
        while waiting.any():
            failed: dict[str, tuple[Member, ArenaError]] = {}
            left = np.zeros_like(waiting)
            for member in self.pool.members:
                which = self._seats_of(member) & waiting
                if not which.any():
                    continue
                try:
                    chosen = member.acting.choose(self.shown, which)
                    self._actions[which] = chosen[which]
                except ArenaError as error:
                    failed[member.name] = member, error
                    left |= which
            for lost in failed.values():
                self._drop(*lost)
            waiting = left
        everybody = self._actions.reshape(self.learners.size, -1)
        everybody[self._streams] = actions.reshape(len(actions), -1)
        return self._actions

    def look(self, buffers: Buffers) -> None:
        """See what a step has written: note the games that ended, and seat whom the next ones are against."""
        self.shown.buffers = buffers
        began = self.shown.began
        rows = np.flatnonzero(began[: self.rows].any(axis=1))
        if not len(rows):
            return
        counted = rows[~self.void[rows]]
        measure = side_returns if self._legs else places
        self._ended.append((self.seated[counted], measure(self.batch, self.batch.finished[counted])))
        self.void[rows] = False
        self._draw(rows)
        self._forget(began)

    def _forget(self, began: Array) -> None:
        """Let members forget, bool (num_envs, agents)."""
        for part in self.memory.values():
            part[began.reshape(-1)] = 0.0
        for member in self.pool.members:
            member.acting.forget(began)

    def conclude(self, steps: int) -> dict[str, float]:
        """Count the games of an update, take a snapshot where one is due, and return what was measured."""
        if not self.rows:
            return {}
        settings, pool, taken = self.settings, self.pool, False
        pool.steps = steps
        if self._ended:
            who, came = (np.concatenate(part) for part in zip(*self._ended, strict=True))
            pool.record(*(pool.legs.whole(who, came, bool(settings.role)) if self._legs else (who, came)))
            self._ended.clear()
        if SELF in pool_names(settings.pool):
            waited = steps - max((member.steps for member in pool.snapshots), default=0)
            better = pool.games >= SETTLED and pool.rates().mean() >= settings.snapshot_rate
            taken = better or 0 < settings.snapshot_steps <= waited
            if taken:
                self.snapshot()
        return self._outcomes() | pool.metrics(full=taken)

    def _outcomes(self) -> dict[str, float]:
        """Return how many of the opponents' rows the policy won and lost when they last ended an episode."""
        ended = np.flatnonzero(self.batch.finished["episodes"][: self.rows])
        outcome = outcomes(self.batch, self.batch.finished[ended], self.learners[ended])
        if outcome is None or not len(ended):
            return {}
        return {"league/won": float((outcome > 0).mean()), "league/lost": float((outcome < 0).mean())}

    # -- checkpoints --------------------------------------------------------------------------------

    def carried(self) -> dict[str, Array]:
        """Return the arrays that one update hands to the next."""
        memory = {f"memory.{name}": part for name, part in self.memory.items()}
        return {"seated": self.seated, "void": self.void, **memory}

    def policies(self) -> dict[str, bytes]:
        """Return the policies among the members, by their serial numbers."""
        return {str(member.serial): member.data for member in self.pool.members if member.data}

    def load(self, state: Any, policies: dict[str, bytes], name: str) -> None:
        """Go on with the pool of a checkpoint; whoever cannot be found any more is dropped, which is said.

        Args:
            state: see `Pool.state`.
            policies: see `policies`.

        Raises:
            FileError: it is damaged.
        """
        named = {member.name: member.acting for member in self.pool.members if not member.data}
        self.pool, entries = read_pool(state, name)
        self.memory.clear()
        for entry in entries:
            data, acting = policies.get(str(entry["serial"]), b""), named.get(entry["name"])
            member = Member(entry["name"], entry["serial"], acting or NOBODY, data, entry["steps"])
            self.pool.members.append(member)
            if data:
                loaded = Actor.load(data, self.config.env, self.make_encoder).policy
                check_spaces(loaded, self.batch)
                member.acting = self._freeze(loaded)
            elif acting is not None:
                acting.set_state(entry["state"])
            else:
                self._lost.append(member)
        self._failures.clear()

    def settle(self, name: str) -> None:
        """Go on with who sits where, once the arrays of `carried` are those of a checkpoint.

        Raises:
            FileError: nobody has the number of somebody who sits there.
        """
        if not set(np.unique(self.seated).tolist()) <= {0, *(member.serial for member in self.pool.members)}:
            raise FileError(f"{name} is damaged: there are seats of nobody in its league")
        self._which.clear()
        for member in self._lost:
            self._drop(member, "it is not found any more")
        self._lost.clear()

    def close(self) -> None:
        """End threads."""
        self.threads.close()
        for member in self.pool.members:
            close(member)


def close(member: Member) -> None:
    """End the threads of a member, where it has any."""
    if isinstance(member.acting.choose, Frozen):
        member.acting.choose.close()
