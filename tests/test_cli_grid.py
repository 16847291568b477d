"""`eval --grid`: what is measured at which point, printed and drawn."""

import json

import numpy as np
import pytest

from puffer_arena.__main__ import main
from puffer_arena.cli.grid import Axis, measure, read_axes
from puffer_arena.errors import ArenaError
from puffer_arena.players.evaluate import Sample
from puffer_arena.registry import load_env

pytest.importorskip("tyro")
EASY = ["--param", "size=5", "--param", "max_steps=12", "--episodes", "20", "--seed", "3"]


def test_every_point_is_played_on_both_kinds_of_levels_and_is_the_right_one():
    asked = []

    def play(split, point):
        asked.append((split, dict(point)))
        reached = np.arange(10) < point["distance"]
        return Sample({"return": np.zeros(10), "length": np.ones(10), "reached": reached})

    axes = [Axis("distance", (2, 7)), Axis("walls", (0.0, 0.5, 1.0))]
    rates = measure(load_env("maze"), axes, play)
    assert len(asked) == 2 * 2 * 3 and asked[0] == ("train", {"distance": 2, "walls": 0.0})
    assert [[rate.mean for rate in line] for line in rates["held_out"]] == [[0.2] * 3, [0.7] * 3]
    assert all(rate.low < rate.mean < rate.high for line in rates["train"] for rate in line)


@pytest.mark.parametrize(
    ("given", "values"),
    [("walls=0:1:5", (0.0, 0.25, 0.5, 0.75, 1.0)), ("size=5:9:3", (5, 7, 9)), ("size=5:7:9", (5, 6, 7)),
     ("size=5,21", (5, 21)), ("max_steps=10:1000:log:3", (10, 100, 1000))],
)  # fmt: skip
def test_axes_are_ranges_with_a_count_or_values(given, values):
    (axis,) = read_axes(load_env("maze"), [given])
    assert axis.values == pytest.approx(values)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["walls"], "is not NAME=LOW:HIGH:COUNT"),
        (["wall=0:1:5"], "did you mean 'walls'"),
        (["walls=0:1"], "end the range with how many points"),
        (["walls=0:1:1"], "end the range with how many points"),
        (["walls=0:7:5"], "out of range"),
        (["walls=0:1:5"] * 2, "one or two different parameters"),
        (["walls=0:1:30", "size=5:60:30"], "at most 400"),
    ],
)
def test_axes_that_cannot_be_are_refused(given, message):
    with pytest.raises(ArenaError, match=message):
        read_axes(load_env("maze"), given)


@pytest.mark.parametrize("axes", [["walls=0:1:2"], ["walls=0:1:2", "distance=1,3"]])
def test_the_command_prints_and_draws(axes, tmp_path, capsys):
    pygame = pytest.importorskip("pygame")
    picture = tmp_path / "success.png"
    grid = [word for axis in axes for word in ("--grid", axis)]
    assert main(["eval", "maze", "bot:shortest", *EASY, *grid, "--picture", str(picture)]) == 0
    said = capsys.readouterr().out
    assert "training levels" in said and "held-out levels" in said and "1.00" in said
    pixels = pygame.surfarray.array3d(pygame.image.load(str(picture)))
    assert pixels.shape == (960, 540, 3) and len(np.unique(pixels.reshape(-1, 3), axis=0)) > 20
    assert [path.name for path in tmp_path.iterdir()] == ["success.png"]


def test_the_figures_as_json(capsys):
    assert main(["eval", "maze", "bot:shortest", *EASY, "--grid", "walls=0,1", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["axes"] == {"walls": [0.0, 1.0]} and told["success"]["train"][0][0]["mean"] == 1.0


def test_what_does_not_go_together_is_said(tmp_path, capsys):
    assert main(["eval", "maze", "bot:shortest", "--picture", "a.png"]) == 2
    assert (
        main(["eval", "maze", "bot:shortest", *EASY, "--grid", "walls=0,1", "--picture", f"{tmp_path}/no/a.png"]) == 2
    )
    said = capsys.readouterr().err
    assert "--picture needs --grid" in said and "cannot be written" in said
