"""What a person may draw of a world."""

from puffer_arena.core import Brush, jit
from puffer_arena.envs.craft.state import (
    COAL,
    DIAMOND,
    FURNACE,
    GRASS,
    IRON,
    LAVA,
    MOBS,
    PATH,
    SAND,
    STONE,
    TABLE,
    TREE,
    WATER,
    Params,
    State,
)


@jit
def finish(s: State, p: Params) -> str:
    """Begin in a world that a person has drawn; creatures that stand in the way of it are gone."""
    if s.board[s.row, s.col] not in (SAND, GRASS, PATH):
        return "the player does not stand on sand, grass or a path"
    for k in range(MOBS):
        row, col = s.mob_row[k], s.mob_col[k]
        there = row == s.row and col == s.col
        if s.mob_kind[k] and (there or s.board[row, col] not in (SAND, GRASS, PATH)):
            s.mob_kind[k] = s.who[row, col] = 0
    return ""


BRUSHES = (
    Brush("grass", GRASS, "."),
    Brush("water", WATER, "w"),
    Brush("sand", SAND, "s"),
    Brush("tree", TREE, "t"),
    Brush("path", PATH, "p"),
    Brush("stone", STONE, "#"),
    Brush("coal", COAL, "c"),
    Brush("iron", IRON, "i"),
    Brush("diamond", DIAMOND, "d"),
    Brush("lava", LAVA, "l"),
    Brush("table", TABLE, "T"),
    Brush("furnace", FURNACE, "F"),
)
