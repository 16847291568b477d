"""What commands show, and how they outlive a display that breaks.

All text goes to the standard streams as `standard_streams` prepares them.  They take any character in any encoding,
let no control characters of others through to a terminal, and never raise: a stream that fails (a full disk, a reader
that left, a closed terminal) remembers why and drops the rest.  A command whose whole point is its output uses `show`,
which then ends it; training goes on.
"""

import codecs
import contextlib
import errno
import io
import os
import re
import shlex
import shutil
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TextIO, cast

from puffer_arena.errors import OutputError

WIDE = 400  # columns, where the output is no terminal
STAND_INS = str.maketrans("━─│╭╮╰╯┃╌…·•²³▁▂▃▄▅▆▇█—→←≥≤", "=-|++++|-~-*23_.,-=+*#-><><")
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
HARMLESS = re.compile(
    r"(ray:)?(gymnasium|gymnasium-vector|minigrid|ale|pettingzoo):[\w-]+(/[\w-]+)?(:drawn)?"
)  # no module
LABEL = re.compile(r"\s*[A-Z]\w*\s{2,}(?=\S)")  # as in "Actions       Discrete(4)"
PROGRESS_SECONDS = {True: 0.5, False: 20.0}  # between signs of life, in a terminal and elsewhere
FIRST_PROGRESS_SECONDS = 2.0


class Stream(io.TextIOBase):
    """A standard stream that never raises.

    Args:
        stream: the one that Python opened; None where it was closed.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream
        self.trouble: OSError | ValueError | None = None  # the first; what came later was dropped

    @property
    def encoding(self) -> str:  # type: ignore[override]  # read-only is enough
        return getattr(self._stream, "encoding", None) or "utf-8"

    def write(self, text: str) -> int:
        """Write, or drop the text."""
        self._attempt(lambda stream: stream.write(text))
        return len(text)

    def flush(self) -> None:
        """Flush what was written."""
        self._attempt(lambda stream: stream.flush())

    def isatty(self) -> bool:
        """Tell whether a person looks at it."""
        with contextlib.suppress(OSError, ValueError):
            return self.trouble is None and self._stream is not None and self._stream.isatty()
        return False

    def fileno(self) -> int:
        """Return the file descriptor.

        Raises:
            OSError: there is none.
        """
        if self._stream is None:
            raise io.UnsupportedOperation("fileno")
        return self._stream.fileno()

    def writable(self) -> bool:
        """Return True: whatever comes is taken."""
        return True

    def _attempt(self, action: Callable[[TextIO], object]) -> None:
        if self.trouble is not None:
            return
        try:
            if self._stream is None:
                raise OSError(errno.EBADF, "it is closed")
            action(self._stream)
        except (OSError, ValueError) as error:  # ValueError: somebody closed it
            self.trouble = error
            self._silence()

    def _silence(self) -> None:
        """Let what is still buffered go nowhere, or Python's end would fail on it."""
        with contextlib.suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)


@contextlib.contextmanager
def standard_streams() -> Iterator[None]:
    """Make the standard streams fit for whatever comes, as long as a command runs."""
    _occupy_descriptors()
    before = sys.stdout, sys.stderr
    for stream in before:
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="puffer_arena")
    sys.stdout, sys.stderr = (cast(TextIO, Stream(stream)) for stream in before)
    try:
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        sys.stdout, sys.stderr = before


def show(text: str) -> None:
    """Print what the person asked for.

    Raises:
        OutputError: it cannot be written.
    """
    print(printable(text), flush=True)
    check()


def check() -> None:
    """Do nothing while the standard output can be written.

    Raises:
        OutputError: it cannot.
    """
    if error := trouble():
        raise OutputError(f"cannot write to the standard output: {reason(error)}") from error


def trouble() -> Exception | None:
    """Return what is wrong with the standard output, None for nothing."""
    return getattr(sys.stdout, "trouble", None)


def reason(error: Exception) -> str:
    """Return in few words what went wrong."""
    text = getattr(error, "strerror", None) or str(error)
    return text if isinstance(error, OSError) else f"{type(error).__name__}: {text}".rstrip(": ")


def printable(text: str) -> str:
    """Return text without control characters: they would steer the terminal."""
    return CONTROL.sub(lambda found: f"\\x{ord(found.group()):02x}", text)


def command_line(*words: object) -> str:
    """Return a command of ours that can be pasted into a shell, whatever its words hold."""
    texts = ["python", "-m", "puffer_arena", *map(str, words)]
    return subprocess.list2cmdline(texts) if os.name == "nt" else shlex.join(texts)


def naming(arguments: Sequence[str], recorded: str) -> str:
    """Return the command by which a person names the environment that a file is of, as it was typed otherwise.

    The file's own word for it goes in where nothing but an entry of a known library can hide behind that.
    """
    env = recorded if HARMLESS.fullmatch(recorded) else "ENV"
    command, *rest = arguments
    return command_line(command, env, *rest) if command == "train" else command_line(command, *rest, "--env", env)


def width() -> int:
    """Return the columns of the terminal, `WIDE` without one."""
    return max(shutil.get_terminal_size((WIDE, 24)).columns, 20)


def reflow(text: str, columns: int) -> str:
    """Fill paragraphs anew; indented lines and labelled entries ("Actions   ...") keep their shape."""
    paragraphs: list[tuple[str, int]] = []  # with what later lines are indented by
    for line in text.splitlines():
        label = LABEL.match(line)
        indent = len(line) - len(line.lstrip())
        goes_on = paragraphs and paragraphs[-1][0].strip() and line.strip() and not label
        if goes_on and indent == paragraphs[-1][1] and not line.lstrip().startswith("python -m"):
            paragraphs[-1] = (f"{paragraphs[-1][0]} {line.strip()}", indent)
        else:
            paragraphs.append((line, len(label.group()) if label else indent))
    return "\n".join(fill(paragraph, columns, hang) for paragraph, hang in paragraphs)


def fill(line: str, columns: int, hang: int) -> str:
    """Break a line that is too long between words, and indent what follows by `hang`; commands stay whole."""
    if len(line) <= columns or line.lstrip().startswith("python -m"):
        return line
    indent = " " * min(hang, columns // 2)
    return textwrap.fill(line, columns, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


class Waiting:
    """A sign of life on stderr while a command works in silence.

    In a terminal it is one line that changes and goes in the end; elsewhere a line now and then.

    Args:
        clock: seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._terminal = clock, sys.stderr.isatty()
        self._next = clock() + (FIRST_PROGRESS_SECONDS if self._terminal else PROGRESS_SECONDS[False])
        self._shown = 0  # characters in the terminal

    def __enter__(self) -> "Waiting":
        return self

    def __exit__(self, *_: object) -> None:
        self._erase()

    def due(self) -> bool:
        """Tell whether the last sign is a while ago."""
        return self._clock() >= self._next

    def tell(self, text: str) -> None:
        """Show how far the work is."""
        self._next = self._clock() + PROGRESS_SECONDS[self._terminal]
        self._erase()
        if self._terminal:
            text = text[: width() - 1]
            self._shown = len(text)
        print(text, end="" if self._terminal else "\n", file=sys.stderr, flush=True)

    def _erase(self) -> None:
        if self._shown:
            print(f"\r{' ' * self._shown}\r", end="", file=sys.stderr, flush=True)
            self._shown = 0


def _occupy_descriptors() -> None:
    """Open what was closed (`>&-`) to nowhere, or the next file that is opened would be the standard output."""
    with contextlib.suppress(OSError):
        while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
            pass
        os.close(descriptor)


def _encode_otherwise(error: UnicodeError) -> tuple[str | bytes, int]:
    """Stand in for characters that an encoding lacks; bytes of file names go out as they came."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    try:
        return text.encode("ascii", "surrogateescape"), error.end
    except UnicodeEncodeError:
        plain = text.translate(STAND_INS)
        return plain.encode("ascii", "replace").decode(), error.end


codecs.register_error("puffer_arena", _encode_otherwise)
