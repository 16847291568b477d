"""MCAP records (https://mcap.dev/spec), as bytes: writing those that a replay has, and reading them without trust.

A reader of a library's takes sizes from the file and allocates them, and needs the summary at the end.  This one
bounds every size first, and finds its way from the beginning, so that a file cut anywhere is read up to there.
"""

import struct
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO, NamedTuple

from puffer_arena.errors import FileError, require

MAGIC = b"\x89MCAP0\r\n"
HEADER, FOOTER, SCHEMA, CHANNEL, MESSAGE, CHUNK, METADATA, DATA_END = 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x0C, 0x0F
MAX_RECORD = 1 << 22  # bytes of any record but a chunk
MAX_CHUNK = 1 << 26  # of a chunk, and of what comes out of it
LEVEL = 1  # of compression: a training run waits for it
PROFILE = "puffer_arena"
CHUNK_HEAD = struct.Struct("<QQQI")  # first and last time, bytes in it, their checksum
MESSAGE_HEAD = struct.Struct("<HIQQ")  # channel, number, time logged, time published


class Message(NamedTuple):
    """A message: its channel, its time in nanoseconds since the recording began, and what it says."""

    channel: int
    time: int
    data: bytes


class StoredChunk(NamedTuple):
    """Where a chunk's content lies in the file, unread."""

    at: int
    size: int


# -- writing --------------------------------------------------------------------------------------------


def record(kind: int, content: bytes) -> bytes:
    """Return a record."""
    return struct.pack("<BQ", kind, len(content)) + content


def text(value: str) -> bytes:
    """Return a text with its length before it."""
    data = value.encode()
    return struct.pack("<I", len(data)) + data


def begin(library: str, name: str, value: str, channels: dict[int, str]) -> bytes:
    """Return the beginning of a file: magic, header, one metadata record and the channels."""
    pair = text(name) + text(value)
    parts = [
        MAGIC,
        record(HEADER, text(PROFILE) + text(library)),
        record(METADATA, text(PROFILE) + struct.pack("<I", len(pair)) + pair),
    ]
    for number, topic in channels.items():
        content = struct.pack("<HH", number, 0) + text(topic) + text("json" if topic == "index" else PROFILE)
        parts.append(record(CHANNEL, content + struct.pack("<I", 0)))
    return b"".join(parts)


def message(channel: int, number: int, time: int, data: bytes) -> bytes:
    """Return a message as a record."""
    return record(MESSAGE, MESSAGE_HEAD.pack(channel, number & 0xFFFFFFFF, time, time) + data)


def chunk(first: int, last: int, records: bytes) -> bytes:
    """Return a chunk of records, compressed."""
    compressed = require("zstandard", "window").ZstdCompressor(level=LEVEL).compress(records)
    head = CHUNK_HEAD.pack(first, last, len(records), zlib.crc32(records))
    return record(CHUNK, head + text("zstd") + struct.pack("<Q", len(compressed)) + compressed)


def end() -> bytes:
    """Return the end of a file: there is no summary."""
    return record(DATA_END, struct.pack("<I", 0)) + record(FOOTER, struct.pack("<QQI", 0, 0, 0)) + MAGIC


# -- reading --------------------------------------------------------------------------------------------


def scan(file: BinaryIO, what: str) -> Iterator[Message | StoredChunk | dict[str, str]]:
    """Go through a file's records from the beginning: messages, chunks' places, metadata; stop where it is cut off.

    Raises:
        FileError: it is no MCAP file, or damaged.
    """
    if file.read(len(MAGIC)) != MAGIC:
        raise FileError(f"{what} is no replay: it does not begin as an MCAP file")
    size = file.seek(0, 2)
    at = len(MAGIC)
    while at + 9 <= size:
        file.seek(at)
        kind, length = struct.unpack("<BQ", file.read(9))
        limit = MAX_CHUNK if kind == CHUNK else MAX_RECORD
        if not 0 < kind < 0x80 or length > limit:
            raise FileError(f"{what} is damaged at byte {at}: a record of kind {kind} and {length} bytes")
        if at + 9 + length > size:
            return
        if kind == CHUNK:
            yield StoredChunk(at + 9, length)
        elif kind == MESSAGE:
            yield read_message(file.read(length), what)
        elif kind == METADATA:
            yield read_metadata(file.read(length), what)
        elif kind in (DATA_END, FOOTER):
            return
        at += 9 + length


def read_message(content: bytes, what: str) -> Message:
    """Return a message from its record's content."""
    if len(content) < MESSAGE_HEAD.size:
        raise FileError(f"{what} is damaged: a message of {len(content)} bytes")
    channel, _, time, _ = MESSAGE_HEAD.unpack_from(content)
    return Message(channel, time, content[MESSAGE_HEAD.size :])


def read_metadata(content: bytes, what: str) -> dict[str, str]:
    """Return the pairs of a metadata record of ours; none of another's."""
    try:
        name, at = _read_text(content, 0)
        if name != PROFILE:
            return {}
        (length,) = struct.unpack_from("<I", content, at)
        at, last = at + 4, at + 4 + length
        pairs = {}
        while at < min(last, len(content)):
            key, at = _read_text(content, at)
            pairs[key], at = _read_text(content, at)
        return pairs
    except (struct.error, UnicodeDecodeError):
        raise FileError(f"{what} is damaged: its header cannot be read") from None


def read_chunk(file: BinaryIO, place: StoredChunk, what: str) -> list[Message]:
    """Return the messages of a chunk.

    Raises:
        FileError: it is damaged, or larger than chunks may be.
    """
    zstandard: Any = require("zstandard", "window")
    file.seek(place.at)
    content = file.read(place.size)
    try:
        _, _, size, checksum = CHUNK_HEAD.unpack_from(content)
        compression, at = _read_text(content, CHUNK_HEAD.size)
        (length,) = struct.unpack_from("<Q", content, at)
        data = content[at + 8 :]
        if compression != "zstd" or length != len(data) or size > MAX_CHUNK:
            raise FileError(f"{what} is damaged: a chunk of {size} bytes, {compression[:20]!r}, at byte {place.at}")
        if zstandard.frame_content_size(data) != size:  # otherwise the frame itself would say how much to allocate
            raise FileError(f"{what} is damaged: the chunk at byte {place.at} is not of the size that it says")
        records = zstandard.ZstdDecompressor().decompress(data, max_output_size=size)
    except (struct.error, UnicodeDecodeError, zstandard.ZstdError):
        raise FileError(f"{what} is damaged: the chunk at byte {place.at} cannot be read") from None
    if zlib.crc32(records) != checksum:
        raise FileError(f"{what} is damaged: the chunk at byte {place.at} does not fit its checksum")
    found, at = [], 0
    while at < len(records):
        if at + 9 > len(records):
            raise FileError(f"{what} is damaged: the chunk at byte {place.at} ends within a record")
        kind, length = struct.unpack_from("<BQ", records, at)
        if at + 9 + length > len(records):
            raise FileError(f"{what} is damaged: the chunk at byte {place.at} ends within a record")
        if kind == MESSAGE:
            found.append(read_message(records[at + 9 : at + 9 + length], what))
        at += 9 + length
    return found


def _read_text(content: bytes, at: int) -> tuple[str, int]:
    (length,) = struct.unpack_from("<I", content, at)
    last = at + 4 + length
    if last > len(content):
        raise struct.error("cut off")
    return content[at + 4 : last].decode(), last
