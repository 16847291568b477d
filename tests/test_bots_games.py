"""Bots in games: the driver's frames, difficulty, a file that changes, a module of one's own, the command."""

import itertools
import json
import subprocess
import sys
import textwrap
import warnings

import numpy as np
import pytest
from bots_support import ACTIONS, OBSERVATIONS, bot_bytes, draw_observations, make_policy, small_bot

from puffer_arena.bots.bot import Bot, BotWarning
from puffer_arena.bots.difficulty import Following, Handicapped, Level, load_bot, usual_levels
from puffer_arena.bots.driver import Driver
from puffer_arena.bots.model import Model
from puffer_arena.bots.standalone import standalone
from puffer_arena.errors import FileError, ParameterError
from puffer_arena.players.calibrate import calibrate, rating_of, share_of
from puffer_arena.trainers.export.bot import with_earlier, with_measured

OBS = draw_observations(OBSERVATIONS["numbers"], 64)


# -- the driver ---------------------------------------------------------------------------------------


def test_every_actor_decides_at_its_rate_in_frames_of_its_own() -> None:
    driver, decided = Driver(small_bot(), 60, 10, budget_ms=1000.0), []
    for frame in range(61):
        driver.frame()
        for actor in range(6):
            driver.action(actor, lambda who=(frame, actor): decided.append(who) or OBS[0])
    for actor in range(6):
        frames = [frame for frame, who in decided if who == actor]
        assert 10 <= len(frames) <= 12 and set(np.diff(frames[1:])) <= {6}
    later = [frame for frame, _ in decided if frame > 0]
    assert max(later.count(frame) for frame in later) <= 2  # spread over the frames


def test_actions_are_held_given_once_or_interpolated_between_decisions() -> None:
    held, once = (Driver(small_bot(seed=1), 30, 10, between=kind, idle=-1) for kind in ("hold", "idle"))
    between = Driver(small_bot(action="box", seed=1), 30, 10, between="interpolate")
    seen: dict[str, list] = {"held": [], "once": [], "between": []}
    for t in range(9):
        for name, driver in (("held", held), ("once", once), ("between", between)):
            driver.frame()
            seen[name].append(driver.action(0, lambda t=t: OBS[t]))
    assert all(len(set(seen["held"][k : k + 3])) == 1 for k in (0, 3, 6))
    assert [each for k, each in enumerate(seen["once"]) if k % 3] == [-1] * 6
    steps = np.diff(np.array(seen["between"])[2:6, 0])  # in three equal parts to the second action
    assert steps == pytest.approx([steps[0]] * 3, abs=1e-6)


def test_decisions_beyond_the_budget_wait_for_the_next_frame() -> None:
    ticks = itertools.count(step=0.003)  # every look at the clock takes 3 ms, so every decision does
    driver = Driver(small_bot(), 60, 60, budget_ms=5.0, clock=lambda: next(ticks))
    decided = []
    for frame in range(4):
        driver.frame()
        for actor in range(4):
            driver.action(actor, lambda who=(frame, actor): decided.append(who) or OBS[0])
    assert [frame for frame, _ in decided].count(0) == 4  # somebody new needs an action
    assert [who for who in decided if who[0]] == [(1, 0), (1, 1), (2, 2), (2, 3), (3, 0), (3, 1)] and driver.late == 6


def test_a_fallback_plays_on_where_the_bot_fails() -> None:
    driver = Driver(small_bot(), 10, 10, fallback=lambda obs: 3)
    with pytest.warns(BotWarning, match="its fallback plays on"):
        driver.frame()
        assert driver.action(0, lambda: np.full(5, np.nan)) == 3
    with warnings.catch_warnings(action="error"):
        driver.frame()
        assert driver.action(0, lambda: np.zeros(99)) == 3  # said once


def test_a_fallback_plays_on_where_nothing_can_be_observed() -> None:
    bot, given = small_bot(), []
    driver = Driver(bot, 10, 10, fallback=lambda obs: given.append(obs) or 2)
    driver.frame()
    with pytest.warns(BotWarning, match="plays on: this bot also sees speed, ray; give every field"):
        assert driver.action(0, lambda: bot.observe(x=0, y=0)) == 2
    driver.frame()
    assert driver.action(0, lambda: {}["gone"]) == 2 and given == [None, None]
    driver = Driver(bot, 10, 10, fallback=lambda obs: 2)
    driver.frame()
    with pytest.warns(BotWarning, match="plays on: KeyError: 'gone'"):
        driver.action(0, lambda: {}["gone"])
    with pytest.raises(KeyError):
        Driver(bot, 10, 10).action(0, lambda: {}["gone"])


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"game_fps": 0}, "game_fps = 0"),
        ({"decision_rate": -1.0}, "decision_rate = -1.0"),
        ({"between": "jump"}, "one of hold, idle, interpolate"),
        ({"between": "interpolate"}, "only continuous"),
        ({"between": "idle"}, "say what is done else"),
    ],
)
def test_drivers_refuse_what_cannot_be(given, said: str) -> None:
    with pytest.raises(ParameterError, match=said):
        Driver(small_bot(), **{"game_fps": 60, **given})


def test_a_file_that_changes_is_taken_over_and_a_broken_one_said_once(tmp_path) -> None:
    path = tmp_path / "a.bot"
    data = [bot_bytes(make_policy(OBSERVATIONS["numbers"], ACTIONS["discrete"], seed=k)) for k in range(2)]
    path.write_bytes(data[0])
    driver = Driver(Bot.load(path, seed=5), 60)
    driver.watch(path)
    driver.bot.act(OBS[0])
    old, kept = driver.bot, driver.bot.state()
    assert not driver.reload()
    path.write_bytes(data[0][:-50])
    with pytest.warns(BotWarning, match="the old bot plays on"):
        assert not driver.reload()
    with warnings.catch_warnings(action="error"):
        assert not driver.reload() and driver.bot is old
    path.write_bytes(data[1] + b"")
    assert driver.reload() and driver.bot is not old and driver.bot.state() == kept
    path.write_bytes(bot_bytes(make_policy(OBSERVATIONS["codes"], ACTIONS["discrete"])))
    with pytest.warns(BotWarning, match="sees or does other things"):
        assert not driver.reload()
    driver.bot = Handicapped(old.model, 5, 3)
    levels = [{"delay": 2}] * 11
    path.write_bytes(with_measured(data[1], {"levels": levels}))
    assert driver.reload() and driver.bot.difficulty == 3 and driver.bot.level == Level(delay=2)
    path.write_bytes(with_measured(data[0], {"levels": levels[1:]}))
    with pytest.warns(BotWarning, match="it has 10 levels, not 11"):
        assert not driver.reload()


# -- difficulty ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("observation", ["numbers", "codes", "parts", "a tuple"])
@pytest.mark.parametrize("action", ACTIONS)
def test_the_best_level_plays_as_the_bot_does(observation: str, action: str) -> None:
    bot = small_bot(observation, action, memory="gru")
    levelled = Handicapped(bot.model, bot.seed)
    parts = [bot.model.vectors[f"obs.{k}"] for k in range(len(bot.model.leaves))]
    for _ in range(3):
        ours, theirs = (each.act_on(parts, None, np.arange(64)) for each in (bot, levelled))
        np.testing.assert_array_equal(ours[0], theirs[0])


def test_a_late_bot_does_what_it_would_have_done_before() -> None:
    bot, late = small_bot(seed=2), Handicapped(small_bot().model, 2, Level(delay=3))
    prompt = [bot.act(obs) for obs in [OBS[0]] * 3 + list(OBS[:20])]
    assert [late.act(obs) for obs in OBS[:23]] == prompt
    late.reset(0)
    assert late.state()["memory"]["level.seen"] == [0]


def test_a_slow_bot_keeps_its_actions_unless_they_are_barred() -> None:
    slow = Handicapped(small_bot().model, 2, Level(hold=4))
    actions = [slow.act(obs) for obs in OBS[:40]]
    assert all(len(set(actions[k : k + 4])) == 1 for k in range(0, 40, 4)) and len(set(actions)) > 1
    last = slow.act(OBS[0])
    mask = [choice != last for choice in range(4)]
    assert slow.act(OBS[1], mask) != last


def test_levels_are_checked_saved_and_follow_the_player(tmp_path) -> None:
    path = tmp_path / "a.bot"
    levels = [{"delay": 10 - k, "rating": 40.0 * (k - 10)} for k in range(11)]
    path.write_bytes(bot_bytes(make_policy(OBSERVATIONS["numbers"], ACTIONS["discrete"]), levels=levels))
    bot = load_bot(path, seed=3, difficulty=4)
    assert isinstance(bot, Handicapped) and bot.level == Level(delay=6, rating=-240.0)
    for obs in OBS[:9]:
        bot.act(obs)
    other = load_bot(path, seed=9, difficulty=4)
    other.set_state(json.loads(json.dumps(bot.state())))
    assert [bot.act(obs) for obs in OBS] == [other.act(obs) for obs in OBS]
    auto = Following(bot, 5)
    assert [auto.report(score) for score in (1, 1, 1, 0, 0.5)] == [6, 7, 8, 7, 7] and bot.level.delay == 3
    assert usual_levels()[10] == Level() and usual_levels()[0].delay > usual_levels()[5].delay
    for wrong in (11, -1, "hard", 2.5):
        with pytest.raises(ParameterError, match="difficulty = "):
            bot.set_level(wrong)
    path.write_bytes(bot_bytes(make_policy(OBSERVATIONS["numbers"], ACTIONS["discrete"]), levels=[{"delay": -1}] * 11))
    with pytest.raises(FileError, match="levels cannot be"):
        load_bot(path, difficulty=1)


@pytest.mark.parametrize("action", ["discrete", "box"])
def test_a_level_may_play_what_its_run_had_learned_earlier(action: str) -> None:
    space = ACTIONS[action]
    files = [bot_bytes(make_policy(OBSERVATIONS["numbers"], space, seed, memory="gru")) for seed in range(3)]
    data = with_earlier(files[2], files[:2])
    model = Model(data)
    assert model.check() <= 1e-5 and [len(each.vectors["outputs"]) for each in model.earlier] == [16, 16]
    bot = Handicapped(model, 7, Level(earlier=1))
    for k, playing in ((1, bot), (0, bot), (0, bot.copy()), (2, bot)):
        playing.set_level(10 if k == 2 else Level(earlier=k))
        playing.set_state(Handicapped(model, 7).state())
        alone = Bot.of(files[k], seed=7)
        for obs in OBS[:9]:
            np.testing.assert_array_equal(playing.act(obs), alone.act(obs))
    assert bot.state()["memory"]["actor.h"][0] != [0.0] * 6
    bot.set_level(Level(earlier=0))  # what another network remembered would mean nothing
    assert bot.state()["memory"]["actor.h"][0] == [0.0] * 6
    with pytest.raises(ParameterError, match="earlier = 2; this bot's file has 2"):
        bot.set_level(Level(earlier=2))
    with pytest.raises(FileError, match="a level plays earlier policy 5, which it lacks"):
        Handicapped(Model(with_measured(data, {"levels": [{"earlier": 5}] * 11})))
    with pytest.raises(ParameterError, match="earlier checkpoint 0 has another network than the bot"):
        with_earlier(files[2], [bot_bytes(make_policy(OBSERVATIONS["numbers"], space))])


def test_levels_are_as_even_as_handicaps_and_earlier_policies_allow() -> None:
    files = [bot_bytes(make_policy(OBSERVATIONS["numbers"], ACTIONS["discrete"], seed)) for seed in range(2)]
    bot = Bot.of(with_earlier(files[1], files[:1]))

    def rating(level: Level) -> float:  # a stand-in for games: 150 less for what was learned earlier, 20 a handicap
        return -500.0 * level.epsilon - 150.0 * (level.earlier is not None)

    levels = calibrate(bot, rating)
    ratings = [level.rating for level in levels]
    assert levels[10] == Level(rating=0.0) and ratings[0] == -400.0
    np.testing.assert_allclose(ratings, np.linspace(-400.0, 0.0, 11), atol=15.0)
    assert {level.earlier for level in levels} == {None, 0}
    assert rating_of(0.75) == pytest.approx(190.8, abs=0.1) and rating_of(0.25, sides=4) == 0.0
    assert share_of(np.array([1.0, 2.0, 2.0]), np.array([2.0, 0.0])) == pytest.approx(4 / 6)


# -- one file of one's own ----------------------------------------------------------------------------


def test_a_module_of_ones_own_plays_alike_with_nothing_installed(tmp_path) -> None:
    data = bot_bytes(make_policy(OBSERVATIONS["parts"], ACTIONS["discrete"], memory="lstm"))
    (tmp_path / "my.bot").write_bytes(data)
    (tmp_path / "my_bot.py").write_text(standalone("my_bot", "my.bot"))
    program = """
        import sys
        for name in ("puffer_arena", "numba", "torch", "safetensors"):
            sys.modules[name] = None
        import my_bot
        bot = my_bot.load(seed=4)
        assert bot.check() <= 1e-5 and my_bot.load(difficulty=2).levels
        my_bot.Driver(bot, 60).frame()
        obs = {"board": [[1] * 5] * 5, "own": [0.5] * 5, "kind": 2}
        print([bot.act(obs) for _ in range(20)])
    """
    call = [sys.executable, "-c", textwrap.dedent(program)]
    done = subprocess.run(call, capture_output=True, text=True, cwd=tmp_path)
    bot = Bot.load(tmp_path / "my.bot", seed=4)
    obs = {"board": [[1] * 5] * 5, "own": [0.5] * 5, "kind": 2}
    assert done.stdout == f"{[bot.act(obs) for _ in range(20)]}\n" and not done.stderr, done.stderr


def test_the_safetensors_library_reads_a_bots_file() -> None:
    from safetensors.numpy import load

    data = bot_bytes(make_policy(OBSERVATIONS["numbers"], ACTIONS["discrete"]))
    arrays = load(data)
    np.testing.assert_array_equal(arrays["check.obs.0"], Bot.of(data).model.vectors["obs.0"])
