"""A training loop without a network, for a process of its own: steps snake and serves windows.

python live_trainer.py RUN_DIR: ends at end of input on stdin, after saying what happened on stdout.
"""

import sys
import threading
from pathlib import Path

import numpy as np

from puffer_arena import make
from puffer_arena.live.publisher import Publisher


def main(run_dir: str) -> None:
    batch = make("snake", num_envs=64, seed=1)
    saved: list[int] = []

    def obey(command):
        if command.name == "param":
            batch.params[command.arguments["name"]][:] = command.arguments["value"]
        if command.name == "save":
            saved.append(steps)
        return f"did {command.name}"

    def look(rows):
        return np.full((len(rows), 1, 4), 0.25, np.float32), rows[:, None].astype(np.float32)

    ended = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
    publisher = Publisher(batch, "a test run", Path(run_dir), obey=obey, policy=lambda: b"weights")
    print("ready", publisher.windows.port, flush=True)
    steps = 0
    while not ended.is_set():
        for _ in range(20):
            batch.step(batch.act("greedy"))
            steps += batch.num_envs
            publisher.tend(steps, look)
            if ended.wait(0.0005):
                break
        for _ in range(3):  # as between minibatches
            publisher.breathe(look)
        publisher.metrics(steps, {**batch.episodes(), "broken": float("nan")})
    publisher.close("finished")
    print("ended", steps, len(saved), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
