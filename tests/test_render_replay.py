"""The replay viewer: time without a window, and the window for real under an X server without a screen."""

import numpy as np
import pytest
from imgui_bundle import imgui

from puffer_arena import make
from puffer_arena.errors import ParameterError
from puffer_arena.render.draw.ends import end_color, ending_of
from puffer_arena.render.replay import timeline
from puffer_arena.render.replay.show import show_replays
from puffer_arena.render.replay.source import BESIDE, ReplaySource
from puffer_arena.render.toolkit import pygame
from puffer_arena.replay.reader import Episode, Replay
from puffer_arena.replay.truth import verify
from puffer_arena.replay.writer import Writer
from tests.playing import DUEL
from tests.replays import record, with_header
from tests.screens import on_display as on_display
from tests.xvfb import Program


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """A replay of snake's bot, 300 steps of 3 rows."""
    path = tmp_path_factory.mktemp("replay") / "bot.mcap"
    with make("snake", 3, seed=5) as batch, Writer(batch, path, players={"all": "bot"}) as writer:
        for t in range(300):
            if t % 50 == 0:
                writer.think(None, np.full((3, 1), float(t)))
            batch.step(batch.act("greedy") if t % 50 < 40 else np.zeros(3, np.int64))
    return path


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


def test_time_passes_at_natural_speed_and_stops_at_the_end(played):
    clock = Clock()
    source = ReplaySource([Replay(played)], clock)
    source.send("view_resume")
    clock.now += 1.01
    source.poll()
    assert source.step == 8 and source.frame.steps == 8
    source.send("speed", value=4.0)
    clock.now += 1.0
    source.poll()
    assert source.step == 40
    clock.now += 1000.0
    source.poll()
    assert (source.step, source.status) == (300, "paused")
    source.send("view_resume")
    assert source.step == 0


def test_a_loop_comes_again(played):
    clock = Clock()
    source = ReplaySource([Replay(played)], clock)
    source.loop = (10, 14)
    source.seek(10)
    source.send("view_resume")
    for _ in range(12):
        clock.now += 0.126
        source.poll()
        assert 10 <= source.step <= 14
    assert source.status == "playing"


def test_jumps_lead_to_episodes_and_events(played):
    source = ReplaySource([Replay(played)])
    row = source.jump_to("longest")
    longest = max((e for e in source.replays[0].episodes if e.how), key=lambda e: e.length)
    assert (row, source.step) == (longest.slot, longest.first)
    firsts = sorted({e.first for e in source.episodes(1)})
    source.seek(0)
    source.jump_episode(1, 1)
    assert source.step == firsts[1]
    source.jump_event(1)
    assert source.step == min(e.step for e in source.events(1) if e.step > firsts[1])
    source.seek(300)
    source.jump_event(1)
    assert "nothing" in source.note


def test_an_end_is_something_that_happens(played):
    source, stops = ReplaySource([Replay(played)]), []
    while source.note != "nothing more happens":
        source.jump_event(1)
        stops.append(source.step)
    assert {episode.last for episode in source.episodes(1) if episode.how} < set(stops)
    assert sorted(set(stops)) == stops[:-1]


def test_an_ending_is_said_where_time_passed_it_and_not_where_a_jump_led(played):
    source = ReplaySource([Replay(played)])
    first = next(e for e in source.episodes(1) if e.how)
    source.seek(first.last)
    assert 1 in source.endings
    source.seek(0)
    source.jump_episode(1, 1)  # the second begins where the first one ended
    assert source.step == first.last and 1 not in source.endings
    second = source.episodes(1)[1]
    source.seek(second.last)
    assert 1 in source.endings


def test_the_curve_is_the_return_of_the_running_episode(played):
    with Replay(played) as replay:
        source = ReplaySource([replay])
        steps, returns, values = source.curve(2)
        for episode in source.episodes(2):
            if episode.how:
                assert returns[episode.last - 1] == pytest.approx(episode.returns[0])
        assert len(steps) == 300 and np.isfinite(values).sum() == 6


def test_the_timeline_says_the_value_of_the_state_that_is_shown(played, on_display, monkeypatch):
    """The recorded policy thought t of the state before step t."""
    told = []
    monkeypatch.setattr(timeline, "write_values", lambda theme, step, curves, area: told.append(curves))
    with Replay(played) as replay:
        show_replays([replay], size=(960, 540), on_frame=lambda screen: setattr(screen.gui, "closing", True))
    name, _, steps, values = told[0][-1]
    assert name == "value" and steps.tolist() == values.tolist() == [0, 50, 100, 150, 200, 250]


def test_a_replay_whose_game_has_changed_says_so_as_long_as_it_is_shown(played, tmp_path, on_display, monkeypatch):
    said, changed = [], with_header(played, lambda header: header.update(version=7))
    write = imgui.text_wrapped
    monkeypatch.setattr(imgui, "text_wrapped", lambda text: (said.append(text), write(text)))
    with Replay(changed) as replay:
        show_replays([replay], size=(960, 540), on_frame=lambda screen: setattr(screen.gui, "closing", True))
        assert replay.title_note in said and "version 7" in replay.title_note


def test_a_pad_alone_steps_plays_takes_over_and_goes_back(played, on_display, tmp_path):
    copy = tmp_path / "copy.mcap"  # a branch is recorded beside it
    copy.write_bytes(played.read_bytes())
    cross, buttons = {"hat": 0, "value": (1, 0)}, [{"button": number} for number in (0, 2, 0, 3)]
    presses = [  # when, and what
        ("paused at 0", pygame.JOYHATMOTION, cross),
        ("paused at 1", pygame.JOYBUTTONDOWN, buttons[0]),
        ("playing", pygame.JOYBUTTONDOWN, buttons[1]),
        ("ready in a branch", pygame.JOYBUTTONDOWN, buttons[2]),
        ("playing in a branch", pygame.JOYBUTTONDOWN, buttons[3]),
    ]

    def look(screen):
        if hasattr(screen, "game"):
            now = f"{screen.phase} in a branch"
        else:
            now = f"paused at {screen.replay.step}" if screen.replay.status == "paused" else "playing"
        if presses and presses[0][0] == now:
            _, kind, facts = presses.pop(0)
            pygame.event.post(pygame.event.Event(kind, instance_id=0, **facts))
        screen.gui.closing = not presses and not hasattr(screen, "game")

    with Replay(copy) as replay:
        show_replays([replay], size=(960, 540), on_frame=look)
    assert not presses and len(list(tmp_path.glob("copy-*.mcap"))) == 1


def test_what_is_set_for_branches_stays_set(played):
    source = ReplaySource([Replay(played)])
    assert source.wanted == {}
    source.send("param", name="max_hunger", value=50)
    source.seek(20)
    assert source.wanted == {"max_hunger": 50}


def test_replays_beside_each_other_go_step_for_step(played, tmp_path):
    record(tmp_path / "other.mcap", "snake", rows=(0, 2))
    source = ReplaySource([Replay(played), Replay(tmp_path / "other.mcap")])
    source.seek(50)
    assert source.frame.rows.tolist() == [0, 1, 2, BESIDE, BESIDE + 2]
    assert source.frame.values[:3, 0].tolist() == [50, 50, 50]
    assert np.isnan(source.frame.values[3:]).all()  # nobody thought anything there
    assert source.frame.probs is None
    source.seek(300)  # the shorter one waits at its end
    assert source.frame.states["step_count"].shape == (5,)
    assert source.label(BESIDE + 2) == "other #2"
    record(tmp_path / "duel.mcap", DUEL)
    with pytest.raises(ParameterError, match="another game"):
        ReplaySource([Replay(played), Replay(tmp_path / "duel.mcap", DUEL)])


def test_a_person_scrubs_loops_takes_over_and_saves_a_branch(played, display, tmp_path):
    path = tmp_path / "bot.mcap"
    path.write_bytes(played.read_bytes())
    with Program(["tests/window_program.py", "replay", str(path)], display) as window:
        report = window.wait_for(lambda report: "step" in report)
        assert report["step"] == 0 and report["colors"] > 20 and report["faults"] == []
        window.find_window()
        window.key("Right")
        window.wait_for(lambda report: report["step"] == 1)
        window.key("End")
        window.wait_for(lambda report: report["step"] == 300)
        window.click(330, 430)  # about the middle of the timeline
        middle = window.wait_for(lambda report: 100 < report["step"] < 200)["step"]
        window.key("bracketleft", "Right", "Right", "Right", "bracketright")
        window.wait_for(lambda report: report["loop"] == [middle, middle + 3])
        window.key("space")
        window.wait_for(lambda report: report["phase"] == "playing")
        window.key("backslash", "b")
        window.wait_for(lambda report: report["note"].startswith("the best of"))
        window.key("space", "F12")
        window.wait_for(lambda report: report["note"].startswith("saved"))
        window.key("f")
        begun = window.wait_for(lambda report: report["branch"])
        window.key("Up")
        window.wait_for(lambda report: report["branch"] and report["step"] >= begun["step"] + 2)
        window.key("Escape")
        window.wait_for(lambda report: not report["branch"] and report["note"].startswith("recorded"))
        assert window.quit_window() == 0
    assert len(list(tmp_path.glob("*.png"))) == 1
    (branch,) = set(tmp_path.glob("bot-*.mcap"))
    assert verify(branch).difference is None
    with Replay(branch) as child:
        assert child.header.parent["file"] == "bot.mcap"


def test_a_success_is_never_red_on_the_timeline(tmp_path):
    def ended(how, **counters):
        return Episode(0, 0, 5, (1.0,), 5, 0, counters, how, "")

    record(tmp_path / "maze.mcap", "maze", rows=(0,))
    with Replay(tmp_path / "maze.mcap") as replay:
        assert end_color(replay, ended("terminated", reached=1.0)) == "lime"
        assert end_color(replay, ended("truncated", reached=0.0)) == "amber"
        assert end_color(replay, ended("terminated")) == "rose"  # a damaged or older file may lack the counter
        assert ending_of(replay, ended("terminated")).words == "terminated"
    record(tmp_path / "snake.mcap", "snake", rows=(0,))
    with Replay(tmp_path / "snake.mcap") as replay:  # nobody says what a success is
        assert [end_color(replay, ended(how)) for how in ("terminated", "truncated")] == ["rose", "amber"]
