"""The scripted hunter, who flees as well."""

from puffer_arena.core import Memory, jit, randint
from puffer_arena.envs.tag.rules import distance, is_resting, is_wall
from puffer_arena.envs.tag.state import DCOL, DROW, RIGHT, STAY, UP, Params, State


@jit
def hunt(s: State, p: Params, agent: int, memory: Memory) -> int:
    """Chasers close in on the nearest runner; runners keep away from the nearest chaser and out of corners."""
    best, best_score = STAY, -100_000
    for move in range(5):
        row, col = s.row[agent] + DROW[move], s.col[agent] + DCOL[move]
        if is_wall(s, row, col) or (move != STAY and is_resting(s, p, agent, 1)):
            continue
        if agent < len(s.catches):
            score = -4 * distance(s, row, col, len(s.catches), len(s.alive))
            if move == STAY or (row == s.from_row[agent] and col == s.from_col[agent]):
                score -= 9  # walk around a pillar instead of waiting in front of it
        else:
            score = 4 * min(distance(s, row, col, 0, len(s.catches)), 6)
            for exit in range(UP, RIGHT + 1):
                score += 1 if not is_wall(s, row + DROW[exit], col + DCOL[exit]) else 0
        score = 4 * score + randint(memory, 4)  # among equals one by chance, or several walk in step
        if score > best_score:
            best, best_score = move, score
    return best
