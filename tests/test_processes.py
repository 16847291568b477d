"""What a test has started ends with it, whether it passes, fails or runs into its limit."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.processes import wait_until

ROOT = Path(__file__).parent.parent
LEFT = """
import subprocess, sys, time
from pathlib import Path
import pytest
from tests.processes import _ended_processes

CHILD = "import subprocess, sys, time; print(subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(1e6)'], \
start_new_session=True).pid, flush=True); time.sleep(1e6)"

def test_it():
    process = subprocess.Popen([sys.executable, "-c", CHILD], stdout=subprocess.PIPE, text=True)
    child = int(process.stdout.readline())
    Path("pids").write_text(f"{process.pid} {child}")
"""
ENDS = {"passes": "", "fails": "    assert False", "waits in vain": "    process.wait()"}


def lives(pid: int) -> bool:
    state = Path(f"/proc/{pid}/stat")
    return state.exists() and state.read_text().rpartition(")")[2].split()[0] != "Z"


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="finds processes as Linux tells them")
@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_no_process_outlives_the_test_that_started_it(tmp_path, end):
    (tmp_path / "test_left.py").write_text(LEFT + end + "\n")
    limit = ["--timeout", "2"] if "wait" in end else []
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *limit, "test_left.py"]
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == (1 if end else 0), done.stdout
    pids = [int(word) for word in (tmp_path / "pids").read_text().split()]
    assert len(pids) == 2 and not any(lives(pid) for pid in pids)


def test_waiting_for_what_an_ended_process_cannot_do_fails_at_once():
    process = subprocess.Popen([sys.executable, "-c", "print('no more')"], stdout=subprocess.PIPE, text=True)
    with pytest.raises(AssertionError, match="no more"):
        wait_until(lambda: False, process)
