"""The promises of the README and of the documents that a test can hold."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from puffer_arena import __version__, check, core, make
from puffer_arena.core.definition import ENGINES

ROOT = Path(__file__).parent.parent
DOCUMENTS = [
    *(ROOT / f"{name}.md" for name in ("README", "CONTRIBUTING", "SECURITY")),
    *sorted((ROOT / "docs").glob("*.md")),
]
TUTORIALS = sorted(path for folder in ("tutorials", "moving") for path in (ROOT / "docs" / folder).glob("*.md"))
every_document = pytest.mark.parametrize("document", [*DOCUMENTS, *TUTORIALS], ids=lambda path: path.name)


def blocks(document: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", document.read_text("utf-8"), re.DOTALL)


def test_the_example_shown_is_the_example_shipped_and_short() -> None:
    source = (ROOT / "examples" / "catch.py").read_text("utf-8")
    assert source in blocks(ROOT / "README.md", "python") and len(source.splitlines()) <= 80


@pytest.mark.parametrize("example", ["bits", "catch", "pads"])
def test_the_examples_keep_the_laws(example: str) -> None:
    kept = check(str(ROOT / "examples" / f"{example}.py"), laws=["compiled", "buffers", "masks", "strength", "drawing"])
    assert kept.ok, str(kept)


def test_the_example_plays_as_its_docstring_says() -> None:
    batch = make(str(ROOT / "examples" / "catch.py"), 8)
    for _ in range(7 * 10):  # a fruit lands every height - 1 = 7 steps, ten fruits an episode
        batch.step(batch.act("follow"))
    assert batch.terminated.all() and np.array_equal(batch.finished["caught"], [10] * 8)


@pytest.mark.parametrize(
    "document",
    [DOCUMENTS[0], *(pytest.param(path, marks=pytest.mark.slow) for path in (*DOCUMENTS[1:], *TUTORIALS))],
    ids=lambda path: path.name,
)
def test_the_python_blocks_run(document: Path, tmp_path: Path) -> None:
    # The blocks of a document are one program, read from top to bottom, and what it writes stays out of the checkout.
    program = "\n".join(block for block in blocks(document, "python") if "ENV = Env(" not in block)
    shutil.copytree(ROOT / "examples", tmp_path / "examples", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "program.py").write_text(program, "utf-8")
    done = subprocess.run([sys.executable, "program.py"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@every_document
def test_excerpts_stand_in_an_environment(document: Path) -> None:
    files = [path.read_text("utf-8") for folder in ("examples", "envs") for path in (ROOT / folder).rglob("*.py")]
    for excerpt in blocks(document, "text"):
        assert any(excerpt in text for text in files), excerpt


@every_document
def test_files_that_are_linked_exist(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", document.read_text("utf-8")):
        assert target.startswith("http") or (document.parent / target).is_file(), target


def test_the_version_that_is_cited_is_this_one() -> None:
    assert f"version: {__version__}\n" in (ROOT / "CITATION.cff").read_text("utf-8")


def test_files_that_the_design_names_exist() -> None:
    files = [path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*.py") if "build" not in path.parts]
    for named in set(re.findall(r"[\w/]+\.py\b", (ROOT / "docs" / "design.md").read_text("utf-8"))):
        assert any(f"/{path}".endswith(f"/{named}") for path in files), named


@pytest.mark.parametrize("document", [*DOCUMENTS, *TUTORIALS, ROOT / "CHANGELOG.md"], ids=lambda path: path.name)
def test_prose_ends_at_column_100(document: Path) -> None:
    prose = re.sub(r"```.*?```", "", document.read_text("utf-8"), flags=re.DOTALL)
    long = [line for line in prose.splitlines() if len(line) > 100 and not line.startswith("|")]
    assert not long, long


def test_the_fields_of_physics_are_those_that_the_table_names() -> None:
    rows = re.findall(
        r"^\| `(\w+)\(\)` \|[^|]*\| (.*) \|$", (ROOT / "docs" / "authoring.md").read_text("utf-8"), re.MULTILINE
    )
    declared = {kind for kinds in ENGINES.values() for kind in kinds}
    assert {name for name, _ in rows} == declared
    for name, cell in rows:
        fields = set(np.dtype(getattr(core, name)().dtype).names)
        named = set(re.findall(r"\w+", " ".join(re.findall("`([^`]*)`", cell)))) - {"touch2d", "reset"}
        assert named <= fields, name
