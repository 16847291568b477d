"""The command that makes the moving pictures of docs/games."""

import pytest
from PIL import Image

from puffer_arena import make
from puffer_arena.core.fields import Row
from tools.gifs import Take, picture_size, play, save, steps_a_frame


def test_an_episode_is_recorded_to_its_end_and_no_further() -> None:
    env, states, params = play("snake", Take(seconds=4.0, rows=4))
    steps = [state.step_count for state in states]
    assert env.name == "snake" and params.rows >= 4
    assert steps == list(range(0, steps[-1] + 1, steps_a_frame(env))) and steps[-1] <= 40


def test_a_picture_has_the_shape_of_the_view() -> None:
    with make("striker", 1) as batch:
        state, params = Row(batch.rows.states[0]), Row(batch.rows.params[0])
        width, height = picture_size(batch.env, state, params, 560)
        assert (width, height) == (560, round(560 * (0.6 * 26 + 3) / (26 + 2 * 2.2 + 3)))


def test_a_gif_keeps_frames_times_and_small_bright_things(tmp_path) -> None:
    frames = []
    for k in range(4):
        frame = Image.new("RGB", (40, 30), (20, 24, 30))
        frame.putpixel((5 + k, 9), (255, 190, 60))
        frames.append(frame)
    save(frames, 50, tmp_path / "games" / "dot.gif")
    written = Image.open(tmp_path / "games" / "dot.gif")
    assert (written.n_frames, written.size, written.info["duration"]) == (4, (40, 30), 50)
    for k in range(4):
        written.seek(k)
        assert written.convert("RGB").getpixel((5 + k, 9)) == pytest.approx((255, 190, 60), abs=12)
        assert written.convert("RGB").getpixel((1, 1)) == pytest.approx((20, 24, 30), abs=12)
