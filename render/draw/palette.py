"""Colours by name, from assets/palette.toml, and the one font."""

import tomllib
from functools import cache
from importlib.resources import files

from puffer_arena.errors import UnknownName, suggest

Rgb = tuple[int, int, int]
CAP_HEIGHT = 0.727  # of Inter, in ems: text is centred on its capitals
ASCENT, DESCENT = 0.96875, 0.2412  # of Inter, in ems


@cache
def load_palette() -> dict[str, Rgb]:
    """Return every colour of the palette as (red, green, blue), 0 to 255."""
    named = tomllib.loads((files("puffer_arena.assets") / "palette.toml").read_text(encoding="utf-8"))
    return {name: (int(value[1:3], 16), int(value[3:5], 16), int(value[5:7], 16)) for name, value in named.items()}


def color(name: str) -> Rgb:
    """Return one colour.

    Raises:
        UnknownName: the palette has no such colour.
    """
    palette = load_palette()
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
