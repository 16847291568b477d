"""`train` as a person uses it: runs, how they stop, end and go on."""

import json
import os
import re
import shutil
import signal
import socket
import sys
from pathlib import Path

import pytest

from puffer_arena.trainers.runs.find import find_run
from tests.commands import (
    NO_DISPLAY,
    ROOT,
    SMALL,
    UPDATE,
    metrics_of,
    only_run,
    start,
    wait_for_checkpoint,
    wait_for_file,
)
from tests.playing import PILE

# For a process that is killed: what coverage had begun to write would be damaged.
UNMEASURED = dict.fromkeys((name for name in os.environ if name.startswith("COVERAGE")), "")

pytest.importorskip("torch")
pytest.importorskip("tyro")


def test_training_writes_a_run_folder_and_says_what_to_do_next(trained):
    cwd, said = trained
    folder = cwd / "runs" / "small"
    assert [entry["steps"] for entry in metrics_of(folder)] == [UPDATE * k for k in (1, 2, 3, 4)]
    config = json.loads((folder / "config.json").read_text())
    assert (config["env"], config["params"]["rows"], config["ppo"]["horizon"]) == ("snake", 8, 16)
    assert len(list((folder / "checkpoints").glob("*.safetensors"))) == 1
    assert not (folder / "live.json").exists()
    assert "finished after 4.1 k steps" in said
    assert "watch" in said.splitlines()[-2] and "eval snake runs/" in said.splitlines()[-1]


def test_a_config_file_lies_between_the_defaults_and_the_command_line(tmp_path, here):
    (tmp_path / "mine.toml").write_text("seed = 5\nnum_envs = 128\n[ppo]\nhorizon = 8\ngamma = 0.5\n")
    given = ("--config", "mine.toml", "--ppo.gamma", "0.25", "--steps", 1024)
    assert here(tmp_path, "train", "snake", *given)[0] == 0
    config = json.loads((only_run(tmp_path) / "config.json").read_text())
    assert (config["seed"], config["num_envs"], config["ppo"]["horizon"]) == (5, 128, 8)
    assert config["ppo"]["gamma"] == 0.25


def test_resume_goes_on_where_the_run_stopped(tmp_path, here):
    assert here(tmp_path, "train", "snake", *SMALL, "--steps", 2 * UPDATE, "--name", "a")[0] == 0
    code, _, err = here(tmp_path, "train", "--resume", "a", "--ppo.gamma", "0.5")
    assert code == 2 and "ppo.gamma" in err  # a setting that a run may not change
    code, _, err = here(tmp_path, "train", "cartpole", "--resume", "a")
    assert code == 2 and "'snake'" in err
    said = here(tmp_path, "train", "--resume", "newest", "--steps", 5 * UPDATE)[1]
    assert "finished after 5.12 k steps" in said
    assert [entry["updates"] for entry in metrics_of(tmp_path / "runs" / "a")] == [1, 2, 3, 4, 5]


def test_a_run_with_a_pool_resumes_without_the_files_of_its_opponents(tmp_path, here):
    small = (*SMALL, "--param", "max_steps=12")
    assert here(tmp_path, "train", "tag", *small, "--steps", UPDATE, "--name", "other")[0] == 0
    pool = ("--opponent.pool", "self,run:other")
    assert here(tmp_path, "train", "tag", *small, *pool, "--steps", 2 * UPDATE, "--name", "a")[0] == 0
    shutil.rmtree(tmp_path / "runs" / "other")
    code, said, err = here(tmp_path, "train", "--resume", "a", "--steps", 4 * UPDATE)
    assert code == 0 and "finished after 4.1 k steps" in said, err
    assert "league/win_rate/runs/other" in metrics_of(tmp_path / "runs" / "a")[-1]


def test_the_newest_run_is_one_with_a_checkpoint(tmp_path):
    saved, begun = (tmp_path / "runs" / name for name in ("saved", "begun"))
    for folder, written in ((saved, 1000), (begun, 2000)):
        (folder / "checkpoints").mkdir(parents=True)
        (folder / "config.json").touch()
        for path in (folder / "checkpoints", folder / "config.json"):
            os.utime(path, (written, written))
    assert find_run("newest", str(tmp_path / "runs"), saved=True) == begun
    (saved / "checkpoints" / "000000000000100.safetensors").touch()
    os.utime(saved / "checkpoints", (1000, 1000))
    assert find_run("newest", str(tmp_path / "runs"), saved=True) == saved
    assert find_run("newest", str(tmp_path / "runs")) == begun  # a window may open on a run that has just begun


@pytest.mark.skipif(os.name != "posix", reason="signals as a terminal sends them")
def test_ctrl_c_saves_and_leaves_a_run_that_can_go_on(tmp_path, here):
    process = start("train", "snake", *SMALL, "--steps", 10**9, "--name", "a", cwd=tmp_path)
    folder = tmp_path / "runs" / "a"
    wait_for_file(folder / "metrics.jsonl", process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate()
    assert (process.returncode, err) == (130, "")
    assert "stopped after" in out and "train --resume" in out
    assert not (folder / "live.json").exists()
    done = metrics_of(folder)[-1]["steps"]
    assert here(tmp_path, "train", "--resume", "a", "--steps", done + UPDATE)[0] == 0
    assert metrics_of(folder)[-1]["steps"] == done + UPDATE


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="finds the worker as Linux tells it")
def test_a_killed_worker_ends_training_with_a_word_on_how_to_go_on(tmp_path):
    given = (*SMALL, "--threads", 2, "--checkpoint-minutes", 0.0, "--steps", 10**9, "--name", "a")
    process = start("train", PILE, *given, cwd=tmp_path, env=UNMEASURED)
    wait_for_checkpoint(tmp_path / "runs" / "a", process)
    children = [int(pid) for pid in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]
    for pid in children:
        os.kill(pid, signal.SIGKILL)
    _, err = process.communicate()
    assert process.returncode == 2
    assert "was ended by SIGKILL" in err
    assert f"go on from the last checkpoint: python -m puffer_arena train {PILE} --resume runs/a" in err


def test_a_port_in_use_is_said_before_training_starts(tmp_path, here):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, _, err = here(tmp_path, "train", "snake", *SMALL, "--steps", UPDATE, "--live.port", port)
    assert code == 2
    assert f"error: port {port} is in use" in err and err.count("\n") == 1


def test_without_a_display_watch_says_so_in_one_line_and_trains_on(tmp_path, here, monkeypatch):
    for name in NO_DISPLAY:
        monkeypatch.delenv(name, raising=False)
    said = here(tmp_path, "train", "snake", *SMALL, "--steps", 2 * UPDATE, "--watch")[1]
    assert "finished after" in said
    if sys.platform.startswith("linux"):
        assert len(re.findall("no window: there is no display.*training goes on without", said)) == 1


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a display by name")
def test_a_display_that_does_not_answer_is_said_in_one_line(tmp_path):
    env = {"DISPLAY": ":4711"}
    process = start("train", "snake", *SMALL, "--steps", 10**9, "--name", "a", "--watch", cwd=tmp_path, env=env)
    for line in process.stdout:
        if "no window" in line:
            break
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate()
    assert "display" in line and line.rstrip().endswith("training goes on without")
    assert "no window" not in out and "stopped after" in out


def test_an_environment_in_a_file_trains_and_is_measured_with_no_other_edit(tmp_path, here):
    source = (ROOT / "envs" / "bandit.py").read_text()
    (tmp_path / "my_bandit.py").write_text(source)
    (bot,) = re.findall(r"bots=\{\"(\w+)\"", source)
    assert here(tmp_path, "train", "my_bandit.py", *SMALL, "--steps", 2 * UPDATE, "--name", "a")[0] == 0
    assert "played by bot" in here(tmp_path, "eval", "my_bandit.py", f"bot:{bot}", "--episodes", 50)[1]
    assert "held-out" in here(tmp_path, "eval", "my_bandit.py", "run:a", "--episodes", 50)[1]


def test_several_agents_train_and_are_measured_by_role(tmp_path, here):
    assert here(tmp_path, "train", "tag", *SMALL, "--steps", 2 * UPDATE, "--name", "a")[0] == 0
    said = json.loads(here(tmp_path, "eval", "tag", "run:a", "--episodes", 20, "--json")[1])
    for split in ("train", "held_out"):
        assert {"return_of_chaser", "return_of_runner", "length"} <= set(said[split])


def test_a_run_is_trained_by_one_process_at_a_time(tmp_path, here):
    given = (*SMALL, "--checkpoint-minutes", 0.0, "--steps", 10**9, "--name", "a")
    first = start("train", "snake", *given, cwd=tmp_path, env=UNMEASURED)
    wait_for_checkpoint(tmp_path / "runs" / "a", first)
    code, _, err = here(tmp_path, "train", "--resume", "a")
    assert code == 2 and f"is being trained by process {first.pid}; stop that one first" in err
    first.kill()
    first.communicate()
    done = int(max((tmp_path / "runs" / "a" / "checkpoints").glob("*.safetensors")).stem)
    code, _, err = here(tmp_path, "train", "--resume", "a", "--steps", done + UPDATE)
    assert code == 0, err  # what a killed trainer left is no hindrance


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="pipes and signals as a terminal has them")
@pytest.mark.parametrize("nohup", [True, False])
def test_training_outlives_its_terminal(tmp_path, nohup):
    """Under nohup it goes on without a display, otherwise it saves and ends."""
    steps = 8 * UPDATE if nohup else 10**9
    # Nohup leaves the signal so for the process that it starts; these tests may themselves run under it.
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN if nohup else signal.SIG_DFL)
    try:
        process = start("train", "snake", *SMALL, "--steps", steps, "--name", "a", cwd=tmp_path)
    finally:
        signal.signal(signal.SIGHUP, before)
    process.stdout.readline()
    if nohup:
        process.stdout.close()
    wait_for_file(tmp_path / "runs" / "a" / "metrics.jsonl", process)
    process.send_signal(signal.SIGHUP)
    err = process.stderr.read()
    assert process.wait() == (0 if nohup else 130), err
    assert ("cannot show the progress: Broken pipe; the run itself goes on in runs/a" in err) == nohup
    assert ("finished after 8.19 k steps" in err) == nohup
    assert any((tmp_path / "runs" / "a" / "checkpoints").iterdir())
