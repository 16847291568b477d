"""Worker processes: shared memory, answers, errors, death, interrupts and what is left afterwards."""

import gc
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
import weakref

import numpy as np
import pytest

from puffer_arena.batch.workers.processes import Workers
from puffer_arena.batch.workers.shared import SharedArrays, digest
from puffer_arena.errors import ParameterError, WorkerError
from tests.counters import LAYOUT
from tests.processes import run_python, unmeasured, wait_until

pytestmark = pytest.mark.slow  # starts many processes

FACTORY = "tests.counters:Counter"
SPANS = [{"span": [0, 4]}, {"span": [4, 8]}]


QUICK = ("count", "stumble", "doze", "vanish")


@pytest.fixture
def memory():
    return SharedArrays(LAYOUT)


@pytest.fixture
def workers(memory):
    made = Workers(FACTORY, SPANS, memory, ["rows 0 to 3", "rows 4 to 7"], quick=QUICK)
    yield made
    made.close()


@pytest.fixture(scope="module")
def kept_crew():
    memory = SharedArrays(LAYOUT)
    made = Workers(FACTORY, SPANS, memory, ["rows 0 to 3", "rows 4 to 7"], quick=QUICK)
    yield memory, made
    made.close()


@pytest.fixture
def crew(kept_crew):
    """Workers of several tests, which leave them alive, and their memory, which begins at zero."""
    kept_crew[0]["numbers"][:] = 0
    return kept_crew


def alive(pid):
    """Tell whether a process lives; one that waits for its parent to look at it does not."""
    if sys.platform == "win32":
        listed = subprocess.run(["tasklist", "/FI", f"PID eq {pid}"], capture_output=True, text=True, check=True)
        return str(pid) in listed.stdout
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return bool(state.strip()) and not state.startswith("Z")


def descriptors():
    """Return how many file descriptors this process has open, where the system tells."""
    return len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0


def gone(pids):
    """Wait until none of the processes lives."""
    return wait_until(lambda: not any(alive(pid) for pid in pids))


def test_workers_write_into_memory_that_the_caller_sees(crew):
    memory, workers = crew
    memory["numbers"][:] = np.arange(8)
    assert workers.call("add", 10) == [0 + 1 + 2 + 3 + 40, 4 + 5 + 6 + 7 + 40]
    assert memory["numbers"].tolist() == list(range(10, 18))


def test_each_worker_is_a_process_of_its_own(crew):
    _, workers = crew
    pids = workers.call("pid")
    assert pids == workers.pids
    assert len({os.getpid(), *pids}) == 3


def test_our_errors_come_back_as_their_own_class_and_the_workers_live_on(crew):
    _, workers = crew
    with pytest.raises(ParameterError, match="amount = 3; it must be 4"):
        workers.call("fail", "ours")
    assert workers.call("add", 0) == [0, 0]


def test_a_stray_error_names_the_worker_and_its_line(crew):
    _, workers = crew
    with pytest.raises(
        WorkerError, match=r"worker 0 \(rows 0 to 3\): ZeroDivisionError: a stray error(.|\n)*counters.py"
    ):
        workers.call("fail", "stray")
    assert workers.call("add", 0) == [0, 0]


def test_quick_calls_are_made_once_each_whoever_sleeps_meanwhile(crew):
    memory, workers = crew
    for k in range(300):
        workers.call("count")
        if k % 50 == 0:
            time.sleep(0.01)  # the workers go to sleep
        if k % 100 == 0:
            workers.call("doze")  # this process goes to sleep
        if k % 70 == 0:
            workers.call("add", 1000)  # by the pipes
    assert memory["numbers"].tolist() == [300 + 3 + 5 * 1000] * 8


def test_an_error_in_a_quick_call_comes_back_and_the_workers_live_on(crew):
    memory, workers = crew
    for _ in range(3):
        with pytest.raises(ParameterError, match="amount = 5; it must be 4"):
            workers.call("stumble")
        workers.call("count")
    assert memory["numbers"].tolist() == [3] * 8


def test_an_interrupted_quick_call_is_finished_before_the_next(crew):
    memory, workers = crew
    workers.start("count")  # as if an interrupt had come here, before join
    workers.call("doze")
    assert memory["numbers"].tolist() == [2] * 8


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
@pytest.mark.parametrize("calls", [["vanish"], ["count", "vanish"]])
def test_a_worker_killed_in_a_quick_call_is_reported(workers, calls):
    pids = workers.pids
    with pytest.raises(WorkerError, match=r"worker 0 \(rows 0 to 3\) was ended by SIGKILL"):
        for method in calls:
            workers.call(method)
    assert gone(pids)


def test_a_worker_killed_while_it_watches_is_reported_at_the_next_call(workers):
    workers.call("count")
    os.kill(workers.pids[1], signal.SIGTERM)
    with pytest.raises(WorkerError, match=r"worker 1 \(rows 4 to 7\)"):
        for _ in range(10_000):
            workers.call("count")


def test_a_setup_that_fails_ends_all_workers(memory):
    with pytest.raises(ParameterError, match="on purpose"):
        Workers(FACTORY, [SPANS[0], {**SPANS[1], "fails": True}], memory)


def test_a_worker_with_another_layout_is_refused(memory):
    with pytest.raises(WorkerError, match="lays out its arrays otherwise"):
        Workers(FACTORY, [{**SPANS[0], "swollen": True}], memory)


def test_a_worker_that_leaves_is_reported_with_its_last_words(workers, capfd):
    pids = workers.pids
    with pytest.raises(WorkerError, match=r"worker 0 .*exit code 3(.|\n)*words on the way out"):
        workers.call("leave", 3)
    assert gone(pids)
    with pytest.raises(WorkerError, match="exit code 3"):  # and again, at every later call
        workers.call("pid")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows reports a crash as an exit code")
def test_a_crash_is_reported_with_its_signal_and_place(workers, capfd):
    with pytest.raises(WorkerError, match=r"SIGSEGV(.|\n)*in crash"):
        workers.call("crash")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_killed_worker_is_reported_while_a_call_waits(workers):
    pids = workers.pids
    workers.start("hang", 60)
    os.kill(pids[1], signal.SIGKILL)
    os.kill(pids[0], signal.SIGKILL)
    with pytest.raises(WorkerError, match=r"was ended by SIGKILL \(process \d+\); make a new batch"):
        workers.join()
    assert gone(pids)


def test_an_interrupted_call_is_finished_before_the_next(crew):
    memory, workers = crew
    workers.start("add", 1)  # as if an interrupt had come here, before join
    assert workers.call("add", 1) == [8, 8]
    assert memory["numbers"].tolist() == [2] * 8


def test_closing_ends_workers_in_the_middle_of_a_call(workers):
    pids = workers.pids
    workers.start("hang", 60)
    workers.close()
    assert gone(pids)
    with pytest.raises(WorkerError, match="closed"):
        workers.call("pid")


def test_a_dropped_crew_leaves_no_process_no_memory_and_no_descriptor():
    before = descriptors()
    for _ in range(3):
        memory = SharedArrays(LAYOUT)
        crew = Workers(FACTORY, SPANS, memory)
        memory.release()
        pids, known = crew.pids, weakref.ref(crew)
        del crew, memory
        gc.collect()
        assert known() is None
        assert gone(pids)
    assert descriptors() <= before


SCRIPT = """
    import signal
    from puffer_arena.batch.workers.processes import Workers
    from puffer_arena.batch.workers.shared import SharedArrays
    from tests.counters import LAYOUT
    signal.signal(signal.SIGINT, signal.default_int_handler)  # which shells take from what they run in the background
    memory = SharedArrays(LAYOUT)
    crew = Workers("tests.counters:Counter", [{"span": [0, 4]}, {"span": [4, 8]}], memory)
    crew.start("hang", 60)
    print(*crew.pids, flush=True)
    crew.join()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals of this kind are POSIX")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_worker_outlives_its_parent_in_the_middle_of_a_call(how):
    parent = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(SCRIPT)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=unmeasured(),
    )
    pids = [int(word) for word in parent.stdout.readline().split()]
    assert len(pids) == 2
    parent.send_signal(how)
    assert parent.wait() != 0
    parent.stdout.close()
    assert gone(pids)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_fork_is_refused_and_leaves_the_workers_to_their_own_process():
    code = """
        import os, puffer_arena
        from puffer_arena.errors import WorkerError
        with puffer_arena.make("marble", 128, threads=2, autoreset="disabled") as batch:
            child = os.fork()
            if not child:
                rows = batch.rows.states.tobytes()
                for use in (batch.step, lambda _: batch.reset(7)):
                    try:
                        use(batch.actions)
                    except WorkerError as error:
                        print("refused" if "forked" in str(error) and batch.rows.states.tobytes() == rows else error)
            else:
                code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
                batch.step(batch.actions)
                print(code, (batch.rows.states["step_count"] == 1).all())
    """
    assert run_python(code) == "refused\nrefused\n0 True\n"


@pytest.mark.skipif(sys.platform == "win32", reason="descriptors of this kind are POSIX")
@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 1, 2)])
def test_nothing_takes_the_place_of_a_closed_standard_stream(closed, tmp_path):
    code = """
        import json, os, sys
        from puffer_arena.batch.workers.processes import Workers
        from puffer_arena.batch.workers.shared import SharedArrays
        from tests.counters import LAYOUT
        memory = SharedArrays(LAYOUT)
        crew = Workers("tests.counters:Counter", [{"span": [0, 4]}, {"span": [4, 8]}], memory, quick=("count",))
        taken = []
        for k in json.loads(sys.argv[1]):
            try:
                os.write(k, b"words for a stream that is not there")
                taken.append(k)
            except OSError:
                pass
        crew.call("count")
        answer = [crew.call("add", 2), memory["numbers"].tolist(), taken]
        crew.close()
        open(sys.argv[2], "w").write(json.dumps(answer))
    """

    def close():
        for k in closed:
            os.close(k)

    out = tmp_path / "answer"
    command = [sys.executable, "-c", textwrap.dedent(code), json.dumps(closed), str(out)]
    process = subprocess.Popen(command, env=unmeasured(), preexec_fn=close)
    assert process.wait() == 0
    assert json.loads(out.read_text()) == [[12, 12], [3] * 8, []]


@pytest.mark.parametrize("where", ["no place", "a later working folder"])
def test_workers_take_no_module_of_the_working_folder_for_python_s_own(where, tmp_path):
    """Whatever a worker imports, none of it may come from the folder that a program happens to be in."""
    for name in ("json", "queue", "traceback", "signal", "hashlib", "uuid", "struct"):
        (tmp_path / f"{name}.py").write_text("import os; os._exit(77)")
    code = f"""
        import os, sys, puffer_arena
        sys.path.remove("")
        puffer_arena.make("marble", 128, threads=2).close()  # this process has imported what it needs
        if {where != "no place"}:
            sys.path.insert(0, "")
        os.chdir({str(tmp_path)!r})
        with puffer_arena.make("marble", 128, threads=2) as batch:
            print(batch.step(batch.actions).obs.shape[0])
    """
    assert run_python(code) == "128\n"


def test_what_every_worker_says_once_is_said_once():
    code = """
        import contextlib, io
        from puffer_arena.batch.workers.processes import Workers
        from puffer_arena.batch.workers.shared import SharedArrays
        from tests.counters import LAYOUT
        said = io.StringIO()
        with contextlib.redirect_stderr(said):
            crew = Workers("tests.counters:Counter", [{"span": [0, 4]}, {"span": [4, 8]}], SharedArrays(LAYOUT))
            crew.call("say", "a fallback")
            crew.close()
        print(sorted(said.getvalue().splitlines()))
    """
    assert run_python(code) == "['once', 'once', 'puffer_arena: a fallback']\n"


def test_layouts_differ_by_a_digest():
    other = {**LAYOUT, "numbers": ((8,), np.dtype(np.float64))}
    assert digest(LAYOUT) != digest(other)
    assert digest(LAYOUT) == digest(dict(LAYOUT))
