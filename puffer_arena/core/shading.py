"""Light and shade in a few calls of a canvas, so that round things look round and quick ones quick.

The light comes from above and the left; `up` says whether y grows upwards, as in `Canvas.view`.
"""

from puffer_arena.core.canvas import Canvas


def orb(canvas: Canvas, x: float, y: float, radius: float, color: str, *, lift: float = 0.15, up: bool = True) -> None:
    """Draw a lit ball or disc that floats `lift` radii above its soft shadow."""
    down = -1.0 if up else 1.0
    for size, alpha in ((1.12, 0.18), (1.0, 0.28)):
        canvas.circle(x + lift * radius, y + down * 1.6 * lift * radius, size * radius, "shadow", alpha=alpha)
    canvas.circle(x, y, radius, color)
    canvas.circle(x, y, radius, "shadow", alpha=0.22)
    canvas.circle(x - 0.1 * radius, y - down * 0.12 * radius, 0.84 * radius, color)
    canvas.circle(x - 0.32 * radius, y - down * 0.38 * radius, 0.3 * radius, "white", alpha=0.3)


def glow(canvas: Canvas, x: float, y: float, radius: float, color: str, *, strength: float = 0.3) -> None:
    """Draw a soft spot of light, `strength` opaque in its middle."""
    for part in (1.0, 0.84, 0.68, 0.52, 0.36, 0.2):
        canvas.circle(x, y, part * radius, color, alpha=0.3 * strength)


def streak(
    canvas: Canvas, x: float, y: float, vx: float, vy: float, width: float, color: str, *, seconds: float = 0.2
) -> None:
    """Draw the tapering trail of a thing at (x, y) that moves by (vx, vy) a second."""
    for part in (1.0, 0.7, 0.4):
        end = x - part * seconds * vx, y - part * seconds * vy
        canvas.line([(x, y), end], color, width=(1.1 - 0.6 * part) * width, alpha=0.16)


def bands(
    canvas: Canvas, left: float, low: float, width: float, height: float, colors: tuple[str, ...], *, steps: int = 4
) -> None:
    """Fill a rectangle from its least y on with colours that pass into one another, `steps` bands for each."""
    each = height / len(colors)
    for k, color in enumerate(colors):
        canvas.rect(left, low + k * each, width, each * 1.01, color)
        part = each / steps
        for step in range(steps if k else 0):  # what is left of the colour before
            canvas.rect(
                left, low + k * each + step * part, width, part, colors[k - 1], alpha=1.0 - (step + 0.5) / steps
            )
