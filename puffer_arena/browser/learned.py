"""A trained bot for a page: the weights of its layers, which a script multiplies as `bots/network.py` does here."""

import base64
from typing import Any

import numpy as np

from puffer_arena.batch.batch import Batch
from puffer_arena.bots.bot import Bot
from puffer_arena.bots.network import CodeLayer, NumberLayer
from puffer_arena.core.fields import Array


def describe_learned(bot: Bot, batch: Batch, places: dict[str, int]) -> dict[str, Any] | None:
    """Return what a page needs of a bot, or None for one that it cannot play.

    A page plays plain layers without memory over one array of codes or numbers, for agents who choose one of several.

    Args:
        batch: of the game, with its default parameters.
        places: where the game's arrays begin in the page's memory.
    """
    model, tower, obs = bot.model, bot.model.towers["actor"], batch.buffers.obs
    plain = tower.blocks == "plain" and tower.memory is None and model.is_single_choice
    usual = vars(batch.env.params())
    if not plain or len(model.leaves) != 1 or usual | model.about["params"] != usual:
        return None
    (leaf,), (layer,) = model.leaves, tower.inputs
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
        "choices": model.choices,
        "agents": agents,
        "weights": base64.b64encode(flat.tobytes()).decode(),
    }
