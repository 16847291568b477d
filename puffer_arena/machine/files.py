"""Writing files so that a crash leaves the old one or the new one: beside it, to the disk, renamed."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path


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
