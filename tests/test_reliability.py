"""Killed at any moment, run for long: what docs/reliability.md promises, in small."""

import subprocess
import sys

import pytest

from tests.commands import ROOT
from tests.processes import unmeasured

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="forks, and /proc")


def call(*arguments: object) -> list[str]:
    command = [sys.executable, *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, env=unmeasured(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


@LINUX
@pytest.mark.slow
@pytest.mark.parametrize(("task", "every"), [("record", 1), ("export", 2), ("train", 6), ("dataset", 4), ("rounds", 3)])
def test_who_is_killed_before_any_step_on_the_disk_recovers(task, every, tmp_path):
    stages = call("tests/killed.py", task, tmp_path / "it", every)
    assert stages and all(stage.endswith(": recovered") for stage in stages), stages


@LINUX
@pytest.mark.slow
def test_nothing_grows_in_five_minutes_of_windows_and_batches_that_come_and_go():
    said = call("tools/soak.py", "--minutes", "5")
    assert sum(line.endswith("flat") for line in said) == 9, said
