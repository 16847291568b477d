"""The compile cache: whatever is wrong with a file, the folder or the disk, games play the same and one line says so."""

import os
import pickle
import stat
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import numpy as np
import pytest

from puffer_arena.machine import cache
from puffer_arena.machine.cache import MAGIC, KernelCache, find_folder, is_ours, prune, read, write
from puffer_arena.machine.compile import compile_function, fingerprint, jit
from puffer_arena.machine.notices import SAID

OTHER = 12345  # a user's number
posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows closes users' folders by itself")
PLAY = """
    import resource, sys
    from puffer_arena.machine.compile import compile_function, jit
    from puffer_arena.machine import cache

    if "full" in sys.argv:  # every write fails like one on a full disk
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))

    @jit
    def triple(x):
        return 3 * x

    kernel = compile_function(triple, "test")
    print(kernel(14), sum(kernel._cache_misses.values()))
"""
VERSIONS = """
    import sys
    from puffer_arena.machine.compile import compile_function, jit

    LOOPS = "".join(f"    for k in range(x + {n}):\\n        total += VALUE * (k % 7)\\n" for n in range(20))
    RULES = f"@jit\\ndef sums(x):\\n    total = 0\\n{LOOPS}    return total\\n\\n@jit\\ndef top(x):\\n    return sums(x) + 1\\n"
    for value in sys.argv[1:]:
        rules = {"jit": jit, "VALUE": int(value), "__name__": "__main__"}
        exec(RULES, rules)
        kernel = compile_function(rules["top"], "test")
        print(kernel(3) == rules["top"](3), sum(kernel._cache_misses.values()))
"""


@jit
def twice(x: int) -> int:
    return 2 * x


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("PUFFER_ARENA_CACHE", str(tmp_path))
    is_ours.cache_clear()
    SAID.clear()
    yield tmp_path / "kernels"
    is_ours.cache_clear()
    SAID.clear()


def play():
    """Compile or load a kernel, use it, and return whether it was compiled."""
    kernel = compile_function(twice, "test")
    assert kernel(21) == 42
    return bool(sum(kernel._cache_misses.values()))


def only(folder) -> Path:
    (file,) = folder.iterdir()
    return file


def run(*arguments, **environment):
    """Play in a process of its own; return whether it compiled, and what it said."""
    alone = {name: value for name, value in os.environ.items() if not name.startswith("COV")}  # on a full disk too
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(PLAY), *arguments],
        env={**alone, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    answer, compiled = done.stdout.split()
    assert answer == "42"
    return compiled == "1", done.stderr.strip()


def test_a_kernel_is_compiled_once(folder, capsys):
    assert [play(), play()] == [True, False]
    assert not capsys.readouterr().err


@posix
def test_the_folder_and_its_files_are_closed_to_others(folder):
    umask = os.umask(0)
    try:
        play()
    finally:
        os.umask(umask)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(only(folder).stat().st_mode) == 0o600


def damages():
    yield "empty", lambda data: b""
    yield "a foreign file", lambda data: b"something else entirely"
    yield "no checksum", lambda data: data[: len(MAGIC)]
    for share in (0.1, 0.5, 0.999):
        yield f"cut at {share}", lambda data, share=share: data[: int(share * len(data))]
    for seed in range(8):
        yield f"bit {seed}", lambda data, seed=seed: flip(data, seed)
    yield "longer", lambda data: data + b"\0"


def flip(data: bytes, seed: int) -> bytes:
    bit = int(np.random.default_rng(seed).integers(8 * len(data)))
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


@pytest.mark.parametrize("damage", [pytest.param(damage, id=name) for name, damage in damages()])
def test_a_damaged_file_is_not_unpickled_but_made_anew(folder, capsys, monkeypatch, damage):
    play()
    file = only(folder)
    whole = file.read_bytes()
    file.write_bytes(damage(whole))
    with monkeypatch.context() as watched:
        watched.setattr(cache.pickle, "loads", lambda data: pytest.fail("it was unpickled"))
        assert play()
    (line,) = capsys.readouterr().err.splitlines()
    assert "is damaged; rules are compiled anew" in line and str(folder) in line
    assert not play()


def test_many_damaged_files_are_one_line(folder, capsys):
    for name in "abc":
        KernelCache(name)
        folder.mkdir(exist_ok=True, mode=0o700)
        (folder / name).write_bytes(b"")
        os.chmod(folder / name, 0o600)
        assert read(folder / name) is None
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_whole_file_that_cannot_be_loaded_here_is_compiled_anew(folder, capsys):
    play()
    write(only(folder), pickle.dumps(3))
    assert play()
    assert "cannot be loaded here (TypeError" in capsys.readouterr().err
    assert not play()


def test_a_file_under_another_kernel_s_name_is_not_taken(folder):
    play()
    file = only(folder)
    key, signature, parts = pickle.loads(read(file))
    write(file, pickle.dumps(((*key[:-1], "other"), signature, parts)))
    assert play()


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on files' sizes")
def test_a_full_disk_costs_the_cache_only(folder):
    compiled, said = run("full")
    assert compiled and "cannot be written (File too large); rules are compiled anew in every process" in said
    assert len(said.splitlines()) == 1
    assert not list(folder.iterdir())
    assert run() == (True, "") and run() == (False, "")


def test_a_disk_that_is_full_is_one_line_for_many_kernels(folder, capsys, monkeypatch):
    def full(**_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tempfile, "mkstemp", full)
    folder.mkdir(mode=0o700)
    for name in "ab":
        write(folder / name, b"data")
    assert capsys.readouterr().err.count("No space left on device") == 1


def test_what_was_not_used_for_longest_goes_first(folder, monkeypatch):
    folder.mkdir(mode=0o700)
    for age, name in enumerate("abc"):
        write(folder / name, bytes(100))
        os.utime(folder / name, (1, 10**9 - age))
    size = (folder / "a").stat().st_size
    assert read(folder / "c") == bytes(100)  # the oldest, and now in use
    prune(folder, 2 * size)
    assert {file.name for file in folder.iterdir()} == {"a", "c"}
    monkeypatch.setattr(cache, "MOST_BYTES", size)
    write(folder / "d", bytes(100))
    assert [file.name for file in folder.iterdir()] == ["d"]


def test_a_folder_that_cannot_be_made_is_done_without(folder, capsys, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("PUFFER_ARENA_CACHE", str(tmp_path / "file" / "below"))
    assert play() and play()
    (line,) = capsys.readouterr().err.splitlines()
    assert "cannot be made" in line and "PUFFER_ARENA_CACHE" in line


@posix
@pytest.mark.parametrize("mode", [0o777, 0o720, 0o701])
def test_a_folder_open_to_others_is_neither_read_nor_written(folder, capsys, mode):
    play()
    before = only(folder).stat().st_mtime_ns
    folder.chmod(mode)
    is_ours.cache_clear()
    assert play() and play()
    assert only(folder).stat().st_mtime_ns == before
    (line,) = capsys.readouterr().err.splitlines()
    assert f"is open to others (mode {mode:o})" in line and f"chmod 700 {folder}" in line


@posix
def test_another_user_s_folder_is_not_read(folder, capsys, monkeypatch):
    play()
    monkeypatch.setattr(os, "geteuid", lambda: OTHER)
    is_ours.cache_clear()
    assert play()
    (line,) = capsys.readouterr().err.splitlines()
    assert f"belongs to user {folder.stat().st_uid}, and this is user {OTHER}" in line


@posix
def test_another_user_s_file_is_not_read(folder, capsys, monkeypatch):
    play()
    monkeypatch.setattr(os, "geteuid", lambda: OTHER)  # the folder was looked at before
    assert play()
    assert "belongs to user" in capsys.readouterr().err


@posix
def test_a_link_in_the_folder_s_place_is_not_followed(folder, capsys):
    play()
    folder.rename(folder.with_name("elsewhere"))
    folder.symlink_to("elsewhere")
    is_ours.cache_clear()
    assert play()
    assert "is no folder" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="other systems have other cache folders")
def test_where_the_cache_lies(monkeypatch, tmp_path, capsys):
    monkeypatch.delenv("PUFFER_ARENA_CACHE")
    monkeypatch.setenv("HOME", "/home/ada")
    for given, found in {
        "": "/home/ada/.cache",
        "relative": "/home/ada/.cache",  # as the XDG specification has it
        str(tmp_path): str(tmp_path),
    }.items():
        monkeypatch.setenv("XDG_CACHE_HOME", given)
        assert find_folder() == Path(found, "puffer_arena", "kernels")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert find_folder() == Path("/home/ada/.cache/puffer_arena/kernels")
    monkeypatch.setenv("HOME", "nowhere")
    assert find_folder() is None and play()
    assert "no home folder" in capsys.readouterr().err


def test_two_versions_of_a_rule_from_disk_are_told_apart():
    said = {}
    for values in ("1", "2", "12"):  # each compiled in a process of its own, where Numba counts functions anew
        command = [sys.executable, "-c", textwrap.dedent(VERSIONS), *values]
        said[values] = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\n")[:-1]
    assert said == {"1": ["True 1"], "2": ["True 1"], "12": ["True 0", "True 0"]}


def test_fingerprints_see_every_element_of_an_array():
    def variant(values):
        @jit
        def pick(i: int) -> float:
            return float(table[i])

        table = values
        return pick

    large = np.zeros(5000)  # its text shows the first and last elements only
    changed = large.copy()
    changed[2500] = 1
    same, other, nested = (fingerprint(variant(values)) for values in (large.copy(), changed, (large,)))
    assert fingerprint(variant(large)) == same
    assert len({same, other, nested, fingerprint(variant((changed,)))}) == 4


@jit
def collatz(x: int) -> int:  # a loop, too large to be copied into its callers
    if x < 1:
        raise ValueError("from one on")
    steps = 0
    while x != 1:
        x = x // 2 if x % 2 == 0 else 3 * x + 1
        steps += 1
    return steps


@jit
def collatz_twice(x: int) -> int:
    return collatz(x) + collatz(x + 1)


@pytest.mark.parametrize("made", ["compiled", "loaded"])
def test_a_called_function_becomes_machine_code_as_a_part_of_its_caller(made):
    if made == "loaded":
        compile_function(collatz_twice, "test")(7)
    ready: dict = {}
    kernel = compile_function(collatz_twice, "test", ready)
    assert kernel(7) == collatz_twice(7) == 16 + 3
    with pytest.raises(ValueError, match="from one on"):  # which an environment of its own is not asked for
        kernel(0)
    for result in ready[collatz].overloads.values():
        assert not result.library._codegen._engine.is_symbol_defined(result.fndesc.llvm_func_name)
