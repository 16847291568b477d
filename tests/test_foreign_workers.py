"""Environments of other libraries in worker processes: the same results, and what becomes of workers that die or hang."""

import os
import signal
import threading
from pathlib import Path

import numpy as np
import pytest

from puffer_arena import emulate, make
from puffer_arena.errors import DefinitionError, WorkerError
from puffer_arena.foreign.ready import FirstCome
from tests.foreign_games import Faulty, Party, Walk
from tests.processes import wait_until


def is_running(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def everything(batch) -> bytes:
    return b"".join(np.ascontiguousarray(part).tobytes() for part in (*batch.rows, *batch.buffers))


@pytest.mark.parametrize("game", [pytest.param(Walk, marks=pytest.mark.slow), Party])
def test_rows_are_the_same_whoever_steps_them(game) -> None:
    env = emulate(game)
    with make(env, 5, seed=3) as alone, make(env, 5, seed=3, threads=2) as spread:
        rng = np.random.default_rng(0)
        pids = spread.stepper.pool.pids
        assert len(pids) == 2
        for _ in range(9):
            actions = alone.sample_actions(rng)
            alone.step(actions)
            spread.step(actions)
            assert everything(alone) == everything(spread)
        assert alone.episodes() == spread.episodes()
    wait_until(lambda: not any(map(is_running, pids)))


@pytest.mark.parametrize("how", ["die", pytest.param("hang", marks=pytest.mark.slow)])
def test_a_worker_that_is_lost_is_named_and_begun_anew(how: str, tmp_path: Path, capfd) -> None:
    mark = tmp_path / "once"
    mark.touch()  # not while it is looked at
    env = emulate(lambda where=str(mark), how=how: Faulty(how, where), how, timeout=5.0 if how == "hang" else 240.0)
    with make(env, 2, threads=2) as batch:
        batch.step([0, 0])
        mark.unlink()
        batch.step([0, 1])  # row 1 is at place 3
        assert batch.truncated.tolist() == [False, True] and batch.began.tolist() == [False, True]
        assert batch.final_obs["place"][1] == 1 and batch.finished["episode_length"][1] == 2
        batch.step([0, 0])
        assert batch.obs["place"].ravel().tolist() == [3, 1]
    said = capfd.readouterr().err
    fate = "was ended by SIGKILL" if how == "die" else "has not answered for 5 seconds"
    assert f"worker 1 (rows 1 to 1 of 'emulated:{how}') {fate}" in said and "begun anew" in said


@pytest.mark.slow
def test_workers_are_begun_anew_so_often_and_no_more() -> None:
    with make(emulate(Walk, "few", restarts=1), 2, threads=2) as batch:
        for k in range(2):
            pids = batch.stepper.pool.pids
            os.kill(pids[0], signal.SIGKILL)
            if k:
                with pytest.raises(WorkerError, match="as often as is allowed"):
                    batch.step([0, 0])
            else:
                batch.step([0, 0])
        wait_until(lambda: not any(map(is_running, pids)))


@pytest.mark.slow
def test_nothing_is_left_open_when_workers_come_and_go() -> None:
    def play() -> int:
        with make(emulate(Walk, "open"), 2, threads=2) as batch:
            pids = batch.stepper.pool.pids
            os.kill(pids[1], signal.SIGKILL)
            batch.step([0, 0])
            pids += batch.stepper.pool.pids
            begun = resident()
            for _ in range(500):
                batch.step([0, 1])
            assert resident() < begun + (4 << 20)
        wait_until(lambda: not any(map(is_running, pids)))
        return len(os.listdir("/proc/self/fd"))

    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    assert play() == play()


@pytest.mark.slow
def test_what_an_environment_raises_in_a_worker_is_raised_here(tmp_path: Path) -> None:
    mark = tmp_path / "once"
    mark.touch()
    with make(emulate(lambda where=str(mark): Faulty("raise", where), "raises"), 2, threads=2) as batch:
        mark.unlink()
        with pytest.raises(WorkerError, match="row 0, in step: ValueError: broken rules"):
            for _ in range(3):
                batch.step([1, 0])


def test_a_function_that_cannot_leave_this_process_is_refused() -> None:
    lock = threading.Lock()
    env = emulate(lambda: (lock, Walk())[1], "held")
    with pytest.raises(DefinitionError, match="cannot be given to worker processes"):
        make(env, 2, threads=2)
    make(env, 2).close()


def test_who_is_ready_first_is_served_first(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    gate.touch()

    class Slow(Walk):
        def step(self, action):
            while action == 2 and not gate.exists():
                os.sched_yield()
            return super().step(action)

    with make(emulate(Slow), 4, threads=2) as batch:
        gate.unlink()
        desk = FirstCome(batch, 2)
        desk.send(np.arange(4), np.array([1, 1, 0, 0]))  # rows 0 and 1 wait at the gate
        rows, step = desk.receive()
        assert rows.tolist() == [2, 3] and step.rewards.tolist() == [1, 1]
        desk.send(rows, np.array([0, 0]))
        rows, _ = desk.receive()
        assert rows.tolist() == [2, 3] and batch.rows.states["step_count"].tolist() == [0, 0, 2, 2]
        gate.touch()
        rows, step = desk.receive()
        assert rows.tolist() == [0, 1] and step.rewards.tolist() == [2, 2]
