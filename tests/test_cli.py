"""The command line as a person uses it: real processes, real run folders."""

import re
import subprocess
import sys

import pytest

from puffer_arena.__main__ import main
from puffer_arena.cli.list import describe_space
from puffer_arena.cli.output import naming
from puffer_arena.registry import list_envs, load_env
from tests.commands import ROOT, ok, run

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
