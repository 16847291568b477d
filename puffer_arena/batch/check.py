"""Finding what is wrong with an environment before, or instead of, a compiler's traceback.

The rules are first played for a few steps in plain Python, where a typo or a wrong shape fails at its
own line; only then are they compiled, which checks nothing at run time.
"""

import os
import re
import traceback
from types import FunctionType
from typing import Any

import numpy as np

from puffer_arena.batch.actions import check_actions
from puffer_arena.core.env import Env
from puffer_arena.core.errors import ArenaError, DefinitionError

CHECKED_STEPS = 3
_checked: set[int] = set()


def check_definition(env: Env) -> None:
    """Play a few steps of `env` in plain Python with its default parameters, once a process.

    Raises:
        DefinitionError: a rule fails, or yields an observation outside its space or a reward that is no number.
    """
    from puffer_arena.batch.batch import Batch  # a batch checks its environment, and the check needs a batch

    if id(env) in _checked:
        return
    try:
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


def explain(env: Env, error: Exception) -> ArenaError | None:
    """Turn an exception from running or compiling the rules into one that names the rule and the line.

    Returns None for an error that is already clear, or that does not come from the rules.
    """
    if isinstance(error, ArenaError):
        return None
    if type(error).__module__.startswith("numba."):
        return env.error("compiling", _first_cause(str(error)))
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if frame.filename in {_file(rule) for rule in (env.reset, env.step, env.observe, env.judge, env.build) if rule}:
            where = f"'{frame.name}' ({frame.filename}, line {frame.lineno})"
            return DefinitionError(f"environment '{env.name}': {where}: {frame.line}\n    {_reason(error)}")
    return None


def _file(rule: Any) -> str:
    assert isinstance(rule, FunctionType)  # Env checked it
    return rule.__code__.co_filename


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _first_cause(message: str) -> str:
    """Return the informative lines of a Numba message: the cause, then the file and line it names."""
    lines = [line.strip() for line in message.splitlines()]
    noise = (
        "Failed in nopython",
        "During: ",
        "Overload",
        "There are",
        "- Of which",
        "* ",
        ">>>",
        "raised from",
        "This is not usually",
        "",
    )
    causes = [line for line in lines if line and not line.startswith(noise[:-1])]
    places = [line for line in lines if line.startswith('File "') and "kernel.py" not in line]
    places = [re.sub('"(.+)"', lambda found: f'"{os.path.abspath(found[1])}"', line) for line in places]  # was relative
    return "\n    ".join([*causes[:3], *places[-1:]])
