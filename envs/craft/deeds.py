"""What the player's actions do in a world of craft."""

from puffer_arena.core import jit, randint
from puffer_arena.envs.craft.state import (
    COAL,
    COW,
    DAMAGE,
    DCOL,
    DIAMOND,
    DO,
    DROW,
    FURNACE,
    GRASS,
    IRON,
    LAVA,
    MAKE_PICKAXE,
    MAKE_SWORD,
    MOST,
    PATH,
    PLACE_FURNACE,
    PLACE_PLANT,
    PLACE_STONE,
    PLACE_TABLE,
    PLANT,
    RIGHT,
    RIPE,
    SLEEP,
    STONE,
    TABLE,
    TREE,
    UP,
    WATER,
    ZOMBIE,
    Params,
    State,
    is_open,
    what,
)


@jit
def act(s: State, p: Params, action: int) -> None:
    if UP <= action <= RIGHT:
        s.facing = action
        row, col = s.row + DROW[action], s.col + DCOL[action]
        if is_open(s, row, col):
            s.row, s.col = row, col
            if s.board[row, col] == LAVA:
                s.hurt += s.health
        return
    if action == SLEEP:
        s.asleep = 1 if s.energy < MOST else 0
        return
    row, col = s.row + DROW[s.facing], s.col + DCOL[s.facing]
    if action == DO:
        s.did = what(s, row, col)
        gather(s, row, col)
    elif action == PLACE_STONE:
        s.board[row, col] = STONE
        s.stone, s.place_stone = s.stone - 1, 1
    elif action == PLACE_TABLE:
        s.board[row, col] = TABLE
        s.wood, s.place_table = s.wood - 1, 1
    elif action == PLACE_FURNACE:
        s.board[row, col] = FURNACE
        s.stone, s.place_furnace = s.stone - 1, 1
    elif action == PLACE_PLANT:
        s.board[row, col] = PLANT
        s.sapling, s.place_plant = s.sapling - 1, 1
    elif action >= MAKE_PICKAXE:
        make(s, action)


@jit
def gather(s: State, row: int, col: int) -> None:
    """Do what can be done with the cell ahead."""
    if s.did >= COW:
        hit(s, s.who[row, col] - 1)
    elif s.did == TREE:
        s.wood, s.collect_wood = min(s.wood + 1, MOST), 1
    elif s.did == WATER:
        s.drink, s.collect_drink = min(s.drink + 1, MOST), 1
    elif s.did == GRASS:
        if randint(s, 10) == 0:
            s.sapling, s.collect_sapling = min(s.sapling + 1, MOST), 1
    elif s.did == RIPE:
        s.board[row, col] = PLANT
        s.food, s.eat_plant = min(s.food + 4, MOST), 1
    elif s.did == STONE and s.pickaxe >= 1:
        s.board[row, col] = PATH
        s.stone, s.collect_stone = min(s.stone + 1, MOST), 1
    elif s.did == COAL and s.pickaxe >= 1:
        s.board[row, col] = PATH
        s.coal, s.collect_coal = min(s.coal + 1, MOST), 1
    elif s.did == IRON and s.pickaxe >= 2:
        s.board[row, col] = PATH
        s.iron, s.collect_iron = min(s.iron + 1, MOST), 1
    elif s.did == DIAMOND and s.pickaxe >= 3:
        s.board[row, col] = PATH
        s.diamond, s.collect_diamond = min(s.diamond + 1, MOST), 1


@jit
def hit(s: State, k: int) -> None:
    s.mob_health[k] -= DAMAGE[s.sword]
    if s.mob_health[k] > 0:
        return
    if s.mob_kind[k] == COW:
        s.food, s.eat_cow = min(s.food + 6, MOST), 1
    elif s.mob_kind[k] == ZOMBIE:
        s.defeat_zombie = 1
    else:
        s.defeat_skeleton = 1
    s.who[s.mob_row[k], s.mob_col[k]] = 0
    s.mob_kind[k] = 0


@jit
def make(s: State, action: int) -> None:
    kind = (action - MAKE_PICKAXE) % 3
    s.wood -= 1
    s.stone -= kind == 1
    s.coal -= kind == 2
    s.iron -= kind == 2
    if action < MAKE_SWORD:
        s.pickaxe = max(s.pickaxe, kind + 1)
        s.make_wood_pickaxe |= kind == 0
        s.make_stone_pickaxe |= kind == 1
        s.make_iron_pickaxe |= kind == 2
    else:
        s.sword = max(s.sword, kind + 1)
        s.make_wood_sword |= kind == 0
        s.make_stone_sword |= kind == 1
        s.make_iron_sword |= kind == 2
