"""What is said on standard error: once, by commands only where it is about waiting, and never in anybody's way."""

import contextlib
import os
import subprocess
import sys
import textwrap
import threading

import pytest

from puffer_arena.machine import notices
from puffer_arena.machine.compile import COMPILING
from puffer_arena.machine.notices import SAID, announced_waits, relay, say_once, wait
from tests.playing import COUNTDOWN

pytestmark = pytest.mark.slow  # starts many processes

PLAY = """
    import sys
    from puffer_arena.__main__ import main
    from puffer_arena.machine import notices

    notices.PATIENCE = 0.0
    if sys.argv[1] == "command":
        main(["bench", sys.argv[2], "--num-envs", "64", "--threads", "2", "--seconds", "0.01", "--repeats", "1"])
    else:
        import puffer_arena
        puffer_arena.make(sys.argv[2], num_envs=2)
"""


@pytest.fixture(autouse=True)
def forgotten(monkeypatch):
    SAID.clear()
    monkeypatch.setattr(notices, "_waits", {})
    yield
    SAID.clear()


def run(cache, *arguments):
    """Return what a process that compiles, or loads, said on standard error."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(PLAY), *map(str, arguments)],
        env={**os.environ, "PUFFER_ARENA_CACHE": str(cache)},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stderr.splitlines()


def test_a_command_that_compiles_says_so_once_and_a_program_nothing(tmp_path):
    assert run(tmp_path / "a", "command", COUNTDOWN) == [f"puffer_arena: {COMPILING}"]
    assert run(tmp_path / "a", "command", COUNTDOWN) == []  # it was kept
    assert run(tmp_path / "b", "program", COUNTDOWN) == []


def test_a_command_says_what_its_worker_processes_compile(tmp_path):
    assert run(tmp_path, "command", "marble") == [f"puffer_arena: {COMPILING}"]


def test_a_wait_is_announced_while_it_lasts(monkeypatch, capsys):
    monkeypatch.setattr(notices, "PATIENCE", 0.0)
    said = threading.Event()
    monkeypatch.setattr(notices, "tell", lambda line: said.set())
    with announced_waits(), wait("a reason"):
        assert said.wait(600)
    assert {"a reason"} == SAID


def test_a_wait_that_is_over_in_time_is_not_announced(monkeypatch, capsys):
    monkeypatch.setattr(notices, "PATIENCE", 3600.0)
    with announced_waits(), wait("a reason"):
        pass
    assert not SAID
    assert all(type(thread) is not threading.Timer or thread.finished.is_set() for thread in threading.enumerate())


def test_many_short_waits_are_a_long_one(monkeypatch):
    monkeypatch.setattr(notices, "PATIENCE", 3600.0)
    monkeypatch.setattr(notices, "_waits", {"a reason": 3600.0})
    said = threading.Event()
    monkeypatch.setattr(notices, "tell", lambda line: said.set())
    with announced_waits(), wait("a reason"):
        assert said.wait(600)


def test_what_is_said_once_by_many_is_heard_once(capsys):
    for _ in range(2):
        say_once("a fallback")
        relay("puffer_arena: a fallback")
        relay("a line of its own")
    assert capsys.readouterr().err.splitlines() == ["puffer_arena: a fallback", *["a line of its own"] * 2]


@pytest.mark.parametrize("gone", ["never there", "closed", "unread"])
def test_where_nobody_can_read_it_nothing_is_said_and_nothing_fails(gone, monkeypatch, capsys):
    reading, writing = os.pipe()
    os.close(reading)
    with contextlib.suppress(OSError), open(writing, "w") as stream:
        if gone == "closed":
            stream.close()
        monkeypatch.setattr(sys, "stderr", None if gone == "never there" else stream)
        say_once("a fallback")
        assert not capsys.readouterr().out and {"a fallback"} == SAID
        monkeypatch.undo()
