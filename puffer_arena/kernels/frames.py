"""Frame stacks: how kernels keep an agent's last observations in its row, and hand them out (see `Env.frames`).

The row has `frame`, the newest, as the rules write it, and `frames`, the stack, as `core.frames.stacked` lays it out.
"""

from typing import Any

from puffer_arena.core.composites import leaves
from puffer_arena.core.fields import Array
from puffer_arena.core.spaces import Space
from puffer_arena.machine.compile import generate, jit

FILL, PUSH, RENEW = range(3)  # all frames are the newest; the others move on; the newest alone is another


@jit
def stack_numbers(frames: Array, frame: Array, mode: int) -> None:
    """Stack frames (n,) one behind another, (count * n,)."""
    size = len(frame)
    for k in range(len(frames)):
        if mode == FILL or k >= len(frames) - size:
            frames[k] = frame[k % size]
        elif mode == PUSH:
            frames[k] = frames[k + size]


@jit
def stack_rows(frames: Array, frame: Array, mode: int) -> None:
    """Stack frames (n,) as rows, (count, n)."""
    last = len(frames) - 1
    for k in range(0 if mode != RENEW else last, len(frames)):
        for j in range(len(frame)):
            frames[k, j] = frame[j] if mode == FILL or k == last else frames[k + 1, j]


@jit
def stack_grids(frames: Array, frame: Array, mode: int) -> None:
    """Stack frames (rows, cols) as planes, (rows, cols, count)."""
    rows, cols, count = frames.shape
    for row in range(rows):
        for col in range(cols):
            for k in range(0 if mode != RENEW else count - 1, count):
                newest = mode == FILL or k == count - 1
                frames[row, col, k] = frame[row, col] if newest else frames[row, col, k + 1]


@jit
def stack_planes(frames: Array, frame: Array, mode: int) -> None:
    """Stack frames (rows, cols, planes) as planes behind one another, (rows, cols, count * planes)."""
    rows, cols, count = frames.shape
    planes = frame.shape[2]
    old = count - planes
    for row in range(rows):
        for col in range(cols):
            if mode == PUSH:
                for k in range(old):
                    frames[row, col, k] = frames[row, col, k + planes]
            for k in range(0 if mode == FILL else old, count):
                frames[row, col, k] = frame[row, col, k % planes]


@jit
def show_row(frames: Array, obs: Array) -> None:
    for k in range(len(frames)):
        obs[k] = frames[k]


@jit
def show_rows(frames: Array, obs: Array) -> None:
    rows, cols = frames.shape
    for row in range(rows):
        for col in range(cols):
            obs[row, col] = frames[row, col]


@jit
def show_planes(frames: Array, obs: Array) -> None:
    rows, cols, planes = frames.shape
    for row in range(rows):
        for col in range(cols):
            for k in range(planes):
                obs[row, col, k] = frames[row, col, k]


SHOWN = (show_row, show_rows, show_planes)  # by the dimensions of a stack


def frame_functions(observe: Any, observe_all: Any, single: Space, stack: Space, several: bool) -> dict[str, Any]:
    """Generate what kernels call where observations are stacks.

    Args:
        observe, observe_all: the environment's rules, for one frame; the latter may be None.
        single: space of one frame.
        stack: space of a stack.
        several: whether there are several agents.

    Returns:
        look_all(s, p)                 looks for all agents, where they look at once
        notice(s, p[, agent], mode)    looks else, and takes what it sees into the row's frames
        observe(s, p[, agent], obs)    hands them out
    """
    at, given = ("[agent]", "s, p, agent") if several else ("", "s, p")
    called: dict[str, Any] = {"look": observe_all or observe}
    look = [f"    look({'s, p' if observe_all else given}, s.frame{'' if observe_all else at})"]
    notice, show = [] if observe_all else look, []
    for k, ((path, leaf), (_, whole)) in enumerate(zip(leaves(single), leaves(stack), strict=True)):
        part = "".join(f".{name}" for name in path)
        before, now = len(leaf.dtype.shape), len(whole.dtype.shape)
        push = {(1, 1): stack_numbers, (1, 2): stack_rows, (2, 3): stack_grids, (3, 3): stack_planes}[before, now]
        called |= {f"push_{k}": push, f"show_{k}": SHOWN[now - 1]}
        notice.append(f"    push_{k}(s.frames{at}{part}, s.frame{at}{part}, mode)")
        show.append(f"    show_{k}(s.frames{at}{part}, obs{part})")
    return {
        "look_all": generate("look_all", "s, p", look if observe_all else ["    pass"], **called),
        "notice": generate("notice", f"{given}, mode", notice, **called),
        "observe": generate("observe", f"{given}, obs", show, **called),
    }
