"""Trackers of other makers follow runs, and never end one."""

import sys
from pathlib import Path

import pytest

import puffer_arena
from puffer_arena.__main__ import dispatch
from puffer_arena.errors import UnknownName
from puffer_arena.trainers.runs.trackers import Tracker
from tests.processes import run_python
from tests.trainers_support import SMALL


def test_a_tracker_that_is_not_installed_is_said_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setitem(sys.modules, "wandb", None)
    trained = puffer_arena.train(
        "bandit", total_steps=24 * 8 * 2, settings=SMALL, folder=tmp_path / "a", track=["wandb"]
    )
    said = capsys.readouterr().err
    assert trained.steps == 24 * 8 * 2 and said.count("no tracking by wandb") == 1
    assert "pip install 'puffer-arena[track]'; training goes on without" in said


def test_a_tracker_that_fails_is_said_once_and_left_alone(tmp_path: Path) -> None:
    said: list[str] = []
    tracker = Tracker("wandb", tmp_path, said.append)

    def fail() -> None:
        raise ConnectionError("the network is down\nand more")

    tracker._attempt(fail)
    tracker._attempt(fail)
    tracker.write({"steps": 1})
    tracker.close(None)
    assert said == ["no tracking by wandb: the network is down; training goes on without"]


def test_unknown_trackers_are_refused_before_a_run_begins(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="unknown tracker 'wand'; did you mean 'wandb'"):
        dispatch(["train", "bandit", "--track", "wand", "--runs-dir", str(tmp_path / "runs")])
    assert not (tmp_path / "runs").exists()


@pytest.mark.slow
def test_weights_and_biases_keep_metrics_config_and_policy(tmp_path: Path) -> None:
    # In a process of its own: the service that it starts lives as long as that.
    said = run_python(
        f"""
        import puffer_arena
        from puffer_arena.trainers.runs import trackers
        trackers.SECONDS = 0.0
        puffer_arena.train("bandit", total_steps=384, settings={SMALL!r}, folder={str(tmp_path / "a")!r}, track=["wandb"])
        """,
        WANDB_MODE="offline",
        WANDB_SILENT="true",
    )
    assert "no tracking" not in said
    (log,) = (tmp_path / "a" / "wandb").glob("offline-run-*/run-a.wandb")
    data = log.read_bytes()
    assert b"learning_rate" in data and b"episode_return" in data and b"policy" in data
