"""The window's parts that need no window: numbers, curves, places, pace, and the local source."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

from puffer_arena import make
from puffer_arena.core.spaces import Box, Discrete, MultiDiscrete
from puffer_arena.render.draw.fit import fit
from puffer_arena.render.draw.look import Look
from puffer_arena.render.draw.numbers import format_count, format_tick, format_value, nice_ticks
from puffer_arena.render.window.local_source import LocalSource
from puffer_arena.render.window.sight import Sight

pytest.importorskip("imgui_bundle")
from puffer_arena.render.window.charts import MOST_POINTS, Charts, family, limits, prepare, smoothed, tick_label
from puffer_arena.render.window.grid_view import Watch, arrange
from puffer_arena.render.window.imgui_canvas import clockwise
from puffer_arena.render.window.knobs import settable
from puffer_arena.render.window.pace import (
    CALM_FRAME,
    CALM_POLL,
    CALM_SHARE,
    CALM_WISH,
    LIVELY,
    POLL,
    SHARE,
    SLOWEST,
    Pace,
)
from puffer_arena.render.window.panels import change_speed, nearest_stop
from puffer_arena.render.window.policy_view import choice_names


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (950, "950"), (1250, "1.25 k"), (12_400_000, "12.4 M"), (999_999, "1.00 M"), (3e9, "3.00 G")],
)
def test_counts_are_written_short(value, text):
    assert format_count(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.00"),
        (0.123, "0.12"),
        (-1.5, "-1.50"),
        (0.0081, "0.008"),
        (42.42, "42.4"),
        (431.2, "431"),
        (3e-4, "3e-4"),
    ],
)
def test_values_are_written_in_about_three_figures(value, text):
    assert format_value(value) == text


def test_what_is_no_number_is_said_so():
    assert format_value(math.nan) == "n/a"


@pytest.mark.parametrize("up", [False, True])
def test_a_camera_comes_nearer_to_what_lies_under_the_mouse_and_stays_inside_the_world(up):
    look, world, pixels = Look(), (-5.0, 2.0, 20.0, 10.0), (100.0, 50.0, 400.0, 400.0)

    def see(agent=None):
        look.seen = fit(look.crop(world, pixels, agent), pixels, up=up)
        return look.seen

    assert (see().scale, look.seen.width) == (20.0, 400.0)
    under = look.seen.world(260.0, 230.0)
    look.wheel(3, (260.0, 230.0))
    assert see().point(*under) == pytest.approx((260.0, 230.0))
    assert look.seen.height == 400.0  # what is zoomed fills more of a taller picture
    before = look.seen.point(*under)
    look.drag(30.0, 0.0, 400.0)
    assert see().point(*under) == pytest.approx((before[0] + 30.0, before[1]))
    look.follow(True)
    x, y = see((0.0, 7.0)).world(300.0, 250.0)
    assert (x, y) == pytest.approx((0.0, 7.0))
    corner = see((99.0, 99.0)).world(100.0 + look.seen.width, look.seen.y0)
    assert corner[0] == pytest.approx(15.0) and (not up or corner[1] == pytest.approx(12.0))
    look.reset()
    assert not look.is_moved and look.crop(world, pixels, None) == world
    look.wheel(-5, (0.0, 0.0))
    assert look.zoom == 1.0  # a plane is never smaller than whole


def test_ticks_are_round_few_and_inside():
    assert nice_ticks(0, 39e6, 4) == [0, 10e6, 20e6, 30e6]
    assert nice_ticks(0.0, 1.0, 6) == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1.0])
    assert nice_ticks(-0.3, 1.1, 4) == [0.0, 0.5, 1.0] and nice_ticks(120.0, 480.0, 4) == [200.0, 300.0, 400.0]
    assert nice_ticks(5, 5, 4) == []
    for low, high, most in ((-3.7, 19.2, 5), (1e-9, 2e-9, 3), (-1e7, 4e8, 7)):
        ticks = nice_ticks(low, high, most)
        assert 1 <= len(ticks) <= most
        assert all(low - 1e-12 <= tick <= high * (1 + 1e-9) for tick in ticks)


def test_tick_labels_tell_neighbours_apart():
    assert format_tick(10e6) == "10 M"
    assert tick_label(0.25, [0.0, 0.25, 0.5]) == "0.25"
    assert tick_label(20.0, [10.0, 20.0]) == "20"
    assert tick_label(20_000.0, [10_000.0, 20_000.0]) == "20 k"
    assert tick_label(-0.0002, [-0.0004, -0.0002, 0.0]) == "-2e-4"


def test_smoothing_is_fair_to_the_first_points():
    assert smoothed(np.full(50, 3.0)) == pytest.approx(3.0)
    # Two points under 0.9: (0.1*0.9*1 + 0.1*2) / (1 - 0.81) = 0.29 / 0.19.
    assert smoothed(np.array([1.0, 2.0]))[1] == pytest.approx(0.29 / 0.19)


def test_long_curves_are_thinned_by_averaging():
    curve = prepare([(float(k), float(k % 2)) for k in range(10_000)])
    assert len(curve.steps) == MOST_POINTS
    assert curve.raw == pytest.approx(0.5)
    assert (np.diff(curve.steps) > 0).all()


def test_points_that_are_no_numbers_are_left_out():
    curve = prepare([(0.0, 1.0), (1.0, math.nan), (2.0, math.inf), (3.0, 2.0)])
    assert curve.raw.tolist() == [1.0, 2.0]
    assert len(prepare([(0.0, math.nan)]).raw) == 0


def test_charts_begin_with_the_return_and_a_loss():
    metrics = {"entropy": [(0, 1)], "loss/value": [(0, 1)], "episode_return": [(0, 1)], "score": [(0, 1)]}
    charts = Charts()
    assert [charts.choose(k, metrics) for k in range(3)] == ["episode_return", "loss/value", "score"]
    charts.chosen[0] = "entropy"
    assert charts.choose(0, metrics) == "entropy"
    assert Charts().choose(0, {}) is None
    assert Charts().choose(1, {"entropy": [(0, 1)]}) is None  # the first chart has it already


def test_a_metric_is_drawn_with_its_parts():
    metrics = {"episode_return/runner": [], "episode_return": [], "episode_return/chaser": [], "episodes": []}
    assert family("episode_return", metrics) == ["episode_return", "episode_return/chaser", "episode_return/runner"]


def test_a_curve_is_prepared_anew_when_it_grows():
    charts, points = Charts(), [(0.0, 1.0)]
    first = charts.curve("loss", {"loss": points})
    assert charts.curve("loss", {"loss": points}) is first
    points.append((1.0, 2.0))
    assert len(charts.curve("loss", {"loss": points}).raw) == 2


def test_limits_hold_a_constant_curve():
    low_x, high_x, low_y, high_y = limits([prepare([(0.0, 5.0)])])
    assert low_x < high_x
    assert low_y < 5.0 < high_y


@pytest.mark.parametrize(("count", "columns"), [(1, 1), (4, 2), (9, 3), (16, 4)])
def test_tiles_fill_a_square_as_a_square(count, columns):
    tiles = arrange(count, (0, 0, 600, 600), 1.0, 20, 8)
    assert len({x for x, _, _, _ in tiles}) == columns


def test_tiles_lie_inside_without_overlap():
    area = (10, 20, 900, 500)
    for count in range(1, 37):
        for aspect in (0.5, 1.0, 1.8):
            tiles = arrange(count, area, aspect, 26, 8)
            for x, y, width, height in tiles:
                assert x >= 9.9 and y >= 19.9 and x + width <= 910.1 and y + height <= 520.1
                assert width / (height - 26) == pytest.approx(aspect)
            corners = {(round(x, 3), round(y, 3)) for x, y, _, _ in tiles}
            assert len(corners) == count


def test_the_watched_row_is_replaced_when_it_goes():
    watch = Watch()
    frame = SimpleNamespace(rows=np.array([4, 5, 6]))
    assert watch.slot(frame) == 0
    watch.move(frame, -1)
    assert watch.row == 6
    watch.enlarged = True
    assert watch.slot(SimpleNamespace(rows=np.array([1, 2]))) == 0
    assert watch.row == 1
    assert not watch.enlarged


def test_frames_are_drawn_at_once_after_input_and_at_a_bounded_cost_otherwise():
    pace = Pace(cores=2)
    assert pace.due(0.0, fresh=True)
    pace.drew(0.0, 0.03)  # 30 ms of processor time a frame
    assert not pace.due(0.03 / SHARE - 0.01, fresh=True)
    assert pace.due(0.03 / SHARE + 0.01, fresh=True)
    assert not pace.due(0.03 / SHARE + 0.01, fresh=False)
    assert pace.due(SLOWEST, fresh=False)
    pace.touch(0.02)
    assert pace.due(0.02, fresh=False)
    pace.drew(0.02, 0.001, fresh=False)
    assert pace.interval == 0.03 / SHARE  # an answer that shows no new rows is no measure for those
    assert not pace.due(0.02 + POLL / 2, fresh=False)
    assert pace.due(0.02 + POLL, fresh=False)
    assert pace.rest(0.03) == POLL
    assert not pace.due(0.02 + LIVELY, fresh=False)


def test_an_answer_to_the_person_does_not_wait_for_new_rows():
    pace = Pace(cores=2)
    pace.drew(0.0, 0.03)
    assert pace.looks(1.0)
    pace.touch(1.01)
    assert not pace.looks(1.01)
    assert pace.due(1.01, fresh=False)
    pace.drew(1.01, 0.001, fresh=False)
    assert pace.looks(1.02)
    pace.ask()  # the answer itself has changed what there is to show
    assert pace.rest(1.02) == 0.0 and pace.due(1.02, fresh=True)
    pace.drew(1.02, 0.001, fresh=False)
    pace.touch(1.02 + 0.03 / SHARE)  # somebody who never rests still sees new rows
    assert pace.looks(1.02 + 0.03 / SHARE)


def test_beside_a_trainer_a_window_takes_a_small_share_of_the_machine():
    pace = Pace(cores=8)
    pace.calm = True
    pace.drew(0.0, 0.009)
    assert pace.interval == pytest.approx(0.009 / (8 * CALM_SHARE))
    assert pace.rest(0.0) == min(pace.interval, CALM_POLL)
    pace.drew(0.0, 10.0)
    assert pace.interval == SLOWEST


def test_frames_are_asked_for_as_they_will_be_drawn():
    pace = Pace(cores=2)
    pace.calm = True
    pace.drew(0.0, 0.001)
    assert pace.wish(0.0) == CALM_FRAME  # faster is of no use in time-lapse
    pace.drew(0.0, 1.0)
    assert pace.wish(0.0) == SLOWEST
    pace.touch(0.0)
    assert pace.wish(0.1) == CALM_WISH
    assert pace.wish(LIVELY) == SLOWEST
    pace.calm = False
    assert pace.wish(0.1) == POLL


def test_choices_have_names():
    assert choice_names(Discrete(2, ("left", "right")), 2) == ["left", "right"]
    assert choice_names(Discrete(3), 3) == ["action 0", "action 1", "action 2"]
    assert choice_names(MultiDiscrete((2, 2), ("turn", "go")), 4) == ["turn 0", "turn 1", "go 0", "go 1"]
    assert choice_names(Box(0.0, 1.0, (1,)), 2) == ["choice 0", "choice 1"]


def test_sliders_give_round_values_inside_the_range():
    snake = make("snake", 1).env.parameters
    assert settable(snake["rows"], 11, 7.4) == 7
    assert settable(snake["rows"], 11, 12.0) == 11
    assert settable(snake["reward_food"], 10.0, 1.2345) == pytest.approx(1.2)
    value = settable(snake["reward_death"], 0.0, -0.999)
    assert snake["reward_death"].check(value) == value


def test_speed_goes_by_stops():
    sent = []
    source = SimpleNamespace(mode="smooth", speed=1.0, send=lambda command, value: sent.append((command, value)))
    change_speed(source, 1)
    change_speed(source, -1)
    assert sent == [("speed", 2.0), ("speed", 0.5)]
    source.mode, source.speed = "time-lapse", 0.0
    assert nearest_stop(source) == 7  # no limit


def test_polygons_wind_one_way():
    square = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)]
    assert clockwise(square) == square
    assert clockwise(square[::-1]) == square


# -- the local source -----------------------------------------------------------------------------------


class Clock:
    """A clock that tests move by hand."""

    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def source():
    clock = Clock()
    local = LocalSource(make("snake", 12, seed=1), clock=clock)
    local.clock = clock
    yield local
    local.close()


def test_it_plays_at_natural_speed(source):
    source.clock.now += 2.1 / source.env.steps_per_second  # two steps are due
    source.poll()
    assert source.frame.steps == 2 * 12
    assert source.frame.rows.tolist() == list(range(9))
    assert (source.frame.states["step_count"] == 2).all()


def test_twice_the_speed_takes_half_the_time(source):
    source.send("speed", value=2.0)
    source.clock.now += 2.1 / source.env.steps_per_second
    source.poll()
    assert source.frame.steps == 4 * 12


def test_it_makes_up_little_after_a_long_hitch(source):
    source.clock.now += 3600.0
    source.poll()
    assert source.frame.steps <= 12 * (0.25 * source.env.steps_per_second + 1)


def test_pause_stops_and_step_makes_one(source):
    source.send("pause")
    source.clock.now += 1.0
    source.poll()
    assert source.frame.steps == 0
    source.send("step")
    assert source.frame.steps == 12
    source.send("resume")
    source.poll()
    assert source.frame.steps == 12  # the time of the pause is not made up


def test_rows_are_chosen_and_bounded(source):
    source.send("rows", indices=[3, 11, 12, -1])
    assert source.frame.rows.tolist() == [3, 11]


def test_parameters_are_set_or_the_reason_is_noted(source):
    source.send("param", name="max_hunger", value=50)
    assert (source.frame.params["max_hunger"] == 50).all()
    source.send("param", name="max_hunger", value=-5)
    assert "out of range" in source.note
    source.send("param", name="nothing", value=1)
    assert "unknown parameter 'nothing'" in source.note


def test_commands_for_a_trainer_are_answered(source):
    source.send("learning_rate", value=0.1)
    assert "needs a trainer" in source.note


def test_frames_are_copies(source):
    before = source.frame.states.copy()
    source.send("step")
    old = source.frame
    source.send("step")
    assert old is not source.frame
    assert not np.array_equal(before, source.frame.states)


def test_curves_grow_as_episodes_end(source):
    source.send("speed", value=100.0)
    for _ in range(400):
        source.clock.now += 0.1
        source.poll()
    assert len(source.metrics["episode_return"]) > 0
    assert len(source.metrics["steps_per_second"]) > 10


@pytest.mark.parametrize("env_id", ["snake", "tag"])
def test_what_an_agent_sees_is_what_its_batch_gave_it(env_id):
    with make(env_id, 5, seed=1) as batch:
        source, sight = LocalSource(batch), Sight()
        for _ in range(4):
            source.send("step")
        source.send("rows", indices=[3, 1])
        seen = sight.observe(source, source.frame, 1)
        np.testing.assert_array_equal(seen, batch.obs[1])
        sight.close()
