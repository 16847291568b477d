"""Environments of other libraries stepped by actors on a Ray cluster of two nodes: the same results, and lost nodes."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cloudpickle
import numpy as np
import pytest

import puffer_arena
from puffer_arena import emulate, make
from puffer_arena.errors import DefinitionError, MissingExtra, ParameterError, WorkerError
from puffer_arena.foreign import cluster as ours
from puffer_arena.foreign.ready import FirstCome
from puffer_arena.registry import env_name
from tests import foreign_games
from tests.foreign_games import Faulty, Party, Shifty, Walk
from tests.test_foreign_training import SMALL
from tests.test_foreign_workers import everything


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Two nodes of one core each, which the environment names to whoever joins."""
    ray = pytest.importorskip("ray", reason="the extra 'ray' is not installed")
    from ray.cluster_utils import Cluster

    cloudpickle.register_pickle_by_value(foreign_games)  # the nodes know no tests
    patient = {"health_check_failure_threshold": 200}  # beats that a node may miss on a busy machine
    head = {"num_cpus": 1, "include_dashboard": False, "_system_config": patient}
    nodes = Cluster(initialize_head=True, head_node_args=head)
    nodes.add_node(num_cpus=1)
    os.environ["RAY_ADDRESS"] = nodes.address
    yield nodes
    del os.environ["RAY_ADDRESS"]
    ray.shutdown()
    nodes.shutdown()
    cloudpickle.unregister_pickle_by_value(foreign_games)


@pytest.mark.slow
@pytest.mark.parametrize("game", [Walk, Party])
def test_rows_are_the_same_on_two_nodes(cluster: Any, game: Any) -> None:
    env = emulate(game)
    with make(env, 5, seed=3) as alone, make(f"ray:{env}", 5, seed=3, threads=2) as spread:
        rng = np.random.default_rng(0)
        assert len(set(spread.stepper.pool.workers.nodes)) == 2
        for _ in range(9):
            actions = alone.sample_actions(rng)
            alone.step(actions)
            spread.step(actions)
            assert everything(alone) == everything(spread)
        assert alone.episodes() == spread.episodes()


@pytest.mark.slow
def test_a_policy_trained_on_the_cluster_goes_on_here(cluster: Any, tmp_path: Path) -> None:
    env = emulate(Walk)
    trained = puffer_arena.train(
        f"ray:{env}", total_steps=64, settings={**SMALL, "threads": 2}, folder=tmp_path / "run"
    )
    assert trained.metrics[-1]["episodes"] > 0
    here = puffer_arena.train(env, total_steps=64, settings=SMALL)
    assert trained.metrics[-1]["episode_return"] == here.metrics[-1]["episode_return"]
    assert puffer_arena.load(tmp_path / "run", env).choose({"place": np.zeros(1, np.float32), "seed": 3}) in (0, 1)


@pytest.mark.slow
def test_who_is_ready_first_is_served_first(cluster: Any) -> None:
    with make(f"ray:{emulate(Walk)}", 4, threads=2) as batch:
        desk = FirstCome(batch, 2)
        desk.send(np.arange(4), np.zeros(4, np.int64))
        rows, step = desk.receive()
        assert len(rows) >= 2 and (step.rewards == 1).all()


@pytest.mark.slow
def test_what_an_environment_raises_on_a_node_is_raised_here(cluster: Any, tmp_path: Path) -> None:
    mark = tmp_path / "once"
    mark.touch()  # not while it is looked at
    env = emulate(lambda where=str(mark): Faulty("raise", where), "raises")
    with make(f"ray:{env}", 2, threads=2) as batch:
        mark.unlink()
        with pytest.raises(WorkerError, match="row 1, in step: ValueError: broken rules"):
            for _ in range(3):
                batch.step([0, 1])
    with pytest.raises(DefinitionError, match="is another in a worker"):
        make(f"ray:{emulate(Shifty)}", 2, threads=1)


@pytest.mark.slow
def test_more_actors_than_cores_are_refused(cluster: Any) -> None:
    with pytest.raises(ParameterError, match="threads = 3: an actor takes a core, and the Ray cluster has 2"):
        make(f"ray:{emulate(Walk)}", 4, threads=3)


@pytest.mark.slow
def test_a_cluster_of_another_version_is_named(cluster: Any, monkeypatch) -> None:
    import ray

    ray.shutdown()
    monkeypatch.setattr(ray, "__version__", "2.1.0")
    with pytest.raises(WorkerError, match=r"cannot be joined \(2\.1\.0 here\): Version mismatch: .*Ray: 2\.") as told:
        make(f"ray:{emulate(Walk)}", 2)
    assert "\n" not in str(told.value)


@pytest.mark.slow
def test_nodes_with_another_version_of_this_package_are_named(cluster: Any, monkeypatch) -> None:
    monkeypatch.setattr(ours, "VERSION", "0.0.1")
    with pytest.raises(WorkerError, match=r"puffer_arena is .* there and 0\.0\.1 here; install the same"):
        make(f"ray:{emulate(Walk)}", 2, threads=1)


@pytest.mark.slow
def test_a_lost_node_is_named_and_its_rows_begin_anew_where_there_is_room(cluster: Any, capfd, monkeypatch) -> None:
    with make(f"ray:{emulate(Walk)}", 4, threads=2) as batch:
        batch.step([0, 0, 0, 0])
        spare = cluster.add_node(num_cpus=1)
        cluster.remove_node(other_node(cluster, spare))
        batch.step([0, 0, 0, 0])
        cut = batch.truncated.copy()
        assert cut.tolist() in ([True, True, False, False], [False, False, True, True])
        assert batch.obs["place"].ravel().tolist() == np.where(cut, 0, 2).tolist()
        assert (batch.finished["episode_length"][cut] == 2).all()
        said = capfd.readouterr().err
        assert "of 'emulated:Walk') on node" in said and "was lost: The actor died" in said and "begun anew" in said
        monkeypatch.setattr(ours, "START_SECONDS", 5.0)
        cluster.remove_node(spare)
        with pytest.raises(WorkerError, match=r"no machine of the Ray cluster.* resumes from its newest checkpoint"):
            batch.step([0, 0, 0, 0])
    cluster.add_node(num_cpus=1)


def other_node(cluster: Any, spare: Any) -> Any:
    """Return the node that is neither the head, which the cluster does not outlive, nor the spare one."""
    return next(node for node in cluster.list_all_nodes() if node not in (cluster.head_node, spare))


def test_ray_is_asked_for_where_it_is_missing(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtra, match=r"pip install 'puffer-arena\[ray\]'"):
        make(f"ray:{emulate(Walk)}", 2)


def test_a_run_keeps_its_own_way_to_end(monkeypatch) -> None:
    def theirs(**_: Any) -> None:
        signal.signal(signal.SIGTERM, lambda *_: None)

    fake = SimpleNamespace(is_initialized=lambda: False, init=theirs, __version__="2")
    monkeypatch.setitem(sys.modules, "ray", fake)
    before = signal.signal(signal.SIGTERM, own := lambda *_: None)
    try:
        assert ours.join_cluster() is fake and signal.getsignal(signal.SIGTERM) is own
    finally:
        signal.signal(signal.SIGTERM, before)


@pytest.mark.parametrize(
    ("env", "said"),
    [
        ("ray:snake", "as in ray:gymnasium:ID"),
        ("ray:ray:gymnasium:CartPole-v1", "as in ray:gymnasium:ID"),
        ("ray:gymnasium-vector:CartPole-v1", "steps its rows by itself"),
        ("ray:remote:127.0.0.1:1", "steps its rows by itself"),
    ],
)
def test_what_actors_cannot_step_is_refused(env: str, said: str) -> None:
    with pytest.raises(ParameterError, match=said):
        make(env, 2)


def test_an_environment_is_the_same_whoever_steps_it() -> None:
    assert env_name("ray:gymnasium:CartPole-v1") == "gymnasium:CartPole-v1"
