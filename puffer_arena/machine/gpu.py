"""The GPU of this machine, through Numba's CUDA target: found, or said by name why not; its memory and its kernels.

Nothing here is imported before a batch asks for `device="cuda"`.  With NUMBA_ENABLE_CUDASIM=1 Numba's simulator takes
the GPU's place: kernels run in plain Python, a thread of Python for each of the GPU's, on arrays of NumPy.
"""

import contextlib
import functools
import importlib
import importlib.metadata
import importlib.util
from typing import Any

import numpy as np

from puffer_arena.errors import DeviceError, MissingExtra
from puffer_arena.machine.compile import bind, load_numba, relink
from puffer_arena.machine.notices import wait

BLOCK = 128  # threads: four warps, so that registers of long rules suffice
COMPILING = "compiling to the GPU's machine code, which takes some seconds in each process"


class Gpu:
    """The card that this process computes on; see `find_gpu`.

    Attributes:
        cuda: Numba's module.
        simulated: plain Python takes the card's place.
    """

    def __init__(self, cuda: Any, simulated: bool) -> None:
        self.cuda, self.simulated = cuda, simulated

    def free_memory(self) -> int | None:
        """Return how many bytes of the card's memory are free; None where there is no card."""
        return None if self.simulated else int(self.cuda.current_context().get_memory_info().free)

    def send(self, array: Any) -> Any:
        """Return a copy of an array in the card's memory."""
        return np.array(array) if self.simulated else self.cuda.to_device(array)

    def write(self, array: Any, into: Any) -> None:
        """Copy an array of this machine into one of the card's."""
        if self.simulated:
            into[...] = array
        else:
            into.copy_to_device(array)

    def read(self, array: Any, into: Any) -> None:
        """Copy an array of the card's into one of this machine, once all kernels before it are done."""
        if self.simulated:
            into[...] = array
        else:
            array.copy_to_host(into)

    def holds(self, array: Any) -> bool:
        """Tell whether an array lies in the card's memory."""
        return isinstance(array, np.ndarray) if self.simulated else hasattr(array, "__cuda_array_interface__")

    def view(self, array: Any) -> Any:
        """Return an array of somebody else's in the card's memory as kernels take it, without a copy."""
        if self.simulated or isinstance(array, self.cuda.devicearray.DeviceNDArray):
            return array
        return self.cuda.as_cuda_array(array, sync=False)  # both work on the default stream, in order

    def compile(self, template: Any, name: str) -> Any:
        """Return a kernel of a bound function of ours, which asks `cuda.grid(1)` for its thread's number.

        Args:
            template: the function, with all that it reaches in our own words.
            name: of the environment, for messages.
        """
        function = bind(template, name, cuda=self.cuda)
        if not self.simulated:
            rule = self.cuda.jit(device=True)
            function = relink(function, name, {}, lambda _, copy: rule(copy))
        return self.kernel(function)

    def kernel(self, function: Any) -> Any:
        """Return a linked function as one that can be launched."""
        return GpuKernel(self.cuda.jit(function))


class GpuKernel:
    """A function that the card runs, a thread for each row; its first call compiles it."""

    def __init__(self, function: Any) -> None:
        self._function, self._ready = function, False

    def __call__(self, count: int, *arguments: Any) -> None:
        """Run it in at least `count` threads, and return before the card is done."""
        block = min(BLOCK, count)
        with contextlib.nullcontext() if self._ready else wait(COMPILING):
            self._function[-(-count // block), block](*arguments)
        self._ready = True


@functools.cache
def find_gpu() -> Gpu:
    """Return this machine's card, or the simulator.

    Raises:
        MissingExtra: numba-cuda is not installed.
        DeviceError: no driver, one that is too old, or no card.
    """
    if load_numba().config.ENABLE_CUDASIM:
        return Gpu(importlib.import_module("numba.cuda"), simulated=True)
    if importlib.util.find_spec("numba_cuda") is None:
        raise MissingExtra("'numba-cuda' is not installed; install it with: pip install 'puffer-arena[cuda]'")
    cuda: Any = importlib.import_module("numba.cuda")
    settings: Any = importlib.import_module("numba.cuda.core.config")
    settings.CUDA_LOW_OCCUPANCY_WARNINGS = 0  # a few rows are for people, who need not be told
    check_driver(cuda, int(importlib.metadata.version("cuda-bindings").split(".")[0]))
    return Gpu(cuda, simulated=False)


def check_driver(cuda: Any, toolkit: int) -> None:
    """Check that there is a card with a driver that takes our code.

    Args:
        cuda: Numba's module.
        toolkit: the CUDA for which the installed compiler writes code, such as 13.

    Raises:
        DeviceError: there is none; it says which part is missing, and what to do.
    """
    remedy = "make the batch with device='cpu', or see docs/gpu.md"
    try:
        version = tuple(cuda.cudadrv.driver.driver.get_version())
    except cuda.CudaSupportError as error:
        reason = " ".join(str(error).split())[:200]
        raise DeviceError(f"device = 'cuda', but no NVIDIA driver answers here ({reason}); {remedy}") from None
    if version[0] < toolkit:
        older = "install 'puffer-arena[cuda12]' in place of 'puffer-arena[cuda]'" if version[0] == 12 else remedy
        raise DeviceError(
            f"device = 'cuda': the NVIDIA driver is for CUDA {version[0]}.{version[1]}, and the compiler that is installed "
            f"here writes code for {toolkit}.0 and newer; update the driver, or {older}"
        )
    try:
        count = len(cuda.gpus)
    except cuda.CudaSupportError as error:
        raise DeviceError(f"device = 'cuda', but the NVIDIA driver fails ({error}); {remedy}") from None
    if not count:
        raise DeviceError(
            f"device = 'cuda': there is a driver and no GPU that this process may use (CUDA_VISIBLE_DEVICES?); {remedy}"
        )
