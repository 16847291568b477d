"""Measure training: python tools/bench_train.py [speed] [solve] [muon] [pictures]

speed    steps/s of PPO, beside the machine's matrix rate and Stable-Baselines3 in the same run
solve    wall clock from the first step to a score, five seeds
muon     steps/s of games whose hidden matrices move by Muon, with its products in float32 and in bfloat16, on one core
pictures pictures/s through the convolutions, forth and back, beside PyTorch's own in the same run, on one core
"""

import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from measure import describe, interleave, machine, rate, ratio, report
from torch import Tensor
from torch.nn import functional

from puffer_arena.core.spaces import Box
from puffer_arena.trainers.algorithms.algorithm import Algorithm
from puffer_arena.trainers.config import load_config
from puffer_arena.trainers.networks.convolutions import Convolution, ConvolutionLayer
from puffer_arena.trainers.networks.policy import matrix_flops
from puffer_arena.trainers.trainer import make_trainer

ROUNDS = 5
UPDATES = 6  # in one timed round
SEEDS = range(5)
PICTURES = 2048  # of a minibatch
SHAPES = ((4096, 128, 128), (2048, 484, 128), (1024, 1024, 1024))


def matrix_rate(dtype: torch.dtype, seconds: float = 0.3) -> float:
    """Return floating-point operations a second of the fastest of SHAPES, on all cores."""
    best = 0.0
    threads = torch.get_num_threads()
    torch.set_num_threads(torch.get_num_threads() if threads > 1 else 2)
    for rows, inner, cols in SHAPES:
        a, b = torch.randn(rows, inner, dtype=dtype), torch.randn(inner, cols, dtype=dtype)
        out = a @ b
        count, start = 0, time.perf_counter()
        while time.perf_counter() - start < seconds / len(SHAPES):
            torch.mm(a, b, out=out)
            count += 1
        best = max(best, 2.0 * rows * inner * cols * count / (time.perf_counter() - start))
    torch.set_num_threads(threads)
    return best


def training(env_id: str, **overrides: Any) -> tuple[Algorithm, Callable[[], float]]:
    """Return a trainer, and a timed run of some updates that returns steps a second."""
    trainer = make_trainer(load_config(env_id, overrides={"total_steps": 10**12, **overrides}))

    def run() -> float:
        start = time.perf_counter()
        before = trainer.steps
        for _ in range(UPDATES):
            trainer.update()
        return (trainer.steps - before) / (time.perf_counter() - start)

    return trainer, run


def stable_baselines(num_envs: int, **settings: Any) -> Callable[[], float]:
    """Return a timed run of Stable-Baselines3's PPO on CartPole with the hidden layers of ours, for policy and value each."""
    from stable_baselines3 import PPO
    from stable_baselines3.common.env_util import make_vec_env

    network = {"net_arch": list(load_config("cartpole").network.hidden), "activation_fn": torch.nn.ReLU}
    model = PPO("MlpPolicy", make_vec_env("CartPole-v1", num_envs), policy_kwargs=network, device="cpu", **settings)

    def run() -> float:
        start, steps = time.perf_counter(), max(2048, num_envs * settings["n_steps"])
        model.learn(steps)
        return model.num_timesteps / (time.perf_counter() - start)

    return run


def speed() -> None:
    """Print steps/s, as ratios to the matrix rate and to Stable-Baselines3."""
    snake32, run_snake32 = training("snake", precision="float32")
    snake, run_snake = training("snake")
    _, run_cartpole = training("cartpole")
    others = {
        "squared": training("squared")[1],
        "target": training("target")[1],
        "snake, minGRU": training("snake", **{"network.memory": "mingru"})[1],
        "memory, minGRU": training("memory", **{"network.memory": "mingru"})[1],
        "memory, feed-forward": training("memory", **{"network.memory": "none"})[1],
    }
    zoo = {"n_steps": 32, "batch_size": 256, "n_epochs": 20, "gae_lambda": 0.8, "gamma": 0.98, "ent_coef": 0.0}
    results = interleave(
        {
            "float32 rate": lambda: matrix_rate(torch.float32),
            "bfloat16 rate": lambda: matrix_rate(torch.bfloat16),
            "snake float32": run_snake32,
            "snake": run_snake,
            "cartpole": run_cartpole,
            **others,
            "SB3": stable_baselines(8, **zoo),  # the settings that its own zoo tuned for CartPole
            "SB3, fast": stable_baselines(64, n_steps=64, batch_size=4096, n_epochs=1),
        },
        ROUNDS,
    )
    for precision in ("float32", "bfloat16"):
        print(f"      {precision + ' matrix products, operations/s':<58} {describe(results[precision + ' rate'])}")
    for name, trainer in (("snake float32", snake32), ("snake", snake)):
        chosen = trainer.config.precision
        for dense in (True, False):
            flops = matrix_flops(trainer.policy, trainer.config.ppo.epochs, dense)
            bound = [rate / flops for rate in results[f"{chosen} rate"]]
            share = ratio(results[name], bound)
            label = f"{name} ({chosen}) / its matrix bound, one-hot {'counted' if dense else 'left out'}"
            report(label, f"{100 * share:.0f} %", ">= 50 %", share >= 0.5)
    for name, wanted in (("snake float32", 400e3), ("snake", 400e3), ("cartpole", 600e3)):
        rate = statistics.median(results[name])
        report(f"PPO on {name}, steps/s", describe(results[name]), f">= {wanted / 1e3:.0f} k", rate >= wanted)
    for name in ("squared", "target"):  # two choices at once, and continuous actions
        print(f"      {f'PPO on {name}, steps/s':<58} {describe(results[name])}")
    for name, plain in (("snake, minGRU", "snake"), ("memory, minGRU", "memory, feed-forward")):
        share = ratio(results[name], results[plain])
        report(f"{name} / feed-forward ({describe(results[name])})", f"{100 * share:.0f} %", ">= 40 %", share >= 0.4)
    for name in ("SB3", "SB3, fast"):
        times = ratio(results["cartpole"], results[name])
        report(f"cartpole / {name} ({describe(results[name])})", f"{times:.0f} x", ">= 50 x", times >= 50)


def seconds_to(env_id: str, metric: str, goal: float, seed: int, **overrides: Any) -> tuple[float, float, int]:
    """Train until `metric` reaches `goal`; return the seconds, the metric and the steps."""
    trainer = make_trainer(load_config(env_id, overrides={"seed": seed, **overrides}))
    start = time.perf_counter()
    best = float("-inf")
    while not trainer.finished:
        best = max(best, trainer.update().get(metric, float("-inf")))
        if best >= goal:
            break
    seconds = time.perf_counter() - start
    trainer.close()
    return seconds, best, trainer.steps


def solve() -> None:
    """Print the wall clock to a score for five seeds each."""
    cases = (
        ("cartpole", "episode_return", 475.0, 10.0, {}),
        ("snake", "score", 15.0, 90.0, {}),
        ("snake", "score", 15.0, 90.0, {"precision": "float32"}),
    )
    for env_id, metric, goal, limit, overrides in cases:
        runs = [seconds_to(env_id, metric, goal, seed, **overrides) for seed in SEEDS]
        for seed, (seconds, best, steps) in zip(SEEDS, runs, strict=True):
            print(f"      {env_id} seed {seed}: {metric} {best:.1f} after {seconds:.1f} s, {steps / 1e6:.1f} M steps")
        slowest = max(seconds for seconds, _, _ in runs)
        solved = sum(best >= goal for _, best, _ in runs)
        label = " ".join([env_id, *overrides.values(), f"to {metric} {goal:g}"])
        value = f"{solved} of {len(runs)}, slowest {slowest:.1f} s"
        report(label, value, f"5 of 5 in <= {limit:g} s", solved == len(runs) and slowest <= limit)


def muon() -> None:
    """Print what the numbers of Muon's products cost: bfloat16 is for machines that have it, the rest has float32."""
    for env_id in ("rooms", "swarm", "push", "bomber", "snake"):
        trainers = {kind: training(env_id, threads=1, precision="float32") for kind in ("float32", "bfloat16")}
        for kind, (trainer, _) in trainers.items():
            own: Any = trainer
            own.optimizer.parts[1][0].kind = getattr(torch, kind)
        rates = interleave({kind: run for kind, (_, run) in trainers.items()}, ROUNDS)
        told = f"{ratio(rates['float32'], rates['bfloat16']):.2f} x ({describe(rates['float32'])})"
        report(f"{env_id}: Muon in float32 / in bfloat16, steps/s", told)
        for trainer, _ in trainers.values():
            trainer.close()


def pictures() -> None:
    """Print how many pictures a second the convolutions see and learn from, and PyTorch's with the same weights."""
    torch.set_num_threads(1)
    for side, channels in ((36, (24, 48)), (64, (16, 32)), (84, (16, 32))):
        layer = ConvolutionLayer(Box(0, 255, (side, side, 3), np.uint8), channels, 128)
        plain: list[torch.nn.Module] = []
        for each in layer.convolutions:
            if isinstance(each, Convolution):
                wide, apart = each.kernel_size[0], each.stride[0]
                plain.append(torch.nn.Conv2d(each.in_channels, each.out_channels, wide, apart))
                plain[-1].load_state_dict(each.state_dict())
            else:
                plain.append(each)
        theirs = torch.nn.Sequential(*plain)
        seen = torch.randint(0, 256, (PICTURES, side, side, 3), dtype=torch.uint8)
        for kind in (torch.float32, torch.bfloat16):

            def ours(seen: Tensor = seen, layer: ConvolutionLayer = layer) -> Tensor:
                features: Tensor = layer(seen)
                return features

            def usual(seen: Tensor = seen, net: Any = theirs, weight: Tensor = layer.weight) -> Tensor:
                return functional.linear(net(seen.permute(0, 3, 1, 2).float() / 255.0).flatten(1), weight)

            rates = interleave({"ours": learning(ours, kind), "usual": learning(usual, kind)}, ROUNDS)
            told = f"{ratio(rates['ours'], rates['usual']):.2f} x ({describe(rates['ours'])})"
            report(f"{side} x {side} {str(kind)[6:]}: pictures/s learned from / PyTorch's", told)


def learning(features: Callable[[], Tensor], kind: torch.dtype) -> Callable[[], float]:
    """Return a timed run, by the processor's clock, of features and their gradients at a precision."""

    def once() -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=kind == torch.bfloat16, cache_enabled=False):
            seen = features()
        seen.float().square().mean().backward()  # type: ignore[no-untyped-call]  # of torch

    return lambda: rate(once, PICTURES, time.process_time)


PARTS = {"speed": speed, "solve": solve, "muon": muon, "pictures": pictures}

if __name__ == "__main__":
    print(machine())
    for part in sys.argv[1:] or PARTS:
        PARTS[part]()
