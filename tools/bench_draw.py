"""Measure what a new picture of every game costs a window: `draw` and Dear ImGui's shapes, without the graphics card.

    python tools/bench_draw.py
    python tools/bench_draw.py --games bomber racer --size 1920 1080

Milliseconds of one core for a picture that was not drawn before, as in every frame while things move from cell to cell;
medians over steps of random actions.  Windows copy a picture that stays as it was.
"""

import argparse
import statistics
import time

import numpy as np
from imgui_bundle import imgui
from measure import machine, report

from puffer_arena import list_envs, make
from puffer_arena.core.still import still
from puffer_arena.render.window.imgui_canvas import ImguiCanvas

WANTED = 2.0  # milliseconds


def draw(env_id: str, size: tuple[int, int], pictures: int) -> list[float]:
    """Return the milliseconds of each of some pictures."""
    batch, rng, taken = make(env_id, 1, seed=5, compiled=False), np.random.default_rng(0), []
    for _ in range(pictures + 1):
        batch.step(batch.sample_actions(rng))
        state, params = batch.state(0), batch.state_params(0)
        imgui.new_frame()
        begun = time.thread_time()
        with ImguiCanvas(imgui.get_background_draw_list(), (0.0, 0.0, *size), moment=0.5) as canvas:
            batch.env.draw(still(state), still(params), canvas)
        taken.append(1000.0 * (time.thread_time() - begun))
        imgui.render()
    return taken[1:]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--games", nargs="*", default=list_envs())
    parser.add_argument("--size", nargs=2, type=int, default=(960, 540), help="of a picture, in pixels")
    parser.add_argument("--pictures", type=int, default=60)
    options = parser.parse_args()
    imgui.create_context()
    imgui.get_io().set_ini_filename("")  # nothing about windows is kept
    imgui.get_io().display_size = tuple(options.size)
    imgui.get_io().backend_flags |= imgui.BackendFlags_.renderer_has_textures.value
    print(machine())
    for name in options.games:
        found = draw(name, tuple(options.size), options.pictures)
        middle = statistics.median(found)
        told = f"{middle:.2f} ms (95 of 100 below {np.percentile(found, 95):.2f})"
        report(f"{name}, a new picture", told, f"<= {WANTED:g} ms", middle <= WANTED)
