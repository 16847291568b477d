"""The abstract canvas that an environment draws on, and one that only records.

Coordinates are world units of the environment's choosing: `view` sets the rectangle that must be visible, and the
backend scales it to the pixels it has, keeping the aspect.  Grids use x = column, y = row with row 0 at
the top; worlds with y up call `view` with `up=True`.  Colours are names of the palette
(`assets/palette.toml`), so every picture matches every other.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from puffer_arena.core.fields import Array

Point = tuple[float, float]


class Canvas(Protocol):
    """What a drawing backend offers; lengths are world units, angles radians.

    `moment` is the part of the last step that has passed, 0 to 1: what moves from cell to cell is drawn on its way
    (`core.tiles.between`), and an event fades.  At 1 everything is where the state says, as in pictures of one state.
    """

    moment: float

    def view(
        self, width: float, height: float, *, left: float = 0.0, low: float = 0.0, up: bool = False, bleed: bool = False
    ) -> None:
        """Show the rectangle from (left, low), `width` by `height`; `up` puts y upwards. Call it first.

        What is drawn outside of it is cut off; with `bleed` it fills the rest of a picture of another shape, so that
        ground and sky drawn far beyond the rectangle have no edge.
        """

    def rect(
        self, x: float, y: float, width: float, height: float, color: str, *, radius: float = 0.0, alpha: float = 1.0
    ) -> None:
        """Fill the rectangle with its corner of least coordinates at (x, y); `radius` rounds its corners."""

    def circle(self, x: float, y: float, radius: float, color: str, *, alpha: float = 1.0) -> None:
        """Fill a disc."""

    def ring(self, x: float, y: float, radius: float, color: str, *, width: float = 0.05, alpha: float = 1.0) -> None:
        """Draw a circle's outline."""

    def line(self, points: Sequence[Point], color: str, *, width: float = 0.05, alpha: float = 1.0) -> None:
        """Draw a line through `points` with round ends."""

    def polygon(self, points: Sequence[Point], color: str, *, alpha: float = 1.0) -> None:
        """Fill a convex polygon."""

    def text(
        self, x: float, y: float, text: str, color: str = "text", *, size: float = 0.5, anchor: str = "center"
    ) -> None:
        """Write `text`, `size` high, with its "center", "left" or "right" at (x, y)."""

    def picture(self, x: float, y: float, width: float, height: float, pixels: Array) -> None:
        """Show a picture, uint8 (rows, cols, 3), in a rectangle placed as by `rect`; its pixels stay sharp."""

    def agent(self, index: int, x: float, y: float, radius: float) -> None:
        """Tell where an agent is, so that the window can point out the one that a person steers or watches.

        In worlds in space x and y are the world's, in metres, and the moving body there is marked.
        """

    def status(self, text: str) -> None:
        """Say one short line about the state; the window shows it under the picture."""


@dataclass
class RecordingCanvas:
    """A canvas that keeps its primitives as (name, arguments): for tests and for sending elsewhere."""

    moment: float = 1.0
    primitives: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    message: str = ""
    agents: dict[int, tuple[float, float, float]] = field(default_factory=dict)  # index -> x, y, radius

    def _keep(self, kind: str, **arguments: Any) -> None:
        self.primitives.append((kind, arguments))

    def view(
        self, width: float, height: float, *, left: float = 0.0, low: float = 0.0, up: bool = False, bleed: bool = False
    ) -> None:
        self._keep("view", width=width, height=height, left=left, low=low, up=up, bleed=bleed)

    def rect(
        self, x: float, y: float, width: float, height: float, color: str, *, radius: float = 0.0, alpha: float = 1.0
    ) -> None:
        self._keep("rect", x=x, y=y, width=width, height=height, color=color, radius=radius, alpha=alpha)

    def circle(self, x: float, y: float, radius: float, color: str, *, alpha: float = 1.0) -> None:
        self._keep("circle", x=x, y=y, radius=radius, color=color, alpha=alpha)

    def ring(self, x: float, y: float, radius: float, color: str, *, width: float = 0.05, alpha: float = 1.0) -> None:
        self._keep("ring", x=x, y=y, radius=radius, color=color, width=width, alpha=alpha)

    def line(self, points: Sequence[Point], color: str, *, width: float = 0.05, alpha: float = 1.0) -> None:
        self._keep("line", points=tuple(points), color=color, width=width, alpha=alpha)

    def polygon(self, points: Sequence[Point], color: str, *, alpha: float = 1.0) -> None:
        self._keep("polygon", points=tuple(points), color=color, alpha=alpha)

    def text(
        self, x: float, y: float, text: str, color: str = "text", *, size: float = 0.5, anchor: str = "center"
    ) -> None:
        self._keep("text", x=x, y=y, text=text, color=color, size=size, anchor=anchor)

    def picture(self, x: float, y: float, width: float, height: float, pixels: Array) -> None:
        self._keep("picture", x=x, y=y, width=width, height=height, pixels=pixels)

    def agent(self, index: int, x: float, y: float, radius: float) -> None:
        self.agents[index] = x, y, radius

    def status(self, text: str) -> None:
        self.message = text
