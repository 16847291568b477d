"""PettingZoo's other interface: agents are asked one after the other (AEC, "agent environment cycle").

Where agents take turns, `agent_selection` is whose turn it is, and every step is one move.  Where they move at once,
they choose one after the other, and all move when the last has chosen.

Who leaves before the end is not asked again, but stays among `agents` until the episode ends: so its last reward holds
what the rules gave it after it had left, too.
"""

from typing import Any

from gymnasium import spaces
from pettingzoo.utils.env import AECEnv

from puffer_arena.adapters.spaces import GymnasiumSpace, mask_space, without_none
from puffer_arena.batch.batch import Batch
from puffer_arena.core.actions import count_choices


class AgentByAgent(AECEnv):  # type: ignore[misc]  # PettingZoo ships no types
    """An environment for several agents as PettingZoo's AECEnv.

    Where agents take turns and the environment has masks, an observation is {"observation", "action_mask"}, as in
    PettingZoo's classic games; who waits has no choice.

    Args:
        env: the `PettingZooEnv` that this one steps.
    """

    def __init__(self, env: Any) -> None:
        super().__init__()
        self.env, self.turns = env, env.batch.env.turn is not None
        self.metadata = {**env.metadata, "is_parallelizable": not self.turns}
        self.render_mode, self.state_space = env.render_mode, env.state_space
        self.possible_agents = env.possible_agents
        self._observation_spaces = {agent: self._space_of(agent) for agent in self.possible_agents}

    def _space_of(self, agent: str) -> GymnasiumSpace:
        space: GymnasiumSpace = self.env.observation_space(agent)
        if not self._is_masked(agent):
            return space
        return spaces.Dict({"observation": space, "action_mask": mask_space(self.env.done_by(agent))})

    def _is_masked(self, agent: str) -> bool:
        return self.turns and self.batch.num_choices > 0 and count_choices(self.env.done_by(agent)) > 0

    def _mask(self, agent: str) -> Any:
        return without_none(self.env.mask(agent))

    @property
    def batch(self) -> Batch:
        """The batch of one row behind it."""
        batch: Batch = self.env.batch
        return batch

    def observation_space(self, agent: str) -> GymnasiumSpace:
        """Return the space of one agent's observations, the same object each time."""
        self.env.action_space(agent)  # names one that does not exist
        return self._observation_spaces[agent]

    def action_space(self, agent: str) -> GymnasiumSpace:
        """Return the space of one agent's actions, the same object each time."""
        space: GymnasiumSpace = self.env.action_space(agent)
        return space

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> None:
        """Begin an episode; see `PettingZooEnv.reset`."""
        _, self.infos = self.env.reset(seed=seed, options=options)
        self.agents = self.env.agents[:]
        self.rewards = dict.fromkeys(self.agents, 0.0)
        self._cumulative_rewards = dict.fromkeys(self.agents, 0.0)
        self.terminations, self.truncations = dict.fromkeys(self.agents, False), dict.fromkeys(self.agents, False)
        self._actions: dict[str, Any] = {}
        self._skip_agent_selection = None
        self.agent_selection = self._asked()

    def _asked(self) -> str:
        """Return who chooses next: the first to act that has not chosen."""
        waiting = (agent for agent in self.env.acting_agents() if agent not in self._actions)
        return str(next(waiting))

    def step(self, action: Any) -> None:
        """Let the agent selected choose; None for one whose episode has ended.

        Raises:
            ActionError: an action outside its space; nothing has moved.
        """
        agent = self.agent_selection
        if self.terminations.get(agent) or self.truncations.get(agent):
            self._was_dead_step(action)
            return
        self._actions[agent] = self.env.check_action(agent, action)
        self._cumulative_rewards[agent] = 0.0
        self._clear_rewards()
        if len(self._actions) == len(self.env.acting_agents()):
            chosen, self._actions = self._actions, {}
            self._move(chosen)
        if self.env.agents:
            self.agent_selection = self._asked()
        else:
            self._deads_step_first()

    def _move(self, chosen: dict[str, Any]) -> None:
        """Step the environment, and take over what became of everybody."""
        _, rewards, terminated, truncated, infos = self.env.step(chosen)
        self.rewards = {agent: rewards.get(agent, 0.0) for agent in self.agents}
        self._accumulate_rewards()
        self.terminations |= terminated
        self.truncations |= truncated
        self.infos |= infos
        if not self.env.agents:
            self.infos |= {agent: self.env.last_info(agent) for agent in self.agents}

    def observe(self, agent: str) -> Any:
        """Return what an agent sees now."""
        seen = self.env.observe(agent)
        return {"observation": seen, "action_mask": self._mask(agent)} if self._is_masked(agent) else seen

    def state(self) -> Any:
        """Return the global state; see `PettingZooEnv.state`."""
        return self.env.state()

    def render(self) -> Any:
        """Draw the environment as `render_mode` says."""
        return self.env.render()

    def close(self) -> None:
        """Close its window and free its memory."""
        self.env.close()

    def __str__(self) -> str:
        return str(self.env)
