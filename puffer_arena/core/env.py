"""An environment: parameters, state, spaces and rules, held together and checked.

An environment is one module that ends in `ENV = Env(...)`; the module's name is its id.  Rules are
functions marked `@jit`, of one of two kinds:

    solo            step(s, p, action) -> (reward, terminated, truncated)
                    observe(s, p, obs)                 bot(s, p, memory) -> action
    several agents  step(s, p, actions, rewards, terminated) -> truncated
                    observe(s, p, agent, obs)          bot(s, p, agent, memory) -> action

    turns           turn(s, p) -> agent, besides those: the one whose turn it is, who alone acts in the next step

    both            reset(s, p)      draw(s, p, canvas), plain Python
                    action_mask(s, p[, agent], mask), optional: sets mask[k] = False where choice k is barred

    physics         act(s, p, action or actions) and judge(s, p[, rewards, terminated]) in place of step, and
                    build(world, p) -> handles, plain Python in the engine's own API; see `core.bodies`

Where an action is an array (MultiDiscrete, MultiBinary, Box), a bot takes it as its last argument and fills it in.
Bots only read `s`; what they keep, and random numbers, they have from `memory` (`fields.Memory`).
"""

import inspect
import linecache
import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from puffer_arena.core.bodies import PhysicsField, physics_fields
from puffer_arena.core.fields import (
    MEMORY_HEADER,
    Field,
    Memory,
    dimension,
    header_fields,
    memory_dtype,
    state_dtype,
    state_fields,
)
from puffer_arena.core.params import Parameter, build_params, declared_parameters, watched
from puffer_arena.core.spaces import Box, Dict, Discrete, MultiBinary, MultiDiscrete, Space, Tuple
from puffer_arena.errors import DefinitionError, UnknownName, suggest
from puffer_arena.machine.compile import is_jit

Rule = Callable[..., Any]
ENGINES = {
    "pymunk": (
        *("body2d", "joint2d", "touch2d", "segment2d", "ray2d", "contact2d"),
        *("one_way2d", "mass2d", "shape2d", "frame2d"),
    ),
    "panda3d": ("body3d", "touch3d", "ray3d", "contact3d", "joint3d", "wheel3d"),
}
MOST_AGENTS = 1 << 16
USUAL_ROWS = {None: 4096, "pymunk": 512, "panda3d": 128}  # scenes of some kB stay in a cache; a Bullet world takes 4 MB


@dataclass(frozen=True)
class Env:
    """One environment's definition.

    Args:
        params: frozen dataclass of int, float and bool (`param` gives ranges).
        state: class whose attributes are storage fields.
        observation: what one agent sees.
        action: what one agent does.
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
            first buttons "space" and "shift"; without arrows its sticks hold the pairs of opposite keys).  Where an
            action is an array: (component, value).  Where roles see the game from different sides: role -> such keys.
        idle: the action while no key is held; None repeats the last one.
        counters: State fields recorded when an episode ends, such as "score".
        scores: role -> counter, where roles compete; the greatest at the end of an episode has won.
        steps_per_second: natural speed for people; by default 10, or real time where there is physics.
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
        camera: plain Python, camera(s, p, view) places the 3D view's camera (`core.camera.Camera`).
    """

    params: type
    state: type
    observation: Space
    action: Space
    reset: Rule
    observe: Rule
    draw: Rule
    step: Rule | None = None
    agents: Mapping[str, int | str] = field(default_factory=dict)
    turn: Rule | None = None
    action_mask: Rule | None = None
    bots: Mapping[str, Rule] = field(default_factory=dict)
    bot_memory: type = Memory
    keys: Mapping[str, Any] = field(default_factory=dict)
    idle: Any = None
    counters: tuple[str, ...] = ()
    scores: Mapping[str, str] = field(default_factory=dict)
    steps_per_second: float = 0.0
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

    def __post_init__(self) -> None:
        try:
            declared_parameters(self.params)
        except DefinitionError as error:
            raise DefinitionError(f"environment '{self.name}': {error}") from None
        self._check_state()
        self._check_engine()
        if not self.steps_per_second:
            object.__setattr__(self, "steps_per_second", 1.0 / self.time_step if self.engine else 10.0)
        for role in ("reset", *(("act", "judge") if self.engine else ("step",)), "observe", "action_mask", "turn"):
            self._check_rule(role, getattr(self, role))
        for name, bot in self.bots.items():
            self._check_rule(f"bot '{name}'", bot)
        if isinstance(self.counters, str):
            raise self.error("counters", f"is one string; put a comma behind it: counters=('{self.counters}',)")
        for counter in self.counters:
            if counter in ("episodes", "params"):
                raise self.error(
                    "counters", f"'{counter}' has a meaning of its own in `Batch.finished`; choose another"
                )
            declared = state_fields(self.state).get(counter)
            if declared is None or declared.shape or isinstance(declared, PhysicsField):
                numbers = {k: v for k, v in state_fields(self.state).items() if not isinstance(v, PhysicsField)}
                valid = [name for name, value in numbers.items() if not value.shape]
                raise self.error("counters", f"'{counter}' is not a single number of State; {suggest(counter, valid)}")
        for role, counter in self.scores.items():
            if role not in self.agents or counter not in self.counters:
                raise self.error("scores", f"'{role}': '{counter}' must be a role of agents and one of counters")
        if not isinstance(self.action, Discrete | MultiDiscrete | MultiBinary | Box):
            raise self.error("action", f"an action is Discrete, MultiDiscrete, MultiBinary or Box, not {self.action}")
        if self.action_mask is not None and not isinstance(self.action, Discrete | MultiDiscrete):
            raise self.error("action_mask", f"only Discrete and MultiDiscrete actions have masks, not {self.action}")
        self._check_turn()
        self._check_keys()

    def _check_turn(self) -> None:
        """Check that a rule for turns comes with agents to take them, and nothing that contradicts it."""
        if self.turn is not None and not self.agents:
            raise self.error(
                "turn", "one agent alone has no turns to take; name its players in agents=..., or leave turn out"
            )
        if self.turn is not None and self.idle is not None:
            raise self.error(
                "idle", f"is {self.idle!r}, but where agents take turns a game waits for the person; leave idle out"
            )

    def _check_state(self) -> None:
        """Check that what State and the bots' memory annotate has storage."""
        memory: Any = self.bot_memory
        if Memory not in getattr(memory, "__mro__", ()):
            raise self.error("bot_memory", f"is {memory!r}; it must be a class that inherits from Memory")
        if bodies := physics_fields(memory):
            raise self.error("bot_memory", f"{memory.__name__}.{next(iter(bodies))} is physics, which State holds")
        for where, kind, header in (
            ("state", self.state, header_fields(1, turns=True)),
            ("bot_memory", memory, MEMORY_HEADER),
        ):
            kept = {entry[0] for entry in header}
            for name, annotation in inspect.get_annotations(kind).items():
                value = vars(kind).get(name)
                if not isinstance(value, Field) and name not in kept and "ClassVar" not in str(annotation):
                    given = f"is {value!r}" if name in vars(kind) else "has no value"
                    what = "State" if kind is self.state else kind.__name__
                    raise self.error(
                        where,
                        f"{what}.{name} {given}; declare its storage: i8, i32, i64 or f64, such as f64() or f64(4)",
                    )

    def _check_keys(self) -> None:
        """Check that every key stands for an action."""
        by_role = any(isinstance(value, Mapping) for value in self.keys.values())
        if by_role and self.keys.keys() != self.agents.keys():
            raise self.error("keys", f"are those of {list(self.keys)}; give keys for every role of {list(self.agents)}")
        for role in self.agents or [None]:
            self._check_keys_of(self.keys_of(role))

    def _check_keys_of(self, keys: Mapping[str, Any]) -> None:
        if isinstance(self.action, Discrete):
            for key, action in keys.items():
                if not (isinstance(action, int | np.integer) and 0 <= action < self.action.n):
                    raise self.error("keys", f"'{key}' is {action!r}; allowed: 0 to {self.action.n - 1}")
            return
        named = any(isinstance(size, str) for size in getattr(self.action, "shape", ()))
        components = 2**31 if named else math.prod(self.action.dtype.shape)
        for key, action in keys.items():
            pair = action if isinstance(action, tuple | list) and len(action) == 2 else (None, None)
            fits = isinstance(pair[0], int | np.integer) and 0 <= pair[0] < components
            if not (fits and isinstance(pair[1], int | float | np.number)):
                allowed = "(component, value)" if named else f"(component, value), components 0 to {components - 1}"
                raise self.error("keys", f"'{key}' is {action!r}; where an action is an array it is {allowed}")

    def _check_engine(self) -> None:
        """Check that the definition is either one of rules only or one of physics."""
        declared = physics_fields(self.state)
        if self.engine is None:
            if self.step is None or declared:
                missing = f"State.{next(iter(declared))} is physics" if declared else "there is no step"
                raise self.error("step", f"{missing}; give step=..., or engine=..., build=..., act=... and judge=...")
            return
        if self.engine not in ENGINES:
            raise self.error("engine", f"unknown engine '{self.engine}'; {suggest(self.engine, ENGINES)}")
        for role, rule, takes in (("draw3d", self.draw3d, "canvas"), ("camera", self.camera, "view")):
            if rule is not None and (is_jit(rule) or len(inspect.signature(rule).parameters) != 3):
                raise self.error(role, f"must be a plain function, not @jit, that takes (s, p, {takes})")
            if rule is not None and self.engine != "panda3d":
                raise self.error(role, "is of worlds in space; 'pymunk' has draw alone")
        if self.step is not None:
            raise self.error("step", "a physics environment has act and judge instead; leave step out")
        if self.build is None or is_jit(self.build) or list(inspect.signature(self.build).parameters) != ["world", "p"]:
            raise self.error("build", "must be a plain function, not @jit, that takes (world, p)")
        wrong = [name for name, field in declared.items() if field.kind not in ENGINES[self.engine]]
        if wrong or not physics_fields(self.state, ENGINES[self.engine][0]):
            at = f"State.{wrong[0]} is none" if wrong else "State declares none"
            raise self.error("engine", f"{at}; '{self.engine}' moves {', '.join(ENGINES[self.engine])}")
        if not (isinstance(self.substeps, int) and self.substeps >= 1 and 1e-6 <= self.time_step <= 1.0):
            raise self.error(
                "time_step",
                f"time_step = {self.time_step}, substeps = {self.substeps}; allowed: 1e-6 to 1 second, in 1 or more",
            )

    def _check_rule(self, role: str, rule: Any) -> None:
        if rule is None and role in ("action_mask", "turn"):
            return
        if rule is None:
            raise self.error(role, f"is missing; give {role}=..., a function marked @jit")
        if not is_jit(rule):
            raise self.error(
                role, f"is not marked for compiling; put @jit above 'def {getattr(rule, '__name__', rule)}'"
            )
        several = bool(self.agents)
        vector = not isinstance(self.action, Discrete)
        expected = {
            "reset": ["s", "p"],
            "turn": ["s", "p"],
            "step": ["s", "p", "actions", "rewards", "terminated"] if several else ["s", "p", "action"],
            "act": ["s", "p", "actions"] if several else ["s", "p", "action"],
            "judge": ["s", "p", "rewards", "terminated"] if several else ["s", "p"],
            "observe": ["s", "p", "agent", "obs"] if several else ["s", "p", "obs"],
            "action_mask": ["s", "p", "agent", "mask"] if several else ["s", "p", "mask"],
        }.get(role, ["s", "p", *(["agent"] if several else []), "memory", *(["action"] if vector else [])])
        given = list(inspect.signature(rule).parameters)
        if len(given) != len(expected):
            raise self.error(role, f"takes ({', '.join(given)}); it must take ({', '.join(expected)})")

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

    @property
    def usual_rows(self) -> int:
        """How many rows a batch should have where nobody says."""
        return USUAL_ROWS[self.engine]

    @cached_property
    def name(self) -> str:
        """The id: the last part of the defining module's name."""
        return str(self.reset.__module__).rpartition(".")[2]

    @property
    def doc(self) -> str:
        """The defining module's docstring."""
        return inspect.cleandoc(getattr(sys.modules.get(self.reset.__module__), "__doc__", None) or "")

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

        def visit(space: Space) -> None:
            if isinstance(space, Box):
                names.update(size for size in space.shape if isinstance(size, str))
            elif isinstance(space, Dict):
                for part in space.spaces.values():
                    visit(part)
            elif isinstance(space, Tuple):
                for part in space.spaces:
                    visit(part)

        visit(self.observation)
        visit(self.action)
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
        """Return the record of one row whose Params size it; errors name the environment."""
        num_agents = len(self.agent_ids(params))
        try:
            return state_dtype(self.state, params, num_agents, self.turn is not None)
        except DefinitionError as error:
            raise DefinitionError(f"environment '{self.name}': {error}") from None

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
                found.append(space.resolve(params))
            except DefinitionError as error:
                raise self.error(role, str(error)) from None
        return found[0], found[1]

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

    def find_bot(self, name: str) -> Rule:
        """Return a scripted bot.

        Raises:
            UnknownName: the environment has no such bot.
        """
        if name not in self.bots:
            raise UnknownName(f"environment '{self.name}' has no bot '{name}'; {suggest(name, self.bots)}")
        return self.bots[name]
