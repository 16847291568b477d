"""`list`: every environment with its kind, agents, spaces and bots."""

import shutil
from dataclasses import dataclass
from typing import Annotated

import tyro

from puffer_arena.core.env import Env
from puffer_arena.core.registry import list_envs, load_env
from puffer_arena.core.spaces import Box, Dict, Discrete, MultiBinary, MultiDiscrete, Space, Tuple

HEADINGS = ("environment", "kind", "agents", "observation", "action", "bots", "summary")


@dataclass
class Options:
    """Show the environments, or one of them in full.

    Examples:
        python -m puffer_arena list
        python -m puffer_arena list snake
    """

    env: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="ENV")] = ""
    """An environment to show in full: its rules, parameters with their ranges, keys and bots."""


def run(options: Options) -> int:
    """Print the table, or one environment."""
    print(describe(load_env(options.env)) if options.env else table())
    return 0


def table() -> str:
    """Return one line for each environment, no wider than the terminal."""
    rows = [HEADINGS, *(_row(name, load_env(name)) for name in list_envs())]
    widths = [max(len(row[k]) for row in rows) for k in range(len(HEADINGS) - 1)]
    limit = max(shutil.get_terminal_size((160, 24)).columns, 80)
    lines = []
    for row in rows:
        line = "  ".join([*(cell.ljust(width) for cell, width in zip(row[:-1], widths, strict=True)), row[-1]])
        lines.append(line if len(line) <= limit else f"{line[: limit - 1]}…")
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
    ids = [agent.rpartition("_")[0] for agent in env.agent_ids(env.params())]
    return ", ".join(f"{ids.count(role)} {role}" for role in env.agents) or "1"


def describe_space(space: Space) -> str:
    """Return a space in a few characters: "4 choices", "11x11 uint8", ..."""
    if isinstance(space, Discrete):
        return f"{space.n} choices"
    if isinstance(space, MultiDiscrete):
        return f"{'x'.join(map(str, space.nvec))} choices"
    if isinstance(space, MultiBinary):
        return f"{space.n} flag{'s' if space.n > 1 else ''}"
    if isinstance(space, Box):
        return f"{'x'.join(map(str, space.shape)) or 1} {space.element.__name__}"
    if isinstance(space, Dict):
        return ", ".join(f"{name}: {describe_space(part)}" for name, part in space.spaces.items())
    if isinstance(space, Tuple):
        return ", ".join(describe_space(part) for part in space.spaces)
    return str(space)


def describe(env: Env) -> str:
    """Return all there is to say about one environment."""
    parameters = [
        f"  {parameter.name} = {parameter.default}"
        + (f"  from {parameter.low} to {parameter.high}" if parameter.ranged else "")
        + (f"  ({parameter.doc})" if parameter.doc else "")
        for parameter in env.parameters.values()
    ]
    params = env.params()
    return "\n".join(
        [
            env.doc,
            "",
            f"agents: {_agents(env)}    observation: {describe_space(env.observation.resolve(params))}    "
            f"action: {describe_space(env.action.resolve(params))}",
            f"bots: {', '.join(env.bots) or 'none'}    keys: {', '.join(env.keys_of(next(iter(env.agents), None))) or 'none'}",
            f"natural speed: {env.steps_per_second:g} steps a second    "
            f"solved: {'not defined' if env.solved is None else f'mean return {env.solved:g}'}",
            "parameters:",
            *parameters,
        ]
    )
