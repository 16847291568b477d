"""How settings change over a run; `progress` goes from 0 to 1."""

import math


def decay(schedule: str, progress: float, final: float) -> float:
    """Return the factor of a learning rate: 1 at the start, `final` at the end."""
    if schedule == "constant":
        return 1.0
    progress = min(max(progress, 0.0), 1.0)
    left = 1.0 - progress if schedule == "linear" else 0.5 * (1.0 + math.cos(math.pi * progress))
    return final + (1.0 - final) * left
