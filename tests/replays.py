"""Recordings for tests, and ways to damage them."""

from pathlib import Path
from typing import Any

import numpy as np

from puffer_arena import make
from puffer_arena.batch.saving.past import raw
from puffer_arena.replay import container
from puffer_arena.replay.block import Block, encode
from puffer_arena.replay.reader import Replay
from puffer_arena.replay.writer import CHANNELS, INDEX, STARTS, STEPS, Writer


def record(
    path: Path, env_id: str, steps: int = 60, num_envs: int = 4, rows: Any = (0, 2), **options: Any
) -> list[bytes]:
    """Record random play of some rows, with a reset and other parameters on the way; return the frames' bytes.

    Frame `k` is what the rows were before step `k`.
    """
    frames = []
    rng = np.random.default_rng(1)
    made = {name: options.pop(name) for name in ("record", "autoreset", "size") if name in options}
    with make(env_id, num_envs, seed=2, **made) as batch, Writer(batch, path, rows, **options):
        for t in range(steps):
            if t == steps // 3:
                batch.reset(which=np.arange(num_envs) == rows[-1])
            frames.append(raw(batch.rows.states)[list(rows)].tobytes())
            batch.step(batch.sample_actions(rng))
        frames.append(raw(batch.rows.states)[list(rows)].tobytes())
    return frames


def rewritten(path: Path, change: Any) -> Path:
    """Return a copy of a replay whose blocks were changed: change(block)."""
    with Replay(path) as replay:
        records = []
        with path.open("rb") as file:
            for found in container.scan(file, "it"):
                if isinstance(found, dict):
                    records.append(container.begin("test", "header", found["header"], CHANNELS))
                elif isinstance(found, container.Message):
                    records.append(container.message(INDEX, 0, found.time, found.data))
                else:
                    number = sum(type(record) is tuple for record in records)
                    block = replay.block(number)
                    copy = Block(**{k: v.copy() if isinstance(v, np.ndarray) else v for k, v in vars(block).items()})
                    change(copy)
                    kept = [m for m in container.read_chunk(file, found, "it") if m.channel == STARTS]
                    parts = [container.message(STARTS, 0, 0, m.data) for m in kept]
                    parts.append(container.message(STEPS, 0, 0, encode(copy)))
                    records.append((container.chunk(0, 0, b"".join(parts)),))
    changed = path.with_suffix(".changed.mcap")
    changed.write_bytes(b"".join(r[0] if type(r) is tuple else r for r in records) + container.end())
    return changed


def with_header(path: Path, change: Any) -> Path:
    """Return a copy of a replay whose header, a dictionary, was changed: change(header)."""
    import json

    with path.open("rb") as file:
        found = next(iter(container.scan(file, "it")))
    assert isinstance(found, dict)
    header = json.loads(found["header"])
    change(header)
    old = container.begin("test", "header", found["header"], CHANNELS)
    data = path.read_bytes()
    at = data.index(b'{"env"') + len(found["header"].encode())
    first_channel = data.index(bytes([container.CHANNEL]), at)
    rest = data[
        first_channel
        + len(old)
        - old.index(bytes([container.CHANNEL]), old.index(b'{"env"') + len(found["header"].encode())) :
    ]
    changed = path.with_suffix(".header.mcap")
    changed.write_bytes(container.begin("test", "header", json.dumps(header), CHANNELS) + rest)
    return changed
