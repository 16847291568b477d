"""The pilot of walker: a person says where to and how fast, and it takes the steps."""

import math

from puffer_arena.core import Array, jit
from puffer_arena.envs.walker.bot import Gait, knee
from puffer_arena.envs.walker.state import LEG_LENGTH, TIME_STEP, Params, State

WALK, HURRY = range(2)  # what the pilot is told: ahead 1, back -1; and to run, up to 1
# The gains below are those of a random search with which it fell least and went farthest as told.
SHORTEST, LONGEST = 0.04, 0.12  # s, of a step
SPEED, FASTER = 1.8, 1.6  # m/s, and what hurry adds
SWING, LONGER = 0.34, 0.25  # rad, of the swinging thigh, and what hurry adds
BENT, LANDING, STANDING, PUSHING = -0.46, 0.17, 0.54, 0.7  # the knees, as `knee` counts them
WAY_RATE, HURRY_RATE = 2.0, 0.6  # 1/s: who stops at once falls
LEAN = 0.18  # rad, of the hull, on the way


@jit
def steer(s: State, p: Params, wanted: Array, gait: Gait, action: Array) -> None:
    """Set one foot before the other, the farther the faster the hull is and the farther from the standing foot.

    That keeps balance: the feedback of SIMBICON, Yin, Loken and van de Panne 2007, doi 10.1145/1276377.1276509.
    """
    running = max(wanted[HURRY], 0.0)
    walk = max(wanted[WALK], running) if running > 0.0 else wanted[WALK]
    aimed = (2.0 if walk > 0.0 else 1.2) * walk - 1.0  # with these gains it stays where it is at -1
    gait.way += min(max(aimed - gait.way, -WAY_RATE * TIME_STEP), WAY_RATE * TIME_STEP)
    gait.hurry += min(max(running - gait.hurry, -HURRY_RATE * TIME_STEP), HURRY_RATE * TIME_STEP)
    way, hurry = gait.way, gait.hurry
    swinging = gait.swinging
    gait.time += TIME_STEP
    if (gait.time > SHORTEST and s.feet[swinging].touching) or gait.time > LONGEST:
        gait.swinging, gait.time = 1 - swinging, 0.0
        swinging = gait.swinging
    standing = s.shins[1 - swinging]
    ahead = s.hull.x - standing.x - 0.5 * LEG_LENGTH * math.sin(standing.angle)  # of the standing foot
    aim = 0.17 + way * (SWING + LONGER * hurry) + 0.16 * ahead
    aim += 0.3 * (s.hull.vx - way * (SPEED + FASTER * hurry))
    for leg in range(2):
        thigh, shin = s.thighs[leg], s.shins[leg]
        if leg == swinging:
            hip = 2.08 * (aim - thigh.angle) - 0.16 * thigh.spin
            bent = BENT if gait.time < 0.5 * SHORTEST else LANDING
        else:
            hip = 1.07 * (s.hull.angle - 0.09 - LEAN * way) + 0.43 * s.hull.spin
            bent = PUSHING if ahead * way > 0.2 else STANDING
        stretch = 2.0 * (bent - knee(s, leg)) - 0.05 * (shin.spin - thigh.spin)
        action[2 * leg] = min(1.0, max(-1.0, hip))
        action[2 * leg + 1] = min(1.0, max(-1.0, stretch))
