"""The panda3d engine: one Bullet world an arena, without ShowBase, window or display.

Bullet keeps more in a used world than its bodies' poses, so a reset calls `build` again and puts a new world in the
old one's place: exact whatever was there before, for about 0.1 ms.  Panda's calls share one lock, so threads do not help:
a batch's rows are spread over worker processes instead (`batch.processes`).
"""

import functools
from typing import TYPE_CHECKING, Any

import numpy as np

from puffer_arena.core.env import Env
from puffer_arena.core.errors import MissingExtra, require
from puffer_arena.core.world_kernel import ENTERS, MOVES, WorldRows
from puffer_arena.engines.scene import SceneParams, scene_params

if TYPE_CHECKING:
    from puffer_arena.engines.bullet_arena import Arena

OLDEST, TOO_NEW = (1, 10, 13), (1, 12)
KEPT_PARAMS = 1024  # Params kept for the next resets; a curriculum may draw new ones for ever
# A process without a graphics engine never collects Panda's cached transforms: one would stay for every move.
SETTINGS = "transform-cache 0\ngarbage-collect-states 0"


def compiled_parts(env: Env) -> dict[str, Any]:
    """Return nothing: Bullet is called between the kernels, from Python."""
    load_panda()
    return {}


def open_engine(env: Env, rows: WorldRows, values: Any, compiled: Any) -> "BulletEngine":
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
        from puffer_arena.engines.bullet_arena import Plan

        self._env, self._rows, self._values = env, rows, values
        self._plan = Plan(env, rows.states)
        self._known: dict[bytes, Any] = {}
        self._arenas: list[Arena | None] = [None] * len(rows.states)
        rows.scenes["built"] = self._make(rows.params[0]).built()
        self._params = SceneParams(env, rows, self._make)

    def _make(self, record: Any) -> "Arena":
        from puffer_arena.engines.bullet_arena import Arena

        return Arena(self._plan, self._scene_params(record))

    def _scene_params(self, record: Any) -> Any:
        key = record.tobytes()
        if key not in self._known:
            if len(self._known) >= KEPT_PARAMS:
                self._known.clear()
            self._known[key] = scene_params(self._env, record, self._values)
        return self._known[key]

    def prepare(self) -> None:
        """Note how the bodies stand in rows whose parameters changed."""
        for i in self._params.changed():
            self._rows.scenes["built"][i] = self._params.build(i, self._rows.following[i]).built()

    def fit(self, i: int) -> None:
        """Nothing to do: `enter` builds from the parameters in force."""

    def mend(self, i: int) -> None:
        """Make the world of row `i` anew from its row."""
        self._rows.scenes["stage"][i] = ENTERS
        self.enter()

    def move(self) -> None:
        """Advance the rows whose stage is MOVES by one step."""
        scenes, size = self._rows.scenes, self._plan.size
        for i in np.flatnonzero(scenes["stage"] == MOVES).tolist():
            if fault := self._arenas[i].move(i * size):  # type: ignore[union-attr]  # every row enters before it moves
                scenes["fault"][i] = fault

    def enter(self) -> None:
        """Put a new world in the place of those of the rows whose stage is ENTERS."""
        scenes, size = self._rows.scenes, self._plan.size
        for i in np.flatnonzero(scenes["stage"] == ENTERS).tolist():
            self._arenas[i] = None  # its memory serves the new one
            self._arenas[i] = arena = self._make(self._rows.params[i])
            if fault := arena.enter(i * size):
                scenes["fault"][i] = fault

    def close(self) -> None:
        """Free the worlds."""
        self._arenas = []
