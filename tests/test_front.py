"""The launcher: what it offers, moving through it by keys and by a pad, and the same as text."""

import json
from pathlib import Path

import pytest

from puffer_arena.__main__ import main
from puffer_arena.cli import front
from puffer_arena.registry import list_envs
from puffer_arena.render.front.choice import MOVES, Choice
from puffer_arena.render.front.entries import Action, Entry, Place
from tests.test_render_window import PROGRAM
from tests.xvfb import Program

REPLAY = Path(__file__).parent / "replays" / "snake.mcap"


def a_run(folder: Path) -> None:
    """Write what a run's folder holds, and a recording."""
    run = folder / "runs" / "first"
    (run / "replays").mkdir(parents=True)
    (run / "config.json").write_text(json.dumps({"env": "snake", "total_steps": 500}))
    points = [json.dumps({"steps": 100 * k, "episode_return": float(k)}) for k in range(1, 4)]
    (run / "metrics.jsonl").write_text("\n".join(points))
    (run / "replays" / "000000000300.mcap").write_bytes(REPLAY.read_bytes())


def test_without_a_display_the_places_are_printed(tmp_path, monkeypatch, capsys):
    a_run(tmp_path)
    (tmp_path / "damaged.mcap").write_bytes(b"no replay")
    monkeypatch.chdir(tmp_path)
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER"):
        monkeypatch.delenv(name, raising=False)
    assert main([]) == 0
    said = capsys.readouterr().out
    assert all(f"  {name}" in said for name in list_envs())
    assert "first  stopped   steps 300   of 500   return 3   written just now" in said
    assert "first at 300" in said
    assert "cannot be opened" in said


def test_a_game_offers_its_newest_run_and_replay(tmp_path, monkeypatch):
    a_run(tmp_path)
    monkeypatch.chdir(tmp_path)
    games, runs, replays, _ = front.look()
    snake = next(entry for entry in games.entries if entry.title == "snake")
    assert [action.arguments for action in snake.actions[2:4]] == [
        ("watch", str(Path("runs/first"))),
        ("replay", str(Path("runs/first/replays/000000000300.mcap"))),
    ]
    assert [point[1] for point in runs.entries[0].curve] == [1.0, 2.0, 3.0]
    assert replays.entries[0].picture == replays.entries[0].about


def test_a_missing_extra_comes_with_its_command(monkeypatch):
    found = front.wanted_packages()
    lacking = {"world": [type(package)(package.name, package.wanted, "") for package in found["world"]]}
    monkeypatch.setattr(front, "wanted_packages", lambda: {**found, **lacking})
    (entry,) = [entry for entry in front.list_extras() if entry.title == "world"]
    assert entry.actions[0].copies == "pip install 'puffer-arena[world]'"


@pytest.mark.parametrize("count", [0, 1, 5, 6, 7, 40])
def test_keys_reach_every_entry_and_never_leave(count):
    entry = Entry("some", actions=(Action("Do", "d", "", ("do",)),))
    choice = Choice([Place("Many", [entry] * count), Place("None")], columns=3, page=6)
    for key in MOVES:
        for start in range(max(count, 1)):
            choice.choose(start)
            choice.move(key)
            assert 0 <= choice.index < max(count, 1)
    choice.move("home")
    for k in range(count):
        assert choice.index == k
        choice.move("right")
    choice.move("home")
    for _ in range(-(-count // 3)):
        choice.move("down")
    assert choice.index // 3 == max(count - 1, 0) // 3
    assert choice.enter() is None  # to the buttons first
    assert choice.enter() == (entry.actions[0] if count else None)


def test_the_launcher_is_worked_by_keys_mouse_and_pad(display):
    with Program([PROGRAM, "front"], display) as program:
        program.wait_for(lambda report: report.get("playing") and report["colors"] and not report["faults"])
        program.find_window()
        assert program.xdotool("getwindowname", program.window).strip() == "puffer_arena"
        program.key("Right", "Return", "Down", "Return")
        second = list_envs()[1]
        assert program.wait_for(lambda report: report.get("started"))["started"] == ["train", second, "--watch"]
        program.key("Escape")
        program.wait_for(lambda report: report.get("button", 0) is None)
        program.key("p")
        assert program.wait_for(lambda report: report.get("started"))["started"] == ["play", second]
        program.xdotool("keydown", "F6")
        program.wait_for(lambda report: report.get("entry") == list_envs()[3])
        program.xdotool("keyup", "F6")
        program.click(100, 120)
        program.wait_for(lambda report: report.get("entry") == list_envs()[0])
        program.key("Tab")
        program.wait_for(lambda report: report.get("place") == "Runs")
        assert program.quit_window() == 0
