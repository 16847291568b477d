"""Carving a maze, and measuring its ways."""

from puffer_arena.core import jit, randint, random_bits
from puffer_arena.envs.maze.state import DCOL, DROW, FLOOR, UNREACHED, UNSEEN, WALL, Params, State


@jit
def carve(s: State, p: Params) -> None:
    """Carve a maze without loops: walk to unvisited rooms two cells away, backing up where there are none."""
    for row in range(len(s.board)):
        for col in range(len(s.board)):
            s.board[row, col] = WALL if row < p.size and col < p.size else UNSEEN
            s.distance[row, col] = UNREACHED
    end = p.size - 1
    s.board[1, 1] = FLOOR
    s.queue[0], depth = p.size + 1, 1
    while depth > 0:
        row, col = s.queue[depth - 1] // p.size, s.queue[depth - 1] % p.size
        first, stuck = random_bits(s), True
        for turn in range(4):
            way = (first + turn * (1 + (first >> 2) % 2 * 2)) & 3  # in either sense, from any side
            to_row, to_col = row + 2 * DROW[way], col + 2 * DCOL[way]
            if 0 < to_row < end and 0 < to_col < end and s.board[to_row, to_col] == WALL:
                s.board[row + DROW[way], col + DCOL[way]] = FLOOR
                s.board[to_row, to_col] = FLOOR
                s.queue[depth] = to_row * p.size + to_col
                depth += 1
                stuck = False
                break
        if stuck:
            depth -= 1


@jit
def open_walls(s: State, p: Params) -> None:
    """Take out inner walls, each with probability 1 - p.walls; the posts between four rooms stay."""
    end = (p.size - 1) // 2 * 2  # an even size keeps a double wall at its end
    keep = int(p.walls * 65536.0)
    for row in range(1, end):
        for col in range(1 + row % 2, end, 2):
            if s.board[row, col] == WALL and random_bits(s) & 65535 >= keep:
                s.board[row, col] = FLOOR


@jit
def measure(s: State, p: Params, goal_row: int, goal_col: int) -> int:
    """Fill `distance` breadth first and leave the cells in `queue` by distance; return how many there are."""
    s.distance[goal_row, goal_col] = 0
    s.queue[0], taken, count = goal_row * p.size + goal_col, 0, 1
    while taken < count:
        row, col = s.queue[taken] // p.size, s.queue[taken] % p.size
        taken += 1
        for way in range(4):
            to_row, to_col = row + DROW[way], col + DCOL[way]
            if s.board[to_row, to_col] == FLOOR and s.distance[to_row, to_col] == UNREACHED:
                s.distance[to_row, to_col] = s.distance[row, col] + 1
                s.queue[count] = to_row * p.size + to_col
                count += 1
    return count


@jit
def place_start(s: State, p: Params, count: int) -> None:
    """Put the agent on a uniformly drawn cell that is p.distance steps from the goal, or the farthest there are."""
    farthest = s.queue[count - 1]
    s.length = min(p.distance, s.distance[farthest // p.size, farthest % p.size])
    first = count - 1
    while s.distance[s.queue[first] // p.size, s.queue[first] % p.size] > s.length:
        first -= 1
    last = first
    while s.distance[s.queue[first - 1] // p.size, s.queue[first - 1] % p.size] == s.length:
        first -= 1
    cell = s.queue[first + randint(s, last - first + 1)]
    s.row, s.col = cell // p.size, cell % p.size
    s.from_row, s.from_col = s.row, s.col
