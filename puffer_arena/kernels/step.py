"""The kernels: plain templates that loop over rows and call one environment's rules.

Functions called for every row take records and views: handing on `Rows` or `Buffers` would count references
to all of their arrays at every call, which costs more than most rules and stalls other threads.

`bind_kernels` copies a template with the environment's functions in place of the names below and compiles it, or
leaves it in Python with the rows wrapped (`fields.Row`).  There are two families, for solo environments and for several
agents.  Both serve physics too, whose bodies an engine moves around them (`world.py`): ENGINE, TURNS, SIGNALS and STATE
are constants of each bound kernel, and the compiler cuts out what they rule out before it looks at types.  Both reset a
row in the very step that ends its episode.  A reset that a caller asks for is a step too, of rows that have ended: one kernel less to compile.
"""

from collections.abc import Callable
from typing import Any

from puffer_arena.core.fields import Array
from puffer_arena.core.random import draw_level, philox
from puffer_arena.kernels.frames import FILL, PUSH, RENEW
from puffer_arena.kernels.signals import count_seat, signal_functions
from puffer_arena.kernels.tables import BARRED, ENTERS, LOST, RESTS, Buffers, Rows
from puffer_arena.machine.compile import bind, generate, jit, unbound

# What happens to a row whose episode ends (Gymnasium's three autoreset modes; SAME_STEP_FINAL also
# keeps the last observation of terminated episodes).
Span = tuple[int, int]  # first row, one past the last
SAME_STEP, SAME_STEP_FINAL, NEXT_STEP, DISABLED = range(4)


reset = step = judge = observe = mask_actions = bot = tally = place = whose_turn = unbound
clear_signals = begin_signals = take_signals = observe_state = notice = unbound
BOTS = 0xB07  # the bots' streams have other keys than the levels
NUMBER = 0  # of the bot, in the order of `Env.bots`
ENGINE = False  # an engine moves the bodies: `act` and the engine came before the step kernel, which judges
TURNS = False  # one agent acts at a time, whom the rule `turn`, here whose_turn, names
SIGNALS = False  # rules give numbers beside the reward
SIZES: tuple[int, ...] = ()  # how many choices each component of an action has, where a rule bars some
MASKED = False  # there is such a rule
STATE = False  # somebody asks for the global state
FRAMES = False  # observations are stacks that the row keeps: `notice` looks, and `observe` hands them out


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
    if SIGNALS:
        begin_signals(s)
    reset(s, p)
    if FRAMES:
        notice(s, p, FILL)


@jit
def is_barred(masks: Array, i: int) -> bool:
    """Tell whether the i-th mask leaves a component of an action no choice."""
    first = 0
    for size in SIZES:
        k = first
        while k < first + size and not masks[i, k]:
            k += 1
        if k == first + size:
            return True
        first += size
    return False


@jit
def look_solo(span: Span, rows: Rows, out: Buffers, chosen: Array) -> None:
    """Observe the chosen rows of `span` as they stand."""
    for i in range(span[0], span[1]):
        if chosen[i]:
            if FRAMES:
                notice(rows.states[i], rows.params[i], RENEW if rows.states[i].step_count else FILL)
            observe(rows.states[i], rows.params[i], out.obs[i])
            if STATE:
                observe_state(rows.states[i], rows.params[i], out.global_state[i])
            out.action_mask[i, :] = True
            mask_actions(rows.states[i], rows.params[i], out.action_mask[i])
            if MASKED and is_barred(out.action_mask, i) and not rows.states[i].ended:
                rows.plan[BARRED] = 1
            out.began[i] = rows.states[i].step_count == 0


@jit
def step_solo(span: Span, rows: Any, actions: Array, out: Buffers, mode: int) -> None:
    """Step the rows of `span`, Rows or WorldRows; those whose episode ends go on as `mode` says."""
    for i in range(span[0], span[1]):
        s, p = rows.states[i], rows.params[i]
        if s.ended:
            out.rewards[i] = 0.0
            out.terminated[i] = False
            out.truncated[i] = False
            if SIGNALS:
                out.signals[i, :] = 0.0
            anew = mode == NEXT_STEP
        else:
            if ENGINE:
                rows.scenes[i].stage = RESTS
                reward, terminated, truncated = judge(s, p)
                truncated = truncated or rows.scenes[i].fault == LOST
            else:
                s.step_count += 1
                if SIGNALS:
                    clear_signals(s)
                reward, terminated, truncated = step(s, p, actions[i])
            if SIGNALS:
                take_signals(s, out.signals[i])
            s.episode_return += reward
            out.rewards[i] = reward
            out.terminated[i] = terminated
            out.truncated[i] = truncated
            anew = (terminated or truncated) and mode <= SAME_STEP_FINAL
            s.ended = terminated or truncated
            if FRAMES:
                notice(s, p, PUSH)
            if s.ended:
                tally(s, p, rows.episodes[i])
                if anew and (truncated or mode == SAME_STEP_FINAL):
                    observe(s, p, out.final_obs[i])
                    if STATE:
                        observe_state(s, p, out.final_global_state[i])
        if anew:
            rows.params[i] = rows.following[i]
            if ENGINE:
                place(s, rows.built[i])
                rows.scenes[i].stage = ENTERS
            begin_solo(s, p, rows.levels[i], rows.plan[0], rows.plan[1])
        out.began[i] = anew
        observe(s, p, out.obs[i])
        if STATE:
            observe_state(s, p, out.global_state[i])
        out.action_mask[i, :] = True
        mask_actions(s, p, out.action_mask[i])
        if MASKED and is_barred(out.action_mask, i) and not s.ended:
            rows.plan[BARRED] = 1


@jit
def recall(s: Any, memory: Any, agent: int) -> None:
    """Let the bot begin anew, with a random stream of its own, where its memory is of another episode."""
    if memory.episode != s.episode or memory.row_key != s.row_key:
        clear(memory)
        memory.row_key, memory.episode = s.row_key, s.episode
        memory.level = philox(philox(s.row_key ^ BOTS, s.episode), NUMBER << 16 | agent)


@jit
def act_solo(span: Span, rows: Rows, actions: Array, chosen: Array) -> None:
    """Let the bot choose the actions of the rows of `span` where `chosen` (num_envs, 1) is set."""
    for i in range(span[0], span[1]):
        if chosen[i, 0]:
            s, memory = rows.states[i], rows.memories[i, NUMBER, 0]
            recall(s, memory, 0)
            actions[i] = bot(s, rows.params[i], memory)


@jit
def act_solo_vector(span: Span, rows: Rows, actions: Array, chosen: Array) -> None:
    """`act_solo` for actions that are arrays."""
    for i in range(span[0], span[1]):
        if chosen[i, 0]:
            s, memory = rows.states[i], rows.memories[i, NUMBER, 0]
            recall(s, memory, 0)
            bot(s, rows.params[i], memory, actions[i])


@jit
def begin_several(s: Any, p: Any, level: int, split: int, num_levels: int) -> None:
    begin_episode(s, level, split, num_levels)
    for agent in range(len(s.alive)):
        s.episode_return[agent] = 0.0
        s.alive[agent] = 1
    if SIGNALS:
        begin_signals(s)
    if TURNS:
        s.turn = -1  # nobody's yet
    reset(s, p)
    for agent in range(len(s.alive)):
        if not s.alive[agent]:
            s.episode_return[agent] = -0.0  # nobody's: a sum that began at 0.0 is never -0.0
    if TURNS:
        s.turn = next_turn(s, p)
    if FRAMES:
        notice_all(s, p, FILL)


@jit
def notice_all(s: Any, p: Any, mode: int) -> None:
    """Take what every agent that takes part sees into its frames."""
    for agent in range(len(s.alive)):
        if s.alive[agent]:
            notice(s, p, agent, mode)


@jit
def next_turn(s: Any, p: Any) -> int:
    """Return whose turn it is; -1, which `Batch` reports, where the rule names nobody who takes part."""
    agent = int(whose_turn(s, p))
    return agent if 0 <= agent < len(s.alive) and s.alive[agent] else -1


@jit
def acts(s: Any, agent: int) -> bool:
    """Tell whether an agent acts next: it takes part, and where agents take turns it is its own."""
    if TURNS:
        return bool(s.alive[agent] and s.turn == agent)
    return bool(s.alive[agent])


@jit
def look_several(s: Any, p: Any, obs: Any, mask: Array, acting: Array) -> bool:
    """Observe for the living agents; those who left see zeros from then on, and who does not act has no choices.

    Returns:
        Whether somebody who acts has none either.
    """
    barred = False
    for agent in range(len(s.alive)):
        if s.alive[agent]:
            observe(s, p, agent, obs[agent])
        else:
            forget(agent, obs[agent])
        acting[agent] = acts(s, agent)
        mask[agent, :] = acting[agent]
        if acting[agent]:
            mask_actions(s, p, agent, mask[agent])
            if MASKED and is_barred(mask, agent):
                barred = not s.ended
    return barred


@jit
def look_chosen(span: Span, rows: Rows, out: Buffers, chosen: Array) -> None:
    """Observe the chosen rows of `span` as they stand."""
    for i in range(span[0], span[1]):
        if chosen[i]:
            if FRAMES:
                notice_all(rows.states[i], rows.params[i], RENEW if rows.states[i].step_count else FILL)
            if look_several(rows.states[i], rows.params[i], out.obs[i], out.action_mask[i], out.acting[i]):
                rows.plan[BARRED] = 1
            if STATE:
                observe_state(rows.states[i], rows.params[i], out.global_state[i])
            out.began[i, :] = rows.states[i].step_count == 0


@jit
def settle_several(s: Any, rewards: Array, terminated: Array, truncated: Array, over: bool) -> bool:
    """Add up rewards and let agents leave who terminated; tell whether the episode has ended.

    Who left is rewarded until the episode ends; who took no part in it is not.
    """
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
            terminated[agent] = False
            if count_seat(s.episode_return[agent]):
                s.episode_return[agent] += rewards[agent]
            else:
                rewards[agent] = 0.0
    return over or living == 0


@jit
def step_several(span: Span, rows: Any, actions: Array, out: Buffers, mode: int) -> None:
    """Step the rows of `span`, Rows or WorldRows; those whose episode ends go on as `mode` says."""
    for i in range(span[0], span[1]):
        s, p = rows.states[i], rows.params[i]
        out.rewards[i, :] = 0.0
        out.terminated[i, :] = False
        out.truncated[i, :] = False
        if SIGNALS:
            out.signals[i] = 0.0
        if s.ended:
            anew = mode == NEXT_STEP
        else:
            if ENGINE:
                rows.scenes[i].stage = RESTS
                over = judge(s, p, out.rewards[i], out.terminated[i])
                over = over or rows.scenes[i].fault == LOST
            else:
                s.step_count += 1
                if SIGNALS:
                    clear_signals(s)
                over = step(s, p, actions[i], out.rewards[i], out.terminated[i])
            if SIGNALS:
                take_signals(s, out.signals[i])
            anew = settle_several(s, out.rewards[i], out.terminated[i], out.truncated[i], over)
            if anew:
                s.ended = 1
                tally(s, p, rows.episodes[i])
                anew = mode <= SAME_STEP_FINAL
            if TURNS and not s.ended:
                s.turn = next_turn(s, p)
            if FRAMES:
                for agent in range(len(s.alive)):
                    if s.alive[agent] or out.terminated[i, agent]:
                        notice(s, p, agent, PUSH)
            if anew:
                if STATE:
                    observe_state(s, p, out.final_global_state[i])
                for agent in range(len(s.alive)):
                    if out.truncated[i, agent] or (mode == SAME_STEP_FINAL and out.terminated[i, agent]):
                        observe(s, p, agent, out.final_obs[i, agent])
        if anew:
            rows.params[i] = rows.following[i]
            if ENGINE:
                place(s, rows.built[i])
                rows.scenes[i].stage = ENTERS
            begin_several(s, p, rows.levels[i], rows.plan[0], rows.plan[1])
        for agent in range(len(s.alive)):
            out.began[i, agent] = anew
        if look_several(s, p, out.obs[i], out.action_mask[i], out.acting[i]):
            rows.plan[BARRED] = 1
        if STATE:
            observe_state(s, p, out.global_state[i])


@jit
def act_several(span: Span, rows: Rows, actions: Array, chosen: Array) -> None:
    """Let the bot choose for those who act in the rows of `span`, where `chosen` (num_envs, agents) is set."""
    for i in range(span[0], span[1]):
        s = rows.states[i]
        for agent in range(len(s.alive)):
            if chosen[i, agent] and acts(s, agent):
                memory = rows.memories[i, NUMBER, agent]
                recall(s, memory, agent)
                actions[i, agent] = bot(s, rows.params[i], agent, memory)


@jit
def act_several_vector(span: Span, rows: Rows, actions: Array, chosen: Array) -> None:
    """`act_several` for actions that are arrays."""
    for i in range(span[0], span[1]):
        s = rows.states[i]
        for agent in range(len(s.alive)):
            if chosen[i, agent] and acts(s, agent):
                memory = rows.memories[i, NUMBER, agent]
                recall(s, memory, agent)
                bot(s, rows.params[i], agent, memory, actions[i, agent])


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


@jit
def forget(agent: int, obs: Any) -> None:
    """Let an agent who has left see zeros."""
    clear(obs)


clear: Callable[[Any], None] = clear_array


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
    observations are stacks where they have `notice` (see `kernels.frames`).

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
        **rules,
        "begin_episode": begin_episode,
        "ENGINE": engine,
        "SIGNALS": bool(signals),
        "MASKED": bool(sizes),
        "is_barred": bind(is_barred, name, SIZES=sizes) if sizes else nothing,
        "STATE": "observe_state" in rules,
        "FRAMES": "notice" in rules,
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


def bind_bot(name: str, num_agents: int, vector: bool, turns: bool, **bound: Any) -> Any:
    """Bind a bot into the kernel that lets it act.

    Args:
        name: of environment and bot.
        num_agents: roles of the environment; 0 for a solo one.
        vector: whether an action is an array.
        turns: whether agents take turns.
        bound: bot, the function; NUMBER, its place among the environment's; clear, which zeroes its memory.
    """
    bound |= {"recall": bind(recall, name, **bound), "acts": bind(acts, name, TURNS=turns)}
    if num_agents == 0:
        return bind(act_solo_vector if vector else act_solo, name, **bound)
    return bind(act_several_vector if vector else act_several, name, **bound)
