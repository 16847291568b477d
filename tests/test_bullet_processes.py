"""Bullet in worker processes: deaths, interrupts, and what resets and dropped batches leave behind."""

import gc
import os
import signal
import subprocess
import sys
import textwrap
import weakref
from pathlib import Path

import pytest

from puffer_arena.batch.make import make
from puffer_arena.errors import WorkerError
from tests.piles import SOURCE, still
from tests.playing import PILE
from tests.processes import run_python, unmeasured

pytestmark = pytest.mark.slow  # starts many processes


def resident():
    """Return the memory this process uses, in MB."""
    if not os.path.exists("/proc/self/statm"):
        pytest.skip("only Linux tells this without another package")
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_killed_worker_is_reported_and_no_other_is_left():
    batch = make(PILE, num_envs=4, threads=2)
    (pid,) = batch.worlds._engine._workers.pids
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(WorkerError, match=r"worker 0 \(rows 2 to 3\) was ended by SIGKILL"):
        still(batch, 2)
    batch.close()


def test_workers_follow_an_edited_file(tmp_path):
    file = tmp_path / "edited_pile.py"
    for ball, height in ((3, 2.9), (9, 8.9)):  # the same size and second, so that only the content tells
        file.write_text(SOURCE.replace("6, 0, 3)", f"6, 0, {ball})"))
        with make(str(file), num_envs=2, threads=2) as batch:
            still(batch, 5)
            assert batch.obs[:, 2] == pytest.approx([height, height], abs=0.1)


def test_workers_refuse_a_module_that_was_edited_after_its_import(tmp_path, monkeypatch):
    package = tmp_path / "package_of_piles"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "heap.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(tmp_path)
    make("package_of_piles.heap").close()
    (package / "heap.py").write_text(SOURCE.replace("6, 0, 3)", "6, 0, 9)"))
    with pytest.raises(WorkerError, match="'heap' has been edited since it was imported"):
        make("package_of_piles.heap", num_envs=2, threads=2)


@pytest.mark.parametrize(("boxes", "resets"), [(2, 3000), pytest.param(1, 100_000, marks=pytest.mark.slow)])
def test_many_resets_leave_memory_flat(boxes, resets):
    with make(PILE, boxes=boxes, max_steps=1) as batch:
        still(batch, 1000)
        before = resident()
        still(batch, resets)
        assert resident() - before < 8


DROPPED = """
    import gc
    from puffer_arena.batch.make import make
    def resident():
        gc.collect()
        return int(open("/proc/self/statm").read().split()[1]) * 4096 / 1e6
    def drop(count):
        for k in range(count):
            batch = make(PILE, num_envs=2)
            batch.step(batch.actions)  # a world is made when its row first moves
    drop(100)
    before = resident()
    drop(COUNT)
    print(resident() - before)
"""


def grown_by_dropping(count):
    resident()
    code = DROPPED.replace("PILE", repr(PILE)).replace("COUNT", str(count))
    return float(run_python(code, PYTHONPATH=os.pathsep.join(sys.path)))


def test_a_dropped_batch_is_gone_at_once():
    batch = make(PILE)
    known = weakref.ref(batch.worlds._engine)
    gc.disable()
    try:
        del batch
        assert known() is None
    finally:
        gc.enable()


def test_dropped_batches_leave_memory_flat():
    assert grown_by_dropping(100) < 4


@pytest.mark.slow
def test_a_thousand_dropped_batches_leave_memory_flat():
    assert grown_by_dropping(1000) < 4


@pytest.mark.slow
def test_dropped_batches_of_workers_leave_nothing():
    for _ in range(20):
        batch = make(PILE, num_envs=2, threads=2)
        (pid,) = batch.worlds._engine._workers.pids
        del batch
        gc.collect()
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


INTERRUPTED = """
    import signal, sys
    import numpy as np
    from puffer_arena.batch.make import make
    signal.signal(signal.SIGINT, signal.default_int_handler)  # which shells take from what they run in the background
    batch = make(sys.argv[1], num_envs=6, threads=2, max_steps=100_000, seed=1)
    twin = make(sys.argv[1], num_envs=6, max_steps=100_000, seed=1)
    actions = np.zeros_like(batch.actions)
    print(*batch.worlds._engine._workers.pids, flush=True)
    interrupts = 0
    while interrupts < 5:
        try:
            for k in range(1_000_000):
                batch.step(actions)
                if k == 3:
                    print("stepping", flush=True)
        except KeyboardInterrupt:
            interrupts += 1
    steps = int(batch.rows.states["step_count"][0])
    assert (batch.rows.states["step_count"] == steps).all()
    for _ in range(steps):
        twin.step(actions)
    assert batch.rows.states.tobytes() == twin.rows.states.tobytes()
    print("same", flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals of this kind are POSIX")
def test_an_interrupt_in_the_middle_of_a_step_leaves_whole_steps():
    parent = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(INTERRUPTED), PILE],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=unmeasured(),
    )
    (pid,) = (int(word) for word in parent.stdout.readline().split())
    for _ in range(5):
        assert parent.stdout.readline() == "stepping\n"
        parent.send_signal(signal.SIGINT)
    out, err = parent.communicate()
    assert out == "same\n", err
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
