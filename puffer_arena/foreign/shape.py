"""What an environment of another library looks like from outside: its kind, its agents, and the spaces of each role."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import gymnasium
import gymnasium.spaces as theirs
import numpy as np

from puffer_arena.core import spaces as ours
from puffer_arena.core.actions import check_kind, count_choices
from puffer_arena.core.definition.counts import KEPT_NAMES
from puffer_arena.core.roles import Roles
from puffer_arena.errors import DefinitionError, SpaceError
from puffer_arena.foreign.codecs import Codec, codec_of
from puffer_arena.foreign.remote import RemoteEnv

SOLO, PARALLEL, BY_TURNS, VECTOR, REMOTE = "solo", "parallel", "by turns", "vector", "remote"
MASKED = {
    "observation",
    "action_mask",
}  # the parts of an observation that holds its mask, as PettingZoo's classic games
PROBED_STEPS = 64
MOST_COUNTERS = 32
USUAL_RATE = 30.0  # steps a second, where an environment names none
ADDRESS = re.compile(r" at 0x[0-9a-f]+")  # of a function that a space holds: another in every process
SUCCESS = ("is_success", "success")  # numbers in infos that tell whether an episode reached what was asked


@dataclass(frozen=True)
class Role:
    """Agents that see and do the same."""

    agents: tuple[str, ...]  # as their library calls them; "" for the one of a solo environment
    sees: Codec
    does: Codec
    masked: bool  # observations hold the action mask


@dataclass(frozen=True)
class Shape:
    """What there is to know of an environment before it is stepped.

    Attributes:
        kind: SOLO, PARALLEL, BY_TURNS, VECTOR or REMOTE.
        roles: name -> role; in the order of the batch's agents.
        observation, action: of a batch: one space for all, or `Roles`.
        counters: what infos call numbers -> the batch's counters.
        masks: somebody's choices may be barred.
        picture: shape of what it draws of itself, (rows, cols, 3), where rows are to hold that; else none.
        rate: steps a second that it means to be shown with.
    """

    kind: str
    roles: Mapping[str, Role]
    observation: ours.Space
    action: ours.Space
    counters: Mapping[str, str] = field(default_factory=dict)
    masks: bool = False
    picture: tuple[int, ...] = ()
    rate: float = USUAL_RATE

    @property
    def several(self) -> bool:
        """Whether rows have an axis for agents."""
        return self.kind not in (SOLO, REMOTE)

    @property
    def agents(self) -> dict[str, int]:
        """How many agents each role has; none for a solo environment."""
        return {name: len(role.agents) for name, role in self.roles.items()} if self.several else {}

    @property
    def seats(self) -> list[tuple[str, str, Role]]:
        """Every agent's id in its library, its role's name and its role, in the order of the batch."""
        return [(agent, name, role) for name, role in self.roles.items() for agent in role.agents]

    def described(self) -> str:
        """Return a text that differs between environments of other spaces or agents."""
        roles = [(name, role.agents, str(role.sees.theirs), str(role.does.theirs)) for name, role in self.roles.items()]
        return ADDRESS.sub("", f"{self.kind} {roles}")


def kind_of(env: Any) -> str:
    """Return which interface an environment has.

    Raises:
        DefinitionError: none that is known.
    """
    if isinstance(env, gymnasium.vector.VectorEnv):
        return VECTOR
    if isinstance(env, RemoteEnv):
        return REMOTE
    if isinstance(env, gymnasium.Env):
        return SOLO
    if hasattr(env, "possible_agents"):
        return BY_TURNS if hasattr(env, "agent_iter") else PARALLEL
    raise DefinitionError(
        f"{type(env).__module__}.{type(env).__qualname__} is no environment; give a function that returns one of Gymnasium "
        "(Env or VectorEnv) or of PettingZoo (ParallelEnv or AECEnv)"
    )


def shape_of(env: Any, name: str, info: Mapping[str, Any] | None = None) -> Shape:
    """Return the shape of an environment.

    Args:
        env: one that was made.
        name: what to call it in errors.
        info: of its first reset; an action mask there means that choices may be barred.

    Raises:
        DefinitionError: it has no agents, or spaces that cannot be laid out.
    """
    kind = kind_of(env)
    try:
        if kind in (SOLO, REMOTE, VECTOR):
            single = kind == VECTOR
            sees = env.single_observation_space if single else env.observation_space
            does = env.single_action_space if single else env.action_space
            roles = {"agent": _role(("agent",), sees, does)}
        else:
            roles = _roles(env)
    except SpaceError as error:
        raise DefinitionError(f"environment '{name}': {error}") from None
    masked = any(role.masked for role in roles.values()) or "action_mask" in (info or {})
    counts = {role: len(found.agents) for role, found in roles.items()}
    observation = _joined({role: found.sees.space for role, found in roles.items()}, counts)
    action = _joined({role: found.does.space for role, found in roles.items()}, counts)
    if isinstance(observation, Roles) != isinstance(action, Roles):
        observation = Roles({role: found.sees.space for role, found in roles.items()}, counts)
        action = Roles({role: found.does.space for role, found in roles.items()}, counts)
    return Shape(kind, roles, observation, action, {}, masked and count_choices(action) > 0)


def _joined(spaces: Mapping[str, ours.Space], counts: Mapping[str, int]) -> ours.Space:
    first = next(iter(spaces.values()))
    return first if all(space == first for space in spaces.values()) else Roles(spaces, counts)


def _role(agents: tuple[str, ...], sees: Any, does: Any) -> Role:
    masked = isinstance(sees, theirs.Dict) and set(sees.spaces) == MASKED and isinstance(does, theirs.Discrete)
    found = codec_of(does, acts=True)
    if wrong := check_kind(found.space):
        raise SpaceError(f"the action space {does}: {wrong}")
    try:
        return Role(agents, codec_of(sees["observation"] if masked else sees), found, masked)
    except SpaceError as error:
        raise SpaceError(f"the observation space: {error}") from None


def _roles(env: Any) -> dict[str, Role]:
    """Return the agents of a PettingZoo environment by what their names begin with, and by space within that."""
    if not env.possible_agents:
        raise SpaceError("it has no possible_agents")
    groups: dict[str, list[tuple[Any, Any, list[str]]]] = {}
    for agent in env.possible_agents:
        sees, does = env.observation_space(agent), env.action_space(agent)
        alike = groups.setdefault(re.sub(r"[_-]?\d+$", "", str(agent)) or "agent", [])
        found = next((group for group in alike if group[0] == sees and group[1] == does), None)
        if found is None:
            alike.append((sees, does, [agent]))
        else:
            found[2].append(agent)
    roles = {}
    for stem, alike in groups.items():
        for k, (sees, does, agents) in enumerate(alike):
            roles[stem if not k else f"{stem}_{chr(ord('a') + k)}"] = _role(tuple(agents), sees, does)
    return roles


def numbers_in(infos: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return which single numbers infos hold, and what a batch calls them, sorted."""
    found = {key for info in infos for key, value in info.items() if isinstance(key, str) and is_number(value)}
    named: dict[str, str] = {}
    for key in sorted(found)[:MOST_COUNTERS]:
        name = re.sub(r"\W", "_", key)
        taken = name in (*KEPT_NAMES, *named.values()) or name.startswith(("_", "episode_", "old_", "final_"))
        if taken or not name.isidentifier() or name in ("params", "episodes"):
            name = f"info_{name.lstrip('_')}"
        if name not in named.values():
            named[key] = name
    return named


def is_number(value: Any) -> bool:
    """Tell whether something is a single number that can be counted with."""
    if isinstance(value, np.ndarray):
        return value.shape == () and value.dtype.kind in "biuf"
    return isinstance(value, bool | int | float | np.bool_ | np.number) and not isinstance(
        value, complex | np.complexfloating
    )
