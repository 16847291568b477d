"""What a person writes of a curriculum: ranges, tables, files and the command line."""

import dataclasses
import re
from dataclasses import dataclass

import numpy as np
import pytest

from puffer_arena import make
from puffer_arena.core.params import param, read_together
from puffer_arena.curriculum import CURRICULA, Director, load_curriculum
from puffer_arena.curriculum.choose import name_curriculum, read_table
from puffer_arena.curriculum.spread import read_spread
from puffer_arena.errors import ArenaError, DefinitionError, FileError, ParameterError, UnknownName
from puffer_arena.levels.drawn import as_table, take_level, write_level
from puffer_arena.registry import load_env


@pytest.mark.parametrize(
    ("name", "given", "values"),
    [
        ("walls", "0.2:0.6", None),
        ("walls", "0.2, 0.5", {0.2, 0.5}),
        ("walls", 0.25, {0.25}),
        ("max_steps", "10:12", {10, 11, 12}),
        ("max_steps", [20, 40], {20, 40}),
        ("max_steps", "10:1000:log", None),
    ],
)
def test_values_come_from_their_range_and_find_their_way_back(name, given, values):
    parameter = load_env("maze").parameters[name]
    spread = read_spread(parameter, given)
    drawn = spread.draw(2000, np.random.default_rng(0))
    assert spread.holds(drawn).all()
    assert values is None or set(drawn.tolist()) == values
    assert spread.low <= drawn.min() <= drawn.max() <= spread.high
    again = spread.at(spread.part(drawn))
    np.testing.assert_allclose(again, drawn, rtol=0.02, atol=1e-9)
    assert str(read_spread(parameter, str(spread))) == str(spread)
    if "log" in str(given):
        assert 70 < np.median(drawn) < 140  # as many in each decade


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("0.6:0.2", "low end is above its high end"),
        ("0:0.5:log", "begins above 0"),
        ("0.2:7", "out of range"),
        ("a:b", "'a' is no number"),
        ("", "is no number"),
        ([], "0 values"),
        (None, "of the wrong type"),
        ("nan:1", "out of range"),
    ],
)
def test_ranges_that_cannot_be_are_refused(given, message):
    with pytest.raises(ParameterError, match=message):
        read_spread(load_env("maze").parameters["walls"], given)


def test_files_without_a_curriculum_are_refused(tmp_path):
    for text, message in (("", "has no CURRICULUM"), ("import nothing_of_this_name", "cannot be imported")):
        (tmp_path / "own.py").write_text(text)
        with pytest.raises(DefinitionError, match=message):
            name_curriculum(str(tmp_path / "own.py"))
    with pytest.raises(ArenaError, match="is not there"):
        name_curriculum(str(tmp_path / "none.py"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"until": {"measure": "reach"}}, "unknown measure 'reach'; did you mean 'reached'"),
        ({"until": {"measure": "success", "at_least": 1.5}}, "can never end it"),
        ({"until": {"measure": "success", "at_most": 1.0}}, "can never end it or always does"),
        ({"until": {"measure": "length", "at_most": 0.5}}, "no episode is shorter than 1 step"),
        ({"until": {"measure": "success"}}, "needs a number: at_least or at_most"),
        ({"until": {"at_least": 0.5, "episodes": 0}}, "episodes = 0"),
        ({"until": {"at_least": 0.5, "smoothing": 1.0}}, "smoothing = 1.0"),
        ({"until": 3}, "must be a table"),
        ({"range": {}}, "unknown name 'range'; did you mean 'ranges'"),
        ({"ranges": {"wall": 1}}, "unknown name 'wall'; did you mean 'walls'"),
        ({}, "never ends, and others follow it"),
    ],
)
def test_lessons_that_can_never_end_are_said_at_the_start(change, message):
    with pytest.raises(ArenaError, match=message):
        load_curriculum(load_env("maze"), {"lessons": [change, {"ranges": {"walls": 0.5}}]})


@pytest.mark.parametrize("ranges", [{}, {"max_steps": "10:20"}])
def test_a_lesson_that_waits_for_longer_episodes_than_there_are_is_said_at_the_start(ranges):
    batch, lessons = make("maze", 2, size=7, max_steps=20), [{"until": {"measure": "length", "at_least": 21}}, {}]
    lessons[0]["ranges"] = ranges
    with pytest.raises(
        ParameterError, match="no episode is longer than max_steps = 20 steps, so at_least = 21 can never"
    ):
        Director(batch, load_curriculum(batch.env, {"lessons": lessons}))
    lessons[0]["until"]["at_least"] = 20
    Director(batch, load_curriculum(batch.env, {"lessons": lessons}))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"method": "uniform"}, r"needs ranges, such as --curriculum.ranges size=LOW:HIGH"),
        ({"method": "alp"}, "alp needs ranges"),
        ({"method": "unifrom"}, "did you mean 'uniform'"),
        ({"method": "plr", "settings": {"capacity": 0}}, "capacity"),
        ({"method": "plr", "settings": {"size": 3}}, "unknown setting 'curriculum.size'"),
        ({"method": "plr", "ranges": {"wall": 1}}, "unknown parameter 'wall'"),
        ({"method": "plr", "lessons": []}, "takes no lessons"),
        ({"method": "lessons"}, "needs some"),
        ({"methods": "plr"}, "unknown part 'methods'; did you mean 'method'"),
        ({"ranges": 3}, "ranges must be a table"),
        (
            {"method": "alp", "ranges": dict.fromkeys(("max_steps", "distance"), "10:20"), "settings": {"bins": 900}},
            "cells",
        ),
    ],
)
def test_tables_that_cannot_be_are_refused(given, message):
    with pytest.raises(ArenaError, match=message):
        load_curriculum(load_env("maze"), given)


def test_toml_files_are_read_with_a_bound(tmp_path):
    file = tmp_path / "own.toml"
    file.write_text('method = "uniform"\n[ranges]\nwalls = "0:0.5"\n')
    assert isinstance(load_curriculum(load_env("maze"), read_table(file)), CURRICULA["uniform"])
    for data in (b"= 3", b"\xff\xfe", b"#" * 1_000_001):
        file.write_bytes(data)
        with pytest.raises(ParameterError, match=re.escape(str(file))):
            read_table(file)


def test_the_command_line_reads_names_files_ranges_and_settings(tmp_path):
    pytest.importorskip("tyro")
    from puffer_arena.cli.train import final_config, parse_arguments

    (tmp_path / "own.toml").write_text('method = "plr"\n[ranges]\nwalls = "0:0.5"\n')
    arguments = ["maze", "--curriculum", str(tmp_path / "own.toml"), "--curriculum.ranges", "size=5:9"]
    config = final_config(parse_arguments([*arguments, "--curriculum.settings", "capacity=50"]))
    assert config.curriculum == {
        "method": "plr", "ranges": {"walls": "0:0.5", "size": "5:9"}, "settings": {"capacity": 50},
    }  # fmt: skip
    plain = final_config(parse_arguments(["maze", "--curriculum", "sfl"]))
    assert plain.curriculum == {"method": "sfl"}
    with pytest.raises(UnknownName, match="did you mean 'sfl'"):
        final_config(parse_arguments(["maze", "--curriculum", "sfi"]))
    with make("maze", size=7, compiled=False) as batch:
        level = take_level(batch)
    write_level(tmp_path / "drawn.toml", level)
    drawn = ["--curriculum.levels", str(tmp_path / "drawn.toml"), "--curriculum.weight", "0.5"]
    mixed = final_config(parse_arguments(["maze", *drawn])).curriculum
    assert mixed == {"levels": [as_table(level)], "weight": 0.5}
    with pytest.raises(FileError, match="is of the game 'maze', not of 'tag'"):
        final_config(parse_arguments(["tag", *drawn]))
    with pytest.raises(ParameterError, match="is not name=value"):
        final_config(parse_arguments(["maze", "--curriculum.ranges", "size"]))


def test_a_run_that_names_its_own_curriculum_again_keeps_its_table(tmp_path):
    pytest.importorskip("tyro")
    from puffer_arena.cli.train import curriculum_table, final_config, parse_arguments

    (tmp_path / "own.py").write_text("from puffer_arena.curriculum import *\n\nCURRICULUM = Curriculum\n")
    arguments = ["maze", "--curriculum", str(tmp_path / "own.py")]
    kept = final_config(parse_arguments([*arguments, "--curriculum.ranges", "walls=0:0.5"])).curriculum
    assert kept["ranges"] == {"walls": "0:0.5"}
    assert curriculum_table(parse_arguments(arguments), kept) == kept
    assert curriculum_table(parse_arguments(["maze", "--curriculum", "plr"]), kept) == {"method": "plr"}


def test_success_is_a_counter_of_the_environment():
    with pytest.raises(DefinitionError, match="success: 'goal' must be one of counters"):
        dataclasses.replace(load_env("maze"), success="goal")


@dataclass(frozen=True)
class Paired:
    low: float = param(0.0, 0.0, 9.0)
    high: float = param(5.0, 0.0, 9.0)
    other: int = param(3, 0, 9)

    @property
    def room(self) -> float:
        return self.high - self.low

    def __post_init__(self) -> None:
        if self.room < 0.0:
            raise ValueError("low is above high")


@dataclass(frozen=True)
class Handing(Paired):
    def __post_init__(self) -> None:
        if any(value == 7 for value in vars(self).values()):
            raise ValueError("7 is taken")


def test_what_is_checked_together_is_known_through_properties_or_else_everything_is():
    assert read_together(Paired) == {"low", "high"}
    assert read_together(Handing) == {"low", "high", "other"}
