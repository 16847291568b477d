"""Kernels of several layouts, each kept on disk by a process of its own, in one process."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import hashlib
import sys
import numpy as np
from puffer_arena import make

for size in map(int, sys.argv[1:]):
    batch = make("snake", num_envs=64, seed=1, rows=size)
    rng = np.random.default_rng(0)
    for _ in range(3000):
        batch.step(batch.sample_actions(rng))
    print(batch.episodes()["score"], hashlib.sha256(batch.rows.states.tobytes()).hexdigest())
"""


@pytest.mark.slow  # compiles several times
def test_layouts_from_the_disk_cache_do_not_take_each_others_code(tmp_path):
    def play(*sizes: int) -> list[str]:
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, *map(str, sizes)],
            env={**os.environ, "PUFFER_ARENA_CACHE": str(tmp_path)},
            cwd=Path(__file__).parent.parent,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    # Numba numbers record types anew in each process, so both files would hold machine code of one name.
    apart = [*play(11), *play(8)]
    assert play(11, 8) == apart
    assert play(8, 11) == apart[::-1]
