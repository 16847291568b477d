"""Runs on the command line: which environment they are of, folders that vanish, states that cannot be saved."""

import contextlib
import io
import json
import os
import re
import shutil
import signal
import time
from pathlib import Path

import pytest

from puffer_arena.__main__ import main
from tests.commands import ROOT, SMALL, UPDATE, metrics_of, start, wait_for_file

pytestmark = pytest.mark.slow  # starts many processes

pytest.importorskip("torch")
pytest.importorskip("tyro")

BANDIT = (ROOT / "envs" / "bandit.py").read_text()
TRAP = "from pathlib import Path\nPath(__file__).with_name('ran').touch()\n"


@pytest.fixture(scope="module")
def moved(tmp_path_factory) -> Path:
    """A project with a game of its own, trained elsewhere; where it was trained the same name is a trap now."""
    before, after = tmp_path_factory.mktemp("before"), tmp_path_factory.mktemp("after")
    (before / "my_bandit.py").write_text(BANDIT)
    said = io.StringIO()
    with contextlib.chdir(before), contextlib.redirect_stdout(said):
        assert main(["train", "my_bandit.py", *SMALL, "--steps", str(UPDATE), "--name", "a"]) == 0
    shutil.copytree(before, after, dirs_exist_ok=True)
    assert "watch runs/a --env" in said.getvalue().replace(os.sep, "/")
    (before / "my_bandit.py").write_text(TRAP + BANDIT)
    yield after
    assert not (before / "ran").exists()


@pytest.fixture
def copy(moved, tmp_path, monkeypatch) -> Path:
    """The working folder: a copy of the moved project."""
    shutil.copytree(moved, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_moved_project_is_measured_and_resumed(copy, here):
    code, out, err = here(copy, "eval", "my_bandit.py", "run:a", "--episodes", 20, "--json")
    assert code == 0 and "has changed" not in err and json.loads(out)["env"] == "my_bandit.py"
    code, out, err = here(copy, "train", "my_bandit.py", "--resume", "newest", "--steps", 2 * UPDATE)
    assert code == 0 and "finished after" in out
    config = json.loads((copy / "runs" / "a" / "config.json").read_text())
    assert Path(config["env"]) == copy / "my_bandit.py"


def test_a_moved_project_is_watched_and_played(copy):
    from puffer_arena import make
    from puffer_arena.cli import play
    from puffer_arena.cli.watch import Options, find_source

    source = find_source(Options("run:a", env="my_bandit.py"))
    deadline = time.monotonic() + 240
    while source.frame is None:
        assert time.monotonic() < deadline, source.note
        source.poll()
        time.sleep(0.01)
    source.close()
    (path,) = (copy / "runs" / "a" / "checkpoints").iterdir()
    with make("my_bandit.py", num_envs=2) as batch:
        assert play.choose_bot(play.Options("my_bandit.py", bot=str(path)))(batch).shape == (2,)


def test_an_edited_game_is_measured_and_that_is_said(copy, here):
    (copy / "my_bandit.py").write_text(BANDIT + "\n# edited\n")
    code, _, err = here(copy, "eval", "my_bandit.py", "run:a", "--episodes", 20)
    assert code == 0 and "the source of environment 'my_bandit.py' has changed since" in err


@pytest.mark.parametrize(
    "arguments",
    [
        ("eval", "snake", "run:a"),
        ("eval", "tag", "bot:hunt", "--opponent", "run:a"),
        ("train", "--resume", "a"),
        ("train", "--resume", "newest"),
        ("train", "snake", "--resume", "a"),
        ("watch", "run:a"),
        ("watch",),
        ("watch", "run:a", "--env", "snake"),
    ],
)
def test_a_run_does_not_choose_what_is_imported(copy, here, arguments):
    code, _, err = here(copy, *arguments)
    assert code == 2 and re.search("is of environment '.*my_bandit.py'", err) and err.count("\n") == 1


def forge_address(copy: Path) -> Path:
    """Have the run's live.json name the trap, as if this process trained it."""
    from puffer_arena.live.address import Address, write_address

    env = json.loads((copy / "runs" / "a" / "config.json").read_text())["env"]
    write_address(copy / "runs" / "a", Address("tcp://127.0.0.1:1", "0" * 64, env, os.getpid()))
    return copy / "runs" / "a"


def test_an_address_does_not_choose_what_is_imported(copy):
    from puffer_arena.cli.watch import Options, find_source
    from puffer_arena.errors import ParameterError

    folder = forge_address(copy)
    for env in ("", "snake"):
        with pytest.raises(ParameterError, match=r"is of environment .*my_bandit\.py"):
            find_source(Options("run:a", env=env))
    source = find_source(Options("run:a", env="my_bandit.py"))
    before = source._address
    source._search()  # what stands there is the address it has
    assert source._address is before and folder.name == source.title
    source.close()


def test_a_policy_in_a_message_does_not_choose_what_is_imported(copy):
    from puffer_arena import make
    from puffer_arena.cli.watch import load_actor
    from puffer_arena.errors import ArenaError

    policy = (next((copy / "runs" / "a" / "checkpoints").iterdir())).read_bytes()
    with make("snake", num_envs=2) as batch, pytest.raises(ArenaError, match="is of environment"):
        load_actor(policy, batch)
    with make("my_bandit.py", num_envs=2) as batch:
        assert load_actor(policy, batch).act(batch.obs)[0].shape == (2,)


def test_a_window_is_told_the_game_that_the_person_named(tmp_path, monkeypatch):
    from puffer_arena.cli import broadcast

    started = []
    monkeypatch.setattr(broadcast, "why_no_window", lambda: "")
    monkeypatch.setattr(broadcast.subprocess, "Popen", lambda words, **_: started.append(words))
    broadcast.open_window(tmp_path, "my_bandit.py")
    assert started[0][-4:] == ["watch", str(tmp_path), "--env", "my_bandit.py"]


# -- folders and states -------------------------------------------------------------------------------------


def test_a_run_that_could_not_be_saved_says_so_and_fails(tmp_path, here):
    (tmp_path / "runs").touch()  # a file where the folder should be
    code, out, _ = here(tmp_path, "train", "snake", *SMALL, "--steps", 2 * UPDATE, "--name", "a")
    assert code == 1
    assert "NOT the last state" in out and "there is no checkpoint" in out
    assert "--checkpoint" not in out and "--resume" not in out


@pytest.mark.skipif(os.name != "posix", reason="moves a folder in which files are open")
def test_a_run_whose_folder_was_deleted_can_be_found_again(tmp_path, here):
    given = (*SMALL, "--checkpoint-minutes", 0.0, "--steps", 10**9, "--name", "a")
    process = start("train", "snake", *given, cwd=tmp_path)
    folder = tmp_path / "runs" / "a"
    try:
        wait_for_file(folder / "live.json", process)
        wait_for_file(folder / "metrics.jsonl", process)
        folder.rename(tmp_path / "gone")
        for name in ("live.json", "config.json", "metrics.jsonl"):
            wait_for_file(folder / name, process)
        assert (folder / "live.json").read_bytes() == (tmp_path / "gone" / "live.json").read_bytes()
        code, _, err = here(tmp_path, "train", "--resume", "a")
        assert code == 2 and f"is being trained by process {process.pid}" in err
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate()
    finally:
        process.kill()
    assert process.returncode == 130 and "train --resume runs/a" in out
    assert not (folder / "live.json").exists()
    assert metrics_of(folder)


@pytest.mark.parametrize("name", ["../../x", "newest", "a" * 300, "a/b"])
def test_a_name_that_is_no_folder_of_the_runs_is_refused(tmp_path, here, name):
    (tmp_path / "work").mkdir()
    code, _, err = here(tmp_path / "work", "train", "snake", *SMALL, "--name", name)
    assert code == 2 and "a run cannot be named" in err and err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["work"] and not list((tmp_path / "work").iterdir())


def test_a_run_of_ones_own_algorithm_says_how_to_go_on_with_it(tmp_path, here, monkeypatch):
    from puffer_arena.trainers import algorithms

    before, after = tmp_path / "before", tmp_path / "after"
    before.mkdir()
    shutil.copy(ROOT / "examples" / "my_algorithm.py", before)
    monkeypatch.setattr(algorithms, "_named", {})
    begin = ("train", "bandit", *SMALL, "--steps", UPDATE, "--name", "a", "--algorithm", "my_algorithm.py")
    assert here(before, *begin)[0] == 0
    before.rename(after)  # a project may be moved
    for command in ("train", "--resume", "a"), ("train", "bandit", "--resume", "a", "--steps", 2 * UPDATE):
        algorithms._named.clear()  # as in a new process
        code, _, err = here(after, *command)
        assert code != 0 and "damaged" not in err
        assert "train --resume runs/a --algorithm my_algorithm.py" in err.replace(os.sep, "/")
    code, out, err = here(after, "train", "--resume", "a", "--steps", 2 * UPDATE, "--algorithm", "my_algorithm.py")
    assert code == 0, err
    assert "finished after" in out and metrics_of(after / "runs" / "a")[-1]["steps"] == 2 * UPDATE
    config = json.loads((after / "runs" / "a" / "config.json").read_text())
    assert Path(config["algorithm"]) == after / "my_algorithm.py"
