"""Playing without a window: what keys do, and who steers whom."""

import numpy as np
import pytest

from puffer_arena import make
from puffer_arena.errors import ParameterError, UnknownName
from puffer_arena.render.play.game import Game
from tests.hands import LEFT, UP, game_of, heading


def test_a_held_key_steers_until_it_is_let_go():
    game = game_of("snake", rows=20, cols=20)
    game.press("left")
    game.step()
    game.step()
    assert heading(game) == LEFT
    game.release("left")
    game.step()  # idle is None: the last action is repeated
    assert heading(game) == LEFT


def test_a_tap_between_two_steps_is_not_lost():
    game = game_of("snake", rows=20, cols=20)
    game.press("up")
    game.release("up")
    game.step()
    assert heading(game) == UP


def test_two_quick_taps_are_done_one_after_the_other():
    game = game_of("snake", rows=20, cols=20)
    for key in ("up", "left"):
        game.press(key)
        game.release(key)
    game.step()
    assert heading(game) == UP
    game.step()
    assert heading(game) == LEFT


def test_only_the_last_two_taps_wait():
    game = game_of("snake", rows=20, cols=20)
    for key in ("up", "right", "down", "left"):
        game.press(key)
        game.release(key)
    game.step()
    game.step()
    assert heading(game) == LEFT


def test_the_newest_of_several_held_keys_wins():
    game = game_of("snake", rows=20, cols=20)
    game.press("up")
    game.step()
    game.press("left")
    game.step()
    game.step()
    assert heading(game) == LEFT
    game.release("left")
    game.step()
    assert heading(game) == UP


def test_letters_stand_for_arrows_where_they_are_free():
    game = game_of("snake", rows=20, cols=20)
    assert game.press("w")
    game.step()
    assert heading(game) == UP
    assert game_of("memory").keys["a"] == 0  # its own meaning


def test_other_keys_are_not_the_games():
    assert not game_of("snake").press("f")


def test_idle_is_taken_while_no_key_is_held():
    """`target` thrusts only while a key is down: released, the thrust is (0, 0)."""
    game = game_of("target")
    taken = []
    step = game.batch.step
    game.batch.step = lambda actions: (taken.append(actions.copy()), step(actions))
    game.press("right")
    game.press("up")
    game.step()
    game.release("right")
    game.step()
    game.release("up")
    game.step()
    assert [row[0].tolist() for row in taken] == [[1.0, 1.0], [0.0, 1.0], [0.0, 0.0]]


def test_a_tapped_component_counts_for_one_step():
    game = game_of("squared")
    idle = game.hands[0].idle().tolist()
    game.press("up")
    game.release("up")
    assert game.hands[0].choose().tolist() != idle
    assert game.hands[0].choose().tolist() == idle


def test_the_end_stays_to_be_seen_and_restart_begins_anew():
    game = game_of("snake")
    game.press("up")
    for _ in range(20):
        game.step()
    assert game.over
    steps = game.steps
    game.step()
    assert game.steps == steps  # nothing moves after the end
    assert game.best == game.score == 0
    assert game.episode_return == -1.0
    game.restart()
    assert not game.over
    assert game.steps == 0


def test_a_level_is_played_again_and_again():
    game = game_of("maze", level=7)
    board = game.batch.obs.copy()
    game.restart()
    assert np.array_equal(board, game.batch.obs)
    other = game_of("maze", level=8)
    assert not np.array_equal(board, other.batch.obs)


def test_bots_steer_everybody_but_the_person():
    """With the person idle, the steered chaser stays where it is while others move."""
    game = game_of("tag", agent="chaser_1")
    assert game.batch.agent_ids[game.agent] == "chaser_1"
    taken = []
    step = game.batch.step
    game.batch.step = lambda actions: (taken.append(actions.copy()), step(actions))
    for _ in range(5):
        game.step()
    actions = np.array(taken)[:, 0]
    assert (actions[:, 1] == 0).all()
    assert (np.delete(actions, 1, axis=1) != 0).any()


def test_the_bot_takes_over_and_hands_back():
    game = game_of("snake")
    game.bot_plays = True
    for _ in range(60):
        game.step()
    assert game.score > 0


def test_a_policy_may_steer_the_others():
    def stay(batch):
        return np.zeros_like(batch.actions)

    game = game_of("tag", bot=stay)
    before = game.batch.rows.states[0].copy()
    game.press("up")
    game.step()
    assert game.steps == 1
    assert before["step_count"] == 0


def test_a_trained_policy_from_a_file_steers_the_others(tmp_path):
    pytest.importorskip("torch")
    from puffer_arena.cli import play
    from puffer_arena.trainers.config import load_config
    from puffer_arena.trainers.runs.checkpoint import save_checkpoint
    from puffer_arena.trainers.trainer import make_trainer

    path = tmp_path / "tag.safetensors"
    save_checkpoint(path, make_trainer(load_config("tag", overrides={"num_envs": 8, "threads": 1})))
    game = game_of("tag", bot=play.choose_bot(play.Options("tag", bot=str(path))))
    for _ in range(3):
        game.step()
    assert game.steps == 3
    game.restart()
    game.step()
    assert game.steps == 1


@pytest.mark.parametrize("agent", ["red_0", "blue_0"])
@pytest.mark.parametrize(
    ("key", "part", "sign"), [("right", "vx", 1), ("left", "vx", -1), ("up", "vy", 1), ("s", "vy", -1)]
)
def test_keys_steer_where_they_point_whichever_side_one_plays(agent, key, part, sign):
    game = game_of("striker", agent=agent, team=1)
    game.press(key)
    for _ in range(10):
        game.step()
    assert sign * getattr(game.batch.state(0).players[game.agent], part) > 0.5


def test_tab_goes_round_the_agents_that_are_still_there():
    game = game_of("tag")
    game.batch.rows.states["alive"][0, 1] = 0
    game.steer()
    assert game.agent == 2
    game.steer(-1)
    assert game.agent == 0
    game.batch.rows.states["alive"][0, 0] = 0
    assert game.out


def test_a_game_that_waits_moves_one_step_a_tap():
    game = game_of("maze", size=7)
    for _ in range(5):
        game.step()
    assert game.steps == 0 and game.waits
    mask = game.batch.action_mask[0]
    names = ("up", "down", "left", "right")
    barred, open_ = names[int(np.argmin(mask))], names[int(np.argmax(mask))]
    game.press(barred)
    game.step()
    assert game.steps == 0  # into a wall: nothing happens, and no time goes by
    game.press(open_)
    for _ in range(5):
        game.step()
    assert game.steps == 1  # a key that is held down is one move
    game.bot_plays = True
    game.step()
    assert game.steps == 2


def test_a_game_of_turns_waits_for_the_persons_move():
    game = game_of("connect4", opening=0, depth=1)
    state = game.batch.state(0)
    for _ in range(5):
        game.step()
    assert game.waits and state.laid == 0
    game.press("4")
    assert not game.waits
    game.step()
    assert state.laid == 1 and state.column == 3 and not game.waits and not game.out
    game.press("1")  # it is not the person's turn: nobody hears it
    game.step()
    assert state.laid == 2
    game.step()
    assert game.waits and state.laid == 2  # the key held down since then is no move
    game.release_all()
    game.bot_plays = True
    while not game.over:
        assert not game.waits
        game.step()


def test_a_move_that_is_barred_is_not_made_and_the_game_waits_on():
    game = game_of("connect4", opening=0, rows=3, bot=lambda batch: np.zeros(batch.actions.shape, np.int64))
    for key in "151":  # the bot plays 1 too, and fills it
        game.release_all()
        game.press(key)
        game.step()
        game.step()
    assert game.batch.state(0).laid == 4 and not game.over and game.waits


def test_a_barred_choice_is_replaced_by_an_allowed_one():
    game = game_of("tag")
    if not game.batch.num_choices:
        assert game.hands[0].allow(3) == 3
        return
    game.batch.action_mask[0, 0] = [True, False, True, True, True]
    assert game.hands[0].allow(1) == 0
    assert game.hands[0].allow(2) == 2


def test_letting_the_window_lose_the_keyboard_lets_go_of_all_keys():
    game = game_of("target")
    game.press("right")
    game.release_all()
    assert game.hands[0].choose().tolist() == [0.0, 0.0]


def test_wrong_names_and_counts_are_refused():
    with pytest.raises(UnknownName, match="no agent 'chaser_99'"):
        game_of("tag", agent="chaser_99")
    with pytest.raises(UnknownName, match="did you mean 'greedy'"):
        game_of("snake", bot="gredy")
    with pytest.raises(ParameterError, match="1 row"):
        Game(make("snake", 2))


# -- gamepads -------------------------------------------------------------------------------------------
