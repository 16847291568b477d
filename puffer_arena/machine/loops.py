"""Plain loops over rollouts, compiled at their first call and kept on disk.

`@kernel` marks such a loop.  Kernels release the GIL, so several threads run them at once.
"""

from collections.abc import Callable
from typing import Any

from puffer_arena.machine.compile import OPTIONS, compile_function

# "reassoc" and "contract" let sums use vector registers; NaN and infinity keep their meaning.
FAST = {**OPTIONS, "fastmath": dict.fromkeys(("contract", "nsz", "reassoc"), True)}


class Kernel:
    """A function that compiles when it is first called; `python` is the function itself."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.python = function
        self.__doc__ = function.__doc__
        self._compiled: Any = None

    def __call__(self, *arguments: Any) -> Any:
        if self._compiled is None:
            self._compiled = compile_function(self.python, "the trainer", options=FAST)
        return self._compiled(*arguments)


def kernel(function: Callable[..., Any]) -> Kernel:
    """Mark a loop over arrays for compiling."""
    return Kernel(function)
