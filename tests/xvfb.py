"""A real X server without a screen, and hands on a real window in it, for tests."""

import ctypes
import json
import os
import queue
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.processes import MARK, forget_coverage

INSTALL = "apt-get install xvfb xdotool libgl1-mesa-dri"
DEADLINE = 600.0  # seconds; only a broken window takes so long, on the slowest machine too
ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def display(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Start an X server on a free display and return the environment that programs on it need."""
    for program in ("Xvfb", "xdotool"):
        if shutil.which(program) is None:
            pytest.fail(f"{program} is missing; install it with: {INSTALL}")
    read, write = os.pipe()
    command = [
        "Xvfb",
        "-displayfd",
        str(write),
        "-screen",
        "0",
        "1280x800x24",
        "+extension",
        "GLX",
        "-nolisten",
        "tcp",
        "-noreset",
    ]
    # In a session of its own, and without a test's mark: it outlives every test (see `processes`).
    server = subprocess.Popen(
        command,
        pass_fds=[write],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={name: value for name, value in os.environ.items() if name != MARK},
        start_new_session=True,
    )
    os.close(write)
    with os.fdopen(read) as pipe:
        number = pipe.readline().strip()
    if not number:
        pytest.fail("Xvfb did not start")
    hidden = {"WAYLAND_DISPLAY", "SDL_VIDEODRIVER"}
    kept = {name: value for name, value in os.environ.items() if name not in hidden}
    kept_data = str(tmp_path_factory.mktemp("data"))  # best scores are no business of this machine's person
    try:
        yield {
            **kept,
            "XDG_DATA_HOME": kept_data,
            "DISPLAY": f":{number}",
            "SDL_VIDEODRIVER": "x11",
            "LIBGL_ALWAYS_SOFTWARE": "1",
        }
    finally:
        server.terminate()
        server.wait()


def unplug_mouse(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a window in this process hear only the input that a test posts.

    The server's own pointer lies in the middle of its screen, so under a window that opens: that the pointer entered,
    where it is and who has the focus comes whenever a busy machine has time for it, between a test's press and release
    too.
    """
    from puffer_arena.render.toolkit import pygame

    get = pygame.event.get
    about_windows = {pygame.WINDOWENTER, pygame.WINDOWLEAVE, pygame.WINDOWFOCUSGAINED, pygame.WINDOWFOCUSLOST}

    def get_posted() -> list[Any]:
        # What comes from a device says whether it came by touch.
        return [event for event in get() if event.type not in about_windows and not hasattr(event, "touch")]

    monkeypatch.setattr(pygame.event, "get", get_posted)


class ClientMessage(ctypes.Structure):
    """Xlib's XClientMessageEvent, padded to the size of any XEvent."""

    _fields_ = [
        ("type", ctypes.c_int),
        ("serial", ctypes.c_ulong),
        ("send_event", ctypes.c_int),
        ("display", ctypes.c_void_p),
        ("window", ctypes.c_ulong),
        ("message_type", ctypes.c_ulong),
        ("format", ctypes.c_int),
        ("data", ctypes.c_long * 5),
        ("padding", ctypes.c_long * 24),
    ]


def ask_to_close(display: str, window: int) -> None:
    """Send WM_DELETE_WINDOW, as a window manager does for the corner button; older xdotools cannot."""
    x11 = ctypes.CDLL("libX11.so.6")
    x11.XOpenDisplay.restype = ctypes.c_void_p
    x11.XInternAtom.restype = ctypes.c_ulong
    x11.XInternAtom.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int]
    x11.XSendEvent.argtypes = [ctypes.c_void_p, ctypes.c_ulong, ctypes.c_int, ctypes.c_long, ctypes.c_void_p]
    x11.XCloseDisplay.argtypes = [ctypes.c_void_p]
    connection = x11.XOpenDisplay(display.encode())
    event = ClientMessage(type=33, window=window, format=32)
    event.message_type = x11.XInternAtom(connection, b"WM_PROTOCOLS", 0)
    event.data[0] = x11.XInternAtom(connection, b"WM_DELETE_WINDOW", 0)
    x11.XSendEvent(connection, window, 0, 0, ctypes.byref(event))
    x11.XCloseDisplay(connection)


class Program:
    """A program with one window on the display, which reports what happens as lines of JSON."""

    def __init__(self, arguments: list[str], display: dict[str, str]) -> None:
        self.display = display
        self.process = subprocess.Popen(
            [sys.executable, *arguments],
            env=display,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._lines: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self.seen: list[dict[str, Any]] = []
        threading.Thread(target=self._read, daemon=True).start()
        self.window = ""

    def __enter__(self) -> "Program":
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()
            forget_coverage(self.process.pid)
        self.process.communicate()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(json.loads(line) if line.startswith("{") else {"stray": line})
        self._lines.put(None)

    def wait_for(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Return the next report that is wanted; fail when the program ends or the deadline passes."""
        deadline = time.monotonic() + DEADLINE
        while True:
            try:
                report = self._lines.get(timeout=max(deadline - time.monotonic(), 0.01))
            except queue.Empty:
                pytest.fail(f"it was not reported in {DEADLINE} s; the last reports: {self.seen[-3:]}")
            if report is None:
                assert self.process.stderr is not None
                pytest.fail(f"the program ended: {self.process.stderr.read()[-2000:]}")
            self.seen.append(report)
            if wanted(report):
                return report

    def xdotool(self, *arguments: str) -> str:
        """Run xdotool on the display and return what it said."""
        done = subprocess.run(
            ["xdotool", *arguments], env=self.display, capture_output=True, text=True, check=True, timeout=DEADLINE
        )
        return done.stdout

    def find_window(self) -> None:
        """Give the keyboard to the window that was reported; call it after the first frame."""
        self.window = str(next(report["window"] for report in self.seen if "window" in report))
        self.xdotool("windowfocus", "--sync", self.window)

    def key(self, *names: str) -> None:
        """Press and release keys, one after the other."""
        self.xdotool("key", *names)

    def click(self, x: float, y: float) -> None:
        """Click at a place in the window."""
        self.xdotool("mousemove", "--window", self.window, str(round(x)), str(round(y)), "click", "1")

    def quit_window(self) -> int:
        """Ask the window to close, as its corner button does; return the program's exit code."""
        ask_to_close(self.display["DISPLAY"], int(self.window))
        self.process.wait(timeout=DEADLINE)
        return self.process.returncode
