"""The panda3d engine: one Bullet world an arena, without ShowBase, window or display.

Bullet keeps more in a used world than its bodies' poses, so after a reset `build` is called again and puts a new world
in the old one's place: exact whatever was there before, for 0.1 to 0.2 ms, since a new world sets up 4 MB.  That is done
when the row first moves, so that processes which step rows side by side wait for each other once a step.  Panda's calls
share one lock, so threads do not help: a batch's rows are spread over worker processes instead (`batch.processes`).
"""

import functools
from typing import TYPE_CHECKING, Any

import numpy as np

from puffer_arena.core.env import Env
from puffer_arena.core.records import POSE_3D
from puffer_arena.engines.bullet.loops import DUE, MADE, PLACE, RENEW, STEP, kernels
from puffer_arena.engines.scene import SceneParams, scene_params
from puffer_arena.errors import MissingExtra, require
from puffer_arena.kernels.tables import LOST, WorldRows

if TYPE_CHECKING:
    from puffer_arena.engines.bullet.arena import Arena

OLDEST, TOO_NEW = (1, 10, 13), (1, 12)
KEPT_PARAMS = 1024  # Params and the poses they build, kept for the next resets; a curriculum may draw new for ever
# A process without a graphics engine never collects Panda's cached transforms: one would stay for every move.
SETTINGS = "transform-cache 0\ngarbage-collect-states 0"


def compiled_parts() -> dict[str, Any]:
    """Return nothing: Bullet is called between the kernels, from Python."""
    load_panda()
    return {}


def open_engine(env: Env, rows: WorldRows, values: Any, enter: Any) -> "BulletEngine":
    """Return the engine of a batch's rows."""
    load_panda()
    return BulletEngine(env, rows, values)


@functools.cache
def load_panda() -> None:
    """Import panda3d and set it up for worlds without a window.

    Raises:
        MissingExtra: it is not installed, has no Bullet, or is of a version that this engine is not written for.
    """
    core = require("panda3d.core", "world")
    require("panda3d.bullet", "world")
    text = core.PandaSystem.get_version_string()
    version = tuple(int(part) for part in text.split(".")[:3] if part.isdigit())
    if not OLDEST <= version < TOO_NEW:
        low, high = (".".join(map(str, bound)) for bound in (OLDEST, TOO_NEW))
        raise MissingExtra(
            f"panda3d {text} is not supported, but {low} to below {high}; install it with: "
            "pip install 'puffer-arena[world]'"
        )
    core.load_prc_file_data("puffer_arena", SETTINGS)


class BulletEngine:
    """Steps one world for every row (see `engines.Engine`)."""

    def __init__(self, env: Env, rows: WorldRows, values: Any) -> None:
        from puffer_arena.engines.bullet.arena import Plan

        self._env, self._rows, self._values = env, rows, values
        self._plan = Plan(env, rows.states)
        self._enter, self._sift, self._settle = kernels()
        n = len(rows.states)
        self._table = rows.states.view(np.float64).reshape(n, -1)
        self._seen = np.zeros((n, len(self._plan.bodies), len(POSE_3D)))
        self._agreed = [row.reshape(-1).view(np.uint8).data for row in self._seen]
        self._bodies = self._plan.bodies // 8  # counted in doubles
        self._tasks = np.zeros(n, np.int64)
        self._known: dict[bytes, Any] = {}
        self._arenas: list[Arena | None] = [None] * n
        # What a step needs of the arenas, side by side: their own attributes leave the cache while others step.
        self._worlds: list[Any] = [None] * n
        self._moving: list[tuple[Any, ...]] = [()] * n
        self._places: list[tuple[int, ...]] = [()] * n
        rows.built[:] = self._make(rows.params[0]).built()
        self._params = SceneParams(env, rows)

    def _make(self, record: Any) -> "Arena":
        """Build a world with the parameters in `record`."""
        from puffer_arena.engines.bullet.arena import Arena

        key = record.tobytes()
        if key in self._known:
            return Arena(self._plan, *self._known[key])
        if len(self._known) >= KEPT_PARAMS:
            self._known.clear()
        p = scene_params(self._env, record, self._values)
        arena = Arena(self._plan, p)
        self._known[key] = (p, arena.poses())
        return arena

    def prepare(self) -> None:
        """Note how the bodies stand in rows whose parameters changed."""
        for i in self._params.changed():
            following = self._rows.following[i]
            self._rows.built[i] = self._make(following).built()
            self._params.note(i, following)

    def fit(self, i: int) -> None:
        """Nothing to do: the world is made from the parameters in force when the row moves."""

    def mend(self, i: int) -> None:
        """Have the world of row `i` made anew from its row, which has its last sound poses back."""
        self._rows.scenes["link"][i] = DUE

    def move(self) -> None:
        """Advance the rows whose stage is MOVES by one step."""
        from puffer_arena.engines.bullet.arena import advance

        plan, size, arenas = self._plan, self._plan.size, self._arenas
        faults, bound = self._rows.scenes["fault"], (self._seen, self._rows.scenes, self._tasks)
        self._sift(self._table, self._bodies, plan.still, *bound)
        for i, task in enumerate(self._tasks.tolist()):
            if task & STEP:
                if task & RENEW:
                    self._renew(i)
                elif task & PLACE:
                    arenas[i].place(i * size, self._agreed[i])  # type: ignore[union-attr]  # a world is made before it is MADE
                if plan.drives and (fault := arenas[i].drive(i * size)):  # type: ignore[union-attr]  # as below
                    faults[i] = fault
                elif not advance(plan, self._worlds[i], self._moving[i], self._places[i], i * size, task):
                    faults[i] = LOST
                elif plan.hears:
                    arenas[i].hear(i * size)  # type: ignore[union-attr]  # as above
        self._settle(self._table, self._bodies, *bound)

    def enter(self) -> None:
        """Note which rows need a new world: those whose stage is ENTERS."""
        self._enter(self._table, self._bodies, self._seen, self._rows.scenes)

    def _renew(self, i: int) -> None:
        """Put a new world in the place of row `i`'s."""
        self._arenas[i] = self._worlds[i] = None  # its memory serves the new one
        self._moving[i] = ()
        self._arenas[i] = arena = self._make(self._rows.params[i])
        self._worlds[i], self._moving[i], self._places[i] = arena.world, arena.moving, arena.places
        arena.place(i * self._plan.size, self._agreed[i])
        self._rows.scenes["link"][i] = MADE

    def close(self) -> None:
        """Free the worlds."""
        self._arenas, self._worlds, self._moving = [], [], []
