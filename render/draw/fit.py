"""From world units to pixels: the rectangle that must be visible, scaled to fit with its aspect kept."""

from dataclasses import dataclass

from puffer_arena.core.canvas import Point


@dataclass(frozen=True)
class Viewport:
    """A world rectangle placed in a pixel rectangle: uniform scale, centred."""

    scale: float  # pixels per world unit
    left: float  # world x at `x0`
    low: float  # least world y
    high: float  # greatest world y
    up: bool
    x0: float  # pixel rectangle that the world rectangle fills
    y0: float
    width: float
    height: float

    def point(self, x: float, y: float) -> Point:
        """Return the pixel position of a world point."""
        down = self.high - y if self.up else y - self.low
        return self.x0 + (x - self.left) * self.scale, self.y0 + down * self.scale

    def world(self, x: float, y: float) -> Point:
        """Return the world point at a pixel position: the inverse of `point`."""
        down = (y - self.y0) / self.scale
        return self.left + (x - self.x0) / self.scale, self.high - down if self.up else self.low + down

    def corner(self, x: float, y: float, height: float) -> Point:
        """Return the top left pixel of a world rectangle with its least coordinates at (x, y)."""
        return self.point(x, y + height if self.up else y)


def fit(
    world: tuple[float, float, float, float], pixels: tuple[float, float, float, float], *, up: bool = False
) -> Viewport:
    """Fit a world rectangle into a pixel one; each is (left, least y, width, height)."""
    left, low, width, height = world
    px, py, pixel_width, pixel_height = pixels
    scale = min(pixel_width / width, pixel_height / height)
    shown_width, shown_height = width * scale, height * scale
    return Viewport(
        scale=scale,
        left=left,
        low=low,
        high=low + height,
        up=up,
        x0=px + (pixel_width - shown_width) / 2,
        y0=py + (pixel_height - shown_height) / 2,
        width=shown_width,
        height=shown_height,
    )
