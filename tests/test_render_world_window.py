"""A world in space inside the window of the other games, under a real X server."""

import subprocess
import sys
import textwrap

import numpy as np
import pytest

pytest.importorskip("imgui_bundle")
from puffer_arena import make
from puffer_arena.errors import DisplayError
from puffer_arena.render.draw.palette import color
from puffer_arena.render.play.play import play
from puffer_arena.render.toolkit import pygame
from puffer_arena.render.world import world
from tests.playing import SHOVE
from tests.processes import unmeasured


@pytest.fixture(autouse=True)
def on_display(display, monkeypatch):
    for name in ("DISPLAY", "SDL_VIDEODRIVER", "LIBGL_ALWAYS_SOFTWARE"):
        monkeypatch.setenv(name, display[name])
    pygame.display.quit()  # the dummy one of a test before, which a viewer leaves as it found it


def shown(size=(640, 480), env_id="marble", agent=None):
    """Play for some frames and return the last one's pixels."""
    frames = []

    def on_frame(screen):
        frames.append(None)
        if len(frames) == 5:
            frames[-1] = screen.gui.pixels()
            screen.gui.closing = True

    play(env_id, seed=4, size=size, agent=agent, on_frame=on_frame)
    return frames[-1].astype(int)


def amber(picture):
    """Return where the marble shows: far more red than blue."""
    return (picture[..., 0] > 150) & (picture[..., 0] - picture[..., 2] > 100)


def test_play_shows_the_world_and_goes_on_showing_the_interface():
    picture = shown()
    rows, columns = np.nonzero(amber(picture))
    assert len(rows) > 200
    assert abs(columns.mean() - picture.shape[1] / 2) < 40
    assert picture[:40].max() > 200  # the title above it


def test_views_write_nothing_to_stderr_under_an_x_server():
    code = """
        from puffer_arena import make
        from puffer_arena.render.world.renderers import PIPES, SOFTWARE
        from puffer_arena.render.world.world import WorldView
        with make("marble", seed=4) as batch:
            for pipes in (SOFTWARE, PIPES):
                WorldView(batch.env, (64, 48), pipes).draw(batch.state(0), batch.state_params(0))
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    done = subprocess.run(command, env=unmeasured(), capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(("agent", "own_half"), [("left_0", slice(0, 320)), ("right_0", slice(320, 640))])
def test_the_agent_that_a_person_steers_is_pointed_out(agent, own_half):
    marked = amber(shown(env_id=SHOVE, agent=agent))
    assert marked[:, own_half].sum() > 100
    assert marked.sum() == marked[:, own_half].sum()  # none of the other half


def test_gymnasiums_window_shows_it():
    code = """
        import gymnasium, numpy as np, pygame, puffer_arena
        human, picture = (gymnasium.make("puffer_arena/Marble-v1", render_mode=mode) for mode in ("human", "rgb_array"))
        for env in (human, picture):
            env.reset(seed=4)
            env.step(np.zeros(2, np.float32))
        window = human.unwrapped._pictures._viewer.window
        shown = pygame.surfarray.array3d(window.get_surface()).swapaxes(0, 1).astype(int)
        drawn = picture.render()
        print(shown.mean(), drawn.mean())
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], env=unmeasured(), capture_output=True, text=True
    )
    shown, drawn = map(float, done.stdout.split())
    assert shown == pytest.approx(drawn, rel=0.1), done.stderr


def test_a_second_window_shows_it_too():
    shown()
    assert amber(shown((800, 500))).sum() > 200


def test_a_window_on_a_machine_that_cannot_draw_worlds_sees_them_from_above(monkeypatch):
    from puffer_arena.render.world import picture as world_picture

    monkeypatch.setattr(world_picture, "_views", {})
    monkeypatch.setattr(world, "open_buffer", lambda size, pipes: (_ for _ in ()).throw(DisplayError("no renderer")))
    plates = np.abs(shown() - color("wall")).max(axis=-1) < 3
    assert plates.sum() > 500


@pytest.mark.parametrize(("allowed", "smooth"), [(10.0, True), (-1.0, False)])
def test_a_large_picture_is_smooth_where_there_is_time_for_it(monkeypatch, allowed, smooth):
    from puffer_arena.render.world import picture as world_picture

    monkeypatch.setattr(world_picture, "_views", {})
    monkeypatch.setattr(world_picture, "SMOOTH_SECONDS", allowed)
    with make("marble", seed=4) as batch:
        row = batch.env, batch.state(0), batch.state_params(0)
        pictures = [world_picture._picture(*row, (0.0, 0.0, 480.0, 320.0))[0] for _ in range(5)]
    (kept,) = world_picture._views.values()
    kept.view.close()
    assert kept.smooth == smooth
    assert np.array_equal(pictures[0], pictures[-1]) == smooth
