"""Bodies in a page: Chipmunk, which pymunk moves bodies by, compiled by zig from its C files in the folder `chipmunk`."""

import functools
import importlib
import subprocess
import sys
import tempfile
from importlib.resources import as_file, files
from pathlib import Path

from puffer_arena.batch.batch import Batch
from puffer_arena.errors import ArenaError, DefinitionError, require

FLAGS = ("-std=c99", "-DNDEBUG", "-DCP_OVERRIDE_MESSAGE", "-fno-sanitize=undefined")
TARGET = ("-target", "wasm32-wasi", "-mcpu=generic+bulk_memory+sign_ext+mutable_globals+nontrapping_fptoint")
# What a page calls once before it plays, and again after a body was lost; `make_scene` stands before it.
BEGIN = """
void begin(word memory) {{
	forget();
	word link = make_scene();
	*AT(word, memory + {link}) = link;
	page_ENTER(memory + {row}, link);
}}
"""


def check_engine(batch: Batch) -> None:
    """Refuse a game whose bodies a page cannot move.

    Raises:
        DefinitionError: another engine than pymunk moves them, or pymunk in another way than compiled code does.
    """
    env = batch.env
    if env.engine and env.engine != "pymunk":
        raise DefinitionError(f"'{env.name}' moves bodies by {env.engine}, which a page does not have; it has pymunk's")
    if batch.worlds and (not batch.worlds.fused or sys.platform == "win32"):
        raise DefinitionError(f"'{env.name}' moves bodies by pymunk, which compiled code does not call here")


def write_begin(batch: Batch, places: dict[str, int]) -> str:
    """Return the C code that makes the scene of a batch's one row.

    Args:
        batch: of a game that pymunk moves.
        places: array -> where it begins in the row's memory.
    """
    assert batch.worlds is not None  # the caller has looked
    source = importlib.import_module("puffer_arena.engines.pymunk.source")
    scenes = batch.worlds.rows.scenes.dtype
    assert scenes.fields is not None  # it is a record
    link = places["rows.scenes"] + scenes.fields["link"][1]
    scene: str = source.write_scene(batch.env, batch.worlds.rows, batch.param_values)
    return scene + BEGIN.format(link=link, row=places["rows.states"])


def compile_world(scene: str) -> dict[str, bytes]:
    """Return what is to be linked beside rules, by file name: Chipmunk, and a scene with what calls it."""
    with as_file(files("puffer_arena.browser")) as here, tempfile.TemporaryDirectory() as folder:
        written, made = Path(folder) / "scene.c", Path(folder) / "scene.o"
        written.write_text((here / "world.c").read_text("utf-8") + scene, "utf-8")
        options = [*TARGET, "-O2", *FLAGS, f"-I{here / 'chipmunk' / 'include'}", "-w"]
        run_zig("cc", "-c", *options, str(written), "-o", str(made))
        return {"scene.o": made.read_bytes(), "chipmunk.a": _chipmunk()}


@functools.cache
def _chipmunk() -> bytes:
    """Return Chipmunk as an archive, compiled once a process."""
    with as_file(files("puffer_arena.browser")) as here, tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "chipmunk.a"
        sources = sorted(map(str, (here / "chipmunk" / "src").glob("*.c")))
        flags = [*FLAGS, f"-I{here / 'chipmunk' / 'include'}", "-w"]
        options = [*TARGET, "-O", "ReleaseFast", "-fstrip", f"-femit-bin={made}", "--cache-dir", folder]
        run_zig("build-lib", "-static", *options, "-cflags", *flags, "--", *sources, "-lc")
        return made.read_bytes()


def read_license() -> str:
    """Return the text that goes with Chipmunk."""
    return files("puffer_arena.browser").joinpath("chipmunk", "LICENSE.txt").read_text("utf-8")


def run_zig(*arguments: str) -> None:
    """Run a command of zig's.

    Raises:
        ArenaError: it fails.
        MissingExtra: zig is not installed.
    """
    require("ziglang", "browser")
    done = subprocess.run([sys.executable, "-m", "ziglang", *arguments], capture_output=True, text=True)
    if done.returncode:
        raise ArenaError(f"zig {arguments[0]} fails: {done.stderr.strip()[:500]}")
