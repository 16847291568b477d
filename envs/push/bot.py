"""The scripted planner, who knows how the level was made."""

from puffer_arena.core import Array, Memory, i32, jit, randint
from puffer_arena.envs.push.levels import DCOL, DROW, flood, is_free
from puffer_arena.envs.push.rules import is_open
from puffer_arena.envs.push.state import Params, State


class Search(Memory):
    steps: Array = i32("size", "size")  # to where the next push of the plan begins, or UNREACHED
    queue: Array = i32("cells", below="cells")


@jit
def planner(s: State, p: Params, memory: Search) -> int:
    """Walk to the next push of the plan and push; without a plan move by chance."""
    if s.left > 0:
        push: int = s.plan[min(s.left, len(s.plan)) - 1]
        row, col = push // 4 // len(s.board), push // 4 % len(s.board)
        if row == s.row and col == s.col:
            return push % 4
        flood(s, memory.steps, memory.queue, row, col)
        for way in range(4):
            to_row, to_col = s.row + DROW[way], s.col + DCOL[way]
            if is_free(s, to_row, to_col) and memory.steps[to_row, to_col] < memory.steps[s.row, s.col]:
                return way
    first = randint(memory, 4)
    for turn in range(4):
        if is_open(s, s.row, s.col, (first + turn) % 4):
            return (first + turn) % 4
    return first
