"""The rules of games for several: those in the plane, kart, and hideseek."""

import math

import numpy as np
import pytest

from puffer_arena import make
from puffer_arena.core.fields import Array
from puffer_arena.core.roads import is_near, longest_pair
from puffer_arena.core.still import still as still_row
from puffer_arena.envs.hideseek import state as hideseek
from puffer_arena.envs.pistons import state as pistons
from puffer_arena.envs.sumo import state as sumo
from puffer_arena.envs.swarm import state as swarm
from puffer_arena.envs.volley import state as volley


def place(batch, field: str, *points: tuple[float, float], vx: float = 0.0, vy: float = 0.0) -> None:
    """Put the bodies of a field of row 0 at points, all with one velocity."""
    bodies = batch.rows.states[field][0].reshape(-1)
    for body, (x, y) in zip(bodies, points, strict=True):
        body["x"], body["y"], body["vx"], body["vy"] = x, y, vx, vy
    batch.adopt()


def still(batch, idle) -> Array:
    """Return the action of doing nothing for everybody."""
    return np.broadcast_to(np.asarray(idle, batch.action.dtype.base), batch.actions.shape).copy()


def test_who_is_off_the_ring_falls_and_the_last_has_won() -> None:
    batch = make("sumo", 1, compiled=False, seed=1, wrestlers=3, autoreset="disabled")
    place(batch, "discs", (0.0, 0.0), (batch.params.radius[0] + 0.1, 0.0), (0.0, 2.0))
    batch.step(still(batch, (1, 1, 0)))
    assert batch.rewards[0].tolist() == [0.0, -1.0, 0.0] and batch.terminated[0].tolist() == [False, True, False]
    assert batch.rows.states["discs"]["x"][0, 1] > 50.0  # out of everybody's way
    place(batch, "discs", (0.0, 0.0), (110.0, 0.0), (0.0, 6.0))
    batch.step(still(batch, (1, 1, 0)))
    assert batch.rewards[0].tolist() == [1.0, 0.0, -1.0] and batch.rows.states["ended"][0] == 1


def test_the_last_who_touched_gets_the_reward_of_a_shove() -> None:
    batch = make("sumo", 1, compiled=False, seed=1, wrestlers=3, autoreset="disabled")
    place(batch, "discs", (3.4, 0.0), (4.7, 0.0), (-2.0, 0.0))
    actions = still(batch, (1, 1, 0))
    actions[0, 0] = (2, 1, 1)  # pushes right; dashes as soon as it may
    batch.rows.states["rest"][0] = 0
    total = np.zeros(3)
    for _ in range(10):
        batch.step(actions)
        total += batch.rewards[0]
        actions[0, 0] = (0, 1, 0)
    assert total[1] == -1.0 and total[0] == pytest.approx(0.5) and batch.rows.states["pushed_off"][0] == 1


def test_the_ring_shrinks_to_its_least_and_no_further() -> None:
    batch = make("sumo", 1, compiled=False, seed=1, wrestlers=2, shrink=5.0, autoreset="disabled")
    for step in range(1, 150):
        place(batch, "discs", (-0.7, 0.0), (0.7, 0.0))
        batch.step(still(batch, (1, 1, 0)))
        part = max(sumo.LEAST, 1.0 - (1.0 - sumo.LEAST) * step / (5.0 / sumo.TIME_STEP))
        assert batch.rows.states["ring"][0] == pytest.approx(5.0 * part)


def test_a_piston_moves_at_its_speed_and_keeps_to_its_stroke() -> None:
    batch = make("pistons", 1, compiled=False, seed=1, pistons=5)
    bodies = batch.rows.states["pistons"]
    before = bodies["y"][0].copy()
    batch.step(np.full((1, 5, 1), -0.5))
    assert np.allclose(bodies["y"][0], np.maximum(before - 0.5 * 2.0 * pistons.TIME_STEP, -pistons.LENGTH / 2))
    for action, height in ((1.0, 2.0), (-1.0, 0.0)):
        for _ in range(25):
            batch.step(np.full((1, 5, 1), action))
        assert np.allclose(bodies["y"][0] + pistons.LENGTH / 2, height)


def test_only_pistons_near_the_ball_see_it_and_those_under_it_get_more() -> None:
    batch = make("pistons", 1, compiled=False, seed=1, sight=3.0, local=0.5)
    place(batch, "pistons", *((k + 0.5, -2.0) for k in range(20)))
    place(batch, "ball", (10.0, 1.0), vx=-1.0)
    batch.step(np.zeros((1, 20, 1)))
    x = float(batch.rows.states["ball"]["x"][0])
    gaps = np.abs(np.arange(20) + 0.5 - x)
    assert (batch.obs[0, :, 6] == (gaps <= 3.0)).all() and np.allclose(batch.obs[0, gaps > 3.0, 7:], 0.0)
    gained = batch.rewards[0] + 0.002
    assert np.allclose(gained[gaps < 1.5], 2.0 * gained[gaps > 1.5].max()) and (gained > 0.0).all()


def test_a_ball_at_the_wall_ends_the_game_for_all() -> None:
    batch = make("pistons", 1, compiled=False, seed=1, autoreset="disabled")
    place(batch, "ball", (1.02, 4.0), vx=-1.0)
    batch.step(np.zeros((1, 20, 1)))
    assert batch.terminated.all() and batch.rows.states["finished"][0] == 1 and (batch.rewards > 0.9).all()


def test_a_ball_on_the_sand_is_a_point_for_the_other_side() -> None:
    batch = make("volley", 1, compiled=False, seed=1, autoreset="disabled")
    for x, won in ((5.0, 1.0), (-5.0, -1.0)):
        place(batch, "ball", (x, 0.5), vy=-5.0)
        batch.rows.states["held"] = 0
        batch.rows.states["side"] = np.sign(x)
        batch.step(still(batch, (1, 0)))
        assert batch.rewards[0].tolist() == [won, -won] and batch.rows.states["held"][0] == volley.HELD
    points = batch.rows.states["left_points"][0], batch.rows.states["right_points"][0]
    assert points == (1, 1) and not batch.terminated.any()


def test_a_ball_over_the_net_is_worth_the_shaping() -> None:
    batch = make("volley", 1, compiled=False, seed=1)
    place(batch, "ball", (0.3, 4.0), vx=4.0)
    batch.rows.states["held"], batch.rows.states["side"] = 0, -1.0
    batch.step(still(batch, (1, 0)))
    assert np.allclose(batch.rewards[0], [0.1, -0.1]) and batch.rows.states["crossings"][0] == 1


def test_players_keep_to_their_side_and_come_down_again() -> None:
    batch = make("volley", 1, compiled=False, seed=1, autoreset="disabled")
    body = batch.rows.states["players"]
    for ahead, x in ((2, volley.POST + 0.6 * volley.PLAYER), (0, 6.0 - volley.PLAYER)):
        highest = 0.0
        for step in range(50):
            place(batch, "ball", (2.0, 8.0))
            batch.rows.states["held"] = volley.HELD
            batch.step(still(batch, (ahead, step < 2)))
            highest = max(highest, float(body["y"][0, 0]))
        assert np.allclose(body["x"][0], [-x, x]) and np.allclose(body["y"][0], 0.0)
        assert highest == pytest.approx(7.0**2 / (2 * volley.FALL), rel=0.12)  # v² / 2 g, in steps of 1/30 s


def test_the_road_is_closed_and_a_lap_as_long_as_its_sections() -> None:
    states = make("racer", 8, compiled=False, seed=1).rows.states
    steps = np.linalg.norm(np.roll(states["road"], -1, axis=1) - states["road"], axis=2)
    assert np.allclose(steps.sum(axis=1), states["length"]) and np.allclose(
        states["mile"], np.cumsum(steps, axis=1) - steps
    )
    assert np.allclose(np.linalg.norm(states["left"] - states["right"], axis=2), 8.0)
    assert np.allclose((states["bend"] * steps).sum(axis=1), 2 * np.pi)  # once around


def test_grass_costs_and_who_is_far_off_is_lost() -> None:
    batch = make("racer", 1, compiled=False, seed=1, autoreset="disabled")
    state = batch.rows.states
    middle, left = state["road"][0, 9].copy(), state["left"][0, 9].copy()
    for parts, cost, lost in ((0.5, 0.0, False), (1.5, 1.0, False), (3.2, 1.0, True)):
        x, y = middle + parts * (left - middle)
        place(batch, "cars", (x, y), (100.0 + x, y))
        state["at"][0], state["place"][0] = 9, state["mile"][0, 9]
        batch.step(np.zeros((1, 2, 2)))
        assert batch.signal("cost")[0, 0] == cost and batch.terminated[0, 0] == lost
    assert batch.rewards[0, 0] < -0.9


def test_tyres_slip_when_they_must_hold_more_than_their_grip() -> None:
    batch = make("racer", 1, compiled=False, seed=1)
    state = batch.rows.states
    for speed, slips in ((3.0, False), (14.0, True)):
        batch.reset(seed=1)
        for car in state["cars"][0]:
            car["vx"], car["vy"] = speed * np.cos(car["angle"]), speed * np.sin(car["angle"])
        batch.adopt()
        for _ in range(6):
            batch.step(np.full((1, 2, 2), [1.0, 0.0]))
        assert (state["used"][0] > 1.0).all() == slips


def test_a_lap_counts_once_around_and_the_last_ends_the_race() -> None:
    batch = make("racer", 1, seed=1, autoreset="disabled", laps=1)
    returns = 0.0
    while not batch.rows.states["ended"][0]:
        batch.step(batch.act("driver"))
        returns += batch.rewards[0].astype(float)
    assert batch.rows.states["finished"][0] == 1 and (batch.rows.states["driven"] >= batch.rows.states["length"]).all()
    assert np.allclose(returns, 0.02 * batch.rows.states["driven"][0] + 1.0, atol=0.01)


def pool(**params):
    """Return a pool in which nothing drifts, with its food, poison and rock out of the way."""
    batch = make("swarm", 1, compiled=False, seed=1, current=0.0, swimmers=2, food=1, poison=1, **params)
    row = batch.rows.states[0]
    row["rock"], row["food"][0], row["poison"][0] = (0.0, 0.0), (6.0, 3.0, 0.0, 0.0), (6.0, -3.0, 0.0, 0.0)
    row["swimmers"][:] = (-5.0, 0.0, 0.0, 0.0), (-5.0, 2.0, 0.0, 0.0)
    return batch, row


def test_food_takes_as_many_as_it_says() -> None:
    batch, row = pool(together=2)
    row["food"][0] = row["swimmers"][0] + (0.1, 0.5, 0.0, 0.0)
    batch.step(np.zeros((1, 2, 2)))
    assert np.allclose(batch.rewards[0], [0.01, 0.0]) and row["eaten"] == 0 and batch.obs[0, :, 2].tolist() == [1, 0]
    row["swimmers"][1] = row["food"][0] + (0.1, 0.5, 0.0, 0.0)
    batch.step(np.zeros((1, 2, 2)))
    assert np.allclose(batch.rewards[0], [1.0, 1.0]) and row["eaten"] == 1


def test_poison_is_punished_and_costs() -> None:
    batch, row = pool()
    row["poison"][0] = row["swimmers"][1] + (0.1, 0.4, 0.0, 0.0)
    batch.step(np.zeros((1, 2, 2)))
    assert np.allclose(batch.rewards[0], [0.0, -0.5]) and batch.signal("cost")[0].tolist() == [0.0, 1.0]
    assert row["swallowed"] == 1


def test_rays_tell_how_near_each_kind_is() -> None:
    batch, row = pool(sight=4.0)
    row["swimmers"][:] = (-5.0, 0.0, 0.0, 0.0), (-5.0, 2.6, 0.0, 0.0)
    row["food"][0, :2], row["poison"][0, :2] = (-3.0, 0.0), (-5.0, -2.0)
    batch.step(np.zeros((1, 2, 2)))
    rays = batch.obs[0, 0, 4:].reshape(swarm.RAYS, 4)
    east, north, west, south = rays[0], rays[4], rays[8], rays[12]
    assert east[swarm.FOOD_SEEN] == pytest.approx(1 - (2.0 - swarm.FOOD - swarm.SWIMMER) / 4)
    assert north[swarm.MATE_SEEN] == pytest.approx(1 - (2.6 - 2 * swarm.SWIMMER) / 4)
    assert south[swarm.POISON_SEEN] == pytest.approx(1 - (2.0 - swarm.POISON - swarm.SWIMMER) / 4)
    assert west[swarm.WALL_SEEN] == pytest.approx(1 - (swarm.X - 5.0 - swarm.SWIMMER) / 4)
    assert east[swarm.WALL_SEEN] == pytest.approx(1 - (5.0 - swarm.ROCK - swarm.SWIMMER) / 4)
    assert west[swarm.FOOD_SEEN] == 0.0


def test_a_kart_drives_where_it_is_steered_and_grass_costs() -> None:
    batch = make("kart", 2, compiled=False, seed=1, autoreset="disabled")
    state = batch.rows.states
    for _ in range(60):
        batch.step(np.tile([[[1.0, 0.0], [0.0, 0.0]]], (2, 1, 1)))
    assert (state["driven"][:, 0] > 5.0).all() and (abs(state["driven"][:, 1]) < 1.0).all()  # one drives, one stands
    off = abs(state["across"]) > 4.5
    assert (batch.signal("cost") == off).all()


def test_a_box_follows_who_holds_it_and_stays_where_a_team_has_locked_it() -> None:
    batch = make("hideseek", 1, compiled=False, seed=1)
    state = batch.rows.states[0]
    hider, box = state["agents"][0], state["boxes"][0]
    box["x"], box["y"] = hider["x"] + math.cos(state["heading"][0]), hider["y"] + math.sin(state["heading"][0])

    def play(steps: int, hands: int, ahead: float) -> float:
        start = np.array([box["x"], box["y"]])
        for _ in range(steps):
            move = np.zeros((1, 4, 2))
            move[0, 0, 0] = ahead
            batch.step({"move": move, "hands": [[hands, hideseek.FREE, hideseek.FREE, hideseek.FREE]]})
        return float(np.hypot(*(np.array([box["x"], box["y"]]) - start)))

    assert play(15, hideseek.HOLD, -0.5) > 0.3
    assert play(1, hideseek.LOCK, 0.0) < 0.1 and state["lock"][0] == hideseek.HIDERS
    assert play(15, hideseek.FREE, 1.0) < 1e-9  # run into it
    play(1, hideseek.HOLD, 0.0)
    assert state["lock"][0] == hideseek.UNLOCKED


def test_walls_hide_and_seekers_wait_while_hiders_prepare() -> None:
    batch = make("hideseek", 16, seed=2, prepare=5)
    states = batch.rows.states
    turned = states["heading"].copy()
    for _ in range(5):
        step = batch.step({"move": np.ones((16, 4, 2)), "hands": np.zeros((16, 4), int)})
        assert (step.rewards == 0).all() and (states["heading"][:, 2:] == turned[:, 2:]).all()
    rewards = batch.step({"move": np.zeros((16, 4, 2)), "hands": np.zeros((16, 4), int)}).rewards
    seen = states["spotted"].any(axis=1)
    assert (np.sign(rewards) == np.where(seen[:, None], [-1, -1, 1, 1], [1, 1, -1, -1])).all()
    assert 0 < seen.sum() < 16


@pytest.mark.parametrize("corner", [(1.0, 1.0), (-1.0, 1.0), (-1.0, -1.0), (1.0, -1.0)])
def test_the_room_is_told_alike_in_whatever_corner_it_lies(corner: tuple[float, float]) -> None:
    batch = make("hideseek", 1, compiled=False, seed=1)
    state, params = batch.state(0), batch.state_params(0)
    state.corner[0], state.corner[1] = corner
    door_x, door_y = hideseek.door_at(state, params, 0)
    agent, obs = state.agents[0], np.zeros(batch.obs.shape[-1])
    agent.x, agent.y = 3.0 * corner[0], 3.0 * corner[1]  # half way into the room's corner, and looking there
    state.heading[0] = math.atan2(corner[1], corner[0])
    batch.env.observe(state, params, 0, obs)
    assert obs[4:8] == pytest.approx([math.sqrt(0.5), math.sqrt(0.5), 0.5, 0.5])
    state.heading[0] += 0.1  # left of it
    batch.env.observe(state, params, 0, obs)
    assert math.atan2(obs[5], obs[4]) == pytest.approx(math.pi / 4 + 0.1)
    agent.x, agent.y, state.heading[0] = door_x - 1.0, door_y, 0.0  # looks along x at the door, a metre away
    batch.env.observe(state, params, 0, obs)
    assert obs[11:13] == pytest.approx([1.0 / 6.0, 0.0])


def test_trees_stand_clear_of_the_road_as_if_every_section_were_looked_at() -> None:
    with make("racer", 6, seed=4) as batch:
        for i in range(6):
            s, rng = still_row(batch.state(i)), np.random.default_rng(i)
            pair, road = longest_pair(s), np.asarray(s.road)
            points = list(zip(road[:, 0].tolist(), road[:, 1].tolist(), strict=True))
            for x, y in rng.uniform(-110.0, 110.0, (200, 2)):
                near = np.hypot(road[:, 0] - x, road[:, 1] - y).min() <= 9.0
                assert is_near(points, x, y, 9.0, pair) == near


def test_what_rules_put_nowhere_else_is_not_put_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    from puffer_arena.engines.bullet import arena

    put = []
    placed = arena.Mover.place
    monkeypatch.setattr(
        arena.Mover, "place", lambda self, pose, before: put.append(self.at) or placed(self, pose, before)
    )
    with make("hideseek", 1, seed=1) as batch:
        idle = {"move": np.zeros((1, 4, 2)), "hands": np.zeros((1, 4), int)}
        batch.step(idle)  # the new world has its bodies put where reset wants them
        put.clear()
        batch.step(idle)
        assert not put
        batch.rows.states["lock"][0, 0] = hideseek.HIDERS
        batch.rows.states["kept"][0, 0] = 1.1, 2.2, hideseek.HALF, 0.3  # no single-precision numbers
        for _ in range(3):
            batch.step(idle)
        assert len(set(put)) == 1  # the locked box alone, not the walls beside it
