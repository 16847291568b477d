"""Which environments there are: built-in ones, modules and files, read anew where they were edited."""

import contextlib
import importlib
from pathlib import Path

import pytest

from puffer_arena import list_envs, load_env, make, registry
from puffer_arena.errors import DefinitionError, UnknownName
from tests.countdown import COUNTDOWN, write


def test_an_unknown_environment_is_answered_with_the_nearest() -> None:
    with pytest.raises(
        UnknownName, match=r"unknown environment 'snaek'; did you mean 'snake'\? \(python -m puffer_arena list\)"
    ):
        make("snaek")
    with pytest.raises(UnknownName, match=r"not by Env; for my_game.ENV give 'my_game' or"):
        make(load_env("snake"))
    with pytest.raises(UnknownName, match="no such file"):
        make("./nowhere/game.py")
    with pytest.raises(UnknownName, match="no module 'nowhere'"):
        make("nowhere.game")


def test_environments_are_found_by_name_module_and_file(tmp_path: Path) -> None:
    assert "snake" in list_envs()
    assert load_env("snake") is load_env("puffer_arena.envs.snake")
    path = write(tmp_path, name="mine")
    assert load_env(path) is load_env(path)
    assert load_env(path).name == Path(path).stem


def test_a_file_takes_no_module_s_place(tmp_path: Path) -> None:
    (tmp_path / "statistics.py").write_text(COUNTDOWN)
    assert load_env(str(tmp_path / "statistics.py")).name == "statistics"
    assert not hasattr(importlib.import_module("statistics"), "ENV")


def test_two_files_of_one_name_stay_apart(tmp_path: Path) -> None:
    for folder, start in (("a", 3), ("b", 4)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "same_name.py").write_text(COUNTDOWN.replace("param(5, ", f"param({start}, "))
    assert [make(str(tmp_path / f / "same_name.py"), compiled=False).obs[0, 0] for f in "ab"] == [3, 4]


BROKEN = {
    "a parenthesis": (b"x = 1\ndef f(:\n    pass\n", "line 2): invalid syntax\n    def f(:"),
    "an indent": (b"if 1:\nx = 2\n", "line 2): expected an indented block"),
    "a byte that is not UTF-8": (b'x = 1\ny = "\xff"\n', "'utf-8' codec can't decode byte 0xff"),
    "a NUL": (b"x = 1\0\n", "null bytes"),
    "an unknown encoding": (b"# coding: nonsense\n", "unknown encoding: nonsense"),
    "parentheses without end": (b"x = " + b"(" * 5000, "too many nested parentheses"),
    "too deep": (b"x = " + b"-" * 100_000 + b"1\n", "nested too deeply"),
}


@pytest.mark.parametrize("source, said", BROKEN.values(), ids=BROKEN)
def test_a_file_that_is_not_python_is_one_error_with_its_line(source: bytes, said: str, tmp_path: Path) -> None:
    file = tmp_path / "game.py"
    file.write_bytes(source)
    with pytest.raises(DefinitionError) as caught:
        load_env(str(file))
    assert f"environment '{file}' is not Python ({file}" in str(caught.value) and said in str(caught.value)
    assert len(str(caught.value).splitlines()) <= 2 and len(str(caught.value)) < 400 + 2 * len(str(file))


def test_a_module_that_a_game_imports_and_that_is_not_python_is_named(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "broken_helper.py").write_text("x = 1\nx = = 2\n")
    (tmp_path / "importing_game.py").write_text("import broken_helper\n")
    for env_id in (str(tmp_path / "importing_game.py"), "broken_helper.inner"):
        with pytest.raises(DefinitionError, match=r"broken_helper\.py, line 2\): invalid syntax"):
            load_env(env_id)


@pytest.mark.parametrize(
    "name", ["g\udcff.py", "\ud800.py", "nul\0.py", "long" * 1000 + ".py", "folder.py", "\udcff/game.py"]
)
def test_a_file_whose_name_nobody_can_use_is_one_error(name: str, tmp_path: Path) -> None:
    (tmp_path / "folder.py").mkdir()
    with contextlib.suppress(OSError, ValueError):  # of names that cannot be, here or anywhere
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(COUNTDOWN)
    with pytest.raises(UnknownName) as caught:
        load_env(str(tmp_path / name))
    str(caught.value).encode(errors="backslashreplace")
    assert any(said in str(caught.value) for said in ("is not UTF-8; rename", "cannot be read", "no such file"))


def test_an_edited_file_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "edited.py"
    starts = []
    for start in (3, 4):  # the same size and second, so that only the content tells
        file.write_text(COUNTDOWN.replace("param(5, ", f"param({start}, "))
        starts.append(make(str(file), compiled=False).obs[0, 0])
    assert starts == [3, 4]
    known = load_env(str(file))
    file.write_text("ENV = nothing\n")
    with pytest.raises(NameError):
        load_env(str(file))
    file.write_text(COUNTDOWN.replace("param(5, ", "param(4, "))
    assert load_env(str(file)) is known


def test_a_game_is_read_again_when_its_data_were_edited(tmp_path: Path) -> None:
    file, data = tmp_path / "with_data.py", tmp_path / "levels" / "first.toml"
    data.parent.mkdir()
    read = (
        "START = tomllib.loads((Path(__file__).parent / 'levels' / 'first.toml').read_text())['start']\n\n\n@dataclass"
    )
    imports = "import tomllib\nfrom pathlib import Path\n\nfrom dataclasses import dataclass"
    source = COUNTDOWN.replace("@dataclass", read, 1).replace("param(5, ", "param(START, ")
    file.write_text(source.replace("from dataclasses import dataclass", imports, 1))
    seen, digests = [], set()
    for start in (3, 4):
        data.write_text(f"start = {start}\n")
        seen.append(make(str(file), compiled=False).obs[0, 0])
        digests.add(registry.source_digest(load_env(str(file))))
    assert seen == [3, 4] and len(digests) == 2
    known = load_env(str(file))
    (tmp_path / "other.toml").write_text("")  # none of its own
    assert load_env(str(file)) is known
    data.unlink()
    with pytest.raises(FileNotFoundError):
        load_env(str(file))
