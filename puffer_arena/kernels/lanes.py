"""A kernel that steps several rows at once, for rules that do the same arithmetic in every row.

It copies the fields of a block of rows into columns and runs the rule over lanes (see `columns`); LLVM turns that
loop into vector instructions, each of which rounds its numbers as the scalar one does, so the bytes are those of
`step_solo`.  A row that waits for its reset goes to `step_solo` itself, after lanes without holes, its own for nothing;
and so does a block whose rows differ in their parameters.
"""

import dis
from typing import Any

import numpy as np

from puffer_arena.core.env import Env
from puffer_arena.core.fields import Array, header_fields, state_fields
from puffer_arena.kernels.step import SAME_STEP_FINAL, Span
from puffer_arena.kernels.tables import BARRED, Buffers, Rows
from puffer_arena.machine.columns import LANES, primitives
from puffer_arena.machine.compile import bind, generate, jit, unbound, with_called

BLOCK: Any = np.uint64(LANES)
ONE: Any = np.uint64(1)
UNEQUAL = ("STORE_ATTR", "STORE_SUBSCR", "RETURN", "CALL")  # instructions that may not depend on a condition
PLAYING, WAITING, OTHER = range(3)  # what the rows of a block may be
COUNTED = {"step_count", "episode_return"}  # fields of the header that the kernel itself moves on


step = observe = mask_actions = tally = begin_solo = step_plainly = unbound
is_barred, MASKED = unbound, False
load = store = load_block = columns = lane = copied = alike = unbound


@jit
def load_lanes(states: Any, params: Any, low: int, high: int, p: Any, first: Any) -> int:
    """Copy rows into lanes and tell whether all are PLAYING, some WAITING, or one OTHER: with other parameters than `p`."""
    found = PLAYING
    for i in range(low, high):
        if not alike(params[i], p):
            return OTHER
        if states[i].ended:
            found = WAITING
        load(states[i], lane(first, i - low))
    return found


@jit
def step_lanes(span: Span, rows: Rows, actions: Array, out: Buffers, mode: int) -> None:
    """Step the rows of `span`; those whose episode ends go on as `mode` says."""
    first = columns(rows.states)
    low = span[0]
    while low < span[1]:
        high = min(low + BLOCK, span[1])
        p = copied(rows.params[low])
        found = load_block(rows.states, rows.params, low, high, p, first)
        if found != OTHER:
            for i in range(low, high):
                s = lane(first, i - low)
                s.step_count += 1
                reward, terminated, truncated = step(s, p, actions[i])
                s.episode_return += reward
                out.rewards[i] = reward
                out.terminated[i] = terminated
                out.truncated[i] = truncated
                out.began[i] = terminated | truncated  # so far: whether the episode ended
            for i in range(low, high):
                s, p = rows.states[i], rows.params[i]
                if found == WAITING and s.ended:
                    step_plainly((i, i + ONE), rows, actions, out, mode)
                    continue
                store(s, lane(first, i - low))
                if out.began[i]:
                    s.ended = 1
                    tally(s, p, rows.episodes[i])
                    out.began[i] = mode <= SAME_STEP_FINAL
                    if mode <= SAME_STEP_FINAL:
                        if out.truncated[i] or mode == SAME_STEP_FINAL:
                            observe(s, p, out.final_obs[i])
                        rows.params[i] = rows.following[i]
                        begin_solo(s, p, rows.levels[i], rows.plan[0], rows.plan[1])
                observe(s, p, out.obs[i])
                out.action_mask[i, :] = True
                mask_actions(s, p, out.action_mask[i])
                if MASKED and is_barred(out.action_mask, i) and not s.ended:
                    rows.plan[BARRED] = 1
        else:
            step_plainly((low, high), rows, actions, out, mode)
        low = high


def is_straight(rule: Any) -> bool:
    """Tell whether a rule does the same in every row: conditions choose values, but skip and repeat nothing."""
    code = list(dis.get_instructions(rule))
    for jump in code:
        if jump.opcode in dis.hasjrel:
            skipped = [item.opname for item in code if jump.offset < item.offset < jump.argval]
            if jump.argval < jump.offset or any(name.startswith(UNEQUAL) for name in skipped):
                return False
    return True


def fields_of(rules: list[Any], *operations: str) -> set[str]:
    """Return the names that rules use with some of Python's instructions, such as STORE_ATTR."""
    code = (instruction for rule in rules for instruction in dis.get_instructions(rule))
    return {instruction.argval for instruction in code if instruction.opname in operations}


def bind_lanes(env: Env, plain: Any) -> Any:
    """Return the kernel that steps a solo environment in lanes, or `plain` where its rule is not made for them.

    Args:
        env: the environment.
        plain: its bound `step_solo`.
    """
    rules = with_called(env.step)
    written = fields_of(rules, "STORE_ATTR") | COUNTED
    read = fields_of(rules, "LOAD_ATTR") | written
    fields = state_fields(env.state)
    if env.signals or not all(map(is_straight, rules)) or any(fields[name].shape for name in read & set(fields)):
        return plain
    single = [*(entry[0] for entry in header_fields(0)), *fields]
    words = primitives()._asdict()
    words["load"] = generate("load", "s, lane", [f"    lane.{name} = s.{name}" for name in single if name in read])
    words["store"] = generate("store", "s, lane", [f"    s.{name} = lane.{name}" for name in single if name in written])
    words["load_block"] = bind(load_lanes, env.name, **words)
    same = ("step", "observe", "mask_actions", "tally", "begin_solo", "is_barred", "MASKED")
    words |= {name: plain.__globals__[name] for name in same}
    return bind(step_lanes, env.name, **words, step_plainly=plain)
