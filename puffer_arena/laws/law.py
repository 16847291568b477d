"""A law, the game that it is tried on, and the words for what breaks it."""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import FunctionType
from typing import Any

import numpy as np

from puffer_arena.authoring.explain import ending_rule, place_of
from puffer_arena.batch.batch import Batch
from puffer_arena.batch.make import make
from puffer_arena.core.env import Env
from puffer_arena.core.fields import Array
from puffer_arena.errors import ArenaError, DefinitionError
from puffer_arena.machine.compile import with_called
from puffer_arena.machine.trees import definition
from puffer_arena.registry import load_env


class DoesNotApplyError(ArenaError):
    """A law says nothing about this game; the message is why."""


@dataclass(frozen=True)
class Law:
    """Something that every environment owes.

    Args:
        name: one word.
        about: what holds, as a clause.
        hold: raises an ArenaError where it does not hold, DoesNotApplyError where it says nothing; returns what is
            worth telling, or "".
    """

    name: str
    about: str
    hold: Callable[["Subject"], str]


@dataclass(frozen=True)
class Subject:
    """A game under trial, with parameters in place of its own defaults."""

    env_id: str
    params: dict[str, Any] = field(default_factory=dict)

    @property
    def env(self) -> Env:
        """The environment."""
        return load_env(self.env_id)

    def make(self, num_envs: int, seed: int, **settings: Any) -> Batch:
        """Return a batch of it; parameters among `settings` win over the subject's own."""
        return make(self.env_id, num_envs, seed, **{**self.params, **settings})


def everything(batch: Batch) -> bytes:
    """Return all that a batch holds as one bytes object."""
    return b"".join(np.ascontiguousarray(part).tobytes() for part in (*batch.rows, *batch.buffers))


def play(batch: Batch, steps: int, seed: int = 0, bots: bool = False) -> None:
    """Step with random actions, or each other step with the first bot's."""
    rng = np.random.default_rng(seed)
    for t in range(steps):
        actions = batch.sample_actions(rng)
        if bots and t % 2 and batch.env.bots:
            batch.act(next(iter(batch.env.bots)), out=actions)
        batch.step(actions)


def parts(batch: Batch) -> Iterator[tuple[str, Array]]:
    """Yield name and array of all that a batch holds: State's fields, then the buffers."""
    states = batch.rows.states
    for name in states.dtype.names or ():
        yield f"State.{name}", states[name]
    for name in batch.buffers._fields:
        yield name, getattr(batch, name)


def difference(first: Batch, second: Batch) -> tuple[str, str] | None:
    """Return what two batches differ in, and how; None where they hold the same bytes."""
    for (name, one), (_, other) in zip(parts(first), parts(second), strict=True):
        if one.tobytes() != other.tobytes():
            for i in range(len(one)):
                if one[i].tobytes() != other[i].tobytes():
                    return name, f"{name} of row {i} is {_few(one[i])}, and {_few(other[i])}"
    if everything(first) != everything(second):
        return "parameters or episodes", "parameters or the record of episodes differ"
    return None


def _few(values: Any) -> str:
    text = " ".join(str(values).split())
    return text if len(text) <= 60 else f"{text[:60]}..."


def broken(env: Env, name: str, reason: str) -> DefinitionError:
    """Return the error for a field of State or a buffer that holds what it should not: at the rule that writes it."""
    kind, _, field_name = name.partition(".")
    if kind == "State":
        for function, line in written_at(env, field_name):
            return env.error_at(function.__name__, function.__code__.co_filename, line, reason)
        return env.error(name, reason)
    rule = {"obs": env.observe, "final_obs": env.observe, "action_mask": env.action_mask}.get(name) or ending_rule(env)[
        0
    ]
    return place_of(env, rule, reason)


def written_at(env: Env, name: str) -> Iterator[tuple[FunctionType, int]]:
    """Yield the rules that write a field of State, each with the line of every such assignment."""
    rules = [env.step, env.act, env.judge, env.reset]
    for function in dict.fromkeys(called for rule in rules if rule for called in with_called(rule)):
        for node in ast.walk(definition(function) or ast.Pass()):
            if isinstance(node, ast.Attribute | ast.Subscript) and isinstance(node.ctx, ast.Store):
                inside = {part.attr for part in ast.walk(node) if isinstance(part, ast.Attribute)}
                if name in inside:
                    yield function, node.lineno
