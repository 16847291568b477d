"""Coverage looks away while Numba compiles: its tracer would be called for every function of the compiler.

That is a quarter of a game's tests.  What the compiler calls of ours, the intrinsics of machine/memory.py, counts as not
run for it.
"""

import functools
import sys
from collections.abc import Callable
from typing import Any

from numba.core.ccallback import CFunc
from numba.core.dispatcher import _FunctionCompiler


def untraced(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that does the same without this thread's tracer."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        tracer = sys.gettrace()
        if tracer is None:
            return function(*args, **kwargs)
        sys.settrace(None)
        try:
            return function(*args, **kwargs)
        finally:
            sys.settrace(tracer)

    return call


def look_away_from_compilers() -> None:
    """Let this process compile untraced from now on; what keeps machine code on disk is still seen."""
    _FunctionCompiler.compile = untraced(_FunctionCompiler.compile)
    CFunc._compile_uncached = untraced(CFunc._compile_uncached)
