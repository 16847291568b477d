"""Games on a GPU: all that needs no card.  Kernels run on Numba's CUDA simulator, in a process of its own."""

import importlib.util
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from puffer_arena import make
from puffer_arena.batch.gpu import batch as gpu_batch
from puffer_arena.errors import DeviceError, MissingExtra, UnknownName
from puffer_arena.machine.gpu import check_driver, find_gpu

HERE = Path(__file__).parent
CHECKS = re.findall(r"^def check_(\w+)", (HERE / "simulated_gpu.py").read_text(), re.MULTILINE)
PLAIN = """
import sys
from puffer_arena import make
from puffer_arena.batch.gpu import batch as gpu_batch
from puffer_arena.trainers.config import Config
from puffer_arena.trainers.precision import resolve
resolve(Config(env="snake"))
make({game!r}, 2).step([0, 0])
import torch
print("numba.cuda" in sys.modules, torch.cuda.is_initialized())
"""


def run(*arguments: str, **environment: str) -> str:
    ran = subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, **environment},
        cwd=HERE.parent,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


@pytest.fixture(scope="module")
def outcomes():
    return json.loads(run("-m", "tests.simulated_gpu", NUMBA_ENABLE_CUDASIM="1"))


@pytest.mark.parametrize("check", CHECKS)
def test_on_the_simulator(outcomes, check: str) -> None:
    assert not outcomes[f"check_{check}"], outcomes[f"check_{check}"]


def test_a_machine_without_a_gpu_never_imports_cuda() -> None:
    game = str(HERE / "games" / "listing.py")
    assert run("-c", PLAIN.format(game=game)).split() == ["False", "False"]


class Silent(Exception):
    """What Numba raises where no driver answers."""


def cards(version=(13, 0), count=1, error=None):
    """Return what of Numba's module tells of driver and cards."""

    def get_version():
        if error:
            raise Silent(error)
        return version

    driver = SimpleNamespace(driver=SimpleNamespace(get_version=get_version))
    return SimpleNamespace(CudaSupportError=Silent, cudadrv=SimpleNamespace(driver=driver), gpus=range(count))


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (cards(error="CUDA driver library cannot be found"), "no NVIDIA driver answers here .CUDA driver library cannot be found"),
        (cards((12, 4)), r"driver is for CUDA 12\.4, .* for 13\.0 and newer; update the driver, or install 'puffer-arena\[cuda12\]'"),
        (cards((11, 8)), r"driver is for CUDA 11\.8, .* make the batch with device='cpu'"),
        (cards(count=0), "a driver and no GPU that this process may use"),
    ],
    ids=["no driver", "old driver", "older driver", "no card"],
)  # fmt: skip
def test_what_is_missing_of_a_gpu_is_said(found, message: str) -> None:
    check_driver(cards(), 13)
    with pytest.raises(DeviceError, match=message):
        check_driver(found, 13)


def test_a_missing_extra_is_named(monkeypatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"pip install 'puffer-arena\[cuda\]'"):
        find_gpu.__wrapped__()
    with pytest.raises(UnknownName, match="unknown device 'gpu'; did you mean 'cpu'"):
        make("snake", device="gpu")


LINES = """
import os, sys, time
from one_by_one import measure

def lines():
    return {"fine": lambda: "1", "wrong": wrong, "spoilt": lambda: 1 // 0, "gone": lambda: os._exit(3), "slow": slow, "last": lambda: "2"}

def wrong():
    assert False, "they differ"

def slow():
    time.sleep(60)

measure(lines(), sys.argv[1:], lambda said: print(said, flush=True))
"""


def test_lines_of_a_table_go_on_whatever_becomes_of_one(monkeypatch) -> None:
    monkeypatch.syspath_prepend(str(HERE.parent / "tools"))
    monkeypatch.setenv("PYTHONPATH", str(HERE.parent / "tools"))
    one_by_one = importlib.import_module("one_by_one")
    names = ["fine", "wrong", "spoilt", "gone", "slow", "last"]
    command = [sys.executable, "-c", LINES]
    found = dict(one_by_one.gather(command, names, time.monotonic() + 200, 15.0))
    assert list(found) == names and (found["fine"], found["last"]) == ("1", "2")
    assert found["wrong"] == "FAILS: AssertionError: they differ" and "ZeroDivisionError" in found["spoilt"]
    assert found["gone"].endswith("ended with code 3") and found["slow"] == "FAILS: no answer in its time"
    assert dict(one_by_one.together(command, ["gone", "fine"], 30.0))["fine"] == "1"
    assert dict(one_by_one.gather(command, ["fine"], time.monotonic(), 15.0)) == {"fine": "not begun: the time is over"}


def test_without_a_card_every_line_of_the_bench_says_that_it_was_not_run(monkeypatch) -> None:
    def no_card():
        raise DeviceError("no card")

    monkeypatch.syspath_prepend(str(HERE.parent / "tools"))
    bench = importlib.import_module("bench_gpu")
    for module in (bench, gpu_batch):
        monkeypatch.setattr(module, "find_gpu", no_card)
    said: list[str] = []
    bench.measure(bench.CHECKS | bench.FIGURES, [*bench.CHECKS, *bench.FIGURES], said.append)
    assert [json.loads(line)[0] for line in said] == [*bench.CHECKS, *bench.FIGURES]
    assert {tuple(json.loads(line)[1:]) for line in said} == {("NOT RUN: DeviceError: no card", False)}
