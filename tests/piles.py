"""The pile of boxes and balls that the tests of Bullet step, and changes to it."""

from pathlib import Path

import numpy as np

from tests.playing import PILE

SOURCE = Path(PILE).read_text()


def still(batch, steps):
    for _ in range(steps):
        batch.step(np.zeros_like(batch.actions))


def altered(tmp_path, *changes):
    """Write the pile with some lines changed, and return its path."""
    source = SOURCE
    for old, new in changes:
        assert old in source
        source = source.replace(old, new, 1)
    path = tmp_path / f"pile_{abs(hash(changes))}.py"
    path.write_text(source)
    return str(path)
