"""Print how many frames a second a page plays: a step, a bot's choice and a painted picture each, in headless Chromium.

    python tools/bench_page.py [snake tag cartpole] [--picture page.png]

The fastest tenth of the frames is what the page needs where nothing else runs; the rate of all of them is beside it.
"""

import argparse
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from puffer_arena.browser.page import write_page  # noqa: E402
from tests.chromium import browser  # noqa: E402

PLAY = """(() => {
    const took = [];
    for (let k = 0; k < %d; k += 1) { const from = performance.now(); over = 0; advance(); show(); took.push(performance.now() - from); }
    const all = took.reduce((a, b) => a + b), fast = took.sort((a, b) => a - b).slice(0, took.length / 10 | 0);
    return [1000 * took.length / all, 1000 * fast.length / fast.reduce((a, b) => a + b)];
})()"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("games", nargs="*", default=["snake", "tag", "cartpole"])
    parser.add_argument("--frames", type=int, default=400)
    parser.add_argument("--picture", type=Path, help="of the last game")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        path = Path(folder) / "page.html"
        size = write_page(path, options.games)
        print(f"{len(options.games)} games, {size / 1000:.0f} kB")
        with browser(Path(folder) / "browser") as page:
            page.open(path)
            for game in options.games:
                for bot in page.evaluate(f"choose('{game}').then(() => [...brain.options].map(o => o.value))"):
                    page.evaluate(f"brain.value = '{bot}'")
                    every, fast = page.evaluate(PLAY % options.frames)
                    print(f"{game:<10} {bot:<10} {every:8.0f} frames/s, {fast:8.0f} in the fastest tenth", flush=True)
            if options.picture:
                page.screenshot(options.picture)


if __name__ == "__main__":
    main()
