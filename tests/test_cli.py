"""The command line as a person uses it: real processes, real run folders."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from puffer_arena.__main__ import main
from puffer_arena.cli import output
from puffer_arena.cli.list import describe_space
from puffer_arena.cli.output import naming
from puffer_arena.registry import list_envs, load_env
from puffer_arena.trainers.runs.find import find_run
from tests.commands import (
    NO_DISPLAY,
    ROOT,
    SMALL,
    UPDATE,
    metrics_of,
    ok,
    only_run,
    run,
    start,
    wait_for_checkpoint,
    wait_for_file,
)
from tests.playing import PILE

# For a process that is killed: what coverage had begun to write would be damaged.
UNMEASURED = dict.fromkeys((name for name in os.environ if name.startswith("COVERAGE")), "")

pytest.importorskip("torch")
pytest.importorskip("tyro")

# -- help and list ------------------------------------------------------------------------------------


def test_help_shows_all_commands(tmp_path):
    said = ok("--help", cwd=tmp_path)
    for command in ("train", "eval", "watch", "play", "export", "check", "list", "bench"):
        assert f"  {command} " in said


@pytest.mark.parametrize("command", ["train", "eval", "watch", "play", "export", "check", "list", "bench"])
def test_help_shows_examples(command, tmp_path, here):
    code, out, _ = here(tmp_path, command, "--help")
    assert code == 0 and f"python -m puffer_arena {command}" in out.partition("Examples:")[2]


def test_help_of_train_shows_the_defaults_of_the_environment(tmp_path, here):
    (tmp_path / "mine.toml").write_text("[ppo]\ngamma = 0.777\n")
    assert "0.777" in here(tmp_path, "train", "snake", "--config", "mine.toml", "--help")[1]


def test_list_shows_kind_agents_spaces_and_bots(tmp_path):
    lines = ok("list", cwd=tmp_path).splitlines()
    assert lines[0].split() == ["environment", "kind", "agents", "observation", "action", "bots", "summary"]
    (snake,) = (line for line in lines if line.startswith("snake "))
    assert snake.endswith("never run into a wall or yourself.")
    assert re.search(r"solo +1 +11x11 uint8 +4 choices +greedy", snake)
    (tag,) = (line for line in lines if line.startswith("tag "))
    assert "several agents" in tag
    assert re.search(r"\d chaser, \d runner", tag)


def test_algorithms_and_curricula_are_listed(tmp_path, here):
    said = here(tmp_path, "list", "--algorithms")[1]
    assert (
        all(f"--algorithm {name} " in said for name in ("ppo", "grpo", "safe_ppo", "rnd", "icm", "pqn", "reppo", "dqn"))
        and "--curriculum sfl" in said
    )


@pytest.mark.parametrize("columns", [40, 60, 80, 120])
def test_list_shows_everything_in_any_terminal(columns, tmp_path, here, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(columns))
    said = here(tmp_path, "list")[1]
    words = " ".join(said.split())
    for name in list_envs():
        env = load_env(name)
        for shown in (
            name,
            env.summary.partition(": ")[2],
            *env.bots,
            describe_space(env.action.resolve(env.params())),
        ):
            assert shown in words
        for line in here(tmp_path, "list", name)[1].splitlines():
            assert len(line) <= columns
    assert max(map(len, said.splitlines())) <= columns


def test_list_and_the_package_import_no_compiler_no_torch_and_no_window(tmp_path):
    program = (
        "import sys; from puffer_arena.__main__ import main; main(['list']); import puffer_arena;"
        "print(sorted({'numba', 'torch', 'pygame', 'gymnasium', 'pettingzoo', 'zmq'} & set(sys.modules)))"
    )
    said = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert said.splitlines()[-1] == "[]"


def test_list_of_one_environment_shows_its_parameters(tmp_path, here):
    said = here(tmp_path, "list", "snake")[1]
    assert "max_hunger = 200  from 10 to 10000" in said
    assert "Termination" in said


# -- one clear line -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("trian snake", "unknown command 'trian'; did you mean 'train'?"),
        ("list snaek", "unknown environment 'snaek'; did you mean 'snake'?"),
        ("train snaek", "unknown environment 'snaek'; did you mean 'snake'?"),
        ("train", "train needs an environment"),
        ("train snake --wach", "unknown option '--wach'; did you mean '--watch'?"),
        ("train snake --ppo.gama 0.9", "unknown option '--ppo.gama'; did you mean '--ppo.gamma'?"),
        ("train snake --optimizer.lr 1e-3", "'--optimizer.lr'; did you mean '--optimizer.learning-rate'?"),
        ("train snake --gamma 0.9", "unknown option '--gamma'; did you mean '--ppo.gamma'?"),
        ("train snake --ppo.gamma 1.5", "'ppo.gamma' = 1.5 is out of range; allowed: 0.0 to 1.0"),
        ("train snake --ppo.gamma much", "--ppo.gamma"),
        ("train snake --param row=9", "unknown parameter 'row'; did you mean 'rows'?"),
        ("train snake --param rows=1000", "'rows' = 1000 is out of range; allowed: int in [4, 64]"),
        ("train snake --param rows", "'rows' is not name=value"),
        ("train snake --param rows=many", "'many'; it must be a number, true or false"),
        ("train snake --optimizer.name sgd", "unknown; "),
        ("train snake --config gone.toml", "'gone.toml' cannot be read"),
        ("train snake extra", "unexpected argument 'extra'"),
        ("train snake --steps ten", "--steps is 'ten'; it is a whole number"),
        ("train minigrd:Empty", "unknown environment 'minigrd:Empty'; did you mean 'minigrid'?"),
        ("play snake --bot", "--bot needs a value"),
        ("share", "share needs FILE: The replay; TO: A file that ends in"),
        ("verify", "name the replays, such as"),
        ("watch newest", "there are no runs in 'runs'"),
        ("train --resume", "--resume needs a value"),
        ("train --resume newest", "there are no runs in 'runs'"),
        ("train snake --live.port 70000", "--live.port is 70000"),
        ("eval snake random --seed -1", "--seed is -1; it is at least 0"),
        ("list ./lander", "unknown environment './lander'; a file's name ends in .py"),
        ("train --resume gone", "unknown run 'gone'"),
        ("train gone.py", "there is no such file"),
        ("watch", "there are no runs in 'runs'"),
        ("watch --address tcp://127.0.0.1:1", "--address needs the trainer's --key and --env"),
        ("eval snake", "say who plays"),
        ("eval snake", "say who plays, after ENV"),
        ("eval snake bot:gredy", "has no bot 'gredy'; did you mean 'greedy'?"),
        ("eval snake run:gone", "unknown run 'gone'"),
        ("eval snake bot:greedy --opponent random", "'snake' has no two sides"),
        ("eval tag bot:hunt --opponent random --role chasser", "no role 'chasser'; did you mean 'chaser'?"),
        ("eval tag bot:hunt --role chaser", "name its --opponent too"),
        ("eval tag bot:hunt --opponent hunt", "unknown player 'hunt': there is no such file; did you mean 'bot:hunt'?"),
        ("bench snake --repeats 0", "--repeats is at least 1"),
        ("bench snake --num-envs -3", "num_envs = -3; it must be a whole number of at least 1"),
        ("bench snake --threads -2", "threads = -2; it must be"),
        ("bench snake --param rows=3", "'rows' = 3 is out of range"),
        ("bench snake --param rows", "'rows' is not name=value"),
    ],
)
def test_bad_input_gets_one_line_and_exit_code_2(arguments, expected, tmp_path, here):
    code, out, err = here(tmp_path, *arguments.split())
    assert code == 2
    assert expected in err
    assert len(err.strip().splitlines()) == 1
    assert out == ""
    assert not (tmp_path / "runs").exists()


def test_bad_input_is_one_line_in_a_real_process_too(tmp_path):
    code, out, err = run("train", "snake", "--ppo.gama", "1", cwd=tmp_path)
    assert (code, out) == (2, "")
    assert err.startswith("error: unknown option") and err.count("\n") == 1


def test_an_unknown_key_in_a_config_file_is_named(tmp_path, here):
    (tmp_path / "mine.toml").write_text("[ppo]\ngama = 0.9\n")
    code, _, err = here(tmp_path, "train", "snake", "--config", "mine.toml")
    assert code == 2
    assert "unknown setting 'ppo.gama'; did you mean 'ppo.gamma'?" in err


# -- train ----------------------------------------------------------------------------------------------


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


# -- eval and bench -------------------------------------------------------------------------------------


def test_a_checkpoint_is_measured_with_the_parameters_it_was_trained_with(trained, here):
    cwd, _ = trained
    said = json.loads(here(cwd, "eval", "snake", "run:small", "--episodes", 100, "--json")[1])
    for split in ("train", "held_out"):
        measured = said[split]
        assert measured["episodes"] == 100
        assert measured["return"]["low"] <= measured["return"]["mean"] <= measured["return"]["high"]
        assert {"length", "score"} <= set(measured)
    code, _, err = here(cwd, "eval", "cartpole", "run:small")
    assert code == 2 and "of environment 'snake', not 'cartpole'" in err
    code, _, err = here(cwd, "eval", "snake", "run:small", "--param", "rows=9")
    assert code == 2 and "other sizes" in err


def test_a_damaged_checkpoint_is_refused_in_one_line(trained, tmp_path, here):
    cwd, _ = trained
    (good,) = (cwd / "runs" / "small" / "checkpoints").glob("*.safetensors")
    bad = tmp_path / "bad.safetensors"
    bad.write_bytes(good.read_bytes()[:-100])
    code, _, err = here(tmp_path, "eval", "snake", bad)
    assert code == 2 and err.count("\n") == 1 and "bad.safetensors" in err


def test_the_bot_beats_random_and_every_row_plays_the_same_number_of_episodes(tmp_path, here):
    bot = json.loads(here(tmp_path, "eval", "snake", "bot:greedy", "--episodes", 600, "--json")[1])
    chance = json.loads(here(tmp_path, "eval", "snake", "random", "--episodes", 600, "--json")[1])
    assert bot["train"]["episodes"] == chance["train"]["episodes"] == 1024  # 512 rows, two episodes each
    assert bot["held_out"]["return"]["low"] > chance["held_out"]["return"]["high"]


@pytest.mark.slow
def test_an_opponent_takes_the_other_side_and_who_won_is_told(tmp_path, here):
    against = ("eval", "striker", "bot:footballer", "--opponent", "random", "--param", "team=1", "--json")
    for said in (
        json.loads(here(tmp_path, *against, "--episodes", 60)[1]),  # each role in turn
        json.loads(here(tmp_path, *against, "--episodes", 60, "--role", "blue")[1]),
    ):
        for measured in (said["train"], said["held_out"]):
            won, drawn, lost = (measured[name]["mean"] for name in ("won", "drawn", "lost"))
            assert won > 0.6 > 0.2 > lost and won + drawn + lost == pytest.approx(1)
            assert measured["return"]["low"] > 0 > measured["opponent's_return"]["high"]
    assert said["train"]["blue_goals"]["mean"] == said["train"]["won"]["mean"]


def test_a_trained_side_meets_another(tmp_path, here):
    assert here(tmp_path, "train", "tag", *SMALL, "--steps", 2 * UPDATE, "--name", "a")[0] == 0
    told = ("eval", "tag", "run:a", "--opponent", "run:a", "--role", "runner", "--episodes", 20, "--json")
    measured = json.loads(here(tmp_path, *told)[1])["held_out"]
    assert {"return", "opponent's_return", "length"} <= set(measured) and "won" not in measured


@pytest.mark.parametrize("columns", [50, 60, 80, 200])
def test_results_fit_into_the_terminal_and_name_their_intervals(columns, tmp_path, here, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(columns))
    lines = here(tmp_path, "eval", "memory", "bot:recall", "--episodes", 100)[1].splitlines()
    assert max(map(len, lines)) <= columns
    assert sum("1.000 [0.963, 1.000] w" in line for line in lines) == (4 if columns == 50 else 2)  # return and right
    assert any("Wilson" in line for line in lines)
    said = json.loads(here(tmp_path, "eval", "memory", "bot:recall", "--episodes", 100, "--json")[1])["train"]
    assert (said["right"]["interval"], said["length"]["interval"]) == ("Wilson", "all equal")


def test_a_long_evaluation_shows_signs_of_life_on_stderr(tmp_path, here, monkeypatch):
    monkeypatch.setattr(output, "PROGRESS_SECONDS", {True: 0.0, False: 0.0})
    _, out, err = here(tmp_path, "eval", "memory", "random", "--episodes", 10, "--json")
    assert json.loads(out)["player"] == "random"
    assert "training levels: 0 of 10 episodes have ended after 0 steps" in err
    assert "held-out levels: 0 of 10" in err


def test_episodes_that_do_not_end_are_said(tmp_path, here):
    code, _, err = here(tmp_path, "eval", "snake", "bot:greedy", "--max-steps", 2)
    assert code == 2 and "raise --max-steps" in err


def test_bench_prints_one_and_all_threads(tmp_path):
    said = ok("bench", "snake", "--threads", 2, "--num-envs", 256, "--seconds", 0.02, "--repeats", 2, cwd=tmp_path)
    assert re.search(r"1 thread +[\d,]+ steps/s", said) and re.search(r"2 threads +[\d,]+ steps/s", said)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system gives no cores out")
def test_bench_takes_the_cores_that_it_may_use(tmp_path, here):
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        said = here(tmp_path, "bench", "cartpole", "--num-envs", 64, "--seconds", 0.01, "--repeats", 1)[1]
    finally:
        os.sched_setaffinity(0, before)
    assert "1 thread " in said and "threads" not in said


def test_bench_steps_no_more_worlds_than_fit_into_memory(tmp_path, here):
    said = here(tmp_path, "bench", PILE, "--threads", 1, "--seconds", 0.01, "--repeats", 1)[1]
    assert "128 environments" in said


@pytest.mark.parametrize(
    ("typed", "recorded", "said"),
    [
        (
            "replay",
            "gymnasium:LunarLander-v3",
            "python -m puffer_arena replay 'a b.mcap' --env gymnasium:LunarLander-v3",
        ),
        ("verify", "ale:ALE/Pong-v5", "python -m puffer_arena verify 'a b.mcap' --env ale:ALE/Pong-v5"),
        ("share", "ray:minigrid:MiniGrid-Empty-8x8-v0", "share 'a b.mcap' --env ray:minigrid:MiniGrid-Empty-8x8-v0"),
        ("train", "pettingzoo:classic/go_v5", "python -m puffer_arena train pettingzoo:classic/go_v5 'a b.mcap'"),
        ("replay", "gymnasium:somebodys.module:X-v0", "replay 'a b.mcap' --env ENV"),
        ("replay", "gymnasium:X; rm -rf .", "replay 'a b.mcap' --env ENV"),
        ("replay", "./trap.py", "replay 'a b.mcap' --env ENV"),
    ],
)
def test_the_command_that_names_a_files_environment_is_told(typed, recorded, said) -> None:
    assert naming([typed, "a b.mcap"], recorded).endswith(said)


def test_a_file_of_another_librarys_environment_says_what_to_type(tmp_path, capsys) -> None:
    file = tmp_path / "pole.mcap"
    env = "gymnasium:CartPole-v1"
    assert main(["eval", env, "random", "--episodes", "2", "--record", str(file), "--record-rows", "1"]) == 0
    for typed in (["verify", str(file)], ["share", str(file), str(tmp_path / "pole.gif")]):
        assert main(typed) == 2
        command = f"python -m puffer_arena {' '.join(typed)} --env {env}:drawn"
        said = f"never imported; name the environment yourself, as `env` in Python, or: {command}\n"
        assert said in capsys.readouterr().err
