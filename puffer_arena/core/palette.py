"""The palette: colours by name, from assets/palette.toml."""

import tomllib
from functools import cache
from importlib.resources import files

Rgb = tuple[int, int, int]


@cache
def load_palette() -> dict[str, Rgb]:
    """Return every colour of the palette as (red, green, blue), 0 to 255."""
    named = tomllib.loads((files("puffer_arena.assets") / "palette.toml").read_text(encoding="utf-8"))
    return {name: (int(value[1:3], 16), int(value[3:5], 16), int(value[5:7], 16)) for name, value in named.items()}
