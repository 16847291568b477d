"""A bot's file: named arrays and a JSON description, laid out as safetensors, read with numpy alone.

Files come from anywhere, so reading believes nothing: every size is compared with what is there before anything is
made of it, a checksum covers each byte, and nothing in a file is ever executed.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from puffer_arena.errors import FileError

Numbers = NDArray[Any]
KIND, VERSION = "puffer_arena bot", 1
MOST_BYTES = 256 << 20
MOST_HEADER_BYTES = 16 << 20
MOST_ARRAYS = 4096
MOST_AXES = 8
NO_DIGEST = "0" * 64  # what stands in the digest's place while the digest is taken
DTYPES = {
    "F16": "<f2",
    "F32": "<f4",
    "F64": "<f8",
    "I8": "|i1",
    "U8": "|u1",
    "I16": "<i2",
    "U16": "<u2",
    "I32": "<i4",
    "U32": "<u4",
    "I64": "<i8",
    "U64": "<u8",
    "BOOL": "|b1",
}


def pack(about: dict[str, Any], arrays: dict[str, Numbers]) -> bytes:
    """Return a description and arrays as the bytes of a file."""
    names = sorted(arrays, key=lambda name: (-arrays[name].dtype.itemsize, name))  # aligned without gaps
    codes = {np.dtype(dtype): code for code, dtype in DTYPES.items()}
    labels = {"kind": KIND, "version": str(VERSION), "about": json.dumps(about, allow_nan=False), "sha256": NO_DIGEST}
    table: dict[str, Any] = {"__metadata__": labels}
    parts, at = [], 0
    for name in names:
        array = arrays[name]
        data = np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes()
        span = [at, at + len(data)]
        table[name] = {"dtype": codes[array.dtype.newbyteorder("<")], "shape": list(array.shape), "data_offsets": span}
        parts.append(data)
        at += len(data)
    header = json.dumps(table, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    whole = len(header).to_bytes(8, "little") + header + b"".join(parts)
    return whole.replace(NO_DIGEST.encode(), hashlib.sha256(whole).hexdigest().encode(), 1)


def unpack(data: bytes, name: str) -> tuple[dict[str, Any], dict[str, Numbers]]:
    """Return the description and the arrays in a file's bytes; the arrays are views that cannot be written.

    Args:
        name: what to call the file in errors.

    Raises:
        FileError: truncated, damaged, no bot, or from a newer version.
    """
    try:
        size = int.from_bytes(data[:8], "little")
        if len(data) < 8 or size > min(MOST_HEADER_BYTES, len(data) - 8):
            raise ValueError("its header is cut off or too long")
        header = data[8 : 8 + size]
        table = _strict_json(header)
        labels = table.pop("__metadata__")
        kind, version, about, digest = (labels[key] for key in ("kind", "version", "about", "sha256"))
        number = int(version) if str(version).isascii() and str(version).isdigit() else 0
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise FileError(f"{name} is truncated, damaged or no bot ({brief(error)})") from None
    if kind != KIND:
        raise FileError(f"{name} is a {str(kind)[:80]!r}, not a bot; make one with: python -m puffer_arena export")
    if number > VERSION:
        raise FileError(f"{name} is a bot of version {number}; {VERSION} is the newest known here: update the runtime")
    try:
        if number < 1:
            raise ValueError(f"its version is {str(version)[:20]!r}")
        if digest == NO_DIGEST or data.count(digest.encode(), 8, 8 + size) != 1:
            raise ValueError("it has no checksum")
        if hashlib.sha256(data.replace(digest.encode(), NO_DIGEST.encode(), 1)).hexdigest() != digest:
            raise ValueError("its checksum does not fit its content")
        described = _strict_json(about)
        arrays = _arrays(table, memoryview(data)[8 + size :])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise FileError(f"{name} is damaged: {brief(error)}") from None
    return described, arrays


def read_file(path: str | Path) -> bytes:
    """Read a whole file, unless it is absurdly large.

    Raises:
        FileError: it cannot be read, or has more than MOST_BYTES.
    """
    try:
        with open(path, "rb") as file:
            data = file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        raise FileError(f"'{path}' cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if len(data) > MOST_BYTES:
        raise FileError(f"'{path}' has more than {MOST_BYTES} bytes; no bot is so large")
    return data


def brief(error: BaseException) -> str:
    """Return what went wrong in one short line, whatever of the file is quoted in it."""
    return " ".join(str(error).split())[:200]


def _strict_json(text: str | bytes) -> dict[str, Any]:
    """Read a JSON object without NaN and infinities."""

    def refuse(constant: str) -> None:
        raise ValueError(f"{constant} is no number")

    found = json.loads(text, parse_constant=refuse)
    if not isinstance(found, dict):
        raise ValueError("its description is no table")
    return found


def _arrays(table: dict[str, Any], data: memoryview) -> dict[str, Numbers]:
    """Return views of the arrays in `data`, which they must fill without gaps.

    Raises:
        ValueError, KeyError, TypeError: an entry that cannot be.
    """
    if len(table) > MOST_ARRAYS:
        raise ValueError(f"it has {len(table)} arrays; at most {MOST_ARRAYS} are read")
    found, end = {}, 0
    for name, entry in sorted(table.items(), key=lambda item: item[1]["data_offsets"]):
        shape, (first, last) = entry["shape"], entry["data_offsets"]
        dtype = np.dtype(DTYPES[entry["dtype"]])
        if len(shape) > MOST_AXES or not all(type(n) is int and 0 <= n < 2**31 for n in shape):
            raise ValueError(f"'{name[:40]}' has shape {str(shape)[:60]}")
        size = dtype.itemsize
        for length in shape:
            size *= length
        if first != end or last - first != size or last > len(data):
            raise ValueError(f"'{name[:40]}' does not lie where it should")
        found[name] = np.frombuffer(data[first:last], dtype).reshape(shape)
        end = last
    if end != len(data):
        raise ValueError(f"{len(data) - end} bytes too many follow its arrays")
    return found
