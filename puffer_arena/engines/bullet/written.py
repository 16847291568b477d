"""What Panda tells of a shape only where it saves it: the axis it stands along, its points, its triangles.

Panda's Python interface has no getters for these, but writes them to its bam files, which may be bytes in memory.
Source: `write_datagram` of the classes in panda/src/bullet, for bam files of version 6 (Panda 1.10).
"""

import math
import struct
from typing import Any

import numpy as np
from panda3d.core import Datagram, DatagramIterator

from puffer_arena.core.fields import Array

MAGIC = b"pbj\0\n\r"  # a bam file begins so
MAJOR = 6  # version of the bam files that are read
OBJECTS = (0, 2)  # a record that begins so holds an object, or one that another refers to


def read_axis(shape: Any) -> int:
    """Return the axis that a cone, capsule or cylinder stands along, or a height field rises along: 0 is x."""
    fields = _read_records(shape)[shape.type.name]
    return fields[4] if shape.type.name == "BulletHeightfieldShape" else fields[-1]


def read_points(shape: Any) -> Array:
    """Return the points of a convex hull or of a point cloud; float64 (points, 3)."""
    fields = _read_records(shape)[shape.type.name]
    if shape.type.name == "BulletConvexHullShape":  # margin, count, points
        (count,) = struct.unpack_from("<I", fields, 4)
        return _floats(fields, 8, (count, 3))
    (count,) = struct.unpack_from("<I", fields, 12)  # scale, count, points
    return _floats(fields, 0, (3,)) * _floats(fields, 16, (count, 3))


def read_triangles(shape: Any) -> Array:
    """Return the corners of a mesh's triangles; float64 (triangles, 3, 3)."""
    fields = _read_records(shape)["BulletTriangleMesh"]
    # how near to each other points count as one, parts (one), points, triangles, whether indices were given in 32 bits
    _near, _parts, points, triangles, _wide = struct.unpack_from("<fiii?", fields)
    corners: Array = _floats(fields, 17, (points, 3))
    indices = np.frombuffer(fields, "<i4", 3 * triangles, 17 + 12 * points).reshape(-1, 3)
    return np.asarray(corners[indices])


def read_heights(shape: Any) -> Array:
    """Return the heights of a height field about its middle; float64 (rows along y, columns along x), a metre apart."""
    fields = _read_records(shape)[shape.type.name]
    _margin, _axis, highest, columns, rows = struct.unpack_from("<fBfii", fields)
    return np.asarray(_floats(fields, 17, (rows, columns)) - highest / 2)


def _read_records(shape: Any) -> dict[str, bytes]:
    """Write a shape, and return the fields of each object that was written, by the name of its type.

    Raises:
        ValueError: this Panda writes other files.
    """
    data = bytes(shape.encode_to_bam_stream())
    at, parts = len(MAGIC), []
    while at < len(data):
        (length,) = struct.unpack_from("<I", data, at)
        parts.append(data[at + 4 : at + 4 + length])
        at += 4 + length
    major, _minor, _endian, double = struct.unpack_from("<HHBB", parts[0])
    if not data.startswith(MAGIC) or major != MAJOR or double:
        raise ValueError(f"bam files of version {major} are unknown; version {MAJOR} of single precision is read")
    names: dict[int, str] = {}
    found = {}
    for part in parts[1:]:
        if part[0] in OBJECTS:
            record = Datagram(part)  # in a name, for the iterator does not keep it
            fields = DatagramIterator(record, 1)
            kind = _read_type(fields, names)
            fields.get_uint16()  # the object's number
            found[kind] = fields.get_remaining_bytes()
    return found


def _read_type(fields: DatagramIterator, names: dict[int, str]) -> str:
    """Read a type, which is spelled out with those it derives from where the file names it first."""
    index = fields.get_uint16()
    if index not in names:
        names[index] = fields.get_string()
        for _ in range(fields.get_uint8()):
            _read_type(fields, names)
    return names[index]


def _floats(fields: bytes, start: int, shape: tuple[int, ...]) -> Array:
    return np.frombuffer(fields, "<f4", math.prod(shape), start).astype(np.float64).reshape(shape)
