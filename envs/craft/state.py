"""Craft's numbers: what cells, actions and a row are, and what rules ask of them."""

from dataclasses import dataclass

from puffer_arena.core import Array, Header, i8, i32, jit, param

OUT, WATER, SAND, GRASS, TREE, PATH, STONE, COAL, IRON, DIAMOND, LAVA, TABLE, FURNACE, PLANT, RIPE = range(15)
COW, ZOMBIE, SKELETON = 15, 16, 17
NOOP, UP, DOWN, LEFT, RIGHT, DO, SLEEP, PLACE_STONE, PLACE_TABLE, PLACE_FURNACE, PLACE_PLANT = range(11)
MAKE_PICKAXE, MAKE_SWORD = 11, 14  # of wood; those of stone and iron follow
DROW = (0, -1, 1, 0, 0)
DCOL = (0, 0, 0, -1, 1)
ROWS, COLS = 7, 9  # in sight
MOBS = 10
MOST = 9  # of anything one has
GRID = 8  # cells between two points of the noise
DAMAGE = (1, 2, 3, 5)  # by sword: none, wood, stone, iron


@dataclass(frozen=True)
class Params:
    size: int = param(32, 16, 48, "rows and columns of the world")
    day: int = param(300, 50, 1000, "steps of a day and a night")
    zombies: float = param(0.5, 0.0, 1.0, "chance that a free place at night has one come up")
    hunger: int = param(25, 10, 200, "steps in which food, drink or energy goes down by one, about")
    reward_health: float = param(0.1, 0.0, 1.0, "for a point of health")
    max_steps: int = param(1000, 10, 10_000, "steps before the episode is truncated")

    @property
    def cells(self) -> int:
        return self.size * self.size

    @property
    def points(self) -> int:
        return self.size // GRID + 2


class State(Header):
    cost: float
    row: int = i32(below="size")
    col: int = i32(below="size")
    from_row: int = i32(below="size")  # before the last step
    from_col: int = i32(below="size")
    facing: int = i32(below=5)
    asleep: int = i32(below=2)
    hurt: int = i32()  # health lost in the last step
    did: int = i32()  # what the last DO met, or 0
    health: int = i32()
    food: int = i32()
    drink: int = i32()
    energy: int = i32()
    sapling: int = i32()
    wood: int = i32()
    stone: int = i32()
    coal: int = i32()
    iron: int = i32()
    diamond: int = i32()
    pickaxe: int = i32(below=4)  # none, wood, stone, iron
    sword: int = i32(below=4)
    achieved: int = i32()  # how many of what follows
    collect_wood: int = i32()
    collect_sapling: int = i32()
    collect_drink: int = i32()
    collect_stone: int = i32()
    collect_coal: int = i32()
    collect_iron: int = i32()
    collect_diamond: int = i32()
    place_table: int = i32()
    place_furnace: int = i32()
    place_stone: int = i32()
    place_plant: int = i32()
    make_wood_pickaxe: int = i32()
    make_stone_pickaxe: int = i32()
    make_iron_pickaxe: int = i32()
    make_wood_sword: int = i32()
    make_stone_sword: int = i32()
    make_iron_sword: int = i32()
    eat_cow: int = i32()
    eat_plant: int = i32()
    defeat_zombie: int = i32()
    defeat_skeleton: int = i32()
    wake_up: int = i32()
    mob_kind: Array = i32(MOBS, below=SKELETON + 1)  # COW, ZOMBIE, SKELETON, or 0 where the slot is free
    mob_row: Array = i32(MOBS, below="size")
    mob_col: Array = i32(MOBS, below="size")
    mob_from_row: Array = i32(MOBS, below="size")
    mob_from_col: Array = i32(MOBS, below="size")
    mob_health: Array = i32(MOBS)
    mob_rest: Array = i32(MOBS)  # steps until it bites again
    board: Array = i8("size", "size", below=COW)  # beyond p.size all is OUT
    who: Array = i8("size", "size", below=MOBS + 1)  # slot of the creature there, plus 1
    noise: Array = i32(3, "points", "points")  # in hand while a world is made


@jit
def what(s: State, row: int, col: int) -> int:
    """Return what is in a cell, creatures first."""
    if not (0 <= row < len(s.board) and 0 <= col < len(s.board)):
        return OUT
    code: int = s.board[row, col]
    if s.who[row, col] > 0:
        code = s.mob_kind[s.who[row, col] - 1]
    return code


@jit
def is_open(s: State, row: int, col: int) -> bool:
    """Tell whether the player can stand in a cell."""
    return what(s, row, col) in (SAND, GRASS, PATH, LAVA) and not (row == s.row and col == s.col)


@jit
def light(s: State, p: Params) -> float:
    """Return daylight, 0 to 1; the day begins in the morning, and its last two fifths are dusk, night and dawn."""
    phase = (s.step_count % p.day) / p.day
    return 1.0 - min(max(2.0 - abs(phase - 0.8) / 0.1, 0.0), 1.0)


@jit
def is_near(s: State, code: int) -> bool:
    for row in range(max(s.row - 3, 0), min(s.row + 4, len(s.board))):
        for col in range(max(s.col - 3, 0), min(s.col + 4, len(s.board))):
            if s.board[row, col] == code:
                return True
    return False


@jit
def can(s: State, action: int) -> bool:
    """Tell whether something can be placed or made; anything else can be tried."""
    if s.asleep == 1:
        return action == NOOP
    if action < PLACE_STONE:
        return True
    ahead = what(s, s.row + DROW[s.facing], s.col + DCOL[s.facing])
    if action == PLACE_STONE:
        return s.stone > 0 and (ahead in (WATER, SAND, GRASS, PATH, LAVA))
    if action == PLACE_PLANT:
        return s.sapling > 0 and ahead == GRASS
    if action == PLACE_TABLE:
        return s.wood > 0 and ahead in (SAND, GRASS, PATH)
    if action == PLACE_FURNACE:
        return s.stone > 0 and ahead in (SAND, GRASS, PATH) and is_near(s, TABLE)
    kind = (action - MAKE_PICKAXE) % 3  # wood, stone, iron
    if s.wood < 1 or (kind == 1 and s.stone < 1) or (kind == 2 and min(s.coal, s.iron) < 1):
        return False
    return is_near(s, TABLE) and (kind < 2 or is_near(s, FURNACE))
