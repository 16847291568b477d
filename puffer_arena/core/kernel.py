"""The kernels: plain templates that loop over rows and call one environment's rules.

Functions called for every row take records and views: handing on `Rows` or `Buffers` would count references
to all of their arrays at every call, which costs more than most rules and stalls other threads.

`bind_kernels` copies a template with the environment's functions in place of the names below and compiles it, or
leaves it in Python with the rows wrapped (`fields.Row`).  There are two families, for solo
environments and for several agents; both reset a row in the very step that ends its episode.  A reset that a caller
asks for is a step too, of rows that have ended: one kernel less to compile.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from puffer_arena.core.compile import bind, generate, jit
from puffer_arena.core.fields import Array
from puffer_arena.core.random import draw_level

# What happens to a row whose episode ends (Gymnasium's three autoreset modes; SAME_STEP_FINAL also
# keeps the last observation of terminated episodes).
Span = tuple[int, int]  # first row, one past the last
SAME_STEP, SAME_STEP_FINAL, NEXT_STEP, DISABLED = range(4)


class Rows(NamedTuple):
    """The rows of a batch; every array has num_envs entries but `plan`."""

    states: Any
    params: Any  # in force in this episode
    following: Any  # in force from the next reset on
    levels: Any  # int64: the level to play at the next reset, or -1 to draw one
    plan: Any  # int64 (2,): split (0 training, 1 held out) and num_levels (0 for all)
    finished: Any  # the last episode that ended, one record each
    totals: Any  # sums over ended episodes, one record each


class Buffers(NamedTuple):
    """What a step writes; with several agents each has a second axis for the agent.

    obs          (num_envs, *observation shape)
    rewards      (num_envs,) float32
    terminated   (num_envs,) bool
    truncated    (num_envs,) bool
    final_obs    like obs; valid where an episode was truncated (or ended, under SAME_STEP_FINAL)
    alive        (num_envs, agents) bool: whose observation counts and who acts next; solo: (num_envs, 1)
    action_mask  (num_envs, choices) bool: which actions are allowed next; choices is 0 without masks
    """

    obs: Any
    rewards: Any
    terminated: Any
    truncated: Any
    final_obs: Any
    alive: Any
    action_mask: Any


def _unbound(*_: Any) -> Any:
    raise AssertionError("a template was called before bind_kernels")


reset = step = observe = mask_actions = bot = tally = _unbound


@jit
def begin_episode(s: Any, level: int, split: int, num_levels: int) -> None:
    """Choose the level and clear the header; the rules' reset follows."""
    s.level = draw_level(s.row_key, s.episode, split, num_levels) if level < 0 else level
    s.rng_count = 0
    s.episode += 1
    s.step_count = 0
    s.ended = 0


@jit
def begin_solo(s: Any, p: Any, level: int, split: int, num_levels: int) -> None:
    begin_episode(s, level, split, num_levels)
    s.episode_return = 0.0
    reset(s, p)


@jit
def look_solo(span: Span, rows: Rows, out: Buffers, chosen: Array) -> None:
    """Observe the chosen rows of `span` as they stand."""
    for i in range(span[0], span[1]):
        if chosen[i]:
            observe(rows.states[i], rows.params[i], out.obs[i])
            out.action_mask[i, :] = True
            mask_actions(rows.states[i], rows.params[i], out.action_mask[i])


@jit
def step_solo(span: Span, rows: Rows, actions: Array, out: Buffers, mode: int) -> None:
    """Step the rows of `span`; those whose episode ends go on as `mode` says."""
    for i in range(span[0], span[1]):
        s, p = rows.states[i], rows.params[i]
        if s.ended:
            out.rewards[i] = 0.0
            out.terminated[i] = False
            out.truncated[i] = False
            anew = mode == NEXT_STEP
        else:
            s.step_count += 1
            reward, terminated, truncated = step(s, p, actions[i])
            s.episode_return += reward
            out.rewards[i] = reward
            out.terminated[i] = terminated
            out.truncated[i] = truncated
            anew = (terminated or truncated) and mode <= SAME_STEP_FINAL
            if terminated or truncated:
                s.ended = 1
                tally(s, rows.finished[i], rows.totals[i])
                if anew and (truncated or mode == SAME_STEP_FINAL):
                    observe(s, p, out.final_obs[i])
        if anew:
            rows.params[i] = rows.following[i]
            begin_solo(s, p, rows.levels[i], rows.plan[0], rows.plan[1])
        observe(s, p, out.obs[i])
        out.action_mask[i, :] = True
        mask_actions(s, p, out.action_mask[i])


@jit
def act_solo(span: Span, rows: Rows, actions: Array, chosen: Array) -> None:
    """Let the bot choose the actions of the rows of `span` where `chosen` (num_envs, 1) is set."""
    for i in range(span[0], span[1]):
        if chosen[i, 0]:
            actions[i] = bot(rows.states[i], rows.params[i])


@jit
def act_solo_vector(span: Span, rows: Rows, actions: Array, chosen: Array) -> None:
    """`act_solo` for actions that are arrays."""
    for i in range(span[0], span[1]):
        if chosen[i, 0]:
            bot(rows.states[i], rows.params[i], actions[i])


@jit
def begin_several(s: Any, p: Any, level: int, split: int, num_levels: int) -> None:
    begin_episode(s, level, split, num_levels)
    for agent in range(len(s.alive)):
        s.episode_return[agent] = 0.0
        s.alive[agent] = 1
    reset(s, p)
    for agent in range(len(s.alive)):
        if not s.alive[agent]:
            s.episode_return[agent] = -0.0  # nobody's: a sum that began at 0.0 is never -0.0


@jit
def look_several(s: Any, p: Any, obs: Any, mask: Array, alive: Array) -> None:
    """Observe for the living agents; those who left see zeros from then on."""
    for agent in range(len(s.alive)):
        if s.alive[agent]:
            observe(s, p, agent, obs[agent])
            mask[agent, :] = True
            mask_actions(s, p, agent, mask[agent])
        else:
            clear(obs[agent])
            mask[agent, :] = False
        alive[agent] = s.alive[agent] != 0


@jit
def look_chosen(span: Span, rows: Rows, out: Buffers, chosen: Array) -> None:
    """Observe the chosen rows of `span` as they stand."""
    for i in range(span[0], span[1]):
        if chosen[i]:
            look_several(rows.states[i], rows.params[i], out.obs[i], out.action_mask[i], out.alive[i])


@jit
def settle_several(s: Any, rewards: Array, terminated: Array, truncated: Array, over: bool) -> bool:
    """Add up rewards and let agents leave who terminated; tell whether the episode has ended."""
    living = 0
    for agent in range(len(s.alive)):
        if s.alive[agent]:
            s.episode_return[agent] += rewards[agent]
            if terminated[agent]:
                s.alive[agent] = 0
            else:
                living += 1
                truncated[agent] = over
        else:
            rewards[agent] = 0.0
            terminated[agent] = False
    return over or living == 0


@jit
def step_several(span: Span, rows: Rows, actions: Array, out: Buffers, mode: int) -> None:
    """Step the rows of `span`; those whose episode ends go on as `mode` says."""
    for i in range(span[0], span[1]):
        s, p = rows.states[i], rows.params[i]
        out.rewards[i, :] = 0.0
        out.terminated[i, :] = False
        out.truncated[i, :] = False
        if s.ended:
            anew = mode == NEXT_STEP
        else:
            s.step_count += 1
            over = step(s, p, actions[i], out.rewards[i], out.terminated[i])
            anew = settle_several(s, out.rewards[i], out.terminated[i], out.truncated[i], over)
            if anew:
                s.ended = 1
                tally(s, rows.finished[i], rows.totals[i])
                anew = mode <= SAME_STEP_FINAL
            if anew:
                for agent in range(len(s.alive)):
                    if out.truncated[i, agent] or (mode == SAME_STEP_FINAL and out.terminated[i, agent]):
                        observe(s, p, agent, out.final_obs[i, agent])
        if anew:
            rows.params[i] = rows.following[i]
            begin_several(s, p, rows.levels[i], rows.plan[0], rows.plan[1])
        look_several(s, p, out.obs[i], out.action_mask[i], out.alive[i])


@jit
def act_several(span: Span, rows: Rows, actions: Array, chosen: Array) -> None:
    """Let the bot choose for the living agents of the rows of `span` where `chosen` (num_envs, agents) is set."""
    for i in range(span[0], span[1]):
        s = rows.states[i]
        for agent in range(len(s.alive)):
            if chosen[i, agent] and s.alive[agent]:
                actions[i, agent] = bot(s, rows.params[i], agent)


@jit
def act_several_vector(span: Span, rows: Rows, actions: Array, chosen: Array) -> None:
    """`act_several` for actions that are arrays."""
    for i in range(span[0], span[1]):
        s = rows.states[i]
        for agent in range(len(s.alive)):
            if chosen[i, agent] and s.alive[agent]:
                bot(s, rows.params[i], agent, actions[i, agent])


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
    """Generate the function that zeroes one observation of `dtype`, records within records included."""
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


@jit
def count_seat(total: float) -> int:
    """Return 1 for an agent who took part in its episode, by its return (see `fields.header_fields`)."""
    return 0 if total == 0.0 and math.copysign(1.0, total) < 0.0 else 1


def tally_function(counters: tuple[str, ...], num_agents: int) -> Any:
    """Generate the function that records an ended episode: its return, length and counters."""
    lines = ["    last.episodes += 1", "    total.episodes += 1"]
    for target, read in (("episode_length", "s.step_count"), *((name, f"s.{name}") for name in counters)):
        lines += [f"    last.{target} = {read}", f"    total.{target} += {read}"]
    if num_agents:
        lines += [
            "    for agent in range(len(s.episode_return)):",
            "        last.episode_return[agent] = s.episode_return[agent]",
            "        total.episode_return[agent] += s.episode_return[agent]",
            "        total.seats[agent] += count_seat(s.episode_return[agent])",
        ]
    else:
        lines += ["    last.episode_return = s.episode_return", "    total.episode_return += s.episode_return"]
    tally = generate("tally", "s, last, total", lines)
    return bind(tally, "tally", count_seat=count_seat) if num_agents else tally


clear: Callable[[Any], None] = clear_array


def bind_kernels(
    name: str, num_agents: int, rules: dict[str, Any], obs_dtype: Any, counters: tuple[str, ...]
) -> dict[str, Any]:
    """Bind one environment's `rules` (reset, step, observe, mask_actions) into kernels.

    Returns:
        The uncompiled kernels "step" and "look".
    """
    bound = {**rules, "tally": tally_function(counters, num_agents), "begin_episode": begin_episode}
    if num_agents == 0:
        bound["begin_solo"] = bind(begin_solo, name, **bound)
        templates = {"step": step_solo, "look": look_solo}
    else:
        bound["clear"] = clear_function(obs_dtype)
        bound["begin_several"] = bind(begin_several, name, **bound)
        bound["look_several"] = bind(look_several, name, **bound)
        templates = {"step": step_several, "look": look_chosen}
    return {role: bind(template, name, **bound) for role, template in templates.items()}


def bind_bot(name: str, num_agents: int, function: Any, vector: bool) -> Any:
    """Bind a bot into the kernel that lets it act; `vector` where an action is an array."""
    if num_agents == 0:
        return bind(act_solo_vector if vector else act_solo, name, bot=function)
    return bind(act_several_vector if vector else act_several, name, bot=function)
