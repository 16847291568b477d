"""How Numba compiles a function that compiled ones alone call: for linking into its callers, not for running.

Numba would optimize each one and make machine code of it that nothing ever runs, and then its callers' with a copy of
it inside.  Here a function stays as it was lowered, and a kernel is optimized and made machine code of as a whole: that
takes a fifth to a third less of the processor, with the same bytes and steps a second.
"""

from typing import Any

from numba.core import codegen, compiler

Library: Any = codegen.JITCodeLibrary  # of whose methods Numba tells no types
Compiler: Any = compiler.Compiler


class CalledCompiler(Compiler):  # type: ignore[misc]  # as above
    """The compiler of a function that compiled ones alone call, for `njit`'s `pipeline_class`."""

    def __init__(self, typingctx: Any, targetctx: Any, *others: Any) -> None:
        super().__init__(typingctx, targetctx, *others)
        self.state.library = _CalledLibrary(targetctx.codegen(), "called")


class _CalledLibrary(Library):  # type: ignore[misc]
    """A function's code as it was lowered, with that of what it calls, to be linked into its callers'."""

    def _optimize_final_module(self) -> None:
        """Leave that to the callers' libraries."""

    def _finalize_final_module(self) -> None:
        """Do what Numba does but for machine code."""
        self._finalize_dynamic_globals()
        self._verify_declare_only_symbols()
        self._finalized = True

    def get_pointer_to_function(self, _: str) -> int:
        """Say that Python cannot call it."""
        return 0

    @property
    def codegen(self) -> Any:
        """Return what Numba tells a function's environment to."""
        return self

    def set_env(self, *_: Any) -> None:
        """Do nothing: the variable for its environment lies in its callers' machine code alone, and none reads it."""
