"""Finding what is wrong with an environment before, or instead of, a compiler's traceback.

The rules are first read (`source`) and played for a few steps in plain Python, where a wrong shape fails at its own
line; only then are they compiled, which checks nothing at run time.
"""

from typing import Any

import numpy as np

from puffer_arena.batch.actions import check_actions
from puffer_arena.batch.explain import explain
from puffer_arena.batch.source import check_source
from puffer_arena.core.env import Env

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
            raise env.error("observe", f"wrote {value!r}, which does not lie in {batch.observation}")
    if not np.isfinite(batch.rewards).all():
        raise env.error("step", f"gave the reward {batch.rewards[0]}; rewards must be finite numbers")
