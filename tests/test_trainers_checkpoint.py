"""Checkpoints: exact continuation, and refusal of everything else."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from puffer_arena.errors import ArenaError, FileError, TrainingError
from puffer_arena.machine.files import write_bytes
from puffer_arena.trainers import actor
from puffer_arena.trainers.actor import CHECKPOINT_KIND, Actor
from puffer_arena.trainers.networks.policy import policy_bytes
from puffer_arena.trainers.runs import checkpoint
from puffer_arena.trainers.runs.checkpoint import load_checkpoint, restore_trainer, save_checkpoint
from puffer_arena.trainers.runs.run import Run
from puffer_arena.trainers.runs.tensorfile import pack
from puffer_arena.trainers.runs.train import resume_trainer
from tests.trainers_support import assert_same_future, small_config, small_trainer, weights

LONG = {"ppo__horizon": 40}  # physics comes back from contacts too
CASES = [
    ("snake", {"optimizer__name": "muon"}),
    ("snake", {"gradients": "autograd", "optimizer__name": "adam", "ppo__epochs": 2, "precision": "bfloat16"}),
    ("memory", {"network__memory": "gru", "optimizer__name": "muon"}),
    ("memory", {"network__memory": "lstm", "ppo__advantage": "vtrace", "ppo__epochs": 2}),
    ("tag", {"ppo__advantage": "vtrace", "ppo__epochs": 2}),
    ("tag", {"opponent__pool": "bot:hunt", "network__memory": "gru"}),
    ("squared", {}),
    ("target", {"ppo__entropy_coef_final": 0.0}),
    ("lander", LONG),
    ("walker", LONG),
    ("marble", {**LONG, "num_envs": 4}),
]


@pytest.mark.parametrize(("env_id", "overrides"), CASES)
def test_a_resumed_run_goes_on_bit_for_bit(env_id: str, overrides: dict, tmp_path: Path) -> None:
    trainer = small_trainer(env_id, **overrides)
    for _ in range(3):
        trainer.update()
    trainer.learning_rate *= 0.5  # as a person might, live
    save_checkpoint(tmp_path / "a", trainer)
    resumed = restore_trainer(tmp_path / "a")
    assert resumed.inexact_rows == 0
    assert (resumed.steps, resumed.updates) == (trainer.steps, trainer.updates)
    assert_same_future(trainer, resumed, 3)
    trainer.close()
    resumed.close()


def test_equal_seeds_give_equal_runs_and_others_do_not() -> None:
    a, b, other = (small_trainer("tag", seed=seed) for seed in (5, 5, 6))
    assert_same_future(a, b, 2)
    other.update()
    assert not all(torch.equal(x, y) for x, y in zip(weights(a).values(), weights(other).values(), strict=True))
    for trainer in (a, b, other):
        trainer.close()


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("checkpoint") / "saved.safetensors"
    trainer = small_trainer("snake")
    trainer.update()
    save_checkpoint(path, trainer)
    trainer.close()
    return path


def refused(path: Path, data: bytes) -> str:
    """Return the message with which `data` is refused, by the trainer and by the actor."""
    path.write_bytes(data)
    with pytest.raises(FileError) as error:
        restore_trainer(path)
    with pytest.raises(FileError):
        Actor.load(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_truncated_files_are_refused(saved: Path, tmp_path: Path) -> None:
    data = saved.read_bytes()
    for length in (0, 5, 8, 500, len(data) // 2, len(data) - 1):
        assert "damaged" in refused(tmp_path / "short", data[:length])


def test_every_flipped_bit_is_noticed(saved: Path, tmp_path: Path) -> None:
    data = saved.read_bytes()
    header = 8 + int.from_bytes(data[:8], "little")
    rng = np.random.default_rng(0)
    places = [*rng.integers(0, header, 40).tolist(), *rng.integers(header, len(data), 40).tolist(), len(data) - 1]
    for place in places:
        damaged = bytearray(data)
        damaged[place] ^= 1 << int(rng.integers(8))
        refused(tmp_path / "flipped", bytes(damaged))


def test_foreign_files_are_refused(tmp_path: Path) -> None:
    huge = (1 << 62).to_bytes(8, "little")
    deep = b'{"__metadata__":' + b"[" * 100_000
    for data in (b"hello", b"\x00" * 64, huge + b"{}", len(deep).to_bytes(8, "little") + deep, b"\x80\x04K\x01."):
        assert "no file of puffer_arena" in refused(tmp_path / "foreign", data)
    with pytest.raises(FileError, match="cannot be read"):
        restore_trainer(tmp_path / "missing")


def test_a_policy_file_is_no_checkpoint(tmp_path: Path) -> None:
    trainer = small_trainer("snake")
    (tmp_path / "policy").write_bytes(policy_bytes(trainer.policy))
    trainer.close()
    with pytest.raises(FileError, match="expected: puffer_arena checkpoint"):
        restore_trainer(tmp_path / "policy")


def test_newer_versions_are_refused_by_name(saved: Path, tmp_path: Path) -> None:
    tensors, about, _ = load_checkpoint(saved)
    message = refused(tmp_path / "newer", pack(CHECKPOINT_KIND, checkpoint.CHECKPOINT_VERSION + 1, tensors, about))
    assert "update puffer_arena" in message


def test_other_environments_and_configs_are_refused(saved: Path) -> None:
    with pytest.raises(TrainingError, match="environment 'snake', not 'cartpole'"):
        restore_trainer(saved, small_config("cartpole"))
    with pytest.raises(TrainingError, match=r"ppo\.gamma is .* there and 0\.5 here"):
        restore_trainer(saved, small_config("snake", ppo__gamma=0.5))
    longer = restore_trainer(saved, small_config("snake", total_steps=123_456))
    assert longer.config.total_steps == 123_456
    longer.close()


def resigned(saved: Path, path: Path, change) -> Path:
    """Write the checkpoint with something changed and a checksum that fits."""
    tensors, about, _ = load_checkpoint(saved)
    change(tensors, about)
    write_bytes(path, pack(CHECKPOINT_KIND, checkpoint.CHECKPOINT_VERSION, tensors, about))
    return path


def drop(name: str):
    return lambda tensors, about: tensors.pop(name)


def put(name: str, value):
    return lambda tensors, about: tensors.__setitem__(name, value)


@pytest.mark.parametrize(
    "change",
    [
        drop("policy/actor.output.bias"),
        drop("rows/states"),
        drop("carried/obs"),
        drop("generator"),
        put("policy/actor.output.bias", torch.zeros(9)),
        put("policy/actor.output.bias", torch.full((5,), float("nan"))),
        put("policy/extra", torch.zeros(5)),
        put("optimizer/nothing/exp_avg", torch.zeros(5)),
        put("optimizer/actor.output.bias/exp_avg", torch.zeros(7)),
        put("optimizer/actor.output.bias/exp_avg", torch.zeros(5, dtype=torch.int64)),
        put("rows/states", torch.zeros(3, dtype=torch.uint8)),
        put("rows/states", torch.zeros(3)),
        put("generator", torch.zeros(3, dtype=torch.uint8)),
        lambda tensors, about: tensors["rows/params"].fill_(255),
        lambda tensors, about: about.pop("steps"),
        lambda tensors, about: about.update(steps="many"),
        lambda tensors, about: about.update(steps=-1),
        lambda tensors, about: about.update(learning_rate=float("nan")),
        lambda tensors, about: about.update(layout="00"),
        lambda tensors, about: about["config"].update(unheard_of=1),
        lambda tensors, about: about.update(config=3),
        lambda tensors, about: about["config"].update(env="nothing"),
    ],
)
def test_well_signed_nonsense_is_refused(saved: Path, tmp_path: Path, change) -> None:
    path = resigned(saved, tmp_path / "nonsense", change)
    with pytest.raises(ArenaError) as error:
        restore_trainer(path)
    assert "\n" not in str(error.value)


@pytest.fixture(scope="module")
def saved_physics(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("physics") / "saved.safetensors"
    trainer = small_trainer("lander", num_envs=8, **LONG)
    for wind in (0.5, 1.0, 2.0):  # as a curriculum changes it in mid-episode
        trainer.batch.params.wind = wind
        trainer.update()
    save_checkpoint(path, trainer)
    trainer.close()
    return path


def words(change, dtype=np.int64):
    """Return a change that edits one array of the past in place."""

    def edit(tensors, about, name: str) -> None:
        array = np.frombuffer(tensors[name].numpy().tobytes(), dtype).copy()
        change(array)
        tensors[name] = torch.from_numpy(array.view(np.uint8))

    return edit


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("past/actions", words(lambda actions: actions.__setitem__(5, 4), np.uint8), "allowed: 0 to 3"),
        ("past/actions", words(lambda actions: actions.__setitem__(5, 255), np.uint8), "allowed: 0 to 3"),
        ("past/actions", lambda tensors, about, name: tensors.pop(name), "missing"),
        ("past/actions", lambda tensors, about, name: tensors.__setitem__(name, torch.zeros(9)), "missing"),
        ("past/actions", lambda tensors, about, name: tensors.__setitem__(name, tensors[name][:-1]), "actions"),
        ("past/steps", words(lambda steps: steps.__setitem__(0, -1)), "steps"),
        ("past/steps", words(lambda steps: np.add(steps[:2], (1, -1), out=steps[:2])), "do not lead"),
        ("past/steps", lambda tensors, about, name: tensors.__setitem__(name, tensors[name][:8]), "1 rows, not 8"),
        ("past/starts", lambda tensors, about, name: tensors[name].fill_(255), "field"),
        ("past/params", lambda tensors, about, name: tensors[name].fill_(255), "parameter"),
        ("past/changes", words(lambda changes: changes.__setitem__(0, 8)), "no row"),
        ("past/changes", lambda tensors, about, name: tensors[name].fill_(127), "no row"),
    ],
)
def test_a_past_that_cannot_be_is_refused(saved_physics: Path, tmp_path: Path, name: str, change, said: str) -> None:
    path = resigned(saved_physics, tmp_path / "nonsense", lambda tensors, about: change(tensors, about, name))
    with pytest.raises(FileError, match=said) as error:
        restore_trainer(path)
    assert str(path) in str(error.value) and "\n" not in str(error.value)


def test_a_past_that_leads_elsewhere_is_said_and_its_rows_go_on_as_they_were(
    saved_physics: Path, tmp_path: Path
) -> None:
    run = Run.create(load_checkpoint(saved_physics)[2], tmp_path, "lander", warn=(said := []).append)
    other = words(lambda actions: actions.__setitem__(0, (actions[0] + 1) % 4), np.uint8)  # of row 0
    resigned(
        saved_physics,
        run.folder / "checkpoints" / "5.safetensors",
        lambda tensors, about: other(tensors, about, "past/actions"),
    )
    trainer = resume_trainer(None, run)
    assert trainer.inexact_rows == 1 and "1 of 8 rows" in said[0]
    stored = load_checkpoint(saved_physics)[0]["rows/states"].numpy().tobytes()
    assert trainer.batch.rows.states.tobytes() == stored
    trainer.update()
    trainer.close()


def test_a_failed_write_leaves_the_old_file(saved: Path, tmp_path: Path) -> None:
    old = tmp_path / "kept"
    old.write_bytes(b"old")

    with pytest.raises(TypeError):
        write_bytes(old, "not bytes")  # type: ignore[arg-type]  # the failure is the point
    assert old.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


@pytest.mark.parametrize("env_id", ["snake", "tag", "squared", "target", "memory"])
def test_an_actor_agrees_with_its_policy(env_id: str) -> None:
    memory = "gru" if env_id == "memory" else "none"
    trainer = small_trainer(env_id, network__memory=memory, network__hidden=(16,))
    trainer.update()
    batch = trainer.batch
    batch.reset(0)
    own = Actor.load(policy_bytes(trainer.policy))
    direct = actor.Actor(trainer.policy)
    for _ in range(5):
        rng = [np.random.default_rng(1), np.random.default_rng(1)]
        first = own.act(batch.obs, batch.action_mask, rng=rng[0])
        second = direct.act(batch.obs, batch.action_mask, rng=rng[1])
        for a, b in zip(first, second, strict=True):
            assert (a is None and b is None) or np.array_equal(a, b)
        actions, probs, values = first
        assert actions.shape == batch.actions.shape
        leading = (batch.num_envs, batch.num_agents) if batch.num_agents else (batch.num_envs,)
        assert values.shape == leading
        if probs is not None:
            assert probs.shape[:-1] == leading
        if batch.num_choices:
            assert np.take_along_axis(batch.action_mask, actions[..., None], -1)[batch.acting].all()
        batch.step(actions)
    trainer.close()


def test_an_actor_forgets_only_the_rows_that_it_is_told_to() -> None:
    trainer = small_trainer("memory", network__memory="lstm", num_envs=6)
    one, two = Actor(trainer.policy), Actor(trainer.policy)
    obs = trainer.batch.obs
    for acting in (one, two):
        for _ in range(3):
            acting.act(obs, deterministic=True)
    one.reset(np.arange(6) == 2)
    values, kept = one.act(obs, deterministic=True)[2], two.act(obs, deterministic=True)[2]
    fresh = Actor(trainer.policy).act(obs, deterministic=True)[2]
    assert (np.isclose(values, kept) == (np.arange(6) != 2)).all()
    assert values[2] == pytest.approx(fresh[2], abs=1e-6)
    trainer.close()


def test_the_description_is_plain_json(saved: Path) -> None:
    data = saved.read_bytes()
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    about = json.loads(header["__metadata__"]["about"])
    assert about["config"]["env"] == "snake"
    assert dataclasses.asdict(load_checkpoint(saved)[2])["env"] == "snake"
