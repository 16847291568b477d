"""A game that a person plays: one row, keys held and tapped, bots for everybody else. No window, no clock.

A key that goes down and up between two steps still counts: taps wait in line (`MOST_TAPS` of them at most), and
where nothing waits the keys held down decide, the newest first.  Where agents take turns, and in games that say so
(`Env.waits`), the game waits for the person's move, which is a key that goes down while it is the person's turn.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from puffer_arena.batch.batch import Batch
from puffer_arena.batch.endings import Ending, describe_ending
from puffer_arena.core.actions import own_actions
from puffer_arena.core.env import Env
from puffer_arena.core.fields import Array
from puffer_arena.core.spaces import Space
from puffer_arena.errors import ArenaError, ParameterError, UnknownName, suggest
from puffer_arena.render.play.hands import Hands, share_controls
from puffer_arena.render.play.match import HUMAN, Choose, Match, Rated, Sitter, scripted
from puffer_arena.render.play.scores import BOT, PERSON, Scores


class Game:
    """One episode after another, steered by a person, or by several who sit in the seats of a match.

    Args:
        batch: one row, made with `autoreset="disabled"`, so that the last state stays to be seen.
        bot: who steers the agents the person does not: a name of `env.bots`, a policy, or None for the first bot.
        agent: which agent the person steers first; an id of `batch.agent_ids`, None for the first.
        level: the level of every episode, or None for a new one each time.
        scores: where the best scores are kept; None for this session alone.
        origin: the snapshot that the batch's row stands at and that every try begins from, as a replay's frame; None
            for episodes from their beginning.
        match: who sits where; in place of `bot` and `agent`.
        roster: who may take over from `bot`, who is the first of it; F3 and F4 go through them.
        rated: told of each round of a match that people begin by `take_seats`, see `Match`.
        follows: after an episode that the person won or lost, the bot of the next higher or lower level takes over.

    Attributes:
        hands: what the people do, the first one's first; none where nobody but bots plays.

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
        match: Match | None = None,
        roster: Sequence[Sitter] = (),
        follows: bool = False,
        rated: Rated | None = None,
    ) -> None:
        if batch.num_envs != 1:
            raise ParameterError(f"num_envs = {batch.num_envs}; a game has 1 row")
        self.batch, self.env = batch, batch.env
        self.match = match
        self._watched = find_agent(batch.env, batch.agent_ids, agent)
        self._pads: Sequence[int] = ()
        self.hands = [Hands(batch, self._watched)]
        self.level, self.origin = level, origin
        self.practice = origin is not None  # time was turned back: the score is no record
        self._bot = match or find_bot(batch, bot)
        self.roster, self._chosen, self.follows, self._rated = list(roster), 0, follows, rated
        self.bot_plays = False  # the bot steers the person's agent too
        self.helped = False  # the bot has steered the person's agent in this episode
        self.scores = scores or Scores(batch.env.name, batch.env.version, {}, None)
        self.is_record = False  # the episode that just ended is the best of its player
        self.last_reward = 0.0
        if match is not None:
            self._sit(match.people)
        if origin is None:
            self.restart()

    # -- keys ---------------------------------------------------------------------------------------

    @property
    def agent(self) -> int:
        """The agent that the first person steers, or that is watched."""
        return self.hands[0].agent if self.hands else self._watched

    @property
    def _first(self) -> Hands:
        return self.hands[0] if self.hands else Hands(self.batch, self._watched)

    @property
    def own_keys(self) -> Mapping[str, Any]:
        """The environment's keys for that agent."""
        return self._first.own_keys

    @property
    def role(self) -> str | None:
        """Its role, None in a solo environment."""
        return self._first.role

    @property
    def action(self) -> Space:
        """What it can do."""
        return self._first.action

    @property
    def wanted(self) -> Space:
        """What its keys set: what its pilot is told, or what it can do."""
        return self._first.wanted

    @property
    def keys(self) -> dict[str, Any]:
        """The keys that count in the first person's hands."""
        return self._first.keys

    def reads(self, key: str, pad: int | None = None) -> bool:
        """Tell whether a key, of the keyboard or of a gamepad, is one of somebody's."""
        return any(hands.reads(key, pad) in hands.keys for hands in self.hands)

    def press(self, key: str, strength: float = 1.0, pad: int | None = None) -> bool:
        """Note that a key went down, or how far a stick leans, in (0, 1]; tell whether it is one of somebody's."""
        taken = False
        for hands in self.hands:
            read = hands.reads(key, pad)
            if read is not None:
                press = hands.press if pad is None else hands.press_pad
                taken |= press(read, strength, not self._by_moves or hands.is_my_turn)
        return taken

    def at(self, x: float, y: float) -> tuple[Hands, int] | None:
        """Return whose choice a click at (x, y) of the picture would be now, and which; None where it is none."""
        if self.env.click is None or self.over or self.bot_plays:
            return None
        for hands in self.hands:
            if hands.has_mouse and (hands.is_my_turn or not self._by_moves):
                choice = hands.at(x, y)
                return None if choice is None else (hands, choice)
        return None

    def release(self, key: str, pad: int | None = None) -> None:
        """Note that a key went up."""
        for hands in self.hands:
            read = hands.reads(key, pad)
            if read is not None:
                hands.release(read, from_pad=pad is not None)

    def release_all(self) -> None:
        """Forget every key, as when the window loses the keyboard."""
        for hands in self.hands:
            hands.release_all()

    def share_pads(self, pads: Sequence[int]) -> None:
        """Share keyboard and gamepads, by their numbers, among the people."""
        self._pads = pads
        shared = share_controls(len(self.hands), pads, by_turns=self.env.turn is not None)
        for hands, controls in zip(self.hands, shared, strict=True):
            hands.controls = controls

    # -- seats --------------------------------------------------------------------------------------

    def _sit(self, agents: Sequence[int]) -> None:
        """Let people steer these agents; who steered one before goes on with it."""
        known = {hands.agent: hands for hands in self.hands}
        self._watched = self.agent
        self.hands = [known.get(agent) or Hands(self.batch, agent) for agent in agents]
        self.share_pads(self._pads)

    def take_seats(self) -> None:
        """Make a match of it, where there are several agents: whoever steers them now has their seats, and a new round begins."""
        if self.match is not None or self.batch.num_agents < 2 or self.origin is not None:
            return
        others = self.roster or scripted(self.env)
        bot, human = others[self._chosen], Sitter(HUMAN)
        seats = [bot] * self.batch.num_agents
        seats[self.agent] = human
        after = others[self._chosen + 1 :] + others[: self._chosen]
        self._bot = self.match = Match(self.batch, seats, [bot, human, *after], rated=self._rated)
        self.bot_plays = False
        self._sit(self.match.people)
        self.restart()

    def swap(self, seat: int, by: int = 1) -> Sitter | None:
        """Put the next of the match's roster, or the one before, into a seat; return who sits there now.

        Raises:
            ArenaError: see `Match.swap`.
        """
        sitter = self.match.swap(seat, by) if self.match is not None else None
        if sitter is not None and self.match is not None:
            self._sit(self.match.people)
        return sitter

    # -- playing ------------------------------------------------------------------------------------

    def restart(self) -> None:
        """Begin a new episode, or go back to the origin."""
        if self.origin is None:
            self.batch.reset(levels=None if self.level is None else self.level)
            self.practice = False
        else:
            self.batch.restore(0, self.origin)
        for hands in self.hands:
            hands.begin()
        if self.match is not None:
            self.match.begin()
        self.last_reward, self.helped, self.is_record = 0.0, False, False

    def step(self) -> None:
        """Let everybody act once; does nothing after the end, nor while the game waits for the person."""
        if self.over or self.waits:
            return
        everybody = self._bot_actions()
        for hands in self.hands if not self.bot_plays else ():
            mine = everybody
            if hands.role is not None:
                mine = own_actions(self.batch.action, everybody, hands.role, hands.agent)
            wanted = np.asarray(hands.choose(), mine.dtype)
            mine[0] = allowed = np.asarray(hands.allow(wanted), mine.dtype)
            if self._by_moves and hands.is_my_turn and allowed.tobytes() != wanted.tobytes():
                return  # the move is barred: the game waits on
        self.helped |= self.bot_plays
        self.batch.step(everybody)
        rewards = np.atleast_1d(self.batch.rewards[0])
        self.last_reward = float(rewards[self.agent])
        if self.over and self.match is not None:
            self.match.mixed |= self.practice or self.helped
            self.match.note()
        elif self.over and not self.practice:
            self.is_record = self.scores.note(BOT if self.helped else PERSON, self.score)
            if self.follows and not self.helped:
                self._follow()

    def _follow(self) -> None:
        """Let the bot of the next higher level take over where the person won, of the next lower where it lost."""
        by = {"won": 1, "lost": -1}.get(self.outcome, 0)
        stem, at, level = self.bot_name.rpartition("@")
        names = [sitter.name for sitter in self.roster]
        wanted = f"{stem}@{int(level) + by}" if at and level.isdigit() else ""
        if by and wanted in names:
            self.choose_bot(names.index(wanted) - self._chosen)

    def choose_bot(self, by: int) -> None:
        """Let the next, or the one before, of those who may steer whom the person does not.

        Raises:
            ArenaError: they cannot play here, and are left out from now on.
        """
        if len(self.roster) < 2 or self.match is not None:
            return
        now, wanted = self.roster[self._chosen], self.roster[(self._chosen + by) % len(self.roster)]
        try:
            wanted.check(self.batch)
        except ArenaError:
            self.roster.remove(wanted)
            self._chosen = self.roster.index(now)
            raise
        self._chosen = self.roster.index(wanted)
        self._bot = wanted.choose or self._bot

    @property
    def bot_name(self) -> str:
        """What who steers whom the person does not is called."""
        return self.roster[self._chosen].name if self.roster else "the bot"

    @property
    def best(self) -> float | None:
        """The best score so far of who plays, the person or the bot; None before the first."""
        return self.scores.best.get(BOT if self.helped or self.bot_plays else PERSON)

    @property
    def outcome(self) -> str:
        """How the episode ended for the person's agent: "won", "lost", "draw", "time" (was cut off) or "over".

        By `Env.scores` where roles compete, by `Env.success` where the game has one.  Elsewhere, and where people play each
        other, nobody says what a success is.
        """
        if self.match is not None and self.match.is_between_people:
            return "over"
        env, counters = self.env, self.counters
        if env.scores:
            mine = env.role_of(self.batch.agent_ids[self.agent])
            points = {role: counters[counter] for role, counter in env.scores.items()}
            ahead = points.pop(mine, 0.0) - max(points.values(), default=0.0)
            return "won" if ahead > 0 else "lost" if ahead < 0 else "draw"
        return self.ending.outcome

    @property
    def ending(self) -> Ending:
        """How the episode ended, in words."""
        return describe_ending(self.env, self.batch.finished[0], not np.any(self.batch.terminated[0]))

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
        """Give the person the next agent that is still there; in a match people stay in their seats."""
        if self.match is not None:
            return
        count = self.batch.num_agents
        for k in range(1, count + 1):
            candidate = (self.agent + by * k) % count
            if self._takes_part(candidate) or k == count:
                self.hands = [Hands(self.batch, candidate)]
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
        """Whether the game waits for a person's move."""
        waiting = any(hands.is_my_turn and not hands.taps for hands in self.hands)
        return waiting and self._by_moves and not self.bot_plays and not self.over

    @property
    def _by_moves(self) -> bool:
        """Whether a person plays move by move, and not against the clock."""
        return self.env.turn is not None or self.env.waits

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


def find_agent(env: Env, agent_ids: Sequence[str], agent: str | None) -> int:
    """Return an agent's index.

    Raises:
        UnknownName: the environment has no such agent.
    """
    if agent is None:
        return 0
    if agent not in agent_ids:
        raise UnknownName(f"'{env.name}' has no agent '{agent}'; {suggest(agent, agent_ids)}")
    return agent_ids.index(agent)


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
