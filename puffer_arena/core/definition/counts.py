"""What an environment counts: counters, scores, sounds for them, and signals beside the reward."""

import keyword
import math
from typing import Any

from puffer_arena.core.bodies import PhysicsField
from puffer_arena.core.fields import header_fields, state_fields
from puffer_arena.core.params import declared_parameters
from puffer_arena.errors import suggest

# Names by which batches, episodes, infos and rollouts hold other things than signals.
KEPT_NAMES = frozenset(
    {entry[0] for entry in header_fields(1)}
    | {"obs", "rewards", "reward", "terminated", "truncated", "final_obs", "action_mask", "signals", "params", "view"}
    | {"statistics", "episodes", "episode_length", "length", "seats", "actions"}
    | {"value", "target", "advantage", "ratio"}
)
SOUNDS = ("pickup", "over", "goal", "hit", "blast", "loss", "success")  # the louder is heard where two come together


def check_counters(env: Any) -> None:
    """Check that counters are single numbers of State, and that success and scores are counters."""
    for counter in env.counters:
        if counter in ("episodes", "params", "ending"):
            raise env.error("counters", f"'{counter}' has a meaning of its own in `Batch.finished`; choose another")
        declared = state_fields(env.state).get(counter)
        if declared is None or declared.shape or isinstance(declared, PhysicsField):
            numbers = {k: v for k, v in state_fields(env.state).items() if not isinstance(v, PhysicsField)}
            valid = [name for name, value in numbers.items() if not value.shape]
            raise env.error("counters", f"'{counter}' is not a single number of State; {suggest(counter, valid)}")
    if env.success and env.success not in env.counters:
        raise env.error("success", f"'{env.success}' must be one of counters; {suggest(env.success, env.counters)}")
    limit = declared_parameters(env.params).get(env.time_limit)
    if env.time_limit != "max_steps" and (limit is None or limit.kind is not int or limit.size):
        raise env.error("time_limit", f"'{env.time_limit}' must be a parameter that is one whole number")
    if (env.ending is None) != (not env.endings):
        raise env.error("endings", "and the rule 'ending' belong together: words, and which of them it was")
    for counter, sound in env.sounds.items():
        if counter not in env.counters or sound not in (*SOUNDS, ""):
            raise env.error("sounds", f"'{counter}': '{sound}' must be one of counters and one of {SOUNDS}, or ''")
    for role, counter in env.scores.items():
        if role not in env.agents or counter not in env.counters:
            raise env.error("scores", f"'{role}': '{counter}' must be a role of agents and one of counters")


def check_signals(env: Any) -> None:
    """Check that signals have names of their own."""
    for signal in env.signals:
        if not signal.isidentifier() or keyword.iskeyword(signal):
            raise env.error("signals", f"{signal!r} is no name; it must be one as in signals=('cost',)")
        if signal in (*KEPT_NAMES, *env.counters) or signal.startswith(("_", "old_", "final_", "episode_")):
            raise env.error("signals", f"'{signal}' has a meaning already; choose another name")
        for name in (signal, f"episode_{signal}"):
            if name in state_fields(env.state):
                raise env.error(
                    "signals",
                    f"State.{name} has storage already; every row holds '{signal}' and its sum by themselves: leave "
                    f"State.{name} out, or only annotate it: {name}: float",
                )
    if len(set(env.signals)) < len(env.signals):
        raise env.error("signals", f"{env.signals} names one twice")
    if env.cost_limit is not None:
        if "cost" not in env.signals:
            raise env.error("cost_limit", "bounds the signal 'cost', which is missing; give signals=('cost',)")
        limit = env.cost_limit
        if isinstance(limit, bool) or not (isinstance(limit, int | float) and 0.0 <= limit < math.inf):
            raise env.error("cost_limit", f"is {limit!r}; it must be a number of at least 0")
