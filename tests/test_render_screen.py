"""The window's drawing, in this process: every environment, every state of a run, every key, under Xvfb."""

import dataclasses

import pytest

from puffer_arena import list_envs
from puffer_arena.batch.frame import Frame

pytest.importorskip("imgui_bundle")
from puffer_arena.render.toolkit import pygame
from puffer_arena.render.window import charts, overlays
from puffer_arena.render.window.panels import describe_stop
from puffer_arena.render.window.screen import dead_keys
from tests.screens import Scripted, click, holds, key, mouse, watch
from tests.screens import on_display as on_display
from tests.test_render_league import METRICS


@pytest.mark.parametrize("env_id", list_envs())
def test_every_environment_is_drawn_as_tiles_and_enlarged(env_id):
    faults = []
    source = Scripted(env_id)
    tiles, large, _ = watch(source, key(pygame.K_RETURN), lambda screen: faults.extend(screen.watch.faults))
    assert faults == []
    assert tiles.shape == large.shape == (600, 960, 3)
    assert (tiles != large).any()
    assert holds(large, "accent")


NEARER = pytest.approx(1.4**1.5)


def test_the_mouse_moves_the_camera_and_a_key_lets_it_follow():
    told = []

    def wheel(screen):
        pygame.event.post(pygame.event.Event(pygame.MOUSEWHEEL, x=0, y=3, precise_x=0.0, precise_y=3.0, flipped=False))

    def tell(screen):
        told.append((screen.watch.look.zoom, screen.watch.look.follows, screen.watch.enlarged, screen.told))

    def slow_clicks(screen):
        screen.gui.double_click = 60.0  # seconds, however slow this machine is

    drag = [mouse(pygame.MOUSEBUTTONDOWN, 300, 200), mouse(pygame.MOUSEMOTION, 340, 220)]
    drag += [mouse(pygame.MOUSEMOTION, 380, 240), mouse(pygame.MOUSEBUTTONUP, 380, 240)]
    acts = [slow_clicks, key(pygame.K_RETURN), mouse(pygame.MOUSEMOTION, 300, 200), wheel, tell, key(pygame.K_v), tell]
    watch(Scripted("maze"), *acts, *drag, tell, *click(380, 240), *click(380, 240)[1:], tell, frames=2)
    assert told == [
        (NEARER, False, True, ""),
        (NEARER, True, True, ""),
        (NEARER, False, True, ""),  # a drag is no click, and leaves the agent
        (1.0, False, True, ""),  # nor is a double click
    ]
    told.clear()
    watch(Scripted("bandit"), key(pygame.K_v), tell, frames=2)
    assert told == [(1.0, False, False, "bandit does not tell where this agent is")]


def test_a_fault_in_draw_is_shown_and_the_window_lives_on():
    def broken(s, p, canvas):
        canvas.view(1, 1)
        raise ZeroDivisionError("no such tile")

    source, faults = Scripted("snake"), []
    source.env = dataclasses.replace(source.env, draw=broken)
    watch(source, lambda screen: faults.extend(screen.watch.faults))
    assert faults == ["snake: draw: no such tile"]


@pytest.mark.parametrize("status", ["waiting", "lost", "finished", "stopped"])
def test_a_run_without_frames_is_drawn_kindly(status):
    source = Scripted("tag")
    source.status, source.metrics = status, {}
    source.poll = lambda: None
    source.send = lambda command, **arguments: None
    source.frame = None
    (picture,) = watch(source)
    assert holds(picture, "text")


def test_a_run_that_was_stopped_says_at_what_step():
    source = Scripted("snake")
    assert describe_stop(source) == "stopped at 5.00 M of 8.00 M"
    source.total = 0  # as where that is not known
    assert describe_stop(source) == "stopped at 5.00 M"


def test_a_lost_run_keeps_its_last_picture_under_a_banner():
    def lose(screen):
        source.poll = lambda: None
        source.status, source.note = "lost", "the trainer has gone"

    source = Scripted("snake")
    before, after = watch(source, lose)
    assert holds(after, "rose")
    assert (before != after).any()


def test_frames_without_rows_and_without_a_policy_are_borne():
    def empty(screen):
        source.poll = lambda: None
        old = source.frame
        source.frame = Frame(5, old.rows[:0], old.states[:0], old.params[:0])

    source = Scripted("snake")
    source._choose = lambda batch: batch.act("greedy")
    assert len(watch(source, empty)) == 2


def test_keys_steer_the_run_and_the_picture():
    source = Scripted("snake")
    codes = [pygame.K_SPACE, pygame.K_SPACE, pygame.K_PERIOD, pygame.K_PLUS, pygame.K_MINUS, pygame.K_s, pygame.K_m]
    watch(source, *(key(code) for code in codes), key(pygame.K_RIGHT), key(pygame.K_LEFT), key(pygame.K_TAB), frames=1)
    names = [command for command, _ in source.sent]
    assert names == ["rows", "pause", "resume", "step", "speed", "speed", "save", "mode"]


def test_keys_of_a_run_that_is_not_there_do_nothing():
    source = Scripted("snake")
    source.status = "lost"
    watch(source, key(pygame.K_SPACE), key(pygame.K_s), frames=1)
    assert [command for command, _ in source.sent] == ["rows"]


def test_keys_in_smooth_mode_are_the_pictures_and_leave_training_alone():
    source = Scripted("snake")
    source.mode, source.status = "smooth", "paused"
    codes = [pygame.K_SPACE, pygame.K_SPACE, pygame.K_PERIOD]
    watch(source, *(key(code) for code in codes), frames=1)
    assert {command for command, _ in source.sent[1:]} <= {"view_pause", "view_resume", "view_step"}
    assert len(source.sent) == 4


def test_the_league_lies_over_the_stage_until_its_key_comes_again():
    def shown(metrics, *keys):
        source = Scripted("tag")
        source.metrics = {**source.metrics, **metrics}
        return watch(source, *keys)[-1][20:380, 20:600]

    without = shown({}, key(pygame.K_l))
    league = shown(METRICS, key(pygame.K_l))
    assert holds(league, "accent") and (without != league).any()
    assert (shown(METRICS, key(pygame.K_l), key(pygame.K_l)) != league).any()


def test_help_lies_over_everything_until_a_click():
    shown = []
    source = Scripted("snake")
    watch(
        source,
        key(pygame.K_h),
        lambda screen: shown.append(screen.help),
        *click(480, 300),
        lambda screen: shown.append(screen.help),
    )
    assert shown == [True, False]


def test_help_fits_into_a_low_window(monkeypatch):
    lines, write = [], overlays.write
    monkeypatch.setattr(overlays, "write", lambda theme, at, *rest: (lines.append(at[1]), write(theme, at, *rest)))
    watch(Scripted("snake"), key(pygame.K_h), size=(640, 360))
    assert len(set(lines)) > len(overlays.HELP) and max(lines) < 360 - 15  # each as high as its letters


def test_the_interface_grows_and_shrinks():
    scales = []
    note = lambda screen: scales.append(screen.gui.theme.scale)  # noqa: E731
    bigger, normal = key(pygame.K_PLUS, pygame.KMOD_CTRL), key(pygame.K_0, pygame.KMOD_CTRL)
    watch(Scripted("snake"), note, bigger, note, normal, note, frames=1)
    assert scales == [1.0, 1.25, 1.0]


def test_the_mouse_reads_curves_and_chooses_metrics():
    """The first chart lies at the lower left: its name on top opens the list of metrics."""
    chosen = []
    source = Scripted("tag")
    pictures = watch(
        source,
        mouse(pygame.MOUSEMOTION, 200, 500),
        *click(40, 419),
        *click(60, 440),
        lambda screen: chosen.append(screen.charts.chosen),
        size=(960, 600),
    )
    assert (pictures[0] != pictures[1]).any()
    assert chosen[0].get(0) in source.metrics


@pytest.mark.parametrize(("status", "dead"), [("training", ""), ("paused", ""), ("stopped", "MS"), ("playing", "MS")])
def test_the_footer_names_no_key_that_nothing_answers_to(status, dead):
    source = Scripted("snake")
    source.status = status
    assert dead_keys(source) == set(dead)
    source.close()


def test_what_stands_at_a_charts_right_edge_stays_within_it():
    """The labels of steps are centred; what a person changed is written beside its mark."""
    wide = {500.0: 40.0, 1000.0: 40.0}
    assert charts.fitting([500.0, 1000.0], (0.0, 1000.0), 300.0, wide.__getitem__) == [500.0]
    assert charts.fitting([500.0, 1000.0], (0.0, 1100.0), 300.0, wide.__getitem__) == [500.0, 1000.0]
    assert charts.beside(100.0, 50.0, 300.0, 5.0) == 105.0
    assert charts.beside(260.0, 50.0, 300.0, 5.0) == 205.0
