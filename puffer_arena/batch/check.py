"""Finding what is wrong with an environment before, or instead of, a compiler's traceback.

The rules are first read (`source`) and played for a few steps in plain Python, where a wrong shape fails at its own
line; only then are they compiled, which checks nothing at run time.
"""

from typing import Any

import numpy as np

from puffer_arena.batch.actions import check_actions
from puffer_arena.batch.explain import ending_rule, explain, place_of
from puffer_arena.batch.source import check_source
from puffer_arena.core.env import Env
from puffer_arena.core.spaces import Box, Dict, Space, Tuple

CHECKED_STEPS = 3
_checked: set[int] = set()


def check_definition(env: Env) -> None:
    """Read the rules of `env` and play a few steps in plain Python with its default parameters, once a process.

    Raises:
        DefinitionError: a rule names what does not exist, fails, or yields an observation outside its space or a reward that is no number.
    """
    from puffer_arena.batch.batch import Batch  # a batch checks its environment, and the check needs a batch

    if id(env) in _checked:
        return
    try:
        check_source(env)
        batch = Batch(env, env.name, 1, 0, 1, "train", 0, "same_step", False, {})
    except Exception as error:  # what `build` does happens outside of the kernels, which explain their errors
        raise explain(env, error) or error from None
    rng = np.random.default_rng(0)
    for _ in range(CHECKED_STEPS):
        _check_outputs(batch)
        batch.step(batch.sample_actions(rng))
    _check_outputs(batch)
    for bot in env.bots:
        check_actions(env.name, batch.action, batch.act(bot), batch.actions)
    _checked.add(id(env))


def _check_outputs(batch: Any) -> None:
    env, obs = batch.env, batch.obs[0]
    for one in obs if batch.num_agents else [obs]:
        value = batch.observation.load(one if one.shape != (1,) or batch.observation.dtype.shape else one[0])
        if not batch.observation.contains(value):
            raise place_of(env, env.observe, f"wrote {_outside(batch.observation, value, 'obs')}")
    if not np.isfinite(batch.rewards).all():
        rule, _ = ending_rule(env)
        agent = int(np.flatnonzero(~np.isfinite(batch.rewards[0]))[0])
        whose = f" to {batch.agent_ids[agent]}" if batch.num_agents else ""
        given = batch.rewards.flat[agent]
        raise place_of(env, rule, f"gave the reward {given}{whose}; rewards must be finite numbers")


def _outside(space: Space, value: Any, name: str) -> str:
    """Describe the first number of `value` that does not lie in `space`."""
    if isinstance(space, Dict | Tuple):
        parts = space.spaces.items() if isinstance(space, Dict) else enumerate(space.spaces)
        for part, inner in parts:
            if not inner.contains(value[part]):
                return _outside(inner, value[part], f"{name}.{part if isinstance(part, str) else f'part_{part}'}")
    if not isinstance(space, Box):
        return f"{name} = {value!r}, which does not lie in {space}"
    low, high = space.bounds
    wrong = np.argwhere(~((value >= low) & (value <= high)))
    at = tuple(int(k) for k in wrong[0])
    element = f"{name}[{', '.join(map(str, at))}]" if at else name
    label = f" ({space.labels[at[0]]})" if len(at) == 1 and at[0] < len(space.labels) else ""
    others = f", nor do {len(wrong) - 1} others" if len(wrong) > 1 else ""
    return f"{element} = {value[at]}{label}, which does not lie in [{low[at]}, {high[at]}]{others}"
