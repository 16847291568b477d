"""The README's promises that a test can hold."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np

from puffer_arena import make

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_the_example_shown_is_the_example_shipped_and_short() -> None:
    source = (ROOT / "examples" / "catch.py").read_text("utf-8")
    assert source in blocks("python") and len(source.splitlines()) <= 80


def test_the_example_plays_as_its_docstring_says() -> None:
    batch = make(str(ROOT / "examples" / "catch.py"), 8)
    for _ in range(7 * 10):  # a fruit lands every height - 1 = 7 steps, ten fruits an episode
        batch.step(batch.act("follow"))
    assert batch.terminated.all() and np.array_equal(batch.finished["caught"], [10] * 8)


def test_the_python_blocks_run() -> None:
    for block in blocks("python"):
        if "ENV = Env(" not in block:
            subprocess.run([sys.executable, "-c", block], check=True, capture_output=True, timeout=120, cwd=ROOT)


def test_files_that_are_linked_exist() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert target.startswith("http") or (ROOT / target).is_file(), target
