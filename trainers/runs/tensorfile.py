"""Named tensors and a JSON description in one safetensors file, with a version and a checksum.

Files come from anywhere, so reading believes nothing: sizes are bounded, the checksum covers every name, shape and
byte, and nothing in them is ever executed.
"""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from puffer_arena.errors import FileError

MAX_BYTES = 8 << 30
MAX_HEADER_BYTES = 64 << 20


def pack(kind: str, version: int, tensors: dict[str, Tensor], about: dict[str, Any]) -> bytes:
    """Return `tensors` and `about` as the bytes of a file."""
    held = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    text = json.dumps(about, sort_keys=True)
    return save(
        held, {"kind": kind, "version": str(version), "about": text, "sha256": _digest(kind, version, held, text)}
    )


def unpack(data: bytes, kinds: dict[str, int], name: str) -> tuple[str, dict[str, Tensor], dict[str, Any]]:
    """Return the kind, tensors and description of a file's bytes.

    Args:
        kinds: the kinds that are welcome, each with the newest version that can be read.
        name: what to call the file in errors.

    Raises:
        FileError: truncated, damaged, of another kind, or from a newer version.
    """
    try:
        labels = _labels(data)
        kind, version, text = labels["kind"], int(labels["version"]), labels["about"]
        stored = labels["sha256"]
    except (KeyError, ValueError, TypeError, RecursionError) as error:
        raise FileError(f"{name} is truncated, damaged or no file of puffer_arena ({_brief(error)})") from None
    if kind not in kinds:
        raise FileError(f"{name} is a {kind[:80]!r}; expected: {', '.join(sorted(kinds))}")
    if version < 1:
        raise FileError(f"{name} is damaged: it has version {version}")
    if version > kinds[kind]:
        raise FileError(
            f"{name} has version {version}; this puffer_arena reads up to {kinds[kind]}: update puffer_arena"
        )
    try:
        tensors = load(data)
        digest = _digest(kind, version, tensors, text)
    except (SafetensorError, ValueError, KeyError, TypeError, RuntimeError, OverflowError, MemoryError) as error:
        raise FileError(f"{name} is truncated or damaged ({_brief(error)})") from None
    if digest != stored:
        raise FileError(f"{name} is damaged: its checksum does not fit its content")
    try:
        about = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FileError(f"{name} is damaged: its description cannot be read ({_brief(error)})") from None
    if not isinstance(about, dict):
        raise FileError(f"{name} is damaged: its description is no table")
    return kind, tensors, about


def read_bytes(path: str | Path) -> bytes:
    """Read a whole file.

    Raises:
        FileError: it cannot be read, or is absurdly large.
    """
    try:
        size = os.stat(path).st_size
        if size > MAX_BYTES:
            raise FileError(f"'{path}' has {size} bytes; at most {MAX_BYTES} are read")
        return Path(path).read_bytes()
    except OSError as error:
        raise FileError(f"'{path}' cannot be read: {error.strerror or error}") from None


def _labels(data: bytes) -> dict[str, str]:
    """Read the header's text fields."""
    size = int.from_bytes(data[:8], "little")
    if len(data) < 8 or size > min(MAX_HEADER_BYTES, len(data) - 8):
        raise ValueError("its header is cut off")
    labels = json.loads(data[8 : 8 + size])["__metadata__"]
    if not isinstance(labels, dict) or not all(isinstance(value, str) for value in labels.values()):
        raise ValueError("its header holds no text")
    return labels


def _brief(error: BaseException) -> str:
    """Return what went wrong in one short line, whatever of the file is quoted in it."""
    return " ".join(str(error).split())[:200]


def _digest(kind: str, version: int, tensors: dict[str, Tensor], about: str) -> str:
    digest = hashlib.sha256(json.dumps([kind, version, about]).encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(json.dumps([name, str(tensor.dtype), list(tensor.shape)]).encode())
        if tensor.numel():
            digest.update(tensor.contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
