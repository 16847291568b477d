"""`doctor`: what this machine and installation have, whether it works, and what to do where it does not.

Needs no extra.  What could hang or crash (a display, a graphics driver, a broken package) is tried in a process of its
own.
"""

import importlib.metadata
import os
import platform
import re
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from puffer_arena import __version__
from puffer_arena.batch.limits import UNKNOWN, memory_bytes
from puffer_arena.cli.output import fill, show, width
from puffer_arena.machine.cache import find_folder, is_ours
from puffer_arena.machine.cores import usable_cores
from puffer_arena.render.play.scores import scores_file

HELP = """usage: python -m puffer_arena doctor

Show versions, extras, processor, display, OpenGL and folders of this installation, and what to do where something is
missing or does not work.  The exit code is 1 where something installed does not work."""
PATIENCE = 60.0  # seconds for one try
REQUIREMENT = re.compile(r"([\w.-]+)(?:\[[\w,]+\])?\s*([^;]*?)\s*(?:;.*extra == ['\"](\w+)['\"].*)?$")
EXTRAS = {
    "physics": "2D physics games",
    "world": "3D games",
    "window": "windows: watch, play",
    "train": "training, and most commands",
    "video": "replays as moving pictures",
    "data": "replays as Minari datasets",
    "export": "bots as ONNX graphs",
    "sweep": "sweeps of settings",
    "hub": "bots shared on the Hugging Face Hub",
    "track": "runs in Weights & Biases",
    "trackio": "runs in trackio",
    "foreign": "environments of other libraries",
    "ray": "the same, stepped on a Ray cluster",
    "browser": "games as web pages",
    "cuda": "games stepped on a GPU, with a driver for CUDA 13",
    "cuda12": "the same, with a driver for CUDA 12",
    "docs": "the documentation site",
}
TRY_IMPORT = "import importlib, sys; importlib.import_module(sys.argv[1])"
TRY_WINDOW = """
    from puffer_arena.render.display import begin_opengl, open_window
    begin_opengl()
    import pygame
    open_window("puffer_arena", (64, 64), pygame.OPENGL | pygame.HIDDEN)
    from puffer_arena.render.window.opengl import gl
    print(pygame.display.get_driver(), gl.glGetString(gl.GL_VERSION).decode(), gl.glGetString(gl.GL_RENDERER).decode(), sep=", ")
"""
TRY_PICTURE = """
    from puffer_arena.registry import load_env
    from puffer_arena.render.world.world import WorldView
    print(WorldView(load_env("marble"), (32, 32)).renderer)
"""
TRY_TORCH = """
    import torch
    from puffer_arena.trainers.precision import prefers_bfloat16
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU that torch can use"
    print(gpu, "bfloat16 in hardware" if prefers_bfloat16("cpu", 128) else "no bfloat16 in hardware", sep=", ")
"""
IMPORTED_AS = {
    "pygame-ce": "pygame", "pyopengl": "OpenGL", "pyzmq": "zmq", "panda3d": "panda3d.core", "box2d": "Box2D", "pillow": "PIL",
}  # fmt: skip


@dataclass(frozen=True)
class Finding:
    """One line of the report.

    Args:
        name: what was looked at.
        found: what is there.
        advice: what to do; "" where nothing needs doing.
        broken: whether something installed does not work.
    """

    name: str
    found: str
    advice: str = ""
    broken: bool = False


@dataclass(frozen=True)
class Package:
    """A package that the installation names.

    Args:
        name: as it is installed.
        wanted: its range of versions.
        version: the one that is here; "" for none.
    """

    name: str
    wanted: str
    version: str


def main(arguments: list[str]) -> int:
    """Print the report."""
    if arguments:
        show(HELP)
        return 0 if arguments[0] in ("-h", "--help") else 2
    failed = False
    for heading, look in (("installed", installation), ("machine", machine), ("display", display)):
        findings = list(look())
        failed |= any(finding.broken for finding in findings)
        show(report(heading, findings, width()))
    return int(failed)


def report(heading: str, findings: list[Finding], columns: int) -> str:
    """Return a section: a line a finding, and below it what to do."""
    hang = max(len(finding.name) for finding in findings) + 4
    lines = [heading]
    for finding in findings:
        lines.append(fill(f"  {finding.name.ljust(hang - 2)}{finding.found}", columns, hang))
        if finding.advice:
            lines.append(fill(f"{' ' * hang}-> {finding.advice}", columns, hang + 3))
    return "\n".join(lines) + "\n"


def installation() -> Iterator[Finding]:
    """Look at Python, the package and what it needs."""
    yield Finding("puffer_arena", f"{__version__}, Python {platform.python_version()} at {sys.executable}")
    for extra, packages in wanted_packages().items():
        missing = [package.name for package in packages if not package.version]
        found = ", ".join(f"{package.name} {package.version}" for package in packages if package.version)
        if missing:
            lacking = f"not installed: {', '.join(missing)}" + (f" ({EXTRAS[extra]})" if extra else "")
            found = "; ".join(filter(None, (lacking, found)))
        yield Finding(extra or "base", found, install(extra) if missing else "", bool(missing) and not extra)
        for package in packages:
            module = IMPORTED_AS.get(package.name.lower(), package.name.replace("-", "_"))
            trouble = attempt(TRY_IMPORT, module)[1] if package.version else ""
            if trouble:
                again = f"pip install --force-reinstall '{package.name}{package.wanted}'"
                yield Finding(f"  {package.name}", f"cannot be imported: {trouble}", again, True)


def install(extra: str) -> str:
    """Return the command that brings an extra, or the base ("")."""
    return f"pip install 'puffer-arena{f'[{extra}]' if extra else ''}'"


def wanted_packages() -> dict[str, list[Package]]:
    """Return the packages of the base ("") and of each extra, as this installation has them."""
    found: dict[str, list[Package]] = {"": [], **{extra: [] for extra in EXTRAS}}
    for line in importlib.metadata.requires("puffer-arena") or ():
        match = REQUIREMENT.fullmatch(line)
        if match is None or (extra := match[3] or "") not in found:
            continue
        try:
            version = importlib.metadata.version(match[1])
        except importlib.metadata.PackageNotFoundError:
            version = ""
        found[extra].append(Package(match[1], match[2], version))
    return found


def machine() -> Iterator[Finding]:
    """Look at the processor, the memory, and the folders of compiled rules and of what people have played."""
    yield Finding("system", f"{platform.system()} {platform.release()}, {platform.machine()}")
    room = f", {memory_bytes() / 1e9:.0f} GB of memory" if memory_bytes() < UNKNOWN else ""
    yield Finding("processor", f"{usable_cores()} of {os.cpu_count()} cores may be used{room}")
    if has("torch"):
        yield tried("torch", TRY_TORCH, "pip install --force-reinstall torch")
    folder = find_folder()
    if folder is None:
        yield Finding("compile cache", "none", "set PUFFER_ARENA_CACHE to a folder of your own")
    elif not is_ours(folder):
        private = f"chmod 700 '{folder}', or set PUFFER_ARENA_CACHE to a folder of your own"
        yield Finding("compile cache", f"{folder} is not used", private, True)
    else:
        sizes = [file.stat().st_size for file in folder.iterdir() if file.is_file()]
        yield Finding("compile cache", f"{folder}: {len(sizes)} files, {sum(sizes) / 1e6:.0f} MB; it may be deleted")
    kept = scores_file().parent
    yield Finding("scores, ratings", f"{kept}" if kept.is_dir() else f"none yet; they will be in {kept}")


def display() -> Iterator[Finding]:
    """Try to open a window that nobody sees, and to draw a picture of a world."""
    if has("pygame-ce") and has("PyOpenGL"):
        yield tried("window", TRY_WINDOW, "training, eval and bench need no window", broken=False)
    else:
        yield Finding("window", "needs the extra 'window'", "pip install 'puffer-arena[window]'")
    if has("panda3d") and has("pygame-ce"):
        yield tried("3D pictures", TRY_PICTURE, "install an OpenGL driver, such as Mesa's", broken=False)
    else:
        yield Finding("3D pictures", "need the extras 'world' and 'window'", "pip install 'puffer-arena[world,window]'")


def has(package: str) -> bool:
    """Tell whether a package is installed."""
    try:
        importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def tried(name: str, code: str, advice: str, broken: bool = True) -> Finding:
    """Return what a try says, or why it fails and what to do."""
    said, trouble = attempt(code)
    return Finding(name, f"does not work: {trouble}", advice, broken) if trouble else Finding(name, said)


def attempt(
    code: str, *arguments: str, run: Callable[..., subprocess.CompletedProcess[str]] = subprocess.run
) -> tuple[str, str]:
    """Run Python code in a process of its own; return what it prints, and what is wrong in a line ("" for nothing)."""
    quiet = {**os.environ, "PYGAME_HIDE_SUPPORT_PROMPT": "1"}
    try:
        done = run(
            [sys.executable, "-c", textwrap.dedent(code), *arguments],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=PATIENCE,
            env=quiet,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        return "", f"no answer within {PATIENCE:.0f} s"
    if done.returncode == 0:
        return (done.stdout.strip().splitlines() or [""])[-1], ""
    if done.returncode < 0:
        return "", f"the process died of signal {-done.returncode}"
    return "", (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1].rpartition("Error: ")[2]
