"""PettingZoo in front of a batch: one row of an environment for several agents, stepped in parallel or in turns.

    from puffer_arena.adapters.pettingzoo import aec_env, parallel_env

    env = parallel_env("tag", chasers=2, render_mode="human")
    obs, infos = env.reset(seed=0, options={"params": {"vision": 3}})

After `import puffer_arena`, `pettingzoo.make("parallel", "puffer_arena/tag_v0")` does the same.  Infos hold, for each agent:

    its counters  by their names in `Env.counters`, as they stand: at every reset and step, an episode's last included
    its signals   by their names in `Env.signals`, such as "cost": its own of the last step, 0 at a reset
    statistics    on the step that ends an agent's episode: its episode_return, episode_length, the sums of its signals,
                  such as episode_cost, and the counters
    action_mask   while it takes part, where the environment has masks: what `action_space.sample(mask=...)` takes

An agent that terminated sees zeros in its last observation.  What the rules give it after it has left comes in `rewards`
alone, in the step in which they do.  Where agents take turns, `step` needs the action of the one whose turn it is.
"""

from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.utils import seeding
from pettingzoo.utils.env import ParallelEnv

from puffer_arena.adapters.agent_by_agent import AgentByAgent
from puffer_arena.adapters.parts import OneRow, set_params, signal_sums
from puffer_arena.adapters.register import pettingzoo_id
from puffer_arena.adapters.register import register_pettingzoo as register_envs
from puffer_arena.adapters.spaces import GymnasiumSpace, mask_values, one_action, one_value, to_gymnasium
from puffer_arena.batch.seeds import check_seed
from puffer_arena.core.action_checks import check_actions
from puffer_arena.core.actions import action_dtype, blank_actions, count_choices, own_actions
from puffer_arena.core.fields import Array
from puffer_arena.core.roles import Roles, space_of
from puffer_arena.core.spaces import Space
from puffer_arena.errors import ActionError, ArenaError, UnknownName, suggest

__all__ = ["PettingZooEnv", "aec_env", "parallel_env", "register_envs"]


class PettingZooEnv(OneRow, ParallelEnv[str, Any, Any]):  # type: ignore[misc]  # PettingZoo ships no types
    """An environment for several agents as PettingZoo's ParallelEnv; made as `OneRow` says."""

    metadata = {**OneRow.metadata, "is_parallelizable": True}
    several = True

    def _declare(self) -> None:
        env = self.batch.env
        self.metadata["name"] = pettingzoo_id(env.name, env.version).rpartition("/")[2]
        self.possible_agents = list(self.batch.agent_ids)
        self.agents: list[str] = []
        self._index = {agent: k for k, agent in enumerate(self.possible_agents)}
        # A space of its own for every agent: they are seeded and sampled apart.
        self._seen = {agent: space_of(self.batch.observation, env.role_of(agent)) for agent in self.possible_agents}
        self._done = {agent: space_of(self.batch.action, env.role_of(agent)) for agent in self.possible_agents}
        self._observation_spaces = {agent: to_gymnasium(space) for agent, space in self._seen.items()}
        self._action_spaces = {agent: to_gymnasium(space) for agent, space in self._done.items()}
        self.state_space = self._build_state_space()
        self.np_random: np.random.Generator = seeding.np_random()[0]  # SuperSuit draws from it, as from Gymnasium's

    def observation_space(self, agent: str) -> GymnasiumSpace:
        """Return the space of one agent's observations, the same object each time."""
        return self._observation_spaces[self._known(agent)]

    def action_space(self, agent: str) -> GymnasiumSpace:
        """Return the space of one agent's actions, the same object each time."""
        return self._action_spaces[self._known(agent)]

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
        """Begin an episode; `options={"params": {name: value}}` sets parameters from it on, other options are ignored.

        Raises:
            UnknownName, ParameterError: a parameter that does not exist, or a value out of its range; a seed that is
                no whole number of at least 0.
        """
        if seed is not None:
            seed = check_seed(seed)
            self.np_random = seeding.np_random(seed)[0]
        if options and "params" in options:
            set_params(self.batch, options["params"], np.arange(1))
        if seed is None and not self._seeded:
            seed = int(self.np_random.integers(2**63))
        self._seeded = True
        self.batch.reset(seed)
        self.agents = self._living()
        self._show()
        return self._observations(self.agents), {agent: self._playing_info(agent) for agent in self.agents}

    def step(
        self, actions: dict[str, Any]
    ) -> tuple[dict[str, Any], dict[str, float], dict[str, bool], dict[str, bool], dict[str, dict[str, Any]]]:
        """Take one step with an action for every agent in `agents`; those of agents that left are ignored.

        Where agents take turns, those of agents that wait may be left out, and are ignored too.

        When all have left, a step without actions gives five empty dicts, as PettingZoo's wrappers expect.

        Raises:
            ActionError: an action that is missing or outside its space, or no episode under way; nothing has moved.
            UnknownName: an action for an agent that does not exist.
        """
        if not self.agents and not actions:
            return {}, {}, {}, {}, {}
        if not self.agents:
            raise ActionError(f"'{self.batch.env.name}' has no episode under way: call reset() before step()")
        self.batch.step(self._gathered(actions))
        before, self.agents = self.agents, self._staying()
        batch, places = self.batch, {agent: self._index[agent] for agent in before}
        late = [agent for agent, k in self._index.items() if agent not in places and batch.rewards[0, k] != 0.0]
        rewards = {agent: float(batch.rewards[0, self._index[agent]]) for agent in [*before, *late]}
        terminated = {agent: bool(batch.terminated[0, k]) for agent, k in places.items()}
        truncated = {agent: bool(batch.truncated[0, k]) for agent, k in places.items()}
        infos = {
            agent: self._playing_info(agent) if agent in self.agents else self.last_info(agent) for agent in before
        }
        self._show()
        return self._observations(before), rewards, terminated, truncated, infos

    def _known(self, agent: str) -> str:
        if agent not in self._index:
            raise UnknownName(f"unknown agent '{agent}'; {suggest(str(agent), self._index)}")
        return agent

    def _living(self) -> list[str]:
        return [agent for agent, k in self._index.items() if self.batch.rows.states["alive"][0, k]]

    def acting_agents(self) -> list[str]:
        """Return the agents that the next step needs actions of: all of `agents`, or the one whose turn it is."""
        return [agent for agent in self.agents if self.batch.acting[0, self._index[agent]]]

    def _staying(self) -> list[str]:
        """Return the agents whose episode goes on after a step."""
        over = self.batch.terminated[0] | self.batch.truncated[0]
        return [agent for agent in self.agents if not over[self._index[agent]]]

    def _gathered(self, actions: dict[str, Any]) -> Array:
        """Return a dict of actions as the batch takes them; agents that left get zeros, which nobody reads."""
        for agent in actions:
            self._known(agent)
        gathered = blank_actions(self.batch.action, self.batch.rewards.shape)
        for agent in self.acting_agents():
            if agent not in actions:
                raise ActionError(f"there is no action for '{agent}'; allowed: {self._action_spaces[agent]}")
            place = own_actions(self.batch.action, gathered, self.batch.env.role_of(agent), self._index[agent])
            place[0] = self.check_action(agent, actions[agent])
        return gathered

    def check_action(self, agent: str, given: Any) -> Any:
        """Return an agent's action as the batch stores it.

        Raises:
            ActionError: it lies outside its space.
        """
        space = self._done[agent]
        try:
            into = np.zeros(1, action_dtype(space))
            return check_actions(self.batch.env.name, space, one_action(space, given), into)[0]
        except (ActionError, ValueError):  # the latter of a ragged list
            raise ActionError(f"the action of '{agent}' is {given!r}; allowed: {self._action_spaces[agent]}") from None

    def observe(self, agent: str) -> Any:
        """Return what an agent sees now; zeros if it has left."""
        return self._observations([self._known(agent)])[agent]

    def _observations(self, agents: list[str]) -> dict[str, Any]:
        space, obs = self.batch.observation, self.batch.obs[0]
        seen = {agent: one_value(space, obs[self._index[agent]]) for agent in agents}
        return {agent: value[1] for agent, value in seen.items()} if isinstance(space, Roles) else seen

    def _playing_info(self, agent: str) -> dict[str, Any]:
        info = {**self._counted(), **self._signalled(self._index[agent])}
        if self.batch.num_choices:
            info["action_mask"] = self.mask(agent)
        return info

    def done_by(self, agent: str) -> Space:
        """Return the space of one agent's actions as ours."""
        return self._done[agent]

    def mask(self, agent: str) -> Any:
        """Return an agent's mask, as `action_space(agent).sample(mask=...)` takes it."""
        flags = self.batch.action_mask[0, self._index[agent], : count_choices(self._done[agent])]
        return mask_values(self._done[agent], flags)

    def last_info(self, agent: str) -> dict[str, Any]:
        """Return the info of an agent whose episode has ended, with its statistics."""
        row, k, counted = self.batch.rows.states[0], self._index[agent], self._counted()
        sums = {name: float(row[name][k]) for name in ("episode_return", *signal_sums(self.batch))}
        statistics = {**sums, "episode_length": int(row["step_count"]), **counted}
        return {**counted, **self._signalled(k), "statistics": statistics}

    def _build_state_space(self) -> GymnasiumSpace:
        """Return the space of `state`, flat where it is nested.

        It is that of `Env.global_state`, or without one of the agents' observations one above the other; where each role
        has a space, one behind the other.
        """
        if self.batch.state_space is not None:
            return _flat_space(to_gymnasium(self.batch.state_space))
        if isinstance(self.batch.observation, Roles):
            flat = [_flat_space(space) for space in self._observation_spaces.values()]
            low, high = (np.concatenate([np.ravel(getattr(space, end)) for space in flat]) for end in ("low", "high"))
            return spaces.Box(low, high, dtype=np.result_type(*(space.dtype for space in flat)).type)
        one = _flat_space(next(iter(self._observation_spaces.values())))
        low, high = (np.stack([bound] * len(self.possible_agents)) for bound in (one.low, one.high))
        return spaces.Box(low, high, dtype=one.dtype.type)

    def state(self) -> Array:
        """Return the global state as `Env.observe_state` sees it, flat where it is nested.

        Without that rule it is the observations of all agents, flat where they are nested, (agents, *observation shape);
        zeros for those who left.
        """
        space = self.batch.state_space
        if space is not None:
            seen = spaces.flatten(to_gymnasium(space), one_value(space, self.batch.global_state[0]))
            return np.asarray(seen).reshape(self.state_space.shape).astype(self.state_space.dtype)
        observations = self._observations(self.possible_agents)
        flat: list[Any] = [
            spaces.flatten(self._observation_spaces[agent], seen) for agent, seen in observations.items()
        ]
        return (
            np.concatenate([np.ravel(part) for part in flat])
            .reshape(self.state_space.shape)
            .astype(self.state_space.dtype)
        )


def _flat_space(space: GymnasiumSpace) -> spaces.Box:
    """Return a space, or its flat form where it is nested."""
    flat = space if isinstance(space, spaces.Box) else spaces.flatten_space(space)
    if not isinstance(flat, spaces.Box):
        raise ArenaError(f"{space} has no flat form")
    return flat


def parallel_env(env_id: str, **settings: Any) -> PettingZooEnv:
    """Make an environment in which the agents move at once; settings as `PettingZooEnv` takes them."""
    return PettingZooEnv(env_id, **settings)


def aec_env(env_id: str, **settings: Any) -> AgentByAgent:
    """Make an environment whose agents are asked one after the other; settings as `PettingZooEnv` takes them."""
    return AgentByAgent(PettingZooEnv(env_id, **settings))
