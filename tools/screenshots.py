"""Make the pictures under docs/: a gallery of the environments, the window on a real training, and `play`.

    python tools/screenshots.py             # all of them, some three minutes
    python tools/screenshots.py gallery     # one of: gallery, window, agents, play, replay

Windows open on an X server without a screen (Xvfb) that this command starts and ends.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from puffer_arena import list_envs, make
from puffer_arena.registry import load_env
from puffer_arena.render.draw.canvas import PygameCanvas, load_font, render_rgb
from puffer_arena.render.draw.palette import color
from puffer_arena.render.toolkit import pygame

DOCS = Path(__file__).resolve().parent.parent / "docs"
# How far into an episode each environment looks its best; the rest after 20 steps.
MOMENTS = {
    "snake": 90,
    "marble": 260,
    "striker": 60,
    "sumo": 60,
    "pistons": 60,
    "volley": 50,
    "racer": 150,
    "swarm": 100,
    "kart": 120,
    "hideseek": 150,
    "lander": 190,
    "walker": 260,
    "tag": 10,
    "maze": 9,
    "cartpole": 60,
    "target": 14,
    "memory": 3,
    "bandit": 12,
    "squared": 6,
}
TWINS = {"lander_continuous"}  # look like another
TRAINING_SECONDS = {"snake": 75.0, "tag": 60.0}


def save(pixels: Any, path: Path) -> None:
    """Write uint8 (height, width, 3) as a PNG."""
    height, width = pixels.shape[:2]
    pygame.image.save(
        pygame.image.frombuffer(np.ascontiguousarray(pixels).tobytes(), (width, height), "RGB"), str(path)
    )
    print(f"{path.relative_to(DOCS.parent) if path.is_relative_to(DOCS.parent) else path}: {width} x {height}")


# -- the gallery, without a window ----------------------------------------------------------------------


def best_moment(env_id: str, size: tuple[int, int]) -> "tuple[pygame.Surface, str]":
    """Play many rows by the bot and draw the one that got furthest."""
    rows = 64 if load_env(env_id).engine == "panda3d" else 256  # a Bullet world takes 4 MB
    with make(env_id, rows, seed=4, split="held_out") as batch:
        bot = next(iter(batch.env.bots))
        for _ in range(MOMENTS.get(env_id, 20)):
            batch.step(batch.act(bot))
        returns = batch.rows.states["episode_return"].reshape(batch.num_envs, -1).sum(axis=1)
        row = int(np.argmax(returns + batch.rows.states["step_count"] * 1e-3))
        if batch.env.engine == "panda3d":
            seen = render_rgb(batch.env, batch.state(row), batch.state_params(row), size)
            return pygame.image.frombuffer(seen.tobytes(), size, "RGB"), batch.env.summary
        canvas = PygameCanvas(size, background="panel", margin=14)
        batch.env.draw(batch.state(row), batch.state_params(row), canvas)
        return canvas.surface(), batch.env.summary


def make_gallery() -> None:
    """Draw every environment into one picture, four to a line."""
    names = sorted(set(list_envs()) - TWINS, key=lambda name: list(MOMENTS).index(name) if name in MOMENTS else 99)
    side, caption, gap, across = 380, 56, 16, 4
    down = -(-len(names) // across)
    size = across * (side + gap) + gap, down * (side + caption + gap) + gap
    picture = pygame.Surface(size, 0, 32)
    picture.fill(color("background"))
    for k, name in enumerate(names):
        x, y = gap + (k % across) * (side + gap), gap + (k // across) * (side + caption + gap)
        pygame.draw.rect(picture, color("panel"), (x, y, side, side + caption), border_radius=12)
        drawn, summary = best_moment(name, (side - 8, side - 8))
        picture.blit(drawn, (x + 4, y + 4))
        picture.blit(load_font(18).render(name, True, color("text")), (x + 16, y + side - 2))
        about = summary.partition(": ")[2] or summary
        font = load_font(13)
        while font.size(about)[0] > side - 32:
            about = about.rstrip("…").rpartition(" ")[0] + "…"
        picture.blit(font.render(about, True, color("muted")), (x + 16, y + side + 24))
    save(pygame.surfarray.array3d(picture).transpose(1, 0, 2), DOCS / "gallery.png")


# -- windows --------------------------------------------------------------------------------------------


@contextmanager
def training(env_id: str) -> Iterator[Any]:
    """Start a real training in a process of its own and yield a source attached to it."""
    from puffer_arena.cli.watch import Options, find_source
    from puffer_arena.live.address import read_address

    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "puffer_arena", "train", env_id, "--runs-dir", folder, "--name", f"{env_id}-1"]
        trainer = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            run = Path(folder) / f"{env_id}-1"
            while trainer.poll() is None and not (run.is_dir() and read_address(run)):
                time.sleep(0.2)
            source = find_source(Options(run=str(run), runs_dir=folder))
            yield source
            source.close()
        finally:
            trainer.terminate()
            trainer.wait()


def after(seconds: float, path: Path, prepare: Callable[[Any], None]) -> Callable[[Any], None]:
    """Return an `on_frame` that prepares the screen, waits, saves its picture and closes it."""
    start = time.monotonic()
    prepared = False

    def on_frame(screen: Any) -> None:
        nonlocal prepared
        if not prepared:
            prepared = True
            pygame.mouse.set_pos(2, 2)
            prepare(screen)
        if time.monotonic() - start >= seconds:
            save(screen.pixels(), path)
            screen.gui.closing = True

    return on_frame


def make_window() -> None:
    """The window on a snake that learns."""
    from puffer_arena.render.window.window import show

    with training("snake") as source:
        show(
            source,
            size=(1440, 900),
            on_frame=after(TRAINING_SECONDS["snake"], DOCS / "window.png", lambda screen: None),
        )


def make_agents() -> None:
    """The window on one environment of several agents, enlarged."""
    from puffer_arena.render.window.window import show

    def enlarge(screen: Any) -> None:
        screen.watch.enlarged = True

    with training("tag") as source:
        show(source, size=(1440, 900), on_frame=after(TRAINING_SECONDS["tag"], DOCS / "window-agents.png", enlarge))


def make_play() -> None:
    """A game of snake, well under way."""
    from puffer_arena.render.play.play import play

    def look(screen: Any) -> None:
        screen.phase, screen.game.bot_plays = "playing", screen.game.score < 16
        if screen.game.over:
            screen.restart()
        if screen.speed == 1.0:  # this frame shows what was set below
            save(screen.pixels(), DOCS / "play.png")
            screen.gui.closing = True
        elif screen.game.score >= 16:
            screen.speed, screen.game.best = 1.0, None

    play("snake", seed=3, speed=8.0, size=(960, 800), on_frame=look)


def make_replay() -> None:
    """The viewer, well into some episodes of snake."""
    from puffer_arena.render.replay.show import show_replays
    from puffer_arena.replay.reader import Replay
    from puffer_arena.replay.writer import Writer

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "greedy.mcap"
        with make("snake", 4, seed=1) as batch, Writer(batch, path, rows=range(4)):
            for _ in range(600):
                batch.step(batch.act("greedy"))
        with Replay(path) as recorded:
            show_replays(
                [recorded],
                size=(1200, 750),
                on_frame=after(5.0, DOCS / "tutorials" / "replays.png", lambda screen: screen.source.seek(330)),
            )


SCENES = {
    "gallery": make_gallery,
    "window": make_window,
    "agents": make_agents,
    "play": make_play,
    "replay": make_replay,
}


@contextmanager
def screenless(size: tuple[int, int] = (1920, 1200), memory: Path | None = None) -> Iterator[dict[str, str]]:
    """Start Xvfb and yield the environment that programs on it need.

    Args:
        size: of the screen, in pixels.
        memory: the folder of a file `Xvfb_screen0` that the screen's pixels lie in.
    """
    read, write = os.pipe()
    command = [
        "Xvfb",
        "-displayfd",
        str(write),
        "-screen",
        "0",
        f"{size[0]}x{size[1]}x24",
        "+extension",
        "GLX",
        "-nolisten",
        "tcp",
        *(["-fbdir", str(memory)] if memory is not None else []),
    ]
    try:
        server = subprocess.Popen(command, pass_fds=[write], stderr=subprocess.DEVNULL)
    except FileNotFoundError:
        sys.exit("Xvfb is missing; install it with: apt-get install xvfb libgl1-mesa-dri")
    os.close(write)
    with os.fdopen(read) as pipe:
        number = pipe.readline().strip()
    try:
        yield {**os.environ, "DISPLAY": f":{number}", "SDL_VIDEODRIVER": "x11", "LIBGL_ALWAYS_SOFTWARE": "1"}
    finally:
        server.terminate()
        server.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenes", nargs="*", metavar="SCENE", help=f"some of: {', '.join(SCENES)}")
    parser.add_argument("--inside", action="store_true", help="use the display there is")
    options = parser.parse_args()
    if unknown := set(options.scenes) - set(SCENES):
        parser.error(f"unknown scene '{min(unknown)}'; there are: {', '.join(SCENES)}")
    DOCS.mkdir(exist_ok=True)
    scenes = options.scenes or list(SCENES)
    if options.inside:
        for scene in scenes:
            SCENES[scene]()
        return
    with screenless() as environment:
        for scene in scenes:  # a process each: Dear ImGui's contexts live as long as theirs
            subprocess.run([sys.executable, __file__, scene, "--inside"], env=environment, check=True)


if __name__ == "__main__":
    main()
