"""The repository's shape: which package may import which, and that the wheel carries them all."""

import ast
import importlib
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
# Room by room from the ground up; each may import those above it that it names.
GROUND = {"errors", "settings", "machine", "core"}
MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "settings": {"errors"},
    "machine": {"errors"},
    "bots": {"errors"},
    "core": {"errors", "machine"},
    "envs": {"core"},
    "registry": GROUND,
    "kernels": GROUND,
    "authoring": GROUND | {"kernels"},
    "engines": GROUND | {"kernels"},
    "batch": GROUND | {"registry", "kernels", "authoring", "engines"},
    "levels": GROUND | {"registry", "batch"},
    "curriculum": GROUND | {"registry", "kernels", "batch", "levels"},
    "players": GROUND | {"registry", "batch", "bots"},
    "datasets": GROUND | {"registry", "batch", "players"},
    "trainers": GROUND | {"curriculum", "registry", "kernels", "batch", "bots", "players", "datasets", "assets"},
    "live": GROUND | {"registry", "batch", "curriculum"},
    "replay": GROUND | {"registry", "kernels", "batch", "live", "datasets"},
    "render": GROUND | {"registry", "engines", "batch", "levels", "curriculum", "live", "replay", "assets"},
    "browser": GROUND | {"registry", "kernels", "authoring", "engines", "batch", "bots", "players"},
    "laws": GROUND | {"registry", "batch", "authoring", "render"},
    "adapters": GROUND | {"registry", "batch", "datasets", "replay", "render"},
    "wire": GROUND,
    "foreign": GROUND | {"registry", "kernels", "batch", "adapters", "wire"},
    "serving": GROUND | {"bots", "wire"},
    "sweeps": GROUND | {"registry", "batch", "trainers"},
    "training": GROUND | {"batch", "players", "trainers"},
}
# What only some rooms may import, wherever it stands.
OWNERS = {
    "torch": {"trainers"},
    "pygame": {"render"},
    "imgui_bundle": {"render"},
    "OpenGL": {"render"},
    "panda3d": {"engines", "render", "envs"},
    "pymunk": {"engines", "envs"},
    "zmq": {"live"},
    "onnx": {"bots"},
    "zstandard": {"replay"},
    "minari": {"adapters"},
    "imageio_ffmpeg": {"render"},
    "gymnasium": {"adapters", "foreign"},
    "pettingzoo": {"adapters", "foreign"},
    "cloudpickle": {"foreign"},
    "optuna": {"sweeps"},
    "wandb": {"trainers"},
    "trackio": {"trainers"},
}
SIBLINGS = {"envs", "render", "trainers", "assets"}
LINES = 250  # of a file of a game


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: write the absolute import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found


def files(room: str) -> list[Path]:
    """Return a room's files; a room may be a single module."""
    place = ROOT / room if room in SIBLINGS else ROOT / "puffer_arena" / room
    return [*place.rglob("*.py")] or [place.with_suffix(".py")]


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_imports_point_downwards(package: str) -> None:
    for path in files(package):
        for name in imports(path):
            parts = name.split(".")
            assert parts[0] not in SIBLINGS, f"{path}: import puffer_arena.{name}, not {name}"
            if parts[0] == "puffer_arena":
                assert parts[1] in MAY_IMPORT[package] | {package}, f"{path}: {package} must not import {name}"
            owners = OWNERS.get(parts[0])
            assert owners is None or package in owners, f"{path}: {package} must not import {name}"


def test_rooms_stand_below_those_that_they_may_import() -> None:
    order = [*MAY_IMPORT]
    for room, above in MAY_IMPORT.items():
        assert not {other for other in above & MAY_IMPORT.keys() if order.index(other) >= order.index(room)}, room


def test_every_room_has_its_place() -> None:
    rooms = {path.stem for path in (ROOT / "puffer_arena").iterdir() if path.suffix == ".py" or path.is_dir()}
    assert rooms - {"__init__", "__main__", "__pycache__", "py", "cli"} == MAY_IMPORT.keys() - SIBLINGS


@pytest.mark.parametrize("name", ["puffer_arena.puffer_arena.core", "puffer_arena.tests", "puffer_arena.tools"])
def test_nothing_else_of_a_checkout_is_a_subpackage(name: str) -> None:
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module(name)


def test_wheels_hold_every_package() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert settings["packages"] == ["puffer_arena"]
    assert {top: f"puffer_arena/{top}" for top in SIBLINGS} | {"tools/startup": "/"} == settings["force-include"]


def test_a_game_is_written_in_short_files() -> None:
    lines = {path: len(path.read_text("utf-8").splitlines()) for path in files("envs")}
    assert [str(path) for path, count in lines.items() if count > LINES] == [], "lay a long game out as a folder"


GENERATING = {
    f"puffer_arena/{name}.py"
    for name in (
        "machine/compile",
        "machine/called",
        "machine/blocks",
        "machine/columns",
        "machine/memory",
        "machine/calls",
        "machine/gpu",
        "browser/wasm",
    )
}


def test_few_files_write_machine_code() -> None:
    found = set()
    for path in [*(ROOT / "puffer_arena").rglob("*.py"), *(p for top in SIBLINGS for p in (ROOT / top).rglob("*.py"))]:
        if (
            any(name.split(".")[0] in ("numba", "llvmlite") for name in imports(path))
            or "load_numba" in path.read_text()
        ):
            found.add(path.relative_to(ROOT).as_posix())
    assert found == GENERATING


@pytest.mark.parametrize("package", ["core", "engines", "batch", "adapters", "foreign"])
def test_modules_of_a_package_import_each_other_in_one_direction(package: str) -> None:
    # Imports inside functions and those for types alone count, too: they hide circles.
    folder = ROOT / "puffer_arena" / package
    above = {path.stem: imports(path) for path in folder.glob("*.py")}
    needs = {
        name: {
            other
            for other in above
            if other != name and any(f"{found}.".startswith(f"puffer_arena.{package}.{other}.") for found in names)
        }
        for name, names in above.items()
    }
    while needs:
        free = {name for name, others in needs.items() if not others & needs.keys()}
        assert free, f"a circle among {sorted(needs)}"
        needs = {name: others for name, others in needs.items() if name not in free}
