"""How fast bots decide, and how alike the backends are.

    python tools/bench_bots.py            # decisions: our runtime, torch and ONNX Runtime in one run, on one core
    python tools/bench_bots.py --parity   # the table network x head x backend of docs/bots.md

The policy is an MLP of 128 x 128 over 18 numbers with four choices, as lander's.  Backends take turns; medians.
"""

import argparse
import os
import statistics
import sys
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from measure import interleave, machine, rate, report

from puffer_arena.bots.bot import Bot
from puffer_arena.bots.model import Model
from puffer_arena.bots.onnx import onnx_bytes
from puffer_arena.core.composites import Dict
from puffer_arena.core.spaces import Box, Discrete, MultiBinary, MultiDiscrete, Space
from puffer_arena.trainers.config import Network
from puffer_arena.trainers.export.bot import Seen, file_of
from puffer_arena.trainers.export.weights import plain_copy
from puffer_arena.trainers.networks.policy import Policy

ROUNDS = 201
CALLS = {1: 50, 100: 5}  # of so many actors: about a millisecond, which a busy machine leaves a program at times
ONE_CORE = {f"{library}_NUM_THREADS": "1" for library in ("OPENBLAS", "OMP", "MKL")}
NUMBERS, BOARD = Box(-1.0, 1.0, (18,)), Box(0, 3, (7, 7), np.uint8)
NETWORKS: dict[str, tuple[Space, dict[str, Any]]] = {
    "MLP": (NUMBERS, {}),
    "MLP, own critic": (NUMBERS, {"critic": "separate"}),
    "codes": (BOARD, {}),
    "CNN": (BOARD, {"images": "cnn"}),
    "Dict": (Dict({"board": BOARD, "own": NUMBERS}), {}),
    "GRU": (NUMBERS, {"memory": "gru"}),
    "LSTM": (NUMBERS, {"memory": "lstm"}),
    "minGRU": (NUMBERS, {"memory": "mingru"}),
}
HEADS: dict[str, Space] = {
    "Discrete": Discrete(4),
    "MultiDiscrete": MultiDiscrete((3, 2)),
    "MultiBinary": MultiBinary(3),
    "Box": Box(-1.0, 1.0, (2,)),
}


def make_policy(observation: Space, action: Space, **network: Any) -> Policy:
    """Return a policy with random weights."""
    torch.manual_seed(0)
    policy = Policy(observation, action, Network(**network), {"env": "", "params": {}, "rules": ""})
    with torch.no_grad():
        for parameter in policy.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    return policy.eval()


@torch.inference_mode()
def make_model(policy: Policy, rows: int = 64) -> tuple[Model, list[torch.Tensor], dict[str, torch.Tensor]]:
    """Return a policy's bot, and observations and states of some actors for all backends."""
    rng = np.random.default_rng(0)
    samples = [policy.observation.sample(rng) for _ in range(rows)]
    if isinstance(policy.observation, Dict):
        parts = [np.stack([sample[name] for sample in samples]) for name in policy.observation.spaces]
    else:
        parts = [np.stack(samples)]
    obs = [torch.from_numpy(part) for part in parts]
    state = {name: torch.randn_like(part) for name, part in policy.initial_state(rows).items()}
    outputs, values, after = policy(obs, state)
    vectors = {f"obs.{k}": part for k, part in enumerate(parts)}
    vectors |= {f"state.{name}": part.numpy() for name, part in state.items()}
    vectors |= {f"next.{name}": part.numpy() for name, part in after.items()}
    vectors["outputs"] = torch.cat([outputs, values], 1).numpy()
    ranges = [(part.reshape(rows, -1).min(0).tolist(), part.reshape(rows, -1).max(0).tolist()) for part in parts]
    env = {"id": "bench", "version": 0, "rules": ""}
    about = {"env": env, "params": {}, "masked": False, "decision_rate": 60.0, "training": {}}
    return Model(file_of(plain_copy(policy, False), Seen(vectors, ranges), about, False)), obs, state


def session(data: bytes) -> Any:
    """Return an ONNX Runtime session on one core."""
    import onnxruntime

    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = settings.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(data, settings, providers=["CPUExecutionProvider"])


def speed() -> None:
    """Print decisions a second of one actor and of 100, and the ratios to torch and ONNX Runtime."""
    policy = make_policy(NUMBERS, HEADS["Discrete"])
    model, obs, _ = make_model(policy, 100)
    bot, onnx = Bot(model), session(onnx_bytes(model, choose=True))
    for actors, calls in CALLS.items():
        numbers = obs[0].numpy()[:actors]
        given: Any = numbers[0] if actors == 1 else numbers
        tensor, noise = obs[0][:actors], torch.rand(actors, 1)
        mask = np.ones((actors, 4), np.bool_)

        def ours(given: Any = given, calls: int = calls) -> None:
            for _ in range(calls):
                bot.act(given)

        @torch.inference_mode()
        def theirs(tensor: torch.Tensor = tensor, noise: torch.Tensor = noise, calls: int = calls) -> None:
            for _ in range(calls):
                outputs, _, _ = policy([tensor], {})
                policy.head.sample(outputs, noise, None).tolist()

        def graph(numbers: Any = numbers, mask: Any = mask, calls: int = calls) -> None:
            for _ in range(calls):
                onnx.run(["action.0"], {"obs.0": numbers, "mask": mask})

        works: dict[str, Callable[[], None]] = {"ours": ours, "torch": theirs, "ONNX Runtime": graph}
        found = interleave(
            {name: (lambda work=work, units=calls * actors: rate(work, units)) for name, work in works.items()}, ROUNDS
        )
        best = max(found["ours"])
        if actors == 1:
            report("one decision of one actor", f"{1e6 / best:.1f} us", "<= 25 us", 1e6 / best <= 25)
        else:
            report("decisions a second for 100 actors", f"{best / 1e6:.2f} M", ">= 1 M", best >= 1e6)
        for name in ("torch", "ONNX Runtime"):
            ratios = [a / b for a, b in zip(found["ours"], found[name], strict=True)]
            report(
                f"  times as fast as {name}", f"{statistics.median(ratios):.2f}", ">= 1", statistics.median(ratios) >= 1
            )


def parity() -> None:
    """Print how far every backend is from torch, network by network and head by head."""
    print("| network | head | torch.compile | ONNX Runtime | numpy |\n|---|---|---|---|---|")
    for network, (observation, settings) in NETWORKS.items():
        for head, action in HEADS.items():
            policy = make_policy(observation, action, **settings)
            model, obs, state = make_model(policy)
            wanted = model.vectors["outputs"]
            found = session(onnx_bytes(model)).run(["logits", "values"], given_to(model))
            first = head == next(iter(HEADS))  # another head is a few columns more, and compiling takes half a minute
            cells = [
                compiled(policy, obs, state, wanted) if first else "",
                away(np.concatenate(found, 1), wanted),
                f"{model.check():.0e}",
            ]
            print(f"| {network} | {head} | " + " | ".join(cells) + " |", flush=True)


def given_to(model: Model) -> dict[str, Any]:
    """Return a graph's inputs."""
    return {name: part for name, part in model.vectors.items() if name.startswith(("obs.", "state."))}


def compiled(policy: Policy, obs: list[torch.Tensor], state: dict[str, torch.Tensor], wanted: Any) -> str:
    """Return how far torch.compile is off, or why there is none here."""
    try:
        with torch.inference_mode(), warnings.catch_warnings(action="ignore"):
            torch._dynamo.reset()
            outputs, values, _ = torch.compile(policy)(obs, state)
            return away(torch.cat([outputs, values], 1).numpy(), wanted)
    except Exception as error:  # without a C++ compiler, whatever it raises
        return f"none ({type(error).__name__})"


def away(found: Any, wanted: Any) -> str:
    """Return the greatest difference, relative beyond 1."""
    return f"{float((np.abs(found - wanted) / np.maximum(np.abs(wanted), 1.0)).max()):.0e}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__.partition("\n\n")[2], formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--parity", action="store_true", help="print the table of backends instead")
    given = parser.parse_args()
    if any(name not in os.environ for name in ONE_CORE):  # read when numpy is first imported
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **ONE_CORE})
    torch.set_num_threads(1)
    if given.parity:
        parity()
    else:
        print(machine())
        speed()
