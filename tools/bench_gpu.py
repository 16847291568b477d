"""Games and training on a GPU, checked against the CPU and measured: python tools/bench_gpu.py [--seconds 240]

It needs an NVIDIA card and `pip install 'puffer-arena[cuda,train]'` with a torch that was built for CUDA; on its own it ends
within five minutes.  Every line is one check or one figure; what fails is told with its reason, and the rest goes on.
"""

import argparse
import contextlib
import functools
import importlib
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from puffer_arena import make
from puffer_arena.errors import ArenaError

EXACT = ("snake", "maze", "connect4", "hex", "doors")  # whole numbers: same bytes
CLOSE = ("cartpole", "target", "tag")  # floats: alike while last digits have not grown
ROWS = 1 << 20  # of snake, for its own speed
WIDE = {"network": {"hidden": [256, 256, 256]}}
LEARNERS: tuple[
    tuple[str, dict[str, Any], float, str], ...
] = (  # name, settings, wanted steps a second, where rows live
    ("snake, default network", {}, 25e6, "cuda"),
    ("snake, 3 x 256", WIDE, 4e6, "cuda"),
    ("snake on the CPU, learner on the GPU", {}, 3e6, "cpu"),
)


class Report:
    """The table, line by line, within a time.

    Args:
        seconds: after which nothing new is begun.
    """

    def __init__(self, seconds: float) -> None:
        self.until = time.monotonic() + seconds

    def line(self, name: str, measure: Callable[[], str]) -> None:
        """Print what `measure` returns, or why it could not."""
        if time.monotonic() > self.until:
            print(f"{name:42} not begun: the time is over", flush=True)
            return
        try:
            found = measure()
        except (ArenaError, AssertionError, RuntimeError, ImportError) as error:
            found = f"FAILS: {type(error).__name__}: {' '.join(str(error).split())[:300]}"
        print(f"{name:42} {found}", flush=True)


def same_bytes(game: str, exact: bool) -> str:
    """Play a game on both, and compare what they saw."""
    cpu, there = make(game, 64, seed=1), make(game, 64, seed=1, device="cuda")
    rng, begun = np.random.default_rng(0), time.perf_counter()
    differ = 0
    for t in range(200 if exact else 20):
        actions = cpu.sample_actions(rng)
        cpu.step(actions)
        there.step(actions)
        there.bring("buffers")
        for name in ("obs", "rewards", "terminated", "truncated", "began", "action_mask"):
            mine, other = getattr(cpu.table.buffers, name), getattr(there.table.buffers, name)
            if mine.dtype.kind == "f":
                assert np.allclose(mine, other, rtol=1e-4, atol=1e-5), f"{name} differs at step {t}"
                differ += int((mine != other).sum())
            else:
                assert mine.tobytes() == other.tobytes(), f"{name} differs at step {t}"
    if exact:
        for name in ("states", "params", "episodes"):
            assert (getattr(cpu.rows, name) == getattr(there.rows, name)).all(), f"{name} differ"
    alike = "same bytes" if exact else f"alike; {differ} floats differ in their last digits"
    return f"{alike} ({time.perf_counter() - begun:.1f} s with compiling)"


def copies_nothing(torch: Any) -> str:
    """Look whether torch shares a batch's memory."""
    batch: Any = make("snake", 256, device="cuda")
    obs = torch.as_tensor(batch.obs, device="cuda")
    before = obs.clone()
    batch.step(torch.randint(batch.action.n, (256,), device="cuda"))
    torch.cuda.synchronize()
    assert not torch.equal(obs, before), "the tensor did not change with the batch"
    return f"obs {tuple(obs.shape)} {obs.dtype} share the batch's memory"


def bad_actions(torch: Any) -> str:
    """Look whether actions outside their bounds are told of."""
    batch = make("snake", 256, device="cuda")
    batch.step(torch.full((256,), 99, device="cuda"))
    with contextlib.suppress(ArenaError):
        batch.episodes()
        raise AssertionError("nothing was said of actions outside their bounds")
    return "told of by episodes()"


def step_speed(torch: Any, game: str, rows: int) -> str:
    """Step rows by random actions that lie on the card."""
    batch: Any = make(game, rows, device="cuda")
    actions = [torch.randint(batch.action.n, (rows,), device="cuda") for _ in range(8)]
    for action in actions:
        batch.step(action)
    torch.cuda.synchronize()
    counts, begun = 0, time.perf_counter()
    while time.perf_counter() - begun < 3.0:
        for action in actions:
            batch.step(action)
        torch.cuda.synchronize()
        counts += len(actions)
    rate = counts * rows / (time.perf_counter() - begun)
    return f"{rate / 1e6:8.1f} M steps/s at {rows:,} rows"


def train_speed(settings: dict[str, Any], wanted: float, rows: str) -> str:
    """Train for some seconds after the first updates, which compile."""
    from puffer_arena.trainers.algorithms.resident import Resident
    from puffer_arena.trainers.config import load_config

    overrides = {"device": "cuda", "num_envs": 65536, **settings}
    placed = type("Placed", (Resident,), {"rows_device": lambda self: rows})
    trainer = placed(load_config("snake", overrides=overrides, algorithm="resident"))
    try:
        for _ in range(4):
            trainer.update()
        first, begun = trainer.steps, time.perf_counter()
        while time.perf_counter() - begun < 8.0:
            trainer.update()
        rate = (trainer.steps - first) / (time.perf_counter() - begun)
    finally:
        trainer.close()
    return f"{rate / 1e6:8.2f} M trained steps/s (wanted {wanted / 1e6:g}), {trainer.config.precision}"


def resumes(torch: Any) -> str:
    """Save a run, go on twice, and compare."""
    from puffer_arena.trainers.config import load_config
    from puffer_arena.trainers.trainer import make_trainer

    overrides = {"device": "cuda", "num_envs": 1024, "compile": "off"}
    one, other = (make_trainer(load_config("snake", overrides=overrides, algorithm="resident")) for _ in range(2))
    one.update()
    other.load_state(*one.state())
    one.update()
    other.update()
    mine, its = one.state()[0], other.state()[0]
    differing = [name for name in mine if not torch.equal(mine[name].cpu(), its[name].cpu())]
    return "to the bit" if not differing else f"not to the bit: {', '.join(differing[:4])}"


def matrix_rate(torch: Any) -> str:
    """Measure the products of a 256-wide layer, forward and backward, in bfloat16."""
    rows = 1 << 20
    x, w = (torch.randn(shape, device="cuda", dtype=torch.bfloat16) for shape in ((rows, 256), (256, 256)))
    for _ in range(3):
        x @ w
    torch.cuda.synchronize()
    begun = time.perf_counter()
    for _ in range(20):
        x @ w
    torch.cuda.synchronize()
    rate = 20 * 2 * rows * 256 * 256 / (time.perf_counter() - begun)
    return f"{rate / 1e12:8.1f} TFLOP/s of 256 x 256 products"


def watching_cost(torch: Any) -> str:
    """Compare stepping alone with stepping while 16 rows are copied out 60 times a second."""
    batch: Any = make("snake", 65536, device="cuda")
    actions, rows = torch.randint(batch.action.n, (65536,), device="cuda"), np.arange(16)
    rates = []
    for watched in (False, True, False, True):
        steps, begun, shown = 0, time.perf_counter(), 0.0
        while (now := time.perf_counter()) - begun < 1.5:
            for _ in range(8):
                batch.step(actions)
            steps += 8
            if watched and now - shown > 1 / 60:
                batch.copy_rows(rows)
                shown = now
        torch.cuda.synchronize()
        rates.append(steps / (time.perf_counter() - begun))
    return f"{100 * (1 - (rates[1] + rates[3]) / (rates[0] + rates[2])):.1f}% of the steps (wanted at most 2%)"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=240.0, help="after which nothing new is begun")
    report = Report(parser.parse_args().seconds)
    torch: Any = importlib.import_module("torch")
    if torch.cuda.is_available():
        print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}", flush=True)
    else:
        print("torch finds no GPU here: every line below needs one", flush=True)
    report.line("torch shares memory", lambda: copies_nothing(torch))
    report.line("snake, random actions (wanted 500)", lambda: step_speed(torch, "snake", ROWS))
    for name, *how in LEARNERS:
        report.line(name, functools.partial(train_speed, *how))
    report.line("resumes", lambda: resumes(torch))
    report.line("a window's cost", lambda: watching_cost(torch))
    report.line("matrix rate", lambda: matrix_rate(torch))
    report.line("actions outside their bounds", lambda: bad_actions(torch))
    for game in (*EXACT, *CLOSE):
        report.line(f"{game}: as on the CPU", functools.partial(same_bytes, game, game in EXACT))
    for game in ("cartpole", "maze"):
        report.line(f"{game}, random actions", functools.partial(step_speed, torch, game, ROWS))


if __name__ == "__main__":
    main()
