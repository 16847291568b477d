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
                    signals: `s.cost += 1.0`, or `s.cost[agent]`, where `Env.signals` names "cost"
                    action_mask(s, p[, agent], mask), optional: sets mask[k] = False where choice k is barred

    physics         act(s, p, action or actions) and judge(s, p[, rewards, terminated]) in place of step, and
                    build(world, p) -> handles, plain Python in the engine's own API; see `core.bodies`

Where an action is an array or has parts (anything but Discrete), a bot takes it as its last argument and fills it in.
Rules read parts by name, `action.fire` and `action.aim[0]`, and a mask has the same names: `mask.fire[1] = False`.
Bots only read `s`; what they keep, and random numbers, they have from `memory` (`fields.Memory`).
"""

import inspect
import keyword
import linecache
import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from puffer_arena.core.actions import (
    allowed_bindings,
    check_kind,
    check_part_name,
    choice_sizes,
    find_binding,
    values_of,
)
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
from puffer_arena.core.spaces import Box, Composite, Discrete, Roles, Space, each_space, leaves, space_of
from puffer_arena.errors import ActionError, DefinitionError, UnknownName, shown, suggest
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
# Names by which batches, episodes, infos and rollouts hold other things than signals.
KEPT_NAMES = frozenset(
    {entry[0] for entry in header_fields(1)}
    | {"obs", "rewards", "reward", "terminated", "truncated", "final_obs", "action_mask", "signals", "params", "view"}
    | {
        "statistics",
        "episodes",
        "episode_length",
        "length",
        "seats",
        "actions",
        "value",
        "target",
        "advantage",
        "ratio",
    }
)
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
            first buttons "space" and "shift"; without arrows its sticks hold the pairs of opposite keys).  Where an
            action is an array: (component, value); where it has parts, their names come before that: ("fire", 1),
            ("aim", 0, -1.0).  Where roles see the game from different sides: role -> such keys.
        idle: the action while no key is held; None repeats the last one.
        waits: whether time stands still for a person until a key goes down: one tap, one step.
        counters: State fields recorded when an episode ends, such as "score".
        scores: role -> counter, where roles compete; the greatest at the end of an episode has won.
        signals: names of numbers beside the reward, such as "cost": `s.cost` is 0 when a step begins, rules add to it,
            and the batch hands it out; with several agents `s.cost[agent]`.
        global_state: what `observe_state` writes, for critics that see more than their agents, and for PettingZoo's `state`.
        observe_state: observe_state(s, p, obs), written only where a batch is made with `observe_state=True`.
        cost_limit: the sum over an episode that the signal "cost" should stay below, for methods that keep to one.
        steps_per_second: natural speed for people; by default 10, or real time where there is physics.
        success: the counter that is above 0 in an episode that reached what the environment asks for; without one a
            return of at least `solved`, or above 0, counts as such.
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
    idle: Any = None
    waits: bool = False
    counters: tuple[str, ...] = ()
    scores: Mapping[str, str] = field(default_factory=dict)
    signals: tuple[str, ...] = ()
    global_state: Space | None = None
    observe_state: Rule | None = None
    cost_limit: float | None = None
    steps_per_second: float = 0.0
    success: str = ""
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
        self._take_roles()
        self._check_spaces()
        if not self.steps_per_second:
            object.__setattr__(self, "steps_per_second", 1.0 / self.time_step if self.engine else 10.0)
        for role in (
            "reset",
            *(("act", "judge") if self.engine else ("step",)),
            "observe",
            "observe_state",
            "action_mask",
            "turn",
        ):
            self._check_rules(role, getattr(self, role))
        for name, bot in self.bots.items():
            self._check_rules(f"bot '{name}'", bot)
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
        if self.success and self.success not in self.counters:
            raise self.error(
                "success", f"'{self.success}' must be one of counters; {suggest(self.success, self.counters)}"
            )
        self._check_signals()
        for role, counter in self.scores.items():
            if role not in self.agents or counter not in self.counters:
                raise self.error("scores", f"'{role}': '{counter}' must be a role of agents and one of counters")
        self._check_turn()
        self._check_keys()

    def _check_signals(self) -> None:
        """Check that signals have names of their own."""
        if isinstance(self.signals, str):
            raise self.error("signals", f"is one string; put a comma behind it: signals=('{self.signals}',)")
        for signal in self.signals:
            if not (isinstance(signal, str) and signal.isidentifier() and not keyword.iskeyword(signal)):
                raise self.error("signals", f"{signal!r} is no name; it must be one as in signals=('cost',)")
            if signal in (*KEPT_NAMES, *self.counters) or signal.startswith(("_", "old_", "final_", "episode_")):
                raise self.error("signals", f"'{signal}' has a meaning already; choose another name")
            for name in (signal, f"episode_{signal}"):
                if name in state_fields(self.state):
                    raise self.error(
                        "signals",
                        f"State.{name} has storage already; every row holds '{signal}' and its sum by themselves: leave "
                        f"State.{name} out, or only annotate it: {name}: float",
                    )
        if len(set(self.signals)) < len(self.signals):
            raise self.error("signals", f"{self.signals} names one twice")
        if self.cost_limit is not None:
            if "cost" not in self.signals:
                raise self.error("cost_limit", "bounds the signal 'cost', which is missing; give signals=('cost',)")
            if not (isinstance(self.cost_limit, int | float) and 0.0 <= self.cost_limit < math.inf):
                raise self.error("cost_limit", f"is {self.cost_limit!r}; it must be a number of at least 0")

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
            ("state", self.state, header_fields(1, turns=True, signals=self.signals)),
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

    def _take_roles(self) -> None:
        """Make `Roles` of spaces that are given by role; who acts by role also sees by role."""
        for where in ("observation", "action"):
            given: Any = getattr(self, where)
            if isinstance(given, Mapping | Roles):
                spaces = given.spaces if isinstance(given, Roles) else given
                self._check_every_role(where, spaces, "space")
                for role, space in spaces.items():
                    if not isinstance(space, Space) or isinstance(space, Roles):
                        raise self.error(where, f"of '{role}' is {shown(space)}; give a space, such as Box(0, 1, (4,))")
                ordered = {role: spaces[role] for role in self.agents}
                object.__setattr__(self, where, Roles(ordered, dict(self.agents)))
        if isinstance(self.action, Roles) and not isinstance(self.observation, Roles):
            seen = dict.fromkeys(self.agents, self.observation)
            object.__setattr__(self, "observation", Roles(seen, dict(self.agents)))

    def _check_every_role(self, where: str, given: Mapping[str, Any], what: str) -> None:
        """Check that something given by role is given for every role, and for no other."""
        if not self.agents:
            raise self.error(where, f"is given for roles {list(given)}, but there is one agent; give one {what}")
        if missing := [role for role in self.agents if role not in given]:
            raise self.error(where, f"has no {what} for role '{missing[0]}'; give one for every role of agents")
        if unknown := [role for role in given if role not in self.agents]:
            raise self.error(
                where,
                f"has a {what} for '{unknown[0]}', which is no role of agents; {suggest(str(unknown[0]), self.agents)}",
            )

    def _check_spaces(self) -> None:
        """Check that rules can read and write what the spaces say."""
        if (self.global_state is None) != (self.observe_state is None):
            missing = "observe_state" if self.observe_state is None else "global_state"
            what = (
                "a rule observe_state(s, p, obs)" if self.observe_state is None else "a space, such as Box(0, 1, (4,))"
            )
            raise self.error(missing, f"is missing: global_state and observe_state come together; give {what}")
        seen = [("observation", space) for space in each_space(self.observation)]
        if self.global_state is not None:
            seen.append(("global_state", self.global_state))
        for where, space in seen:
            if not isinstance(space, Space) or (where == "global_state" and isinstance(space, Roles)):
                raise self.error(where, f"is {shown(space)}; give a space, such as Box(0, 1, (4,))")
            for path, _ in leaves(space):
                for wrong in filter(None, map(check_part_name, path)):
                    raise self.error(where, wrong)
        for space in each_space(self.action):
            if wrong := check_kind(space):
                raise self.error("action", wrong)
        if self.action_mask is not None:
            masked = list(self.action_mask) if isinstance(self.action_mask, Mapping) else [None]
            for role in [role for role in masked if role is None or role in self.agents]:
                if not choice_sizes(space := space_of(self.action, role)):
                    raise self.error("action_mask", f"only Discrete and MultiDiscrete actions have masks, not {space}")
        self._check_idle()

    def _check_idle(self) -> None:
        """Check that what is done without keys has the shape of an action."""
        if self.idle is None:
            return
        if isinstance(self.action, Roles):
            if not isinstance(self.idle, Mapping):
                raise self.error("idle", f"is {shown(self.idle)}; give one for every role, as action is")
            self._check_every_role("idle", self.idle, "action")
        for role in self.agents or [None]:
            if isinstance(space := space_of(self.action, role), Composite):
                try:
                    values_of(space, self.idle_of(role))
                except ActionError as error:
                    raise self.error("idle", str(error)) from None

    def _check_keys(self) -> None:
        """Check that every key stands for an action."""
        by_role = any(isinstance(value, Mapping) for value in self.keys.values())
        if by_role and self.keys.keys() != self.agents.keys():
            raise self.error("keys", f"are those of {list(self.keys)}; give keys for every role of {list(self.agents)}")
        for role in self.agents or [None]:
            space = space_of(self.action, role)
            for key, given in self.keys_of(role).items():
                if find_binding(space, given) is None:
                    of = f" of '{role}'" if by_role else ""
                    raise self.error("keys", f"'{key}'{of} is {given!r}; allowed: {allowed_bindings(space)}")

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

    def _check_rules(self, what: str, given: Any) -> None:
        """Check a rule, or those of the roles."""
        if not isinstance(given, Mapping):
            self._check_rule(what, given)
            return
        if not isinstance(self.observation if what != "action_mask" else self.action, Roles):
            of = "action" if what == "action_mask" else "observation"
            raise self.error(what, f"is given by role, but all roles have one {of}; give it by role too, or one rule")
        if what == "action_mask":  # a role without a rule has no mask
            given = {**dict.fromkeys(self.agents), **given}
        self._check_every_role(what, given, "rule")
        for role, rule in given.items():
            self._check_rule(what, rule, role)

    def _check_rule(self, role: str, rule: Any, of: str | None = None) -> None:
        if rule is None and role in ("action_mask", "turn", "observe_state"):
            return
        if rule is None:
            raise self.error(role, f"is missing; give {role}=..., a function marked @jit")
        if not is_jit(rule):
            raise self.error(
                role, f"is not marked for compiling; put @jit above 'def {getattr(rule, '__name__', rule)}'"
            )
        several = bool(self.agents)
        vector = not isinstance(space_of(self.action, of), Discrete)
        expected = {
            "reset": ["s", "p"],
            "turn": ["s", "p"],
            "step": ["s", "p", "actions", "rewards", "terminated"] if several else ["s", "p", "action"],
            "act": ["s", "p", "actions"] if several else ["s", "p", "action"],
            "judge": ["s", "p", "rewards", "terminated"] if several else ["s", "p"],
            "observe": ["s", "p", "agent", "obs"] if several else ["s", "p", "obs"],
            "observe_state": ["s", "p", "obs"],
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

    def idle_of(self, role: str | None) -> Any:
        """Return what a role does while no key is held; None where that is what it did last."""
        return self.idle[role] if isinstance(self.action, Roles) and self.idle is not None else self.idle

    def rules_of(self, *names: str) -> list[Any]:
        """Return rules by the names of their fields, those of all roles; "bots" are the rules of all bots."""
        fields = [
            given for name in names for given in (self.bots.values() if name == "bots" else [getattr(self, name)])
        ]
        every = [rule for given in fields for rule in (given.values() if isinstance(given, Mapping) else [given])]
        return [rule for rule in every if rule is not None]

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
        """Return the record of one row whose Params size it; errors name the environment."""
        num_agents = len(self.agent_ids(params))
        try:
            return state_dtype(self.state, params, num_agents, self.turn is not None, self.signals)
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
