"""Programs that the window tests start: each shows a real window and reports as lines of JSON.

python tests/window_program.py show ENV [STATUS]     the training window over a batch that a bot plays
python tests/window_program.py play ENV
python tests/window_program.py replay FILE...    the replay viewer
python tests/window_program.py edit ENV FOLDER [FILE]    the editor
python tests/window_program.py front          the launcher, which tells what it would start
"""

import contextlib
import json
import sys
import tempfile
from typing import Any

import numpy as np

from puffer_arena import make
from puffer_arena.cli.front import look as look_at_places
from puffer_arena.render.editor.show import edit
from puffer_arena.render.front.programs import Programs
from puffer_arena.render.front.show import show_front
from puffer_arena.render.play.play import play
from puffer_arena.render.replay.show import show_replays
from puffer_arena.render.toolkit import pygame
from puffer_arena.render.window.local_source import LocalSource
from puffer_arena.render.window.window import show
from puffer_arena.replay.reader import Replay

last: dict[str, Any] = {}


def report(**facts: Any) -> None:
    """Print what has changed, and first of all which window this is."""
    global last
    if not last:
        print(json.dumps({"window": pygame.display.get_wm_info()["window"]}), flush=True)
    if facts != last:
        last = facts
        print(json.dumps(facts), flush=True)


class Reported(LocalSource):
    """A source that passes as a trainer and tells which commands arrive."""

    modes = ("time-lapse", "smooth")
    mode = "time-lapse"

    def send(self, command: str, **arguments: Any) -> None:
        print(json.dumps({"command": command, **arguments}, default=float), flush=True)
        if command == "mode":
            self.mode = arguments["name"]
        super().send(command, **arguments)


def uniform(batch: Any) -> Any:
    """Play by the bot, and claim equal probabilities and a value of 1."""
    leading = (batch.num_envs, max(batch.num_agents, 1))
    probs = np.full((*leading, batch.action.n), 1 / batch.action.n, np.float32)
    return batch.act(next(iter(batch.env.bots))), probs, np.ones(leading, np.float32)


def run_show(env_id: str, status: str) -> None:
    source = Reported(make(env_id, 4, seed=1), choose=uniform)
    source.metrics = {"episode_return": [(float(k), float(k % 7)) for k in range(2000)], "learning_rate": [(0.0, 1e-3)]}
    source.status = status
    if status in ("waiting", "lost"):
        source.frame, source.note, source.poll = None, "told so", lambda: None  # type: ignore[method-assign]  # nothing comes

    def look(screen: Any) -> None:
        if hasattr(screen, "game"):
            report(branch=screen.phase, steps=screen.game.steps)
            return
        pixels = screen.pixels()
        report(
            told=screen.told,
            frame=True,
            size=pixels.shape[:2],
            colors=len(np.unique(pixels[::4, ::4].reshape(-1, 3), axis=0)),
            enlarged=screen.watch.enlarged,
            row=screen.watch.row,
            agent=screen.watch.agent,
            help=screen.help,
            status=source.status,
            faults=sorted(screen.watch.faults),
        )

    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):  # where branches are recorded
        show(source, size=(1280, 800), on_frame=look)
    print(json.dumps({"closed": True}), flush=True)


def run_play(env_id: str) -> None:
    def look(screen: Any) -> None:
        state = screen.game.batch.rows.states[0]
        report(
            phase=screen.phase,
            help=screen.help,
            bot_plays=screen.game.bot_plays,
            agent=screen.game.agent,
            steps=screen.game.steps,
            heading=int(state["heading"]) if "heading" in state.dtype.names else None,
            over=screen.game.over,
        )

    play(env_id, on_frame=look, size=(640, 600), speed=0.5)


def run_replay(files: list[str]) -> None:
    def look(screen: Any) -> None:
        branch = not hasattr(screen, "replay")
        source = None if branch else screen.replay
        report(
            branch=branch,
            step=screen.game.steps if branch else source.step,
            phase=screen.phase if branch else source.status,
            loop=None if branch else source.loop,
            row=None if branch else screen.row,
            colors=len(np.unique(screen.pixels()[::8, ::8].reshape(-1, 3), axis=0)),
            note=screen.recorder.note if branch else source.note,
            faults=[] if branch else sorted(screen.watch.faults),
        )

    show_replays([Replay(path) for path in files], size=(960, 540), on_frame=look)
    print(json.dumps({"closed": True}), flush=True)


class Told(Programs):
    """Starts nothing, and tells what it was asked for."""

    def start(self, arguments: Any) -> str:
        print(json.dumps({"started": list(arguments)}), flush=True)
        return "started"


def run_front() -> None:
    def look(screen: Any) -> None:
        choice, entry = screen.choice, screen.choice.entry
        pressed = pygame.key.get_pressed()
        if pressed[pygame.K_F6] and choice.index != 3:  # a pad's cross, which no test can press for real
            pygame.event.post(pygame.event.Event(pygame.JOYHATMOTION, instance_id=0, hat=0, value=(1, 0)))
            pygame.event.post(pygame.event.Event(pygame.JOYHATMOTION, instance_id=0, hat=0, value=(0, 0)))
        moving = [source for source in screen.games._sources.values() if not isinstance(source, str)]
        report(
            place=choice.here.title,
            entry=entry and entry.title,
            button=choice.button,
            help=screen.help,
            faults=[source for source in screen.games._sources.values() if isinstance(source, str)],
            playing=any(source.frame.steps for source in moving),
            colors=len(np.unique(screen.pixels()[::8, ::8].reshape(-1, 3), axis=0)) > 60,
        )

    show_front(look_at_places, Told(), size=(960, 540), on_frame=look)
    print(json.dumps({"closed": True}), flush=True)


def run_edit(env_id: str, folder: str, *file: str) -> None:
    def look(screen: Any) -> None:
        if hasattr(screen, "game"):
            report(branch=screen.phase, steps=screen.game.steps)
            return
        drawing = screen.drawing
        report(
            cells=drawing.level.cells,
            things=drawing.level.things,
            reason=drawing.reason,
            note=screen.note,
            brush=screen.brush,
            cursor=screen.cursor,
            place=[round(x) for x in screen._view.point(0, 0)],
            scale=screen._view.scale,
        )

    edit(env_id, *file, folder=folder, size=(960, 540), on_frame=look)
    print(json.dumps({"closed": True}), flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "edit":
        run_edit(*sys.argv[2:])
    elif sys.argv[1] == "front":
        run_front()
    elif sys.argv[1] == "replay":
        run_replay(sys.argv[2:])
    elif sys.argv[1] == "show":
        run_show(sys.argv[2], sys.argv[3] if len(sys.argv) > 3 else "training")
    else:
        run_play(sys.argv[2])
