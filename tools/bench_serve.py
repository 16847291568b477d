"""`serve` over the loopback: decisions a second of one server, by observations a message and games at a time.

    OPENBLAS_NUM_THREADS=1 python tools/bench_serve.py [--bot snake] [--seconds 2]

Server and games share the machine's cores, as they do on a person's; the server is one thread.  The last column divides by
the processor's time that server and games took together: what one core does where nothing else runs, and on a busy machine
the only figure that says anything.
"""

import argparse
import subprocess
import sys
import threading
import time
from pathlib import Path

from puffer_arena.players.names import bundled_bot
from puffer_arena.serving.server import Server

GAME = """
import sys, time
import numpy as np
from examples.remote_bot import RemoteBot
port, count, seconds = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
bot = RemoteBot(port)
rng = np.random.default_rng(0)
seen = [rng.integers(0, 2, (count, *leaf["shape"])).astype(leaf["dtype"]) for leaf in bot.about["observation"]]
who, done, begun, own = np.arange(count), 0, time.perf_counter(), time.process_time()
while time.perf_counter() - begun < seconds:
    bot.act(seen, who)
    done += count
print(done / (time.perf_counter() - begun), time.process_time() - own)
"""


def main() -> None:
    """Print a line for each way of asking."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bot", default="snake")
    parser.add_argument("--seconds", type=float, default=2.0)
    options = parser.parse_args()
    for games, count in ((1, 1), (1, 16), (1, 64), (1, 256), (4, 64)):
        server = Server(bundled_bot(options.bot))
        thread = threading.Thread(target=server.run)
        thread.start()
        spent = time.process_time()
        arguments = [sys.executable, "-c", GAME, str(server.port), str(count), str(options.seconds)]
        root = Path(__file__).parent.parent
        running = [subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, cwd=root) for _ in range(games)]
        found = [[float(word) for word in process.communicate()[0].split()] for process in running]
        spent = time.process_time() - spent + sum(own for _, own in found)
        server.stop()
        thread.join()
        server.close()
        each = server.decisions / max(server.rounds, 1)
        speed = sum(rate for rate, _ in found)
        a_core = f"{server.decisions / spent:>9,.0f} a second of one core"
        print(f"{games} game(s), {count:>3} a message: {speed:>10,.0f} decisions/s, {each:.0f} a round, {a_core}")


if __name__ == "__main__":
    main()
