"""The messages between a game and the server of a bot, version 1: bounded, typed, and short enough to write by hand.

Every message is its length, 4 bytes, and so many bytes; all numbers are little-endian.  The server begins with JSON:

    {"protocol": 1, "bot": name, "env": id, "observation": [leaf...], "action": [leaf...], "choices": flags of a mask,
     "most": observations a message, "nonce": "..."}          leaf: {"path": [...], "dtype": "float32", "shape": [4]}

Where it asks for a key ("nonce" is not empty) the game's first message is hex(HMAC-SHA256(key, nonce)).  Then:

    ask     byte 1, byte flags, 2 bytes 0, uint32 count; uint32 actor of each; every leaf of the observation, (count,
            *shape); and where flags is 1 a mask, (count, choices) bytes of 0 and 1
    forget  byte 2, byte 0, 2 bytes 0, uint32 count; uint32 actor of each, who begins an episode
    answer  byte 1, byte 0, 2 bytes 0, uint32 count; every leaf of the actions, (count, *shape), in the order asked
    error   byte 255, and why in UTF-8: nothing was chosen, and the connection goes on

Actors are the game's own numbers, 0 to 65535, each with a memory of its own.  Answers come in the order of what was asked.
"""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from puffer_arena.bots.file import Numbers
from puffer_arena.bots.layout import Leaf
from puffer_arena.bots.model import Model
from puffer_arena.errors import FileError, SpaceError
from puffer_arena.wire.frames import HEAD, MOST_BYTES, PROTOCOL

ASK, FORGET = 1, 2
MOST_COUNT = 4096  # observations in a message
MOST_ACTOR = 65536  # of a connection


@dataclass(frozen=True)
class Question:
    """What a game asks: actions for some actors, or (without parts) that they forget."""

    actors: Numbers
    parts: list[Numbers]
    mask: Numbers | None


def hello(model: Model, nonce: str) -> bytes:
    """Return the server's first message."""
    about = {
        "protocol": PROTOCOL,
        "bot": model.name,
        "env": str(model.about.get("env", {}).get("id", "")),
        "observation": [_described(leaf, leaf.dtype) for leaf in model.leaves],
        "action": [_described(leaf, action_dtype(leaf)) for leaf in model.actions],
        "choices": int(model.choices),
        "most": most_count(model),
        "nonce": nonce,
    }
    return json.dumps(about).encode()


def _described(leaf: Leaf, dtype: Any) -> dict[str, Any]:
    return {
        "path": list(leaf.path),
        "dtype": np.dtype(dtype).name,
        "shape": list(leaf.shape),
        "codes": list(leaf.codes),
        "names": list(leaf.names),
    }


def action_dtype(leaf: Leaf) -> Any:
    """Return how the numbers of a part of the actions travel."""
    return np.dtype(np.float32 if leaf.kind == "box" else np.int32)


def most_count(model: Model) -> int:
    """Return how many observations a message may hold."""
    each = 4 + int(model.choices) + sum(leaf.size * np.dtype(leaf.dtype).itemsize for leaf in model.leaves)
    return int(max(1, min(MOST_COUNT, (MOST_BYTES - HEAD.size) // each)))


def read_question(model: Model, payload: bytes) -> Question:
    """Return what a message asks.

    Raises:
        FileError: it is no message of this protocol; whoever sent it is to be left alone.
        SpaceError: its numbers cannot be acted on.
    """
    if len(payload) < HEAD.size:
        raise FileError(f"a message of {len(payload)} bytes has no head")
    kind, flags, zero, count = HEAD.unpack_from(payload)
    if kind not in (ASK, FORGET) or flags > (kind == ASK) or zero or not 0 < count <= most_count(model):
        raise FileError(f"a message's head is {(kind, flags, zero, count)}, which means nothing")
    leaves = model.leaves if kind == ASK else []
    sizes = [4 * count, *(count * leaf.size * np.dtype(leaf.dtype).itemsize for leaf in leaves)]
    masked = bool(flags) and bool(model.choices)
    sizes.append(count * int(model.choices) if masked else 0)
    if len(payload) != HEAD.size + sum(sizes) or (flags and not masked):
        raise FileError(f"a message of {count} has {len(payload)} bytes; it must have {HEAD.size + sum(sizes)}")
    ends = np.cumsum([HEAD.size, *sizes]).tolist()
    actors = np.frombuffer(payload, "<u4", count, ends[0]).astype(np.int64)
    if actors.max() >= MOST_ACTOR or len(np.unique(actors)) < count:
        raise SpaceError(f"actors are different numbers from 0 to {MOST_ACTOR - 1}")
    parts = [_part(leaf, payload, count, end) for leaf, end in zip(leaves, ends[1:], strict=False)]
    mask = None
    if masked:
        flat = np.frombuffer(payload, np.uint8, sizes[-1], ends[-2]).reshape(count, -1)
        mask = _mask(model, flat)
    return Question(actors, parts, mask)


def _part(leaf: Leaf, payload: bytes, count: int, at: int) -> Numbers:
    dtype = np.dtype(leaf.dtype).newbyteorder("<")
    part = np.frombuffer(payload, dtype, count * leaf.size, at).reshape(count, *leaf.shape).astype(leaf.dtype)
    if part.dtype.kind == "f":
        if not np.isfinite(part).all():
            raise SpaceError(f"{leaf.label} holds a number that is not finite")
    elif leaf.codes:
        flat = part.reshape(count, -1)
        if (flat < 0).any() or (flat >= np.asarray(leaf.codes)).any():
            raise SpaceError(f"{leaf.label} holds a code out of its range")
    return part


def _mask(model: Model, flat: Numbers) -> Numbers:
    if (flat > 1).any():
        raise SpaceError("a mask holds bytes of 0 and 1")
    at = 0
    for leaf in model.actions:
        for size in leaf.codes:
            if not flat[:, at : at + size].any(1).all():
                raise SpaceError("a mask leaves an actor no choice")
            at += size
    return flat.astype(np.bool_)


def answer(model: Model, chosen: list[Numbers]) -> bytes:
    """Return the message with some actors' actions."""
    count = len(chosen[0]) if chosen else 0
    parts = [
        np.ascontiguousarray(part, action_dtype(leaf).newbyteorder("<")).tobytes()
        for leaf, part in zip(model.actions, chosen, strict=True)
    ]
    return HEAD.pack(ASK, 0, 0, count) + b"".join(parts)
