"""Small environments of other libraries, for tests: what they give follows from their seed and their actions."""

import os
import time
from collections import OrderedDict
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode
from pettingzoo import AECEnv, ParallelEnv


class Walk(gymnasium.Env):
    """Walks by 1 or 2; at 6 it is over, after 4 steps it is cut off.  The reward is the place reached."""

    observation_space = spaces.Dict(
        OrderedDict(place=spaces.Box(-100, 100, (1,), np.float32), seed=spaces.Box(0, 2**32, (), np.int64))
    )
    action_space = spaces.Discrete(2, start=1)

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.place, self.steps, self.level = 0, 0, int(seed or 0)
        return self.see(), {}

    def see(self) -> Any:
        return {"place": np.array([self.place], np.float32), "seed": self.level}

    def step(self, action: Any) -> Any:
        assert self.action_space.contains(action)
        self.place += int(action)
        self.steps += 1
        info = {"laps": self.steps, "note": "text", "many": [1, 2]}
        return self.see(), float(self.place), self.place >= 6, self.steps >= 4, info


class Faulty(Walk):
    """A walk in which something goes wrong at place 3, once where a file is missing; it prints and forks besides."""

    made = 0

    def __init__(self, how: str, where: str = "") -> None:
        self.how, self.where = how, where
        Faulty.made += 1
        self.number = Faulty.made

    def step(self, action: Any) -> Any:
        seen, reward, *rest = super().step(action)
        if self.where:
            print("a step")
            os.write(1, b"and another\n")
            if not (child := os.fork()):
                os._exit(0)
            os.waitpid(child, 0)
        if self.place >= 3 and (not self.where or not os.path.exists(self.where)):
            if self.where:
                open(self.where, "w").close()
            if self.how == "raise":
                raise ValueError("broken rules")
            if self.how == "die":
                os.kill(os.getpid(), 9)
            if self.how == "hang":
                time.sleep(1000)
            if self.how == "nan":
                seen["place"][0] = np.nan
            if self.how == "dtype":
                seen["place"] = seen["place"] + 1j
            if self.how == "shape":
                seen["place"] = np.zeros(3, np.float32)
            if self.how == "reward":
                reward = float("nan")
        return seen, reward, *rest


class Beyond(Walk):
    """A walk whose places leave the bounds that its space gives."""

    observation_space = spaces.Box(-1, 1, (1,), np.float32)

    def see(self) -> Any:
        return np.array([self.place], np.float32)


class Stillborn(Walk):
    """A walk that cannot begin a second time."""

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        if hasattr(self, "place"):
            raise OSError("no such level")
        return super().reset(seed=seed)


class Painted(Walk):
    """A walk that draws itself: as many bright columns as the place it has reached."""

    metadata = {"render_fps": 20}
    size = (5, 7)

    def render(self) -> Any:
        picture = np.zeros((*self.size, 3), np.uint8)
        picture[:, : self.place] = 200
        return picture


class Shifty(gymnasium.Env):
    """Has another observation space in every environment."""

    action_space = spaces.Discrete(2)
    made = 0

    def __init__(self) -> None:
        Shifty.made += 1
        self.observation_space = spaces.Box(0, 1, (Shifty.made,))

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        return np.zeros(self.observation_space.shape, np.float32), {}

    def step(self, action: Any) -> Any:
        return np.zeros(self.observation_space.shape, np.float32), 0.0, False, False, {}


class Party(ParallelEnv):
    """Two guests and a cook, who sees and does something else; guest_1 comes in the second step, guest_0 leaves in it."""

    metadata = {"name": "party"}
    possible_agents = ["guest_0", "guest_1", "cook"]

    def observation_space(self, agent: str) -> Any:
        return spaces.Box(0, 9, (2,), np.float32) if agent == "cook" else spaces.Discrete(10)

    def action_space(self, agent: str) -> Any:
        return spaces.Box(-1, 1, (1,)) if agent == "cook" else spaces.Discrete(3)

    def see(self, agent: str) -> Any:
        return np.full(2, self.steps, np.float32) if agent == "cook" else self.steps

    def reset(self, seed: int | None = None, options: Any = None) -> Any:
        self.steps, self.agents = 0, ["guest_0", "cook"]
        return {agent: self.see(agent) for agent in self.agents}, {agent: {} for agent in self.agents}

    def step(self, actions: Any) -> Any:
        assert set(actions) == set(self.agents) and all(self.action_space(a).contains(x) for a, x in actions.items())
        self.steps += 1
        who = list(self.agents)
        rewards = {agent: 1.0 + k for k, agent in enumerate(who)}
        ended = {agent: agent == "guest_0" and self.steps == 2 for agent in who}
        cut = dict.fromkeys(who, self.steps == 4)
        seen = {agent: self.see(agent) for agent in who}
        self.agents = [agent for agent in who if not ended[agent] and not cut[agent]]
        if self.steps == 2:
            self.agents.append("guest_1")
            seen["guest_1"] = self.see("guest_1")
        return seen, rewards, ended, cut, {agent: {"plates": self.steps} for agent in who}


class Pile(AECEnv):
    """Two players take 1 or 2 of 5 things in turn; who takes the last one wins.  More than there are is barred."""

    metadata = {"name": "pile"}
    possible_agents = ["player_0", "player_1"]

    def observation_space(self, agent: str) -> Any:
        return spaces.Dict({"observation": spaces.Discrete(6), "action_mask": spaces.Box(0, 1, (2,), np.int8)})

    def action_space(self, agent: str) -> Any:
        return spaces.Discrete(2)

    def reset(self, seed: int | None = None, options: Any = None) -> None:
        self.agents, self.left, self.agent_selection = self.possible_agents[:], 5, "player_0"
        self.rewards = dict.fromkeys(self.agents, 0.0)
        self._cumulative_rewards = dict.fromkeys(self.agents, 0.0)
        self.terminations, self.truncations = dict.fromkeys(self.agents, False), dict.fromkeys(self.agents, False)
        self.infos = {agent: {} for agent in self.agents}

    def observe(self, agent: str) -> Any:
        return {"observation": self.left, "action_mask": np.array([self.left >= 1, self.left >= 2], np.int8)}

    def step(self, action: Any) -> None:
        agent = self.agent_selection
        if self.terminations[agent]:
            self._was_dead_step(action)
            return
        self.left -= int(action) + 1
        assert self.left >= 0
        other = "player_1" if agent == "player_0" else "player_0"
        self._clear_rewards()
        if self.left == 0:
            self.rewards = {agent: 1.0, other: -1.0}
            self.terminations = dict.fromkeys(self.agents, True)
        self.agent_selection = other


class Herd(gymnasium.vector.VectorEnv):
    """Walks of 3 steps by one reward each, all rows together; the last step cuts odd rows off and ends even ones."""

    single_observation_space, single_action_space = spaces.Box(0, 9, (1,), np.float32), spaces.Discrete(2)

    def __init__(self, num_envs: int, mode: AutoresetMode) -> None:
        self.num_envs, self.metadata = num_envs, {"autoreset_mode": mode}

    def reset(self, *, seed: Any = None, options: Any = None) -> Any:
        if not (options or {}):
            self.steps, self.over = np.zeros(self.num_envs), np.zeros(self.num_envs, np.bool_)
        else:
            self.steps[options["reset_mask"]] = 0
        return self.see(), {}

    def see(self) -> Any:
        return self.steps[:, None].astype(np.float32)

    def step(self, actions: Any) -> Any:
        mode, infos = self.metadata["autoreset_mode"], {}
        begins = self.over if mode is AutoresetMode.NEXT_STEP else np.zeros(self.num_envs, np.bool_)
        self.steps = np.where(begins, 0, self.steps + 1)
        ended = self.steps == 3 + np.arange(self.num_envs)
        odd = np.arange(self.num_envs) % 2 == 1
        seen, rewards = self.see(), np.where(begins, 0.0, 1.0)
        if mode is AutoresetMode.SAME_STEP and ended.any():
            infos = {
                "final_obs": np.array([row if over else None for row, over in zip(seen, ended, strict=True)], object)
            }
            self.steps[ended] = 0
            seen = self.see()
        self.over = ended
        return seen, rewards, ended & ~odd, ended & odd, infos
