"""Signals: what kernels do with the numbers that rules give beside rewards (see `Env.signals`)."""

import math
from typing import Any

from puffer_arena.machine.compile import generate, jit


@jit
def count_seat(total: float) -> int:
    """Return 1 for an agent who took part in its episode, by its return (see `fields.header_fields`)."""
    return 0 if total == 0.0 and math.copysign(1.0, total) < 0.0 else 1


def signal_functions(signals: tuple[str, ...], several: bool) -> dict[str, Any]:
    """Generate what kernels call where an environment has signals.

    Returns:
        clear_signals(s)          before a step: each is 0
        begin_signals(s)          at an episode's start: their sums are 0, too
        take_signals(s, signals)  after a step: hands them out, [agents, ]signals, and adds them to their sums; those
                                  of agents who take no part are 0
    """
    at, indent = ("[agent]", "        ") if several else ("", "    ")
    place = "agent, " if several else ""
    loop = ["    for agent in range(len(s.alive)):"] if several and signals else []
    clear = [f"{indent}s.{name}{at} = 0.0" for name in signals]
    begin = [f"{indent}s.episode_{name}{at} = 0.0" for name in signals]
    take = []
    for k, name in enumerate(signals):
        if several:
            take.append(f"        if not count_seat(s.episode_return[agent]):\n            s.{name}[agent] = 0.0")
        take.append(f"{indent}signals[{place}{k}] = s.{name}{at}")
        take.append(f"{indent}s.episode_{name}{at} += s.{name}{at}")
    return {
        "clear_signals": generate("clear_signals", "s", loop + clear),
        "begin_signals": generate("begin_signals", "s", loop + clear + begin),
        "take_signals": generate("take_signals", "s, signals", loop + take, count_seat=count_seat),
    }
