"""The windows, for real: under an X server without a screen, with keys pressed and clicks made by xdotool."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.xvfb import Program

pytestmark = pytest.mark.slow  # starts many processes

ROOT = Path(__file__).parent.parent
PROGRAM = "tests/window_program.py"


@pytest.fixture(scope="module")
def window(display):
    with Program([PROGRAM, "show", "snake"], display) as program:
        program.wait_for(lambda report: report.get("frame"))
        program.find_window()
        yield program


def test_the_window_shows_a_full_picture(window):
    report = window.seen[-1]
    assert tuple(report["size"]) == (800, 1280)
    assert report["colors"] > 100  # smooth edges make many
    assert report["faults"] == []
    assert not any("stray" in report for report in window.seen)  # such as pygame's greeting


def test_the_title_says_what_is_shown(window):
    assert window.xdotool("getwindowname", window.window).strip() == "snake · puffer_arena"
    assert window.window in window.xdotool("search", "--class", "^puffer_arena$").split()  # how desktops group windows


def test_it_asks_for_the_rows_it_shows(window):
    assert {"command": "rows", "indices": list(range(8))} in window.seen


def test_a_click_enlarges_an_environment_and_escape_goes_back(window):
    window.click(300, 150)
    assert window.wait_for(lambda report: report.get("enlarged"))["row"] in (0, 2)
    window.key("Escape")
    window.wait_for(lambda report: report.get("enlarged") is False)


def test_space_pauses_and_resumes(window):
    window.key("space")
    window.wait_for(lambda report: report.get("command") == "pause")
    window.wait_for(lambda report: report.get("status") == "paused")
    window.key("space")
    window.wait_for(lambda report: report.get("command") == "resume")


@pytest.mark.parametrize(
    ("key", "command"), [("period", "step"), ("plus", "speed"), ("minus", "speed"), ("s", "save"), ("m", "mode")]
)
def test_keys_send_commands(window, key, command):
    window.key(key)
    window.wait_for(lambda report: report.get("command") == command)


def test_the_arrow_keys_choose_the_watched_row(window):
    row = next(report["row"] for report in reversed(window.seen) if "row" in report)
    window.key("Right")
    window.wait_for(lambda report: report.get("row") == (row + 1) % 4)


def test_a_person_takes_over_from_what_the_window_shows_and_the_branch_is_recorded(window):
    window.key("f")
    assert window.wait_for(lambda report: report.get("branch"))["branch"] == "ready"
    window.key("space")
    window.wait_for(lambda report: report.get("branch") == "playing")
    window.key("Escape")
    told = window.wait_for(lambda report: report.get("told"))["told"]
    assert told.startswith("recorded") and "recordings/snake" in told


def test_a_resized_window_draws_at_its_new_size(window):
    window.xdotool("windowsize", window.window, "960", "540")
    window.wait_for(lambda report: tuple(report.get("size", ())) == (540, 960))


def test_closing_the_window_ends_show(window):
    """Last in this module: the window is gone afterwards."""
    assert window.quit_window() == 0
    window.wait_for(lambda report: report.get("closed"))


@pytest.mark.parametrize("status", ["waiting", "lost"])
def test_without_frames_the_window_says_what_it_waits_for(display, status):
    with Program([PROGRAM, "show", "tag", status], display) as program:
        report = program.wait_for(lambda report: report.get("frame"))
        assert report["colors"] > 30  # writing
        program.find_window()
        program.key("space", "Tab", "h")  # nothing to pause; nothing breaks
        program.wait_for(lambda report: report.get("help"))
        assert program.quit_window() == 0
        assert not any(report.get("command") == "pause" for report in program.seen)


def test_tab_chooses_the_agent_that_is_watched(display):
    with Program([PROGRAM, "show", "tag"], display) as program:
        program.wait_for(lambda report: report.get("frame"))
        program.find_window()
        program.key("Tab")
        program.wait_for(lambda report: report.get("agent") == 1)
        assert program.quit_window() == 0


@pytest.fixture(scope="module")
def game(display):
    with Program([PROGRAM, "play", "snake"], display) as program:
        program.wait_for(lambda report: report.get("phase") == "ready")
        program.find_window()
        yield program


def test_a_key_starts_the_game_and_turns_the_snake(game):
    game.key("Left")
    assert game.wait_for(lambda report: report["steps"] >= 1)["heading"] == 2
    game.key("Up")
    game.wait_for(lambda report: report["heading"] == 0)


def test_p_pauses_and_any_key_of_the_game_goes_on(game):
    game.key("p")
    game.wait_for(lambda report: report["phase"] == "paused")
    game.key("Right")
    game.wait_for(lambda report: report["phase"] == "playing" and report["heading"] == 3)


def test_the_end_is_shown_and_r_restarts(game):
    """The snake runs into a wall of its own accord."""
    game.wait_for(lambda report: report["phase"] == "over")
    game.key("r")
    game.wait_for(lambda report: report["phase"] == "playing" and report["steps"] < 3)


def test_the_bot_can_take_over(game):
    game.key("b")
    game.wait_for(lambda report: report["bot_plays"])


def test_help_opens_and_closes(game):
    game.key("h")
    game.wait_for(lambda report: report["help"])
    game.key("Escape")
    game.wait_for(lambda report: not report["help"])


def test_closing_the_window_ends_play(game):
    """Last in this module: the window is gone afterwards."""
    assert game.quit_window() == 0


def without_display(*arguments: str) -> subprocess.CompletedProcess[str]:
    hidden = {"DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER"}
    env = {name: value for name, value in os.environ.items() if name not in hidden}
    return subprocess.run([sys.executable, *arguments], env=env, cwd=ROOT, capture_output=True, text=True)


def test_play_without_a_display_says_so_in_one_line():
    done = without_display("-m", "puffer_arena", "play", "snake")
    assert done.returncode == 2
    assert "no display" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_the_window_without_a_display_raises_an_arena_error():
    done = without_display(PROGRAM, "show", "snake")
    assert "ArenaError: no display to open a window on" in done.stderr
    assert "DISPLAY" in done.stderr


def test_play_names_an_unknown_environment_bot_and_agent():
    for arguments, said in (
        (["snaek"], "did you mean 'snake'?"),
        (["snake", "--bot", "bot:gredy"], "did you mean 'greedy'?"),
        (["tag", "--agent", "chaser_9"], "has no agent 'chaser_9'"),
        (["snake", "--speed", "99"], "speed = 99.0"),
    ):
        done = without_display("-m", "puffer_arena", "play", *arguments)
        assert done.returncode == 2
        assert said in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1
