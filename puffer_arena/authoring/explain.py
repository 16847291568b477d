"""Turning what goes wrong in a rule into one error that names the environment, the rule, its file and its line."""

import inspect
import itertools
import linecache
import os
import re
import traceback
from collections.abc import Iterator, Mapping
from types import FrameType, FunctionType, TracebackType
from typing import Any

from puffer_arena.core.env import Env
from puffer_arena.errors import ArenaError, DefinitionError
from puffer_arena.kernels import acting, step, world
from puffer_arena.machine.compile import with_called

KERNELS = {step.__file__, acting.__file__, world.__file__}
PLACES = re.compile(
    r'File "(.+?)", line (\d+)|(?: at|Raised from) (\S.*?) \((\d+)\)$', re.MULTILINE
)  # as Numba's messages name them
SOLO_RESULT = "(reward, terminated, truncated)"
SEVERAL_RESULT = "whether the episode is truncated, True or False"
REMEDY = "rules are compiled: use numbers, loops, math, NumPy's arithmetic and functions marked @jit"
NOISE = ("Failed in nopython", "During: ", "Overload", "There are", "- Of which", "* ", ">>>", "raised from")


def place(env: Env, function: FunctionType, line: int, reason: str) -> DefinitionError:
    """Return an error that names a function of the rules and its line, and shows the line."""
    return env.error_at(function.__name__, function.__code__.co_filename, line, reason)


def place_of(env: Env, function: Any, reason: str) -> DefinitionError:
    """Return an error that names a function of the rules as a whole, at the line of its `def`.

    Of functions by role it is the first.
    """
    if isinstance(function, Mapping):
        function = next(iter(function.values()))
    line: int = function.__code__.co_firstlineno
    while linecache.getline(function.__code__.co_filename, line).lstrip().startswith("@"):
        line += 1
    return place(env, function, line, reason)


def ending_rule(env: Env) -> tuple[FunctionType, str]:
    """Return the rule that tells how a step ends, and what it must return."""
    rule: Any = env.judge if env.engine else env.step
    return rule, SEVERAL_RESULT if env.agents else SOLO_RESULT


def explain(env: Env, error: Exception) -> ArenaError | None:
    """Turn an exception from running or compiling the rules into one that names the rule and the line.

    Returns None for an error that is already clear, or that does not come from the rules.
    """
    if isinstance(error, ArenaError | OSError):  # the latter of the folder that keeps compiled code
        return None
    if type(error).__module__.startswith("numba.") or any(map(_is_numbas, _frames(error.__traceback__))):
        return _explain_compiling(env, error)
    files = {function.__code__.co_filename for function in _functions(env)}
    for frame, line in reversed([*traceback.walk_tb(error.__traceback__)]):
        file = frame.f_code.co_filename
        if file in files:
            return env.error_at(frame.f_code.co_name, file, line, _reason(error))
        if file in KERNELS:  # where it takes what a rule has returned
            rule, result = _asked_rule(env, frame, linecache.getline(file, line))
            reason = f"'{rule.__name__}' must return {result}; what it returned gives {_reason(error)}"
            return place_of(env, rule, reason)
    return None


def _asked_rule(env: Env, frame: FrameType, line: str) -> tuple[Any, str]:
    """Return the rule that a line of a kernel asks, and what it must return."""
    if frame.f_code.co_filename == acting.__file__:
        rule: Any = list(env.bots.values())[frame.f_globals["NUMBER"]]
        if isinstance(rule, Mapping):
            roles: Any = env.spaces(env.params())[0]  # rules are given by role where spaces are
            rule = next(
                rule[role] for role, span in roles.spans.items() if span.start <= frame.f_locals["agent"] < span.stop
            )
        return rule, "the action, a whole number"
    if "whose_turn(" in line:
        return env.turn, "the agent whose turn it is, a whole number"
    return ending_rule(env)


def _explain_compiling(env: Env, error: Exception) -> DefinitionError:
    """Name the innermost line of the rules that the compiler was at."""
    message = str(error)
    from_numba = type(error).__module__.startswith("numba.")
    reason = _first_cause(message) if from_numba else f"the compiler fails here with {_reason(error)}; {REMEDY}"
    found = [(os.path.abspath(a or c), int(b or d)) for a, b, c, d in PLACES.findall(message)]
    found += reversed([spot for frame in _frames(error.__traceback__) for spot in _compiled_at(frame)])
    for file, line in found:
        for function in _functions(env):
            lines, first = _lines(function)
            if file == function.__code__.co_filename and first <= line < first + lines:
                return place(env, function, line, reason)
    return env.error("compiling", reason)


def _functions(env: Env) -> list[FunctionType]:
    """Return the author's functions: the rules, what they call outside of this package's core, and `build`."""
    looking = ("observe", "observe_state", "action_mask", "turn", "ending", "bots", "pilot")
    rules = env.rules_of("reset", "step", "act", "judge", "move_goal", *looking)
    called = [function for rule in rules if rule for function in with_called(rule)]
    own = [function for function in called if not function.__module__.startswith("puffer_arena.core.")]
    return [*dict.fromkeys([*own, *([env.build] if isinstance(env.build, FunctionType) else [])])]


def _lines(function: FunctionType) -> tuple[int, int]:
    """Return how many lines a function has, and its first."""
    try:
        lines, first = inspect.getsourcelines(function)
    except (OSError, SyntaxError):  # not in a file
        return 0, 0
    return len(lines), first


def _frames(trace: TracebackType | None) -> Iterator[Any]:
    while trace is not None:
        yield trace.tb_frame
        trace = trace.tb_next


def _is_numbas(frame: Any) -> bool:
    return str(frame.f_globals.get("__name__")).startswith("numba.")


def _compiled_at(frame: Any) -> list[tuple[str, int]]:
    """Return the place that one of Numba's own frames works on: it keeps one in `loc`, its own or its object's."""
    spots = [frame.f_locals.get("loc"), getattr(frame.f_locals.get("self"), "loc", None)] if _is_numbas(frame) else []
    return [(str(spot.filename), int(spot.line)) for spot in spots if hasattr(spot, "line")]


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _first_cause(message: str) -> str:
    """Return the informative lines of a Numba message: its cause, before the places that led there."""
    lines = itertools.takewhile(lambda line: not line.startswith('File "'), map(str.strip, message.splitlines()))
    return "\n    ".join([line for line in lines if line and not line.startswith(NOISE)][:3])
