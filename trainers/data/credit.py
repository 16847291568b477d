"""Which action a reward counts for, where agents wait for their turn or have left.

A step of an agent goes from its turn to its next, or to its episode's end: what the rules give it meanwhile is added to
the action that it took (`credit`).  An action whose step is still under way when a rollout ends cannot be learned from
yet.  It goes into the next rollout (`Pending`), as the first row of its stream: that row is free, for an agent that acts
there has ended its step.
"""

from typing import Any

import numpy as np

from puffer_arena.core.fields import Array
from puffer_arena.machine.loops import kernel
from puffer_arena.trainers.data.arrays import aligned_zeros

ADDED = ("rewards", "signals")  # what an action brings, summed
MOVED = {
    "obs",
    "action_mask",
    "began",
    "global_state",
}  # what of an action's row looks ahead, and so lies in the next rollout already


@kernel
def credit(
    t: int,
    acting: Any,
    began: Any,
    rewards: Any,
    signals: Any,
    terminated: Any,
    truncated: Any,
    last: Any,
    credited: Any,
) -> None:
    """Count what step `t` brought to streams that did not act for their last action.

    Args:
        last: (streams,), the row of every stream's last action in its running episode, or -1; moves on.
        credited: (streams,), becomes the row that the step counts for, or -1 where nobody has acted.
    """
    for i in range(len(last)):
        if acting[t, i]:
            last[i] = t
        at = credited[i] = last[i]
        if at != t:
            if at >= 0:
                rewards[at, i] += rewards[t, i]
                for k in range(signals.shape[2]):
                    signals[at, i, k] += signals[t, i, k]
                terminated[at, i] = terminated[at, i] or terminated[t, i]
                truncated[at, i] = truncated[at, i] or truncated[t, i]
            rewards[t, i] = 0.0
            for k in range(signals.shape[2]):
                signals[t, i, k] = 0.0
            terminated[t, i] = truncated[t, i] = False
        if began[t + 1, i]:
            if at >= 0 and not truncated[at, i]:
                terminated[at, i] = True  # it had left, and others ended the episode
            last[i] = -1


class Pending:
    """Actions whose steps go on beyond the rollout in which they were taken.

    Attributes:
        last: (streams,), the row of every stream's last action in its running episode, or -1.
        credited: (streams,), the row that the last step counted for.
        flags: (streams,), who has such an action, in the first row of the rollout that is being collected.
        arrays: what of it is kept besides that row: actions, old_log_prob, rewards, signals and terminated,
            (streams, ...).
        before: the recurrent states in which streams last acted, (streams, ...).
    """

    def __init__(self, columns: dict[str, Array], state: dict[str, Array]) -> None:
        streams = columns["rewards"].shape[1]
        self.last, self.credited = np.full(streams, -1), np.full(streams, -1)
        self.flags = np.zeros(streams, np.bool_)
        kept = ("actions", "old_log_prob", *ADDED, "terminated")
        self.arrays = {name: aligned_zeros(columns[name].shape[1:], columns[name].dtype) for name in kept}
        self.before = {name: aligned_zeros(part.shape, part.dtype) for name, part in state.items()}

    def forget(self) -> None:
        """Drop all, as when other episodes begin."""
        self.flags[:] = False
        self.last[:] = -1

    def carried(self) -> dict[str, Array]:
        """Return what one rollout hands to the next, for checkpoints."""
        before = {f"before.{name}": part for name, part in self.before.items()}
        return {f"pending.{name}": part for name, part in {"flags": self.flags, **self.arrays, **before}.items()}

    def place(self, columns: dict[str, Array]) -> None:
        """Put actions and what they brought so far into the first row, once a step has been taken."""
        if self.flags.any():
            for name in ("actions", "old_log_prob"):
                columns[name][0, self.flags] = self.arrays[name][self.flags]
            for name in ADDED:
                columns[name][0, self.flags] += self.arrays[name][self.flags]
            columns["terminated"][0, self.flags] |= self.arrays["terminated"][self.flags]

    def take(self, columns: dict[str, Array]) -> None:
        """Take actions whose steps are under way out of a rollout that ends, into the row that the next begins with."""
        streams = np.flatnonzero((self.last >= 0) & ~columns["acting"][-1])
        at = self.last[streams]
        self.forget()
        self.flags[streams] = True
        for name, array in self.arrays.items():
            array[streams] = columns[name][at, streams]
        for name in MOVED & columns.keys():
            columns[name][-1, streams] = columns[name][at, streams]
        for name in ADDED:
            columns[name][at, streams] = 0.0
        columns["terminated"][at, streams] = columns["acting"][at, streams] = False
        columns["acting"][-1, streams] = True

    def states(self, state: dict[str, Array]) -> dict[str, Array]:
        """Return recurrent states with those in which pending actions were taken: what the next rollout begins with."""
        if not (state and self.flags.any()):
            return state
        begun = {name: part.copy() for name, part in state.items()}
        for name, part in begun.items():
            part[self.flags] = self.before[name][self.flags]
        return begun
