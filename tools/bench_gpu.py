"""Games and training on a GPU, checked against the CPU and measured: python tools/bench_gpu.py [--seconds 270]

It needs an NVIDIA card and `pip install 'puffer-arena[cuda,train]'` with a torch that was built for CUDA; it ends within
five minutes.  First all games are checked at once, each in a process of its own; then the figures are measured in
one process, one by one.  A line that fails says why; where it may have spoilt the card's context, or ended its process,
the rest goes on in a new one.
"""

import argparse
import contextlib
import functools
import importlib
import itertools
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from one_by_one import gather, measure, together

from puffer_arena import make
from puffer_arena.errors import ArenaError, DeviceError
from puffer_arena.machine.cores import usable_cores
from puffer_arena.machine.gpu import find_gpu

EXACT = ("snake", "maze", "connect4", "hex", "doors")  # whole numbers: same bytes
CLOSE = ("cartpole", "target", "tag", "swarm")  # floats: alike while last digits have not grown
ROWS = 1 << 20  # of a game, for its own speed
TRAINED = 65536  # rows of a run
WIDE = {"network": {"hidden": [256, 256, 256]}}
CHECKING, EACH = 80.0, 75.0  # seconds: of all checks together, and of one figure


def same_bytes(game: str) -> str:
    """Play a game on both, and compare what they saw."""
    there, cpu, exact = on_the_card(game, 64), make(game, 64), game in EXACT
    rng, begun = np.random.default_rng(0), time.perf_counter()
    differ = 0
    for t in range(200 if exact else 20):
        actions = cpu.sample_actions(rng)
        cpu.step(actions)
        there.step(actions)
        there.bring("buffers")
        for name in ("obs", "rewards", "terminated", "truncated", "began", "acting", "action_mask"):
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


def on_the_card(game: str, rows: int) -> Any:
    """Return a batch whose rows live on the card."""
    return make(game, rows, device="cuda")


def card() -> str:
    """Return what is measured here."""
    torch = torch_here()
    return f"{torch.cuda.get_device_name()}, torch {torch.__version__}, {usable_cores()} CPU cores"


def copies_nothing() -> str:
    """Look whether torch shares a batch's memory."""
    torch, batch = torch_here(), on_the_card("snake", 256)
    obs = torch.as_tensor(batch.obs, device="cuda")
    before = obs.clone()
    batch.step(torch.randint(batch.action.n, (256,), device="cuda"))
    torch.cuda.synchronize()
    assert not torch.equal(obs, before), "the tensor did not change with the batch"
    return f"obs {tuple(obs.shape)} {obs.dtype} share the batch's memory"


def bad_actions() -> str:
    """Look whether actions outside their bounds are told of."""
    torch, batch = torch_here(), on_the_card("snake", 256)
    batch.step(torch.full((256,), 99, device="cuda"))
    with contextlib.suppress(ArenaError):
        batch.episodes()
        raise AssertionError("nothing was said of actions outside their bounds")
    return "told of by episodes()"


def step_speed(game: str, wanted: float = 0.0) -> str:
    """Step rows by random actions that lie on the card."""
    torch, batch = torch_here(), on_the_card(game, ROWS)
    actions = [torch.randint(batch.action.n, (ROWS,), device="cuda") for _ in range(8)]
    for action in actions:
        batch.step(action)
    torch.cuda.synchronize()
    counts, begun = 0, time.perf_counter()
    while time.perf_counter() - begun < 3.0:
        for action in actions:
            batch.step(action)
        torch.cuda.synchronize()
        counts += len(actions)
    rate = counts * ROWS / (time.perf_counter() - begun)
    return f"{rate / 1e6:8.1f} M steps/s{asked(wanted)} at {ROWS:,} rows"


@contextlib.contextmanager
def trainer_of(game: str, rows: str, **settings: Any) -> Iterator[Any]:
    """Make a run whose rows live on `rows`."""
    torch_here()
    from puffer_arena.trainers.algorithms.resident import Resident
    from puffer_arena.trainers.config import load_config

    given = {"device": "cuda", "num_envs": TRAINED, "threads": usable_cores(), "opponent": {"pool": ""}}
    overrides = {**given, **settings}
    placed = type("Placed", (Resident,), {"rows_device": lambda self: rows})
    trainer = placed(load_config(game, overrides=overrides, algorithm="resident"))
    try:
        yield trainer
    finally:
        trainer.close()


def rate_of(trainer: Any) -> float:
    """Train for some seconds after the first updates, which compile; return steps a second."""
    for _ in range(3):
        trainer.update()
    first, begun = trainer.steps, time.perf_counter()
    while time.perf_counter() - begun < 4.0:
        trainer.update()
    return float((trainer.steps - first) / (time.perf_counter() - begun))


def train_speed(game: str, wanted: float = 0.0, rows: str = "cuda", **settings: Any) -> str:
    """Train, with rows on the card or on the CPU beside it."""
    with trainer_of(game, rows, **settings) as trainer:
        return f"{rate_of(trainer) / 1e6:8.2f} M trained steps/s{asked(wanted)}, {trainer.config.precision}"


def halves() -> str:
    """Train with rows on the CPU that are stepped half by half while the card acts, and all together."""
    with trainer_of("snake", "cpu") as trainer:
        apart = rate_of(trainer)
        trainer.collector.halves = []
        together = rate_of(trainer)
    return f"{apart / 1e6:8.2f} M trained steps/s{asked(3)}; {apart / together:.2f} times those stepped together"


def wide() -> str:
    """Train three layers of 256, and compare with what the card's matrix products alone would take."""
    from puffer_arena.trainers.networks.policy import matrix_flops

    possible = matrix_rate(torch_here())
    with trainer_of("snake", "cuda", **WIDE) as trainer:
        rate = rate_of(trainer)
        flops = matrix_flops(trainer.policy, trainer.config.method.epochs, dense_codes=False)
    share = 100.0 * rate * flops / possible
    return (
        f"{rate / 1e6:8.2f} M trained steps/s{asked(4)}: {share:.0f}% (wanted 60) of {possible / 1e12:.0f} TFLOP/s, "
        "which 256 x 256 products reach"
    )


def muon() -> str:
    """Train three layers of 256 by Muon, and compare with Adam."""
    rates = []
    for name in ("adam", "muon"):
        with trainer_of("snake", "cuda", **WIDE, optimizer={"name": name}) as trainer:
            rates.append(rate_of(trainer))
    return f"{rates[1] / 1e6:8.2f} M trained steps/s, {rates[1] / rates[0]:.2f} of Adam's"


def matrix_rate(torch: Any) -> float:
    """Return the operations a second of a 256-wide layer's products, forward and backward, in bfloat16."""
    rows = 1 << 19
    x, d, w = (torch.randn(n, 256, device="cuda", dtype=torch.bfloat16) for n in (rows, rows, 256))

    def layer() -> None:
        _ = x @ w, d @ w.T, x.T @ d

    for _ in range(3):
        layer()
    torch.cuda.synchronize()
    begun = time.perf_counter()
    for _ in range(20):
        layer()
    torch.cuda.synchronize()
    return 20 * 3 * 2 * rows * 256 * 256 / (time.perf_counter() - begun)


def waits_for_nothing() -> str:
    """Play a rollout while torch refuses whatever waits for the card."""
    torch = torch_here()
    with trainer_of("snake", "cuda", num_envs=4096, compile="off") as trainer:
        trainer.update()
        collector = trainer.collector
        noise = torch.rand((trainer.rollout.horizon, 4096, 1), device="cuda")
        torch.cuda.set_sync_debug_mode("error")
        try:
            collector._play(noise, None)
        finally:
            torch.cuda.set_sync_debug_mode("default")
    return "no operation of a rollout waits for the card"


def resumes() -> str:
    """Save a run, go on twice, and compare."""
    torch = torch_here()
    small = {"num_envs": 1024, "compile": "off"}
    with trainer_of("snake", "cuda", **small) as one, trainer_of("snake", "cuda", **small) as other:
        one.update()
        other.load_state(*one.state())
        one.update()
        other.update()
        mine, its = one.state()[0], other.state()[0]
    differing = [name for name in mine if not torch.equal(mine[name].cpu(), its[name].cpu())]
    return "to the bit" if not differing else f"not to the bit: {', '.join(differing[:4])}"


def watching_cost() -> str:
    """Compare stepping alone with stepping while 16 rows are copied out 60 times a second."""
    torch, batch = torch_here(), on_the_card("snake", TRAINED)
    actions, rows = torch.randint(batch.action.n, (TRAINED,), device="cuda"), np.arange(16)
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
    return f"{100 * (1 - (rates[1] + rates[3]) / (rates[0] + rates[2])):8.1f}% of the steps (wanted at most 2)"


def asked(wanted: float) -> str:
    """Return what a figure should be, in millions, in brackets; nothing where nothing was asked for."""
    return f" (wanted {wanted:g})" if wanted else ""


CHECKS: dict[str, Callable[[], str]] = {
    f"{game}: as on the CPU": functools.partial(same_bytes, game) for game in (*EXACT, *CLOSE)
}
FIGURES: dict[str, Callable[[], str]] = {
    "card": card,
    "torch shares memory": copies_nothing,
    "snake, random actions": functools.partial(step_speed, "snake", 500),
    "snake, default network": functools.partial(train_speed, "snake", 25),
    "snake, 3 x 256": wide,
    "the same by Muon": muon,
    "snake on the CPU, learner on the GPU": halves,
    "a window's cost": watching_cost,
    "a rollout waits for nothing": waits_for_nothing,
    "resumes": resumes,
    "actions outside their bounds": bad_actions,
    "cartpole, random actions": functools.partial(step_speed, "cartpole"),
    "maze, random actions": functools.partial(step_speed, "maze"),
    "tag, several agents": functools.partial(train_speed, "tag"),
    "lander's physics on the CPU": functools.partial(train_speed, "lander", 0.0, "cpu", num_envs=4096),
}


def torch_here() -> Any:
    """Return torch, once it finds a card.

    Raises:
        DeviceError: it finds none.
    """
    find_gpu()
    torch: Any = importlib.import_module("torch")
    if not torch.cuda.is_available():
        raise DeviceError("torch finds no GPU here")
    return torch


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=270.0, help="after which nothing is waited for any more")
    parser.add_argument("--only", nargs="*", metavar="LINE", help="measure these lines here, and say each as JSON")
    arguments = parser.parse_args()
    if arguments.only is not None:
        measure(CHECKS | FIGURES, arguments.only, functools.partial(print, flush=True))
        return
    until = time.monotonic() + arguments.seconds
    command = [sys.executable, __file__, "--only"]
    checked = together(command, [*CHECKS], min(CHECKING, arguments.seconds))
    for name, found in itertools.chain(checked, gather(command, [*FIGURES], until, EACH)):
        print(f"{name:42} {found}", flush=True)


if __name__ == "__main__":
    main()
