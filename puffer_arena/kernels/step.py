"""The kernels: plain templates that loop over rows and call one environment's rules.

Functions called for every row take records and views: handing on `Rows` or `Buffers` would count references
to all of their arrays at every call, which costs more than most rules and stalls other threads.

`bind_kernels` (`binding`) copies a template with the environment's functions in place of the names below, to be compiled
or left in Python with the rows wrapped (`fields.Row`).  There are two families, for solo environments and for several
agents.  Both serve physics too, whose bodies an engine moves around them (`world.py`): ENGINE, TURNS, SIGNALS and STATE
are constants of each bound kernel, and the compiler cuts out what they rule out before it looks at types.  Both reset a
row in the very step that ends its episode.  A reset that a caller asks for is a step too, of rows that have ended: one kernel less to compile.
"""

from typing import Any

from puffer_arena.core.fields import Array
from puffer_arena.core.random import draw_level
from puffer_arena.kernels.frames import FILL, PUSH, RENEW
from puffer_arena.kernels.signals import count_seat
from puffer_arena.kernels.tables import BARRED, ENTERS, LOST, RESTS, Buffers, Rows
from puffer_arena.machine.compile import jit, unbound

# What happens to a row whose episode ends (Gymnasium's three autoreset modes; SAME_STEP_FINAL also
# keeps the last observation of terminated episodes).
Span = tuple[int, int]  # first row, one past the last
SAME_STEP, SAME_STEP_FINAL, NEXT_STEP, DISABLED = range(4)


reset = step = judge = observe = mask_actions = tally = place = whose_turn = clear = unbound
clear_signals = begin_signals = take_signals = observe_state = notice = look_all = observe_all = unbound
ENGINE = False  # an engine moves the bodies: `act` and the engine came before the step kernel, which judges
TURNS = False  # one agent acts at a time, whom the rule `turn`, here whose_turn, names
SIGNALS = False  # rules give numbers beside the reward
SIZES: tuple[int, ...] = ()  # how many choices each component of an action has, where a rule bars some
MASKED = False  # there is such a rule
STATE = False  # somebody asks for the global state
FRAMES = False  # observations are stacks that the row keeps: `notice` looks, and `observe` hands them out
TOGETHER = False  # `observe_all` observes for all agents at once


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
    look_all(s, p)
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
    if TOGETHER:
        observe_all(s, p, obs)
    for agent in range(len(s.alive)):
        if not s.alive[agent]:
            forget(agent, obs[agent])
        elif not TOGETHER:
            observe(s, p, agent, obs[agent])
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
                look_all(s, p)
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
def forget(agent: int, obs: Any) -> None:
    """Let an agent who has left see zeros."""
    clear(obs)
