"""The abstract canvas that an environment in space draws on what has no body: goals, wheels, trails, colours.

Coordinates are the world's, in metres, z up; colours are names of the palette (`assets/palette.toml`).  A picture is
drawn anew every time: what a call draws is gone in the next picture unless it is called again.
"""

from collections.abc import Sequence
from typing import Protocol

Point3 = tuple[float, float, float]


class Canvas3D(Protocol):
    """What a 3D view offers to `draw3d(s, p, canvas)`; `alpha` below 1 lets shine through what is behind."""

    def box(
        self,
        x: float,
        y: float,
        z: float,
        width: float,
        depth: float,
        height: float,
        color: str,
        *,
        heading: float = 0.0,
        alpha: float = 1.0,
    ) -> None:
        """Draw a box around (x, y, z), so long along x, y and z; `heading` turns it about z, in radians."""

    def sphere(self, x: float, y: float, z: float, radius: float, color: str, *, alpha: float = 1.0) -> None:
        """Draw a ball."""

    def cylinder(self, a: Point3, b: Point3, radius: float, color: str, *, alpha: float = 1.0) -> None:
        """Draw a cylinder whose ends have their middles at `a` and `b`: a wheel, a post, an axle."""

    def line(self, points: Sequence[Point3], color: str, *, width: float = 0.05, alpha: float = 1.0) -> None:
        """Draw a line through `points`, as bright in shadow as in light."""

    def paint(self, field: str, color: str, k: int = 0) -> None:
        """Show the body of a State's field in another colour; `k` counts the bodies of an array."""
