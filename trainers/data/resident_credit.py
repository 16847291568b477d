"""`credit.py` in tensors of any device, for a whole rollout at once: which action a reward counts for.

Both do the same, and hand over actions that are under way alike; tensors are (time, streams, ...).
"""

import torch
from torch import Tensor

Columns = dict[str, Tensor]
TAKEN = ("actions", "old_log_prob", "rewards", "terminated")  # what of an action is known when its rollout ends
MOVED = ("obs", "action_mask", "began")  # what of its row is looked at again in the next


def credit(columns: Columns) -> None:
    """Count what steps brought to streams that did not act for their last action, back from the last step.

    An episode that others ended has ended for who had left it, too.
    """
    acting, began, rewards = columns["acting"], columns["began"], columns["rewards"]
    terminated, truncated, final_value = columns["terminated"], columns["truncated"], columns["final_value"]
    brought = valued = torch.zeros_like(rewards[0])  # since the action; `valued` is the value of what was seen last
    died = cut = ended = known = torch.zeros_like(acting[0])  # `known`: whether it is
    for t in range(len(rewards) - 1, -1, -1):
        goes_on, acts = ~began[t + 1], acting[t]
        brought, valued = brought * goes_on, valued * goes_on
        died, cut, known, ended = died & goes_on, cut & goes_on, known & goes_on, ended | ~goes_on
        valued = torch.where(known, valued, final_value[t])
        known = known | (truncated[t] & ~terminated[t])
        brought, died, cut = brought + rewards[t], died | terminated[t], cut | truncated[t]
        rewards[t], final_value[t] = brought * acts, valued * acts
        terminated[t], truncated[t] = acts & (died | (ended & ~cut)), acts & cut
        waits = ~acts
        brought, valued = brought * waits, valued * waits
        died, cut, known, ended = died & waits, cut & waits, known & waits, ended & waits


class ResidentPending:
    """Actions whose steps go on beyond the rollout in which they were taken; see `credit.Pending`.

    Attributes:
        flags: (streams,), who has such an action, in the first row of the rollout that is being collected.
        arrays: what is kept of it besides that row, (streams, ...).
    """

    def __init__(self, columns: Columns) -> None:
        self.flags = torch.zeros_like(columns["acting"][0])
        self.arrays = {name: torch.zeros_like(columns[name][0]) for name in (*TAKEN, "old_value")}

    def forget(self) -> None:
        """Drop all, as when other episodes begin."""
        self.flags.zero_()

    def place(self, columns: Columns) -> None:
        """Put actions and what they brought so far into the first row, once it was played."""
        for name in ("actions", "old_log_prob", "old_value"):
            columns[name][0] = _where(self.flags, self.arrays[name], columns[name][0])
        columns["rewards"][0] += self.arrays["rewards"] * self.flags
        columns["terminated"][0] |= self.arrays["terminated"] & self.flags

    def take(self, columns: Columns) -> None:
        """Take actions whose steps are under way out of a rollout that ends, into the row that the next begins with."""
        acting, began = columns["acting"], columns["began"]
        times = torch.arange(len(began), device=began.device)[:, None]
        acted = torch.where(acting[:-1], times[:-1], -1).amax(0)
        running_since = torch.where(began, times, 0).amax(0)
        self.flags.copy_((acted >= running_since) & ~acting[-1])
        at = acted.clamp(min=0), torch.arange(len(acted), device=acted.device)
        for name in TAKEN:
            self.arrays[name].copy_(columns[name][at])
        for name in MOVED:
            columns[name][-1] = _where(self.flags, columns[name][at], columns[name][-1])
        for name in ("rewards", "terminated", "acting"):
            columns[name][at] = columns[name][at] * ~self.flags
        acting[-1] |= self.flags


def _where(flags: Tensor, chosen: Tensor, other: Tensor) -> Tensor:
    """Return `chosen` for the streams with flags set, and `other` for the rest; both are (streams, ...)."""
    return torch.where(flags.view(-1, *[1] * (chosen.dim() - 1)), chosen, other)
