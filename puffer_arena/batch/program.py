"""The kernels of one environment, compiled once a process and kept on disk."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from puffer_arena.batch.table import Table
from puffer_arena.batch.workers.threads import compile_look, compile_step
from puffer_arena.core.action_checks import all_below, all_below_plainly
from puffer_arena.core.actions import choice_sizes
from puffer_arena.core.bodies import place
from puffer_arena.core.env import Env
from puffer_arena.core.fields import Array, in_cells
from puffer_arena.core.roles import Roles
from puffer_arena.core.spaces import Discrete, Space
from puffer_arena.engines import compiled_parts
from puffer_arena.kernels.acting import bind_bot
from puffer_arena.kernels.binding import bind_kernels, clear_function, tally_function
from puffer_arena.kernels.drawn import bind_drawn
from puffer_arena.kernels.frames import frame_functions
from puffer_arena.kernels.goals import bind_goals
from puffer_arena.kernels.lanes import bind_lanes
from puffer_arena.kernels.parts import bot_rule, named_actions, named_masks, observe_rules
from puffer_arena.kernels.world import bind_world_kernels
from puffer_arena.machine.compile import compile_function, compile_shared, is_jit
from puffer_arena.machine.memory import primitives


@dataclass
class Program:
    """An environment's kernels; each compiles, or loads from disk, at its first call."""

    env: Env
    compiled: bool
    layout: str  # a digest of the records that rows are made of
    observe_state: bool  # steps write the global state, too
    memory: Any  # dtype of what a bot keeps for an agent
    observation: Space  # of one agent; named dimensions do not matter but where each role has a space
    action: Space
    values: Any  # Params of the first batch
    engine_parts: dict[str, Any] = field(default_factory=dict)  # what of the engine runs inside the kernels
    _bots: dict[str, Any] = field(default_factory=dict)
    _kinds: dict[Any, Any] = field(default_factory=dict)  # the kernels of steps and looks, by kind of blocks
    _ready: dict[Any, Any] = field(default_factory=dict)  # rules compiled once serve all kernels

    @cached_property
    def _templates(self) -> dict[str, Any]:
        env = self.env
        rules: dict[str, Any] = {
            "reset": env.reset,
            **self._looks(),
            **({"observe_state": env.observe_state} if self.observe_state else {}),
            "mask_actions": named_masks(env.action_mask, self.action, bool(env.agents)),
            "tally": tally_function(env.counters, env.signals, bool(env.agents), env.ending),
        }
        if env.turn is not None:
            rules["whose_turn"] = env.turn
        obs_dtype = self.observation.dtype
        roles = isinstance(self.action, Roles)  # whose masks differ in their components: `Stepper` looks at them
        sizes = choice_sizes(self.action) if env.action_mask and not roles else ()
        if env.engine:
            rules |= {
                "act": named_actions(env.act, self.action, judges=False),
                "judge": env.judge,
                "place": primitives().place if self.compiled else place,
            }
            rules |= self.engine_parts
            return bind_world_kernels(env.name, env.state, bool(env.agents), rules, obs_dtype, env.signals, sizes)
        rules["step"] = named_actions(env.step, self.action, judges=True)
        kernels = bind_kernels(env.name, bool(env.agents), rules, obs_dtype, env.signals, sizes)
        if self.compiled and not env.agents and not self.observe_state and env.frames == 1:
            kernels["step"] = bind_lanes(env, kernels["step"])
        return kernels

    def _looks(self) -> dict[str, Any]:
        """Return the kernels' `observe`, with what roles and stacks of frames need besides."""
        if self.env.frames == 1:
            together = {"observe_all": self.env.observe_all} if self.env.observe_all else {}
            return observe_rules(self.env.observe, self.observation) | together
        env, single = self.env, self.env.one_frame.spaces(self.values)[0]
        return frame_functions(env.observe, env.observe_all, single, self.observation, bool(env.agents))

    def _finish(self, kernel: Any) -> Any:
        return compile_function(kernel, self.env.name, self._ready, self.layout) if self.compiled else kernel

    @cached_property
    def start(self) -> Any:
        """start(span, rows, actions)"""
        return self._finish(self._templates["start"])

    @cached_property
    def enter(self) -> Any:
        """enter(span, rows): have an engine inside the kernels take over rows written from outside"""
        return self._finish(self._templates["enter"])

    @cached_property
    def goals(self) -> Any:
        """goals(span, rows, later): the rule `move_goal` over rows, which an environment may lack"""
        return self._finish(bind_goals(self.env.name, self.env.move_goal))

    @cached_property
    def finish_drawn(self) -> Callable[[Array, Array], str]:
        """finish_drawn(states, params): the rule `Editor.finish`, compiled where `jit` marks it

        An environment may lack an editor.
        """
        rule: Any = self.env.editor and self.env.editor.finish
        if self.compiled and is_jit(rule):
            return self._finish(bind_drawn(self.env.name, rule))  # type: ignore[no-any-return]  # compiled
        plain = bind_drawn(self.env.name, rule)
        return lambda states, params: plain(in_cells(states), in_cells(params))

    def step(self, kind: Any) -> Any:
        """Return the compiled step(block, low, high, actions, mode) for a kind of blocks (see `machine/blocks.py`).

        It comes after `start` and an engine that compiled code cannot call.
        """
        return self._of_blocks("step", compile_step, kind)

    def look(self, kind: Any) -> Any:
        """Return the compiled look(block, low, high, chosen) for a kind of blocks."""
        return self._of_blocks("look", compile_look, kind)

    def _of_blocks(self, role: str, build: Callable[..., Any], kind: Any) -> Any:
        if (role, kind) not in self._kinds:
            layout = self.layout + digest(str(kind))
            self._kinds[role, kind] = build(self.env.name, self._templates[role], kind, self._ready, layout)
        return self._kinds[role, kind]

    @cached_property
    def all_below(self) -> Callable[[Array, int], bool]:
        """all_below(numbers, count), which `check_actions` asks"""
        return compile_shared(all_below) if self.compiled else all_below_plainly

    def template(self, role: str) -> Any:
        """Return a kernel that is bound and not compiled: step(span, rows, actions, buffers, mode), look, or those of physics."""
        return self._templates[role]

    def bot(self, name: str) -> Any:
        """Return the kernel act(span, rows, actions, chosen) of a scripted bot.

        Raises:
            UnknownName: the environment has no such bot.
        """
        if name not in self._bots:
            self._bots[name] = self._finish(self.bot_template(name))
        return self._bots[name]

    def bot_template(self, name: str) -> Any:
        """Return a bot's kernel, bound and not compiled; see `bot`."""
        return bind_bot(
            f"{self.env.name}.{name}",
            len(self.env.agents),
            not isinstance(self.env.action, Discrete),
            self.env.turn is not None,
            bot=bot_rule(self.env.find_bot(name), self.observation, self.action),
            NUMBER=list(self.env.bots).index(name),
            clear=clear_function(self.memory),
        )


def digest(text: str) -> str:
    """Return the digest by which kernels for other arrays have other names."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]


_programs: dict[tuple[int, bool, bool, bool, str], Program] = {}


def load_program(table: Table, compiled: bool, observe_state: bool) -> Program:
    """Return the environment's kernels for such arrays, shared by all its batches of that layout in this process."""
    env, rows, spaces = table.env, table.rows, (table.observation, table.action)
    seen = [table.buffers.obs, *([table.buffers.global_state] if observe_state else [])]
    described = repr([array.dtype.descr for array in (*rows, *seen)])
    described += "".join(f"{space!r}" for space in spaces if isinstance(space, Roles))
    parts = compiled_parts(env) if env.engine and compiled else {}
    key = (id(env), compiled, bool(parts), observe_state, digest(described))
    if key not in _programs:
        _programs[key] = Program(
            env, compiled, f"_{key[4]}", observe_state, rows.memories.dtype, *spaces, table.values, parts
        )
    return _programs[key]
