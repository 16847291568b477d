"""Rules as WebAssembly: the kernels that step a row, compiled by the same compiler for another machine.

Numba writes LLVM's code for the machine at hand; nothing in it but its header names that machine, since rules work on
numbers in memory alone.  Here the header is exchanged, and LLVM, which comes with llvmlite, writes an object for wasm32
of it, which zig's linker makes a module; where bodies move, Chipmunk joins it (`world`).  Places within records are
bytes in that code by then, for words of 64 bits; where one is not, pointers of 32 bits would shift it, and the game is
refused.  A page calls one function of the module, after `begin(memory)` where there is one, which makes the scene:

    run(scratch, scratch + 8, memory, task)     0: all went well

`memory` is where the row lies, its arrays one after the other as `Module.places` says.  Pointers are 32 bits wide there, and
every number in a row is as wide as here, so rows are the same to the byte (https://webassembly.github.io/spec/core/).
"""

import functools
import importlib
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from puffer_arena.authoring.explain import explain
from puffer_arena.batch.batch import Batch
from puffer_arena.browser.world import check_engine, compile_world, run_zig, write_begin
from puffer_arena.core.actions import action_dtype
from puffer_arena.core.fields import Array
from puffer_arena.core.pictures import raster
from puffer_arena.core.pictures.drawing import FLAT, Writer
from puffer_arena.errors import DefinitionError
from puffer_arena.kernels.acting import bind_pilot
from puffer_arena.kernels.step import NEXT_STEP
from puffer_arena.kernels.tables import Buffers
from puffer_arena.machine.compile import OPTIONS, generate, link, load_numba

STEP, BOT, PAINT, PILOT = range(4)  # tasks
RUN = "int64(int64, int64)"
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
        batch: of one row, reset.
        bot: the scripted bot that acts in the task BOT, "" for none.
        size: rows and columns of the picture that the task PAINT paints.

    Raises:
        ArenaError: the rules, or the drawing, need more than a page has.
        MissingExtra: zig's linker is not installed.
    """
    check_engine(batch)
    rows: Any = batch.rows
    if batch.worlds:
        rows = batch.worlds.rows._replace(scenes=np.zeros_like(batch.worlds.rows.scenes))  # `begin` makes a scene
    arrays = {
        **{f"rows.{name}": array for name, array in rows._asdict().items()},
        **{f"out.{name}": array for name, array in batch.buffers._asdict().items()},
        "actions": batch.actions,
        "chosen": np.ones(batch.acting.shape, np.bool_),
        "picture": np.zeros((size, size, 3), np.uint8),
        "numbers": np.zeros(raster.NUMBERS),
        "points": np.zeros((raster.MOST_POINTS, 2)),
        "ink": np.zeros((2, size, 3), np.uint16),
        "agents": np.zeros((0, 3)),
    }
    if batch.env.pilot is not None:
        arrays["wanted"] = np.zeros(1, action_dtype(batch.env.pilot.wanted))
        arrays["flown"] = np.zeros(1, batch.env.memory_dtype(batch.param_values))
    places, end = {}, 0
    for name, array in arrays.items():
        places[name], end = end, -(-(end + array.nbytes) // ALIGNED) * ALIGNED
    start = np.zeros(end, np.uint8)
    for name, array in arrays.items():
        start[places[name] : places[name] + array.nbytes] = np.frombuffer(array.tobytes(), np.uint8)
    try:
        codes = {"run": _lower(_entry(batch, bot, arrays, places, type(rows)), RUN)}
    except Exception as error:  # Numba's are of many kinds
        if told := explain(batch.env, error):
            raise told from error
        raise
    if not batch.worlds:
        return Module(_link(codes, {}), places, start)
    return Module(_link(codes | _lower_engine(), compile_world(write_begin(batch, places))), places, start)


def _entry(batch: Batch, bot: str, arrays: dict[str, Array], places: dict[str, int], kind: Any) -> Any:
    """Generate run(memory, task), which finds the arrays in memory and hands them to the kernels."""
    names = {name: f"array_{k}" for k, name in enumerate(arrays)}
    called: dict[str, Any] = {f"kind_{k}": array.dtype for k, array in enumerate(arrays.values())}
    lines = [
        f"    {names[name]} = carray(at(memory + {places[name]}), {array.shape!r}, kind_{k})"
        for k, (name, array) in enumerate(arrays.items())
    ]
    rows = ", ".join(names[f"rows.{name}"] for name in kind._fields)
    out = ", ".join(names[f"out.{name}"] for name in Buffers._fields)
    lines += [
        f"    rows, out, span = Rows({rows}), Buffers({out}), (uint64(0), uint64(1))",
        f"    if task == {STEP}:",
        f"        step(span, rows, {names['actions']}, out, {NEXT_STEP})",
        f"    elif task == {PAINT}:",
        f"        canvas = Pixels({', '.join(names[name] for name in raster.Pixels._fields)})",
        "        begin_picture(canvas)",
        "        paint(rows.states[0], rows.params[0], canvas)",
    ]
    program = batch.program
    rules = {"step": program.template("step"), "begin_picture": raster.begin_picture}
    rules["paint"] = Writer(batch.env, FLAT).write(batch.env.draw)
    if bot:
        lines += [f"    elif task == {BOT}:", f"        act(span, rows, {names['actions']}, {names['chosen']})"]
        rules["act"] = program.bot_template(bot)
    if batch.env.pilot is not None:
        acts = names["actions"] + ("[0]" if batch.num_agents else "")
        given = f"rows.states[0], rows.params[0], 0, {names['wanted']}[0], {names['flown']}[0], {acts}"
        lines += [f"    elif task == {PILOT}:", f"        fly({given})"]
        rules["fly"] = bind_pilot(batch.env, batch.env.memory_dtype(batch.param_values))
    numba, done = load_numba(), dict[Any, Any]()
    called |= {
        name: numba.njit(**OPTIONS)(link(rule, batch.env.name, done, "", OPTIONS)) for name, rule in rules.items()
    }
    called |= {
        "Rows": kind,
        "Pixels": raster.Pixels,
        "Buffers": Buffers,
        "uint64": np.uint64,
        "carray": numba.carray,
        "at": _pointer(),
    }
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


@functools.cache
def _lower_engine() -> dict[str, tuple[str, str]]:
    """Return what moves bodies as `_lower` does, by the names under which `world.c` calls it, once a process."""
    numba, done = load_numba(), dict[Any, Any]()
    source = importlib.import_module("puffer_arena.engines.pymunk.source")  # which imports pymunk
    return {
        f"engine_{name}": _lower(numba.njit(**OPTIONS)(link(rule, "the pymunk engine", done, "", OPTIONS)), signature)
        for name, (rule, signature) in source.engine_rules().items()
    }


def _lower(entry: Any, signature: str) -> tuple[str, str]:
    """Return LLVM's code of an entry with all that it reaches, and the name it has there."""
    kinds, _ = importlib.import_module("numba.core.sigutils").normalize_signature(signature)
    entry.compile(kinds)
    compiled = entry.overloads[kinds]
    return compiled.library.get_llvm_str(), compiled.fndesc.llvm_func_name


def _link(codes: dict[str, tuple[str, str]], besides: dict[str, bytes]) -> bytes:
    """Return the module of functions by the names that they get in it; it exports `run`, and `begin` where there is one.

    Args:
        codes: of each function, LLVM's code and its name there.
        besides: objects and archives in C's stead, by file name.
    """
    llvm: Any = importlib.import_module("llvmlite.binding")
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    machine = llvm.Target.from_triple(TRIPLE).create_target_machine(opt=3, features=FEATURES)
    module, *others = (_parse(llvm, machine, *code, wanted) for wanted, code in codes.items())
    for part in others:
        module.link_in(part)
    for function in module.functions:
        if not function.is_declaration:
            function.linkage = "external" if function.name in codes else "internal"
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
        for name, data in besides.items():
            (Path(folder) / name).write_bytes(data)
        known = Path(folder) / "known"
        known.write_text("\n".join(sorted(MATHS | MEMORY | {WIDE})))
        exported = ["run", "__heap_base", *(["begin"] if besides else [])]
        options = ["--no-entry", f"--allow-undefined-file={known}", "--strip-all", *(f"--export={e}" for e in exported)]
        objects = [str(made), *(str(Path(folder) / name) for name in besides)]
        run_zig("wasm-ld", *options, "-o", str(linked), *objects)
        return linked.read_bytes()


def _parse(llvm: Any, machine: Any, code: str, name: str, wanted: str) -> Any:
    """Return LLVM's module of code for this machine as one for a page, with the function `name` under another name."""
    code = re.sub(r"^target datalayout = .*$", f'target datalayout = "{machine.target_data}"', code, flags=re.M)
    code = re.sub(r"^target triple = .*$", f'target triple = "{TRIPLE}"', code, flags=re.M)
    if SHIFTED.search(code):
        raise DefinitionError("the rules use records of pointers, which a page does not have")
    code = _without_counts(OF_X86.sub("", code)).replace(" = common ", " = internal ")
    return llvm.parse_assembly(code.replace(f"@{name}(", f"@{wanted}("))


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
