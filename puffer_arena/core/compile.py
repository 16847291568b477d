"""How plain rule functions become machine code.

`@jit` only marks a function, so rules stay ordinary Python that can be called, stepped through with
pdb and imported without Numba.  `compile_function` copies the marked functions that a kernel reaches,
with the copies bound to one another, and compiles the top one; `interpret_function` binds the same
templates and leaves them in Python.

Compiled kernels are kept on disk.  Numba keys its cache by one file's time stamp and would miss a
change elsewhere, so a kernel's name carries a fingerprint of all the code and constants it reaches.
"""

import dis
import functools
import hashlib
import importlib
import os
import re
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from puffer_arena.core.collector import uncollected
from puffer_arena.core.errors import DefinitionError

F = TypeVar("F", bound=Callable[..., Any])
Function = types.FunctionType
INLINED = 800  # bytes of bytecode up to which a rule is copied into its caller: its results stay in registers
INLINED_LOOP = 256  # the same for a rule with a loop
OPTIONS = {"error_model": "numpy", "nogil": True, "no_cfunc_wrapper": True}
ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")  # differs from process to process


def jit(function: F) -> F:
    """Mark a function as part of the compiled rules; it stays callable as plain Python."""
    function.__arena_jit__ = True  # type: ignore[attr-defined]  # a mark on a plain function
    return function


def is_jit(value: object) -> bool:
    """Tell whether `value` is a function marked by `jit`."""
    return isinstance(value, types.FunctionType) and hasattr(value, "__arena_jit__")


def code_names(code: types.CodeType) -> Iterator[str]:
    """Yield the global names that a code object, nested ones included, may read."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from code_names(constant)


def reached(function: Function) -> dict[str, Any]:
    """Return the globals and closure values that a function reads, by name."""
    names = dict.fromkeys(code_names(function.__code__))
    found = {name: function.__globals__[name] for name in names if name in function.__globals__}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        found[name] = cell.cell_contents
    return found


def with_called(rule: Any) -> list[Any]:
    """Return a rule and those that it calls, directly or through others."""
    found = [rule]
    for item in found:
        found += [value for value in reached(item).values() if is_jit(value) and value not in found]
    return found


def bind(template: Any, name: str, **functions: Any) -> Any:
    """Copy `template` with some of its globals replaced, under a name of its own."""
    namespace = {**template.__globals__, **functions}
    bound = Function(template.__code__, namespace, template.__name__, template.__defaults__)
    bound.__module__ = template.__module__
    bound.__qualname__ = f"{template.__qualname__}.{name}"
    return jit(bound)


def generate(name: str, parameters: str, lines: list[str], **called: Any) -> Any:
    """Make a jit function from source whose only variable parts are identifiers checked before.

    Args:
        name, parameters, lines: of the source.
        called: what it calls, by name.
    """
    namespace: dict[str, Any] = {**called}
    exec("\n".join([f"def {name}({parameters}):", *(lines or ["    pass"])]), namespace)
    return jit(namespace[name])


def fingerprint(function: Function, salt: str = "") -> str:
    """Return a digest of `salt` and of the code and constants that `function` reaches, directly or through others."""
    digest = hashlib.sha256()
    seen: set[int] = set()

    def add_code(code: types.CodeType) -> None:
        digest.update(code.co_code)
        digest.update(repr((code.co_names, code.co_varnames)).encode())
        if any(instruction.opname == "RAISE_VARARGS" for instruction in dis.get_instructions(code)):
            digest.update(repr((code.co_filename, *code.co_lines())).encode())  # machine code says where it raises
        for constant in code.co_consts:
            if isinstance(constant, types.CodeType):
                add_code(constant)
            else:
                digest.update(repr(constant).encode())

    def add(item: Function) -> None:
        if id(item) in seen:
            return
        seen.add(id(item))
        digest.update(str(item.__module__).encode())  # kept code imports the modules it was made of
        add_code(item.__code__)
        for name, value in sorted(reached(item).items()):
            digest.update(name.encode())
            if is_jit(value):
                add(value)
            elif not isinstance(value, types.ModuleType | type):
                digest.update(ADDRESS.sub("", repr(value)).encode())

    add(function)
    digest.update(salt.encode())
    return digest.hexdigest()[:16]


def cache_folder() -> Path:
    """Return where compiled kernels are kept: PUFFER_ARENA_CACHE, or the user's cache folder."""
    if chosen := os.environ.get("PUFFER_ARENA_CACHE"):
        return Path(chosen)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home())) / "puffer_arena" / "cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "puffer_arena"
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "puffer_arena"


@functools.cache
def load_numba() -> Any:
    """Import Numba, pointing its cache at our folder when that can be written."""
    numba: Any = importlib.import_module("numba")

    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        numba.config.CACHE_DIR = str(folder) if os.access(folder, os.W_OK) else ""
    except OSError:
        numba.config.CACHE_DIR = ""
    compile_without_collecting()
    return numba


def compile_without_collecting() -> None:
    """Keep Python's garbage collector off while Numba compiles, which takes a tenth less then."""
    event: Any = importlib.import_module("numba.core.event")

    class Pause(event.Listener):  # type: ignore[misc]  # Numba has no types
        """Compiling a function may begin that of another; Numba's compiler lock keeps other threads out."""

        def __init__(self) -> None:
            self.held: list[Any] = []

        def on_start(self, _: object) -> None:
            self.held.append(uncollected())
            self.held[-1].__enter__()

        def on_end(self, _: object) -> None:
            self.held.pop().__exit__(None, None, None)

    event.register("numba:compile", Pause())


@functools.cache
def machine() -> str:
    """Return what machine code depends on besides its source.

    Numba would keep code for several processors in one index, and processes that write it at once, on the machines of a
    cluster that share a home, could make one load the other's.
    """
    binding: Any = importlib.import_module("llvmlite.binding")
    processor = f"{binding.get_host_cpu_name()} {binding.get_host_cpu_features().flatten()}"
    numba = load_numba()
    return f"{numba.__version__} {processor} {INLINED} {INLINED_LOOP}{' checked' if numba.config.BOUNDSCHECK else ''}"


def is_inlined(function: Function) -> bool:
    """Tell whether a rule is copied into its callers; a loop is copied only when small, as it may be unrolled there."""
    looping = any("JUMP_BACKWARD" in instruction.opname for instruction in dis.get_instructions(function))
    return len(function.__code__.co_code) < (INLINED_LOOP if looping else INLINED)


def compile_function(function: Any, env_name: str, ready: dict[Any, Any] | None = None, layout: str = "") -> Any:
    """Compile a bound kernel with all that it reaches; its first call compiles or loads it.

    Args:
        function: the kernel, bound and uncompiled.
        env_name: for error messages.
        ready: compiled functions by what they were made of; those of this call are added, so that kernels
            which share it share the rules they reach.
        layout: a digest of the records it works on.  Numba names a record's machine code by a number that counts
            anew in each process, so two layouts loaded from disk may bear one name, and the linker takes the wrong.

    Raises:
        DefinitionError: compiled code calls a plain function that `jit` does not mark.
    """
    kernel = link(function, env_name, {} if ready is None else ready, layout)
    return load_numba().njit(**OPTIONS, cache=is_kept(function))(kernel)


def compile_for_c(function: Any, signature: str, env_name: str, ready: dict[Any, Any]) -> Any:
    """Compile a function for C code, which finds it at the result's `address` for as long as that object lives.

    Args:
        function: bound and uncompiled.
        signature: in Numba's words, such as "int64(int64)".
        env_name, ready: as for `compile_function`.
    """
    kernel = link(function, env_name, ready, "")
    return load_numba().cfunc(signature, error_model="numpy", cache=is_kept(function))(kernel)


def entry_point(kernel: Any, *arguments: Any) -> Callable[..., Any]:
    """Return a compiled kernel's code for arguments of such types.

    Looking at the types of a batch's arrays takes the kernel itself longer than stepping a hundred rows; the code trusts
    its caller that they never change.
    """
    typeof = load_numba().typeof
    code: Callable[..., Any] = kernel.compile(tuple(typeof(argument) for argument in arguments))
    return code


def is_kept(function: Function) -> bool:
    """Tell whether a function's machine code is kept on disk."""
    return bool(load_numba().config.CACHE_DIR) and os.path.isfile(function.__code__.co_filename)


def link(function: Function, env_name: str, done: dict[Any, Any], layout: str) -> Function:
    """Return a copy of `function` that calls compiled ones, under a name that tells all it is made of."""
    njit = load_numba().njit

    def copied(item: Function) -> Function:
        replaced = dict(reached(item))
        for name, value in replaced.items():
            if is_jit(value) and value is not item:
                replaced[name] = build(value)
            elif isinstance(value, types.FunctionType) and not is_jit(value):
                raise DefinitionError(
                    f"environment '{env_name}': '{item.__name__}' calls '{name}', which is not marked "
                    f"for compiling; put @jit above 'def {name}'"
                )
        copy = Function(item.__code__, {**item.__globals__, **replaced}, item.__name__, item.__defaults__)
        copy.__module__ = item.__module__
        copy.__qualname__ = f"{item.__qualname__}{layout}"
        return copy

    def build(item: Function) -> Any:  # for compiled callers alone, which need no wrappers
        if item not in done:
            done[item] = njit(**OPTIONS, no_cpython_wrapper=True, forceinline=is_inlined(item))(copied(item))
        return done[item]

    kernel = copied(function)
    kernel.__qualname__ += f".{fingerprint(function, machine())}"
    return kernel
