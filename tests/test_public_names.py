"""The names that people may rely on: none comes or goes without a look at this list."""

import inspect
from pathlib import Path

from tools.build_docs import REFERENCE, public

LISTED = Path(__file__).with_name("public_names.txt")


def test_public_names_are_those_that_are_listed() -> None:
    names = sorted(f"{module}.{name}" for module in REFERENCE for name, _ in public(module))
    assert names == LISTED.read_text("utf-8").split()


def test_public_names_are_documented() -> None:
    for module in REFERENCE:
        for name, value in public(module):
            assert inspect.getdoc(value), f"{module}.{name}"
