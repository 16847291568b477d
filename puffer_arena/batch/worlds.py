"""The physics side of a batch: its scenes, its engine, and what the engine finds wrong."""

import numpy as np

from puffer_arena.batch.program import Program
from puffer_arena.batch.table import Table
from puffer_arena.batch.workers.arenas import Arenas, binding_layout, share_rows
from puffer_arena.batch.workers.spans import split
from puffer_arena.core.bodies import check_physics, name_record, physics_fields, tuned_numbers
from puffer_arena.core.fields import Array
from puffer_arena.core.records import FORCES, OUTPUTS
from puffer_arena.engines import Engine, needs_processes, open_engine
from puffer_arena.errors import PhysicsError
from puffer_arena.kernels.tables import (
    BAD_FORCE,
    BRAKED,
    ENTERS,
    FAULTS,
    FINE,
    LOST,
    RESTS,
    UNDRIVEN,
    UNMOVED,
    UNTUNED,
    Rows,
    WorldRows,
)
from puffer_arena.kernels.world import STRONGEST

MOVED = {"pymunk": "body2d", "panda3d": "body3d"}  # the kind of what an engine moves


class Worlds:
    """The scenes of a table's rows and the engine that moves them.

    Args:
        table: whose rows move into shared memory where worker processes step them.
        program: the environment's kernels.
        threads: of the batch; as many processes where the engine needs them.

    Attributes:
        rows: what kernels take: the table's rows, and records that bind them to their scenes.
        fused: the kernels contain the engine.
    """

    def __init__(self, table: Table, program: Program, threads: int) -> None:
        env, values, num_envs = table.env, table.values, table.num_envs
        self._env, self.fused = env, bool(program.engine_parts)
        spans = split(num_envs, threads if needs_processes(env) else 1)
        self._engine: Engine
        self.rows: WorldRows
        if len(spans) > 1:
            memory, self.rows = share_rows(env, values, table.rows)
            table.rows = Rows(*self.rows[: len(Rows._fields)])
            self._engine = Arenas(env, table.env_id, self.rows, values, memory, spans)
        else:
            binding = binding_layout(env, table.rows.states.dtype, num_envs)
            self.rows = WorldRows(*table.rows, *(np.zeros(shape, dtype) for shape, dtype in binding.values()))
            self._engine = open_engine(env, self.rows, values, program.enter if self.fused else None)

    def check_process(self) -> None:
        """Refuse the process that may not touch these rows: a fork, where worker processes share them."""
        if isinstance(self._engine, Arenas):
            self._engine.check_process()

    def prepare(self) -> None:
        """Have the scenes ready that the next resets need."""
        self._engine.prepare()

    def move(self) -> None:
        """Move the bodies, where the kernels do not."""
        self._engine.move()

    def settle(self) -> None:
        """Finish a step or a reset: take over rows that began anew, and say what is wrong."""
        if not self.fused:
            self._enter()
        self._find_faults()

    def _enter(self) -> None:
        stages = self.rows.scenes["stage"]
        if (stages == ENTERS).any():
            self._engine.enter()
            stages[:] = RESTS

    def adopt(self, which: Array) -> None:
        """Take over rows written from outside."""
        scenes = self.rows.scenes
        check_physics(self.rows.states[which], self._env.state)
        for i in np.flatnonzero(which):
            self._engine.fit(int(i))
        scenes["fault"][which] = FINE  # of a step whose rules raised an error in plain Python
        scenes["stage"] = np.where(which, ENTERS, RESTS)
        self._enter()
        self._find_faults()

    def close(self) -> None:
        """Free the scenes."""
        self._engine.close()

    def _find_faults(self) -> None:
        faults = self.rows.scenes["fault"]
        if not faults.any():
            return
        kinds = faults.copy()
        faults[:] = FINE
        for i in np.flatnonzero(kinds == LOST):
            self._engine.mend(int(i))
        for i in np.flatnonzero((kinds != FINE) & (kinds != LOST)):
            raise PhysicsError(self._describe(int(i), int(kinds[i])))

    def _describe(self, i: int, fault: int) -> str:
        """Say what the rules wrote into row `i` that the engine can do nothing with."""
        row, kind, index = self.rows.states[i], fault % FAULTS, fault // FAULTS
        said = self._unusable(row, kind == BAD_FORCE)
        if kind == UNMOVED:
            body = name_record(self._env.state, row.dtype, MOVED[str(self._env.engine)], index)
            said = (
                f"the rules wrote a force or velocity into {body}, a static or kinematic body, which neither moves; "
                + ("set its velocity" if self._env.engine == "pymunk" else "move its pose")
                + ", or give it a mass in build"
            )
        elif kind == UNTUNED:
            name, k, part = tuned_numbers(self._env.state, row.dtype)[index]
            value = np.atleast_1d(row[name]).reshape(-1)[k][part]
            said = f"the rules wrote State.{name}.{part} = {value}: {allowed(part)}"
        elif kind == BRAKED:
            wheel = name_record(self._env.state, row.dtype, "wheel3d", index)
            said = f"the rules wrote both force and brake into {wheel}; Bullet brakes only a wheel that no force drives"
        elif kind == UNDRIVEN:
            joint = name_record(self._env.state, row.dtype, "joint2d", index)
            said = f"the rules wrote {joint}.target, but a joint of its class has none; see docs/authoring.md"
        on = "; its step count and the other rows went on" if row["step_count"] else ""
        return (
            f"environment '{self._env.name}': in row {i}, step {row['step_count']}, {said}.  "
            f"The row's bodies were not moved{on}"
        )

    def _unusable(self, row: Array, force: bool) -> str:
        """Name the first number of a row that no engine can work with."""
        culprits = []
        for name, field in physics_fields(self._env.state).items():
            forces, outputs = FORCES.get(field.kind, ()), OUTPUTS.get(field.kind, ())
            for part in np.dtype(field.dtype).names or ():
                values = np.atleast_1d(row[name][part])
                wrong = ~(np.abs(values) < (STRONGEST if force else 1e300))
                if (part in forces) == force and part not in outputs and wrong.any():
                    culprits.append(f"State.{name}.{part} = {values[wrong][0]}")
        culprit = culprits[0] if culprits else "a pose, an edge or a joint"
        return (
            f"{'act' if force else 'the rules'} wrote {culprit}; forces must be finite and below {STRONGEST:g}, "
            "poses and speeds inside the world"
        )


def allowed(part: str) -> str:
    """Say which values a number of `TUNED` may have."""
    if part in ("mass", "moment"):
        return "it must be finite and above 0"
    if part.startswith("scale"):
        return "it must be finite and above 0, and a circle's scales must be equal"
    if part in ("friction", "elasticity"):
        return "it must be finite and not negative"
    return "it must be finite, and one that a joint of this class has; stiffness and damping are not negative"
