"""Leagues: who is met, who is kept, what is counted, and that nothing wrong with a member ends a run."""

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from puffer_arena.batch.make import make
from puffer_arena.bots.bot import Bot
from puffer_arena.errors import ArenaError, FileError, ParameterError, TrainingError, UnknownName
from puffer_arena.machine.notices import SAID
from puffer_arena.players.names import find_player
from puffer_arena.players.player import Acting, forget_nothing
from puffer_arena.players.ratings import Rating, expected, rate
from puffer_arena.trainers.actor import Actor
from puffer_arena.trainers.config import Opponent
from puffer_arena.trainers.export.bot import export_file
from puffer_arena.trainers.league.frozen import Frozen
from puffer_arena.trainers.league.legs import Legs, read_legs
from puffer_arena.trainers.league.matchmaking import chances, most_crowded
from puffer_arena.trainers.league.pool import POLICY, WINDOW, Pool, read_pool
from puffer_arena.trainers.networks.observations import leaf_tensors
from puffer_arena.trainers.playing import acting, actor_player, pool_policy
from puffer_arena.trainers.runs.checkpoint import restore_trainer, save_checkpoint
from tests.test_players_names import bot_file
from tests.trainers_support import assert_same_future, assert_same_learning, small_config, small_trainer

NOTHING = Acting(lambda batch, which=None: batch.actions, forget_nothing)
SHORT = {"params__max_steps": 12, "ppo__horizon": 16}


@pytest.mark.parametrize(
    ("settings", "expect"),
    [
        ({"draw": "latest"}, [0, 1, 0]),
        ({"draw": "uniform"}, [1 / 3, 1 / 3, 1 / 3]),
        ({"draw": "pfsp", "power": 1.0}, [0.1 / 1.4, 0.5 / 1.4, 0.8 / 1.4]),
        ({"draw": "pfsp", "weight": "even"}, [0.09 / 0.5, 0.25 / 0.5, 0.16 / 0.5]),
        ({"draw": "ladder", "snapshot_rate": 0.7}, [0, 0, 1]),  # the lower rated of the two that still win enough
        ({"draw": "ladder", "snapshot_rate": 0.1}, [0, 1, 0]),  # all are beaten: the highest
    ],
)
def test_opponents_are_drawn_as_the_setting_says(settings: dict[str, Any], expect: list[float]) -> None:
    rates, ratings = np.array([0.9, 0.5, 0.2]), np.array([20.0, 40.0, 30.0])
    np.testing.assert_allclose(chances(Opponent(**settings), rates, ratings, newest=1), expect)


def test_nobody_who_is_always_beaten_is_forgotten() -> None:
    drawn = chances(Opponent(draw="pfsp"), np.array([1.0, 0.5]), np.zeros(2), 0)
    assert 0 < drawn[0] < 0.01


def test_the_snapshot_that_goes_has_the_nearest_neighbours() -> None:
    assert most_crowded([40.0, 10.0, 20.0, 21.0, 22.5]) == 3  # its neighbours are 2.5 apart
    pool = Pool()
    for steps, mu in enumerate((10.0, 20.0, 21.0, 40.0, 20.5)):
        pool.ratings[POLICY] = Rating(mu, 1.0)
        pool.add(f"self@{steps}", NOTHING, b"x", steps)
    gone = pool.surplus(5)
    assert gone is not None and gone.name == "self@1" and pool.surplus(6) is None
    pool.remove(gone)
    assert [member.name for member in pool.members] == ["self@0", "self@2", "self@3", "self@4"]


def test_ratings_order_those_who_beat_each_other_and_draws_bring_them_together() -> None:
    start = {name: Rating() for name in "abc"}
    after = rate(start, [(["a", "b", "c"], [1, 2, 3])] * 20)
    assert after["a"].mu > after["b"].mu > after["c"].mu and after["a"].sigma < Rating().sigma
    apart = {"a": Rating(40, 3), "b": Rating(20, 3)}
    drawn = rate(apart, [(["a", "b"], [1, 1])])
    assert drawn["a"].mu < 40 and drawn["b"].mu > 20
    assert expected(after["a"], after["c"]) > 0.9 > 0.5 == expected(Rating(), Rating())
    low, high = Rating(25, 2).interval
    assert low == pytest.approx(25 - 3.92, abs=0.01) and high == pytest.approx(25 + 3.92, abs=0.01)


def test_payoffs_count_each_pair_of_sides_and_what_is_known_of_the_policy_ages() -> None:
    pool = Pool()
    a, b = pool.add("a", NOTHING), pool.add("b", NOTHING)
    who = np.array([[0, a.serial, b.serial], [a.serial, 0, b.serial], [0, a.serial, 99]])
    pool.record(who, np.array([[1.0, 2.0, 2.0], [1.0, 2.0, np.nan], [1.0, 1.0, 2.0]]))
    assert pool.payoffs[POLICY, "a"] == (3, 1.5) and pool.payoffs["a", POLICY] == (3, 1.5)
    assert pool.payoffs[POLICY, "b"] == (1, 1) and pool.payoffs["a", "b"] == (1, 0.5)
    np.testing.assert_allclose(pool.rates(), [2.0 / 4, 1.5 / 2])
    pool.record(np.array([[0, a.serial]] * 1000), np.array([[2.0, 1.0]] * 1000))
    games, points = pool.payoffs[POLICY, "a"]
    assert games == pytest.approx(WINDOW) and points < 1.0
    taken = pool.add("self@5", NOTHING, b"x", 5)
    assert pool.payoffs[taken.name, "a"] == (games, points) and pool.ratings[taken.name] == pool.ratings[POLICY]
    pool.remove(a)
    assert all("a" not in pair for pair in pool.payoffs) and "a" not in pool.ratings


def test_opponents_change_where_episodes_begin_and_games_are_counted() -> None:
    trainer = small_trainer("tag", **SHORT, opponent__pool="self,bot:hunt,random", opponent__draw="uniform")
    league, seen = trainer.opponent, []

    def look(t: int) -> None:
        seen.append((league.seated.copy(), league.shown.began.any(axis=1)))

    trainer.collector.collect(trainer.generator, look)
    names = {member.serial: member.name for member in league.pool.members}
    assert list(names.values()) == ["bot:hunt", "random", "self@0"]
    for (before, _), (after, began) in itertools.pairwise(seen):
        np.testing.assert_array_equal(before[~began], after[~began])
        assert ((after[: league.rows] == 0).sum(axis=1) == 1).all() and (after[league.rows :] == 0).all()
    metrics = league.conclude(100)
    whole = sum(games for (a, _), (games, _) in league.pool.payoffs.items() if a == POLICY)
    waiting = sum(map(len, league.pool.legs.waiting.values()))
    assert 2 * whole + waiting == sum(began[: league.rows].sum() for _, began in seen) and whole > 0
    assert {f"league/win_rate/{name}" for name in names.values()} <= metrics.keys()
    assert metrics["league/members"] == 3 and metrics["league/rating"] != 25.0
    trainer.close()


def test_where_one_role_is_always_ahead_a_leg_as_each_makes_a_game() -> None:
    legs = Legs()
    # Side 0 is always ahead: the policy by 3 as side 0 and member 1 by 2, member 2 by 5; member 3 was met as one role only.
    who = np.array([[0, 1], [0, 2], [1, 0], [2, 0], [0, 3], [0, 1]])
    returns = np.array([[2.0, -1.0], [2.0, -1.0], [1.0, -1.0], [4.0, -1.0], [9.0, 0.0], [1.5, -0.5]])
    pairs, ranks = legs.whole(who, returns, one_role=False)
    assert pairs.tolist() == [[0, 1], [0, 2]] and ranks.tolist() == [[1.0, 2.0], [2.0, 1.0]]
    again = read_legs(legs.state())
    assert again.state() == legs.state() and {key: list(found) for key, found in again.waiting.items() if found} == {
        (3, 0): [9.0],
        (1, 0): [2.0],
    }
    drawn = again.whole(np.array([[1, 0]]), np.array([[1.0, -1.0 + 1e-12]]), one_role=False)
    assert [part.tolist() for part in drawn] == [[[0, 1]], [[1.0, 1.0]]]
    again.forget(3)
    assert not any(again.waiting.values())


def test_where_a_policy_keeps_one_role_its_games_are_against_par() -> None:
    legs, who = Legs(), np.array([[0, 1], [0, 2], [0, 3]])
    returns = np.array([[1.0, 0.0], [2.0, 0.0], [3.0, 0.0]])
    for _ in range(2):  # par stays until a snapshot is taken
        pairs, ranks = legs.whole(who, returns, one_role=True)
        assert pairs.tolist() == who.tolist() and ranks.tolist() == [[2.0, 1.0], [1.0, 1.0], [1.0, 2.0]]
    _, ranks = legs.whole(who, returns + np.array([5.0, 0.0]), one_role=True)
    assert (ranks == [1.0, 2.0]).all()  # the policy plays better than it did
    legs.recent.clear()
    legs.recent.extend([6.0, 7.0, 8.0])
    pool = Pool(legs=legs)
    pool.add("self@5", NOTHING, b"x", 5)
    _, ranks = legs.whole(who, returns + np.array([5.0, 0.0]), one_role=True)
    assert ranks.tolist() == [[2.0, 1.0], [1.0, 1.0], [1.0, 2.0]]


def test_in_tag_the_better_policy_has_the_better_rating_though_chasers_always_win() -> None:
    trainer = small_trainer("tag", **SHORT, opponent__pool="bot:hunt,random", opponent__draw="uniform", num_envs=64)
    for _ in range(6):
        metrics = trainer.update()
    assert metrics["league/win_rate/bot:hunt"] < metrics["league/win_rate/random"]
    assert metrics["league/rating/bot:hunt"] > metrics["league/rating/random"]
    trainer.close()


def test_roles_with_policies_of_their_own_meet_each_other_and_go_on_to_the_bit(tmp_path) -> None:
    trainer = small_trainer("tag", **SHORT, opponent__separate=True, opponent__snapshot_steps=600)
    chasers, runners = trainer.parts.values()
    for _ in range(3):
        metrics = trainer.update()
    assert {"league/win_rate/now", "league/win_rate/self@0", "runner/league/win_rate/now"} <= metrics.keys()
    assert "policy_loss" in metrics and "runner/policy_loss" in metrics
    assert metrics["steps"] == chasers.steps + runners.steps
    for part, role in ((chasers, "chaser"), (runners, "runner")):
        mine = np.array([agent.startswith(role) for agent in part.batch.agent_ids])
        assert (part.opponent.learners == mine).all()
    saved = tmp_path / "saved.safetensors"
    save_checkpoint(saved, trainer)
    for part, before in ((chasers, ""), (runners, "runner/")):
        past = part.opponent.pool.snapshots[-1]
        assert pool_policy(saved, before + past.name) == past.data
    kept = {key: value.clone() for key, value in runners.policy.state_dict().items()}
    again = restore_trainer(saved)
    assert_same_learning(trainer, again)
    for key, value in runners.policy.state_dict().items():
        assert torch.equal(value, again.parts["runner"].policy.state_dict()[key])
    found = Actor.load(saved, role="runner").policy.state_dict()
    assert all(torch.equal(found[key], value) for key, value in kept.items())
    with make("tag", 2, seed=3) as batch:
        together = find_player(str(saved), "tag").prepare(batch).choose(batch)
        alone = [
            acting(Actor.load(saved, role=role), 1 + k, False).choose(batch) for k, role in enumerate(trainer.parts)
        ]
        for k, agent in enumerate(batch.agent_ids):
            np.testing.assert_array_equal(together[:, k], alone[agent.startswith("runner")][:, k])
    assert Bot.of(export_file(saved, role="runner")).about["env"]["id"] == "tag"
    with pytest.raises(ParameterError, match="choose one: --role chaser or runner"):
        export_file(saved)
    with pytest.raises(ParameterError, match="no policy of role 'ghost'"):
        Actor.load(saved, role="ghost")
    with pytest.raises(ParameterError, match="for games of two roles"):
        small_trainer("sumo", opponent__separate=True)
    for each in (trainer, again):
        each.close()


@pytest.mark.parametrize("memory", ["none", "gru"])
def test_a_frozen_policy_acts_as_the_policy_itself_would(memory: str) -> None:
    settings = {"opponent__pool": "self", "opponent__share": 1.0, "opponent__draw": "latest"}
    trainer = small_trainer("tag", **SHORT, **settings, network__memory=memory, network__critic="separate")
    league, actions = trainer.opponent, []
    join = league.join

    def watch(given: np.ndarray) -> np.ndarray:
        acting, before = league.shown.acting & ~league.learners, {k: v.copy() for k, v in league.memory.items()}
        rng = np.random.default_rng()
        rng.bit_generator.state = league._rng.bit_generator.state
        found = join(given).copy()
        rows = np.flatnonzero(acting)
        obs = leaf_tensors(trainer.policy.observation, league.shown.obs.reshape(league.learners.size, 9, 9)[rows])
        masks = league.shown.action_mask.reshape(league.learners.size, -1)[rows]
        state = {name.rpartition(".")[0]: torch.from_numpy(part[rows]) for name, part in before.items()}
        if memory != "none":
            state["critic.h"] = torch.zeros_like(state["actor.h"])
        noise = torch.from_numpy(rng.random((len(rows), 1), np.float32))
        outputs = trainer.policy(obs, state)[0]
        wanted = trainer.policy.head.sample(outputs, noise, torch.from_numpy(masks) if masks.size else None)[
            :, 0
        ].numpy()
        actions.append((found.reshape(-1)[rows] == wanted).mean())
        return found

    league.join = watch
    trainer.collector.collect(trainer.generator)
    assert min(actions) > 0.97  # a draw on the edge may fall either way
    trainer.close()


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of another run of tag, with another network."""
    path = tmp_path_factory.mktemp("league") / "other.safetensors"
    trainer = small_trainer("tag", network__hidden=(8,), network__memory="mingru")
    save_checkpoint(path, trainer)
    trainer.close()
    return path


def test_a_run_with_a_pool_is_resumed_bit_for_bit_and_needs_no_file_of_others(other: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.safetensors"
    own.write_bytes(other.read_bytes())
    settings = {"opponent__pool": f"self,random,bot:hunt,{own}", "opponent__keep": 2, "opponent__snapshot_steps": 384}
    trainer = small_trainer("tag", **SHORT, **settings, network__memory="gru")
    for _ in range(4):
        metrics = trainer.update()
    assert any(name.startswith("league/payoff/self@") for name in metrics) and metrics["league/members"] == 5
    save_checkpoint(tmp_path / "saved", trainer)
    own.unlink()
    past = trainer.opponent.pool.snapshots[-1]
    assert pool_policy(tmp_path / "saved", past.name) == past.data
    with pytest.raises(UnknownName, match="no policy 'bot:hunt' in its pool"):
        pool_policy(tmp_path / "saved", "bot:hunt")
    resumed = restore_trainer(tmp_path / "saved")
    assert [m.name for m in resumed.opponent.pool.members] == [m.name for m in trainer.opponent.pool.members]
    assert_same_future(trainer, resumed, 3)
    assert trainer.opponent.pool.state() == resumed.opponent.pool.state()
    trainer.close()
    resumed.close()


def test_a_member_that_becomes_nan_is_dropped_and_said_and_the_run_goes_on(capsys) -> None:
    SAID.clear()
    trainer = small_trainer("tag", **SHORT, opponent__pool="self,random", opponent__draw="latest")
    trainer.update()
    (broken,) = trainer.opponent.pool.snapshots
    frozen = broken.acting.choose
    assert isinstance(frozen, Frozen)
    with torch.no_grad():
        frozen.policy.actor.output.weight.fill_(float("nan"))
    frozen.backend.refresh()
    assert np.isfinite(trainer.update()["policy_loss"])
    assert (
        "'self@0' leaves the pool of opponents: its network gives numbers that are not finite"
        in capsys.readouterr().err
    )
    assert broken not in trainer.opponent.pool.members and np.isfinite(trainer.update()["policy_loss"])
    trainer.close()


@pytest.mark.parametrize("env_id", ["tag", "lander_continuous"])
def test_a_policy_that_becomes_nan_is_named_where_it_plays(env_id: str) -> None:
    trainer = small_trainer(env_id)
    with torch.no_grad():
        trainer.policy.actor.output.weight.fill_(float("nan"))
    player = actor_player(Actor(trainer.policy), "run:broken")
    with make(env_id, 2) as batch, pytest.raises(TrainingError, match="'run:broken' gives numbers that are not finite"):
        player.prepare(batch).choose(batch)
    trainer.close()


def test_a_bot_whose_file_is_gone_when_a_run_resumes_is_dropped_and_said(tmp_path: Path, capsys) -> None:
    SAID.clear()
    path = bot_file(tmp_path / "tag.bot")
    trainer = small_trainer("tag", **SHORT, opponent__pool=f"self,{path}")
    trainer.update()
    save_checkpoint(tmp_path / "saved", trainer)
    trainer.close()
    path.unlink()
    resumed = restore_trainer(tmp_path / "saved")
    assert f"'{path}' leaves the pool of opponents: it is not found any more" in capsys.readouterr().err
    assert [member.name for member in resumed.opponent.pool.members] == ["self@0"] and resumed.update()["steps"] > 0
    resumed.close()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"ratings": {"policy": [25.0, -1.0]}}, "holds what cannot be"),
        ({"payoffs": [["policy", "nobody", 1.0, 1.0]]}, "holds what cannot be"),
        ({"payoffs": [["policy", "policy", float("nan"), 1.0]]}, "holds what cannot be"),
        ({"members": [{"name": "x"}]}, "lacks or holds"),
        ({"serials": None}, "lacks or holds"),
        ({"legs": {"waiting": [[1, 0, [float("inf")]]], "recent": [], "par": None}}, "lacks or holds"),
        ({"legs": {"waiting": [], "recent": [], "par": "x"}}, "lacks or holds"),
    ],
)
def test_a_damaged_league_is_refused(change: dict[str, Any], said: str) -> None:
    state = {**Pool().state(), **change}
    with pytest.raises(FileError, match=f"the file is damaged: its league {said}"):
        read_pool(state, "the file")
    with pytest.raises(FileError, match="is damaged"):
        read_pool(None, "the file")


def test_members_that_cannot_be_are_refused_by_name(other: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes(other.read_bytes()[:-10])
    for pool, said in (
        ("self,bot:hunt,bot:hunt", "names 'bot:hunt' twice"),
        (f"self,{damaged}", "damaged"),
        ("self,arena:snake", "is of environment 'snake', not 'tag'"),
        ("self,nobody", "unknown player 'nobody'"),
    ):
        with pytest.raises(ArenaError, match=said):
            small_config("tag", opponent__pool=pool)
    with pytest.raises(ArenaError, match=f"'{other}' is of environment 'tag', not 'connect4'"):
        small_config("connect4", opponent__pool=str(other))
    trainer = small_trainer("tag", opponent__pool=str(other), params__sight=5)
    with pytest.raises(ArenaError, match="was trained with other sizes"):
        trainer.update()
    trainer.close()
