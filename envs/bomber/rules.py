"""What a step of bomber does."""

from typing import Any

from puffer_arena.core import Array, jit, randint, random_bits
from puffer_arena.envs.bomber.state import (
    BOMB,
    BRICK,
    DCOL,
    DROW,
    EXTRA,
    FIRE,
    FLAME,
    FLOOR,
    LAY,
    MOST_BOMBS,
    MOST_FUSE,
    MOST_REACH,
    RIVAL,
    UP,
    WALL,
    Params,
    State,
    can,
    is_free,
    laid,
)

TIME_UP, ONE_LEFT, NONE_LEFT = range(3)  # endings


@jit
def reset(s: State, p: Params) -> None:
    s.bricks = s.killed = 0
    s.bomb_cell[:] = s.bomb_fuse[:] = s.bomb_reach[:] = 0
    bricks, items = int(p.bricks * 1024.0), int(p.items * 1024.0)  # parts of 1024
    end = p.size - 2
    s.item[:] = s.bomb[:] = s.danger[:] = s.lit_by[:] = s.flame[:] = 0
    s.board[:] = WALL
    for row in range(1, end + 1):
        for col in range(1, end + 1):
            if row % 2 == 0 and col % 2 == 0:
                continue  # a pillar
            s.board[row, col] = FLOOR
            corner = min(row - 1, end - row) + min(col - 1, end - col)  # steps from the nearest
            if corner > 1:
                bits = random_bits(s)
                bricked = bits >> 22 < bricks  # no branch: the next cell's bits are drawn meanwhile
                s.board[row, col] = BRICK if bricked else FLOOR
                s.item[row, col] = EXTRA + (bits & 1) if bricked & (bits >> 1 & 1023 < items) else 0
    first = randint(s, 4)
    for k in range(len(s.alive)):
        s.alive[k] = 1 if k < p.players else 0
        corner = (first + k) % 4  # neighbours in number start in opposite corners
        s.row[k] = s.from_row[k] = 1 if corner % 2 == 0 else end
        s.col[k] = s.from_col[k] = 1 if corner in (0, 3) else end
        s.holds[k], s.reach[k], s.kills[k] = 1, 2, 0
    show(s)


@jit
def step(s: State, p: Params, actions: Array, rewards: Array, terminated: Array) -> bool:
    burn(s, p, rewards)
    left = 0
    for k in range(len(s.alive)):
        if s.alive[k]:
            act(s, p, k, actions[k])
    for k in range(len(s.alive)):
        if s.alive[k]:
            row, col = s.row[k], s.col[k]
            s.holds[k] += s.item[row, col] == EXTRA
            s.reach[k] = min(s.reach[k] + (s.item[row, col] == FIRE), MOST_REACH)
            if s.flame[row, col] > 0:
                terminated[k] = True
                rewards[k] -= 1.0
                s.killed += 1
                if s.lit_by[row, col] != k:
                    rewards[s.lit_by[row, col]] += p.reward_kill
                    s.kills[s.lit_by[row, col]] += 1
            else:
                left += 1
    for k in range(len(s.alive)):
        if s.alive[k]:
            s.item[s.row[k], s.col[k]] = 0  # only now: who come together all get it
            if left == 1 and not terminated[k]:
                rewards[k] += 1.0
            if left <= 1:
                terminated[k] = True
    spread(s)
    show(s)
    return s.step_count >= p.max_steps


@jit
def act(s: State, p: Params, k: int, action: int) -> None:
    s.from_row[k], s.from_col[k] = s.row[k], s.col[k]
    row, col = s.row[k] + DROW[action], s.col[k] + DCOL[action]
    if action == LAY:
        for slot in range(MOST_BOMBS * k, MOST_BOMBS * k + min(s.holds[k], MOST_BOMBS)):
            if s.bomb_fuse[slot] == 0 and s.bomb[row, col] == 0:
                s.bomb_cell[slot] = row * len(s.board) + col
                s.bomb_fuse[slot], s.bomb_reach[slot] = p.fuse, s.reach[k]
                s.bomb[row, col] = 1
    elif is_free(s, row, col):
        s.row[k], s.col[k] = row, col


@jit
def burn(s: State, p: Params, rewards: Array) -> None:
    """Let time pass for the bombs: what is to burn in this step burns; `spread` notes the danger that is left."""
    s.flame[:] = 0
    burns = False
    for slot in range(len(s.bomb_fuse)):
        if s.bomb_fuse[slot] > 0:
            s.bomb_fuse[slot] -= 1
            if s.bomb_fuse[slot] == 0:
                s.bomb[s.bomb_cell[slot] // len(s.board), s.bomb_cell[slot] % len(s.board)] = 0
                burns = True
    if burns:
        for row in range(p.size):
            for col in range(p.size):
                if s.danger[row, col] == 1:
                    burn_cell(s, p, row, col, rewards)


@jit
def burn_cell(s: State, p: Params, row: int, col: int, rewards: Array) -> None:
    s.flame[row, col] = 1
    if s.board[row, col] == BRICK:
        s.board[row, col], s.flame[row, col] = FLOOR, 2
        s.bricks += 1
        rewards[s.lit_by[row, col]] += p.reward_brick
    else:
        s.item[row, col] = 0


@jit
def spread(s: State) -> None:
    """Note when flames come to each cell; a bomb that flames meet before its time goes off with them."""
    changed = True
    while changed:
        changed = False
        s.danger[:] = 0
        for slot in range(len(s.bomb_fuse)):
            if s.bomb_fuse[slot] > 0:
                blast(s, slot)
        for slot in range(len(s.bomb_fuse)):
            row, col = s.bomb_cell[slot] // len(s.board), s.bomb_cell[slot] % len(s.board)
            if s.bomb_fuse[slot] > 0 and s.bomb_fuse[slot] > s.danger[row, col]:
                s.bomb_fuse[slot] = s.danger[row, col]
                changed = True


@jit
def show(s: State) -> None:
    """Note what is to be seen in each cell, once for all who look."""
    size = len(s.board)
    for cell in range(size * size):  # one loop without branches takes a third of two with some
        row, col = cell // size, cell % size
        board, item, flame, bomb = s.board[row, col], s.item[row, col], s.flame[row, col], s.bomb[row, col]
        code = item if (board == FLOOR) & (item > 0) else board
        code = FLAME if flame > 0 else code
        s.seen[row, col] = BOMB if bomb > 0 else code


@jit
def blast(s: State, slot: int) -> None:
    """Note when the flames of one bomb come."""
    for way in range(UP, LAY):
        row, col = s.bomb_cell[slot] // len(s.board), s.bomb_cell[slot] % len(s.board)
        for _ in range(min(s.bomb_reach[slot], MOST_REACH) + 1):
            inside = 0 <= row < len(s.board) and 0 <= col < len(s.board)
            if not inside or s.board[row, col] == WALL:
                break
            if s.danger[row, col] == 0 or s.bomb_fuse[slot] < s.danger[row, col]:
                s.danger[row, col] = min(s.bomb_fuse[slot], MOST_FUSE)
                s.lit_by[row, col] = slot // MOST_BOMBS
            if s.board[row, col] == BRICK:
                break
            row, col = row + DROW[way], col + DCOL[way]


@jit
def ending(s: State, p: Params) -> int:
    """Tell whether one was left, or how many of them when time was up."""
    left = p.players - s.killed
    return NONE_LEFT if left == 0 else ONE_LEFT if left == 1 else TIME_UP + 3 * left


@jit
def observe(s: State, p: Params, agent: int, obs: Any) -> None:
    middle, reach = len(obs.board) // 2, (p.sight - 1) // 2
    top, left = s.row[agent] - middle, s.col[agent] - middle
    obs.board[:] = WALL
    obs.danger[:] = 0
    first, last = max(middle - reach, -left), min(middle + reach, len(s.board) - 1 - left)
    for row in range(max(middle - reach, -top), min(middle + reach + 1, len(s.board) - top)):
        from_row = max(top + row, 0)
        for col in range(len(obs.board)):  # all of them: a loop of always the same length is faster than a short one
            from_col = max(left + col, 0) if (first <= col) & (col <= last) else 0  # where there is a wall
            obs.board[row, col] = s.seen[from_row, from_col]
            obs.danger[row, col] = s.danger[from_row, from_col]
    for k in range(len(s.alive)):
        row, col = s.row[k] - top, s.col[k] - left
        if s.alive[k] and k != agent and abs(row - middle) <= reach and abs(col - middle) <= reach:
            obs.board[row, col] = RIVAL
    obs.me[0] = min(max(s.holds[agent] - laid(s, agent), 0), MOST_BOMBS) / MOST_BOMBS
    obs.me[1] = s.reach[agent] / MOST_REACH
    obs.me[2] = min(1.0, s.step_count / p.max_steps)


@jit
def mask_actions(s: State, p: Params, agent: int, mask: Array) -> None:
    row, col = s.row[agent], s.col[agent]
    for way in range(UP, LAY):
        mask[way] = is_free(s, row + DROW[way], col + DCOL[way])
    mask[LAY] = can(s, agent, LAY)
