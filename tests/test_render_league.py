"""The league in the window: what is read from a run's metrics."""

import math

import numpy as np

from puffer_arena.core.canvas import RecordingCanvas
from puffer_arena.registry import load_env
from puffer_arena.render.draw.league import draw_league, pair_at, payoff_picture
from puffer_arena.render.window.league import read_league
from puffer_arena.render.window.meetings import Meetings

METRICS = {
    "league/rating": [(100.0, 25.0), (200.0, 31.0)],
    "league/uncertainty": [(200.0, 1.5)],
    "league/rating/bot:hunt": [(100.0, 30.0), (200.0, 40.0)],
    "league/rating/self@0": [(100.0, 20.0), (200.0, 10.0)],
    "league/rating/gone": [(100.0, 50.0)],
    "league/win_rate/bot:hunt": [(200.0, 0.2)],
    "league/win_rate/self@0": [(200.0, 0.9)],
    "league/payoff/bot:hunt/self@0": [(150.0, 1.0)],
}


def test_the_league_is_read_from_the_newest_metrics_without_those_who_left() -> None:
    rated, payoffs = read_league(METRICS)
    assert rated == [
        ("bot:hunt", 40.0, 40.0, 40.0),
        ("policy", 31.0, 31.0 - 1.96 * 1.5, 31.0 + 1.96 * 1.5),
        ("self@0", 10.0, 10.0, 10.0),
    ]
    assert payoffs[0][1] == 0.8 and payoffs[1][0] == 0.2 and payoffs[0][2] == 1.0
    assert math.isnan(payoffs[2][0]) and math.isnan(payoffs[1][1])
    assert read_league({"episode_return": [(0.0, 1.0)]}) == ([], [])


def test_a_cell_of_the_heat_map_begins_a_match_of_the_two(tmp_path) -> None:
    rated, payoffs = read_league(METRICS)
    canvas = RecordingCanvas()
    draw_league(canvas, "", rated, payoffs)
    cells = [given for kind, given in canvas.primitives if kind == "rect" and given["color"] == "raised"]
    found = [pair_at(each["x"] + 5, each["y"] + 5, 3) for each in cells]
    assert found == [None if i == j else (i, j) for i in range(3) for j in range(3)]
    assert pair_at(0, 0, 3) is None
    tag = Meetings("tag", load_env("tag"), 6, tmp_path, {})
    wanted = f"run:{tmp_path},run:{tmp_path}#self@0"
    assert tag.command("policy", "self@0") == ("play", "tag", "--seats", wanted)
    runner = Meetings("tag", load_env("tag"), 6, tmp_path, {}, "runner")  # who keeps a role has its side
    assert runner.command("policy", "self@0")[-1] == f"run:{tmp_path}#self@0,run:{tmp_path}"
    assert runner.command("policy", "bot:hunt")[-1] == f"bot:hunt,run:{tmp_path}"
    assert runner.command("bot:hunt", "random")[-1] == "bot:hunt,random"
    sumo = Meetings("sumo", load_env("sumo"), 4, tmp_path, {"max_steps": 40, "pair": [1, 2]})
    seats = "bot:rikishi,random,random,random"
    expect = ("play", "sumo", "--seats", seats, "--param", "max_steps=40", "--param", "pair=1,2")
    assert sumo.command("bot:rikishi", "random") == expect  # the game that the run learns


def test_payoffs_are_drawn_in_two_colours_by_how_far_they_are_from_even() -> None:
    rated, payoffs = read_league(METRICS)
    picture = payoff_picture("points per game", rated, payoffs).rgb_array()
    won, lost = picture[110, 850], picture[110 + 160, 550]
    assert won[2] > won[0] and lost[0] > lost[2]
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 20
