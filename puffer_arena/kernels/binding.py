"""Binding an environment's rules into the templates of `step`, with functions written for its fields."""

from typing import Any

from puffer_arena.core.fields import Array
from puffer_arena.kernels.signals import count_seat, signal_functions
from puffer_arena.kernels.step import (
    acts,
    begin_episode,
    begin_several,
    begin_solo,
    forget,
    is_barred,
    look_chosen,
    look_several,
    look_solo,
    next_turn,
    notice_all,
    step_several,
    step_solo,
)
from puffer_arena.machine.compile import bind, generate, jit


@jit
def nothing() -> None:
    """Stand in for a rule that this kind of environment does not have, and whose call is cut out."""


@jit
def no_mask_solo(s: Any, p: Any, mask: Array) -> None:
    """Stand in for an environment without action masks."""


@jit
def no_mask_several(s: Any, p: Any, agent: int, mask: Array) -> None:
    """Stand in for an environment without action masks."""


@jit
def clear_array(obs: Any) -> None:
    """Zero an observation that is one array."""
    obs[:] = 0


def clear_function(dtype: Any) -> Any:
    """Generate the function that zeroes one value of `dtype`, records within records included."""
    if dtype.names is None:
        return clear_array
    lines: list[str] = []

    def visit(prefix: str, part: Any) -> None:
        for name in part.names:
            inner = part[name]
            base, shape = inner.subdtype or (inner, ())
            if base.names and not shape:
                visit(f"{prefix}.{name}", base)
            else:
                lines.append(f"    {prefix}.{name}{'[:]' if shape else ''} = 0")

    visit("obs", dtype)
    return generate("clear", "obs", lines)


def tally_function(counters: tuple[str, ...], signals: tuple[str, ...], several: bool, ending: Any = None) -> Any:
    """Generate the function that records an ended episode: level, parameters, return, length, signals and counters."""
    sums = ("episode_return", *(f"episode_{name}" for name in signals))
    lines = [
        "    last, total = episodes.finished, episodes.totals",
        "    last.episodes += 1",
        "    total.episodes += 1",
    ]
    lines += ["    last.level = s.level", "    last.params = p"]
    if ending is not None:
        lines += ["    last.ending = ending(s, p)"]
    for target, read in (("episode_length", "s.step_count"), *((name, f"s.{name}") for name in counters)):
        lines += [f"    last.{target} = {read}", f"    total.{target} += {read}"]
    if several:
        lines += [
            "    for agent in range(len(s.episode_return)):",
            "        total.seats[agent] += count_seat(s.episode_return[agent])",
        ]
    at, indent = ("[agent]", "        ") if several else ("", "    ")
    for name in sums:
        lines += [f"{indent}last.{name}{at} = s.{name}{at}", f"{indent}total.{name}{at} += s.{name}{at}"]
    return generate(
        "tally", "s, p, episodes", lines, count_seat=count_seat, **({} if ending is None else {"ending": ending})
    )


def bind_kernels(
    name: str,
    several: bool,
    rules: dict[str, Any],
    obs_dtype: Any,
    signals: tuple[str, ...] = (),
    sizes: tuple[int, ...] = (),
    engine: bool = False,
) -> dict[str, Any]:
    """Bind one environment's rules into kernels.

    Args:
        name: of the environment.
        several: whether it is one for several agents.
        rules: reset, observe, mask_actions and tally; step, or judge and place where an engine moves bodies.
        obs_dtype: of one observation.
        signals: those of the environment.
        sizes: how many choices each component of an action has, where a rule bars some.
        engine: whether an engine moves bodies.

    Agents take turns where `rules` have `whose_turn`; the global state is written where they have `observe_state`; and
    observations are stacks where they have `notice` (see `kernels.frames`); all agents look at once where they have
    `observe_all`.

    Returns:
        The uncompiled kernels "step" and "look".
    """
    bound = {
        "step": nothing,
        "judge": nothing,
        "place": nothing,
        "whose_turn": nothing,
        "observe_state": nothing,
        "notice": nothing,
        "look_all": nothing,
        "observe_all": nothing,
        **rules,
        "begin_episode": begin_episode,
        "ENGINE": engine,
        "SIGNALS": bool(signals),
        "MASKED": bool(sizes),
        "is_barred": bind(is_barred, name, SIZES=sizes) if sizes else nothing,
        "STATE": "observe_state" in rules,
        "FRAMES": "notice" in rules,
        "TOGETHER": "observe_all" in rules,
        **signal_functions(signals, several),
    }
    if several:
        bound |= {"clear": clear_function(obs_dtype), "TURNS": "whose_turn" in rules}
        bound["forget"] = rules.get("forget") or bind(forget, name, **bound)
        bound["acts"] = bind(acts, name, **bound)
        bound["next_turn"] = bind(next_turn, name, **bound)
        bound["notice_all"] = bind(notice_all, name, **bound)
        bound["begin_several"] = bind(begin_several, name, **bound)
        bound["look_several"] = bind(look_several, name, **bound)
        templates = {"step": step_several, "look": look_chosen}
    else:
        bound["begin_solo"] = bind(begin_solo, name, **bound)
        templates = {"step": step_solo, "look": look_solo}
    return {role: bind(template, name, **bound) for role, template in templates.items()}
