"""How plain rule functions become machine code.

`@jit` only marks a function, so rules stay ordinary Python that can be called, stepped through with
pdb and imported without Numba.  `compile_function` copies the marked functions that a kernel reaches,
with the copies bound to one another, and compiles the top one; `interpret_function` binds the same
templates and leaves them in Python.

Compiled kernels are kept on disk (`cache`), by a name that carries a fingerprint of all the code and constants they reach.
"""

import contextlib
import dis
import functools
import hashlib
import importlib
import re
import types
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from puffer_arena.errors import DefinitionError
from puffer_arena.machine.cache import KernelCache
from puffer_arena.machine.collector import uncollected
from puffer_arena.machine.notices import wait

F = TypeVar("F", bound=Callable[..., Any])
Function = types.FunctionType
INLINED = 800  # bytes of bytecode up to which a rule is copied into its caller: its results stay in registers
INLINED_LOOP = 256  # the same for a rule with a loop
OPTIONS: Mapping[str, Any] = {"error_model": "numpy", "nogil": True, "no_cfunc_wrapper": True}
COMPILING = "compiling to machine code, which takes some seconds the first time"
ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")  # differs from process to process


def jit(function: F) -> F:
    """Mark a function as part of the compiled rules; it stays callable as plain Python."""
    function.__arena_jit__ = True  # type: ignore[attr-defined]  # a mark on a plain function
    return function


def machine_code(function: F) -> F:
    """Mark a function as `jit` does, and let plain Python call its compiled form: it paints, where Python takes seconds.

    It takes arrays, numbers and tuples of numbers; `__arena_rule__` is what was written, which compiled code calls.
    """

    @functools.wraps(jit(function))
    def call(*arguments: Any) -> Any:
        given = [np.asarray(each) if hasattr(each, "__array__") else each for each in arguments]
        return compile_shared(function)(*given)

    call.__arena_rule__ = function  # type: ignore[attr-defined]  # a mark on a plain function
    return call  # type: ignore[return-value]  # it takes and gives the same


def unsigned(number: Any) -> Any:
    """Return a number that is not negative as a word of 64 bits without a sign; to Python, and to arrays, it is what it was.

    Compilers take for granted that products of words with a sign stay within 63 bits.
    """
    return number


def signed(number: Any) -> Any:
    """Return what `unsigned` made as an integer with a sign."""
    return number


unsigned.__arena_rule__ = np.uint64  # type: ignore[attr-defined]  # a mark on a plain function
signed.__arena_rule__ = np.int64  # type: ignore[attr-defined]  # a mark on a plain function


@functools.cache
def compile_shared(function: Any) -> Any:
    """Return a function of the package's own compiled by itself, once a process."""
    return compile_function(function, function.__name__)


def is_jit(value: object) -> bool:
    """Tell whether `value` is a function marked by `jit`."""
    return isinstance(value, types.FunctionType) and hasattr(value, "__arena_jit__")


def unbound(*_: Any) -> Any:
    """Stand in a template for a name that `bind` replaces."""
    raise AssertionError("a template was called before it was bound")


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
    return {name: getattr(value, "__arena_rule__", value) for name, value in found.items()}


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
            add_value(value)

    def add_value(value: Any) -> None:
        if is_jit(value):
            add(value)
        elif isinstance(value, np.ndarray):  # its text leaves elements out
            digest.update(repr((value.dtype, value.shape)).encode() + value.tobytes())
        elif isinstance(value, tuple | list):
            digest.update(f"{type(value).__name__} of {len(value)}".encode())
            for item in value:
                add_value(item)
        elif not isinstance(value, types.ModuleType | type):
            digest.update(ADDRESS.sub("", repr(value)).encode())
            if isinstance(written := getattr(value, "__wrapped__", None), types.FunctionType):  # a primitive
                digest.update(file_digest(written.__code__.co_filename))

    add(function)
    digest.update(salt.encode())
    return digest.hexdigest()[:16]


@functools.cache
def file_digest(path: str) -> bytes:
    """Return a digest of the source that writes machine code itself, where there is such a file."""
    with contextlib.suppress(OSError):
        return hashlib.sha256(Path(path).read_bytes()).digest()
    return b""


@functools.cache
def load_numba() -> Any:
    """Import Numba, and have an eye on its compiling."""
    numba: Any = importlib.import_module("numba")
    event: Any = importlib.import_module("numba.core.event")

    class Watch(event.Listener):  # type: ignore[misc]  # Numba has no types
        """Keeps Python's garbage collector off meanwhile, which takes a tenth less, and says why one waits.

        Compiling a function may begin that of another; Numba's compiler lock keeps other threads out.
        """

        def __init__(self) -> None:
            self.held: list[contextlib.ExitStack] = []

        def on_start(self, _: object) -> None:
            stack = contextlib.ExitStack()
            stack.enter_context(uncollected())
            if not self.held:
                stack.enter_context(wait(COMPILING))
            self.held.append(stack)

        def on_end(self, _: object) -> None:
            self.held.pop().close()

    event.register("numba:compile", Watch())
    return numba


@functools.cache
def machine() -> str:
    """Return what machine code depends on besides its source: the processor, Numba, `called` and this module.

    The machines of a cluster may share a home.
    """
    binding: Any = importlib.import_module("llvmlite.binding")
    processor = f"{binding.get_host_cpu_name()} {binding.get_host_cpu_features().flatten()}"
    numba = load_numba()
    here = "".join(file_digest(str(path)).hex() for path in (Path(__file__), Path(__file__).with_name("called.py")))
    return f"{numba.__version__} {processor} {here}{' checked' if numba.config.BOUNDSCHECK else ''}"


def is_inlined(function: Function) -> bool:
    """Tell whether a rule is copied into its callers; a loop is copied only when small, as it may be unrolled there."""
    looping = any("JUMP_BACKWARD" in instruction.opname for instruction in dis.get_instructions(function))
    return len(function.__code__.co_code) < (INLINED_LOOP if looping else INLINED)


def compile_function(
    function: Any,
    env_name: str,
    ready: dict[Any, Any] | None = None,
    layout: str = "",
    options: Mapping[str, Any] = OPTIONS,
) -> Any:
    """Compile a bound kernel with all that it reaches; its first call compiles or loads it.

    Args:
        function: the kernel, bound and uncompiled.
        env_name: for error messages.
        ready: compiled functions by what they were made of; those of this call are added, so that kernels
            which share it share the rules they reach.
        layout: a digest of the records it works on.  Numba names a record's machine code by a number that counts
            anew in each process, so two layouts loaded from disk may bear one name, and the linker takes the wrong.
        options: of Numba's.

    Raises:
        DefinitionError: compiled code calls a plain function that `jit` does not mark.
    """
    kernel = link(function, env_name, {} if ready is None else ready, layout, options)
    compiled = load_numba().njit(**options)(kernel)
    compiled._cache = KernelCache(kernel.__qualname__)
    return compiled


def compile_for_c(function: Any, signature: str, env_name: str, ready: dict[Any, Any]) -> Any:
    """Compile a function for C code, which finds it at the result's `address` for as long as that object lives.

    Args:
        function: bound and uncompiled.
        signature: in Numba's words, such as "int64(int64)".
        env_name, ready: as for `compile_function`.
    """
    kernel = link(function, env_name, ready, "", OPTIONS)
    load_numba()
    callback, types_of = (importlib.import_module(f"numba.core.{name}") for name in ("ccallback", "sigutils"))
    kind: Any = callback.CFunc  # as `numba.cfunc` makes it, which compiles before it could be given a cache
    compiled = kind(kernel, types_of.normalize_signature(signature), {}, {"error_model": "numpy"})
    compiled._cache = KernelCache(f"{kernel.__qualname__}.c")
    with wait(COMPILING):
        compiled.compile()
    return compiled


def entry_point(kernel: Any, *arguments: Any, strided: bool = False) -> Callable[..., Any]:
    """Return a compiled kernel's code for arguments of such types; `strided` for arrays that lie in whatever steps.

    Looking at the types of a batch's arrays takes the kernel itself longer than stepping a hundred rows; the code trusts
    its caller that they never change.
    """
    typeof = load_numba().typeof
    types = [typeof(argument) for argument in arguments]
    code: Callable[..., Any] = kernel.compile(tuple(map(_strided, types) if strided else types))
    return code


def address_of(kernel: Any, *arguments: Any) -> int:
    """Return where a compiled kernel's machine code for arguments of such types begins, for `Primitives.call_code`.

    It is good for as long as the kernel lives.
    """
    entry_point(kernel, *arguments)
    made = kernel.overloads[tuple(map(load_numba().typeof, arguments))]
    return int(made.library.get_pointer_to_function(made.fndesc.llvm_func_name))


def _strided(kind: Any) -> Any:
    """Return the type of arrays like one's with any steps, also of those in a tuple with names."""
    if hasattr(kind, "instance_class"):
        return type(kind)([_strided(part) for part in kind.types], kind.instance_class)
    return kind.copy(layout="A") if hasattr(kind, "layout") else kind


def link(function: Function, env_name: str, done: dict[Any, Any], layout: str, options: Mapping[str, Any]) -> Function:
    """Return a copy of `function` that calls compiled ones, under a name that tells all it is made of.

    The copies of what it calls bear the digest, too: code loaded from disk is linked by name, and Numba tells functions
    of one name apart by a number that counts anew in each process, so two versions of a rule may bear the same one.
    """
    njit = load_numba().njit
    called: Any = importlib.import_module("puffer_arena.machine.called").CalledCompiler

    def build(item: Function, copy: Function) -> Any:  # for compiled callers alone, which need no wrappers
        return njit(**options, no_cpython_wrapper=True, pipeline_class=called, forceinline=is_inlined(item))(copy)

    digest = fingerprint(function, machine() + repr(sorted(options.items())))
    return relink(function, env_name, done, build, f"{layout}.{digest}")


def relink(
    function: Function,
    env_name: str,
    done: dict[Any, Any],
    build: Callable[[Function, Function], Any],
    mark: str = "",
) -> Function:
    """Return a copy of `function` that calls what `build` makes of each function it reaches.

    Args:
        function: bound and uncompiled.
        env_name: as for `compile_function`.
        mark: the end of the copies' names.
        done: what was built, by what it was made of; those of this call are added.
        build: is given a function and its copy, which calls what was built already.

    Raises:
        DefinitionError: it reaches a plain function that `jit` does not mark.
    """

    def copied(item: Function) -> Function:
        replaced = dict(reached(item))
        for name, value in replaced.items():
            if is_jit(value) and value is not item:
                if value not in done:
                    done[value] = build(value, copied(value))
                replaced[name] = done[value]
            elif isinstance(value, types.FunctionType) and not is_jit(value):
                raise DefinitionError(
                    f"environment '{env_name}': '{item.__name__}' calls '{name}', which is not marked "
                    f"for compiling; put @jit above 'def {name}'"
                )
        copy = Function(item.__code__, {**item.__globals__, **replaced}, item.__name__, item.__defaults__)
        copy.__module__ = item.__module__
        copy.__qualname__ = f"{item.__qualname__}{mark}"
        return copy

    return copied(function)
