"""Checkpoints, policies, configs and metrics from outside: nothing in them runs, and whatever they hold is refused."""

import hashlib
import json
import resource
from pathlib import Path

import pytest
import torch

from puffer_arena.errors import ArenaError, FileError, ParameterError, TrainingError
from puffer_arena.trainers.actor import CHECKPOINT_KIND, CHECKPOINT_VERSION, Actor
from puffer_arena.trainers.config import from_dict, load_config, to_dict
from puffer_arena.trainers.runs.checkpoint import load_checkpoint, restore_trainer, save_checkpoint
from puffer_arena.trainers.runs.log import find_checkpoints, read_metrics
from puffer_arena.trainers.runs.run import Run
from puffer_arena.trainers.runs.tensorfile import pack
from puffer_arena.trainers.runs.train import Callbacks, resume_trainer, train
from tests.trainers_support import small_config, small_trainer, weights

ROOT = Path(__file__).parent.parent
BANDIT = (ROOT / "envs" / "bandit.py").read_text()
TRAP = "from pathlib import Path\nPath(__file__).with_name('ran').touch()\n"
HUGE = 10**400  # beyond all floats
DEEP = "[" * 100_000 + "]" * 100_000


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("checkpoint") / "saved.safetensors"
    trainer = small_trainer("snake")
    trainer.update()
    save_checkpoint(path, trainer)
    trainer.close()
    return path


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a game of its own, trained there."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "my_bandit.py").write_text(BANDIT)
    config = small_config(str(folder / "my_bandit.py"), total_steps=24 * 8 * 2)
    train(config, Run.create(config, folder / "runs", "a")).close()
    return folder


def changed(saved: Path, path: Path, change) -> Path:
    """Write a checkpoint with something changed and a checksum that fits."""
    tensors, about, _ = load_checkpoint(saved)
    change(tensors, about)
    path.write_bytes(pack(CHECKPOINT_KIND, CHECKPOINT_VERSION, tensors, about))
    return path


def labelled(metadata: object) -> bytes:
    """Return a safetensors file without tensors."""
    header = json.dumps({"__metadata__": metadata}).encode()
    return len(header).to_bytes(8, "little") + header


# -- what is imported ---------------------------------------------------------------------------------


@pytest.mark.parametrize("named", ["a path", "a module"])
def test_nothing_that_a_file_names_is_imported(saved: Path, tmp_path: Path, monkeypatch, named: str) -> None:
    (tmp_path / "trap.py").write_text(TRAP + BANDIT)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "traps").mkdir()
    (tmp_path / "traps" / "trap.py").write_text(TRAP + BANDIT)
    env = str(tmp_path / "trap.py") if named == "a path" else "traps.trap"

    def point_to_the_trap(tensors, about) -> None:
        about["config"]["env"], about["env"]["rules"] = env, "0" * 16

    forged = changed(saved, tmp_path / "5.safetensors", point_to_the_trap)
    run = Run.create(load_config("snake"), tmp_path, "it")
    run.write_config(from_dict({**to_dict(run.config), "env": env}))
    forged.rename(run.folder / "checkpoints" / forged.name)
    (path,) = run.checkpoints()
    for reading in (
        lambda: Actor.load(path),
        lambda: Actor.load(path.read_bytes()),
        lambda: restore_trainer(path),
        lambda: resume_trainer(None, run),
        lambda: Actor.load(path, "snake"),
        lambda: restore_trainer(path, env="snake"),
    ):
        with pytest.raises(ParameterError, match=r"is of environment .*trap") as error:
            reading()
        assert "\n" not in str(error.value)
    with pytest.raises(TrainingError, match="resume it with its own"):
        resume_trainer(small_config("snake"), run)
    assert not list(tmp_path.rglob("ran"))


def test_a_checkpoint_knows_a_game_that_was_moved(project: Path, tmp_path: Path) -> None:
    moved = tmp_path / "my_bandit.py"
    moved.write_text(BANDIT)
    run = Run.open(project / "runs" / "a")
    (path,) = run.checkpoints()
    with pytest.raises(ParameterError, match="name the environment yourself"):
        Actor.load(path)
    assert Actor.load(path, str(moved)).policy.origin["env"] == str(moved)
    config = small_config(str(moved), total_steps=24 * 8 * 2)
    said: list[str] = []
    run.warn = said.append
    there, elsewhere = restore_trainer(path, env=str(project / "my_bandit.py")), resume_trainer(config, run)
    assert (said, elsewhere.config.env) == ([], str(moved))
    for name, value in weights(there).items():
        assert torch.equal(value, weights(elsewhere)[name])
    elsewhere.update()
    there.close()
    elsewhere.close()


def test_a_game_that_was_renamed_is_known_by_its_source(project: Path, tmp_path: Path) -> None:
    (tmp_path / "other.py").write_text(BANDIT)
    (path,) = Run.open(project / "runs" / "a").checkpoints()
    Actor.load(path, str(tmp_path / "other.py"))
    (tmp_path / "other.py").write_text(BANDIT + "\n# edited\n")
    with pytest.raises(ParameterError, match=r"is of environment .*my_bandit.*, not .*other"):
        Actor.load(path, str(tmp_path / "other.py"))


def test_a_game_that_was_edited_goes_on_and_is_said(project: Path, tmp_path: Path) -> None:
    edited = tmp_path / "my_bandit.py"
    edited.write_text(BANDIT + "\n# edited\n")
    run = Run.open(project / "runs" / "a", (said := []).append)
    resume_trainer(small_config(str(edited)), run).close()
    assert said == ["the source of environment 'my_bandit' has changed since the checkpoint"]


# -- sizes ------------------------------------------------------------------------------------------------


def wide(tensors, about) -> None:
    about["config"]["network"]["hidden"] = [16384] * 8


def many(tensors, about) -> None:
    about["config"]["num_envs"] = 2**24


def many_in_part(tensors, about) -> None:
    many(tensors, about)
    about["config"]["params"]["rows"] = about["config"]["params"]["cols"] = 64


@pytest.mark.skipif(not hasattr(resource, "RLIMIT_AS"), reason="limits on memory are POSIX's")
@pytest.mark.parametrize("change", [wide, many, many_in_part])
def test_a_small_file_is_not_given_much_memory(saved: Path, tmp_path: Path, change) -> None:
    path = changed(saved, tmp_path / "large", change)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + (1 << 29), before[1]))  # half a GB more than now
    try:
        with pytest.raises(FileError):
            restore_trainer(path)
        if change is wide:
            with pytest.raises(FileError, match="does not fit"):
                Actor.load(path)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


# -- nonsense -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "metadata",
    [
        [],
        [1],
        "text",
        3,
        None,
        {"kind": 3},
        {"kind": CHECKPOINT_KIND, "version": "9" * 5000, "about": "{}", "sha256": ""},
        {"kind": CHECKPOINT_KIND, "version": "-1", "about": "{}", "sha256": ""},
        {"kind": CHECKPOINT_KIND, "version": "²", "about": "{}", "sha256": ""},
    ],
)
def test_headers_of_any_kind_are_refused(tmp_path: Path, metadata: object) -> None:
    (tmp_path / "file").write_bytes(labelled(metadata))
    for read in (Actor.load, restore_trainer):
        with pytest.raises(FileError) as error:
            read(tmp_path / "file")
        assert "\n" not in str(error.value) and len(str(error.value)) < 1000


@pytest.mark.parametrize("text", ["[1]", "3", "null", "{", DEEP, '{"steps": ' + "9" * 5000 + "}"])
def test_descriptions_of_any_kind_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "file").write_bytes(signed(text))
    for read in (Actor.load, restore_trainer):
        with pytest.raises(FileError, match="damaged"):
            read(tmp_path / "file")


def signed(text: str) -> bytes:
    """Return a file without tensors whose description is `text`, with the checksum that belongs to it."""
    digest = hashlib.sha256(json.dumps([CHECKPOINT_KIND, CHECKPOINT_VERSION, text]).encode()).hexdigest()
    return labelled({"kind": CHECKPOINT_KIND, "version": str(CHECKPOINT_VERSION), "about": text, "sha256": digest})


def drop(*keys: str):
    def change(tensors, about) -> None:
        for key in keys[:-1]:
            about = about[key]
        del about[keys[-1]]

    return change


def put(*given):
    def change(tensors, about) -> None:
        *keys, last, value = given
        for key in keys:
            about = about[key]
        about[last] = value

    return change


@pytest.mark.parametrize(
    "change",
    [
        drop("config", "network"),
        drop("config", "env"),
        drop("env"),
        put("env", 3),
        put("config", "network", 3),
        put("config", "network", "hidden", HUGE),
        put("config", "network", "hidden", [HUGE]),
        put("config", "network", "memory_size", HUGE),
        put("config", "params", [1]),
        put("config", "params", "rows", HUGE),
        put("config", "params", "rows", [HUGE]),
        put("config", "params", "nothing", 1),
        put("config", "env", HUGE),
        put("config", "env", "\x1b[2J"),
    ],
)
def test_descriptions_without_sense_are_refused_whoever_reads_them(saved: Path, tmp_path: Path, change) -> None:
    path = changed(saved, tmp_path / "nonsense", change)
    for read in (Actor.load, restore_trainer):
        with pytest.raises(ArenaError) as error:
            read(path)
        assert "\n" not in str(error.value) and "\x1b" not in str(error.value) and len(str(error.value)) < 1000


@pytest.mark.parametrize(
    "change",
    [
        put("config", "ppo", 3),
        put("seconds", HUGE),
        put("seconds", float("inf")),
        put("steps", HUGE),
        put("updates", HUGE),
        put("updates", True),
        put("learning_rate", HUGE),
        put("config", "ppo", "gamma", HUGE),
        put("config", "num_envs", HUGE),
        put("config", "seed", HUGE),
    ],
)
def test_numbers_without_sense_are_refused(saved: Path, tmp_path: Path, change) -> None:
    path = changed(saved, tmp_path / "nonsense", change)
    with pytest.raises(FileError, match="damaged") as error:
        restore_trainer(path)
    assert "\n" not in str(error.value) and len(str(error.value)) < 1000


def one_state(tensors) -> str:
    return next(key for key in sorted(tensors) if key.startswith("optimizer/") and key.endswith("exp_avg_sq"))


@pytest.mark.parametrize(
    "change",
    [
        lambda tensors, key: tensors.pop(key),
        lambda tensors, key: [tensors.pop(name) for name in list(tensors) if name.startswith("optimizer/")],
        lambda tensors, key: tensors.update({key: tensors[key].double()}),
        lambda tensors, key: tensors.update({key: tensors[key].bfloat16()}),
        lambda tensors, key: tensors.update({key: torch.tensor(1.0)}),
        lambda tensors, key: tensors.update({key: torch.full_like(tensors[key], float("nan"))}),
        lambda tensors, key: tensors.update({key.replace("exp_avg_sq", "step"): torch.ones(2)}),
        lambda tensors, key: tensors.update({key.replace("exp_avg_sq", "more"): torch.tensor(1.0)}),
    ],
)
def test_an_optimizer_state_that_does_not_fit_is_refused(saved: Path, tmp_path: Path, change) -> None:
    path = changed(saved, tmp_path / "nonsense", lambda tensors, about: change(tensors, one_state(tensors)))
    with pytest.raises(FileError, match="optimizer"):
        restore_trainer(path)


@pytest.mark.parametrize(
    "text", ["", "[1]", "3", "{", DEEP, '{"seed": ' + "9" * 5000 + "}", '{"seed": ' + "9" * 400 + "}", '{"ppo": [1]}']
)
def test_configs_without_sense_are_refused(tmp_path: Path, text: str) -> None:
    run = Run.create(small_config("snake"), tmp_path, "it")
    (run.folder / "config.json").write_text(text)
    with pytest.raises(FileError, match="damaged") as error:
        _ = run.config
    assert "\n" not in str(error.value) and len(str(error.value)) < 1000


def test_metrics_and_files_without_sense_are_passed_over(tmp_path: Path) -> None:
    from puffer_arena.live.history import read_metrics as read_curves

    run = Run.create(small_config("snake"), tmp_path, "it")
    metrics = run.folder / "metrics.jsonl"
    lines = ['{"updates": [1], "steps": [1]}', '{"updates": "1", "steps": "1"}', '{"updates": {}}', "[1]", DEEP]
    lines += [f'{{"updates": {HUGE}, "steps": {HUGE}, "score": {HUGE}}}', f'{{"updates": {"9" * 5000}}}']
    lines += ['{"updates": 1, "steps": 10, "score": 2.5, "loss": null}', '{"updates": 7, "steps": 70}', "\xff"]
    metrics.write_text("\n".join(lines))
    run.resume_log(5)
    assert {"updates": 1, "steps": 10, "score": 2.5, "loss": None} in read_metrics(metrics)
    assert max(entry.get("updates") or 0 for entry in read_metrics(metrics)) == 1
    metrics.write_text("\n".join(lines))
    assert read_curves(metrics).curves["score"] == [(10, 2.5)]
    for name in ("²", "٣", "x", "1_0", "-1"):
        (run.folder / "checkpoints" / f"{name}.safetensors").touch()
    assert find_checkpoints(run.folder) == []


# -- hints --------------------------------------------------------------------------------------------------


def test_only_damage_is_a_reason_to_give_up_a_checkpoint(tmp_path: Path) -> None:
    game = tmp_path / "my_bandit.py"
    game.write_text(BANDIT)
    config = small_config(str(game), total_steps=24 * 8 * 3, checkpoint_minutes=0.0, keep_checkpoints=3)
    run = Run.create(config, tmp_path, "it")
    train(config, run, Callbacks(on_warning=print)).close()
    oldest, older, newest = run.checkpoints()
    more = BANDIT.replace("    hits: int", "    more: int = i32()\n    hits: int")
    game.write_text(more.replace("s.arm, s.hits = -1, 0", "s.arm, s.hits, s.more = -1, 0, 0"))
    with pytest.raises(FileError, match="another State") as error:
        train(config, run, resume=True)
    for advice in ("delete", "move", older.name):
        assert advice not in str(error.value).partition(newest.name)[2]
    older.write_bytes(b"")
    newest.write_bytes(newest.read_bytes()[:-10])
    with pytest.raises(FileError, match=f"move it out of the folder to resume from '{oldest.name}'"):
        train(config, run, resume=True)
