"""The names that people may rely on: none comes or goes without a look at this list."""

import ast
import importlib
import inspect
import re
from collections.abc import Iterator
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


def imported(text: str) -> Iterator[tuple[str, str]]:
    """Yield what the blocks of Python in a document import from here: module and name."""
    for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("puffer_arena"):
                yield from ((str(node.module), each.name) for each in node.names)


def test_what_documents_import_is_public() -> None:
    root = Path(__file__).parents[1]
    listed = {*LISTED.read_text("utf-8").split(), *REFERENCE}
    for document in (root / "README.md", *(root / "docs").rglob("*.md")):
        for module, name in imported(document.read_text("utf-8")):
            given = name in getattr(importlib.import_module(module), "__all__", ())  # Array is NumPy's
            assert f"{module}.{name}" in listed or given, f"{document.name}: {module}.{name}"
