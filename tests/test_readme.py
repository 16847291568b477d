"""The promises of the README and of the documents that a test can hold."""

import importlib
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

from puffer_arena import __version__, check, core, list_envs, load_env, make
from puffer_arena.__main__ import COMMANDS
from puffer_arena.cli.options import parse
from puffer_arena.cli.train import options_type
from puffer_arena.core.definition.physics import ENGINES
from puffer_arena.curriculum import load_curriculum
from puffer_arena.players.names import bundled
from puffer_arena.trainers.algorithms import load_algorithm

ROOT = Path(__file__).parent.parent
DOCUMENTS = [
    *(ROOT / f"{name}.md" for name in ("README", "CONTRIBUTING", "MIGRATION", "SECURITY")),
    *sorted((ROOT / "docs").glob("*.md")),
]
TUTORIALS = sorted(path for folder in ("tutorials", "moving") for path in (ROOT / "docs" / folder).glob("*.md"))
every_document = pytest.mark.parametrize("document", [*DOCUMENTS, *TUTORIALS], ids=lambda path: path.name)
# The README's at each run of the tests, the others' in CI.
every_program = pytest.mark.parametrize(
    "document",
    [DOCUMENTS[0], *(pytest.param(path, marks=pytest.mark.slow) for path in (*DOCUMENTS[1:], *TUTORIALS))],
    ids=lambda path: path.name,
)
COMMAND = re.compile(r"-m puffer_arena ((?:\\\n|[^\n`])*)")
PLAYER = re.compile(r"\b(bot|arena):(\w+)")


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


@every_program
def test_the_python_blocks_run(document: Path, tmp_path: Path) -> None:
    # The blocks of a document are one program, read from top to bottom, and what it writes stays out of the checkout.
    program = "\n".join(block for block in blocks(document, "python") if "ENV = Env(" not in block)
    shutil.copytree(ROOT / "examples", tmp_path / "examples", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "program.py").write_text(program, "utf-8")
    done = subprocess.run([sys.executable, "program.py"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def commands(text: str) -> list[list[str]]:
    """Return what a text types after `python -m puffer_arena`, in words, without comments."""
    whole = re.sub(r"(?<!`)`[^`]+`(?!`)", lambda found: found[0].replace("\n", " "), text)
    typed = (re.sub(r"\s#.*", "", found.replace("\\\n", " ")) for found in COMMAND.findall(whole))
    return [shlex.split(each) for each in typed if each.strip() and each[0] not in "<("]


@every_program
def test_the_commands_are_understood(document: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    players = {"bot": {bot for name in list_envs() for bot in load_env(name).bots}, "arena": set(bundled())}
    for name, *words in commands(document.read_text("utf-8")):
        assert name in COMMANDS, name
        if name == "doctor" or "--help" in words:
            continue
        kind = importlib.import_module(f"puffer_arena.cli.{name.replace('-', '_')}").Options
        if name == "train":
            words = ["--record.on" if word == "--record" else word for word in words]
            algorithm = words[words.index("--algorithm") + 1] if "--algorithm" in words[:-1] else "ppo"
            kind = options_type("ppo" if algorithm.startswith("my_") else load_algorithm(algorithm))
        options = parse(kind, name, words)  # raises where an option or a value is none
        env = getattr(options, "environment", "")
        assert not env.isidentifier() or env in list_envs() or env.isupper(), env
        for who, named in PLAYER.findall(" ".join(words)):
            assert named in players[who], named


@every_document
def test_tables_of_toml_are_curricula(document: Path) -> None:
    for block in blocks(document, "toml"):
        load_curriculum(load_env("maze"), tomllib.loads(block))


@every_document
def test_tools_that_are_called_exist(document: Path) -> None:
    for tool, words in re.findall(r"python (tools/\w+\.py)([^\n`]*)", document.read_text("utf-8")):
        source = (ROOT / tool).read_text("utf-8")
        assert all(f'"{option}"' in source for option in re.findall(r"(?<=\s)--[\w-]+", words)), (tool, words)


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


def test_moving_to_this_version_has_a_section() -> None:
    assert f"\n## {__version__}\n" in (ROOT / "MIGRATION.md").read_text("utf-8")


def test_the_house_has_every_room() -> None:
    text = (ROOT / "docs" / "design.md").read_text("utf-8")
    house = text.partition("\n## The house\n")[2].partition("\n## ")[0]
    rooms = re.findall(r"^\| `(?:puffer_arena/)?(\w+)(?:\.py)?` \|", text, re.MULTILINE)
    assert len(rooms) > 20
    assert [room for room in rooms if not re.search(rf"\b{room}\b", house)] == []


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
