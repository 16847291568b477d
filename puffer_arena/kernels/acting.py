"""The kernels in which scripted bots act: templates that ask a bot for every row, with the memory that it keeps there.

A pilot acts like a bot that is told what a person wants; `bind_pilot` makes a function of it for one row.
"""

from typing import Any

from puffer_arena.core.fields import Array
from puffer_arena.core.random import philox
from puffer_arena.core.spaces import Discrete
from puffer_arena.kernels.binding import clear_function
from puffer_arena.kernels.step import Span, acts
from puffer_arena.kernels.tables import Rows
from puffer_arena.machine.compile import bind, generate, jit, unbound

BOTS = 0xB07  # the bots' streams have other keys than the levels
NUMBER = 0  # of the bot, in the order of `Env.bots`


bot = clear = unbound


@jit
def recall(s: Any, memory: Any, agent: int) -> None:
    """Let the bot begin anew, with a random stream of its own, where its memory is of another episode."""
    if memory.episode != s.episode or memory.row_key != s.row_key:
        clear(memory)
        memory.row_key, memory.episode = s.row_key, s.episode
        memory.level = philox(philox(s.row_key ^ BOTS, s.episode), NUMBER << 16 | agent)


@jit
def act_solo(span: Span, rows: Rows, actions: Array, chosen: Array) -> None:
    """Let the bot choose the actions of the rows of `span` where `chosen` (num_envs, 1) is set."""
    for i in range(span[0], span[1]):
        if chosen[i, 0]:
            s, memory = rows.states[i], rows.memories[i, NUMBER, 0]
            recall(s, memory, 0)
            actions[i] = bot(s, rows.params[i], memory)


@jit
def act_solo_vector(span: Span, rows: Rows, actions: Array, chosen: Array) -> None:
    """`act_solo` for actions that are arrays."""
    for i in range(span[0], span[1]):
        if chosen[i, 0]:
            s, memory = rows.states[i], rows.memories[i, NUMBER, 0]
            recall(s, memory, 0)
            bot(s, rows.params[i], memory, actions[i])


@jit
def act_several(span: Span, rows: Rows, actions: Array, chosen: Array) -> None:
    """Let the bot choose for those who act in the rows of `span`, where `chosen` (num_envs, agents) is set."""
    for i in range(span[0], span[1]):
        s = rows.states[i]
        for agent in range(len(s.alive)):
            if chosen[i, agent] and acts(s, agent):
                memory = rows.memories[i, NUMBER, agent]
                recall(s, memory, agent)
                actions[i, agent] = bot(s, rows.params[i], agent, memory)


@jit
def act_several_vector(span: Span, rows: Rows, actions: Array, chosen: Array) -> None:
    """`act_several` for actions that are arrays."""
    for i in range(span[0], span[1]):
        s = rows.states[i]
        for agent in range(len(s.alive)):
            if chosen[i, agent] and acts(s, agent):
                memory = rows.memories[i, NUMBER, agent]
                recall(s, memory, agent)
                bot(s, rows.params[i], agent, memory, actions[i, agent])


def bind_bot(name: str, num_agents: int, vector: bool, turns: bool, **bound: Any) -> Any:
    """Bind a bot into the kernel that lets it act.

    Args:
        name: of environment and bot.
        num_agents: roles of the environment; 0 for a solo one.
        vector: whether an action is an array.
        turns: whether agents take turns.
        bound: bot, the function; NUMBER, its place among the environment's; clear, which zeroes its memory.
    """
    bound |= {"recall": bind(recall, name, **bound), "acts": bind(acts, name, TURNS=turns)}
    if num_agents == 0:
        return bind(act_solo_vector if vector else act_solo, name, **bound)
    return bind(act_several_vector if vector else act_several, name, **bound)


def bind_pilot(env: Any, memory: Any) -> Any:
    """Generate fly(s, p, agent, wanted, memory, actions), in which the pilot of `env` fills in actions[agent].

    Args:
        memory: dtype of what it keeps for an agent.
    """
    number = len(env.bots)  # of its random numbers' stream: behind all bots
    given = ", ".join(["s", "p", *(["agent"] if env.agents else []), "wanted", "memory"])
    acts = f"actions[agent] = pilot({given})" if isinstance(env.action, Discrete) else f"pilot({given}, actions[agent])"
    own = bind(recall, f"{env.name}.pilot", NUMBER=number, clear=clear_function(memory))
    lines = ["    recall(s, memory, agent)", f"    {acts}"]
    return generate("fly", "s, p, agent, wanted, memory, actions", lines, recall=own, pilot=env.pilot.rule)
