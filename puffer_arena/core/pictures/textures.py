"""What rooms and things in pictures are made of: procedural textures, small tables that compiled code holds.

Materials are 32 by 32 texels to a metre and wrap around; shapes are as large and stand upright.  All is made of whole
numbers, so that every machine paints the same pictures.
"""

import numpy as np

from puffer_arena.core.fields import Array

SIDE = 32  # texels of a material or shape, a power of two
MATERIALS = ("plaster", "brick", "stone", "planks", "tiles", "hedge", "panels", "mosaic")
FLOORS = ("boards", "slabs", "carpet", "sand", "checks", "grass", "parquet", "gravel")
SHAPES = ("ball", "box", "cone", "gem", "key", "pillar")
# Colours of things, as red, green, blue; far apart, for people who see few colours too.
COLORS = {
    "rose": (255, 80, 104),
    "amber": (255, 194, 71),
    "leaf": (72, 196, 112),
    "sky": (92, 176, 255),
    "violet": (176, 126, 255),
    "white": (244, 246, 250),
}
BASES = {
    "plaster": (196, 178, 150),
    "brick": (168, 84, 66),
    "stone": (128, 134, 146),
    "planks": (150, 106, 66),
    "tiles": (90, 150, 168),
    "hedge": (66, 128, 70),
    "panels": (112, 104, 150),
    "mosaic": (186, 132, 156),
    "boards": (122, 90, 60),
    "slabs": (112, 116, 124),
    "carpet": (124, 62, 70),
    "sand": (182, 160, 116),
    "checks": (150, 154, 160),
    "grass": (80, 124, 66),
    "parquet": (142, 110, 76),
    "gravel": (104, 98, 92),
}


def _grain(number: int, cell: int = 1) -> Array:
    """Return whole numbers in -16 .. 15 that look random, (SIDE, SIDE), alike within squares of `cell` texels."""
    u, v = (np.arange(SIDE, dtype=np.uint32) // np.uint32(cell) for _ in range(2))
    mixed = u[:, None] * np.uint32(374761393) + v[None, :] * np.uint32(668265263) + np.uint32(number * 974711)
    mixed = (mixed ^ (mixed >> np.uint32(13))) * np.uint32(1274126177)
    mixed = (mixed ^ (mixed >> np.uint32(15))) * np.uint32(2246822519)
    return ((mixed >> np.uint32(16)) & np.uint32(31)).astype(np.int32) - 16


def _bricks(width: int, height: int, shifted: bool) -> tuple[Array, Array]:
    """Return where joints run between bricks, and a number for each brick, (SIDE, SIDE), by column u and row v."""
    u, v = np.meshgrid(np.arange(SIDE), np.arange(SIDE), indexing="ij")
    course = v // height
    along = u + (course % 2) * (width // 2) * shifted
    joint = (along % width == 0) | (v % height == 0)
    return joint, (along // width % (SIDE // width)) * 5 + course * 3


def _material(name: str, number: int) -> Array:
    """Return one material's lightness, (SIDE, SIDE) around 0, by column u and row v from the top."""
    u, v = np.meshgrid(np.arange(SIDE), np.arange(SIDE), indexing="ij")
    fine, coarse = _grain(number), _grain(number, 4)
    layouts = {  # width and height of the parts, whether courses are shifted, how dark their joints are
        "brick": (16, 8, True, 60),
        "stone": (32, 16, True, 44),
        "planks": (8, 32, False, 46),
        "tiles": (8, 8, False, -60),
        "panels": (16, 32, False, 50),
        "mosaic": (4, 4, False, 30),
        "boards": (32, 8, False, 34),
        "slabs": (32, 32, False, 40),
        "parquet": (16, 4, True, 26),
    }
    if name in layouts:
        width, height, shifted, depth = layouts[name]
        joint, part = _bricks(width, height, shifted)
        varied = (part * 37 % 41) - 20
        return np.where(joint, -depth, varied + fine // 3)
    if name == "checks":
        return np.asarray(np.where((u // 16 + v // 16) % 2 == 0, 34, -34) + fine // 4)
    if name == "carpet":
        return np.asarray(np.where((u + v) % 8 < 2, 24, -6) + fine // 2)
    if name == "plaster":
        return np.asarray(fine // 2 + np.where(v >= 26, -46, 0))  # with a skirting board
    if name == "hedge":
        return fine * 2 + coarse
    return fine // 2 + coarse // 3 if name == "sand" else fine + coarse


def _packed(red: Array, green: Array, blue: Array) -> Array:
    """Return colours as numbers, red in the lowest byte."""
    parts = [np.clip(part, 0, 255).astype(np.uint32) for part in (red, green, blue)]
    return np.asarray(parts[0] | parts[1] << np.uint32(8) | parts[2] << np.uint32(16))


def _shape(name: str) -> Array:
    """Return one shape's lightness, (SIDE, SIDE) by column u and row v: 0 where it is not, else 1 .. 255."""
    u, v = np.meshgrid(np.arange(SIDE), np.arange(SIDE), indexing="ij")
    x, y = 2 * u - 31, 2 * v - 31  # odd numbers in -31 .. 31
    if name == "ball":
        inside, light = x * x + y * y <= 961, 236 - ((x + 10) ** 2 + (y + 12) ** 2) // 10
    elif name == "box":
        inside, light = (abs(x) <= 27) & (y >= -23), np.where(y < -11, 246, np.where(x < 5, 196, 140))
    elif name == "cone":
        inside, light = 2 * abs(x) <= y + 31, 226 - (x + 31) * 2
    elif name == "gem":
        inside, light = abs(x) + abs(y) <= 31, np.where(y < 0, 236, 180) - np.where(x > 0, 56, 0)
    elif name == "key":
        bow = (x * x + (y + 16) ** 2 <= 225) & (x * x + (y + 16) ** 2 >= 36)
        bits = (x > 0) & (x <= 15) & (((y >= 14) & (y <= 18)) | ((y >= 24) & (y <= 28)))
        inside, light = bow | bits | ((abs(x) <= 3) & (y >= -2)), 232 - (x + 31)
    else:
        foot = (abs(x) <= 21) & ((y <= -23) | (y >= 23))
        inside, light = foot | (abs(x) <= 13), 240 - np.where(x > 0, x * 6, x * -2)
    return np.where(inside, np.clip(light, 1, 255), 0).astype(np.uint8)


def _surface(name: str, number: int) -> Array:
    light = _material(name, number)
    return _packed(*(np.asarray(base + base * light // 100) for base in BASES[name]))


# Colours by material, column and row; then those of walls stand before those of floors.
TEXELS: Array = np.stack([_surface(name, k) for k, name in enumerate((*MATERIALS, *FLOORS))]).reshape(-1)
SPRITES: Array = np.stack([_shape(SHAPES[k % len(SHAPES)]) for k in range(8)]).reshape(-1)
TINTS: Array = np.array([list(COLORS.values())[k % len(COLORS)] for k in range(8)], np.int64)
