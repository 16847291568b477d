"""How an environment of another library is made, and with which wrappers."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from puffer_arena.core.params import param
from puffer_arena.foreign.wrappers import wrap

Make = Callable[..., Any]


@dataclass(frozen=True)
class Params:
    """Wrappers around a solo environment; they hold for a whole batch."""

    stack: int = param(1, 1, 32, "observations seen together, the newest last")
    grey: bool = False
    resize: int = param(0, 0, 512, "pixels of a picture's sides; 0 leaves them")
    skip: int = param(1, 1, 64, "steps that an action is repeated for")
    limit: int = param(0, 0, 10**9, "steps after which an episode is cut off; 0 leaves that to the environment")


@dataclass(frozen=True)
class Origin:
    """How to make an environment, here and in other processes."""

    env_id: str
    make: Make
    timeout: float = 60.0  # seconds that a worker may take for a step
    restarts: int = 10  # of workers that died, for the whole batch
    drawn: bool = False  # its environments draw themselves, into their rows
    watched: bool = True  # another process, such as `watch`, can make them and have them draw themselves
    on_ray: bool = False  # actors on a Ray cluster step them


def maker(origin: Origin, values: Any) -> Make:
    """Return what makes one environment with its wrappers."""
    if values == Params():
        return origin.make
    return lambda *count: wrap(origin.make(*count), values)
