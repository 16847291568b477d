"""What a row of swarm holds, and the numbers that its rules share."""

from dataclasses import dataclass

from puffer_arena.core import Array, Header, f64, i32, labels_of, param

TAU = 1 / 15  # seconds of one step
X, Y = 8.0, 4.5  # half the pool, m
SWIMMER, FOOD, POISON, ROCK = 0.3, 0.42, 0.26, 1.1  # radii, m
RAYS = 16
WALL_SEEN, FOOD_SEEN, POISON_SEEN, MATE_SEEN = range(4)  # kinds of things, as each ray has them
LABELS = (
    *("velocity x", "velocity y", "at food", "mates"),
    *labels_of("ray", RAYS, ("wall", "food", "poison", "mate")),
)


@dataclass(frozen=True)
class Params:
    swimmers: int = param(5, 2, 16, "who forage")
    food: int = param(5, 1, 16, "pieces of food")
    poison: int = param(8, 1, 16, "pieces of poison")
    together: int = param(2, 1, 4, "swimmers that a piece of food takes")
    sight: float = param(4.0, 1.0, 9.0, "length of the rays, m")
    thrust: float = param(6.0, 1.0, 12.0, "acceleration, m/s²")
    drag: float = param(1.5, 0.2, 5.0, "share of the velocity lost each second")
    current: float = param(0.6, 0.0, 2.0, "speed at which food and poison drift, m/s", at_reset=True)
    reward_food: float = param(1.0, 0.0, 10.0, "for food eaten, to each who did")
    reward_touch: float = param(0.01, 0.0, 0.1, "for a step at food")
    reward_poison: float = param(-0.5, -10.0, 0.0, "for poison")
    reward_thrust: float = param(-0.005, -0.1, 0.0, "for a step at full thrust along one axis")
    goal: int = param(20, 1, 1000, "pieces of food that a good day brings")
    max_steps: int = param(500, 20, 100_000, "steps before the episode is truncated")


class State(Header):
    swimmers: Array = f64("swimmers", 4)  # x, y and velocity
    food: Array = f64("food", 4)
    poison: Array = f64("poison", 4)
    rock: Array = f64(2)
    at_food: Array = i32("swimmers")  # 1 who touches food
    glows: Array = f64("swimmers")  # 1 after a meal, below 0 after poison, and fading: for the picture
    eaten: int = i32()  # pieces
    swallowed: int = i32()  # of poison
    fed: int = i32()  # 1 once `goal` pieces are eaten
    cost: Array  # a signal: the kernels keep it
