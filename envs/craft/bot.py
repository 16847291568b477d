"""Craft's scripted settler."""

from puffer_arena.core import Array, Memory, i8, i32, jit, randint
from puffer_arena.envs.craft.state import (
    COAL,
    COW,
    DCOL,
    DIAMOND,
    DO,
    DROW,
    FURNACE,
    GRASS,
    IRON,
    MAKE_PICKAXE,
    MAKE_SWORD,
    NOOP,
    PATH,
    PLACE_FURNACE,
    PLACE_PLANT,
    PLACE_STONE,
    PLACE_TABLE,
    PLANT,
    RIGHT,
    SAND,
    SLEEP,
    STONE,
    TABLE,
    TREE,
    UP,
    WATER,
    Params,
    State,
    can,
    is_near,
    what,
)

FAR = 30_000


class Search(Memory):
    steps: Array = i32("size", "size")
    first: Array = i8("size", "size", below=5)  # the move with which the way to a cell begins
    queue: Array = i32("cells", below="cells")


@jit
def go(s: State, m: Search, wanted: int) -> int:
    """Return what brings the player to the nearest cell with something and does it there, or -1."""
    ahead = what(s, s.row + DROW[s.facing], s.col + DCOL[s.facing])
    if ahead == wanted:
        return DO
    size = len(s.board)
    m.steps[:] = FAR
    m.steps[s.row, s.col] = 0
    m.queue[0], taken, found = s.row * size + s.col, 0, 1
    while taken < found:
        row, col = m.queue[taken] // size, m.queue[taken] % size
        taken += 1
        for way in range(UP, RIGHT + 1):
            to_row, to_col = row + DROW[way], col + DCOL[way]
            code = what(s, to_row, to_col)
            first = way if m.steps[row, col] == 0 else m.first[row, col]
            if code == wanted:
                return first
            if code in (SAND, GRASS, PATH) and m.steps[to_row, to_col] == FAR:
                m.steps[to_row, to_col] = m.steps[row, col] + 1
                m.first[to_row, to_col] = first
                m.queue[found] = to_row * size + to_col
                found += 1
    return -1


@jit
def wish(s: State, m: Search) -> int:
    """Return an action that can be placed or made now, or what to look for, as a negative number."""
    kind = min(s.pickaxe, s.sword)
    if s.wood < (4 if kind < 2 else 2):
        return -TREE
    if kind > 0 and s.stone < 4:
        return -STONE
    if kind == 3:
        return -DIAMOND if s.collect_diamond == 0 else -PLANT
    if kind == 2 and s.coal < 1:
        return -COAL
    if kind == 2 and s.iron < 1:
        return -IRON
    if not is_near(s, TABLE):
        return PLACE_TABLE
    if kind == 2 and not is_near(s, FURNACE):
        return PLACE_FURNACE
    return MAKE_PICKAXE + kind if s.pickaxe == kind else MAKE_SWORD + kind


@jit
def settler(s: State, p: Params, m: Search) -> int:
    """Fight what bites, drink, eat and sleep in time, and else gather and make one tool after another."""
    if s.asleep == 1:
        return NOOP
    for way in range(UP, RIGHT + 1):
        if what(s, s.row + DROW[way], s.col + DCOL[way]) > COW:
            return DO if s.facing == way else way
    wanted = -WATER if s.drink < 5 else -COW if s.food < 5 else 0
    if s.energy < 3:
        return SLEEP
    if wanted == 0:
        ahead = what(s, s.row + DROW[s.facing], s.col + DCOL[s.facing])
        if ahead == GRASS and s.collect_sapling == 0:
            return DO
        if s.place_plant == 0 and can(s, PLACE_PLANT):
            return PLACE_PLANT
        if s.place_stone == 0 and s.stone > 1 and can(s, PLACE_STONE):
            return PLACE_STONE
        wanted = wish(s, m)
    action = go(s, m, -wanted) if wanted <= 0 else wanted
    if action >= 0 and can(s, action):
        return action
    return UP + randint(m, 4)
