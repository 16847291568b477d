"""Generators made from the seeds of episodes: those that Gymnasium makes, whoever asks for them."""

import copy
import pickle

import gymnasium
import numpy as np
import pytest
from gymnasium.utils import seeding
from hypothesis import given
from hypothesis import strategies as st

from puffer_arena import emulate, make
from puffer_arena.foreign import seeds
from puffer_arena.foreign.seeds import Seeder, seed_words

SEEDS = [0, 1, 12345, 2**31, 2**32 - 1]


class Dice(gymnasium.Env):
    """Shows throws of the generator that its reset makes, of one that is spawned from it, and its seed."""

    observation_space, action_space = (
        gymnasium.spaces.Box(-(2.0**63), 2.0**63, (3,), np.float64),
        gymnasium.spaces.Discrete(2),
    )

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.child = self.np_random.spawn(1)[0]
        return self.see(), {}

    def see(self):
        return np.array([self.np_random.random(), self.child.random(), self.np_random_seed], np.float64)

    def step(self, action):
        return self.see(), 0.0, bool(action), False, {}


@given(st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=3))
def test_words_are_those_of_numpys_hash(some: list[int]) -> None:
    words = np.zeros((len(some), 8), np.uint32)
    seed_words(some, [0] * 4, words)
    for seed, made in zip(some, words, strict=True):
        assert made.tolist() == np.random.SeedSequence(seed).generate_state(8).tolist()


@pytest.mark.parametrize("seed", [*SEEDS, 2**32, 2**40])
def test_a_generator_is_the_one_that_gymnasium_makes(seed: int) -> None:
    seeder = Seeder(1)
    seeder.prepare(np.array([seed]))
    own, number = seeder.reset(lambda seed: seeding.np_random(seed), seed, 0)
    theirs, _ = seeding.np_random(seed)
    assert number == seed and own.bit_generator.state == theirs.bit_generator.state
    assert isinstance(own.bit_generator.seed_seq, seeds.Hashed) == (seed < 2**32)
    assert own.bit_generator.seed_seq.entropy == theirs.bit_generator.seed_seq.entropy
    for _ in range(2):  # children count on
        assert own.spawn(1)[0].random() == theirs.spawn(1)[0].random()
    copies = [copy.deepcopy(own), pickle.loads(pickle.dumps(own))]
    seeder.prepare(np.array([seed + 1]))
    state = theirs.bit_generator.seed_seq.generate_state(4, np.uint64)
    assert (own.bit_generator.seed_seq.generate_state(4, np.uint64) == state).all()
    assert {each.random() for each in [own, *copies]} == {theirs.random()}


def test_rows_throw_what_they_would_throw_alone() -> None:
    batch, alone = make(emulate(Dice), 3, seed=1), [Dice() for _ in range(3)]
    assert batch.stepper.pool.part.seeder._exact
    for env, level in zip(alone, batch.rows.states["level"].tolist(), strict=True):
        env.reset(seed=level)
    for actions in ([0, 1, 0], [1, 1, 0], [0, 0, 1]):
        levels = batch.stepper.desk["level"].tolist()  # of the episodes that begin next
        batch.step(actions)
        seen = [env.step(action)[0] for env, action in zip(alone, actions, strict=True)]
        for k, action in enumerate(actions):
            seen[k] = alone[k].reset(seed=levels[k])[0] if action else seen[k]
        assert batch.obs.tolist() == np.array(seen).tolist()
    assert seeding.np_random is seeds.THEIRS


def test_where_gymnasium_makes_other_generators_it_goes_on_doing_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def other(seed=None):
        return np.random.Generator(np.random.Philox(seed)), seed

    with monkeypatch.context() as patch:  # another version, say
        patch.setattr(seeds, "THEIRS", other)
        patch.setattr(seeding, "np_random", other)
        made, _ = Seeder(1).reset(lambda seed: seeding.np_random(seed), 3, 0)
        assert isinstance(made.bit_generator, np.random.Philox)
    seeder = Seeder(1)
    monkeypatch.setattr(seeding, "np_random", other)  # a person's own
    seeder.prepare(np.array([3]))
    made, _ = seeder.reset(lambda seed: seeding.np_random(seed), 3, 0)
    assert isinstance(made.bit_generator, np.random.Philox) and seeding.np_random is other
