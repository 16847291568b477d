"""Commands as a person types them: in processes of their own, or in this one where that is enough."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.processes import wait_until

ROOT = Path(__file__).parent.parent
SMALL = ("--num-envs", "64", "--threads", "1", "--ppo.horizon", "16", "--network.hidden", "16")
UPDATE = 64 * 16  # steps
NO_DISPLAY = dict.fromkeys(("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER"), "")


def start(*arguments, cwd, env=None, stdout=subprocess.PIPE):
    places = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    surroundings = {**os.environ, **NO_DISPLAY, "PYTHONPATH": places, "COLUMNS": ""}  # as wide as a pipe
    return subprocess.Popen(
        [sys.executable, "-m", "puffer_arena", *map(str, arguments)],
        cwd=cwd,
        env={**surroundings, **(env or {})},
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )


def run(*arguments, cwd, env=None):
    process = start(*arguments, cwd=cwd, env=env)
    out, err = process.communicate()
    return process.returncode, out, err


def ok(*arguments, cwd, env=None):
    code, out, err = run(*arguments, cwd=cwd, env=env)
    assert code == 0, err
    return out


@pytest.fixture
def here(monkeypatch, capsys):
    """Run a command in this process, which has torch already: here(folder, *arguments) -> (code, out, err)."""
    from puffer_arena.__main__ import main

    def call(folder, *arguments):
        monkeypatch.chdir(folder)
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        return code, *capsys.readouterr()

    return call


def only_run(tmp_path) -> Path:
    (folder,) = (tmp_path / "runs").iterdir()
    return folder


def metrics_of(folder: Path):
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with one short run of snake in runs/small."""
    cwd = tmp_path_factory.mktemp("trained")
    said = ok("train", "snake", *SMALL, "--steps", 4 * UPDATE, "--name", "small", "--param", "rows=8", cwd=cwd)
    return cwd, said


def wait_for_file(path: Path, process) -> None:
    wait_until(lambda: path.exists() and path.stat().st_size, process)


def wait_for_checkpoint(folder: Path, process) -> Path:
    """Return the newest checkpoint of a run, once there is one."""
    return max(wait_until(lambda: list((folder / "checkpoints").glob("*.safetensors")), process))
