"""A trained bot for a page: the weights of its layers, which a script multiplies as `bots/network.py` does here."""

import base64
from typing import Any

import numpy as np

from puffer_arena.batch.batch import Batch
from puffer_arena.bots.bot import Bot
from puffer_arena.bots.heads import Head
from puffer_arena.bots.network import CodeLayer, NumberLayer
from puffer_arena.core.fields import Array


def describe_learned(bot: Bot, batch: Batch, places: dict[str, int]) -> dict[str, Any] | None:
    """Return what a page needs of a bot, or None for one that it cannot play.

    A page plays plain layers without memory over one array of codes or numbers, for agents whose action is one array:
    choices, or numbers drawn around what the layers say.

    Args:
        batch: of the game, with its default parameters.
        places: where the game's arrays begin in the page's memory.
    """
    model, tower, obs = bot.model, bot.model.towers["actor"], batch.buffers.obs
    plain = tower.blocks == "plain" and tower.memory is None and len(model.heads) == 1
    usual = vars(batch.env.params())
    if not plain or len(model.leaves) != 1 or usual | model.about["params"] != usual:
        return None
    (leaf,), (layer,), (head,) = model.leaves, tower.inputs, model.heads
    box = _box(head) if head.deviation is not None else ()
    if head.sharpness != 1.0 or not (head.leaf.codes or box) or not np.isfinite(box).all():
        return None
    agents = max(batch.num_agents, 1)
    if not isinstance(obs, np.ndarray) or obs.size != agents * leaf.size or obs.dtype.name not in ("uint8", "float32"):
        return None
    if isinstance(layer, CodeLayer) and len(set(leaf.codes)) == 1:
        codes = leaf.codes[0] - 1  # rows of the matrix for each cell
    elif isinstance(layer, NumberLayer):
        codes = 0
    else:
        return None
    parts: list[Array] = [layer.weight, tower.bias]
    for weight, bias in (*tower.hidden, tower.output):
        parts += [weight, bias]
    flat = np.concatenate([part.astype("<f4").ravel() for part in parts])
    return {
        "obs": places["out.obs"],
        "kind": obs.dtype.str[1:],
        "size": leaf.size,
        "codes": codes,
        "widths": [len(bias) for bias in parts[1::2]],
        "outputs": head.width,
        "parts": list(head.leaf.codes),
        "box": [each.tolist() for each in box],
        "agents": agents,
        "weights": base64.b64encode(flat.tobytes()).decode(),
    }


def _box(head: Head) -> tuple[Array, ...]:
    """Return of each number of an action its deviation, half its range, the middle of it, and its bounds."""
    leaf, ones = head.leaf, np.ones(head.leaf.size)
    assert head.deviation is not None  # the caller has looked
    return tuple(ones * np.ravel(each) for each in (head.deviation, head.reach, head.middle, leaf.low, leaf.high))
