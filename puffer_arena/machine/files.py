"""Files that a crash leaves old or new, written beside, to the disk, and renamed; and tables of JSON, read with care."""

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a file beside `path` to be written, and put it in its place once the body is done.

    Raises:
        OSError: it cannot be written; the old file is as it was, as it is where the body raises.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield beside
        with beside.open("rb+") as file:
            os.fsync(file.fileno())
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)  # it is not there any more, if all went well
    _sync_folder(path.parent)


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file whole; see `replacing`.

    Raises:
        OSError: the disk is full or the folder cannot be written; the old file is as it was.
    """
    with replacing(path) as beside:
        beside.write_bytes(data)


def read_json_table(path: Path, most_bytes: int) -> dict[str, Any]:
    """Return the table in a JSON file of at most so many bytes; {} where it is not there, damaged, or no table."""
    try:
        found = json.loads(path.read_bytes()) if path.stat().st_size <= most_bytes else None
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _sync_folder(folder: Path) -> None:
    """Bring a rename to the disk, where the system can."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # some network file systems cannot; the file itself is on the disk
            os.fsync(handle)
    finally:
        os.close(handle)
