"""Type-check the package as it is imported.

The subpackages live beside puffer_arena/ and join it through ``__path__``, which type checkers do
not follow.  This tool lays the same tree out as links under build/typing and runs mypy on that.
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FARM = ROOT / "build" / "typing" / "puffer_arena"
SUBPACKAGES = ("envs", "render", "trainers", "assets")


def link() -> None:
    """Mirror puffer_arena/ and its sibling subpackages as symbolic links."""
    FARM.mkdir(parents=True, exist_ok=True)
    for old in FARM.iterdir():
        old.unlink()
    for source in [*(ROOT / "puffer_arena").iterdir(), *(ROOT / name for name in SUBPACKAGES)]:
        if source.name != "__pycache__":
            (FARM / source.name).symlink_to(source)


if __name__ == "__main__":
    link()
    sys.exit(
        subprocess.call([sys.executable, "-m", "mypy", "-p", "puffer_arena", *sys.argv[1:]], cwd=FARM.parent, env=None)
    )
