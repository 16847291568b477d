"""The abstract camera that an environment in space places; z is up, angles are radians, lengths metres."""

from typing import Protocol


class Camera(Protocol):
    """What a 3D view offers to `camera(s, p, view)`; without that rule it chases the first body.

    Attributes:
        agent: over whose shoulder a person looks, -1 for nobody's.  Where the picture depends on it, two people who play
            have one each, side by side.
    """

    agent: int

    def chase(self, x: float, y: float, z: float, *, heading: float, distance: float, height: float) -> None:
        """Look at (x, y, z) from `distance` behind it, `height` above it; `heading` is where it goes, from +x."""

    def orbit(self, x: float, y: float, z: float, *, angle: float, elevation: float, distance: float) -> None:
        """Look at (x, y, z) from a sphere around it."""

    def tilt(self, right: float, forward: float) -> None:
        """Show the world leaning about what the camera looks at: its right side and its far side down."""
