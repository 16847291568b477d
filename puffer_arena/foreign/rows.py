"""One row: an environment of another library that writes what it gives into arrays shared with a batch."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from puffer_arena.core.action_checks import mask_flags
from puffer_arena.core.actions import role_actions
from puffer_arena.core.fields import Array
from puffer_arena.core.roles import Roles
from puffer_arena.errors import ActionError, SpaceError, WorkerError
from puffer_arena.foreign.codecs import Read, Write
from puffer_arena.foreign.shape import BY_TURNS, PARALLEL, REMOTE, SOLO, Shape, is_number

Desk = Mapping[str, Array]  # what rows write and read, all of a batch's: see `stepper.desk_layout`


@dataclass(frozen=True)
class Seat:
    """What writes and reads for one agent of every row."""

    agent: str
    k: int  # its place among the agents
    see: Write
    see_last: Write
    act: Read
    masked: bool
    does: Any  # our space of its actions


def seats_of(shape: Shape, desk: Desk) -> list[Seat]:
    """Return the seats of a batch's agents."""
    found, before = [], dict.fromkeys(shape.roles, 0)
    for k, (agent, name, role) in enumerate(shape.seats):
        views = [_of_seat(shape, desk[buffer], name, k) for buffer in ("obs", "final_obs")]
        actions = desk["actions"]
        if isinstance(shape.action, Roles):
            acts = role_actions(shape.action, actions, name)[:, before[name]]
        else:
            acts = actions[:, k] if shape.several else actions
        before[name] += 1
        see, see_last = (role.sees.writer(view) for view in views)
        found.append(Seat(agent, k, see, see_last, role.does.reader(acts), role.masked, role.does.space))
    return found


def _of_seat(shape: Shape, stored: Array, role: str, k: int) -> Array:
    """Return the stored observations of one agent, (num_envs, *shape)."""
    if not shape.several:
        return stored
    if isinstance(shape.observation, Roles):
        return np.asarray(shape.observation.of(stored, role)[:, k])
    return stored[:, k]


class Row(ABC):
    """What all rows do; a subclass knows an interface."""

    def __init__(self, env: Any, shape: Shape, desk: Desk, seats: list[Seat], i: int) -> None:
        self.env, self.shape, self.desk, self.i = env, shape, desk, i
        self.seats = {seat.agent: seat for seat in seats}
        self.counters = list(shape.counters)

    @abstractmethod
    def reset(self, level: int) -> None:
        """Begin the episode of a level."""

    @abstractmethod
    def step(self) -> bool:
        """Take the step of the actions that lie there; tell whether the episode has ended."""

    def see(self, seat: Seat, observation: Any, info: Mapping[str, Any], last: bool = False) -> None:
        """Write what an agent sees, and what it may do next."""
        mask = info.get("action_mask") if self.shape.masks else None
        if seat.masked:
            if not isinstance(observation, Mapping) or "action_mask" not in observation:
                raise SpaceError(f"the observation of '{seat.agent}' has no part ['action_mask']")
            observation, mask = observation["observation"], observation["action_mask"]
        try:
            (seat.see_last if last else seat.see)(observation, self.i)
        except SpaceError as error:
            raise SpaceError(f"the observation of '{seat.agent}' {error}") from None
        if self.shape.masks and not last:
            flags = self.desk["action_mask"][self.i]
            flags = flags[seat.k] if self.shape.several else flags
            given = mask_flags(seat.does, None if mask is None else mask)
            flags[: len(given)], flags[len(given) :] = given, False

    def count(self, infos: list[Mapping[str, Any]]) -> None:
        """Write the numbers of infos: the mean of those who have one."""
        for k, key in enumerate(self.counters):
            values = [float(info[key]) for info in infos if key in info and is_number(info[key])]
            if values:
                self.desk["counters"][self.i, k] = sum(values) / len(values)

    def close(self) -> None:
        """Close the environment."""
        self.env.close()


class SoloRow(Row):
    """Gymnasium's Env."""

    def reset(self, level: int) -> None:
        self.enter(*self.env.reset(seed=level))

    def enter(self, observation: Any, info: Mapping[str, Any]) -> None:
        """Take in what a reset gave."""
        self.see(self.seats["agent"], observation, info)
        self.count([info])

    def step(self) -> bool:
        return self.take(*self.env.step(self.act()))

    def act(self) -> Any:
        """Return the action that lies there."""
        return self.seats["agent"].act(self.i)

    def take(self, observation: Any, reward: Any, terminated: Any, truncated: Any, info: Mapping[str, Any]) -> bool:
        """Take in what a step gave; tell whether the episode has ended."""
        desk, i, seat = self.desk, self.i, self.seats["agent"]
        desk["rewards"][i] = reward
        self.count([info])
        self.see(seat, observation, info)
        if not (terminated or truncated):
            return False
        desk["terminated"][i], desk["truncated"][i] = terminated, truncated
        desk["final_obs"][i] = desk["obs"][i]
        return True


class AgentsRow(Row):
    """What rows of several agents share."""

    def clear(self) -> None:
        """Write what those see, do and are who do not take part."""
        for name in ("obs", "acting", "alive"):
            self.desk[name][self.i] = np.zeros((), self.desk[name].dtype)
        if isinstance(self.shape.observation, Roles):
            self.desk["obs"]["role"][self.i] = self.desk["roles"]
        self.desk["action_mask"][self.i] = False

    def look(self, observations: Mapping[str, Any], infos: Mapping[str, Any], acting: set[str]) -> None:
        """Write what those see who take part, and who of them acts."""
        self.clear()
        for agent, observation in observations.items():
            seat = self.seats[agent]
            self.see(seat, observation, infos.get(agent, {}))
            self.desk["alive"][self.i, seat.k] = True
            self.desk["acting"][self.i, seat.k] = agent in acting
            if agent not in acting:
                self.desk["action_mask"][self.i, seat.k] = False


class ParallelRow(AgentsRow):
    """PettingZoo's ParallelEnv: all move at once."""

    def reset(self, level: int) -> None:
        observations, infos = self.env.reset(seed=level)
        infos = infos or {}
        there = {agent: observations[agent] for agent in self.env.agents}
        self.look(there, infos, set(there))
        self.count(list(infos.values()))

    def step(self) -> bool:
        desk, i = self.desk, self.i
        actions = {agent: self.seats[agent].act(i) for agent in self.env.agents}
        observations, rewards, terminated, truncated, infos = self.env.step(actions)
        infos = infos or {}
        for agent, reward in rewards.items():
            desk["rewards"][i, self.seats[agent].k] = reward
        for agent in actions:
            k = self.seats[agent].k
            desk["terminated"][i, k], desk["truncated"][i, k] = terminated[agent], truncated[agent]
            if (terminated[agent] or truncated[agent]) and agent in observations:
                self.see(self.seats[agent], observations[agent], infos.get(agent, {}), last=True)
        self.count([infos[agent] for agent in infos if isinstance(infos[agent], Mapping)])
        living = {agent: observations[agent] for agent in self.env.agents if agent in observations}
        living = {agent: seen for agent, seen in living.items() if not (terminated.get(agent) or truncated.get(agent))}
        self.look(living, infos, set(living))
        return not living


class TurnsRow(AgentsRow):
    """PettingZoo's AECEnv: one agent after the other."""

    def reset(self, level: int) -> None:
        self.env.reset(seed=level)
        self._leave()
        self._look()

    def _leave(self) -> None:
        """Let those go whose part is over: nobody asks them again."""
        env = self.env
        while env.agents and (env.terminations[env.agent_selection] or env.truncations[env.agent_selection]):
            env.step(None)

    def _look(self) -> None:
        env = self.env
        living = [a for a in env.agents if not (env.terminations.get(a) or env.truncations.get(a))]
        self.look(
            {agent: env.observe(agent) for agent in living}, env.infos, {env.agent_selection} if living else set()
        )
        self.count([info for info in env.infos.values() if isinstance(info, Mapping)])

    def step(self) -> bool:
        env, desk, i = self.env, self.desk, self.i
        env.step(self.seats[env.agent_selection].act(i))
        for agent in list(env.agents):
            seat = self.seats[agent]
            desk["rewards"][i, seat.k] = env.rewards.get(agent, 0.0)
            ended, cut = bool(env.terminations[agent]), bool(env.truncations[agent])
            if (ended or cut) and desk["alive"][i, seat.k]:
                desk["terminated"][i, seat.k], desk["truncated"][i, seat.k] = ended, cut
                self.see(seat, env.observe(agent), env.infos.get(agent, {}), last=True)
        self._leave()
        self._look()
        return not desk["alive"][i].any()


ROWS: dict[str, type[Row]] = {SOLO: SoloRow, REMOTE: SoloRow, PARALLEL: ParallelRow, BY_TURNS: TurnsRow}


def name_error(error: Exception, name: str, i: int, doing: str) -> Exception:
    """Return an error of an environment's own under the names of that environment and its row."""
    where = f"environment '{name}', row {i}, in {doing}"
    if isinstance(error, SpaceError | ActionError):
        return type(error)(f"{where}: {error}")
    return WorkerError(f"{where}: {type(error).__name__}: {error}")
