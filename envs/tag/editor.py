"""Drawing boards of tag."""

from puffer_arena.core import jit, standing
from puffer_arena.envs.tag.rules import distance
from puffer_arena.envs.tag.state import WALL, Params, State

AGENTS = standing("agents")


@jit
def finish(s: State, p: Params) -> str:
    """Look over a level that a person has drawn."""
    for agent in range(len(s.alive)):
        if s.alive[agent] and s.board[s.row[agent], s.col[agent]] == WALL:
            return "somebody stands in a pillar"
    capacity = len(s.catches)
    for runner in range(capacity, len(s.alive)):
        if s.alive[runner] and distance(s, s.row[runner], s.col[runner], 0, capacity) == 0:
            return "a runner stands where a chaser does"
    return ""
