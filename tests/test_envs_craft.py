"""The rules of craft, in plain Python."""

import numpy as np
import pytest

from puffer_arena import load_env, make
from puffer_arena.envs.craft import state as craft
from puffer_arena.envs.craft.state import DO, NOOP, PLACE_FURNACE, PLACE_TABLE, RIGHT, SLEEP


def meadow(ahead: int, **settings):
    """Return a batch of one row: a player on grass without creatures, who faces something to its right."""
    batch = make("craft", 1, compiled=False, seed=1, size=16, zombies=0.0, autoreset="disabled", **settings)
    s = batch.rows.states[0]
    s["board"], s["who"], s["mob_kind"], s["mob_rest"] = craft.GRASS, 0, 0, 0
    s["row"], s["col"], s["facing"] = 8, 8, RIGHT
    s["board"][8, 9] = ahead
    batch.look(np.ones(1, np.bool_))
    return batch, s


def play(batch, *actions: int) -> list[float]:
    rewards = []
    for action in actions:
        batch.step(np.array([action]))
        rewards.append(float(batch.rewards[0]))
    return rewards


def test_an_achievement_pays_once() -> None:
    batch, s = meadow(craft.TREE)
    assert play(batch, DO, DO) == [1.0, 0.0]
    assert (s["wood"], s["collect_wood"], s["achieved"]) == (2, 1, 1)


@pytest.mark.parametrize(("thing", "pickaxe"), [("stone", 1), ("coal", 1), ("iron", 2), ("diamond", 3)])
def test_rocks_ask_for_a_pickaxe(thing: str, pickaxe: int) -> None:
    batch, s = meadow(getattr(craft, thing.upper()))
    s["pickaxe"] = pickaxe - 1
    play(batch, DO)
    assert s[thing] == 0 and s[f"collect_{thing}"] == 0
    s["pickaxe"] = pickaxe
    play(batch, DO)
    assert s[thing] == 1 and s[f"collect_{thing}"] == 1 and s["board"][8, 9] == craft.PATH


def test_tools_are_made_beside_a_table_and_those_of_iron_beside_a_furnace() -> None:
    batch, s = meadow(craft.GRASS)
    s["wood"] = s["stone"] = s["coal"] = s["iron"] = 9
    batch.look(np.ones(1, np.bool_))
    made = slice(craft.MAKE_PICKAXE, None)
    assert not batch.action_mask[0, made].any() and not batch.action_mask[0, PLACE_FURNACE]
    play(batch, PLACE_TABLE)
    assert batch.action_mask[0, made].tolist() == [True, True, False] * 2
    s["facing"] = craft.LEFT
    play(batch, PLACE_FURNACE)
    assert batch.action_mask[0, made].all()
    rewards = play(batch, *range(craft.MAKE_PICKAXE, craft.MAKE_SWORD + 3))
    assert rewards == [1.0] * 6 and (s["pickaxe"], s["sword"], s["achieved"]) == (3, 3, 8)
    assert (s["wood"], s["stone"], s["coal"], s["iron"]) == (2, 6, 7, 7)


def test_a_bite_costs_health_and_a_zombie_can_be_beaten() -> None:
    batch, s = meadow(craft.GRASS)
    s["mob_kind"][0], s["mob_health"][0], s["mob_row"][0], s["mob_col"][0] = craft.ZOMBIE, 5, 8, 9
    s["who"][8, 9] = 1
    assert play(batch, NOOP) == [pytest.approx(-0.2)] and s["health"] == 7 and batch.signal("cost")[0] == 2.0
    s["sword"] = 3
    assert play(batch, DO) == [1.0] and s["defeat_zombie"] == 1 and s["who"][8, 9] == 0
    assert batch.signal("cost")[0] == 0.0


def test_lava_is_the_end() -> None:
    batch, s = meadow(craft.LAVA)
    assert play(batch, RIGHT) == [pytest.approx(-0.9)]
    assert batch.terminated[0] and s["health"] == 0 and batch.signal("cost")[0] == 9.0


def test_who_sleeps_does_nothing_until_rested() -> None:
    batch, s = meadow(craft.TREE)
    s["energy"] = 8
    play(batch, SLEEP)
    assert s["asleep"] == 1 and np.flatnonzero(batch.action_mask[0]).tolist() == [NOOP]
    play(batch, *[DO] * 3)
    assert (s["asleep"], s["energy"], s["wake_up"], s["wood"]) == (0, 9, 1, 0)


def test_hunger_and_thirst_take_health() -> None:
    batch, s = meadow(craft.GRASS, hunger=10)
    s["food"], s["drink"] = 1, 2
    play(batch, *[NOOP] * 20)
    assert (s["food"], s["health"]) == (0, 7)  # at steps 10 and 20


def test_there_are_22_achievements() -> None:
    counters = load_env("craft").counters
    assert len(counters) == 1 + 22 and "collect_diamond" in counters and "wake_up" in counters
