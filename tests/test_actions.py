"""Actions of parts: the same in a batch, an adapter and a policy, whatever their spaces."""

from pathlib import Path

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.vector.utils import batch_space
from hypothesis import given, settings
from hypothesis import strategies as st

from puffer_arena import make
from puffer_arena.adapters.gymnasium import GymnasiumEnv, GymnasiumVectorEnv
from puffer_arena.adapters.spaces import batched_values, mask_values, one_action, to_gymnasium
from puffer_arena.core.action_checks import check_actions, check_mask, mask_flags
from puffer_arena.core.actions import action_dtype, action_value, choice_sizes, count_choices, draw_actions
from puffer_arena.core.composites import Dict, Tuple
from puffer_arena.core.spaces import Box, Discrete, MultiBinary, MultiDiscrete
from puffer_arena.errors import ActionError, DefinitionError
from puffer_arena.trainers.networks.heads import make_head
from tests.test_adapters_spaces import assert_same

TURRET = str(Path(__file__).parent.parent / "examples" / "turret.py")
counts = st.integers(1, 5)
simple = (
    counts.map(Discrete)
    | st.lists(counts, min_size=1, max_size=3).map(lambda nvec: MultiDiscrete(tuple(nvec)))
    | counts.map(MultiBinary)
    | st.lists(st.integers(1, 3), max_size=2).map(lambda shape: Box(-2.0, 3.0, tuple(shape)))
)
nested = st.recursive(
    simple,
    lambda parts: (
        st.dictionaries(st.text("abc", min_size=1, max_size=2), parts, min_size=1, max_size=3).map(Dict)
        | st.lists(parts, min_size=1, max_size=3).map(lambda spaces: Tuple(tuple(spaces)))
    ),
    max_leaves=5,
)
few = settings(deadline=None, max_examples=60)


@pytest.mark.filterwarnings("ignore:.*Casting input x:UserWarning")  # a Box without dimensions gives single numbers
@few
@given(space=nested, seed=st.integers(0, 2**32 - 1))
def test_an_action_is_the_same_to_a_batch_an_adapter_and_its_space(space, seed: int) -> None:
    there, into = to_gymnasium(space), np.zeros((1, 3), action_dtype(space))
    there.seed(seed)
    value = there.sample()
    stored = check_actions("game", space, one_action(space, value), into[:, 0])
    assert_same(action_value(space, stored[0]), value)
    again = check_actions("game", space, stored, np.zeros_like(into[:, 0]))
    assert again.tobytes() == stored.tobytes() and stored.dtype == action_dtype(space).base
    many = batch_space(there, 3)
    many.seed(seed)
    batched = check_actions("game", space, many.sample(), np.zeros(3, action_dtype(space)))
    assert all(there.contains(action_value(space, one)) for one in batched)


@pytest.mark.filterwarnings("ignore:.*Casting input x:UserWarning")  # a Box without dimensions gives single numbers
@few
@given(space=nested, seed=st.integers(0, 2**32 - 1))
def test_what_a_policy_does_lies_in_its_space_and_honours_the_mask(space, seed: int) -> None:
    torch.manual_seed(seed)
    rng, head = np.random.default_rng(seed), make_head(space)
    masks = rng.random((4, count_choices(space))) < 0.5
    masks[:, np.cumsum((0, *choice_sizes(space)[:-1]))[: len(choice_sizes(space))]] = True
    if masks.size:
        check_mask("game", (), space, masks, np.ones((4, 1), np.bool_))
    noise = head.draw_noise((4,), lambda shape: rng.random(shape, np.float32), lambda s: np.zeros(s, np.float32))
    mask = torch.from_numpy(masks) if masks.shape[1] else None
    with torch.no_grad():
        chosen = head.sample(torch.randn(4, head.width), torch.from_numpy(noise), mask)
    done = head.to_env(chosen.numpy()).reshape(np.zeros(4, action_dtype(space)).shape)
    drawn = draw_actions(space, done.shape, masks, rng)
    for actions in (done, drawn):
        checked = check_actions("game", space, actions, np.zeros(4, action_dtype(space)))
        for one, flags in zip(checked, masks, strict=True):
            value = action_value(space, one)
            assert space.contains(value) and to_gymnasium(space).contains(value)
            assert not barred(space, value, flags)
    for flags in masks:
        assert np.array_equal(mask_flags(space, mask_values(space, flags)), flags)
        there = to_gymnasium(space)
        assert not barred(space, there.sample(mask=mask_values(space, flags)), flags)


def barred(space, value, flags) -> bool:
    """Tell whether a value makes a choice that its mask bars, by going through the parts."""
    if isinstance(space, Dict | Tuple):
        begin, found = 0, False
        for part, one in zip(space.parts.values(), space.split(value), strict=True):
            end = begin + count_choices(part)
            found, begin = found or barred(part, one, flags[begin:end]), end
        return found
    starts = np.cumsum((0, *choice_sizes(space)[:-1]))[: len(choice_sizes(space))]
    return bool(starts.size) and not flags[starts + np.atleast_1d(value)].all()


@pytest.mark.parametrize(
    ("action", "message"),
    [
        ({"turn": [[0.5]]}, r"actions are \{'turn': .*; 'turret' takes \.turn and \.fire"),
        (np.zeros(1), "actions are array.*a dict or tuple with an array for each, or records"),
        ({"turn": [[0.5]], "fire": [2]}, r"action\.fire at \(0,\) is 2; allowed: 0 to 1"),
        ({"turn": [[0.5]], "fire": [0.0]}, r"actions\.fire have dtype float64; 'turret' takes whole numbers"),
        ({"turn": [[np.nan]], "fire": [0]}, r"action\.turn at \(0, 0\) is nan; it must be a finite number"),
        ({"turn": [0.5], "fire": [0]}, r"actions\.turn have shape \(1,\); 'turret' takes \(1, 1\)"),
        ({"turn": [[0.5], [1, 2]], "fire": [0]}, r"actions\.turn are .*takes an array of shape \(1, 1\)"),
    ],
)
def test_wrong_actions_are_named_by_their_part(action, message: str) -> None:
    with make(TURRET) as batch, pytest.raises(ActionError, match=message):
        batch.step(action)


def test_parts_are_stepped_as_records_or_as_a_dict_alike() -> None:
    rng = np.random.default_rng(0)
    with make(TURRET, num_envs=8, record=True) as one, make(TURRET, num_envs=8, compiled=False) as other:
        for _ in range(40):
            actions = one.sample_actions(rng)
            assert not actions["fire"][~one.action_mask[:, 1]].any()
            one.step(actions)
            other.step({"turn": actions["turn"], "fire": actions["fire"]})
            assert one.obs.tobytes() == other.obs.tobytes() and one.rewards.tobytes() == other.rewards.tobytes()
        data, step = one.snapshot(0), int(one.rows.states["step_count"][0])
        one.rewind(0, step // 2)
        assert one.restore(0, data) and one.snapshot(0) == data


def test_gymnasium_has_the_same_parts() -> None:
    env = GymnasiumEnv(TURRET)
    _, info = env.reset(seed=0)
    assert list(env.action_space) == ["turn", "fire"] and info["action_mask"]["turn"] is None
    for _ in range(100):
        action = env.action_space.sample(mask=info["action_mask"])
        *_, over, cut, info = env.step(action)
        if over or cut:
            _, info = env.reset()
    vector = GymnasiumVectorEnv(TURRET, num_envs=3)
    vector.reset(seed=0)
    vector.step(vector.action_space.sample())
    single, batch = gymnasium.spaces.flatten_space(env.action_space), vector.batch
    assert single.shape == (3,) and batched_values(batch.observation, batch.obs).shape == (3, 3)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("action.fire == FIRE", "action.fier == FIRE", "'step' .*: .*\n.*no field 'fier'; did you mean 'fire'"),
        ('"space": ("fire", FIRE)', '"space": ("fire", 2)', r"keys: 'space' is \('fire', 2\); allowed: .*\"fire\", 0 to 1"),
        ('("turn", 0, 1.0)', '("turn", 1.0)', r"keys: 'left' is .*; allowed: \(\"turn\", component, value\), components 0"),
        ('idle={"turn": (0.0,), "fire": HOLD}', 'idle={"fire": HOLD}', "idle: .* is no Dict of turn, fire"),
        ('"fire": Discrete(2, ("hold", "fire"))', '"fire": 2', "action: .*an action is Discrete, MultiDiscrete"),
        ('"fire": Discrete', '"fire!": Discrete', "action: 'fire!' cannot be a part: rules read parts as names"),
        ("mask.fire[FIRE] =", "mask.fier[FIRE] =", "'hold_fire' .*: .*\n.*fier"),
    ],
)  # fmt: skip
def test_a_mistake_about_parts_is_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    text = Path(TURRET).read_text("utf-8")
    assert old in text
    (tmp_path / "mistaken.py").write_text(text.replace(old, new))
    with pytest.raises(DefinitionError, match=f"environment 'mistaken': {message}"):
        make(str(tmp_path / "mistaken.py"))
