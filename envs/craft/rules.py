"""What a step of craft does."""

from typing import Any

from puffer_arena.core import Array, jit, randint, random_bits
from puffer_arena.envs.craft.deeds import act
from puffer_arena.envs.craft.state import (
    COLS,
    DOWN,
    GRASS,
    LAVA,
    MOBS,
    MOST,
    OUT,
    ROWS,
    Params,
    State,
    can,
    light,
    what,
)
from puffer_arena.envs.craft.world import come, roam, terrain

TIME_UP, BURNT, BITTEN, STARVED, PARCHED, WORN = range(6)  # endings


@jit
def reset(s: State, p: Params) -> None:
    for layer in range(3):
        for row in range(s.noise.shape[1]):
            for col in range(s.noise.shape[1]):
                s.noise[layer, row, col] = random_bits(s) & 255
    bits = 0
    for row in range(len(s.board)):
        for col in range(len(s.board)):
            bits = random_bits(s) if col % 4 == 0 else bits >> 8
            s.board[row, col] = terrain(s, p, row, col, bits) if row < p.size and col < p.size else OUT
            s.who[row, col] = 0
    s.row = s.col = s.from_row = s.from_col = p.size // 2
    s.board[s.row, s.col] = GRASS
    s.facing, s.asleep, s.hurt, s.did = DOWN, 0, 0, 0
    s.health = s.food = s.drink = s.energy = MOST
    s.sapling = s.wood = s.stone = s.coal = s.iron = s.diamond = s.pickaxe = s.sword = s.achieved = 0
    s.collect_wood = s.collect_sapling = s.collect_drink = s.collect_stone = s.collect_coal = s.collect_iron = 0
    s.collect_diamond = s.place_table = s.place_furnace = s.place_stone = s.place_plant = 0
    s.make_wood_pickaxe = s.make_stone_pickaxe = s.make_iron_pickaxe = 0
    s.make_wood_sword = s.make_stone_sword = s.make_iron_sword = 0
    s.eat_cow = s.eat_plant = s.defeat_zombie = s.defeat_skeleton = s.wake_up = 0
    for k in range(MOBS):
        s.mob_kind[k] = s.mob_row[k] = s.mob_col[k] = s.mob_health[k] = s.mob_rest[k] = 0
        s.mob_from_row[k] = s.mob_from_col[k] = 0
    for _ in range(24):
        come(s, p, 4 + randint(s, 8), False)


@jit
def count(s: State) -> int:
    """Return how many achievements there are so far."""
    gathered = s.collect_wood + s.collect_sapling + s.collect_drink + s.collect_stone + s.collect_coal
    gathered += s.collect_iron + s.collect_diamond + s.eat_cow + s.eat_plant
    placed = s.place_table + s.place_furnace + s.place_stone + s.place_plant
    made = s.make_wood_pickaxe + s.make_stone_pickaxe + s.make_iron_pickaxe
    made += s.make_wood_sword + s.make_stone_sword + s.make_iron_sword
    total: int = gathered + placed + made + s.defeat_zombie + s.defeat_skeleton + s.wake_up
    return total


@jit
def step(s: State, p: Params, action: int) -> tuple[float, bool, bool]:
    before = s.health
    s.from_row, s.from_col, s.hurt, s.did = s.row, s.col, 0, 0
    if can(s, action):
        act(s, p, action)
    roam(s, p)
    live(s, p)
    s.health = min(max(s.health - s.hurt, 0), MOST)
    s.cost += s.hurt
    new = count(s) - s.achieved
    s.achieved += new
    reward = new + p.reward_health * (s.health - before)
    return reward, s.health == 0, s.step_count >= p.max_steps


@jit
def live(s: State, p: Params) -> None:
    """Let hunger, thirst, weariness and sleep take their course, and health follow them."""
    t = s.step_count
    if t % p.hunger == 0:
        s.food, s.drink = max(s.food - 1, 0), max(s.drink - (t // p.hunger % 4 > 0), 0)
    if s.asleep == 0 and t % (2 * p.hunger) == 0:
        s.energy = max(s.energy - 1, 0)
    if s.asleep == 1:
        s.energy = min(s.energy + (t % 4 == 0), MOST)
        if s.hurt > 0 or (s.energy == MOST and light(s, p) > 0.3):
            s.asleep, s.wake_up = 0, max(s.wake_up, 1 if s.hurt == 0 else 0)
    if t % 10 == 0:
        s.health += 1 if min(s.food, s.drink, s.energy) > 0 else -1


@jit
def ending(s: State, p: Params) -> int:
    """Tell what the player died of, or what was achieved when time was up."""
    code = TIME_UP
    if s.health == 0 and s.hurt > 0:
        code = BURNT if s.board[s.row, s.col] == LAVA else BITTEN
    elif s.health == 0:
        code = STARVED if s.food == 0 else PARCHED if s.drink == 0 else WORN
    return code + 6 * s.achieved


@jit
def observe(s: State, p: Params, obs: Any) -> None:
    for row in range(ROWS):
        for col in range(COLS):
            obs.map[row, col] = what(s, s.row + row - ROWS // 2, s.col + col - COLS // 2)
    mine = (s.health, s.food, s.drink, s.energy, s.sapling, s.wood, s.stone, s.coal, s.iron, s.diamond)
    for k in range(10):
        obs.self[k] = min(max(mine[k], 0), MOST) / MOST
    obs.self[10], obs.self[11] = s.pickaxe / 3.0, s.sword / 3.0
    obs.self[12], obs.self[13] = light(s, p), s.asleep
    for way in range(4):
        obs.self[14 + way] = 1.0 if s.facing == way + 1 else 0.0
    obs.self[18] = min(1.0, s.step_count / p.max_steps)


@jit
def mask_actions(s: State, p: Params, mask: Array) -> None:
    for action in range(17):
        mask[action] = can(s, action)
