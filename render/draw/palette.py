"""Colours by name, of the palette that people chose, and the one font."""

from functools import cache
from importlib.resources import files

from puffer_arena.core.palette import DARK, Rgb, load_palette
from puffer_arena.errors import UnknownName, suggest

CAP_HEIGHT = 0.727  # of Inter, in ems: text is centred on its capitals
ASCENT, DESCENT = 0.96875, 0.2412  # of Inter, in ems


_chosen = [DARK]


def choose_palette(name: str) -> None:
    """Draw in another palette from now on; pictures that are drawn already stay as they are.

    Raises:
        UnknownName: there is no such palette.
    """
    load_palette(name)
    _chosen[0] = name


def color(name: str) -> Rgb:
    """Return one colour.

    Raises:
        UnknownName: the palette has no such colour.
    """
    palette = load_palette(_chosen[0])
    if name not in palette:
        raise UnknownName(f"unknown colour '{name}'; {suggest(name, palette)} (assets/palette.toml)")
    return palette[name]


def mix(first: str, second: str, share: float) -> Rgb:
    """Return `share` of `second` blended into `first`."""
    pairs = zip(color(first), color(second), strict=True)
    red, green, blue = (round(a + (b - a) * share) for a, b in pairs)
    return red, green, blue


@cache
def font_bytes() -> bytes:
    """Return the font file: Inter Medium, see tools/make_font.py."""
    return (files("puffer_arena.assets") / "fonts" / "Inter.ttf").read_bytes()
