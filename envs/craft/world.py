"""What a new world is made of, and the creatures that come up and roam in it."""

from puffer_arena.core import jit, random_bits
from puffer_arena.envs.craft.state import (
    COAL,
    COW,
    DCOL,
    DIAMOND,
    DOWN,
    DROW,
    GRASS,
    GRID,
    IRON,
    LAVA,
    LEFT,
    MOBS,
    PATH,
    PLANT,
    RIGHT,
    RIPE,
    SAND,
    SKELETON,
    STONE,
    TREE,
    UP,
    WATER,
    ZOMBIE,
    Params,
    State,
    light,
    what,
)


@jit
def level_of(s: State, layer: int, row: int, col: int) -> int:
    """Return smooth noise, 0 to 255: what lies between the four points around a cell."""
    top, left, down, right = row // GRID, col // GRID, row % GRID, col % GRID
    above = s.noise[layer, top, left] * (GRID - right) + s.noise[layer, top, left + 1] * right
    below = s.noise[layer, top + 1, left] * (GRID - right) + s.noise[layer, top + 1, left + 1] * right
    level: int = (above * (GRID - down) + below * down) // (GRID * GRID)
    return level


@jit
def terrain(s: State, p: Params, row: int, col: int, bits: int) -> int:
    """Return what a cell of a new world is; `bits` are its own random ones."""
    middle = max(abs(row - p.size // 2), abs(col - p.size // 2))  # steps from where the player begins
    calm = max(60 - 15 * middle, 0)
    height, rough, caves = level_of(s, 0, row, col), level_of(s, 1, row, col), level_of(s, 2, row, col)
    chance = bits & 255
    if height + calm < 84:
        return WATER
    if height + calm < 94:
        return SAND
    if rough - calm > 138:
        if caves > 150 or chance < 10:
            return LAVA if rough > 190 and chance > 225 else PATH
        if rough > 158 and chance > 249:
            return DIAMOND
        if rough > 148 and chance > 236:
            return IRON
        return COAL if chance < 32 else STONE
    return TREE if middle > 1 and caves < 118 and chance < 110 else GRASS


@jit
def come(s: State, p: Params, far: int, ripens: bool) -> None:
    """Look at a cell near the player: a creature may come up there, or a plant ripen."""
    bits = random_bits(s)
    row = min(max(s.row + (bits & 15) - 7, 0), p.size - 1)
    col = min(max(s.col + (bits >> 4 & 15) - 7, 0), p.size - 1)
    chance = (bits >> 8 & 1023) / 1024.0
    code = what(s, row, col)
    if ripens and code == PLANT:
        s.board[row, col] = RIPE
    if abs(row - s.row) + abs(col - s.col) < 4:
        return
    kind, health = 0, 3
    if code == PATH and chance < 0.15:
        kind = SKELETON
    elif code == GRASS and chance < 0.15 * p.zombies * (1.1 - light(s, p)):
        kind, health = ZOMBIE, 5
    elif code == GRASS and chance > (0.97 if ripens else 0.5):
        kind = COW
    for k in range(MOBS):
        if kind > 0 and s.mob_kind[k] == 0 and (kind > COW or k < MOBS // 2):
            s.mob_kind[k], s.mob_health[k], s.mob_rest[k] = kind, health, 2
            s.mob_row[k] = s.mob_from_row[k] = row
            s.mob_col[k] = s.mob_from_col[k] = col
            s.who[row, col] = k + 1
            return


@jit
def roam(s: State, p: Params) -> None:
    """Move creatures, let them bite, and let others come."""
    bits = random_bits(s)
    come(s, p, bits >> 8 & 7, True)
    for k in range(MOBS):
        s.mob_from_row[k], s.mob_from_col[k] = s.mob_row[k], s.mob_col[k]
        if s.mob_kind[k] == 0:
            continue
        bits = bits >> 3 | (bits & 7) << 29  # three bits for each
        down, across = s.row - s.mob_row[k], s.col - s.mob_col[k]
        away = abs(down) + abs(across)
        if away > 16:
            s.who[s.mob_row[k], s.mob_col[k]] = 0
            s.mob_kind[k] = 0
            continue
        way = 1 + (bits & 3)
        s.mob_rest[k] = max(s.mob_rest[k] - 1, 0)
        if s.mob_kind[k] > COW and away == 1:
            if s.mob_rest[k] == 0:
                s.hurt += 4 if s.asleep == 1 else 2 if s.mob_kind[k] == ZOMBIE else 1
                s.mob_rest[k] = 5
            continue
        if s.mob_kind[k] > COW and away < 8 and bits & 7 > 1:
            way = (DOWN if down > 0 else UP) if abs(down) >= abs(across) else (RIGHT if across > 0 else LEFT)
        elif bits & 4:
            continue
        row, col = s.mob_row[k] + DROW[way], s.mob_col[k] + DCOL[way]
        code = what(s, row, col)
        stays = code == PATH if s.mob_kind[k] == SKELETON else code in (GRASS, SAND)
        if stays and not (row == s.row and col == s.col):
            s.who[s.mob_row[k], s.mob_col[k]] = 0
            s.mob_row[k], s.mob_col[k] = row, col
            s.who[row, col] = k + 1
