"""What a step of tag does."""

from typing import Any

from puffer_arena.core import Array, jit, randint
from puffer_arena.envs.tag.state import (
    CHASER,
    DCOL,
    DROW,
    FLOOR,
    HEAD_START,
    RIGHT,
    RUNNER,
    TRIES,
    UNSEEN,
    UP,
    WALL,
    Params,
    State,
)

ESCAPED, CAUGHT = range(2)  # endings
ENDINGS = 2


@jit
def is_wall(s: State, row: int, col: int) -> bool:
    return not (0 <= row < len(s.board) and 0 <= col < len(s.board)) or s.board[row, col] == WALL


@jit
def is_crowded(s: State, row: int, col: int) -> bool:
    """Tell whether a wall stands in or next to a cell; pillars that stand alone never cut the board."""
    for near_row in range(row - 1, row + 2):
        for near_col in range(col - 1, col + 2):
            if is_wall(s, near_row, near_col):
                return True
    return False


@jit
def distance(s: State, row: int, col: int, first: int, end: int) -> int:
    """Return the moves, walls ignored, from a cell to the nearest of the agents first .. end-1."""
    nearest = 1000
    for k in range(first, end):
        away = abs(s.row[k] - row) + abs(s.col[k] - col)
        if s.alive[k] and away < nearest:
            nearest = away
    return nearest


@jit
def place_agent(s: State, p: Params, agent: int) -> None:
    """Put an agent on a floor cell, a runner away from the chasers where that is found."""
    for _ in range(TRIES):
        row, col = randint(s, p.size), randint(s, p.size)
        if s.board[row, col] == FLOOR:
            s.row[agent] = s.from_row[agent] = row
            s.col[agent] = s.from_col[agent] = col
            if agent < len(s.catches) or distance(s, row, col, 0, len(s.catches)) >= HEAD_START:
                return


@jit
def reset(s: State, p: Params) -> None:
    for row in range(len(s.board)):
        for col in range(len(s.board)):
            s.board[row, col] = FLOOR if row < p.size and col < p.size else WALL
    for _ in range(int(p.walls * p.size * p.size)):
        row, col = randint(s, p.size), randint(s, p.size)
        if not is_crowded(s, row, col):
            s.board[row, col] = WALL
    s.caught = 0
    capacity = len(s.catches)  # of the batch; this row may play with fewer
    for k in range(capacity):
        s.catches[k] = 0
    for k in range(len(s.alive)):
        s.alive[k] = 1 if (k < p.chasers if k < capacity else k - capacity < p.runners) else 0
        s.row[k] = s.col[k] = s.from_row[k] = s.from_col[k] = 0
    for k in range(len(s.alive)):
        if s.alive[k]:
            place_agent(s, p, k)


@jit
def is_resting(s: State, p: Params, agent: int, ahead: int) -> bool:
    """Tell whether an agent pauses on this step, or on the one so many steps ahead."""
    return p.rest > 0 and agent >= len(s.catches) and (s.step_count + ahead) % p.rest == 0


@jit
def step(s: State, p: Params, actions: Array, rewards: Array, terminated: Array) -> bool:
    for k in range(len(s.alive)):
        s.from_row[k], s.from_col[k] = s.row[k], s.col[k]
        row, col = s.row[k] + DROW[actions[k]], s.col[k] + DCOL[actions[k]]
        if s.alive[k] and not is_resting(s, p, k, 0) and not is_wall(s, row, col):
            s.row[k], s.col[k] = row, col
        if s.alive[k]:
            rewards[k] = -p.reward_step if k < len(s.catches) else p.reward_step

    catch_runners(s, p, rewards, terminated)
    if s.caught == p.runners:
        for k in range(len(s.catches)):
            terminated[k] = s.alive[k] != 0
        return False
    return s.step_count >= p.max_steps


@jit
def catch_runners(s: State, p: Params, rewards: Array, terminated: Array) -> None:
    """Give every runner to all the chasers that reached or crossed it."""
    for runner in range(len(s.catches), len(s.alive)):
        for chaser in range(len(s.catches)):
            if s.alive[runner] and s.alive[chaser] and touches(s, chaser, runner):
                s.catches[chaser] += 1
                rewards[chaser] += p.reward_catch
                terminated[runner] = True
        if terminated[runner]:
            s.caught += 1
            rewards[runner] -= p.reward_catch


@jit
def touches(s: State, a: int, b: int) -> bool:
    """Tell whether two agents stand in one cell, or changed places in this step."""
    if s.row[a] == s.row[b] and s.col[a] == s.col[b]:
        return True
    if s.row[a] != s.from_row[b] or s.col[a] != s.from_col[b]:
        return False
    return bool(s.row[b] == s.from_row[a] and s.col[b] == s.from_col[a])


@jit
def ending(s: State, p: Params) -> int:
    """Tell which chaser caught the last runner, or that some escaped."""
    if s.caught < p.runners:
        return ESCAPED
    for runner in range(len(s.catches), len(s.alive)):
        for chaser in range(len(s.catches)):
            if s.alive[chaser] and touches(s, chaser, runner):
                return CAUGHT + ENDINGS * chaser
    return CAUGHT


@jit
def observe(s: State, p: Params, agent: int, obs: Array) -> None:
    middle, reach = len(obs) // 2, p.sight // 2
    top, left = s.row[agent] - middle, s.col[agent] - middle
    for row in range(len(obs)):
        for col in range(len(obs)):
            seen = abs(row - middle) <= reach and abs(col - middle) <= reach
            obs[row, col] = UNSEEN if not seen else WALL if is_wall(s, top + row, left + col) else FLOOR
    for k in range(len(s.alive)):
        row, col = s.row[k] - top, s.col[k] - left
        if s.alive[k] and abs(row - middle) <= reach and abs(col - middle) <= reach:
            obs[row, col] = CHASER if k < len(s.catches) else RUNNER
    obs[middle, middle] = CHASER if agent < len(s.catches) else RUNNER


@jit
def observe_state(s: State, p: Params, obs: Any) -> None:
    for row in range(len(s.board)):
        for col in range(len(s.board)):
            obs.board[row, col] = s.board[row, col]
    for k in range(len(s.alive)):
        obs.agents[k, :] = 0.0
        if s.alive[k]:
            obs.agents[k, 0] = 1.0
            obs.agents[k, 1] = 1.0 if k < len(s.catches) else -1.0
            obs.agents[k, 2], obs.agents[k, 3] = s.row[k] / p.size, s.col[k] / p.size
    obs.clock[0] = min(1.0, s.step_count / p.max_steps)


@jit
def mask_moves(s: State, p: Params, agent: int, mask: Array) -> None:
    resting = is_resting(s, p, agent, 1)
    for move in range(UP, RIGHT + 1):
        mask[move] = not resting and not is_wall(s, s.row[agent] + DROW[move], s.col[agent] + DCOL[move])
