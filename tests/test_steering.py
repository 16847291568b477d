"""Steering a curriculum, and doing again what was done."""

from contextlib import closing
from dataclasses import replace
from types import SimpleNamespace

import pytest

from puffer_arena import make
from puffer_arena.cli.broadcast import Broadcast
from puffer_arena.cli.recording import Record, RunRecorder
from puffer_arena.cli.sending import Sender
from puffer_arena.cli.steering import Change, SteeringLog, SteeringPlan, carry_out, read_steering, steps_after
from puffer_arena.curriculum import CURRICULA, load_curriculum
from puffer_arena.curriculum.choose import read_table, write_table
from puffer_arena.errors import ArenaError, FileError
from puffer_arena.levels.drawn import as_table, take_level
from puffer_arena.live.address import read_address
from puffer_arena.live.commands import check_command
from puffer_arena.live.messages import read_steering as read_told
from puffer_arena.live.subscriber import Subscriber
from puffer_arena.registry import load_env
from puffer_arena.replay.reader import Replay
from puffer_arena.trainers.config import load_config
from puffer_arena.trainers.runs.run import Run
from puffer_arena.trainers.runs.train import Callbacks, resume_trainer, train
from puffer_arena.trainers.trainer import make_trainer
from tests.live_support import wait_for
from tests.steered import Steered

SMALL = {"num_envs": 4, "total_steps": 96, "ppo.horizon": 8, "ppo.minibatches": 1, "network.hidden": [8], "threads": 1}
SMALL["optimizer.schedule"] = "constant"  # or a run that stops early would learn at other rates
UNIFORM = {"method": "uniform", "ranges": {"delay": "0:2"}}


def change(steps, name, /, **arguments):
    return Change(steps, check_command(name, arguments), None)


STEERED = [
    change(20, "learning_rate", value=0.002),
    change(36, "curriculum", table=UNIFORM),
    change(44, "param", name="symbols", value=2),
]


def learn(folder, changes, resume=False, **settings):
    """Train memory, making changes when they are due; return what was learned, and what the next episodes are."""
    plan, logs = SteeringPlan(changes), []

    def on_step(trainer, t):
        for due in plan.due(steps_after(trainer, t)):
            _, before = carry_out(trainer, due.command)
            logs[0].note(Change(due.steps, due.command, before))

    if resume:
        run = Run.open(folder)
        config = replace(run.config, total_steps=settings["total_steps"])
    else:
        config = load_config("memory", overrides=SMALL | settings)
        run = Run.create(config, folder.parent, folder.name)
    started = lambda trainer: logs.append(SteeringLog(folder, trainer.steps))  # noqa: E731
    trainer = train(config, run, Callbacks(started, on_step), resume=resume)
    learned = [value.numpy().tobytes() for value in trainer.policy.state_dict().values()]
    delays = trainer.batch.rows.following["delay"].tolist()
    trainer.close()
    return learned, delays


def test_a_steered_run_is_repeated_from_its_record(tmp_path):
    first = learn(tmp_path / "first", STEERED)
    record = read_steering(tmp_path / "first" / "steering.jsonl")
    assert [(one.steps, one.name) for one in record] == [(20, "learning_rate"), (36, "curriculum"), (44, "symbols")]
    assert record[1].before == {} and record[2].before == 4
    assert learn(tmp_path / "again", record) == first
    assert learn(tmp_path / "left", []) != first


def test_a_run_whose_curriculum_was_steered_resumes_exactly(tmp_path):
    whole = learn(tmp_path / "whole", STEERED)
    learn(tmp_path / "parts", STEERED, total_steps=64)
    assert learn(tmp_path / "parts", [], resume=True, total_steps=96) == whole
    assert Run.open(tmp_path / "parts").config.curriculum == UNIFORM


def test_a_size_made_smaller_can_be_made_larger_again_after_a_resume(tmp_path):
    config = load_config("snake", overrides=SMALL)
    run = Run.create(config, tmp_path, "run")
    smaller = check_command("param", {"name": "rows", "value": 7})
    train(config, run, Callbacks(lambda trainer: carry_out(trainer, smaller))).close()
    trainer = resume_trainer(None, run)
    log = SteeringLog(run.folder, trainer.steps)
    with (
        closing(Broadcast(trainer, run, "127.0.0.1", 0, log)) as shown,
        closing(Subscriber(read_address(run.folder), run.folder)) as window,
    ):
        serving = SimpleNamespace(poll=lambda: shown.on_step(trainer, 0), status="", note="")
        wait_for(lambda: window.wanted.get("rows") == 7, serving, window)
        assert window.made["rows"] == 11  # up to which its slider goes
        window.send("param", name="rows", value=11)
        wait_for(lambda: window.wanted["rows"] == 11, serving, window)
    trainer.close()


def test_an_empty_table_goes_back_to_the_runs_own_parameters(tmp_path):
    _, delays = learn(tmp_path / "run", [*STEERED, change(60, "curriculum", table={})])
    assert delays == [3, 3, 3, 3]


def test_a_level_that_is_sent_is_mixed_in_and_what_was_learned_stays(tmp_path):
    table = {"method": "plr", "settings": {"capacity": 5}}
    small = SMALL | {"params": {"size": 7, "max_steps": 10}, "network.memory": "none", "curriculum": table}
    config = load_config("maze", overrides=small)
    run = Run.create(config, tmp_path, "run")
    trainer = make_trainer(config)
    trainer.update()
    with make("maze", size=7, compiled=False) as batch:
        level = as_table(take_level(batch))
    replay = trainer.director.curriculum
    with closing(Broadcast(trainer, run, "127.0.0.1", 0, SteeringLog(run.folder, 0))) as shown:
        note = shown.obey(check_command("level", {"level": level, "weight": 0.25}))
        assert note.startswith("curriculum plr with 1 drawn level, 25 % of the episodes")
        for wrong, said in (({**level, "game": "tag"}, "of the game"), ({**level, "cells": "#"}, "lines")):
            with pytest.raises(ArenaError, match=said):
                shown.obey(check_command("level", {"level": wrong, "weight": 0.25}))
        replay.buffer.keep(2, 77, {}, score=9.0)
        assert shown.steering()["levels"][0][:3] == [77, 9.0, 77]
        shown.obey(check_command("drop", {"key": 77}))
        with pytest.raises(ArenaError, match="not kept any more"):
            shown.obey(check_command("drop", {"key": 77}))
    assert trainer.director.curriculum is replay and trainer.director.entrances.share == 0.25
    assert trainer.config.curriculum == {**table, "levels": [level], "weight": 0.25}
    change, thrown = read_steering(run.folder / "steering.jsonl")
    assert (thrown.name, thrown.after) == ("drop", 77)
    assert change.after == trainer.config.curriculum and change.before == table
    (tmp_path / "preset.toml").write_text(write_table(change.after))
    assert read_table(tmp_path / "preset.toml") == change.after
    trainer.update()
    trainer.close()


def test_the_editor_sends_a_level_to_the_run_that_trains_in_its_game(tmp_path):
    with make("maze", size=7, compiled=False) as batch:
        level = take_level(batch)
    with closing(Sender("maze", str(tmp_path), 0.5)) as sender:
        assert "no run in" in sender.send(level)
        config = load_config("maze", overrides=SMALL | {"params": {"size": 7}, "network.memory": "none"})
        run = Run.create(config, tmp_path, "run")
        trainer = make_trainer(config)
        notes = []
        with closing(Broadcast(trainer, run, "127.0.0.1", 0, SteeringLog(run.folder, 0))) as shown:
            assert sender.send(level) == "sent to run"

            def answered():
                shown.publisher.tend(0, shown.look)
                notes.append(sender.poll())
                return any("curriculum uniform with 1 drawn level, 50 %" in note for note in notes)

            wait_for(answered)
        assert trainer.config.curriculum == {"levels": [as_table(level)], "weight": 0.5}
        trainer.close()


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"method": "unifrom"}, "did you mean 'uniform'"),
        ({"method": "uniform", "ranges": {"delay": "0:900"}}, "delay"),
        ({"method": "own.py"}, "only read where a person names it"),
        ({"method": "uniform", "ranges": {"dealy": 1}}, "did you mean 'delay'"),
    ],
)
def test_a_curriculum_that_cannot_be_is_refused_and_all_stays(tmp_path, table, said):
    config = load_config("memory", overrides=SMALL | {"curriculum": UNIFORM})
    trainer = make_trainer(config)
    before = trainer.batch.rows.following.tobytes(), trainer.director.state()["draws"].copy()
    with pytest.raises(ArenaError, match=said):
        carry_out(trainer, check_command("curriculum", {"table": table}))
    assert trainer.config.curriculum == UNIFORM
    assert (trainer.batch.rows.following.tobytes(), trainer.director.state()["draws"]) == before
    trainer.close()


@pytest.mark.parametrize(
    "line",
    [
        b"nonsense",
        b'{"steps": -1, "command": "param", "name": "delay", "value": 1}',
        b'{"steps": 1, "command": "save"}',
        b'{"steps": 1, "command": "param", "name": "delay"}',
        b'{"steps": 1, "command": "learning_rate", "value": 7}',
        b'{"steps": 50, "command": "learning_rate", "value": 0.1}\n{"steps": 9, "command": "learning_rate", "value": 0.1}',
    ],
)
def test_a_damaged_record_is_refused_with_its_line(tmp_path, line):
    path = tmp_path / "steering.jsonl"
    path.write_bytes(line)
    with pytest.raises(FileError, match=r"line [12]"):
        read_steering(path)


@pytest.mark.parametrize("method", [name for name in CURRICULA if name != "lessons"])
def test_presets_are_files_as_the_command_line_takes_them(tmp_path, method):
    table = {"method": method, "ranges": {"distance": "1:30:log", "size": [9, 13]}}
    (tmp_path / "preset.toml").write_text(write_table(table))
    assert read_table(tmp_path / "preset.toml") == table
    load_curriculum(load_env("maze"), table)


def test_lessons_survive_being_written(tmp_path):
    until = {"measure": "success", "at_least": 0.8, "episodes": 50}
    table = {"method": "lessons", "lessons": [{"name": 'an "easy" one', "ranges": {"delay": 0}, "until": until}, {}]}
    (tmp_path / "preset.toml").write_text(write_table(table))
    assert read_table(tmp_path / "preset.toml") == table


def test_the_ledger_counts_where_episodes_were_and_which_succeeded():
    source = Steered("memory", UNIFORM, 16)
    source.play(40)
    bins = source.steering.bins["delay"]
    assert sum(bins["next"]) == 16
    assert sum(bins["seen"]) == pytest.approx(source.director.episodes, rel=0.01)
    assert all(won <= seen for won, seen in zip(bins["won"], bins["seen"], strict=True))
    assert sum(source.steering.bins["symbols"]["next"]) == 16
    source.close()


@pytest.mark.parametrize(
    "told",
    [
        {"curriculum": 3},
        {"bins": {"nothing": {}}},
        {"bins": {"delay": {"low": 0, "high": 1, "next": [1], "seen": [1, 2], "won": [0]}}},
        {"bins": {"delay": {"low": 1, "high": 0, "next": [1], "seen": [1], "won": [0]}}},
        {"bins": {"delay": {"low": 0, "high": 1, "next": [float("inf")], "seen": [1], "won": [0]}}},
        {"changes": [[1, 2, 3]]},
        {"levels": [[1, 0.5, 3, {}]]},
        {"levels": [[1, 0.5, 3, {}, ""]] * 9},
        {"levels": [[-1, 0.5, 3, {}, ""]]},
        {"levels": [[1, float("nan"), 3, {}, ""]]},
        {"levels": [[1, 0.5, 1 << 40, {}, ""]]},
        {"levels": [[1, 0.5, 3, {}, "no text of bytes"]]},
    ],
)
def test_a_window_refuses_steering_that_cannot_be(told):
    with pytest.raises(FileError):
        read_told(told, load_env("memory"))


def test_a_window_begins_and_ends_a_recording_of_the_run(tmp_path):
    config = load_config("memory", overrides=SMALL)
    run = Run.create(config, tmp_path, "run")
    trainer = make_trainer(config)
    recorder = RunRecorder(trainer, run.folder, Record(), lambda said: None)
    with closing(Broadcast(trainer, run, "127.0.0.1", 0, SteeringLog(run.folder, 0), record=recorder.toggle)) as shown:
        assert "recording 4 environments" in shown.obey(check_command("record", {}))
        trainer.update()
        carried = check_command("curriculum", {"table": UNIFORM})
        shown.obey(carried)
        recorder.on_change("curriculum", "curriculum uniform delay 0:2")
        assert "recorded into" in shown.obey(check_command("record", {}))
    trainer.close()
    with Replay(next((run.folder / "replays").glob("*.mcap"))) as replay:
        assert replay.steps == 8
        assert [event.text for event in replay.events if event.kind == "curriculum"] == ["curriculum uniform delay 0:2"]
    assert [one.name for one in read_steering(run.folder / "steering.jsonl")] == ["curriculum"]
