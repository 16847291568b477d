"""How much of the machine this process may use."""

import os


def usable_cores() -> int:
    """Return on how many cores this process may run, which may be fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
