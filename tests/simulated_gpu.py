"""What test_gpu.py runs in a process of its own, on Numba's CUDA simulator: every check's outcome, as JSON."""

import json
import sys
import tempfile
import traceback
from pathlib import Path

import numpy as np
import pytest
import torch

from puffer_arena import make
from puffer_arena.errors import ActionError, DefinitionError, ParameterError
from puffer_arena.live.publisher import Publisher
from puffer_arena.machine import gpu
from puffer_arena.replay.reader import Replay
from puffer_arena.replay.writer import Writer
from puffer_arena.trainers.algorithms.resident import Resident
from puffer_arena.trainers.config import load_config
from tests.playing import COUNTDOWN, DUEL, GAMES, GATES, RELAY, everything

SAME = ["snake", "maze", "connect4", "cartpole", "target", "tag", RELAY, GATES, DUEL]


def pair(game, num_envs=3, **settings):
    """Return two batches alike, on a CPU and on the GPU; both run rules in plain Python here."""
    return make(game, num_envs, compiled=False, **settings), make(game, num_envs, device="cuda", **settings)


def play_alike(cpu, there, steps, seed=0):
    rng = np.random.default_rng(seed)
    for _ in range(steps):
        actions = cpu.sample_actions(rng)
        cpu.step(actions)
        there.step(actions)
        assert mirror(there) == everything(cpu)


def mirror(batch):
    batch.bring("buffers")
    return b"".join(np.ascontiguousarray(part).tobytes() for part in [*batch.rows, *batch.table.buffers])


def check_same_seed_gives_the_same_bytes():
    for game in SAME:
        cpu, there = pair(game, 2, seed=5, **({"rows": 5, "cols": 5} if game == "snake" else {}))
        play_alike(cpu, there, 3 if game == "tag" else 10)
        assert there.episodes() == cpu.episodes(), game


def check_levels_splits_parameters_and_resets():
    for autoreset in ("same_step", "same_step_final", "next_step", "disabled"):
        cpu, there = pair(GATES, seed=2, split="held_out", num_levels=3, autoreset=autoreset, noise=0.25)
        for batch in (cpu, there):
            batch.params.limit[1:] = 3
            batch.reset(levels=7, which=np.array([True, False, True]))
            batch.assign([0], {"limit": 2}, 9)
        play_alike(cpu, there, 7)
    assert (there.rows.states["level"] >= 1 << 31).any() and there.params.limit[2] == 3
    column = there.params.noise
    there.step(np.zeros(3, np.int64))
    column[:] = 0.75
    assert (there.rows.params["noise"] == 0.75).all() and there.state_params(1).noise == 0.75


def check_rows_go_from_device_to_device():
    cpu, there = pair(GATES)
    play_alike(cpu, there, 3)
    other = make(GATES, 3, seed=9, device="cuda")
    assert there.snapshot(1) == cpu.snapshot(1) and other.restore(1, cpu.snapshot(1))
    assert other.load_rows(cpu.save_rows()).all()
    play_alike(cpu, other, 3)
    kept = cpu.keep(np.array([0, 2]))
    for batch in (cpu, other):
        batch.place(np.array([1, 0]), kept)
    play_alike(cpu, other, 2)
    states, params = other.copy_rows(np.array([2, 0]))
    assert (
        states.tobytes() == cpu.rows.states[[2, 0]].tobytes() and params.tobytes() == cpu.rows.params[[2, 0]].tobytes()
    )
    assert (other.finished == cpu.finished).all() and other.state(2).shut == cpu.state(2).shut


def check_bots_act():
    cpu, there = pair("maze")
    for _ in range(3):
        actions = there.act("shortest")
        assert (actions == cpu.act("shortest")).all()
        cpu.step(actions)
        there.step(actions)
    assert mirror(there) == everything(cpu)


def check_replays_hold_what_a_cpu_s_hold():
    batches = pair(GATES)
    with tempfile.TemporaryDirectory() as folder:
        for batch, path in zip(batches, (Path(folder, "cpu.mcap"), Path(folder, "gpu.mcap")), strict=True):
            with Writer(batch, path):
                for action in (0, 1, 2, 0, 1):
                    batch.step(np.full(3, action))
        cpu, there = (Replay(Path(folder, f"{name}.mcap"), GATES) for name in ("cpu", "gpu"))
        for step in range(6):
            assert cpu.frame(step).states.tobytes() == there.frame(step).states.tobytes()


def check_a_run_learns_the_same_from_rows_on_the_gpu():
    small = {"num_envs": 4, "threads": 1, "precision": "float32", "network": {"hidden": [8]}, "ppo": {"horizon": 4}}
    for env in ("cartpole", RELAY):
        config = load_config(env, overrides=small, algorithm="resident")
        runs = [type("Placed", (Resident,), {"rows_device": lambda self, at=at: at})(config) for at in ("cpu", "cuda")]
        for run in (*runs, *runs):
            run.update()
        runs[1].load_state(*runs[1].state())
        states = [run.state()[0] for run in runs]
        assert all(torch.equal(tensor, states[1][name]) for name, tensor in states[0].items())
        assert runs[1].batch.device == "cuda" and runs[0].steps == runs[1].steps == 32


def check_windows_and_curricula_see_what_they_see_of_a_cpu():
    tasks = {"method": "uniform", "ranges": {"limit": "2:5"}}
    small = {"num_envs": 4, "threads": 1, "precision": "float32", "network": {"hidden": [8]}, "ppo": {"horizon": 6}}
    config = load_config(RELAY, overrides={**small, "curriculum": tasks}, algorithm="resident")
    seen = []
    for at in ("cpu", "cuda"):
        run = type("Placed", (Resident,), {"rows_device": lambda self, at=at: at})(config)
        publisher = Publisher(run.batch, "a run")
        frames = []

        def show(run, t, frames=frames, publisher=publisher):
            frames.append(publisher._take_frame(lambda rows: run.look(rows, t)))

        metrics = [run.update(show) for _ in range(3)]
        publisher.close()
        seen.append(
            (frames, [{k: v for k, v in each.items() if "time" not in k and "second" not in k} for each in metrics])
        )
    assert len(seen[0][0]) == 18 and seen[0][1] == seen[1][1] and seen[0][1][-1]["episodes"]
    for cpu, there in zip(seen[0][0], seen[1][0], strict=True):
        assert all(
            np.array_equal(getattr(cpu, name), getattr(there, name)) for name in ("states", "params", "probs", "values")
        )
    assert len({limit for frame in seen[1][0] for limit in frame.params["limit"].tolist()}) > 1


def check_steps_write_into_arrays_of_others():
    cpu, there = pair(COUNTDOWN)
    rewards = np.zeros((2, 3), np.float32)
    slices = [there.make_buffers(rewards=rewards[t]) for t in range(2)]
    for out in slices:
        cpu.step(np.ones((3, 2), np.int64))
        assert there.step(np.ones((3, 2), np.int32), out).rewards is out.rewards
        assert (out.rewards == cpu.rewards).all()
    assert rewards.all()
    for wrong in (np.zeros(3), np.zeros((3, 2), np.float32)[:, 0], [0.0] * 3):
        with pytest.raises(ActionError, match="buffer 'rewards'"):
            there.make_buffers(rewards=wrong)


def check_actions_outside_their_bounds_are_told_of():
    batch = make(GATES, 3, device="cuda")
    batch.step(np.array([0, 9, -1]))
    assert (np.asarray(batch.actions) == [0, 2, 0]).all()
    with pytest.raises(
        ActionError, match="2 actions on the GPU lay outside their bounds, the first in row 1; allowed: 0 to 2"
    ):
        batch.episodes()
    assert batch.episodes()
    with pytest.raises(ActionError, match="whole numbers"):
        batch.step(np.zeros(3))
    with pytest.raises(ActionError, match="allowed: 0 to 2"):
        batch.step([0, 9, 0])
    target = make("target", 2, device="cuda")
    target.step(np.array([[np.nan, 0.5], [3.0, 0.0]], np.float32))
    assert np.asarray(target.actions).tolist() == [[-1.0, 0.5], [1.0, 0.0]]


def check_what_a_gpu_cannot_do_is_refused_by_name():
    with pytest.raises(ParameterError, match="'marble' cannot be stepped on a GPU: panda3d moves its bodies"):
        make("marble", device="cuda")
    with pytest.raises(
        DefinitionError, match=r"listing\.py, line 24\): for step in \[1, 2\]:\n +rules on a GPU cannot make a list"
    ):
        make(str(GAMES / "listing.py"), device="cuda")
    for settings in ({"record": True}, {"compiled": False}):
        with pytest.raises(ParameterError, match="which is for CPUs"):
            make(GATES, device="cuda", **settings)
    gpu.find_gpu().free_memory = lambda: 10_000
    with pytest.raises(ParameterError, match=r"takes about .* of the GPU's memory, .* and there are 10\.0 kB"):
        make(GATES, 1 << 20, device="cuda")


outcomes = {}
for name, check in list(globals().items()):
    if name.startswith("check_"):
        try:
            check()
            outcomes[name] = ""
        except BaseException:
            outcomes[name] = traceback.format_exc()
json.dump(outcomes, sys.stdout)
