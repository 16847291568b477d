"""Python code in a process of its own, for what an import or a missing display would otherwise hide."""

import os
import subprocess
import sys
import textwrap


def unmeasured() -> dict[str, str]:
    """Return the surroundings of a process that finds our packages and whose coverage nobody measures.

    A KeyboardInterrupt that is raised while coverage holds its own lock never gives that back, and the process hangs.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    return {**kept, "PYTHONPATH": os.pathsep.join(sys.path)}


def run_python(code: str, **environment: str) -> str:
    """Run code in a fresh process and return what it printed."""
    clean = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env={**clean, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
