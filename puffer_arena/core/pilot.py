"""What stands between a person's keys and actions that hands cannot do, such as the motors of two legs.

    pilot=Pilot(Box(-1.0, 1.0, (2,), labels=("walk", "hurry")), walk_as_told),
    keys={"right": (0, 1.0), "left": (0, -1.0), "up": (1, 1.0)},
    idle=(0.0, 0.0),

Keys and `idle` then say what is wanted, and the rule makes an action of it, as a bot does that is told where to go.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from puffer_arena.core.spaces import Space


@dataclass(frozen=True)
class Pilot:
    """A rule that acts as a person wants.

    Args:
        wanted: what keys set: a Box, Discrete, MultiDiscrete or MultiBinary of a fixed shape.
        rule: rule(s, p, wanted, memory), with `agent` before `wanted` where there are several, and the action to be filled
            in as last argument where that is an array.  Otherwise it is as a bot: it returns the action, keeps what it
            likes in `memory` (`Env.bot_memory`), and only reads `s`.
    """

    wanted: Space
    rule: Callable[..., Any]
