"""Compile the step of games to a GPU's code, without a GPU: python tools/gpu_code.py [GAME ...]

It needs `pip install numba-cuda[cu12]`, whose compiler writes PTX on any machine.  For each game that rules alone step it
tells how long compiling took and how many instructions came of it, or which line CUDA cannot compile.
"""

import importlib
import sys
import time
from typing import Any

from puffer_arena.authoring.gpu import check_for_gpu
from puffer_arena.batch.gpu.kernel import Kernels
from puffer_arena.batch.table import Table, make_table
from puffer_arena.errors import ArenaError
from puffer_arena.machine.compile import load_numba
from puffer_arena.machine.gpu import Gpu
from puffer_arena.registry import list_envs, load_env

HOPPER = (9, 0)  # compute capability of an H100 and H200


class Paper(Gpu):
    """A card that exists on paper only: kernels are compiled for it and never run."""

    def send(self, array: Any) -> Any:
        return array

    def kernel(self, function: Any) -> Any:
        return Page(function, self.cuda)


class Page:
    """One kernel's code."""

    def __init__(self, function: Any, cuda: Any) -> None:
        self.function, self.cuda, self.code = function, cuda, ""

    def __call__(self, count: int, *arguments: Any) -> None:
        kinds = tuple(load_numba().typeof(argument) for argument in arguments)
        self.code, _ = self.cuda.compile_ptx(self.function, kinds, cc=HOPPER)


def step_code(gpu: Gpu, table: Table) -> str:
    """Return the PTX of a table's step."""
    kernels = Kernels(gpu, table, observe_state=False)
    kernels.step(table.rows, None, table.buffers, 0)
    code: str = kernels._step.code
    return code


def main() -> None:
    cuda: Any = importlib.import_module("numba.cuda")
    dispatcher: Any = importlib.import_module("numba.cuda.dispatcher")
    dispatcher.get_current_device = lambda: type("Hopper", (), {"compute_capability": HOPPER})
    for name in sys.argv[1:] or list_envs():
        env, begun = load_env(name), time.perf_counter()
        try:
            check_for_gpu(env)
            code = step_code(Paper(cuda, simulated=False), make_table(env, name, env.params(), 2, False))
        except ArenaError as error:
            print(f"{name:18} {str(error).splitlines()[0]}", flush=True)
            continue
        count = sum(line.startswith("\t") and line.rstrip().endswith(";") for line in code.splitlines())
        print(f"{name:18} {time.perf_counter() - begun:5.1f} s  {count:6,} instructions", flush=True)


if __name__ == "__main__":
    main()
