"""Make the moving pictures under docs/: an episode of every game, played by its first bot at natural speed.

    python tools/gifs.py                       # all of them, about a minute
    python tools/gifs.py lander                # one or more
    python tools/gifs.py examples/catch.py     # a game that a tutorial goes through

Many held-out episodes are played and the best one is shown.
"""

import argparse
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from puffer_arena import make
from puffer_arena.core.canvas import RecordingCanvas
from puffer_arena.core.env import Env
from puffer_arena.core.fields import Array, Row
from puffer_arena.render.draw.canvas import render_rgb

ROOT = Path(__file__).resolve().parent.parent
GAMES, TUTORIALS = (ROOT / "docs" / name for name in ("games", "tutorials"))
MOST_FRAMES_A_SECOND = 20
LAST_FRAME_SECONDS = 1.5
COMMON_COLORS, RARE_COLORS = 96, 32  # of the palette: what fills most of the picture, and what is small but bright
SAMPLES = 8  # frames that the palette is made from
WORLD_SHAPE = 4 / 3  # width / height of a picture of a world in space


@dataclass(frozen=True)
class Take:
    """How one game is recorded."""

    seconds: float = 12.0  # of play at most
    width: int = 480  # pixels
    rows: int = 64  # episodes to choose from
    params: dict[str, Any] = field(default_factory=dict)


TAKES = {
    "lander": Take(),
    "walker": Take(params={"obstacles": 0.1}),
    "striker": Take(seconds=14.0, width=560),
    "sumo": Take(seconds=5.0, width=240),
    "volley": Take(seconds=8.0, width=360, params={"team": 2}),
    "swarm": Take(seconds=6.0, width=320),
    "racer": Take(width=480, rows=8, params={"cars": 4}),
    "pistons": Take(width=560, rows=16),
    "marble": Take(seconds=14.0, rows=16, width=400),
    "kart": Take(seconds=6.0, rows=8, width=320),
    "snake": Take(seconds=8.0, width=320),
    "bomber": Take(seconds=7.0, width=280),
    "doors": Take(seconds=9.0, params={"across": 3, "down": 2, "locked": 2, "things": 3, "boxed": 0.5}),
    "craft": Take(seconds=7.0, width=360),
    "push": Take(width=320, params={"boxes": 3, "reward_step": 0.0}),
    "hideseek": Take(seconds=16.0, rows=8, width=320),
    "rooms": Take(rows=1, width=320, params={"rooms": 4, "things": 6}),
    "maze": Take(seconds=8.0, width=280, params={"size": 15}),
    "hex": Take(seconds=20.0, rows=16, width=320, params={"size": 7}),
    "connect4": Take(seconds=20.0, rows=16, width=280),
    "tag": Take(width=360, params={"size": 15, "chasers": 3, "runners": 8}),
    "examples/catch.py": Take(seconds=8.0, width=240),
    "examples/climber.py": Take(seconds=8.0, rows=8),
    "examples/kart.py": Take(seconds=7.0, rows=4, width=320),
    "examples/pads.py": Take(seconds=10.0, width=320),
}


def play(env_id: str, take: Take) -> tuple[Env, list[Row], Row]:
    """Play many episodes; return the best one's states, one for each frame to draw, and its parameters."""
    states: list[Array] = []
    with make(env_id, take.rows, seed=4, split="held_out", autoreset="disabled", **take.params) as batch:
        bot = next(iter(batch.env.bots))
        pace = steps_a_frame(batch.env)
        for t in range(round(take.seconds * batch.env.steps_per_second)):
            if t % pace == 0:
                states.append(batch.rows.states.copy())
            batch.step(batch.act(bot))
        states.append(batch.rows.states.copy())
        returns = batch.rows.states["episode_return"].reshape(take.rows, -1).max(axis=1)
        best = int(np.argmax(returns))
        params = Row(batch.rows.params[best].copy())
    steps = [int(state["step_count"][best]) for state in states]
    ending = steps.index(steps[-1])  # from here on nothing moves
    return batch.env, [Row(state[best]) for state in states[: ending + 1]], params


def steps_a_frame(env: Env) -> int:
    """Return how many steps lie between two frames, so that there are at most MOST_FRAMES_A_SECOND."""
    return max(1, round(env.steps_per_second / MOST_FRAMES_A_SECOND))


def frames_a_step(env: Env) -> int:
    """Return how many frames show one step on its way: several of games that move from cell to cell."""
    return 1 if env.engine else max(1, round(MOST_FRAMES_A_SECOND / env.steps_per_second))


def picture_size(env: Env, state: Row, params: Row, width: int) -> tuple[int, int]:
    """Return the size that the environment's view fills."""
    if env.engine == "panda3d":
        return width, round(width / WORLD_SHAPE)
    canvas = RecordingCanvas()
    env.draw(state, params, canvas)
    view = canvas.primitives[0][1]
    return width, round(width * view["height"] / view["width"])


def save(frames: list[Image.Image], milliseconds: int, path: Path) -> None:
    """Write a GIF that repeats; all its frames share one palette, so that what stands still costs nothing."""
    palette = choose_palette(frames)
    drawn = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    times = [milliseconds] * (len(drawn) - 1) + [round(1000 * LAST_FRAME_SECONDS)]
    path.parent.mkdir(parents=True, exist_ok=True)
    drawn[0].save(path, save_all=True, append_images=drawn[1:], duration=times, loop=0, optimize=False)


def choose_palette(frames: list[Image.Image]) -> Image.Image:
    """Return an image whose palette suits all frames."""
    sampled = frames[:: max(1, len(frames) // SAMPLES)]
    width, height = frames[0].size
    sheet = Image.new("RGB", (width, height * len(sampled)))
    for k, frame in enumerate(sampled):
        sheet.paste(frame, (0, k * height))
    colors: list[int] = []
    for count, method in ((COMMON_COLORS, Image.Quantize.MEDIANCUT), (RARE_COLORS, Image.Quantize.MAXCOVERAGE)):
        colors += (sheet.quantize(count, method).getpalette() or [])[: 3 * count]
    palette = Image.new("P", (1, 1))
    palette.putpalette(colors)
    return palette


def record(env_id: str) -> Path:
    """Record one game; return its file."""
    take = TAKES[env_id]
    env, states, params = play(env_id, take)
    size = picture_size(env, states[0], params, take.width)
    between = frames_a_step(env)
    moments = [(k + 1) / between for k in range(between)]
    frames = [Image.fromarray(render_rgb(env, state, params, size, moment)) for state in states for moment in moments]
    path = TUTORIALS / f"{Path(env_id).stem}.gif" if env_id.endswith(".py") else GAMES / f"{env_id}.gif"
    save(frames, round(1000 * steps_a_frame(env) / env.steps_per_second / between), path)
    print(f"{path.relative_to(ROOT)}: {size[0]} x {size[1]}, {len(frames)} frames, {path.stat().st_size / 1e3:.0f} kB")
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("games", nargs="*", metavar="GAME", help=f"some of: {', '.join(TAKES)}")
    options = parser.parse_args()
    if unknown := set(options.games) - set(TAKES):
        parser.error(f"unknown game '{min(unknown)}'; there are: {', '.join(TAKES)}")
    for game in options.games or TAKES:
        record(game)


if __name__ == "__main__":
    main()
