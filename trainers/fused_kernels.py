"""The loops of the fused path: everything between its matrix products, one pass over the rows each.

Hidden activations come in float32 (`h32`) or as the upper halves of float32, which is bfloat16, in uint16 (`h16`); `half`
says which one counts.  They are kept after their ReLU, so an activation of 0 had no gradient.
"""

import math
from typing import Any

import numpy as np

from puffer_arena.trainers.kernels import kernel


@kernel
def index_codes(codes: Any, offsets: Any, limits: Any, rows: Any, counts: Any) -> None:
    """List, for every row, the weight rows of its codes above 0: rows[i, : counts[i]]."""
    for i in range(codes.shape[0]):
        n = 0
        for cell in range(codes.shape[1]):
            code = codes[i, cell]
            rows[i, n] = offsets[cell] + code - 1
            n += 0 < code < limits[cell]  # without a branch, which would be mispredicted at every code
        counts[i] = n


@kernel
def index_equal_codes(codes: Any, size: Any, rows: Any, counts: Any) -> None:
    """`index_codes` where every cell takes codes below `size`; twice as fast."""
    for i in range(codes.shape[0]):
        n: Any = 0
        for cell in range(codes.shape[1]):
            code = np.int32(codes[i, cell])
            rows[i, n] = cell * (size - 1) + code - 1
            n += np.int32(code > 0) & np.int32(code < size)
        counts[i] = n


@kernel
def sum_rows(rows: Any, counts: Any, weight: Any, bias: Any, h32: Any, h16: Any, half: bool) -> None:
    """h[i] = relu(bias + sum of the listed rows of `weight`)."""
    width = weight.shape[1]
    total = np.empty(width, np.float32)
    bits = total.view(np.uint32)
    for i in range(len(counts)):
        for j in range(width):
            total[j] = bias[j]
        for k in range(counts[i]):
            row = rows[i, k]
            for j in range(width):
                total[j] += weight[row, j]
        for j in range(width):
            total[j] = total[j] if total[j] > 0.0 or total[j] != total[j] else np.float32(0.0)
        if half:
            for j in range(width):
                h16[i, j] = (bits[j] + np.uint32(0x7FFF) + ((bits[j] >> np.uint32(16)) & np.uint32(1))) >> np.uint32(16)
        else:
            for j in range(width):
                h32[i, j] = total[j]


@kernel
def scatter_rows(
    rows: Any, counts: Any, h32: Any, h16: Any, d32: Any, d16: Any, half: bool, weight: Any, bias: Any
) -> None:
    """The transpose of `sum_rows`: add every row's gradient to the listed rows of `weight` and to `bias`."""
    width = weight.shape[1]
    gradient = np.empty(width, np.float32)
    bits = gradient.view(np.uint32)
    for i in range(len(counts)):
        if half:
            for j in range(width):
                bits[j] = np.uint32(d16[i, j]) << np.uint32(16) if h16[i, j] != 0 else np.uint32(0)
        else:
            for j in range(width):
                gradient[j] = d32[i, j] if h32[i, j] != 0.0 else np.float32(0.0)
        for j in range(width):
            bias[j] += gradient[j]
        for k in range(counts[i]):
            row = rows[i, k]
            for j in range(width):
                weight[row, j] += gradient[j]


@kernel
def add_rows(rows: Any, counts: Any, weight: Any, out: Any) -> None:
    """out[i] += sum of the listed rows of `weight`."""
    for i in range(len(counts)):
        for k in range(counts[i]):
            row = rows[i, k]
            for j in range(weight.shape[1]):
                out[i, j] += weight[row, j]


@kernel
def add_gradient_rows(rows: Any, counts: Any, gradient: Any, weight: Any) -> None:
    """The transpose of `add_rows`: weight[listed rows] += gradient[i]."""
    for i in range(len(counts)):
        for k in range(counts[i]):
            row = rows[i, k]
            for j in range(weight.shape[1]):
                weight[row, j] += gradient[i, j]


@kernel
def mask_gradient(h32: Any, h16: Any, d32: Any, d16: Any, half: bool, out32: Any, bias: Any) -> None:
    """Cut the gradient where the activation was 0, and add it up in `bias`; float32 copies go to `out32` if it has rows."""
    width = len(bias)
    gradient = np.empty(width, np.float32)
    bits = gradient.view(np.uint32)
    copies = len(out32) > 0
    for i in range(max(len(d32), len(d16))):
        if half:
            for j in range(width):
                d16[i, j] = d16[i, j] if h16[i, j] != 0 else np.uint16(0)
                bits[j] = np.uint32(d16[i, j]) << np.uint32(16)
        else:
            for j in range(width):
                gradient[j] = d32[i, j] if h32[i, j] != 0.0 else np.float32(0.0)
                d32[i, j] = gradient[j]
        for j in range(width):
            bias[j] += gradient[j]
        if copies:
            for j in range(width):
                out32[i, j] = gradient[j]


@kernel
def act_rows(
    h32: Any,
    h16: Any,
    half: bool,
    weight: Any,
    bias: Any,
    mask: Any,
    noise: Any,
    actions: Any,
    chances: Any,
    values: Any,
) -> None:
    """From the last activations to actions (rows, 1), their log-probabilities `chances`, and values.

    Actions are drawn by inverting the cumulative distribution at `noise`; without rows in `actions` only values are made.
    """
    outputs, width = weight.shape
    choices = outputs - 1
    h = np.empty(width, np.float32)
    bits = h.view(np.uint32)
    logits = np.empty(outputs, np.float32)
    acting = len(actions) > 0
    masked = mask.shape[1] > 0
    for i in range(len(values)):
        if half:
            for j in range(width):
                bits[j] = np.uint32(h16[i, j]) << np.uint32(16)
        else:
            for j in range(width):
                h[j] = h32[i, j]
        for a in range(0 if acting else choices, outputs):
            dot = np.float32(0.0)
            for j in range(width):
                dot += h[j] * weight[a, j]
            logits[a] = dot + bias[a]
        values[i] = logits[choices]
        if not acting:
            continue
        highest = np.float32(-np.inf)
        for a in range(choices):
            if masked and not mask[i, a]:
                logits[a] = np.float32(-1e9)
            highest = max(highest, logits[a])
        total = np.float32(0.0)
        for a in range(choices):
            total += np.float32(math.exp(logits[a] - highest))
        threshold = noise[i, 0] * total
        cumulative = np.float32(0.0)
        chosen = -1
        last = 0
        for a in range(choices):
            p = np.float32(math.exp(logits[a] - highest))
            cumulative += p
            if p > 0.0:
                last = a
                if chosen < 0 and cumulative > threshold:
                    chosen = a
        if chosen < 0:
            chosen = last
        actions[i, 0] = chosen
        chances[i] = logits[chosen] - highest - np.float32(math.log(total))


@kernel
def learn_rows(
    h32: Any,
    h16: Any,
    half: bool,
    weight: Any,
    bias: Any,
    s: Any,
    rules: Any,
    d32: Any,
    d16: Any,
    weight_gradient: Any,
    bias_gradient: Any,
    hidden_bias: Any,
    sums: Any,
    ratios: Any,
    new_values: Any,
) -> None:
    """The loss of `objective.loss` with its gradients, from the last activations back to them.

    Args:
        s: Samples as arrays.
        rules: 1/count, value_coef, entropy_coef, clip, value_clip, and rho_clip (0: the clipped objective).
        d32, d16: receive the gradient of the activations, cut where those were 0.
        weight_gradient, bias_gradient: of the output layer, added to.
        hidden_bias: of the last hidden layer, added to.
        sums: STATISTICS, added to.
        ratios, new_values: receive each row's ratio and value if they have rows.
    """
    outputs, width = weight.shape
    choices = outputs - 1
    scale, value_coef, entropy_coef, clip = rules[0], rules[1], rules[2], rules[3]
    value_clip, rho_clip = rules[4], rules[5]
    h = np.empty(width, np.float32)
    bits = h.view(np.uint32)
    back = np.empty(width, np.float32)
    back_bits = back.view(np.uint32)
    logits = np.empty(outputs, np.float32)
    probs = np.empty(outputs, np.float32)
    d = np.empty(outputs, np.float32)
    masked = s.masks.shape[1] > 0
    keep = len(ratios) > 0
    policy_sum = value_sum = entropy_sum = kl_sum = cut_sum = 0.0
    for i in range(len(s.advantages)):
        if s.weights[i] == 0.0:
            if half:
                for j in range(width):
                    d16[i, j] = 0
            else:
                for j in range(width):
                    d32[i, j] = 0.0
            if keep:
                ratios[i] = 1.0
            continue
        if half:
            for j in range(width):
                bits[j] = np.uint32(h16[i, j]) << np.uint32(16)
        else:
            for j in range(width):
                h[j] = h32[i, j]
        highest = np.float32(-np.inf)
        for a in range(outputs):
            dot = np.float32(0.0)
            for j in range(width):
                dot += h[j] * weight[a, j]
            logits[a] = dot + bias[a]
            if a < choices:
                if masked and not s.masks[i, a]:
                    logits[a] = np.float32(-1e9)
                highest = max(highest, logits[a])
        total = np.float32(0.0)
        for a in range(choices):
            probs[a] = math.exp(logits[a] - highest)
            total += probs[a]
        log_total = np.float32(math.log(total)) + highest
        entropy: Any = np.float32(0.0)
        for a in range(choices):
            probs[a] /= total
            entropy -= probs[a] * (logits[a] - log_total) if probs[a] > 0.0 else np.float32(0.0)

        # The policy's part: d loss / d log-probability of the action taken.
        action = s.actions[i, 0]
        log_ratio = logits[action] - log_total - s.log_probs[i]
        ratio = math.exp(log_ratio)
        advantage = s.advantages[i]
        if rho_clip > 0.0:
            slope = -min(ratio, rho_clip) * advantage
            policy_loss = slope * log_ratio
        else:
            bounded = min(max(ratio, 1.0 - clip), 1.0 + clip)
            policy_loss = -min(ratio * advantage, bounded * advantage)
            cut = (advantage > 0.0 and ratio > 1.0 + clip) or (advantage < 0.0 and ratio < 1.0 - clip)
            slope = 0.0 if cut else -ratio * advantage
        for a in range(choices):
            taken = 1.0 if a == action else 0.0
            change = slope * (taken - probs[a])
            if probs[a] > 0.0:
                change += entropy_coef * probs[a] * (logits[a] - log_total + entropy)
            d[a] = scale * change

        # The value's part.
        value = logits[choices]
        error = float(value - s.returns[i])
        pull = error
        if value_clip > 0.0:
            moved = min(max(value - s.values[i], -value_clip), value_clip)
            near = float(s.values[i] + moved - s.returns[i])
            if near * near > error * error:
                error = near
                pull = near if abs(value - s.values[i]) <= value_clip else 0.0
        d[choices] = scale * value_coef * pull

        policy_sum += policy_loss
        value_sum += 0.5 * error * error
        entropy_sum += entropy
        kl_sum += ratio - 1.0 - log_ratio
        cut_sum += 1.0 if abs(ratio - 1.0) > clip else 0.0
        if keep:
            ratios[i] = ratio
            new_values[i] = value

        for j in range(width):
            back[j] = 0.0
        for a in range(outputs):
            slope_a = d[a]
            bias_gradient[a] += slope_a
            for j in range(width):
                back[j] += slope_a * weight[a, j]
                weight_gradient[a, j] += slope_a * h[j]
        for j in range(width):
            back[j] = back[j] if h[j] != 0.0 else 0.0
            hidden_bias[j] += back[j]
        if half:
            for j in range(width):
                d16[i, j] = (
                    back_bits[j] + np.uint32(0x7FFF) + ((back_bits[j] >> np.uint32(16)) & np.uint32(1))
                ) >> np.uint32(16)
        else:
            for j in range(width):
                d32[i, j] = back[j]
    sums[0] += policy_sum
    sums[1] += value_sum
    sums[2] += entropy_sum
    sums[3] += kl_sum
    sums[4] += cut_sum
