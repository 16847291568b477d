"""How a person has moved the camera: nearer, aside, around, or along with an agent."""

import math
from dataclasses import dataclass

from puffer_arena.core.canvas import Point
from puffer_arena.render.draw.fit import Viewport

NOTCH = 1.4  # how much nearer two notches of the wheel bring the picture: Dear ImGui's unit
NEAR = 2.5  # the zoom at which following begins
MOST_ZOOM, LEAST_ZOOM = 16.0, 0.25  # pictures of a plane are never smaller than whole
TURN = math.pi  # radians for a drag across the picture's width
STEEPEST, FLATTEST = math.radians(88), math.radians(-5)  # elevations that a camera in space may have
Rectangle = tuple[float, float, float, float]  # left, least y, width, height


@dataclass
class Look:
    """Where the person looks from; begins as the game has it.

    Attributes:
        zoom: how many times nearer.
        turn: about what a camera in space looks at, radians, seen from above counterclockwise.
        rise: the same upwards.
        middle: the point of a plane world in the picture's middle; None for the world's own.
        follows: the camera goes along with the watched agent.
        seen: where the last picture of a plane world lies in the window; None where the world is in space.
    """

    zoom: float = 1.0
    turn: float = 0.0
    rise: float = 0.0
    middle: Point | None = None
    follows: bool = False
    seen: Viewport | None = None

    @property
    def is_moved(self) -> bool:
        """Whether it differs from the game's own."""
        return self.follows or (self.zoom, self.turn, self.rise) != (1.0, 0.0, 0.0)

    @property
    def place(self) -> tuple[float, float, float, Point | None, bool]:
        """All that says from where the person looks."""
        return self.zoom, self.turn, self.rise, self.middle, self.follows

    def reset(self) -> None:
        """Go back to the game's own camera."""
        self.zoom, self.turn, self.rise, self.middle, self.follows = 1.0, 0.0, 0.0, None, False

    def follow(self, wanted: bool) -> None:
        """Go along with the watched agent, from near by; or stay where it is now."""
        self.follows = wanted
        if wanted and self.zoom == 1.0:
            self.zoom = NEAR

    def wheel(self, notches: float, at: Point) -> None:
        """Come nearer by so much of the wheel; what lies under the window's point `at` stays there."""
        least = LEAST_ZOOM if self.seen is None else 1.0
        zoom = min(max(self.zoom * NOTCH**notches, least), MOST_ZOOM)
        if self.seen is not None and not self.follows:
            (x, y), (px, py), part = center(self.seen), self.seen.world(*at), self.zoom / zoom
            self.middle = px + (x - px) * part, py + (y - py) * part
        self.zoom = 1.0 if abs(zoom - 1.0) < 1e-6 else zoom

    def drag(self, right: float, down: float, across: float) -> None:
        """Take the world along by so many pixels, or turn the camera about it in a picture `across` pixels wide."""
        if self.seen is None:
            self.turn = math.remainder(self.turn - right / across * TURN, 2 * math.pi)
            self.rise = min(max(self.rise + down / across * TURN, FLATTEST - STEEPEST), STEEPEST - FLATTEST)
        elif self.zoom > 1.0:
            x, y = center(self.seen)
            up = -1.0 if self.seen.up else 1.0
            self.middle, self.follows = (x - right / self.seen.scale, y - up * down / self.seen.scale), False

    def crop(self, world: Rectangle, pixels: Rectangle, agent: Point | None) -> Rectangle:
        """Return the part of a plane world that fills `pixels`, nowhere beyond the world's edge.

        Args:
            world: what the game would show.
            pixels: (x, y, width, height) of the picture.
            agent: where the watched agent is.
        """
        left, low, width, height = world
        scale = min(pixels[2] / width, pixels[3] / height) * self.zoom
        wide, high = min(pixels[2] / scale, width), min(pixels[3] / scale, height)
        x, y = (agent if self.follows else None) or self.middle or (left + width / 2, low + height / 2)
        return (
            min(max(x - wide / 2, left), left + width - wide),
            min(max(y - high / 2, low), low + height - high),
            wide,
            high,
        )

    def orbit(self, x: float, y: float, z: float) -> tuple[float, float, float]:
        """Return where a camera in space stands, relative to what it looks at, which the game puts at (x, y, z)."""
        out = math.hypot(x, y, z)
        around, up = math.atan2(y, x) + self.turn, math.asin(z / out) if out else 0.0
        if self.rise:
            up = min(max(up + self.rise, FLATTEST), STEEPEST)
        flat = out / self.zoom * math.cos(up)
        return flat * math.cos(around), flat * math.sin(around), out / self.zoom * math.sin(up)


def center(view: Viewport) -> Point:
    """Return the world point in the middle of a picture."""
    return view.world(view.x0 + view.width / 2, view.y0 + view.height / 2)
