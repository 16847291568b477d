"""Row kernels: what lies between a network's outputs and its loss, one row after the other.

A head's rules say how outputs become an action's probability and how slopes come back; a loss's slope
says what the row is moved by.  `act_kernel` and `learn_kernel` bind them into one compiled loop each.

A `Joint`'s rules call those of its parts, each with its own columns: in place of an array they take a tuple with
a part's columns of it, as `Columns` cuts them.

Arrays: outputs and slopes (rows, width + values), actions and noise (rows, components), masks
(rows, choices or 0), table (rows,) of `loss.row_dtype`.
"""

import functools
import hashlib
import math
from typing import Any, NamedTuple

import numpy as np

from puffer_arena.core.fields import Array
from puffer_arena.machine.compile import bind, compile_function, generate, jit
from puffer_arena.trainers.backends.loss import RegisteredSlope
from puffer_arena.trainers.networks.heads import BARRED, Bernoulli, Categorical, Gaussian, Head, Joint, parts_of

HALF_LOG_TWO_PI = 0.5 * math.log(2.0 * math.pi)


# Categorical: `head` holds the number of choices of every component.


@jit
def draw_categorical(outputs: Any, masks: Any, noise: Any, head: Any, actions: Any, i: int) -> float:
    """Draw by inverting the cumulative distribution at `noise`; return the action's log-probability."""
    masked = masks.shape[1] > 0
    base = 0
    log_prob = 0.0
    for k in range(len(head)):
        size = head[k]
        highest = np.float32(-np.inf)
        for a in range(base, base + size):
            if masked and not masks[i, a]:
                outputs[i, a] = BARRED
            highest = max(highest, outputs[i, a])
        total = np.float32(0.0)
        for a in range(base, base + size):
            total += math.exp(outputs[i, a] - highest)
        threshold = noise[i, k] * total
        cumulative = np.float32(0.0)
        chosen = -1
        last = base
        for a in range(base, base + size):
            share = math.exp(outputs[i, a] - highest)
            cumulative += share
            if share > 0.0:
                last = a
                if chosen < 0 and cumulative > threshold:
                    chosen = a
        if chosen < 0:
            chosen = last
        actions[i, k] = chosen - base
        log_prob += outputs[i, chosen] - highest - math.log(total)
        base += size
    return log_prob


@jit
def evaluate_categorical(outputs: Any, actions: Any, masks: Any, head: Any, i: int, row: Any, slopes: Any) -> None:
    """Give the row its log-probability and entropy; leave log-probabilities in outputs, probabilities in slopes."""
    masked = masks.shape[1] > 0
    base = 0
    log_prob = 0.0
    entropy = 0.0
    for k in range(len(head)):
        size = head[k]
        highest = np.float32(-np.inf)
        for a in range(base, base + size):
            if masked and not masks[i, a]:
                outputs[i, a] = BARRED
            highest = max(highest, outputs[i, a])
        total = np.float32(0.0)
        for a in range(base, base + size):
            share = math.exp(outputs[i, a] - highest)
            slopes[i, a] = share
            total += share
        log_total = math.log(total) + highest
        for a in range(base, base + size):
            slopes[i, a] /= total
            outputs[i, a] -= log_total
            if slopes[i, a] > 0.0:
                entropy -= slopes[i, a] * outputs[i, a]
        log_prob += outputs[i, base + int(actions[i, k])]
        base += size
    row.log_prob = log_prob
    row.entropy = entropy


@jit
def return_categorical(
    outputs: Any, actions: Any, masks: Any, head: Any, i: int, row: Any, slopes: Any, extra: Any
) -> None:
    """d log p(a) / d logit = [taken] - p;  d H / d logit = -p (log p + H), component by component."""
    base = 0
    for k in range(len(head)):
        size = head[k]
        entropy = 0.0
        for a in range(base, base + size):
            if slopes[i, a] > 0.0:
                entropy -= slopes[i, a] * outputs[i, a]
        for a in range(base, base + size):
            share = slopes[i, a]
            taken = 1.0 if a - base == actions[i, k] else 0.0
            change = row.d_log_prob * (taken - share)
            if share > 0.0:
                change -= row.d_entropy * share * (outputs[i, a] + entropy)
            slopes[i, a] = change
        base += size


# Bernoulli: `head` has one element a flag.


@jit
def log_sigmoid(x: float) -> float:
    """log(1 / (1 + exp(-x))) without overflow."""
    return min(x, 0.0) - math.log1p(math.exp(-abs(x)))


@jit
def draw_bernoulli(outputs: Any, masks: Any, noise: Any, head: Any, actions: Any, i: int) -> float:
    """Set each flag where `noise` lies below its probability; return the flags' log-probability."""
    log_prob = 0.0
    for k in range(len(head)):
        on = log_sigmoid(outputs[i, k])
        actions[i, k] = 1 if noise[i, k] < math.exp(on) else 0
        log_prob += on if actions[i, k] > 0 else log_sigmoid(-outputs[i, k])
    return log_prob


@jit
def evaluate_bernoulli(outputs: Any, actions: Any, masks: Any, head: Any, i: int, row: Any, slopes: Any) -> None:
    """Give the row its log-probability and entropy."""
    log_prob = 0.0
    entropy = 0.0
    for k in range(len(head)):
        on, off = log_sigmoid(outputs[i, k]), log_sigmoid(-outputs[i, k])
        log_prob += on if actions[i, k] > 0 else off
        entropy -= math.exp(on) * on + math.exp(off) * off
    row.log_prob = log_prob
    row.entropy = entropy


@jit
def return_bernoulli(
    outputs: Any, actions: Any, masks: Any, head: Any, i: int, row: Any, slopes: Any, extra: Any
) -> None:
    """d log p / d x = a - p;  d H / d x = -x p (1 - p)."""
    for k in range(len(head)):
        x = outputs[i, k]
        share = math.exp(log_sigmoid(x))
        slopes[i, k] = row.d_log_prob * (actions[i, k] - share) - row.d_entropy * x * share * (1.0 - share)


# Gaussian: `head` holds the logarithm of every component's deviation, and the deviation, (2, components).


@jit
def draw_gaussian(outputs: Any, masks: Any, noise: Any, head: Any, actions: Any, i: int) -> float:
    """Draw around the means; return the action's log-density."""
    log_prob = 0.0
    for k in range(head.shape[1]):
        actions[i, k] = outputs[i, k] + head[1, k] * noise[i, k]
        z = (actions[i, k] - outputs[i, k]) / head[1, k]
        log_prob -= 0.5 * z * z + head[0, k] + HALF_LOG_TWO_PI
    return log_prob


@jit
def evaluate_gaussian(outputs: Any, actions: Any, masks: Any, head: Any, i: int, row: Any, slopes: Any) -> None:
    """Give the row its log-density and entropy."""
    log_prob = 0.0
    entropy = 0.0
    for k in range(head.shape[1]):
        z = (actions[i, k] - outputs[i, k]) / head[1, k]
        log_prob -= 0.5 * z * z + head[0, k] + HALF_LOG_TWO_PI
        entropy += head[0, k] + 0.5 + HALF_LOG_TWO_PI
    row.log_prob = log_prob
    row.entropy = entropy


@jit
def return_gaussian(
    outputs: Any, actions: Any, masks: Any, head: Any, i: int, row: Any, slopes: Any, extra: Any
) -> None:
    """d log p / d mean = z / deviation;  d log p / d log deviation = z^2 - 1, added up in `extra`."""
    for k in range(head.shape[1]):
        z = (actions[i, k] - outputs[i, k]) / head[1, k]
        slopes[i, k] = row.d_log_prob * z / head[1, k]
        extra[k] += row.d_log_prob * (z * z - 1.0) + row.d_entropy


# What a row of weight 0 leaves.


@jit
def clear_slopes(slopes: Any, i: int) -> None:
    """Leave no slope of a row."""
    for a in range(slopes.shape[1]):
        slopes[i, a] = 0.0


def no_slope(row: Any, p: Any) -> None:
    """What `learn_rows` is bound to in place of this: a loss's slope."""
    raise AssertionError


draw, evaluate, send_back, slope = draw_categorical, evaluate_categorical, return_categorical, jit(no_slope)
clear = clear_slopes


def act_rows(outputs: Any, masks: Any, noise: Any, head: Any, actions: Any, log_probs: Any) -> None:
    """Draw every row's action."""
    for i in range(len(log_probs)):
        log_probs[i] = draw(outputs, masks, noise, head, actions, i)


def learn_rows(
    outputs: Any, actions: Any, masks: Any, head: Any, table: Any, settings: Any, scale: float, slopes: Any, extra: Any
) -> None:
    """From outputs to the slopes of the head's inputs; rows of weight 0 get none.

    Args:
        outputs: used up.
        table: holds the loss's columns; receives its slopes and statistics.
        settings: the algorithm's numbers, as a record (1,).
        scale: what slopes are multiplied by, one over the number of rows that count.
        extra: the slopes of the head's own weights, added to.
    """
    p = settings[0]
    for i in range(len(table)):
        row = table[i]
        if row.weight == 0.0:
            clear(slopes, i)
            continue
        evaluate(outputs, actions, masks, head, i, row, slopes)
        slope(row, p)
        row.d_log_prob *= scale
        row.d_entropy *= scale
        send_back(outputs, actions, masks, head, i, row, slopes, extra)


class Rules(NamedTuple):
    """What a head does with a row."""

    draw: Any
    evaluate: Any
    send_back: Any
    clear: Any = clear_slopes


RULES: dict[type[Head], Rules] = {
    Categorical: Rules(draw_categorical, evaluate_categorical, return_categorical),
    Bernoulli: Rules(draw_bernoulli, evaluate_bernoulli, return_bernoulli),
    Gaussian: Rules(draw_gaussian, evaluate_gaussian, return_gaussian),
}
Kinds = tuple[type[Head], ...]  # of a head's parts, or of itself alone


def kinds_of(head: Head) -> Kinds:
    """Return the kinds of a head's parts, or its own."""
    return tuple(type(part) for part in parts_of(head))


def has_rules(head: Head) -> bool:
    """Tell whether there are row rules for a head."""
    return all(kind in RULES for kind in kinds_of(head)) and bool(kinds_of(head))


def find_rules(head: Head) -> Rules:
    """Return a head's rules."""
    return join_rules(kinds_of(head)) if isinstance(head, Joint) else RULES[type(head)]


@functools.cache
def join_rules(kinds: Kinds) -> Rules:
    """Generate the rules of a Joint with parts of these kinds: log-probabilities and entropies are sums."""
    rules = [RULES[kind] for kind in kinds]
    called = {f"{role}_{k}": getattr(each, role) for k, each in enumerate(rules) for role in Rules._fields}
    each = range(len(kinds))
    draws = [f"draw_{k}(outputs[{k}], masks[{k}], noise[{k}], head[{k}], actions[{k}], i)" for k in each]
    evaluates, returns = ["    log_prob = entropy = 0.0"], []
    for k in each:
        common = f"outputs[{k}], actions[{k}], masks[{k}], head[{k}], i, row, slopes[{k}]"
        evaluates += [f"    evaluate_{k}({common})", "    log_prob += row.log_prob", "    entropy += row.entropy"]
        returns.append(f"    send_back_{k}({common}, extra[{k}])")
    evaluates += ["    row.log_prob = log_prob", "    row.entropy = entropy"]

    def make(role: str, parameters: str, lines: list[str]) -> Any:
        own = {name: rule for name, rule in called.items() if name.startswith(f"{role}_")}
        return generate(role, parameters, lines, **own)

    return Rules(
        make("draw", "outputs, masks, noise, head, actions, i", [f"    return {' + '.join(draws)}"]),
        make("evaluate", "outputs, actions, masks, head, i, row, slopes", evaluates),
        make("send_back", "outputs, actions, masks, head, i, row, slopes, extra", returns),
        make("clear", "slopes, i", [f"    clear_{k}(slopes[{k}], i)" for k in each]),
    )


def name_of(head: Head) -> str:
    """Return a name for the kernels of a kind of head."""
    return "_".join([*(["Joint"] if isinstance(head, Joint) else []), *(kind.__name__ for kind in kinds_of(head))])


def act_kernel(head: Head) -> Any:
    """Return act_rows(outputs, masks, noise, head, actions, log_probs), compiled for a kind of head."""
    return _act_kernel(name_of(head), find_rules(head))


@functools.cache
def _act_kernel(name: str, rules: Rules) -> Any:
    return compile_function(bind(act_rows, name, draw=rules.draw), name)


def learn_kernel(head: Head, registered: RegisteredSlope, rows: Any, settings: Any) -> Any:
    """Return `learn_rows`, compiled for a kind of head and a loss's slope.

    Args:
        rows, settings: the dtypes of the table and the settings.
    """
    return _learn_kernel(name_of(head), find_rules(head), registered, rows, settings)


@functools.cache
def _learn_kernel(head: str, rules: Rules, registered: RegisteredSlope, rows: Any, settings: Any) -> Any:
    name = f"{head}_{registered.function.__name__}"
    bound = bind(
        learn_rows, name, evaluate=rules.evaluate, send_back=rules.send_back, clear=rules.clear,
        slope=registered.function,
    )  # fmt: skip
    layout = hashlib.sha256(repr((rows.descr, settings.descr)).encode()).hexdigest()[:12]
    return compile_function(bound, name, layout=f"_{layout}")


def head_numbers(head: Head) -> Any:
    """Return what a head's rules read as `head`."""
    if isinstance(head, Joint):
        return tuple(head_numbers(part) for part in head.parts)
    if isinstance(head, Categorical):
        return np.asarray(head.sizes, np.int64)
    if isinstance(head, Gaussian):
        log_spread = head.log_spread().detach().cpu().double().numpy()
        return np.stack([log_spread, np.exp(log_spread)])
    return np.zeros(head.width)


class Columns:
    """Cuts arrays into what a head's rules take: its parts' columns for a Joint, else the whole array."""

    def __init__(self, head: Head) -> None:
        self.joint = head if isinstance(head, Joint) else None

    def outputs(self, array: Array) -> Any:
        """Return outputs, slopes, or the sums of the slopes of a head's own weights."""
        return array if self.joint is None else tuple(self.joint.outputs_of(array))

    def actions(self, array: Array) -> Any:
        """Return actions or noise."""
        return array if self.joint is None else tuple(self.joint.actions_of(array))

    def masks(self, array: Array) -> Any:
        """Return masks."""
        return array if self.joint is None else tuple(self.joint.masks_of(array))
