"""Trackers of other makers follow runs, and never end one."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import puffer_arena
from puffer_arena.__main__ import dispatch
from puffer_arena.bots.bot import Bot
from puffer_arena.errors import UnknownName
from puffer_arena.trainers.runs.trackers import Tracker, commit_here
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
    assert b"learning_rate" in data and b"episode_return" in data and b"policy.bot" in data and b"commit" in data


def test_trackers_get_config_commit_videos_and_the_bot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept: dict[str, Any] = {"files": [], "videos": [], "scores": 0}

    class Kept:
        def __init__(self, *_: str) -> None:
            self.add_file = kept["files"].append

    class FakeRun:
        def log(self, values: dict[str, Any], step: int) -> None:
            kept["scores"] += "train/episode_return" in values
            kept["videos"] += [values["episodes"]] if "episodes" in values else []

        def log_artifact(self, artifact: Kept) -> None:
            kept["artifact"] = artifact

        def finish(self) -> None:
            kept["finished"] = True

    def init(**options: Any) -> FakeRun:
        kept["config"] = options["config"]
        return FakeRun()

    monkeypatch.setitem(sys.modules, "trackio", SimpleNamespace(init=init, Video=lambda path: path, Artifact=Kept))
    small = ["--num-envs=8", "--ppo.horizon=8", "--ppo.minibatches=1", "--threads=1", "--total-steps=640"]
    recorded = ["--record", "--record.every", "0s", "--record.rows", "1", "--live.off"]
    place = ["--name", "it", "--runs-dir", str(tmp_path)]
    assert dispatch(["train", "bandit", "--track", "trackio", *small, *recorded, *place]) == 0
    assert kept["config"]["env"] == "bandit" and kept["config"]["commit"] == commit_here() and kept["finished"]
    assert [Path(file).suffix for file in kept["files"]] == [".safetensors", ".bot"]
    assert Bot.load(kept["files"][1]).about["env"]["id"] == "bandit"
    assert kept["scores"] and kept["videos"] and all(Path(path).read_bytes()[:3] == b"GIF" for path in kept["videos"])


def test_a_commit_is_of_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert commit_here() == ""
    who = ["-c", "user.name=a", "-c", "user.email=a@b"]
    (tmp_path / "file").write_text("1")
    for words in (["init", "-q"], ["add", "file"], [*who, "commit", "-q", "-m", "one"]):
        subprocess.run(["git", *words], check=True)
    clean = commit_here()
    (tmp_path / "file").write_text("2")
    assert len(clean) == 40 and commit_here() == f"{clean}+"
    monkeypatch.setenv("PATH", "")
    assert commit_here() == ""
