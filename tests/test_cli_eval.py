"""`eval` and `bench` as a person uses them."""

import json
import os
import re

import pytest

from puffer_arena.cli import output
from tests.commands import SMALL, UPDATE, ok
from tests.playing import PILE

pytest.importorskip("torch")
pytest.importorskip("tyro")


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
