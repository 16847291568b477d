"""Sweeps and tuning: what is searched, trials in processes of their own that a later sweep goes on with, and what is fastest."""

import dataclasses
import io
import os
import sys
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from PIL import Image

from puffer_arena.__main__ import dispatch
from puffer_arena.cli.trials import Board
from puffer_arena.errors import ArenaError, FileError, ParameterError, UnknownName
from puffer_arena.render.draw.trials import draw_trials, front_of
from puffer_arena.sweeps import study as study_module
from puffer_arena.sweeps import tune as tuning
from puffer_arena.sweeps.space import Range, as_toml, read_space
from puffer_arena.sweeps.study import Plan, best_trials, open_study, sweep
from puffer_arena.trainers.precision import resolve
from tests.trainers_support import SMALL, small_config

pytestmark = pytest.mark.slow  # starts many processes

ORDER = {"env": "bandit", "file": None, "preset": "", "algorithm": "", "overrides": SMALL, "score": "episode_return"}


@pytest.mark.parametrize(
    ("name", "given", "wanted"),
    [
        ("optimizer.learning_rate", "1e-4:1e-2:log", Range(1e-4, 1e-2, True)),
        ("ppo.horizon", "8:64:log", Range(8, 64, True)),
        ("ppo.horizon", "8,16", Range(values=(8, 16))),
        ("ppo.advantage", "", Range(values=("gae", "vtrace"))),
        ("ppo.normalize_rewards", "true,false", Range(values=(True, False))),
        ("ppo.gamma", [0.9, 0.99], Range(values=(0.9, 0.99))),
        ("ppo.target_kl", "", Range(0.0, 1e3)),
    ],
)
def test_ranges_are_read(name: str, given, wanted: Range) -> None:
    assert read_space(small_config("bandit"), {name: given}) == {name: wanted}


def test_the_usual_settings_are_searched_around_what_they_are() -> None:
    config = small_config("bandit", optimizer__learning_rate=1e-3, ppo__gamma=0.99, ppo__entropy_coef=0.0)
    found = read_space(config, {})
    rate, gamma = found["optimizer.learning_rate"], found["ppo.gamma"]
    assert rate.low < 1e-3 < rate.high and rate.log and gamma.low < 0.99 < gamma.high < 1.0
    assert "ppo.entropy_coef" not in found  # it is off
    for name, spread in found.items():
        for end in (spread.low, spread.high):
            section, _, setting = name.partition(".")
            dataclasses.replace(getattr(config, section), **{setting: end})  # checks its range


@pytest.mark.parametrize(
    ("name", "given", "said"),
    [
        ("ppo.gama", "0:1", "did you mean 'ppo.gamma'"),
        ("ppo.gamma", "0.5:2", "must lie within 0 to 1"),
        ("ppo.gamma", "1:0", "must lie within"),
        ("optimizer.learning_rate", "0:1:log", "above 0"),
        ("ppo.gamma", "a:b", "is no float"),
        ("ppo.gamma", "0:1:2:3", "write LOW:HIGH"),
        ("network.hidden", "", "no range of its own"),
    ],
)
def test_what_cannot_be_searched_is_refused(name: str, given: str, said: str) -> None:
    with pytest.raises(ArenaError, match=said):
        read_space(small_config("bandit"), {name: given})


def test_settings_are_written_as_toml_reads_them() -> None:
    settings = {"ppo.gamma": 0.9, "num_envs": 8, "ppo.advantage": "gae", "ppo.normalize_rewards": True}
    assert tomllib.loads(as_toml(settings)) == {
        "num_envs": 8,
        "ppo": {"gamma": 0.9, "advantage": "gae", "normalize_rewards": True},
    }


def test_trials_are_kept_and_a_later_sweep_goes_on(tmp_path: Path) -> None:
    space = {"optimizer.learning_rate": Range(1e-4, 1e-2, True)}
    plan = Plan(ORDER, space, tmp_path / "sweeps" / "bandit.db", "it", total_steps=24 * 8 * 3)
    study = sweep(plan, 2, workers=2)
    assert [trial.state.name for trial in study.trials] == ["COMPLETE"] * 2
    assert all(trial.user_attrs["seconds"] > 0 for trial in study.trials)
    dead = study.ask()
    dead.set_user_attr("host", os.uname().nodename)
    dead.set_user_attr("pid", 2**22 + 1)  # beyond the numbers that Linux gives
    again = sweep(plan, 0, workers=1)
    assert [trial.state.name for trial in again.trials] == ["COMPLETE"] * 2 + ["FAIL"]
    best = best_trials(again)[0]
    assert best.values[0] == max(trial.values[0] for trial in again.trials[:2])
    with pytest.raises(FileError, match="has 1 objectives, not 2"):
        open_study(dataclasses.replace(plan, objectives=("score", "seconds")))


def test_two_sweeps_at_once_share_a_storage_and_others_are_refused(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(study_module, "CODE", 'print(\'{"score": 1.0, "seconds": 2.0}\')')
    plan = Plan(ORDER, {"ppo.gamma": Range(0.9, 0.99)}, tmp_path / "both.db", "it")
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: sweep(plan, 2, workers=2), range(2)))
    trials = open_study(plan).get_trials()
    assert [(trial.number, trial.state.name) for trial in trials] == [(k, "COMPLETE") for k in range(4)]
    for change in ({"order": {**ORDER, "env": "snake"}}, {"total_steps": 5}):
        with pytest.raises(FileError, match="its scores would be compared; choose another --name"):
            open_study(dataclasses.replace(plan, **change))


@pytest.mark.slow
def test_the_command_searches_two_objectives_and_applies_the_best(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    small = [f"--set={name}={list(value) if isinstance(value, tuple) else value}" for name, value in SMALL.items()]
    small = [each for each in small if "total_steps" not in each]
    searched = [
        "--search",
        "ppo.gamma",
        "--search",
        "ppo.horizon=4,8",
        "--objectives",
        "score,seconds",
        "--apply",
        "best.toml",
        "--picture",
        "front.png",
    ]
    assert dispatch(["sweep", "bandit", "--trials", "2", "--steps", "2000", *searched, *small]) == 0
    assert "beaten by no other in both score and seconds" in capsys.readouterr().out
    assert tomllib.loads(Path("best.toml").read_text())["ppo"]["horizon"] in (4, 8)
    with Image.open("front.png") as drawn:
        assert drawn.size == (960, 540) and len(drawn.getcolors(1 << 20)) > 8
    broken = ["--search", "ppo.horizon=4", "--score", "nothing", *small]
    with pytest.raises(ParameterError, match="none of 1 trials could be run; the last one: no episode ended"):
        dispatch(["sweep", "bandit", "--name", "other", "--trials", "1", "--steps", "400", *broken])


def test_the_front_is_of_runs_that_no_other_beats() -> None:
    runs = [(3.0, 5.0), (1.0, 2.0), (2.0, 1.0), (4.0, 5.0), (1.0, 1.0), (5.0, 6.0)]
    assert front_of(runs) == [(1.0, 2.0), (3.0, 5.0), (5.0, 6.0)]
    for some in (runs, runs[:1], [(1.0, 2.0)] * 3):  # one run, or some that are alike, have an axis, too
        assert draw_trials("it", some, {"ppo.gamma": 0.75, "ppo.clip": 0.25}).surface().get_size() == (960, 540)


def test_a_terminal_shows_a_table_while_the_sweep_goes_on(tmp_path: Path, monkeypatch) -> None:
    screen = io.StringIO()
    screen.isatty = lambda: True
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "400")
    plan = Plan(ORDER, {}, tmp_path / "it.db", "it")
    study = open_study(plan)
    with Board(plan) as board:
        trial = study.ask()
        trial.set_user_attr("seconds", 1.5)
        study.tell(trial, [42.0])
        board.tell(study)
        board.tell(study)  # which is not due yet
    assert screen.getvalue().count("1 complete, best score 42") == 2  # the second as it is taken away in the end


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--objectives", "speed"], "it is score"),
        (["--sampler", "gep"], "did you mean 'gp'"),
        (["--workers", "0"], "at least 1"),
    ],
)
def test_the_command_refuses_what_it_does_not_know(arguments: list[str], said: str) -> None:
    with pytest.raises((UnknownName, ParameterError), match=said):
        dispatch(["sweep", "bandit", *arguments])


def test_a_file_that_is_no_storage_is_named(tmp_path: Path) -> None:
    (tmp_path / "no.db").write_bytes(b"text " * 1000)
    with pytest.raises(FileError, match="cannot be used as a sweep's storage"):
        open_study(Plan(ORDER, {}, tmp_path / "no.db", "it"))


def test_tuning_keeps_what_is_fastest(monkeypatch: pytest.MonkeyPatch) -> None:
    speeds = {1: 10.0, 2: 30.0}
    monkeypatch.setattr(tuning, "usable_cores", lambda: 2)
    monkeypatch.setattr(tuning, "measure", lambda config, _: speeds[config.threads] * config.num_envs)
    told: list[float] = []
    config = resolve(small_config("bandit", threads=1, num_envs=8))
    best, gain, speed = tuning.tune(config, 60.0, lambda _, found: told.append(found))
    assert (best["threads"], best["num_envs"]) == (2, 32) and gain == pytest.approx(12.0) and speed == 960.0
    assert told[0] == 80.0 and max(told) == 960.0
    assert tuning.measure(config, 0.0) == 80.0


def test_a_measurement_trains() -> None:
    assert tuning.measure(resolve(small_config("bandit")), 0.01) > 0
