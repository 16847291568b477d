"""A replay as a GIF or MP4."""

import contextlib
import io
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from puffer_arena.core.canvas import RecordingCanvas
from puffer_arena.core.env import Env
from puffer_arena.core.fields import Array, Row
from puffer_arena.errors import FileError, ParameterError, require
from puffer_arena.machine.files import replacing
from puffer_arena.render.draw.canvas import render_rgb
from puffer_arena.render.toolkit import pygame
from puffer_arena.replay.reader import Replay

MOST_RATE = 30.0  # pictures a second
GIF_RATE = 20.0
MOST_PICTURES = 20_000
WORLD_SHAPE = 4 / 3  # width / height of a picture of a world in space


@dataclass(frozen=True)
class Part:
    """What of a replay is exported.

    Attributes:
        row: of the batch that was recorded; None for the first.
        first, last: steps; the whole replay by default.
        width: of the picture in pixels.
        speed: 1 is natural speed.
    """

    row: int | None = None
    first: int = 0
    last: int | None = None
    width: int = 480
    speed: float = 1.0


def check_part(replay: Replay, part: Part) -> tuple[int, int, int]:
    """Return a part's place among the recorded rows, and its first and last step.

    Raises:
        ParameterError: there is no such row or step, or its size or speed is none.
    """
    rows = replay.header.rows
    row = rows[0] if part.row is None else part.row
    if row not in rows:
        raise ParameterError(f"row {row} of {replay.what}; it has rows {rows}")
    last = replay.steps if part.last is None else part.last
    if not 0 <= part.first < last <= replay.steps:
        raise ParameterError(f"steps {part.first} to {last} of {replay.what}; it has 0 to {replay.steps}")
    if not 16 <= part.width <= 4096 or not 0.01 <= part.speed <= 100:
        raise ParameterError(f"width {part.width}, speed {part.speed:g}; allowed: 16 to 4096 pixels, 0.01 to 100 times")
    return rows.index(row), part.first, last


def picture_size(env: Env, state: Row, params: Row, width: int) -> tuple[int, int]:
    """Return the even size that the game's view fills."""
    shape = WORLD_SHAPE
    if env.engine != "panda3d":
        canvas = RecordingCanvas()
        env.draw(state, params, canvas)
        view: dict[str, Any] = next((given for kind, given in canvas.primitives if kind == "view"), {})
        shape = view.get("width", 1.0) / view.get("height", 1.0)
    return width // 2 * 2, max(round(width / shape / 2), 8) * 2


def png(pixels: Array) -> bytes:
    """Return a picture, uint8 (rows, cols, 3), as the bytes of a PNG."""
    held = io.BytesIO()
    pygame.image.save(pygame.surfarray.make_surface(pixels.transpose(1, 0, 2)), held, "picture.png")
    return held.getvalue()


def pictures(replay: Replay, part: Part, most_rate: float) -> tuple[float, Iterator[Array]]:
    """Return how many pictures there are a second, and the pictures, uint8 (height, width, 3).

    Raises:
        ParameterError: see `check_part`, or too many of them.
    """
    slot, first, last = check_part(replay, part)
    pace = replay.header.steps_per_second * part.speed
    stride = max(1, round(pace / most_rate))
    steps = range(first, last + 1, stride)
    if len(steps) > MOST_PICTURES:
        raise ParameterError(f"{len(steps)} pictures; at most {MOST_PICTURES}: choose fewer steps (--first, --last)")

    def draw() -> Iterator[Array]:
        size = None
        for step in steps:
            frame = replay.frame(step)
            state, params = Row(frame.states[slot]), Row(frame.params[slot])
            size = size or picture_size(replay.env, state, params, part.width)
            yield render_rgb(replay.env, state, params, size)

    return pace / stride, draw()


def write_gif(replay: Replay, path: Path, part: Part) -> int:
    """Write a GIF and return how many pictures it has.

    Raises:
        ParameterError, FileError: the part is none, or the file cannot be written.
        MissingExtra: Pillow is not installed.
    """
    return save_gif(*pictures(replay, part, GIF_RATE), path)


def save_gif(rate: float, drawn: Iterator[Array], path: Path) -> int:
    """Write pictures, uint8 (rows, cols, 3), so many a second, as a GIF and return how many there are.

    Raises:
        FileError: it cannot be written.
        MissingExtra: Pillow is not installed.
    """
    image: Any = require("PIL.Image", "video")
    first = image.fromarray(next(drawn))
    palette = first.quantize(128, dither=0)
    rest = [image.fromarray(pixels).quantize(palette=palette, dither=0) for pixels in drawn]
    with written(path) as beside:
        first.quantize(palette=palette, dither=0).save(
            beside, format="GIF", save_all=True, append_images=rest, duration=round(1000 / rate), loop=0
        )
    return len(rest) + 1


def write_mp4(replay: Replay, path: Path, part: Part) -> int:
    """Write an MP4 and return how many pictures it has; see `write_gif`."""
    return save_mp4(*pictures(replay, part, MOST_RATE), path)


def save_mp4(rate: float, drawn: Iterator[Array], path: Path) -> int:
    """Write pictures as an MP4 and return how many there are; see `save_gif`."""
    ffmpeg: Any = require("imageio_ffmpeg", "video")
    first = next(drawn)
    height, width = first.shape[:2]
    count = 0
    with written(path) as beside:
        writer = ffmpeg.write_frames(
            str(beside),
            (width, height),
            fps=rate,
            macro_block_size=2,
            quality=7,
            output_params=["-f", "mp4", "-movflags", "+faststart"],
        )
        writer.send(None)
        for pixels in itertools.chain([first], drawn):
            writer.send(np.ascontiguousarray(pixels).tobytes())
            count += 1
        writer.close()
    return count


@contextlib.contextmanager
def written(path: Path) -> Iterator[Path]:
    """Give a file beside `path` to write, and rename it once it is whole.

    Raises:
        FileError: it cannot be written.
    """
    try:
        with replacing(path) as beside:
            yield beside
    except OSError as error:
        raise FileError(f"cannot write '{path}': {error.strerror or error}") from None
