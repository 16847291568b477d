"""A game that a person plays: one row, keys held and tapped, bots for everybody else. No window, no clock.

A key that goes down and up between two steps still counts: taps wait in line (`MOST_TAPS` of them at most), and
where nothing waits the keys held down decide, the newest first.  Where agents take turns, and in games that say so
(`Env.waits`), the game waits for the person's move, which is a key that goes down while it is the person's turn.
"""

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from puffer_arena.batch.batch import Batch
from puffer_arena.core.actions import action_dtype, choice_sizes, choices_of, find_binding, own_actions, values_of
from puffer_arena.core.fields import Array
from puffer_arena.core.spaces import Box, Discrete, Space, at, space_of
from puffer_arena.errors import ParameterError, UnknownName, suggest
from puffer_arena.render.play.scores import BOT, PERSON, Scores

Choose = Callable[[Batch], Array]  # returns actions for every agent, shaped as `Batch.actions`
MOST_TAPS = 2  # more would make the game lag behind the person
WASD = {"w": "up", "a": "left", "s": "down", "d": "right"}


class Game:
    """One episode after another, steered by a person.

    Args:
        batch: one row, made with `autoreset="disabled"`, so that the last state stays to be seen.
        bot: who steers the agents the person does not: a name of `env.bots`, a policy, or None for the first bot.
        agent: which agent the person steers first; an id of `batch.agent_ids`, None for the first.
        level: the level of every episode, or None for a new one each time.
        scores: where the best scores are kept; None for this session alone.
        origin: the snapshot that the batch's row stands at and that every try begins from, as a replay's frame; None
            for episodes from their beginning.

    Raises:
        ParameterError: the batch is not one row that waits at its end.
        UnknownName: no such agent or bot.
    """

    def __init__(
        self,
        batch: Batch,
        bot: "str | Choose | None" = None,
        agent: str | None = None,
        level: int | None = None,
        origin: bytes | None = None,
        scores: Scores | None = None,
    ) -> None:
        if batch.num_envs != 1:
            raise ParameterError(f"num_envs = {batch.num_envs}; a game has 1 row")
        self.batch, self.env = batch, batch.env
        self.agent = find_agent(batch, agent)
        self.level, self.origin = level, origin
        self.practice = origin is not None  # time was turned back: the score is no record
        self._bot = find_bot(batch, bot)
        self.bot_plays = False  # the bot steers the person's agent too
        self.helped = False  # the bot has steered the person's agent in this episode
        self.scores = scores or Scores(batch.env.name, batch.env.version, {}, None)
        self.is_record = False  # the episode that just ended is the best of its player
        self.last_reward = 0.0
        self._held: dict[str, float] = {}  # how far each is down; the newest last
        self._taps: deque[str] = deque(maxlen=MOST_TAPS)
        self._repeated = self._idle_action()
        if origin is None:
            self.restart()

    # -- keys ---------------------------------------------------------------------------------------

    @property
    def own_keys(self) -> Mapping[str, Any]:
        """The environment's keys for the agent that the person steers."""
        keys: Mapping[str, Any] = self.env.keys_of(self.role)
        return keys

    @property
    def role(self) -> str | None:
        """The role of the agent that the person steers, None in a solo environment."""
        ids = self.batch.agent_ids
        return self.env.role_of(ids[self.agent]) if ids else None

    @property
    def action(self) -> Space:
        """What that agent can do."""
        return space_of(self.batch.action, self.role)

    @property
    def keys(self) -> dict[str, Any]:
        """These, with w, a, s, d as arrows where they leave them free."""
        return playable_keys(self.own_keys)

    def press(self, key: str, strength: float = 1.0) -> bool:
        """Note that a key went down, or how far a stick leans, in (0, 1]; tell whether it is one of the game's."""
        if key not in self.keys:
            return False
        if key not in self._held and (not self._by_moves or self._is_my_turn):
            self._taps.append(key)
        self._held[key] = strength
        return True

    def release(self, key: str) -> None:
        """Note that a key went up."""
        self._held.pop(key, None)

    def release_all(self) -> None:
        """Forget every key, as when the window loses the keyboard."""
        self._held.clear()
        self._taps.clear()

    # -- playing ------------------------------------------------------------------------------------

    def restart(self) -> None:
        """Begin a new episode, or go back to the origin."""
        if self.origin is None:
            self.batch.reset(levels=None if self.level is None else self.level)
            self.practice = False
        else:
            self.batch.restore(0, self.origin)
        self._repeated = self._idle_action()
        self._taps.clear()
        self.last_reward, self.helped, self.is_record = 0.0, False, False

    def step(self) -> None:
        """Let everybody act once; does nothing after the end, nor while the game waits for the person."""
        if self.over or self.waits:
            return
        everybody = self._bot_actions()
        if not self.bot_plays:
            mine = everybody
            if self.role is not None:
                mine = own_actions(self.batch.action, everybody, self.role, self.agent)
            wanted = np.asarray(self._person_action(), mine.dtype)
            mine[0] = allowed = np.asarray(self._allowed(wanted), mine.dtype)
            if self._by_moves and self._is_my_turn and allowed.tobytes() != wanted.tobytes():
                return  # the move is barred: the game waits on
        self.helped |= self.bot_plays
        self.batch.step(everybody)
        rewards = np.atleast_1d(self.batch.rewards[0])
        self.last_reward = float(rewards[self.agent])
        if self.over and not self.practice:
            self.is_record = self.scores.note(BOT if self.helped else PERSON, self.score)

    @property
    def best(self) -> float | None:
        """The best score so far of who plays, the person or the bot; None before the first."""
        return self.scores.best.get(BOT if self.helped or self.bot_plays else PERSON)

    @property
    def outcome(self) -> str:
        """How the episode ended for the person's agent: "won", "lost", "draw", "time" (was cut off) or "over".

        By `Env.scores` where roles compete, by `Env.success` where the game has one.  Elsewhere nobody says what a
        success is.
        """
        env, counters = self.env, self.counters
        if env.scores:
            mine = env.role_of(self.batch.agent_ids[self.agent])
            points = {role: counters[counter] for role, counter in env.scores.items()}
            ahead = points.pop(mine, 0.0) - max(points.values(), default=0.0)
            return "won" if ahead > 0 else "lost" if ahead < 0 else "draw"
        if env.success and counters[env.success] > 0:
            return "won"
        if not np.any(self.batch.terminated[0]):
            return "time"
        return "lost" if env.success else "over"

    def rewind(self, seconds: float) -> None:
        """Turn time back within the episode, as far as it was recorded; from then on it is practice."""
        if self.batch.recorder is None:
            return
        back = max(round(seconds * self.env.steps_per_second), 1)
        first = self.batch.recorder.first_step(0)
        if self.steps > first:
            self.batch.rewind(0, max(self.steps - back, first))
            self.practice = True
            self.release_all()

    def steer(self, by: int = 1) -> None:
        """Give the person the next agent that is still there."""
        count = self.batch.num_agents
        for k in range(1, count + 1):
            candidate = (self.agent + by * k) % count
            if self._takes_part(candidate) or k == count:
                self.agent = candidate
                self._repeated = self._idle_action()
                self.release_all()
                return

    @property
    def over(self) -> bool:
        """Whether the episode has ended."""
        return bool(self.batch.rows.states["ended"][0])

    @property
    def out(self) -> bool:
        """Whether the person's agent has left while the others play on."""
        return bool(self.batch.num_agents) and not self.over and not self._takes_part(self.agent)

    @property
    def waits(self) -> bool:
        """Whether the game waits for the person's move."""
        waiting = self._by_moves and self._is_my_turn and not self.bot_plays
        return waiting and not self.over and not self._taps

    @property
    def _by_moves(self) -> bool:
        """Whether a person plays move by move, and not against the clock."""
        return self.env.turn is not None or self.env.waits

    @property
    def _is_my_turn(self) -> bool:
        return bool(self.batch.acting[0, self.agent])

    def _takes_part(self, agent: int) -> bool:
        return bool(self.batch.rows.states["alive"][0, agent])

    @property
    def steps(self) -> int:
        """Steps of this episode."""
        return int(self.batch.rows.states["step_count"][0])

    @property
    def episode_return(self) -> float:
        """Rewards of the person's agent in this episode."""
        return float(np.atleast_1d(self.batch.rows.states["episode_return"][0])[self.agent])

    @property
    def counters(self) -> dict[str, float]:
        """What the environment counts, such as its score."""
        return {name: self.batch.rows.states[name][0].item() for name in self.env.counters}

    @property
    def score(self) -> float:
        """The counter "score" where there is one, else the return."""
        return float(self.counters.get("score", self.episode_return))

    # -- who does what ------------------------------------------------------------------------------

    def _bot_actions(self) -> Array:
        if not self.batch.num_agents and not self.bot_plays:
            return self.batch.actions.copy()
        return np.array(self._bot(self.batch), self.batch.actions.dtype).reshape(self.batch.actions.shape)

    def _idle_action(self) -> Any:
        given = self.env.idle_of(self.role)
        if isinstance(self.action, Discrete):
            return 0 if given is None else given
        idle = np.zeros((), action_dtype(self.action))
        for path, value in values_of(self.action, given).items() if given is not None else ():
            at(idle, path)[...] = value
        return idle

    def _person_action(self) -> Any:
        single = isinstance(self.action, Discrete)
        self._repeated = self._single_action() if single else self._combined_action()
        return self._repeated

    def _single_action(self) -> int:
        if self._taps:
            return int(self.keys[self._taps.popleft()])
        if self._held:
            return int(self.keys[next(reversed(self._held))])
        idle = self.env.idle_of(self.role)
        return int(self._repeated if idle is None else idle)

    def _combined_action(self) -> Array:
        """Return an action: every key held, or tapped since the last step, sets its component."""
        pressed = [*self._held, *(key for key in self._taps if key not in self._held)]
        self._taps.clear()
        if not pressed and self.env.idle_of(self.role) is None:
            return np.asarray(self._repeated)
        action = self._idle_action()
        for key in pressed:
            bound = find_binding(self.action, self.keys[key])
            assert bound is not None  # the environment has checked its keys
            numbers = at(action, bound.path).reshape(-1)
            strength = self._held.get(key, 1.0) if isinstance(bound.leaf, Box) else 1.0
            numbers[bound.component] += strength * (bound.value - numbers[bound.component])
        return np.asarray(action)

    def _allowed(self, action: Any) -> Any:
        """Replace every barred choice by the first that is allowed."""
        if not self.batch.num_choices:
            return action
        mask = self.batch.action_mask[0, self.agent] if self.batch.num_agents else self.batch.action_mask[0]
        allowed = np.array(action, action_dtype(self.action).base)
        for path, leaf, flags in choices_of(self.action):
            numbers, begin = at(allowed, path).reshape(-1), flags.start
            for k, size in enumerate(choice_sizes(leaf)):
                own = mask[begin : begin + size]
                numbers[k] = numbers[k] if own[numbers[k]] else own.argmax()
                begin += size
        return allowed


def playable_keys(keys: Any) -> dict[str, Any]:
    """Return the environment's keys, with w, a, s, d as arrows where it leaves them free."""
    found = dict(keys)
    if not set(WASD) & set(found):
        found.update({letter: found[arrow] for letter, arrow in WASD.items() if arrow in found})
    return found


def find_agent(batch: Batch, agent: str | None) -> int:
    """Return an agent's index.

    Raises:
        UnknownName: the environment has no such agent.
    """
    if agent is None:
        return 0
    if agent not in batch.agent_ids:
        raise UnknownName(f"'{batch.env.name}' has no agent '{agent}'; {suggest(agent, batch.agent_ids)}")
    return batch.agent_ids.index(agent)


def find_bot(batch: Batch, bot: "str | Choose | None") -> Choose:
    """Return a function that chooses everybody's actions: a policy, a scripted bot, or chance where there is none.

    Raises:
        UnknownName: the environment has no such bot.
    """
    if bot is not None and not isinstance(bot, str):
        return bot
    if bot is None and not batch.env.bots:
        rng = np.random.default_rng(0)
        return lambda playing: playing.sample_actions(rng)
    name = bot or next(iter(batch.env.bots))
    batch.env.find_bot(name)
    return lambda playing: playing.act(name)
