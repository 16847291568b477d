"""Commands as a person types them: in processes of their own, or in this one where that is enough."""

import contextlib
import io
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
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as ended:  # --help
            code = ended.code or 0
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
    from puffer_arena.__main__ import main

    cwd, said = tmp_path_factory.mktemp("trained"), io.StringIO()
    given = ("train", "snake", *SMALL, "--steps", str(4 * UPDATE), "--name", "small", "--param", "rows=8")
    with contextlib.chdir(cwd), contextlib.redirect_stdout(said):
        assert main(list(given)) == 0
    return cwd, said.getvalue()


def wait_for_file(path: Path, process) -> None:
    wait_until(lambda: path.exists() and path.stat().st_size, process)


def wait_for_checkpoint(folder: Path, process) -> Path:
    """Return the newest checkpoint of a run, once there is one."""
    return max(wait_until(lambda: list((folder / "checkpoints").glob("*.safetensors")), process))
