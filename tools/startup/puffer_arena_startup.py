"""What Python does when it starts where puffer_arena is installed: it lets Gymnasium and PettingZoo know the games.

Neither library reads entry points, so this one is Python's own: from 3.15 on it calls what puffer_arena.start names
(PEP 829), older ones run the line in puffer_arena.pth.  Nothing is imported for it.  Once one of the two libraries is
asked for, puffer_arena is imported first, from where Python finds it then, and registers its environments.
"""

import sys

TYPE_CHECKING = False  # typing takes longer to import than all of this
if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType


class Usher:
    """An entry of `sys.meta_path` that lets puffer_arena in before Gymnasium or PettingZoo, and then leaves."""

    @classmethod
    def find_spec(
        cls, name: str, path: "Sequence[str] | None" = None, target: "ModuleType | None" = None
    ) -> "ModuleSpec | None":
        if name not in ("gymnasium", "pettingzoo") or cls not in sys.meta_path:
            return None
        sys.meta_path.remove(cls)
        import importlib.util
        import warnings

        try:
            import puffer_arena  # noqa: F401
        except Exception as error:
            if getattr(error, "name", None) != "puffer_arena":  # no files there any more: nothing to make known
                warnings.warn(f"{name} will not know puffer_arena's environments: {error}", stacklevel=2)
        return importlib.util.find_spec(name)  # the search begins again, now past what puffer_arena put in


def announce() -> None:
    """Wait for the two libraries."""
    if Usher not in sys.meta_path:
        sys.meta_path.insert(0, Usher)
