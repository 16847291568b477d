"""Where a running trainer can be reached: `live.json` in its run folder, readable by its owner only."""

import contextlib
import json
import os
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from puffer_arena.errors import FileError, ParameterError, printable

FILE_NAME = "live.json"
MAX_BYTES = 10_000
KEY_DIGITS = 64


@dataclass(frozen=True)
class Address:
    """How to attach to one run.

    Raises:
        ParameterError: a part of it cannot be.
    """

    address: str  # tcp://127.0.0.1:5555
    key: str  # the run's public key for CURVE, which only those hold who may watch; in hexadecimal
    env: str  # id, module or file
    pid: int = 0  # of the trainer; 0 when it runs elsewhere

    def __post_init__(self) -> None:
        if not re.fullmatch(r"tcp://[\w.:%\[\]-]{1,200}:\d{1,5}", self.address):
            raise ParameterError(f"'{printable(self.address, 100)}' is no address; write it as tcp://127.0.0.1:5555")
        if not re.fullmatch(f"[0-9a-f]{{{KEY_DIGITS}}}", self.key):
            raise ParameterError(
                f"a key of {len(self.key)} characters that is not one of {KEY_DIGITS} hexadecimal digits; "
                "copy what the trainer printed"
            )
        if not 0 <= self.pid < 2**31:
            raise ParameterError("a process's number is from 0 to 2^31 - 1")


def write_address(run_dir: Path, address: Address) -> None:
    """Write the file beside and rename it; nobody else may read it."""
    path = run_dir / FILE_NAME
    beside = path.with_name(f".{FILE_NAME}.{os.getpid()}")
    with contextlib.suppress(FileNotFoundError):
        beside.unlink()
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(asdict(address), file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(beside, path)


def read_address(run_dir: Path) -> Address | None:
    """Return how to attach to the run, or None when it has no such file.

    Raises:
        FileError: the file is damaged.
    """
    path = run_dir / FILE_NAME
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return None
    with contextlib.suppress(ValueError, TypeError, RecursionError):
        values: dict[str, Any] = json.loads(data[:MAX_BYTES])
        address = Address(**values)
        if all(type(value) is type(getattr(EXAMPLE, name)) for name, value in values.items()):
            return address
    raise FileError(f"{path} is damaged; if nothing trains in that folder any more, delete it")


def remove_address(run_dir: Path, pid: int) -> None:
    """Delete the file, unless another process has written it since."""
    with contextlib.suppress(FileNotFoundError, FileError):
        address = read_address(run_dir)
        if address is not None and address.pid == pid:
            (run_dir / FILE_NAME).unlink()


EXAMPLE = Address("tcp://127.0.0.1:5555", "0" * KEY_DIGITS, "snake", 1)
