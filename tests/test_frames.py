"""Frame stacks: an agent's last observations at once, exact at every reset and in every kind of game."""

from typing import Any

import numpy as np
import pytest

from puffer_arena import make
from puffer_arena.adapters.gymnasium import GymnasiumEnv
from puffer_arena.core.composites import leaves
from puffer_arena.core.fields import Array
from puffer_arena.errors import ArenaError, DefinitionError, ParameterError, UnknownName
from puffer_arena.registry import choose_env, env_name, load_env, split_id, with_options

COUNT, ROWS = 3, 2
GAMES = [
    "snake",
    "cartpole",
    "memory",
    "tag",
    "connect4",
    "lander",
    "marble",
    "squared:pixels=5",
    "marble:pixels=6",
    "examples/pads.py",
]


def parts(batch: Any, obs: Any) -> list[Array]:
    """Return the arrays that an observation consists of."""
    found = []
    for path, _ in leaves(batch.observation):
        value = obs
        for name in path:
            value = value[name]
        found.append(np.array(value))
    return found


def stack(frames: list[Array], dimensions: int) -> Array:
    """Stack frames as `core.frames.stacked` says, written anew."""
    if dimensions == 3:
        return np.concatenate(frames, -1)
    return np.stack(frames, -1 if dimensions == 2 else -2)


def check_law(env_id: str, compiled: bool) -> None:
    settings: dict[str, Any] = {"seed": 1, "compiled": compiled}
    if "max_steps" in load_env(env_id).parameters:  # so that episodes end
        settings["max_steps"] = max(7, int(load_env(env_id).parameters["max_steps"].low))
    with make(env_id, ROWS, **settings) as one, make(env_id, ROWS, frames=COUNT, **settings) as many:
        rng = np.random.default_rng(0)
        dimensions = [len(leaf.dtype.shape) for _, leaf in leaves(one.observation)]
        past = [[part] * COUNT for part in parts(one, one.obs)]
        for step in range(12):
            acting = one.rows.states["alive"].astype(bool) if one.num_agents else np.ones(ROWS, bool)
            for seen, frames, known in zip(parts(many, many.obs), past, dimensions, strict=True):
                wanted = stack(frames, known).reshape(seen.shape)
                assert (seen[acting] == wanted[acting]).all(), (env_id, step)
                assert not seen[~acting].any()
            actions = one.sample_actions(rng)
            one.step(actions)
            many.step(actions)
            lasts = zip(parts(many, many.final_obs), parts(one, one.final_obs), past, dimensions, strict=True)
            for seen, last, frames, known in lasts:
                wanted = stack([*frames[1:], last], known).reshape(seen.shape)
                assert (seen[one.truncated] == wanted[one.truncated]).all(), (env_id, step)
            for k, part in enumerate(parts(one, one.obs)):
                began = one.began.reshape(one.began.shape + (1,) * (part.ndim - one.began.ndim))
                past[k] = [*(np.where(began, part, frame) for frame in past[k][1:]), part]


@pytest.mark.parametrize("env_id", GAMES)
def test_stacks_hold_the_last_frames_and_begin_with_copies_of_the_first(env_id: str) -> None:
    check_law(env_id, compiled=False)


def test_compiled_rules_and_adapters_stack_the_same_frames() -> None:
    check_law("memory", compiled=True)
    env = GymnasiumEnv("memory", frames=COUNT)
    assert env.observation_space.contains(env.reset(seed=0)[0])
    assert env.observation_space["clock"].shape == (COUNT, 1)


def test_a_snapshot_holds_the_frames() -> None:
    with make("snake", 2, frames=4, compiled=False) as batch:
        for _ in range(3):
            batch.step(batch.act(next(iter(batch.env.bots))))
        seen, kept = batch.obs[0].copy(), batch.snapshot(0)
        batch.reset(5)
        batch.restore(0, kept)
        assert (batch.obs[0] == seen).all() and (seen[..., 0] != seen[..., -1]).any()


def test_ids_say_how_a_game_is_seen() -> None:
    assert with_options("squared", {"frames": 2, "pixels": 8}) == ("squared:pixels=8:frames=2", {})
    assert split_id("snake:frames=2:pixels=8") == ("snake", {"pixels": "8", "frames": "2"})
    assert env_name("games/pong.py:frames=4") == "pong:frames=4" and choose_env("snake:frames=4", "", "", "it")
    assert load_env("snake:frames=4") is load_env("snake:frames=4")


@pytest.mark.parametrize("count", [0, 1, 65, -3, "many", 2.5, True])
def test_a_count_that_is_none_is_refused(count: Any) -> None:
    with pytest.raises(ParameterError, match="an observation holds 2 to 64 frames"):
        make("snake", frames=count)


def test_what_has_no_stack_is_refused_in_one_line() -> None:
    for game, reason in (("convoy", "Roles has no stack"), ("minefield", "Entities has no stack")):
        with pytest.raises(DefinitionError, match=reason):
            make(f"examples/{game}.py", frames=2)
    with pytest.raises(UnknownName, match=r"pixels and frames, as in 'snake:pixels=64:frames=4'"):
        load_env("snake:frames=2:colour=3")
    with pytest.raises(UnknownName, match="pixels and frames"):
        load_env("snake:frame=4")
    with pytest.raises(ArenaError):
        load_env("snake:frames=")


def test_a_bot_of_a_stacked_game_says_so_and_plays_it() -> None:
    pytest.importorskip("torch")
    from puffer_arena.bots.bot import Bot
    from puffer_arena.players.bots import bot_player
    from puffer_arena.players.evaluate import evaluate
    from puffer_arena.trainers.config import Network
    from puffer_arena.trainers.export.bot import export_policy
    from puffer_arena.trainers.networks.roles import build_policy_of

    with make("bandit:frames=2", 1) as batch:
        policy = build_policy_of(batch.observation, batch.action, Network(hidden=(8,)), {"params": {}})
    bot = Bot.of(export_policy(policy, "bandit:frames=2"))
    assert bot.about["env"]["id"] == "bandit:frames=2"
    assert evaluate("bandit:frames=2", bot_player(bot, "bandit:frames=2"), 4).episodes == 4
    with pytest.raises(ParameterError, match="not 'bandit'"):
        bot_player(bot, "bandit")
