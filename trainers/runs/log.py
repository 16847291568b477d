"""What a run writes while it goes on: checkpoints, metrics as JSON lines and as TensorBoard events.

TensorBoard's event files are written with its own record format, one event per update, without its background
threads: a write costs microseconds and an error comes back at once.
"""

import contextlib
import errno
import json
import os
import socket
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from puffer_arena.errors import TrainingError
from puffer_arena.machine.files import write_bytes

TENSORBOARD_SECONDS = 1.0  # between events


def find_checkpoints(folder: Path) -> list[Path]:
    """Return the checkpoints in a run's folder, oldest first."""
    found = (folder / "checkpoints").glob("*.safetensors")
    found = (path for path in found if path.stem.isascii() and path.stem.isdigit())
    return sorted(found, key=lambda path: int(path.stem))


class Lock:
    """Keeps a run's folder to one process while it is trained; it goes with the process, however that ends."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file: IO[bytes] | None = None

    def __enter__(self) -> "Lock":
        """Take the folder, where anything can be written: elsewhere nothing gets mixed up.

        Raises:
            TrainingError: another process holds it.
        """
        with contextlib.suppress(OSError):
            holder = self._take()
            if holder is not None:
                raise TrainingError(f"run '{self.folder}' is being trained by process {holder}; stop that one first")
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()
        self._file = None

    def renew(self) -> None:
        """Take a folder that somebody deleted and that was made again.

        Raises:
            OSError: it cannot be written, or another process holds it now.
        """
        if self._file is not None:
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(self._file.fileno()), (self.folder / "lock").stat()):
                    return
        self.__exit__()
        if (holder := self._take()) is not None:
            raise OSError(f"process {holder} trains there now")

    def _take(self) -> str | None:
        """Lock the folder; return the process that has done so before, or None."""
        file = (self.folder / "lock").open("ab+", buffering=0)
        if not _lock(file):
            with file:
                file.seek(0)
                return file.read(20).decode("ascii", "replace")
        self._file = file
        file.truncate(0)
        file.write(str(os.getpid()).encode())
        return None


def _lock(file: IO[bytes]) -> bool:
    """Lock a file for as long as it is open; False where another process has."""
    try:
        if sys.platform == "win32":
            import msvcrt

            file.seek(1 << 20)  # far behind what others may read
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in (errno.EACCES, errno.EAGAIN)  # a file system without locks keeps nobody out
    return True


class MetricsFile:
    """metrics.jsonl: one JSON object per update."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._broken = False  # the last line may be half a line

    def write(self, metrics: dict[str, float]) -> None:
        """Append one line.

        Raises:
            OSError: the disk is full or the folder cannot be written.
        """
        line = json.dumps({name: _short(value) for name, value in metrics.items()}) + "\n"
        data = (("\n" if self._broken else "") + line).encode()
        self._broken = True
        with self.path.open("ab", buffering=0) as file:
            if file.write(data) != len(data):
                raise OSError("the line was written in part only")
        self._broken = False

    def cut_after(self, updates: int) -> None:
        """Drop lines of updates after `updates`, which a run that goes on from there will do again.

        Raises:
            OSError: the file cannot be rewritten.
        """
        if not self.path.exists():
            return
        kept = [json.dumps(entry) for entry in read_metrics(self.path) if (entry.get("updates") or 0) <= updates]
        write_bytes(self.path, "".join(line + "\n" for line in kept).encode())


def read_metrics(path: str | Path) -> list[dict[str, float | None]]:
    """Read a metrics.jsonl; lines that a crash cut short, and what is no number, are left out."""
    entries = []
    for line in Path(path).read_text("utf-8", "replace").splitlines():
        with contextlib.suppress(ValueError, RecursionError):
            entry = json.loads(line)
            if isinstance(entry, dict):
                numbers = {name: value for name, value in entry.items() if isinstance(value, int | float | None)}
                entries.append(numbers)
    return entries


def _short(value: float) -> float | int | None:
    if value != value or value in (float("inf"), float("-inf")):
        return None
    return int(value) if float(value).is_integer() and abs(value) < 2**53 else float(f"{value:.6g}")


def grouped(metrics: Mapping[str, float]) -> dict[str, float]:
    """Return metrics by the names under which trackers show them, in groups: what is in none is in `train`."""
    return {name if "/" in name else f"train/{name}": value for name, value in metrics.items()}


class TensorBoard:
    """An event file in `folder`, opened at the first write."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file: Any = None
        self._records: Any = None
        self._path = folder
        self._last = 0.0

    def due(self) -> bool:
        """Tell whether the last event is a while ago."""
        return time.time() - self._last >= TENSORBOARD_SECONDS

    def write(self, metrics: dict[str, float]) -> None:
        """Add an event.

        Raises:
            OSError: the disk is full or the folder cannot be written.
        """
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary

        self._last = now = time.time()
        if self._file is not None and not self._path.exists():  # somebody deleted it
            self.close()
        if self._file is None:
            self._open(int(metrics["steps"]))
        values = [Summary.Value(tag=name, simple_value=value) for name, value in grouped(metrics).items()]
        self._write(Event(wall_time=now, step=int(metrics["steps"]), summary=Summary(value=values)))

    def _open(self, steps: int) -> None:
        from tensorboard.compat.proto.event_pb2 import Event, SessionLog
        from tensorboard.summary.writer.record_writer import RecordWriter

        self.folder.mkdir(parents=True, exist_ok=True)
        name = f"events.out.tfevents.{int(time.time())}.{socket.gethostname()}.{os.getpid()}"
        self._path = self.folder / name
        self._file = self._path.open("ab", buffering=0)
        self._records = RecordWriter(self._file)
        self._write(Event(wall_time=time.time(), file_version="brain.Event:2"))
        # Viewers drop what an earlier, interrupted part of the run wrote beyond this step.
        self._write(Event(wall_time=time.time(), step=steps, session_log=SessionLog(status=SessionLog.START)))

    def _write(self, event: Any) -> None:
        try:
            self._records.write(event.SerializeToString())
        except OSError:
            self.close()  # half a record ends what can be read of this file; the next event begins another
            raise

    def close(self) -> None:
        """Close the event file."""
        if self._file is not None:
            self._file.close()
        self._file = None
