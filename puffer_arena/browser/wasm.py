"""Rules as WebAssembly: the kernels that step a row, compiled by the same compiler for another machine.

Numba writes LLVM's code for the machine at hand; nothing in it but its header names that machine, since rules work on
numbers in memory alone.  Here the header is exchanged, and LLVM, which comes with llvmlite, writes an object for wasm32
of it, which zig's linker makes a module.  Places within records are bytes in that code by then, for words of 64 bits;
where one is not, pointers of 32 bits would shift it, and the game is refused.  A page calls one function of the module:

    run(scratch, scratch + 8, memory, task)     0: all went well

`memory` is where the row lies, its arrays one after the other as `Module.places` says.  Pointers are 32 bits wide there, and
every number in a row is as wide as here, so rows are the same to the byte (https://webassembly.github.io/spec/core/).
"""

import importlib
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from puffer_arena.batch.batch import Batch
from puffer_arena.core.fields import Array
from puffer_arena.core.pictures import raster
from puffer_arena.core.pictures.drawing import FLAT, Writer
from puffer_arena.errors import ArenaError, DefinitionError, require
from puffer_arena.kernels.step import NEXT_STEP
from puffer_arena.kernels.tables import Buffers, Rows
from puffer_arena.machine.compile import OPTIONS, generate, link, load_numba

STEP, BOT, PAINT = range(3)  # tasks
TRIPLE = "wasm32-unknown-unknown"
FEATURES = "+bulk-memory,+mutable-globals,+sign-ext,+nontrapping-fptoint"
ALIGNED = 64  # bytes that arrays begin at multiples of
OF_X86 = re.compile(r'"(?:target-cpu|target-features|probe-stack|tune-cpu)"="[^"]*"')
SHIFTED = re.compile(r"getelementptr[^@\n]*(?:\{[^}\n]*\bptr\b|x ptr\])")
COUNTED = ("@NRT_decref(", "@NRT_incref(")  # references to arrays of Numba's own, of which there are none
# What a page has itself; the last digits of these may differ from this machine's.
MATHS = frozenset(
    {"sin", "cos", "tan", "asin", "acos", "atan", "atan2", "exp", "log", "pow", "hypot", "fmod", "tanh", "sqrt"}
)
# Memory for lists and arrays, which a page gives anew in every call of `run`: what counts references is left out.
MEMORY = frozenset(
    {f"NRT_MemInfo_{name}" for name in ("new_varsize_dtor", "varsize_realloc", "alloc_aligned", "alloc_safe_aligned")}
)


WIDE = "__multi3"  # multiplies numbers of 128 bits, as random numbers do


@dataclass(frozen=True)
class Module:
    """A game's rules for a page.

    Attributes:
        code: the module.
        places: array -> where it begins in the row's memory, in bytes.
        start: the row's memory at the beginning, uint8 (bytes,).
    """

    code: bytes
    places: dict[str, int]
    start: Array


def compile_module(batch: Batch, bot: str, size: int) -> Module:
    """Compile the rules of a batch of one row.

    Args:
        batch: of rules alone.
        bot: the scripted bot that acts in the task BOT, "" for none.
        size: rows and columns of the picture that the task PAINT paints.

    Raises:
        ArenaError: the rules, or the drawing, need more than a page has.
        MissingExtra: zig's linker is not installed.
    """
    env = batch.env
    if env.engine:
        raise DefinitionError(
            f"'{env.name}' moves bodies by {env.engine}, which a page does not have; only rules go there"
        )
    arrays = {
        **{f"rows.{name}": array for name, array in batch.rows._asdict().items()},
        **{f"out.{name}": array for name, array in batch.buffers._asdict().items()},
        "actions": batch.actions,
        "chosen": np.ones(batch.acting.shape, np.bool_),
        "picture": np.zeros((size, size, 3), np.uint8),
        "view": np.zeros(raster.NUMBERS),
        "points": np.zeros((raster.MOST_POINTS, 2)),
    }
    places, end = {}, 0
    for name, array in arrays.items():
        places[name], end = end, -(-(end + array.nbytes) // ALIGNED) * ALIGNED
    start = np.zeros(end, np.uint8)
    for name, array in arrays.items():
        start[places[name] : places[name] + array.nbytes] = np.frombuffer(array.tobytes(), np.uint8)
    return Module(_link(*_lower(_entry(batch, bot, arrays, places))), places, start)


def _entry(batch: Batch, bot: str, arrays: dict[str, Array], places: dict[str, int]) -> Any:
    """Generate run(memory, task), which finds the arrays in memory and hands them to the kernels."""
    names = {name: f"array_{k}" for k, name in enumerate(arrays)}
    called: dict[str, Any] = {f"kind_{k}": array.dtype for k, array in enumerate(arrays.values())}
    lines = [
        f"    {names[name]} = carray(at(memory + {places[name]}), {array.shape!r}, kind_{k})"
        for k, (name, array) in enumerate(arrays.items())
    ]
    rows = ", ".join(names[f"rows.{name}"] for name in Rows._fields)
    out = ", ".join(names[f"out.{name}"] for name in Buffers._fields)
    lines += [
        f"    rows, out, span = Rows({rows}), Buffers({out}), (uint64(0), uint64(1))",
        f"    if task == {STEP}:",
        f"        step(span, rows, {names['actions']}, out, {NEXT_STEP})",
        f"    elif task == {PAINT}:",
        f"        canvas = {names['picture']}, {names['view']}, {names['points']}",
        "        begin_picture(canvas, -1)",
        "        paint(rows.states[0], rows.params[0], canvas)",
    ]
    program = batch.program
    rules = {"step": program.template("step"), "begin_picture": raster.begin_picture}
    rules["paint"] = Writer(batch.env, FLAT).write(batch.env.draw)
    if bot:
        lines += [f"    elif task == {BOT}:", f"        act(span, rows, {names['actions']}, {names['chosen']})"]
        rules["act"] = program.bot_template(bot)
    numba, done = load_numba(), dict[Any, Any]()
    called |= {
        name: numba.njit(**OPTIONS)(link(rule, batch.env.name, done, "", OPTIONS)) for name, rule in rules.items()
    }
    called |= {"Rows": Rows, "Buffers": Buffers, "uint64": np.uint64, "carray": numba.carray, "at": _pointer()}
    return numba.njit(**OPTIONS)(generate("run", "memory, task", lines, **called))


def _pointer() -> Any:
    """Return an intrinsic at(address), a pointer."""
    numba = load_numba()
    types, extending = numba.types, importlib.import_module("numba.extending")

    @extending.intrinsic  # type: ignore[untyped-decorator]  # Numba has no types
    def at(context: Any, address: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            return builder.inttoptr(values[0], context.get_value_type(types.voidptr))

        return types.voidptr(types.int64), generate

    return at


def _lower(entry: Any) -> tuple[str, str]:
    """Return LLVM's code of an entry with all that it reaches, and the name it has there."""
    signature = (load_numba().types.int64,) * 2
    entry.compile(signature)
    compiled = entry.overloads[signature]
    return compiled.library.get_llvm_str(), compiled.fndesc.llvm_func_name


def _link(code: str, name: str) -> bytes:
    """Return the module that exports `name` as `run`."""
    llvm: Any = importlib.import_module("llvmlite.binding")
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    machine = llvm.Target.from_triple(TRIPLE).create_target_machine(opt=3, features=FEATURES)
    code = re.sub(r"^target datalayout = .*$", f'target datalayout = "{machine.target_data}"', code, flags=re.M)
    code = re.sub(r"^target triple = .*$", f'target triple = "{TRIPLE}"', code, flags=re.M)
    if SHIFTED.search(code):
        raise DefinitionError("the rules use records of pointers, which a page does not have")
    module = llvm.parse_assembly(
        _without_counts(OF_X86.sub("", code)).replace(" = common ", " = internal ").replace(f"@{name}(", "@run(")
    )
    for function in module.functions:
        if not function.is_declaration:
            function.linkage = "external" if function.name == "run" else "internal"
    passes = llvm.create_new_module_pass_manager()
    passes.add_global_dead_code_eliminate_pass()
    passes.run(module, llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options()))
    needed = {function.name for function in module.functions if function.is_declaration}
    needed = {other for other in needed if not other.startswith("llvm.")}
    if unknown := sorted(needed - MATHS - MEMORY):
        raise DefinitionError(f"the rules need {unknown[0]}, which a page does not have")
    with tempfile.TemporaryDirectory() as folder:
        made, linked = Path(folder) / "rules.o", Path(folder) / "rules.wasm"
        made.write_bytes(machine.emit_object(module))
        require("ziglang", "browser")
        known = Path(folder) / "known"
        known.write_text("\n".join(sorted(MATHS | MEMORY | {WIDE})))
        options = [
            "--no-entry",
            "--export=run",
            "--export=__heap_base",
            f"--allow-undefined-file={known}",
            "--strip-all",
        ]
        done = subprocess.run(
            [sys.executable, "-m", "ziglang", "wasm-ld", *options, "-o", str(linked), str(made)],
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise ArenaError(f"zig's linker fails: {done.stderr.strip()[:500]}")
        return linked.read_bytes()


def _without_counts(code: str) -> str:
    """Empty the functions that count references: they use atomic words of the machine they were written for."""
    lines, inside = [], False
    for line in code.splitlines():
        if line.startswith("define") and any(name in line for name in COUNTED):
            lines += [line, "  ret void", "}"]
            inside = True
        elif not inside:
            lines.append(line)
        inside = inside and line != "}"
    return "\n".join(line for line in lines if "@llvm.x86." not in line)
