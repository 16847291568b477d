"""Levels that people draw: files, checks before any rule runs, and rows that begin there."""

import dataclasses
import json
import zlib

import numpy as np
import pytest

from puffer_arena import list_envs, make
from puffer_arena.curriculum import Director, load_curriculum
from puffer_arena.curriculum.gallery import Shown, enter
from puffer_arena.curriculum.queue import DRAWN
from puffer_arena.envs.maze.state import FLOOR, GOAL, WALL
from puffer_arena.errors import ArenaError, FileError
from puffer_arena.levels import Level, draw_level, read_level, snapshot_of, write_level
from puffer_arena.levels.drawn import as_table, take_level
from puffer_arena.levels.edits import vary
from puffer_arena.registry import load_env
from tests.xvfb import Program

EDITABLE = [name for name in list_envs() if load_env(name).editor is not None]
MAZE = """
#######
#S..#.#
#.#.#.#
#.#...#
#.###.#
#..#.G#
#######
"""


def maze(text: str = MAZE, **parts) -> Level:
    """Return a level from a picture in which S is the start."""
    lines = text.split()
    (start,) = [(col, row) for row, line in enumerate(lines) for col, cell in enumerate(line) if cell == "S"]
    cells = tuple(line.replace("S", ".") for line in lines)
    level = Level("maze", load_env("maze").version, 3, {"size": 7}, cells, {"start": [[*start]]})
    return dataclasses.replace(level, **parts)


@pytest.mark.parametrize("name", EDITABLE)
@pytest.mark.parametrize("suffix", ["toml", "json"])
def test_a_level_comes_back_from_its_file_and_begins_the_same(name, suffix, tmp_path):
    path = tmp_path / f"level.{suffix}"
    with make(name, seed=5, compiled=False) as batch, make(name, seed=8, compiled=False) as other:
        level = take_level(batch)
        write_level(path, level)
        assert read_level(path) == level
        draw_level(other, read_level(path))
        assert take_level(other) == level
        np.testing.assert_array_equal(batch.obs, other.obs)


@pytest.mark.parametrize("name", EDITABLE)
def test_small_edits_make_other_valid_levels(name):
    with make(name, seed=5, compiled=False) as batch:
        before = take_level(batch)
        assert any(vary(batch, np.random.default_rng(seed), 2) for seed in range(3))
        after = take_level(batch)
        assert after != before and dataclasses.replace(after, cells=(), things={}) == dataclasses.replace(
            before, cells=(), things={}
        )
        batch.step(batch.sample_actions(np.random.default_rng(0)))


@pytest.mark.parametrize("name", EDITABLE)
def test_compiled_rules_make_of_a_drawing_what_plain_python_does(name):
    with make(name, seed=5) as batch, make(name, seed=5, compiled=False) as plain:
        for seed in range(3):
            assert vary(batch, np.random.default_rng(seed), 2) == vary(plain, np.random.default_rng(seed), 2)
            assert take_level(batch) == take_level(plain)
            assert batch.rows.states.tobytes() == plain.rows.states.tobytes()


def test_a_drawn_maze_is_played_as_it_was_drawn():
    with make("maze", size=7, compiled=False) as batch:
        draw_level(batch, maze())
        state = batch.state(0)
        assert (state.row, state.col, state.length) == (1, 1, 8)
        for _ in range(8):
            batch.step(batch.act("shortest"))
        assert batch.finished["reached"][0] == 1 and batch.finished["episode_length"][0] == 8


def test_compiled_rows_take_a_drawn_level():
    with make("snake", 2) as batch:
        level = dataclasses.replace(take_level(batch), things={"head": [[0, 0]]})
        batch.restore(1, snapshot_of("snake", level))
        assert batch.obs[1, 0, 0] == 2


def test_a_lander_that_was_moved_falls_from_there():
    with make("lander", compiled=False) as batch:
        level = take_level(batch)
        draw_level(batch, dataclasses.replace(level, things={**level.things, "craft": [[5.0, 12.0]]}))
        batch.step([0])
        craft = batch.state(0).craft
        assert abs(craft.x - 5.0) < 0.3 and abs(craft.y - 12.0) < 0.5


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (MAZE.replace("G", "."), "one goal"),
        (MAZE.replace("#.###.#", "#.#####"), "no way"),
        (MAZE.replace("#S", "S."), "start is in a wall"),
        (MAZE.replace("..#.#", "..#?#"), "cell '\\?'"),
        (MAZE.replace("#######", "", 1), "6 lines"),
    ],
)
def test_the_rules_say_why_a_level_is_not_valid_and_nothing_changes(text, said):
    with make("maze", size=7, compiled=False) as batch:
        draw_level(batch, maze())
        before = [array.tobytes() for array in (batch.rows.states, batch.rows.params, batch.obs)]
        with pytest.raises(FileError, match=said):
            draw_level(batch, maze(text))
        assert [array.tobytes() for array in (batch.rows.states, batch.rows.params, batch.obs)] == before


@pytest.mark.parametrize(
    "place", [[-1, 2], [7, 2], [1.5, 2], [1e300, 2], [2**40, 2]], ids=["left", "right", "between", "far", "beyond"]
)
def test_a_place_outside_is_refused_before_a_rule_runs(place, monkeypatch):
    with make("maze", size=7, compiled=False) as batch:
        monkeypatch.setattr("puffer_arena.levels.drawn.finish", lambda batch: pytest.fail("a rule ran"))
        with pytest.raises(FileError, match="start"):
            draw_level(batch, maze(things={"start": [place]}))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"game": "snake"}, "of the game"),
        ({"game": "os"}, "no game"),
        ({"version": 999}, "version"),
        ({"level": -4}, "level"),
        ({"params": {"size": 900}}, "size"),
        ({"params": []}, "tables"),
        ({"things": {"start": [["a", 1]]}}, "places"),
        ({"more": 1}, "unknown part"),
    ],
)
def test_a_file_that_is_no_level_of_this_game_is_refused(change, said, tmp_path):
    path = tmp_path / "level.json"
    write_level(path, maze())
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    env = None if change.get("game") == "os" else load_env("maze")
    with pytest.raises(FileError, match=said):
        read_level(path, env)


def drawn_by(method: str, weight: float = 1.0, **change) -> dict:
    return {"method": method, "levels": [as_table(maze()) | change], "weight": weight}


@pytest.mark.parametrize("size", [7, 9])
def test_a_share_of_the_episodes_begins_at_drawn_levels(size):
    with make("maze", 30, size=size, max_steps=10, compiled=False) as batch:
        director = Director(batch, load_curriculum(batch.env, drawn_by("sfl", 0.5)))
        director.begin()
        drawn = director.entrances.present <= DRAWN
        assert 5 < drawn.sum() < 25
        want = np.array([[WALL if cell == "#" else FLOOR for cell in line] for line in maze().cells])
        want[5, 5] = GOAL
        assert (batch.rows.states["board"][drawn, :7, :7] == want).all()
        assert (batch.rows.params["size"] == np.where(drawn, 7, size)).all()
        told = []
        director.curriculum.ended = lambda episodes: told.append(episodes)
        for _ in range(12):
            batch.step(batch.act("shortest"))
            director.follow(batch.began)
        ended = director.report()
        assert (ended.records["episode_length"][ended.starts <= DRAWN] == 8).all()
        assert len(told[0]) == (ended.starts == -1).sum()  # the method hears of what it chose
        assert director.metrics()["curriculum/success_from_drawn"] == 1.0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"levels": 3}, "must be a list"),
        ({"weight": 0}, "weight = 0"),
        ({"levels": [as_table(maze()) | {"game": "tag"}]}, "level 1 of the curriculum is of the game"),
        ({"levels": [as_table(maze()) | {"version": 99}]}, "version 99"),
        ({"levels": [as_table(maze(MAZE.replace("G", ".")))]}, "drawn level 1: .*one goal"),
        ({"levels": [as_table(maze(things={"start": [[90, 1]]}))]}, "drawn level 1: .*outside of the level"),
        ({"levels": [as_table(maze(params={"size": 21}))]}, "drawn level 1: .*does not fit"),
    ],
)
def test_drawn_levels_that_cannot_be_are_refused_and_all_stays(change, said):
    with make("maze", 2, size=7, compiled=False) as batch:
        director = Director(batch, load_curriculum(batch.env, drawn_by("sfl")))
        director.begin()
        before, entrances = director.curriculum, director.entrances
        with pytest.raises(ArenaError, match=said):
            director.change(load_curriculum(batch.env, drawn_by("plr") | change))
        assert director.curriculum is before and director.entrances is entrances


@pytest.mark.parametrize(
    "row",
    [b"", b"no zlib", zlib.compress(b"x" * 7), zlib.compress(bytes(10_000_000))],
    ids=["none", "bad", "short", "bomb"],
)
def test_a_kept_row_from_a_trainer_is_checked_before_a_rule_draws_it(row):
    with make("maze", size=7, compiled=False) as batch:
        rows = batch.rows
        rows.states["row"][0] = 900  # beyond the board
        wrong = zlib.compress(rows.states.tobytes() + rows.params.tobytes())
        for data in (row, wrong):
            if data:
                with pytest.raises(FileError):
                    enter(batch, Shown(1, 0.5, row=data))
        assert batch.state(0).row < 7


@pytest.mark.parametrize("data", [b"", b"\xff\xfe", b"[" * 5000, b"game = 3", b"x" * 300_000])
def test_a_damaged_file_is_one_line(data, tmp_path):
    path = tmp_path / "level.toml"
    path.write_bytes(data)
    with pytest.raises(FileError):
        read_level(path)


def test_a_level_is_painted_undone_saved_played_and_opened_again(display, tmp_path):
    path = tmp_path / "first.toml"
    write_level(path, maze())
    with Program(["tests/window_program.py", "edit", "maze", str(tmp_path), str(path)], display) as program:
        shown = program.wait_for(lambda report: report.get("note", "").startswith("opened"))
        assert shown["reason"] == "" and shown["cells"] == list(maze().cells)
        program.find_window()
        (left, top), scale = shown["place"], shown["scale"]
        program.key("2")
        program.wait_for(lambda report: report.get("brush") == 1)
        program.click(left + 5.5 * scale, top + 4.5 * scale)  # a wall in the only way
        program.wait_for(lambda report: report.get("reason") == "there is no way to the goal")
        program.key("p")  # what is not valid is not played
        program.wait_for(lambda report: "no way" in report.get("note", ""))
        program.key("ctrl+z")
        program.wait_for(lambda report: report.get("reason") == "")
        program.key("Left", "Up", "m")  # the start to the cell beside the cursor's
        moved = program.wait_for(lambda report: report.get("things", {}).get("start") == [[4.0, 3.0]])
        program.key("s")
        program.wait_for(lambda report: report.get("note", "").startswith("saved"))
        program.key("p")
        program.wait_for(lambda report: report.get("branch") == "ready")
        program.key("Right")
        program.wait_for(lambda report: report.get("steps") == 1)
        program.key("Escape")
        program.wait_for(lambda report: report.get("things") == moved["things"])
        assert program.quit_window() == 0
    (saved,) = tmp_path.glob("maze-*.toml")
    assert read_level(saved).things == {"start": [[4.0, 3.0]]}


def with_cells(name: str, text: str, **params) -> tuple[Level, dict]:
    return Level(name, load_env(name).version, 0, params, tuple(text.split())), params


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("connect4", ".... ..y. .... rr..", ""),
        ("connect4", ".... .... .... rrry", "by turns, red first: 3 red and 1 yellow"),
        ("connect4", ".... yyy. .... rrrr", "somebody has a line already"),
        ("connect4", "yryr ryry yryr ryry", "somebody has a line already"),
        ("hex", "r.. .r. b..", ""),
        ("hex", "bb. ... ...", "0 red and 2 blue"),
        ("hex", "r.. r.. rbb", "red has joined"),
        ("hex", "rr. bbb r..", "blue has joined"),
        ("hex", "r.. bb. rr.", ""),
    ],
)
def test_boards_that_are_drawn_are_those_of_a_game_that_goes_on(name, text, said):
    level, params = with_cells(name, text, **({"rows": 4, "cols": 4} if name == "connect4" else {"size": 3}))
    with make(name, compiled=False, **params) as batch:
        if said:
            with pytest.raises(FileError, match=said):
                draw_level(batch, level)
            return
        draw_level(batch, level)
        stones = sum(cell != "." for line in level.cells for cell in line)
        assert batch.state(0).laid == stones and batch.acting[0].tolist() == [stones % 2 == 0, stones % 2 == 1]


def test_stones_that_are_drawn_fall():
    level, params = with_cells("connect4", ".r.. .... .y.. r...", rows=4, cols=4)
    with make("connect4", compiled=False, **params) as batch:
        draw_level(batch, level)
        assert take_level(batch).cells == ("....", "....", ".r..", "ry..")


def test_rooms_that_are_drawn_are_walked_through_by_the_bot():
    params = {"rooms": 1, "size": 4, "things": 2, "shown": 1}
    level, _ = with_cells("rooms", "###### #....# ###.## #....# #....# ######", **params)
    level = dataclasses.replace(level, things={"start": [[1, 1]], "wanted": [[1, 4]], "thing": [[4, 1]]})
    with make("rooms", compiled=False, **params) as batch:
        draw_level(batch, level)
        assert batch.state(0).distance[1, 1] == 7 and take_level(batch).cells == level.cells
        assert take_level(batch).things == level.things
        while not batch.terminated[0]:
            batch.step(batch.act("seeker"))
        assert batch.finished["found"][0] == 1
        for things, said in (
            ({"start": [[1, 2]]}, "in a wall"),
            ({"thing": [[1, 4]]}, "another thing"),
            ({"thing": [[3, 2]]}, "no way"),
        ):
            with pytest.raises(FileError, match=said):
                draw_level(batch, dataclasses.replace(level, things={**level.things, **things}))


def test_a_stroke_of_the_mouse_is_undone_and_made_again_at_once():
    from puffer_arena.render.editor.canvas import Drawing

    with make("lander", compiled=False, autoreset="disabled") as batch:
        batch.reset(levels=0)
        drawing = Drawing(batch)
        first = drawing.level
        for x in (-1.0, 0.0, 1.0):  # as frames of a drag
            drawing.begin_stroke()
            assert drawing.move("craft", 0, x, 15.0)
        drawing.end_stroke()
        dragged = drawing.level
        assert drawing.move("craft", 0, 2.0, 15.0) and drawing.move("craft", 0, 3.0, 15.0)
        for expected in (2.0, 1.0):
            drawing.undo()
            assert drawing.level.things["craft"][0][0] == expected
        drawing.undo()
        assert drawing.level == first
        drawing.redo()
        assert drawing.level == dragged


@pytest.mark.parametrize(
    ("drawn", "said"),
    [({"cells": "###\n#G#"}, "2 lines of"), ({"things": {"start": [[-3, 9]]}}, "cannot be at -3, 9")],
    ids=["of another size", "outside"],
)
def test_the_editor_opens_no_window_on_a_file_that_does_not_fit(tmp_path, drawn, said):
    pytest.importorskip("imgui_bundle")
    from puffer_arena.render.editor.show import edit

    path = tmp_path / "level.json"
    path.write_text(json.dumps({"game": "maze", "version": load_env("maze").version, "params": {"size": 7}, **drawn}))
    with pytest.raises(FileError, match=said):
        edit("maze", str(path), on_frame=lambda screen: pytest.fail("a window opened"))


def test_a_game_without_an_editor_names_those_that_have_one():
    with pytest.raises(ArenaError, match=r"declares no Env\.editor.*: bomber, connect4, .*, hex, .*rooms"):
        draw_level(make("cartpole", compiled=False), Level("cartpole", 0))


def test_cells_lie_where_the_picture_shows_them():
    cells = load_env("hex").editor.cells
    assert all(cells.cell(*cells.place(row, col)) == (row, col) for row in range(6) for col in range(6))
    assert cells.place(0, 0) == (1.0, 1.75) and cells.cell(-3.0, 1.75) == (0, -4)
