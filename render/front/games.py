"""The launcher's moving pictures: replays, and games at natural speed, played by their first bot in plain Python.

Both are sources of frames.  Nothing is compiled for a game: one row steps in a millisecond or so, and only what can be
seen moves.
"""

import time

from imgui_bundle import imgui

from puffer_arena.batch.make import make
from puffer_arena.core.fields import Row
from puffer_arena.core.still import still
from puffer_arena.errors import ArenaError
from puffer_arena.render.replay.source import ReplaySource
from puffer_arena.render.window.imgui_canvas import ImguiCanvas
from puffer_arena.render.window.local_source import LocalSource
from puffer_arena.render.window.widgets import Area
from puffer_arena.replay.reader import Replay

BUDGET = 0.012  # seconds of a frame that games may take for their steps
SEED = 4
REPLAY = ".mcap"
Moving = LocalSource | ReplaySource


class Games:
    """Sources of frames by picture, made when one is first seen."""

    def __init__(self) -> None:
        self._sources: dict[str, Moving | str] = {}  # or why there is none
        self._wanted: list[str] = []  # pictures seen in this frame
        self._turn = 0

    def draw(self, picture: str, area: Area) -> str:
        """Draw a picture into `area`; return why it cannot be drawn, "" where it can."""
        if picture not in self._wanted:
            self._wanted.append(picture)
        source = self._sources.get(picture)
        if not isinstance(source, Moving):
            return source or ""
        frame = source.frame
        if frame is None:
            return ""
        try:
            with ImguiCanvas(imgui.get_window_draw_list(), area) as canvas:  # from above, also what is in space
                source.env.draw(still(Row(frame.states[0])), still(Row(frame.params[0])), canvas)
        except Exception as error:  # somebody's environment; the launcher lives on
            return f"draw failed: {error}"
        return ""

    def play(self) -> None:
        """Let what was seen go on, as far as its share of a frame goes; begin what is new."""
        wanted, self._wanted = self._wanted, []
        begun = time.perf_counter()
        for k in range(len(wanted)):
            picture = wanted[(self._turn + k) % len(wanted)]
            source = self._sources.get(picture)
            if source is None:
                self._sources[picture] = begin(picture)
            elif isinstance(source, Moving):
                try:
                    source.poll()
                except Exception as error:
                    source.close()
                    self._sources[picture] = f"it does not play: {error}"
            if time.perf_counter() - begun > BUDGET:
                self._turn += k + 1
                return

    def close(self) -> None:
        """Let all of them go."""
        for source in self._sources.values():
            if isinstance(source, Moving):
                source.close()
        self._sources.clear()


def begin(picture: str) -> Moving | str:
    """Return a source of a picture's frames, or in a line why there is none."""
    try:
        if not picture.endswith(REPLAY):
            return LocalSource(make(picture, seed=SEED, split="held_out", compiled=False))
        source = ReplaySource([Replay(picture)])
    except ArenaError as error:
        return str(error)
    source.loop = 0, source.steps
    source.send("view_resume")
    return source
