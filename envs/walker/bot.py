"""The scripted gait of walker."""

from puffer_arena.core import Array, Memory, f64, i32, jit
from puffer_arena.envs.walker.state import Params, State

SWING, LOWER, PUSH_OFF = range(3)  # phases of the bot's gait
PACE, STRAIGHT = 0.29, 0.1  # of the bot: speed as observed, and the standing knee


class Gait(Memory):
    """How far a walk has come: the bot's, or the pilot's."""

    phase: int = i32(below=3)
    swinging: int = i32(below=2)  # the leg in the air
    bend: float = f64()  # how far the standing leg's knee is from STRAIGHT
    time: float = f64()  # of the pilot, since the legs changed, s
    way: float = f64()  # where to, and how fast, the pilot walks
    hurry: float = f64()


@jit
def knee(s: State, leg: int) -> float:
    """Return how far a knee is stretched: 1 is straight."""
    angle: float = s.shins[leg].angle - s.thighs[leg].angle + 1.0
    return angle


@jit
def keep_pace(s: State, gait: Gait) -> None:
    """Tell the gait of `stride` on: swing a leg ahead, put it down, push off with the other, change legs."""
    swinging, standing = gait.swinging, 1 - gait.swinging
    if gait.phase == SWING:
        gait.bend = max(0.0, gait.bend - (0.06 if 0.12 * s.hull.vx > PACE else 0.03))
        if s.thighs[standing].angle - s.hull.angle < 0.1:
            gait.phase = LOWER
    elif gait.phase == LOWER:
        if s.feet[swinging].touching:
            gait.phase = PUSH_OFF
            gait.bend = max(0.0, STRAIGHT - knee(s, swinging))
    elif knee(s, standing) > 0.88 or 0.12 * s.hull.vx > 1.2 * PACE:
        gait.phase, gait.swinging = SWING, standing


@jit
def stride(s: State, p: Params, gait: Gait, action: Array) -> None:
    """Walk by the phases of `keep_pace`, each with its aims for the joints, and keep the hull upright and level."""
    if s.step_count > 0:
        keep_pace(s, gait)
    for leg in range(2):
        hip = s.thighs[leg].angle - s.hull.angle
        hip_torque, knee_aim = 0.0, STRAIGHT - gait.bend
        if leg == gait.swinging:
            if gait.phase != PUSH_OFF:
                aim = 1.1 if gait.phase == SWING else 0.1
                hip_torque = 0.9 * (aim - hip) - 0.06 * (s.thighs[leg].spin - s.hull.spin)
                knee_aim = -0.6 if gait.phase == SWING else STRAIGHT
        elif gait.phase == PUSH_OFF:
            knee_aim = 1.0
        hip_torque += 1.4 * s.hull.angle + 0.15 * s.hull.spin
        knee_torque = 4.0 * (knee_aim - knee(s, leg)) - 0.04 * (s.shins[leg].spin - s.thighs[leg].spin)
        knee_torque -= 1.2 * s.hull.vy
        action[2 * leg] = min(1.0, max(-1.0, 0.5 * hip_torque))
        action[2 * leg + 1] = min(1.0, max(-1.0, 0.5 * knee_torque))
