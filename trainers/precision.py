"""What "auto" means for device, precision, compile and threads: recorded rules, so that a seed repeats.

Measured on two cores of an EPYC with AVX512-BF16 (docs/benchmarks.md): its matrix products run 4.5 times as fast in
bfloat16 as in float32, and snake learns as well.  Networks narrower than 128 spend their time elsewhere, gain at most
a third, and CartPole then learns more slowly, so they keep float32.
torch.compile takes 20 s or more to start on a CPU and gains nothing there over the fused path; on a GPU it
joins the many small operations.
"""

import dataclasses

import torch

from puffer_arena.errors import TrainingError
from puffer_arena.machine.cores import usable_cores
from puffer_arena.trainers.config import Config

MAX_AUTO_THREADS = 8
MIN_BFLOAT16_WIDTH = 128


def resolve(config: Config) -> Config:
    """Return the config with every "auto" decided for this machine.

    Raises:
        TrainingError: a GPU is asked for and there is none.
    """
    device = config.device if config.device == "cpu" else find_device(config.device)
    precision = config.precision
    if precision == "auto":
        precision = "bfloat16" if prefers_bfloat16(device, min(config.network.hidden)) else "float32"
    compiled = config.compile if config.compile != "auto" else ("on" if device == "cuda" else "off")
    threads = config.threads or min(usable_cores(), MAX_AUTO_THREADS)
    return dataclasses.replace(config, device=device, precision=precision, compile=compiled, threads=threads)


def find_device(wanted: str) -> str:
    """Return the device that is wanted, or for "auto" the best one here.

    Raises:
        TrainingError: it is not here.
    """
    here = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if wanted == "auto":
        return next(device for device, is_here in here.items() if is_here)
    if not here[wanted]:
        raise TrainingError(f"device = '{wanted}', but torch finds no GPU here; use device = 'cpu' or 'auto'")
    return wanted


def prefers_bfloat16(device: str, width: int) -> bool:
    """Tell whether bfloat16 products are faster here for hidden layers of `width`."""
    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    if device == "mps":
        return False  # not on every such machine
    supported = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)()
    return bool(supported) and width >= MIN_BFLOAT16_WIDTH
