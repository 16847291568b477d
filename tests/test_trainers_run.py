"""Runs as people meet them: interrupted, killed, resumed, on a disk that is full."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from puffer_arena.errors import FileError, ParameterError, TrainingError, UnknownName
from puffer_arena.trainers.runs.checkpoint import restore_trainer
from puffer_arena.trainers.runs.log import read_metrics
from puffer_arena.trainers.runs.run import Run
from puffer_arena.trainers.runs.train import Callbacks, resume_trainer, train
from tests.processes import uncovered
from tests.trainers_support import assert_same_future, small_config, small_trainer

ROOT = Path(__file__).parent.parent
PROGRAM = """
import sys
sys.path.insert(0, {checkout!r})
from tests.trainers_support import small_config
from puffer_arena.trainers.runs.run import Run
from puffer_arena.trainers.runs.train import Callbacks, train

config = small_config("snake", checkpoint_minutes={minutes})
{before}
run = Run.create(config, {root!r}, "it")
hooks = Callbacks(on_update=lambda trainer, metrics: print(trainer.updates, flush=True), on_warning=lambda text: print("!", text, flush=True))
trainer = train(config, run, hooks)
print("saved", trainer.updates, flush=True)
trainer.close()
"""


def start(root: Path, minutes: float = 1000.0, before: str = "") -> subprocess.Popen:
    code = PROGRAM.format(checkout=str(ROOT), root=str(root), minutes=minutes, before=before)
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=uncovered())


def lines_until(process: subprocess.Popen, last: str) -> list[str]:
    found = []
    assert process.stdout is not None
    for line in process.stdout:
        found.append(line.strip())
        if found[-1] == last:
            break
    return found


def fresh(updates: int):
    """Return a trainer that did `updates` without interruption."""
    trainer = small_trainer("snake")
    for _ in range(updates):
        trainer.update()
    return trainer


def test_a_killed_run_goes_on_from_its_last_checkpoint(tmp_path: Path) -> None:
    process = start(tmp_path, minutes=0.0)  # a checkpoint after every update
    lines_until(process, "20")
    process.kill()  # SIGKILL
    process.wait()
    assert process.stdout is not None
    process.stdout.close()
    run = Run.open(tmp_path / "it")
    assert len(run.checkpoints()) in (2, 3)  # killed between writing one and dropping the oldest, perhaps
    trainer = resume_trainer(None, run)
    assert trainer.updates >= 19  # at most the update that was not yet saved is lost
    logged = [entry["updates"] for entry in read_metrics(run.folder / "metrics.jsonl")]
    assert logged == list(range(1, trainer.updates + 1))
    same = fresh(trainer.updates)
    assert_same_future(trainer, same, 2)
    trainer.close()
    same.close()


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_saves_and_can_be_resumed(tmp_path: Path, number: signal.Signals) -> None:
    process = start(tmp_path)
    lines_until(process, "5")
    process.send_signal(number)
    output, _ = process.communicate()
    assert process.returncode == 0
    updates = int(output.split()[-1])
    assert output.split()[-2] == "saved"
    run = Run.open(tmp_path / "it")
    trainer = restore_trainer(run.checkpoints()[-1])
    assert trainer.updates == updates
    same = fresh(updates)
    assert_same_future(trainer, same, 1)
    trainer.close()
    same.close()


@pytest.mark.skipif(os.name != "posix", reason="limits on file sizes are POSIX's")
def test_a_full_disk_is_said_once_and_training_goes_on(tmp_path: Path) -> None:
    # The system refuses to let any file grow beyond 9000 bytes: checkpoints never fit, metrics do for a while.
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (9000, 9000))"
    process = start(tmp_path, minutes=0.0, before=limit)
    lines = lines_until(process, "120")
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate()
    assert process.returncode == 0
    warnings = [line for line in [*lines, *rest.splitlines()] if line.startswith("!")]
    for what in ("checkpoints", "metrics.jsonl"):
        assert sum(f"cannot write {what}" in line for line in warnings) == 1
        assert any("File too large" in line and "training goes on" in line for line in warnings)
    folder = tmp_path / "it"
    assert not list((folder / "checkpoints").iterdir())  # nothing half-written is left behind
    logged = [entry["updates"] for entry in read_metrics(folder / "metrics.jsonl")]
    assert logged == list(range(1, len(logged) + 1))
    assert len(logged) > 5


def test_an_unwritable_folder_is_said_and_training_goes_on(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file where the folder should be")
    said: list[str] = []
    config = small_config("snake", total_steps=24 * 8 * 4)
    run = Run.create(config, tmp_path / "runs", warn=said.append)
    trainer = train(config, run, Callbacks(on_warning=said.append))
    assert trainer.updates == 4
    first, last = said
    assert first.startswith("cannot write the run folder")
    assert first.endswith("training goes on without")
    assert "NOT saved" in last and run.saved_updates == -1
    trainer.close()


def test_trouble_that_ends_is_said_too(tmp_path: Path) -> None:
    said: list[str] = []
    run = Run.create(small_config("snake"), tmp_path, "it", said.append)
    metrics = run.folder / "metrics.jsonl"
    metrics.mkdir()
    for updates in (1, 2):
        run.log({"updates": updates, "steps": updates})
    metrics.rmdir()
    run.log({"updates": 3, "steps": 3})
    assert [entry["updates"] for entry in read_metrics(metrics)] == [3]
    assert ["cannot" in text for text in said] == [True, False]
    run.close()


def test_a_run_keeps_its_config_metrics_and_newest_checkpoints(tmp_path: Path) -> None:
    config = small_config("snake", total_steps=24 * 8 * 6, checkpoint_minutes=0.0, keep_checkpoints=2)
    run = Run.create(config, tmp_path)
    steps: list[int] = []
    seen: list[dict] = []
    hooks = Callbacks(on_step=lambda trainer, t: steps.append(t), on_update=lambda trainer, m: seen.append(m))
    trainer = train(config, run, hooks)
    assert trainer.finished
    assert steps == list(range(8)) * 6
    assert run.config == trainer.config
    assert run.config.threads >= 1
    assert [int(path.stem) for path in run.checkpoints()] == [24 * 8 * 5, 24 * 8 * 6]
    logged = read_metrics(run.folder / "metrics.jsonl")
    assert [entry["steps"] for entry in logged] == [m["steps"] for m in seen]
    assert {"policy_loss", "value_loss", "entropy", "gradient_norm", "time/learn"} <= logged[-1].keys()
    trainer.close()


def test_tensorboard_reads_what_was_written(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run = Run.create(small_config("snake"), tmp_path)
    run.log({"steps": 100.0, "updates": 1.0, "entropy": 0.25, "time/learn": 0.5})
    run.close()
    events = EventAccumulator(str(run.folder / "tensorboard"))
    events.Reload()
    (scalar,) = events.Scalars("train/entropy")
    assert (scalar.step, scalar.value) == (100, 0.25)
    assert events.Scalars("time/learn")[0].value == 0.5


def test_a_run_is_resumed_by_its_own_config_only(tmp_path: Path) -> None:
    config = small_config("snake", total_steps=24 * 8 * 2)
    run = Run.create(config, tmp_path)
    train(config, run).close()
    with pytest.raises(TrainingError, match="environment 'snake', not 'tag'"):
        train(small_config("tag"), run, resume=True)
    with pytest.raises(TrainingError, match=r"optimizer\.name"):
        train(small_config("snake", optimizer__name="adam"), run, resume=True)
    longer = small_config("snake", total_steps=24 * 8 * 5)
    trainer = train(longer, run, resume=True)
    assert trainer.updates == 5
    assert [entry["updates"] for entry in read_metrics(run.folder / "metrics.jsonl")] == [1, 2, 3, 4, 5]
    trainer.close()


def test_a_damaged_checkpoint_is_refused_and_an_older_one_named(tmp_path: Path) -> None:
    config = small_config("snake", total_steps=24 * 8 * 3, checkpoint_minutes=0.0)
    run = Run.create(config, tmp_path)
    train(config, run).close()
    older, newest = run.checkpoints()
    newest.write_bytes(newest.read_bytes()[:-10])
    with pytest.raises(FileError, match=older.name):
        train(config, run, resume=True)


def test_runs_that_are_not_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match=r"no config\.json"):
        Run.open(tmp_path / "none")
    run = Run.create(small_config("snake"), tmp_path, "it")
    with pytest.raises(TrainingError, match="there already"):
        Run.create(small_config("snake"), tmp_path, "it")
    with pytest.raises(TrainingError, match="no checkpoint"):
        resume_trainer(None, run)
    (run.folder / "config.json").write_text(json.dumps([1]))
    with pytest.raises(FileError, match="damaged"):
        _ = run.config


def test_a_run_that_cannot_begin_leaves_no_folder(tmp_path: Path) -> None:
    game = tmp_path / "game.py"
    game.write_bytes((ROOT / "examples" / "catch.py").read_bytes())
    config = small_config(str(game))
    game.unlink()
    for kept in ([], [], ["config.json", "lock", "notes.txt"]):
        run = Run.create(config, tmp_path / "runs", "it")
        for name in kept[2:]:
            (run.folder / name).touch()
        with pytest.raises(UnknownName, match="no such file"):
            train(config, run)
        assert sorted(path.name for path in (tmp_path / "runs").glob("it/*")) == kept


def test_a_run_that_breaks_keeps_its_last_good_checkpoint(tmp_path: Path) -> None:
    config = small_config("cartpole", checkpoint_minutes=0.0)
    run = Run.create(config, tmp_path)

    def break_it(trainer, metrics) -> None:
        if trainer.updates == 3:
            trainer.policy.actor.output.bias.data[1] = float("nan")

    with pytest.raises(TrainingError, match=r"'actor\.output\.bias' is not finite"):
        train(config, run, Callbacks(on_update=break_it))
    trainer = resume_trainer(None, run)
    assert trainer.updates == 2
    trainer.update()
    trainer.close()


def test_learning_rate_can_be_moved_and_a_run_stopped(tmp_path: Path) -> None:
    config = small_config("snake", optimizer__schedule="constant")
    rates: list[float] = []

    def steer(trainer, metrics) -> None:
        rates.append(metrics["learning_rate"])
        trainer.learning_rate = 1e-4
        if trainer.updates == 3:
            trainer.stop()

    train(config, Run.create(config, tmp_path), Callbacks(on_update=steer)).close()
    assert rates == [config.optimizer.learning_rate, 1e-4, 1e-4]


def test_a_last_state_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    config = small_config("snake", total_steps=24 * 8 * 4, checkpoint_minutes=0.0)
    run, said = Run.create(config, tmp_path, "it"), []

    def take_the_place(trainer, metrics) -> None:
        if trainer.updates == 3:
            (run.folder / "checkpoints").rename(tmp_path / "taken")
            (run.folder / "checkpoints").touch()

    trainer = train(config, run, Callbacks(on_update=take_the_place, on_warning=said.append))
    assert (run.saved_updates, trainer.updates) == (2, 4)
    assert ["NOT saved" in text for text in said] == [False, True]
    trainer.close()


def test_a_folder_that_was_deleted_comes_back_complete(tmp_path: Path) -> None:
    config = small_config("snake", total_steps=24 * 8 * 8, checkpoint_minutes=0.0)
    run, saves = Run.create(config, tmp_path, "it"), []

    def delete(trainer, metrics) -> None:
        if trainer.updates == 3:
            run.folder.rename(tmp_path / "gone")
        if trainer.updates == 4:
            run._tensorboard._last = 0.0  # another event is due
            with pytest.raises(TrainingError, match="is being trained by process"):  # the new folder is kept, too
                train(config, Run.open(run.folder), resume=True)

    hooks = Callbacks(
        on_update=delete, on_save=lambda trainer: saves.append(trainer.updates), on_warning=lambda _: None
    )
    trainer = train(config, run, hooks)
    assert saves == list(range(1, 9)) and run.saved_updates == 8
    assert run.config == trainer.config
    assert [entry["updates"] for entry in read_metrics(run.folder / "metrics.jsonl")] == [4, 5, 6, 7, 8]
    assert any((run.folder / "tensorboard").iterdir())
    trainer.close()
    resume_trainer(None, Run.open(run.folder)).close()


def test_what_a_killed_save_leaves_behind_goes_with_the_next_start(tmp_path: Path) -> None:
    kill = """
import os
replace = os.replace
os.replace = lambda a, b: os.kill(os.getpid(), 9) if "safetensors" in str(a) else replace(a, b)
"""
    process = start(tmp_path, minutes=0.0, before=kill)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    run = Run.open(tmp_path / "it")
    (left,) = (run.folder / "checkpoints").iterdir()
    kept = [run.folder / ".notes", run.folder / "my.tmp", run.folder / "checkpoints" / ".hidden"]
    dropped = [run.folder / ".live.json.77", run.folder / ".metrics.jsonl.77.tmp", run.folder / ".config.json.7.tmp"]
    for path in (*kept, *dropped):
        path.touch()
    train(small_config("snake", total_steps=24 * 8), run).close()
    assert all(path.exists() for path in kept)
    assert not any(path.exists() for path in (left, *dropped))


@pytest.mark.parametrize(
    "name",
    [
        "../../x",
        "a/b",
        "a\\b",
        "..",
        ".",
        ".hidden",
        "-x",
        "newest",
        "a" * 300,
        "a\nb",
        "\x1b[2J",
        "a\udcff",
        " ",
        "a.",
    ],
)
def test_names_that_are_no_folder_of_the_runs_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ParameterError, match="a run cannot be named") as error:
        Run.create(small_config("snake"), tmp_path / "runs" / "mine", name)
    assert "\n" not in str(error.value) and len(str(error.value)) < 400
    assert not list(tmp_path.iterdir())


def test_plain_names_are_taken(tmp_path: Path) -> None:
    for name in ("a", "snake-20261120-120000", "9 lives", "größer", "a+b=c,(d)@e_f.g", "a" * 100):
        assert Run.create(small_config("bandit"), tmp_path, name).folder == tmp_path / name


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_a_fork_does_not_ask_its_parent_to_end() -> None:
    code = (
        "import os, signal\n"
        "from puffer_arena.batch.workers.watchdog import watchdog\n"
        "with watchdog():\n"
        "    child = os.fork()\n"
        "    if not child: os._exit(0 if signal.set_wakeup_fd(-1) == -1 else 1)\n"
        "    code = os.waitpid(child, 0)[1]\n"
        "    inside = signal.set_wakeup_fd(-1)\n"
        "print(code, inside > 0, signal.set_wakeup_fd(-1))\n"
    )
    assert subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, text=True) == "0 True -1\n"


STUCK = """
import sys, threading, time
sys.path.insert(0, {checkout!r})
from tests.trainers_support import small_config
from puffer_arena.batch.workers import watchdog
from puffer_arena.trainers.runs.run import Run
from puffer_arena.trainers.runs.train import Callbacks, train

watchdog.GRACE_SECONDS = 0.2
config = small_config({game!r}, threads={threads})

def stick(trainer, t):
    trainer.batch.params.stuck = 1

def watch(trainer):
    def tell():
        while not trainer.batch.rows.states["waiting"].any():
            time.sleep(0.01)
        print("stuck", flush=True)
    threading.Thread(target=tell, daemon=True).start()

try:
    train(config, Run.create(config, {root!r}, "it"), Callbacks(on_start=watch, on_step=stick))
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="sends signals as a terminal and a scheduler do")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("threads", [1, 2])
def test_a_rule_that_never_ends_is_ended_by_asking_twice(tmp_path: Path, number: signal.Signals, threads: int) -> None:
    game = str(ROOT / "tests" / "games" / "stuck.py")
    code = STUCK.format(checkout=str(ROOT), root=str(tmp_path), game=game, threads=threads)
    pipe = subprocess.PIPE
    process = subprocess.Popen([sys.executable, "-c", code], stdout=pipe, stderr=pipe, text=True, env=uncovered())
    try:
        assert process.stdout is not None and process.stdout.readline() == "stuck\n"
        while process.poll() is None:
            process.send_signal(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.1)
        out, err = process.communicate()
    finally:
        process.kill()
    told = process.returncode == 130 and "asked twice to end" in err
    assert told or (threads, number, process.returncode, out) == (2, signal.SIGINT, 0, "interrupted\n")
