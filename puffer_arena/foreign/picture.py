"""Pictures that environments of another library draw of themselves: in a row, they stand for a state that nobody else has."""

import contextlib
import math
import os
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

from puffer_arena.core.fields import Array
from puffer_arena.errors import ParameterError
from puffer_arena.machine.display import is_without_display

MOST_PIXELS = 1 << 18  # of a picture in a row; larger ones are reduced by a whole number


def take_picture(env: Any, name: str) -> Array:
    """Return the picture that an environment draws of itself now, uint8 (rows, cols, 3).

    Raises:
        ParameterError: it draws none; it is called by its name.
    """
    try:
        with _needing_no_display():
            drawn = np.asarray(env.render())
        said = f"{drawn.dtype} of shape {drawn.shape}"
    except Exception as error:  # of an environment that cannot draw: anything
        drawn, said = np.zeros(0), f"nothing ({type(error).__name__}: {error})"
    if drawn.ndim != 3 or drawn.shape[2] != 3 or drawn.dtype != np.uint8 or not drawn.size:
        raise ParameterError(
            f"environment '{name}' draws {said}, no picture of (rows, cols, 3) bytes; give the function that makes it "
            "render_mode='rgb_array'"
        )
    return drawn


@contextlib.contextmanager
def _needing_no_display() -> Iterator[None]:
    """Let pygame start without a display where there is none.

    Many environments start all of it to draw off the screen.  SDL finds out by itself that it has no display, but not
    once Panda3D's renderer is loaded: it comes with a library which SDL takes for a sign of X11.
    """
    if not is_without_display():
        yield
        return
    os.environ["SDL_VIDEODRIVER"] = "dummy"
    try:
        yield
    finally:
        del os.environ["SDL_VIDEODRIVER"]


def reduced(picture: Array) -> Array:
    """Return a picture as rows hold it: of MOST_PIXELS at most, each the mean of as many rows and columns."""
    rows, cols = picture.shape[:2]
    by = math.ceil(math.sqrt(rows * cols / MOST_PIXELS))
    if by == 1:
        return picture
    whole = picture[: rows // by * by, : cols // by * by].astype(np.uint16)
    sums = np.add.reduceat(np.add.reduceat(whole, range(0, len(whole), by)), range(0, whole.shape[1], by), axis=1)
    return (sums // by**2).astype(np.uint8)


def draw_picture(s: Any, p: Any, canvas: Any) -> None:
    """Draw a row by the picture in it."""
    picture = np.asarray(s.picture)
    rows, cols = picture.shape[:2]
    canvas.view(cols, rows)
    canvas.picture(0.0, 0.0, cols, rows, picture)


def close_drawn(env: Any) -> None:
    """Close an environment that has drawn, unless it may end pygame under a window that is open, as some do."""
    pygame = sys.modules.get("pygame")
    if pygame is None or not pygame.display.get_init() or pygame.display.get_surface() is None:
        env.close()
