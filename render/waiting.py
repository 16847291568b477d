"""Waiting for input by SDL's own wait, which sleeps until the display says something.

pygame's wait looks a thousand times a second, and a fixed sleep finds an event half its length too late.
"""

import ctypes
import time
from collections.abc import Callable
from functools import cache

from puffer_arena.render.toolkit import pygame

LONGEST_BLIND = 1 / 60  # seconds to sleep where SDL's own wait is not found


@cache
def find_wait() -> Callable[[None, int], int] | None:
    """Return SDL_WaitEventTimeout of the library that pygame uses, None where that keeps it to itself.

    Called without room for an event it leaves what has come in SDL's queue, for pygame.
    Source: https://wiki.libsdl.org/SDL2/SDL_WaitEventTimeout
    """
    try:
        wait = ctypes.CDLL(pygame.base.__file__).SDL_WaitEventTimeout
    except (OSError, AttributeError):  # Windows looks for names in pygame's own part alone
        return None
    wait.argtypes, wait.restype = (ctypes.c_void_p, ctypes.c_int), ctypes.c_int
    return wait


def wait_for_input(seconds: float) -> None:
    """Return as soon as there is input, after some seconds at the latest; pygame's display has begun."""
    wait = find_wait()
    if seconds <= 0:
        return
    if wait is None:
        time.sleep(min(seconds, LONGEST_BLIND))
    else:
        wait(None, max(round(1000 * seconds), 1))
