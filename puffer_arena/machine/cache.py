"""Machine code on disk, so that a kernel compiles once a machine.

A file holds one kernel's code for one signature. Its name is a digest of all that the code
depends on, so nothing in it ever changes; it begins with a checksum of the rest:

    MAGIC, SHA-256 of what follows, pickled (key, parts of Numba's result)

Unpickling runs what a file says, and its machine code runs as it is. So files are read from a
folder only that belongs to this user and is closed to all others, and the checksum is compared
before anything is unpickled. Whatever is wrong with a file, the folder or the disk costs time and
nothing else: rules are compiled anew, and one line says why.

A file's time is the day of its last use; beyond MOST_BYTES the longest unused go.
"""

import contextlib
import functools
import hashlib
import importlib
import os
import pickle
import re
import shlex
import stat
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from puffer_arena.machine.notices import say_once

MAGIC = b"puffer_arena kernel 1\n"
CHECKSUM = 32  # bytes of a SHA-256
SHUT, UNWRITABLE = 0o077, 0o022  # what others may not do to the folder, and to a file in it
MOST_BYTES = 1_000_000_000  # of all files; some thousand kernels
DAY = 86_400.0  # seconds
ANEW = "rules are compiled anew"


class KernelCache:
    """One kernel's code on disk, as Numba asks for it.

    Args:
        name: the kernel's, with a fingerprint of all that it is made of.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def load_overload(self, signature: Any, target: Any) -> Any:
        """Return the compiled kernel for a signature, or None where it must be compiled."""
        target.refresh()
        key = self._key(signature, target.codegen())
        path = self._path(key)
        data = read(path) if path else None
        if data is None:
            return None
        result: Any = importlib.import_module("numba.core.compiler").CompileResult
        try:
            kept, known, parts = pickle.loads(data)
            return result._rebuild(target, *parts) if (kept, known) == (key, signature) else None
        except Exception as error:  # of whatever class: a file that cannot be used must not stop anything
            say_once(f"the compile cache holds what cannot be loaded here ({type(error).__name__}: {error}); {ANEW}")
            return None

    def save_overload(self, signature: Any, result: Any) -> None:
        """Keep a compiled kernel."""
        if result.library.has_dynamic_globals:  # addresses in this process
            say_once(
                f"'{self._name}' reads an array too large to be kept with its code, and is compiled anew every time"
            )
            return
        key = self._key(signature, result.codegen)
        if path := self._path(key):
            dumps: Any = importlib.import_module("numba.core.serialize").dumps
            write(path, dumps((key, signature, result._reduce())))

    def _key(self, signature: Any, codegen: Any) -> tuple[str, ...]:
        return self._name, str(signature), repr(codegen.magic_tuple()), str(sys.implementation.cache_tag)

    def _path(self, key: tuple[str, ...]) -> Path | None:
        """Return a key's file, or None where nothing can be kept."""
        folder = find_folder()
        if folder is None or not is_ours(folder):
            return None
        word = re.sub(r"[^\w.]", "", self._name, flags=re.ASCII)[:60]  # for people who look into the folder
        return folder / f"{word}-{hashlib.sha256(repr(key).encode()).hexdigest()[:32]}"


def find_folder() -> Path | None:
    """Return where kernels are kept: below PUFFER_ARENA_CACHE or the user's cache folder, if any."""
    if chosen := os.environ.get("PUFFER_ARENA_CACHE"):
        return Path(chosen).absolute() / "kernels"
    home = Path(os.path.expanduser("~"))
    if not home.is_absolute():
        say_once(
            f"there is no home folder for a compile cache; {ANEW} in every process; set PUFFER_ARENA_CACHE to a folder"
        )
        return None
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or home) / "puffer_arena" / "cache" / "kernels"
    if sys.platform == "darwin":
        return home / "Library" / "Caches" / "puffer_arena" / "kernels"
    given = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (given if given.is_absolute() else home / ".cache") / "puffer_arena" / "kernels"


@functools.cache
def is_ours(folder: Path) -> bool:
    """Make the folder where there is none, and tell whether its files may be trusted, or say why."""
    try:
        for made in (folder.parent, folder):
            made.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.lstat()
        problem = "is no folder" if not stat.S_ISDIR(found.st_mode) else find_stranger(found, SHUT)
    except OSError as error:
        problem = f"cannot be made ({error.strerror})"
    if problem:
        private = f"chmod 700 {shlex.quote(str(folder))}, or set PUFFER_ARENA_CACHE to a folder of your own"
        say_once(f"the compile cache '{folder}' {problem}; {ANEW} in every process.  To keep them: {private}")
    return not problem


def find_stranger(found: os.stat_result, forbidden: int) -> str:
    """Return who else has a hand in a file or folder, in words; "" for nobody."""
    if sys.platform == "win32":  # a user's own folders are closed there
        return ""
    if found.st_uid != os.geteuid():
        return f"belongs to user {found.st_uid}, and this is user {os.geteuid()}"
    if found.st_mode & forbidden:
        return f"is open to others (mode {stat.S_IMODE(found.st_mode):o})"
    return ""


def read(path: Path) -> bytes | None:
    """Return what a file holds if its owner and checksum are right; None where there is none."""
    try:
        with path.open("rb") as file:
            found = os.fstat(file.fileno())
            problem = find_stranger(found, UNWRITABLE)
            data = b"" if problem else file.read()
        if time.time() - found.st_mtime > DAY:
            with contextlib.suppress(OSError):
                os.utime(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        problem, data = f"cannot be read ({error.strerror})", b""
    start = len(MAGIC) + CHECKSUM
    if not problem and data[:start] != MAGIC + hashlib.sha256(data[start:]).digest():
        problem = "is damaged"
    if problem:
        say_once(f"a file of the compile cache '{path.parent}' {problem}; {ANEW}")
        return None
    return data[start:]


def write(path: Path, data: bytes) -> None:
    """Put a file in its place, whole or not at all."""
    temporary = ""
    try:
        handle, temporary = tempfile.mkstemp(prefix=f"{path.name}.", suffix=".tmp", dir=path.parent)
        with open(handle, "wb") as file:
            file.write(MAGIC + hashlib.sha256(data).digest() + data)
        os.replace(temporary, path)
        prune(path.parent, MOST_BYTES)
    except OSError as error:
        if sys.platform == "win32" and path.exists():  # another process keeps the same, or reads it
            return
        say_once(f"the compile cache '{path.parent}' cannot be written ({error.strerror}); {ANEW} in every process")
    finally:
        if temporary:
            with contextlib.suppress(OSError):  # it is not there any more, if all went well
                os.unlink(temporary)


def prune(folder: Path, most: int) -> None:
    """Delete what was not used for longest until a folder holds `most` bytes; other processes may do the same."""
    with os.scandir(folder) as entries:
        files = [(entry.stat(follow_symlinks=False), entry.path) for entry in entries]
    total = sum(found.st_size for found, _ in files)
    for found, path in sorted(files, key=lambda file: file[0].st_mtime):
        if total <= most:
            break
        with contextlib.suppress(OSError):  # another process has deleted it, or (Windows) reads it
            os.unlink(path)
        total -= found.st_size
