"""Advantages against sums written out from their definitions."""

from types import SimpleNamespace

import numpy as np
import pytest

from puffer_arena.trainers.estimate.advantage import Experience, clear_absent, follow, gae_rows, vtrace_rows

GAMMA, TRACE = 0.9, 0.8
HORIZON, STREAMS = 12, 40


def draw(seed: int = 0, ratios: bool = False) -> SimpleNamespace:
    """Draw a rollout full of endings, truncations and agents that wait."""
    rng = np.random.default_rng(seed)
    shape = (HORIZON, STREAMS)
    acting = rng.random((HORIZON + 1, STREAMS)) < 0.7
    acting[-1] = True
    terminated, truncated = (acting[:-1] & (rng.random(shape) < 0.15) for _ in range(2))
    return SimpleNamespace(
        rewards=rng.normal(size=shape).astype(np.float32) * 1000,  # large rewards stay large
        terminated=terminated,
        truncated=truncated,
        acting=acting,
        values=rng.normal(size=(HORIZON + 1, STREAMS)).astype(np.float32),
        final_values=rng.normal(size=shape).astype(np.float32),
        ratios=np.exp(rng.normal(size=shape)).astype(np.float32) if ratios else np.ones(shape, np.float32),
    )


def next_value(e: SimpleNamespace, t: int, i: int) -> tuple[float, int]:
    """Return V of what follows the stream's step at t, and where the sum goes on: at its next action; HORIZON to stop."""
    if e.terminated[t, i]:
        return 0.0, HORIZON
    if e.truncated[t, i]:
        return float(e.final_values[t, i]), HORIZON
    after = t + 1 + int(e.acting[t + 1 :, i].argmax())
    return float(e.values[after, i]), after


def run(method, e: SimpleNamespace, cuts=(1.0, 1.0)) -> tuple[np.ndarray, np.ndarray]:
    advantages, returns = np.full(e.rewards.shape, np.nan, np.float32), np.full(e.rewards.shape, np.nan, np.float32)
    values = e.values.copy()
    following, goes_on = follow(e.terminated, e.truncated, e.acting, values, e.final_values)
    experience = Experience(e.rewards, e.acting, values, following, goes_on, e.ratios)
    middle = STREAMS // 2  # in two spans, as two threads would
    for begin, end in ((0, middle), (middle, STREAMS)):
        method(experience, begin, end, GAMMA, TRACE, np.array(cuts), advantages, returns)
    clear_absent(e.acting, advantages, returns)
    return advantages, returns


def test_gae_is_the_discounted_sum_of_errors() -> None:
    e = draw()
    advantages, returns = run(gae_rows, e)
    for i in range(STREAMS):
        for t in range(HORIZON):
            total, weight, at = 0.0, 1.0, t
            while at < HORIZON and e.acting[t, i]:
                following, after = next_value(e, at, i)
                total += weight * (e.rewards[at, i] + GAMMA * following - e.values[at, i])
                weight *= GAMMA * TRACE
                at = after
            assert advantages[t, i] == pytest.approx(total, rel=1e-4, abs=1e-2)
            expected = total + e.values[t, i] if e.acting[t, i] else 0.0
            assert returns[t, i] == pytest.approx(expected, rel=1e-4, abs=1e-2)


@pytest.mark.parametrize("cuts", [(1.0, 1.0), (2.0, 0.5)])
def test_vtrace_is_the_sum_of_the_paper(cuts: tuple[float, float]) -> None:
    e = draw(1, ratios=True)
    advantages, returns = run(vtrace_rows, e, cuts)

    def target(t: int, i: int) -> float:
        """Equation 1: v_t = V_t + sum over k of gamma^k (c_t ... c_{t+k-1}) delta_{t+k}."""
        total, weight, at = float(e.values[t, i]), 1.0, t
        while True:
            following, after = next_value(e, at, i)
            rho = min(cuts[0], float(e.ratios[at, i]))
            total += weight * rho * (e.rewards[at, i] + GAMMA * following - e.values[at, i])
            if after == HORIZON:
                return total
            weight *= GAMMA * TRACE * min(cuts[1], float(e.ratios[at, i]))
            at = after

    for i in range(STREAMS):
        for t in range(HORIZON):
            if not e.acting[t, i]:
                assert advantages[t, i] == returns[t, i] == 0.0
                continue
            assert returns[t, i] == pytest.approx(target(t, i), rel=1e-4, abs=1e-2)
            following, after = next_value(e, t, i)
            following = target(after, i) if after < HORIZON else following
            expected = e.rewards[t, i] + GAMMA * following - e.values[t, i]
            assert advantages[t, i] == pytest.approx(expected, rel=1e-4, abs=1e-2)


def test_on_policy_vtrace_targets_are_the_returns_of_gae() -> None:
    e = draw(2)
    np.testing.assert_allclose(run(vtrace_rows, e)[1], run(gae_rows, e)[1], rtol=1e-3, atol=1e-2)


def test_compiled_and_plain_loops_agree() -> None:
    e = draw(3, ratios=True)
    for method in (gae_rows, vtrace_rows):
        for fast, slow in zip(run(method, e), run(method.python, e), strict=True):
            np.testing.assert_allclose(fast, slow, rtol=1e-3, atol=1e-2)
