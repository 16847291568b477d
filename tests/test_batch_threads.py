"""A batch's threads, and threads and forks around it."""

import gc
import os
import threading
from pathlib import Path

import numpy as np
import pytest

from puffer_arena import make
from puffer_arena.batch.workers.threads import compile_server
from puffer_arena.errors import ActionError, BusyError, DefinitionError, ParameterError
from puffer_arena.replay.writer import Writer
from tests.playing import COUNTDOWN, RELAY, everything
from tests.processes import run_python

TURRET = str(Path(__file__).parent.parent / "examples" / "turret.py")


def join_workers() -> None:
    """Wait for threads that were told to end."""
    for thread in threading.enumerate():
        if thread.name == "puffer-arena-rows":
            thread.join(10)  # one of another test that nobody told to end goes on


def test_every_row_steps_once_whoever_takes_it() -> None:
    batch = make(COUNTDOWN, 389, threads=3, limit=100)  # spans of unequal size
    for steps in range(1, 2001):
        batch.step(batch.actions)
        if steps % 10 == 0:
            assert (batch.rows.states["step_count"] == steps % 100).all()
    batch.close()
    join_workers()


def test_what_a_rule_raises_in_some_thread_is_told_and_every_thread_goes_on(tmp_path: Path) -> None:
    file = tmp_path / "fussy.py"
    source = Path(COUNTDOWN).read_text()
    file.write_text(
        source.replace("    s.used +=", "    if s.used > 4:\n        raise ValueError('enough')\n    s.used +=")
    )
    batch = make(str(file), 400, threads=2, limit=100)
    fussy = batch.actions.copy()
    fussy[0, 1] = 1  # the other thread's first row, which this one may take all the same
    with pytest.raises(DefinitionError, match="enough"):
        for _ in range(100):
            batch.step(fussy)
    for _ in range(100):
        batch.rows.states["used"] = 0
        before = batch.rows.states["step_count"].copy()
        batch.step(batch.actions)
        assert ((batch.rows.states["step_count"] - before) % 100 == 1).all()
    batch.close()
    join_workers()


def test_what_threads_run_is_compiled_once_for_games_with_actions_alike() -> None:
    compiled = []
    for env_id in ("bandit", "memory"):
        with make(env_id, 400, threads=2) as batch:
            batch.step(batch.actions)
        compiled.append(len(compile_server("").work.signatures))
    assert compiled[0] == compiled[1] >= 1
    join_workers()


@pytest.mark.parametrize("env_id", ["snake", RELAY, "lander"], ids=["solo", "turns", "physics"])
@pytest.mark.parametrize("threads", [1, 3])
def test_rows_stepped_half_by_half_are_those_stepped_together(env_id: str, threads: int) -> None:
    count = 301
    together, apart = make(env_id, count, seed=1), make(env_id, count, seed=1, threads=threads)
    rng, outs = np.random.default_rng(0), [apart.make_buffers() for _ in range(2)]
    for t in range(12):
        actions = together.sample_actions(rng)
        together.step(actions)
        out = outs[t % 2]
        for rows in (slice(150), slice(150, count)) if t % 3 else (slice(count),):
            apart.step_rows(rows, actions[rows], out)
        assert all((mine == other).all() for mine, other in zip(out[:-2], together.buffers[:-2], strict=True))
        assert all((mine == other).all() for mine, other in zip(apart.rows, together.rows, strict=True))
    if together.recorder:  # the pasts of both lead to the same row
        assert apart.snapshot(299) == together.snapshot(299)
    for batch in (together, apart):
        batch.close()
    join_workers()


def test_rows_that_move_together_or_are_recorded_are_not_stepped_apart(tmp_path: Path) -> None:
    with make(COUNTDOWN, 4) as batch:
        with (
            Writer(batch, tmp_path / "whole.mcap"),
            pytest.raises(ParameterError, match="is recorded; step all of them"),
        ):
            batch.step_rows(slice(2), batch.actions[:2])
        with pytest.raises(ActionError, match="actions have shape"):
            batch.step_rows(slice(2), batch.actions)
        batch.step_rows(slice(1, 3), batch.actions[1:3])
        assert batch.rows.states["step_count"].tolist() == [0, 1, 1, 0]
    with make("marble", 2) as batch, pytest.raises(ParameterError, match="'marble' moves all its rows together"):
        batch.step_rows(slice(1), batch.actions[:1])


def test_threads_take_actions_that_are_records() -> None:
    batches = [make(TURRET, 200, seed=1, threads=threads) for threads in (1, 2)]
    rng = np.random.default_rng(0)
    for _ in range(20):
        actions = batches[0].sample_actions(rng)
        for batch in batches:
            batch.step(actions)
    assert everything(batches[0]) == everything(batches[1])
    for batch in batches:
        batch.close()
    join_workers()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_fork_steps_all_rows_without_the_threads_it_has_not() -> None:
    code = """
        import os, numpy, puffer_arena
        batch = puffer_arena.make("snake", 400, threads=3)
        batch.step(batch.actions)
        child = os.fork()
        batch.step(batch.actions)
        assert (batch.rows.states["step_count"] == 2).all()
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) if child else "forked", flush=True)
    """
    assert run_python(code) == "forked\n0\n"


def workers() -> int:
    return sum(thread.name == "puffer-arena-rows" for thread in threading.enumerate())


@pytest.mark.parametrize(("env_id", "rows"), [("snake", 128), ("tag", 20), ("lander", 8)])
def test_the_more_work_a_row_is_the_fewer_threads_share(env_id: str, rows: int) -> None:
    join_workers()
    before = workers()
    for count, expected in ((rows, 1), (rows - 1, 0)):
        with make(env_id, count, threads=2) as batch:
            assert workers() - before == expected
            batch.step(batch.actions)
        join_workers()


def test_worker_threads_end_with_their_batch() -> None:
    before = workers()
    with make(COUNTDOWN, 400, threads=3):
        assert workers() == before + 2
    dropped = make(COUNTDOWN, 400, threads=2)
    dropped.step(np.zeros((400, 2), np.int64))
    del dropped
    gc.collect()
    join_workers()
    assert workers() == before


def test_a_second_thread_is_told_that_the_batch_is_busy() -> None:
    batch = make("lander", 2000)
    told: list[BusyError] = []

    def play() -> None:
        for _ in range(200):
            try:
                batch.step(batch.actions)
            except BusyError as error:
                told.append(error)

    threads = [threading.Thread(target=play) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told and "lander" in str(told[0])
    batch.step(batch.actions)
