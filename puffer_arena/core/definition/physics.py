"""Which of the engines moves an environment's bodies, and with what."""

import inspect
from typing import Any

from puffer_arena.core.bodies import physics_fields
from puffer_arena.errors import suggest
from puffer_arena.machine.compile import is_jit

ENGINES = {
    "pymunk": (
        *("body2d", "joint2d", "touch2d", "segment2d", "ray2d", "contact2d"),
        *("one_way2d", "mass2d", "shape2d", "frame2d"),
    ),
    "panda3d": ("body3d", "touch3d", "ray3d", "contact3d", "joint3d", "wheel3d"),
}


def check_engine(env: Any) -> None:
    """Check that the definition is either one of rules only or one of physics."""
    declared = physics_fields(env.state)
    if env.engine is None:
        if env.step is None or declared:
            missing = f"State.{next(iter(declared))} is physics" if declared else "there is no step"
            raise env.error("step", f"{missing}; give step=..., or engine=..., build=..., act=... and judge=...")
        return
    if env.engine not in ENGINES:
        raise env.error("engine", f"unknown engine '{env.engine}'; {suggest(env.engine, ENGINES)}")
    for role, rule, takes in (("draw3d", env.draw3d, "canvas"), ("camera", env.camera, "view")):
        if rule is not None and (is_jit(rule) or len(inspect.signature(rule).parameters) != 3):
            raise env.error(role, f"must be a plain function, not @jit, that takes (s, p, {takes})")
        if rule is not None and env.engine != "panda3d":
            raise env.error(role, "is of worlds in space; 'pymunk' has draw alone")
    if env.step is not None:
        raise env.error("step", "a physics environment has act and judge instead; leave step out")
    if env.build is None or is_jit(env.build) or list(inspect.signature(env.build).parameters) != ["world", "p"]:
        raise env.error("build", "must be a plain function, not @jit, that takes (world, p)")
    wrong = [name for name, field in declared.items() if field.kind not in ENGINES[env.engine]]
    if wrong or not physics_fields(env.state, ENGINES[env.engine][0]):
        at = f"State.{wrong[0]} is none" if wrong else "State declares none"
        raise env.error("engine", f"{at}; '{env.engine}' moves {', '.join(ENGINES[env.engine])}")
    if not (isinstance(env.substeps, int) and env.substeps >= 1 and 1e-6 <= env.time_step <= 1.0):
        raise env.error(
            "time_step",
            f"time_step = {env.time_step}, substeps = {env.substeps}; allowed: 1e-6 to 1 second, in 1 or more",
        )
