"""Training on several processes: the update of one with all the rows, checkpoints that any number may go on with."""

import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import torch

from puffer_arena.errors import TrainingError, WorkerError
from puffer_arena.trainers import nodes as nodes_module
from puffer_arena.trainers.algorithms import find_algorithm
from puffer_arena.trainers.config import load_config
from puffer_arena.trainers.nodes import Nodes, check_shared, is_parted, wanted_nodes
from puffer_arena.trainers.runs.checkpoint import load_checkpoint, restore_trainer, save_checkpoint
from tests.processes import unmeasured
from tests.trainers_support import small_config, small_trainer, weights

GAME = {"threads": 1, "ppo__epochs": 2, "ppo__target_kl": 0.5}
NODE = """
    import sys
    import torch.distributed as dist
    rank, folder = int(sys.argv[1]), sys.argv[2]
    dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2)
    from tests.test_trainers_nodes import GAME, first
    from puffer_arena.trainers.runs.checkpoint import restore_trainer, save_checkpoint
    from puffer_arena.trainers.trainer import make_trainer
    from tests.trainers_support import small_config, small_trainer
    trainer = small_trainer("snake", **GAME)
    assert trainer.batch.num_envs == 12
    for _ in range(2):
        trainer.update()
    first(trainer, rank, f"{folder}/two.safetensors")
    again = restore_trainer(f"{folder}/two.safetensors")
    again.update()
    first(again, rank, f"{folder}/more.safetensors")
    trainer.close()
    again.close()
    dist.destroy_process_group()
"""
LOST = """
    import os, sys
    import numpy as np
    import torch.distributed as dist
    from puffer_arena.errors import WorkerError
    from puffer_arena.trainers.nodes import Nodes
    rank, folder = int(sys.argv[1]), sys.argv[2]
    dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2)
    nodes = Nodes(rank, 2)
    nodes.add_up(np.ones(1))
    if rank:
        os._exit(9)
    try:
        while True:
            nodes.add_up(np.ones(1))
    except WorkerError as error:
        print(error)
"""


def first(trainer, rank: int, path: str) -> None:
    """Write a checkpoint, in which every process has a part."""
    import torch.distributed as dist

    if rank == 0:
        save_checkpoint(path, trainer)
    else:
        trainer.state()
    dist.barrier()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with checkpoints of two processes: after 2 updates, and after one more of those who resumed."""
    folder = tmp_path_factory.mktemp("nodes")
    code = textwrap.dedent(NODE)
    started = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(rank), str(folder)], env=unmeasured(), stderr=subprocess.PIPE, text=True
        )
        for rank in range(2)
    ]
    for process in started:
        _, said = process.communicate()
        assert process.returncode == 0, said
    return folder


@pytest.mark.slow
def test_two_processes_learn_what_one_learns(folder: Path) -> None:
    alone = small_trainer("snake", **GAME)
    for name in ("two", "more"):
        for _ in range(2 if name == "two" else 1):
            alone.update()
        tensors, about, _ = load_checkpoint(folder / f"{name}.safetensors")
        assert (about["steps"], about["updates"]) == (alone.steps, alone.updates)
        for key, value in weights(alone).items():
            torch.testing.assert_close(tensors[f"policy/{key}"], value, rtol=1e-4, atol=1e-5)
    alone.close()


@pytest.mark.slow
def test_their_checkpoint_holds_the_rows_of_one(folder: Path) -> None:
    tensors, _, _ = load_checkpoint(folder / "two.safetensors")
    alone = small_trainer("snake", **GAME)
    for _ in range(2):
        alone.update()
    own, _ = alone.state()
    assert tensors.keys() == own.keys()
    for key in own:
        if key.startswith("rows/") or key in ("generator", "carried/obs", "carried/reward_scale.sums"):
            assert torch.equal(tensors[key], own[key]), key
    one = restore_trainer(folder / "two.safetensors")
    one.update()
    alone.update()
    for key, value in weights(alone).items():
        torch.testing.assert_close(weights(one)[key], value, rtol=1e-4, atol=1e-5)
    one.close()
    alone.close()


@pytest.mark.slow
def test_a_process_that_is_lost_is_named(tmp_path: Path) -> None:
    code = textwrap.dedent(LOST)
    first, second = (
        subprocess.Popen(
            [sys.executable, "-c", code, str(rank), str(tmp_path)], env=unmeasured(), stdout=subprocess.PIPE
        )
        for rank in range(2)
    )
    said, _ = first.communicate()
    second.communicate()
    assert second.returncode == 9 and said.startswith(b"another process of this run was lost: ")


def test_what_goes_wrong_between_processes_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def lose(*_: object, **__: object) -> None:
        raise RuntimeError("Connection closed by peer\nand where")

    for name in ("all_reduce", "all_gather", "broadcast"):
        monkeypatch.setattr(nodes_module.dist, name, lose)
    nodes = Nodes(0, 2)
    layer = torch.nn.BatchNorm1d(2)
    layer.weight.grad = layer.bias.grad = torch.ones(2)
    for attempt in (
        lambda: nodes.add_up(np.ones(1)),
        lambda: nodes.average(layer, 1.0),
        lambda: nodes.all_of(np.ones(1)),
        lambda: nodes.share_first(layer),
        lambda: nodes.decide([1.0]),
        lambda: nodes.gather({"rows/states": torch.ones(2)}),
    ):
        with pytest.raises(WorkerError, match=r"^another process of this run was lost: Connection closed by peer$"):
            attempt()


def test_rows_are_shared_evenly_or_not_at_all() -> None:
    assert [Nodes(rank, 3).span(12) for rank in range(3)] == [(0, 4), (4, 8), (8, 12)]
    with pytest.raises(TrainingError, match="num_envs = 10 cannot be shared by 3 processes; choose a multiple of 3"):
        Nodes(0, 3).span(10)


@pytest.mark.parametrize(
    ("game", "settings", "said"),
    [
        ("snake", {"num_envs": 25}, "cannot be shared by 2"),
        ("snake", {"ppo__normalize_values": True}, "normalize_values"),
        ("marble", {}, "physics of an engine"),
    ],
)
def test_what_trains_alone_is_refused(game: str, settings: dict, said: str) -> None:
    config = small_config(game, **settings)
    with pytest.raises(TrainingError, match=said):
        check_shared(config, find_algorithm("ppo"), Nodes(0, 2))
    check_shared(config, find_algorithm("ppo"), Nodes())


def test_other_algorithms_train_alone() -> None:
    config = load_config("snake", algorithm="grpo")
    with pytest.raises(TrainingError, match="'grpo' trains in one process alone"):
        check_shared(config, find_algorithm("grpo"), Nodes(0, 2))


def test_moments_of_parts_are_those_of_the_whole() -> None:
    class Two(Nodes):
        def all_of(self, numbers):
            return np.array([moments(values[:3]), moments(values[3:])])

    def moments(part):
        return np.array([len(part), part.mean(), ((part - part.mean()) ** 2).sum()])

    values, before = np.arange(8.0) ** 2, np.array([1.0, 2.0, 5.0])
    merged = moments(before)
    Two(0, 2).merge(merged, moments(values))
    np.testing.assert_allclose(merged, moments(np.concatenate([before, values])))


def test_torchrun_is_known_by_its_surroundings() -> None:
    assert wanted_nodes({}) == 1 and wanted_nodes({"WORLD_SIZE": "4"}) == 1
    assert wanted_nodes({"WORLD_SIZE": "4", "RANK": "0"}) == 4
    assert is_parted("rows/states") and not is_parted("rows/plan") and not is_parted("policy/head.weight")
