"""The palettes: colours by name, from assets/palette.toml; pictures that agents see have the first, `dark`."""

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

from puffer_arena.errors import UnknownName, suggest

Rgb = tuple[int, int, int]
DARK = "dark"


@cache
def _named() -> dict[str, Any]:
    return tomllib.loads((files("puffer_arena.assets") / "palette.toml").read_text(encoding="utf-8"))


def list_palettes() -> list[str]:
    """Return the names of the palettes."""
    return [DARK, *(name for name, value in _named().items() if isinstance(value, dict))]


@cache
def load_palette(palette: str = DARK) -> dict[str, Rgb]:
    """Return every colour of a palette as (red, green, blue), 0 to 255.

    Raises:
        UnknownName: there is no such palette.
    """
    if palette not in list_palettes():
        raise UnknownName(f"unknown palette '{palette}'; {suggest(palette, list_palettes())}")
    named = {name: value for name, value in _named().items() if isinstance(value, str)}
    named |= {} if palette == DARK else _named()[palette]
    return {name: (int(value[1:3], 16), int(value[3:5], 16), int(value[5:7], 16)) for name, value in named.items()}
