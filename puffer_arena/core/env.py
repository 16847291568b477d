"""An environment: parameters, state, spaces and rules, held together and checked.

An environment is one module that ends in `ENV = Env(...)`; the module's name is its id.  Rules are
functions marked `@jit`, of one of two kinds:

    solo            step(s, p, action) -> (reward, terminated, truncated)
                    observe(s, p, obs)                 bot(s, p, memory) -> action
    several agents  step(s, p, actions, rewards, terminated) -> truncated
                    observe(s, p, agent, obs)          bot(s, p, agent, memory) -> action

    turns           turn(s, p) -> agent, besides those: the one whose turn it is, who alone acts in the next step

    both            reset(s, p)      draw(s, p, canvas), plain Python
                    observe_state(s, p, obs), optional: the whole of it, for critics (see `Env.global_state`)
                    move_goal(s, p, later), optional and solo: has what `later` reached be the goal of s (`Env.move_goal`)
                    signals: `s.cost += 1.0`, or `s.cost[agent]`, where `Env.signals` names "cost"
                    action_mask(s, p[, agent], mask), optional: sets mask[k] = False where choice k is barred

    physics         act(s, p, action or actions) and judge(s, p[, rewards, terminated]) in place of step, and
                    build(world, p) -> handles, plain Python in the engine's own API; see `core.bodies`

Where an action is an array or has parts (anything but Discrete), a bot takes it as its last argument and fills it in.
Rules read parts by name, `action.fire` and `action.aim[0]`, and a mask has the same names: `mask.fire[1] = False`.
Bots only read `s`; what they keep, and random numbers, they have from `memory` (`fields.Memory`).
"""

import dataclasses
import inspect
import linecache
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from puffer_arena.core.composites import leaves
from puffer_arena.core.definition.parts import check_keywords, check_parts
from puffer_arena.core.editor import Editor
from puffer_arena.core.fields import (
    Memory,
    dimension,
    memory_dtype,
    state_dtype,
    state_fields,
)
from puffer_arena.core.frames import MOST_FRAMES, stacked
from puffer_arena.core.params import Parameter, build_params, declared_parameters, watched
from puffer_arena.core.pilot import Pilot
from puffer_arena.core.roles import Roles, each_space, space_of
from puffer_arena.core.spaces import Box, Space
from puffer_arena.errors import DefinitionError, ParameterError, UnknownName, suggest

Rule = Callable[..., Any]
MOST_AGENTS = 1 << 16
PART = 16  # numbers of a part of what bodies look like (`core.pictures.axes`)
RULES = "rules"  # the file of a game's folder that has its rules
USUAL_ROWS = {None: 4096, "pymunk": 512, "panda3d": 128}  # scenes of some kB stay in a cache; a Bullet world takes 4 MB


@dataclass(frozen=True)
class Env:
    """One environment's definition.

    Args:
        params: frozen dataclass of int, float and bool (`param` gives ranges).
        state: class whose attributes are storage fields.
        observation: what one agent sees; where roles see with different eyes: role -> space, and so is `observe`.
        action: what one agent does, or role -> space.  Then `step` finds them by role, `actions.chaser[k]`, and
            `action_mask` and bots may be role -> rule.
        reset, observe: the rules.
        draw: plain Python, draws a state on a `Canvas`.
        step: the rule that moves the state on; a physics environment has `engine` and what follows it instead.
        agents: role -> how many (a number, or the attribute of Params); empty for a solo environment.
        turn: where agents take turns, says whose it is, after a reset and after every step; `s.turn` keeps it, and
            `step` finds there who acts: the actions of all others mean nothing.
        action_mask: bars choices of a discrete action.
        bots: name -> scripted policy; the first is the default opponent.
        bot_memory: what a bot keeps for an agent during an episode: `Memory`, or a subclass with fields.
        keys: key name -> action for people ("up", "space", "w", ...; the pad's stick and d-pad send the arrows, its
            first buttons "space" and "shift"; without arrows its sticks hold the pairs of opposite keys; from all
            others people choose by a stick).  Where an action is an array: (component, value); where it has parts, their
            names come before that: ("fire", 1), ("aim", 0, -1.0).  Where roles see the game from different sides: role ->
            such keys.
        click: plain Python, click(s, p, x, y) says which choice a click at (x, y) of the picture is, in units of `draw`,
            None for none: a board's cell, say.  With several agents click(s, p, agent, x, y).
        idle: the action while no key is held; None repeats the last one.
        pilot: makes actions of what keys say, where actions are more than hands can do (`core.pilot`); `keys` and `idle`
            are of what it is told then.
        casual: parameters with which people begin in `play`, where those of training would be over too soon.
        waits: whether time stands still for a person until a key goes down: one tap, one step.
        counters: State fields recorded when an episode ends, such as "score".
        scores: role -> counter, where roles compete; the greatest at the end of an episode has won.
        sounds: counter -> what is heard when it rises, of `definition.SOUNDS`, or "" for nothing; of others that are
            whole numbers it is "pickup".
        signals: names of numbers beside the reward, such as "cost": `s.cost` is 0 when a step begins, rules add to it,
            and the batch hands it out; with several agents `s.cost[agent]`.
        global_state: what `observe_state` writes, for critics that see more than their agents, and for PettingZoo's `state`.
        observe_state: observe_state(s, p, obs), written only where a batch is made with `observe_state=True`.
        cost_limit: the sum over an episode that the signal "cost" should stay below, for methods that keep to one.
        move_goal: move_goal(s, p, later) makes what the state `later`, of the same episode, has reached the goal of `s`, so
            that methods can learn from what was reached by mistake (hindsight).  For solo games without an engine.
        steps_per_second: natural speed for people; by default 10, or real time where there is physics.
        success: the counter that is above 0 in an episode that reached what the environment asks for; without one a
            return of at least `solved`, or above 0, counts as such.
        time_limit: the parameter that says after how many steps an episode is truncated, where there is one: an episode
            that a curriculum begins in mid-episode is given as many steps as any other.
        ending: ending(s, p) says how an episode has ended, from its last state: a number that `endings` has words for.
        endings: these words, such as "crashed: too fast"; where they have a place, as "caught by chaser {}", the number
            to put there comes times `len(endings)` on top.  A game without them is told of by `success` and `scores`.
        solved: mean episode return at which the environment counts as solved.
        version: raise it with any change after which stored replays play differently.
        engine: who moves the bodies that State declares: "pymunk" or "panda3d".
        build: makes one row's scene in the engine's own Python API and returns {field of State: handle}, a list
            of handles where the field is an array.  Parameters that it reads take effect at the next reset.
        act: writes forces and joint targets from the action, before the bodies move.
        judge: reads the new poses: (reward, terminated, truncated), or as `step` with several agents.
        time_step: seconds that one step takes.
        substeps: equal parts in which the engine takes it; forces act throughout.
        draw3d: plain Python, draw3d(s, p, canvas) draws in space what has no body (`core.canvas3d.Canvas3D`).
        editor: what of an episode's beginning a person may draw; see `core.editor`.
        frames: how many of its last observations an agent sees at once (`core.frames.stacked`); an episode begins with
            copies of its first.
        camera: plain Python, camera(s, p, view) places the 3D view's camera (`core.camera.Camera`).
        observe_all: where agents see a board as a picture, observe_all(s, p, obs) paints it once and writes what `observe`
            writes for each agent, of those too who have left (`core.pictures.drawing`).
        looks: where agents see a world in space as a picture, looks(env, params) -> parts that its bodies' shapes have in
            all; each row then keeps them, `looks` (`core.pictures.pixels`).
    """

    params: type
    state: type
    observation: Space  # of a mapping from roles to spaces `Roles` is made
    action: Space
    reset: Rule
    observe: Any  # a rule, or role -> rule
    draw: Rule
    step: Rule | None = None
    agents: Mapping[str, int | str] = field(default_factory=dict)
    turn: Rule | None = None
    action_mask: Any = None  # a rule, or role -> rule
    bots: Mapping[str, Any] = field(default_factory=dict)  # name -> a rule, or role -> rule
    bot_memory: type = Memory
    keys: Mapping[str, Any] = field(default_factory=dict)
    click: Rule | None = None
    idle: Any = None
    pilot: Pilot | None = None
    casual: Mapping[str, Any] = field(default_factory=dict)
    waits: bool = False
    counters: tuple[str, ...] = ()
    scores: Mapping[str, str] = field(default_factory=dict)
    sounds: Mapping[str, str] = field(default_factory=dict)
    signals: tuple[str, ...] = ()
    global_state: Space | None = None
    observe_state: Rule | None = None
    cost_limit: float | None = None
    move_goal: Rule | None = None
    steps_per_second: float = 0.0
    success: str = ""
    time_limit: str = "max_steps"
    ending: Rule | None = None
    endings: tuple[str, ...] = ()
    solved: float | None = None
    version: int = 0
    engine: str | None = None
    build: Rule | None = None
    act: Rule | None = None
    judge: Rule | None = None
    time_step: float = 1 / 60
    substeps: int = 1
    draw3d: Rule | None = None
    camera: Rule | None = None
    editor: Editor | None = None
    frames: int = 1
    observe_all: Rule | None = None
    looks: Rule | None = None

    def __new__(cls, *_: Any, **given: Any) -> "Env":
        """Say which keyword is misspelt or missing, before Python does without the game's name."""
        check_keywords(cls, given)
        return super().__new__(cls)

    def __post_init__(self) -> None:
        check_parts(self)

    stepped_by: ClassVar[Callable[..., Any] | None] = None
    """stepped_by(table, threads) makes what steps the rows where no rule of ours does (see `foreign.env`)."""

    @property
    def is_drawn(self) -> bool:
        """Whether a row's bytes say what it looks like."""
        return True

    @property
    def can_be_watched(self) -> bool:
        """Whether another process, such as a window's, can make rows and show them."""
        return True

    def check_drawn(self, what: str) -> None:
        """Refuse what shows rows, where these say nothing of what they look like.

        Args:
            what: it is, for the message, such as "a replay".

        Raises:
            ParameterError: they do not.
        """
        if not self.is_drawn:
            raise ParameterError(
                f"the rows of environment '{self.name}' hold no pictures, and {what} shows them; make it by the id "
                f"'{self.name}:drawn' (`eval --record` and `watch` do), which draws them in this process"
            )

    def check_own(self, what: str) -> None:
        """Refuse what needs the rules of a game of ours.

        Args:
            what: it is, for the message, such as "a window".

        Raises:
            ParameterError: its steps are another library's.
        """
        if self.stepped_by is not None:
            raise ParameterError(
                f"environment '{self.name}' is of another library, which keeps its state to itself: {what} is for "
                "puffer_arena's own; train, watch, eval, replay, export, serve and bench work with it"
            )

    def error(self, where: str, message: str) -> DefinitionError:
        """Return a DefinitionError that names this environment and the place."""
        return DefinitionError(f"environment '{self.name}': {where}: {message}")

    def error_at(self, function: str, file: str, line: int, reason: str) -> DefinitionError:
        """Return a DefinitionError that names a function of this environment and its line, and shows the line."""
        shown = linecache.getline(file, line).strip()
        return DefinitionError(f"environment '{self.name}': '{function}' ({file}, line {line}): {shown}\n    {reason}")

    def keys_of(self, role: str | None) -> Mapping[str, Any]:
        """Return the keys of a role, None in a solo environment: key name -> action."""
        own = self.keys.get(role) if role is not None else None
        return own if isinstance(own, Mapping) else self.keys

    def idle_of(self, role: str | None) -> Any:
        """Return what a role does while no key is held; None where that is what it did last."""
        return self.idle[role] if isinstance(self.action, Roles) and self.idle is not None else self.idle

    def keyed(self, action: Space, role: str | None) -> Space:
        """Return the space that a role's keys set: what its pilot is told, or its part of `action`, with sizes looked up."""
        return space_of(action, role) if self.pilot is None else self.pilot.wanted

    def clicked(self, state: Any, params: Any, agent: int | None, x: float, y: float) -> int | None:
        """Return the choice that a click at (x, y) of the picture stands for, in units of `draw`; None for none.

        Args:
            agent: who clicks, None in a solo environment.

        Raises:
            DefinitionError: `click` gives what is no choice of this agent.
        """
        if self.click is None:
            return None
        who = () if agent is None else (agent,)
        found = self.click(state, params, *who, x, y)
        role = None if agent is None else self.role_of(self.agent_ids(params)[agent])
        wanted: Any = self.keyed(self.action, role)  # a Discrete, as was checked
        if found is None or (isinstance(found, int | np.integer) and 0 <= found < wanted.n):
            return None if found is None else int(found)
        raise self.error("click", f"gives {found!r} at ({x:.3g}, {y:.3g}); give 0 to {wanted.n - 1}, or None")

    def rules_of(self, *names: str) -> list[Any]:
        """Return rules by the names of their fields, those of all roles; "bots" are the rules of all bots."""
        fields: list[Any] = []
        for name in names:
            given = getattr(self, name)
            fields += given.values() if name == "bots" else [given.rule if isinstance(given, Pilot) else given]
        every = [rule for given in fields for rule in (given.values() if isinstance(given, Mapping) else [given])]
        return [rule for rule in every if rule is not None]

    @property
    def usual_rows(self) -> int:
        """How many rows a batch should have where nobody says."""
        return USUAL_ROWS[self.engine]

    @cached_property
    def name(self) -> str:
        """The id: the last part of the defining module's name."""
        return self._module.rpartition(".")[2]

    @property
    def _module(self) -> str:
        """The module that defines this environment: that of its rules, or their folder where the game is one."""
        module = str(self.reset.__module__)
        folder, _, file = module.rpartition(".")
        is_folder = file == RULES and hasattr(sys.modules.get(folder), "__path__")
        return folder if is_folder and not hasattr(sys.modules[module], "ENV") else module

    @property
    def doc(self) -> str:
        """The defining module's docstring."""
        return inspect.cleandoc(getattr(sys.modules.get(self._module), "__doc__", None) or "")

    @property
    def summary(self) -> str:
        """The docstring's first line."""
        return self.doc.partition("\n")[0]

    @cached_property
    def parameters(self) -> dict[str, Parameter]:
        """The declared parameters, in order."""
        return declared_parameters(self.params)

    @cached_property
    def dimensions(self) -> frozenset[str]:
        """Parameters that size memory, by themselves or through a property of Params.

        A row may lower them below the batch's, never raise them.
        """
        names: set[str] = set()

        given = [each for space in (self.observation, self.action) for each in each_space(space)]
        for space in [*given, *([self.global_state] if self.global_state is not None else [])]:
            for _, leaf in leaves(space):
                if isinstance(leaf, Box):
                    names.update(size for size in leaf.shape if isinstance(size, str))
        for declared in (*state_fields(self.state).values(), *state_fields(self.bot_memory).values()):
            names.update(size for size in declared.shape if isinstance(size, str))
        names.update(size for size in self.agents.values() if isinstance(size, str))
        return frozenset(names & set(self.parameters)).union(*map(self._sources, names - set(self.parameters)))

    def _sources(self, size: str) -> set[str]:
        """Return the parameters that an attribute of Params is made from: `cells` is rows times columns."""
        reads: set[str] = set()
        values = watched(self.params, reads)()
        reads.clear()  # of what __post_init__ read
        getattr(values, size, None)  # one that does not exist is reported where it is resolved
        return reads

    def build_params(self, overrides: dict[str, Any]) -> Any:
        """Make this environment's Params; errors name the environment.

        Raises:
            UnknownKeyword: a key that is no parameter.
            ParameterError: a value outside its range.
        """
        try:
            return build_params(self.params, overrides)
        except (UnknownName, ValueError) as error:
            raise type(error)(f"environment '{self.name}': {error}") from None

    def row_dtype(self, params: Any) -> np.dtype[Any]:
        """Return the record of one row whose Params size it; errors name the environment.

        Where observations are stacks, it ends with every agent's newest `frame` and its stack, `frames`; where they are
        pictures of a world in space, its bodies' `looks` stand before these.
        """
        num_agents = len(self.agent_ids(params))
        try:
            row = state_dtype(self.state, params, num_agents, self.turn is not None, self.signals)
        except DefinitionError as error:
            raise DefinitionError(f"environment '{self.name}': {error}") from None
        if self.looks is not None:
            looks = "looks", np.dtype((np.float64, (self.looks(self, params), PART)))
            row = np.dtype([*((name, row[name]) for name in row.names or ()), looks], align=True)
        if self.frames == 1:
            return row
        agents = (num_agents,) if num_agents else ()
        kept = ("frame", self.one_frame), ("frames", self)
        more = [(name, np.dtype((env.spaces(params)[0].dtype, agents))) for name, env in kept]
        return np.dtype([*((name, row[name]) for name in row.names or ()), *more], align=True)

    def with_frames(self, count: Any) -> "Env":
        """Return this environment with agents that see their last `count` observations at once.

        Raises:
            ParameterError: `count` is no whole number from 2 to MOST_FRAMES.
            DefinitionError: there is no stack of its observations.
        """
        if isinstance(count, bool) or not isinstance(count, int) or not 2 <= count <= MOST_FRAMES:
            raise ParameterError(f"frames = {count!r}; an observation holds 2 to {MOST_FRAMES} frames, a whole number")
        made: dict[int, Env] = self.__dict__.setdefault("_stacks", {})  # programs belong to one environment
        if count not in made:
            # A goal that is moved afterwards would not stand in the frames before.
            made[count] = dataclasses.replace(self, frames=count, move_goal=None)
            made[count].__dict__["one_frame"] = self
        return made[count]

    @cached_property
    def one_frame(self) -> "Env":
        """This environment without a stack: what its rules write at one look."""
        return self if self.frames == 1 else dataclasses.replace(self, frames=1)

    def memory_dtype(self, params: Any) -> np.dtype[Any]:
        """Return the record of what a bot keeps for one agent; errors name the environment."""
        try:
            return memory_dtype(self.bot_memory, params)
        except DefinitionError as error:
            raise DefinitionError(f"environment '{self.name}': {error}") from None

    def spaces(self, params: Any) -> tuple[Space, Space]:
        """Return observation and action with their named dimensions looked up; errors name the environment."""
        found = []
        for role, space in (("observation", self.observation), ("action", self.action)):
            try:
                resolved = space.resolve(params)
                is_stack = self.frames > 1 and role == "observation"
                found.append(stacked(resolved, self.frames) if is_stack else resolved)
            except DefinitionError as error:
                raise self.error(role, str(error)) from None
        return found[0], found[1]

    def state_space(self, params: Any) -> Space | None:
        """Return `global_state` with its named dimensions looked up; None where there is none."""
        try:
            return None if self.global_state is None else self.global_state.resolve(params)
        except DefinitionError as error:
            raise self.error("global_state", str(error)) from None

    @staticmethod
    def role_of(agent_id: str) -> str:
        """Return the role of an agent, "chaser" of "chaser_0"."""
        return agent_id.rpartition("_")[0]

    def agent_ids(self, params: Any) -> tuple[str, ...]:
        """Return the agents' ids in order, "chaser_0", ...; empty for a solo environment."""
        try:
            counts = {role: dimension(count, params) for role, count in self.agents.items()}
            if sum(counts.values()) > MOST_AGENTS:
                raise DefinitionError(f"there are {sum(counts.values()):,}; at most {MOST_AGENTS:,} are allowed")
            return tuple(f"{role}_{k}" for role, count in counts.items() for k in range(count))
        except DefinitionError as error:
            raise self.error("agents", str(error)) from None

    def find_bot(self, name: str) -> Any:
        """Return a scripted bot: its rule, or those of the roles.

        Raises:
            UnknownName: the environment has no such bot.
        """
        if name not in self.bots:
            raise UnknownName(f"environment '{self.name}' has no bot '{name}'; {suggest(name, self.bots)}")
        return self.bots[name]
