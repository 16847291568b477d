"""`doctor`: says what is here, what is missing, and what to do, whatever is broken."""

import importlib.metadata
import subprocess
import sys

import pytest

from puffer_arena.__main__ import main
from puffer_arena.cli import doctor


def answers(monkeypatch, said=("fine", "")):
    """Let no process start: every try comes out as `said`."""
    monkeypatch.setattr(doctor, "attempt", lambda *_: said)


def test_the_report_names_every_part_and_what_it_found(monkeypatch, capsys):
    answers(monkeypatch)
    assert main(["doctor"]) == 0
    said = capsys.readouterr().out
    for word in ("installed", "machine", "display", "numpy", "cores", "compile cache", "scores", "window"):
        assert word in said


def test_what_is_missing_is_said_with_the_command_that_installs_it(monkeypatch, capsys):
    answers(monkeypatch)
    find = importlib.metadata.version

    def version(name):
        if name in ("panda3d", "torch"):
            raise importlib.metadata.PackageNotFoundError(name)
        return find(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    assert main(["doctor"]) == 0  # an extra may be missing
    said = capsys.readouterr().out
    assert "not installed: panda3d (3D games)" in said and "-> pip install 'puffer-arena[world]'" in said
    assert "not installed: torch" in said and "-> pip install 'puffer-arena[train]'" in said


def test_what_is_installed_and_broken_fails(monkeypatch, capsys):
    answers(monkeypatch, ("", "DLL load failed"))
    assert main(["doctor"]) == 1
    assert "cannot be imported: DLL load failed" in capsys.readouterr().out


def test_a_cache_that_others_can_write_is_named(monkeypatch, tmp_path, capsys):
    answers(monkeypatch)
    monkeypatch.setenv("PUFFER_ARENA_CACHE", str(tmp_path))
    (tmp_path / "kernels").write_text("no folder")
    assert main(["doctor"]) == 1
    assert "is not used" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("code", "trouble"),
    [
        ("print('first'); print('last')", ""),
        ("import nothing_of_this_name", "No module named 'nothing_of_this_name'"),
        ("import sys; sys.exit(3)", "exit code 3"),
        ("import os; os.kill(os.getpid(), 9)", "the process died of signal 9"),
    ],
)
def test_a_try_never_raises(code, trouble):
    if sys.platform == "win32" and "kill" in code:
        trouble = "exit code 9"
    assert doctor.attempt(code) == ("" if trouble else "last", trouble)


def test_a_try_that_hangs_is_ended():
    def hang(*_, timeout, **__):
        raise subprocess.TimeoutExpired("python", timeout)

    assert doctor.attempt("", run=hang) == ("", "no answer within 60 s")


def test_other_words_are_answered_with_help(capsys):
    assert main(["doctor", "--help"]) == 0 and main(["doctor", "snake"]) == 2
    assert "usage" in capsys.readouterr().out


def test_every_extra_is_looked_at():
    declared = set(importlib.metadata.metadata("puffer-arena").get_all("Provides-Extra"))
    assert declared - {"all", "dev"} == set(doctor.EXTRAS)
