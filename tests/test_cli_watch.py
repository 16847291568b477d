"""Watching from the command line: finished runs, running ones that a window steers, and windows that end."""

import os
import re
import signal
import subprocess
import sys

import pytest

from puffer_arena.errors import ArenaError
from puffer_arena.live.address import read_address
from tests.commands import NO_DISPLAY, SMALL, UPDATE, metrics_of, start, wait_for_file
from tests.processes import wait_until

pytestmark = pytest.mark.slow  # starts many processes

pytest.importorskip("torch")
pytest.importorskip("tyro")


def test_watch_without_a_display_is_one_line(trained, here, monkeypatch):
    for name in NO_DISPLAY:
        monkeypatch.delenv(name, raising=False)
    code, _, err = here(trained[0], "watch", "run:small")
    if sys.platform.startswith("linux"):
        assert code == 2 and "no display" in err and err.count("\n") == 1


def test_a_finished_run_is_watched_with_its_curves_and_its_last_policy(trained, monkeypatch, capsys):
    from puffer_arena.cli.seats import newest_run
    from puffer_arena.cli.watch import Options, find_source, sitters_of
    from puffer_arena.replay.branch import fork_frame

    monkeypatch.chdir(trained[0])
    source = find_source(Options())
    assert "runs/small" in capsys.readouterr().out.replace(os.sep, "/")
    wait_until(lambda: source.poll() or source.frame)
    source.send("speed", value=100)
    before = source.frame.states["episode"].copy()
    wait_until(lambda: source.poll() or (source.frame.states["episode"] != before).any())
    source.close()
    assert (source.title, source.status, source.mode) == ("small", "finished", "smooth")
    assert source.frame.states["board"].shape[1:] == (8, 11)
    assert source.frame.probs.shape[1:] == (1, 4) and source.frame.values.shape[1:] == (1,)
    assert [steps for steps, _ in source.metrics["learning_rate"]] == [UPDATE * k for k in (1, 2, 3, 4)]
    sitters = {sitter.name: sitter for sitter in sitters_of(Options(), source)}
    assert list(sitters) == ["bot:greedy", "newest policy of small", "arena:snake"]
    assert newest_run("snake", "runs").name == "small" and newest_run("maze", "runs") is None
    with fork_frame(source.env_id, source.made, source.frame, 0, source.title).batch as batch:
        batch.step(sitters["newest policy of small"].choose(batch))  # a branch that the checkpoint plays
        assert batch.rows.states["step_count"][0] == source.frame.states["step_count"][0] + 1
        with pytest.raises(ArenaError, match="other sizes"):
            sitters["arena:snake"].check(batch)  # this run's boards are smaller


@pytest.mark.parametrize("env", ["snake", pytest.param("tag", marks=pytest.mark.slow)])
def test_a_window_steers_a_real_training_run(env, tmp_path, monkeypatch):
    from puffer_arena.cli.watch import Options, find_source

    process = start("train", env, *SMALL, "--steps", 10**9, "--name", "a", "--seed", "3", cwd=tmp_path)
    folder = tmp_path / "runs" / "a"
    wait_for_file(folder / "live.json", process)
    monkeypatch.chdir(tmp_path)
    source = find_source(Options("run:a"))

    def wait(happened):
        wait_until(lambda: source.poll() or happened(), process)

    wait(lambda: source.frame is not None and source.metrics)
    agents = max(len(source.agent_ids), 1)
    assert source.frame.probs.shape[1] == source.frame.values.shape[1] == agents
    assert source.frame.probs.sum(axis=-1) == pytest.approx(1.0, abs=1e-3)
    source.send("pause")
    wait(lambda: source.status == "paused")
    source.send("save")
    source.send("learning_rate", value=0.0005)
    wait(lambda: "5" in source.note and "learning rate" in source.note)
    source.send("resume")
    wait(lambda: any((folder / "checkpoints").glob("*.safetensors")))
    wait(lambda: source.metrics["learning_rate"][-1][1] < 0.00051)
    source.send("mode", name="smooth")
    stale = source.frame
    wait(lambda: source.frame is not stale and source.frame.probs is not None)
    assert source.speed == 1.0 and source.total == 10**9
    source.send("pause")  # training, whatever is looked at
    wait(lambda: source.status == "paused")
    source.send("view_pause")
    assert source.view_paused and source.status == "paused"
    source.send("view_resume")
    assert not source.view_paused and source.status == "paused"  # the picture plays on, training stands
    source.send("view_pause")
    source.send("resume")
    wait(lambda: source.status == "training")
    assert source.view_paused  # and the other way round
    source.send("view_resume")
    source.send("mode", name="time-lapse")
    process.terminate()
    out, err = process.communicate()
    last = metrics_of(folder)[-1]["steps"]  # the final checkpoint is played on
    wait_until(lambda: source.poll() or (source.frame.steps, source.status) == (last, "stopped"))
    assert source.mode == "smooth" and source.note.startswith("stopped at ")
    assert source.note.endswith("of 1.00 G steps: by a request to terminate")
    resumed = start("train", "--resume", "runs/a", cwd=tmp_path)
    wait_until(lambda: source.poll() or source.status == "training", resumed)
    assert source.mode == "time-lapse"  # as the person had it
    resumed.terminate()
    resumed.communicate()
    source.close()
    assert "Traceback" not in err and "stopped after" in out
    again = find_source(Options("run:a"))  # when nothing trains any more, it is said as well
    assert again.status == "stopped" and "train --resume" in again.note and list(again.modes) == ["smooth"]
    again.send("rows", indices=[5, 6])
    wait_until(lambda: again.poll() or (again.frame is not None and again.frame.rows.tolist() == [5, 6]))
    stopped_at = again.frame.steps
    resumed = start("train", "--resume", "runs/a", cwd=tmp_path)

    def goes_on():  # the first frame may have left before the trainer knew of the rows
        return again.status == "training" and again.frame.steps > stopped_at and again.frame.rows.tolist() == [5, 6]

    wait_until(lambda: again.poll() or goes_on(), resumed)
    assert again.mode == "time-lapse" and again.total == 10**9
    assert again.metrics["learning_rate"][0][0] < stopped_at  # the curves so far are there still
    resumed.kill()
    resumed.communicate()
    again.close()
    left = find_source(Options("run:a"))  # a killed trainer's address is still there, and nobody answers at it
    wait_until(lambda: left.poll() or left.frame is not None)
    assert left.status == "stopped" and read_address(folder) is not None
    resumed = start("train", "--resume", "runs/a", cwd=tmp_path)
    wait_until(lambda: left.poll() or left.status == "training", resumed)
    resumed.terminate()
    resumed.communicate()
    left.close()


PLANTED = """
from pathlib import Path
Path(__file__).with_suffix(".ran").touch()
from puffer_arena.envs.snake import ENV
"""


def test_no_message_or_file_chooses_what_a_window_imports(tmp_path, here):
    """The environment's name in live.json, in config.json and in a policy's header."""
    import torch

    from puffer_arena import make
    from puffer_arena.cli.watch import Options, find_source, load_actor, newest_policy
    from puffer_arena.errors import ArenaError, FileError, ParameterError
    from puffer_arena.live.address import Address, write_address
    from puffer_arena.trainers.networks.policy import POLICY_KIND, POLICY_VERSION
    from puffer_arena.trainers.runs.tensorfile import pack

    planted = tmp_path / "planted.py"
    planted.write_text(PLANTED)
    assert here(tmp_path, "train", "snake", *SMALL, "--steps", UPDATE, "--name", "a")[0] == 0
    folder = tmp_path / "runs" / "a"
    weights = {"w": torch.zeros(1)}
    with make("snake", num_envs=2) as batch:
        for name in (str(planted), "planted", "./planted.py", "maze"):
            about = {"origin": {"env": name, "params": {}}, "network": {}, "values": ["value"]}
            with pytest.raises(ParameterError, match=r"of environment .* not 'snake'"):
                load_actor(pack(POLICY_KIND, POLICY_VERSION, weights, about), batch)
        for about in ({}, {"origin": 1}, {"origin": {"env": 1}}):
            with pytest.raises(FileError, match="the policy is damaged"):
                load_actor(pack(POLICY_KIND, POLICY_VERSION, weights, about), batch)
        policy, _ = newest_policy(folder)
        assert load_actor(policy, batch).act(batch.obs)[0].shape == (2,)
    write_address(folder, Address("tcp://127.0.0.1:1", "1" * 64, str(planted), os.getpid()))
    with pytest.raises(ParameterError, match="is never imported"):
        find_source(Options("run:a"))
    (folder / "live.json").unlink()
    config = folder / "config.json"
    config.write_text(config.read_text().replace('"snake"', f'"{planted.as_posix()}"'))
    with pytest.raises(ArenaError):
        find_source(Options("run:a"))
    assert not planted.with_suffix(".ran").exists()


def test_a_newer_policy_goes_on_with_the_memory_of_the_older(tmp_path, here):
    from puffer_arena import make
    from puffer_arena.cli.watch import load_actor, newest_policy

    given = (*SMALL, "--network.memory", "gru", "--steps", UPDATE, "--name", "a")
    assert here(tmp_path, "train", "memory", *given)[0] == 0
    policy, _ = newest_policy(tmp_path / "runs" / "a")
    with make("memory", num_envs=4) as batch:
        older, newer, fresh = (load_actor(policy, batch) for _ in range(3))
        older.act(batch.obs)
        newer.follow(older)
        values = [actor.act(batch.obs)[2] for actor in (older, newer, fresh)]
    assert (values[0] == values[1]).all()
    assert (values[0] != values[2]).any()


@pytest.mark.slow
@pytest.mark.parametrize(("end", "said"), [("SIGTERM", 0), ("SIGKILL", 1)])  # closed in good order, and killed
def test_a_real_window_that_ends_does_not_disturb_training(tmp_path, display, end, said):
    process = start("train", "snake", *SMALL, "--steps", 10**9, "--name", "a", "--watch", cwd=tmp_path, env=display)
    log = tmp_path / "runs" / "a" / "window.log"
    try:
        wait_for_file(log.with_name("live.json"), process)
        window = wait_for_window(display, process)
        os.kill(window, getattr(signal, end))
        # The trainer has noticed, then: a child that ended stays until it is asked about.
        wait_until(lambda: not is_process(window), process)
        before = len(metrics_of(log.parent))
        wait_until(lambda: len(metrics_of(log.parent)) >= before + 20, process)
        assert "OpenGL" not in log.read_text()
    finally:
        process.terminate()
        out, err = process.communicate()
    assert "stopped after" in out and "Traceback" not in err
    assert len(re.findall("no window: .* killed by signal", out)) == said


def is_process(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    return True


def wait_for_window(environment, process) -> int:
    """Return the process id of the trainer's window once the display shows it."""

    def shown():
        for child in subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True).stdout.split():
            search = ["xdotool", "search", "--onlyvisible", "--pid", child]
            if subprocess.run(search, env=environment, capture_output=True).returncode == 0:
                return int(child)
        return None

    return wait_until(shown, process)
