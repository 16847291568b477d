"""`list`: every environment with its kind, agents, spaces and bots."""

import inspect
from dataclasses import dataclass
from typing import Annotated, Any

import tyro

from puffer_arena.cli.output import fill, reflow, show, width
from puffer_arena.core.composites import Dict, Tuple
from puffer_arena.core.env import Env
from puffer_arena.core.roles import Roles
from puffer_arena.core.spaces import Box, Discrete, Entities, MultiBinary, MultiDiscrete, Space
from puffer_arena.curriculum.choose import CURRICULA
from puffer_arena.errors import require
from puffer_arena.registry import list_envs, load_env
from puffer_arena.trainers.algorithms import find_algorithm, list_algorithms

HEADINGS = ("environment", "kind", "agents", "observation", "action", "bots", "summary")


@dataclass
class Options:
    """Show the environments, or one of them in full.

    Examples:
        python -m puffer_arena list
        python -m puffer_arena list snake
        python -m puffer_arena list --algorithms
    """

    env: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="ENV")] = ""
    """An environment to show in full: its rules, parameters with their ranges, keys and bots."""
    algorithms: bool = False
    """Show the learning algorithms and the curricula instead."""


def run(options: Options) -> int:
    """Print the table, or one environment."""
    columns = width()
    if options.algorithms:
        show(methods(columns))
        return 0
    show(describe(load_env(options.env), columns) if options.env else table(columns))
    return 0


def table(columns: int) -> str:
    """Return one line for each environment where it fits into `columns`, else a name and a summary with details below."""
    rows = [_row(name, load_env(name)) for name in list_envs()]
    widths = [max(len(row[k]) for row in (HEADINGS, *rows)) for k in range(len(HEADINGS))]
    if sum(widths) + 2 * (len(widths) - 1) <= columns:
        return "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in (HEADINGS, *rows)
        )
    entries = []
    for name, kind, agents, observation, action, bots, summary in rows:
        hang = widths[0] + 2
        who = f"{kind}: {agents}" if agents != "1" else kind
        details = f"{who}; sees {observation}; does {action}; bots: {bots}"
        entries += [fill(f"{name.ljust(hang)}{summary}", columns, hang), fill(" " * hang + details, columns, hang)]
    return "\n".join(entries)


def methods(columns: int) -> str:
    """Return a line for each algorithm and each curriculum, from the first of its documentation."""
    require("torch", "train")
    named: list[tuple[str, type[Any]]] = [(f"--algorithm {name}", find_algorithm(name)) for name in list_algorithms()]
    named += [(f"--curriculum {name}", kind) for name, kind in CURRICULA.items()]
    hang = max(len(option) for option, _ in named) + 2
    lines = []
    for option, kind in named:
        module = inspect.getmodule(kind)
        text = (kind.__doc__ if option.startswith("--curr") else module and module.__doc__) or ""
        lines.append(fill(f"{option.ljust(hang)}{text.partition(chr(10))[0]}", columns, hang))
    return "\n".join(lines)


def _row(name: str, env: Env) -> tuple[str, ...]:
    params = env.params()
    return (
        name,
        "several agents" if env.agents else "solo",
        _agents(env),
        describe_space(env.observation.resolve(params)),
        describe_space(env.action.resolve(params)),
        ", ".join(env.bots) or "-",
        env.summary.partition(": ")[2] or env.summary,
    )


def _agents(env: Env) -> str:
    """Return "1", or the roles with their numbers."""
    ids = [env.role_of(agent) for agent in env.agent_ids(env.params())]
    return ", ".join(f"{ids.count(role)} {role}" for role in env.agents) or "1"


def describe_space(space: Space) -> str:
    """Return a space in a few characters: "4 choices", "11x11 uint8", ..."""
    if isinstance(space, Roles):
        found = {role: describe_space(part) for role, part in space.spaces.items()}
        return "; ".join(f"{role} {text}" for role, text in found.items())
    if isinstance(space, Discrete):
        return f"{space.n} choices"
    if isinstance(space, MultiDiscrete):
        return f"{'x'.join(map(str, space.nvec))} choices"
    if isinstance(space, MultiBinary):
        return f"{space.n} flag{'s' if space.n > 1 else ''}"
    if isinstance(space, Entities):
        return f"up to {space.shape[0]} things of {space.shape[1]} {space.element.__name__}"
    if isinstance(space, Box):
        return f"{'x'.join(map(str, space.shape)) or 1} {space.element.__name__}"
    if isinstance(space, Dict):
        return ", ".join(f"{name}: {describe_space(part)}" for name, part in space.spaces.items())
    if isinstance(space, Tuple):
        return ", ".join(describe_space(part) for part in space.spaces)
    return str(space)


def describe(env: Env, columns: int) -> str:
    """Return all there is to say about one environment."""
    params = env.params()
    keys = ", ".join(env.keys_of(next(iter(env.agents), None)))
    facts = {
        "agents": _agents(env),
        "observation": describe_space(env.observation.resolve(params)),
        "action": describe_space(env.action.resolve(params)),
        "bots": ", ".join(env.bots) or "none",
        "keys": keys or "none",
        "natural speed": f"{env.steps_per_second:g} steps a second",
        "solved": "not defined" if env.solved is None else f"mean return {env.solved:g}",
    }
    parameters = [
        f"  {parameter.name} = {parameter.default}"
        + (f"  from {parameter.low} to {parameter.high}" if parameter.ranged else "")
        + (f"  ({parameter.doc})" if parameter.doc else "")
        for parameter in env.parameters.values()
    ]
    return "\n".join(
        [
            reflow(env.doc, columns),
            "",
            *(fill(f"{name + ':':<15}{value}", columns, 15) for name, value in facts.items()),
            "parameters:",
            *(fill(line, columns, 6) for line in parameters),
        ]
    )
