"""Handing tasks out: the compiled loop that follows every step of a batch.

Python's time in every step is what a curriculum costs (docs/benchmarks.md), so one call notes which episodes ended, hands
their rows the next tasks, writes the rows that those begin at which were kept, and copies the rows that are shown.
"""

import functools
from typing import Any, NamedTuple

import numpy as np

from puffer_arena.batch.batch import Batch
from puffer_arena.batch.saving.kept import written_of
from puffer_arena.core.fields import Array
from puffer_arena.curriculum.notes import Endings, Seen, as_words
from puffer_arena.curriculum.starts import Starts
from puffer_arena.machine.blocks import kind_of, unpacker, write_block
from puffer_arena.machine.compile import bind, compile_function, entry_point, jit, unbound

AT_LEVEL = -1
DRAWN = -2  # less the number of a drawn level; serial numbers of kept rows are above
# What is to follow a step: rows were written over, or are still to be; there is no room for rows of the next one.
WRITTEN, ENTERING, CROWDED = 1, 2, 4


class Block(NamedTuple):
    """Tasks drawn ahead, (num_envs,) each; those from the cursor on are still to be handed out.

    marks    int64 (3,): the cursor, how many tasks there are, and how many to ask for next
    named    which bytes of a row's parameters they write, bool (bytes,); a row keeps the others
    params   parameters as bytes, (num_envs, bytes)
    levels   numbers of levels, -1 to draw one
    starts   AT_LEVEL, the serial number of a kept row, or DRAWN less the number of a drawn level
    weights  how much is learned from them
    """

    marks: Array
    named: Array
    params: Array
    levels: Array
    starts: Array
    weights: Array


class Places(NamedTuple):
    """What rows begin their episodes by: of the present one and of the next, (num_envs,) each."""

    following: Array  # parameters from the next reset on, as bytes
    levels: Array
    waiting: Array  # as `Block.starts`
    present: Array
    next_weights: Array
    weights: Array
    entering: Array  # int64 (1 + num_envs,): how many have just begun elsewhere than at a level, and which


class Shelf(NamedTuple):
    """Rows that a curriculum keeps, and those of the batch that they are written over.

    States are words, whole ones since their header holds some, and parameters bytes.

    serials     of the kept rows, (capacity,); none where they are not written here (see `Director`)
    states      int64 (capacity, words)
    params      (capacity, bytes)
    own_states  int64 (num_envs, words)
    own_params  (num_envs, bytes)
    spans       of a state's words, those that are written, (spans, 2)
    limits      int64 (3,): the byte at which a state holds its step_count, that at which parameters hold the time limit,
                -1 for none, and the largest that there is
    written     bool (num_envs,): which rows were written after the last step
    list        int64 (1 + num_envs,): how many, and which
    """

    serials: Array
    states: Array
    params: Array
    own_states: Array
    own_params: Array
    spans: Array
    limits: Array
    written: Array
    list: Array


unpack = unbound


@jit
def write_row(i: int, place: int, shelf: Shelf) -> None:
    """Write a kept row over row `i`, whose episode has just begun, and its time limit (see `Starts.limits`)."""
    for m in range(len(shelf.spans)):
        for word in range(shelf.spans[m, 0], shelf.spans[m, 1]):
            shelf.own_states[i, word] = shelf.states[place, word]
    counted, at = shelf.limits[0], shelf.limits[1]
    limit = shelf.own_params[i, at : at + 4].view(np.int32)[0] if at >= 0 else 0
    for byte in range(shelf.params.shape[1]):
        shelf.own_params[i, byte] = shelf.params[place, byte]
    behind = shelf.states[place].view(np.int32)[counted // 4]
    if at >= 0 and behind > 0:
        shelf.own_params[i, at : at + 4].view(np.int32)[0] = min(limit + behind, shelf.limits[2])
    shelf.list[0] += 1
    shelf.list[shelf.list[0]] = i
    shelf.written[i] = True


@jit
def show(t: int, began: Array, shelf: Shelf, seen: Seen) -> None:
    """Copy some rows that are in mid-episode, each in its turn."""
    count = len(began)
    since = seen.turn[0] + count
    seen.turn[0] = since % seen.length[1]
    chosen = since // seen.length[1]
    for k in range(min(chosen, count)):
        i = (seen.turn[1] + k) % count
        if began[i, 0]:
            continue
        n = seen.length[0]
        seen.length[0] = n + 1
        seen.steps[n], seen.rows[n] = t, i
        for word in range(shelf.own_states.shape[1]):
            seen.states[n, word] = shelf.own_states[i, word]
        for byte in range(shelf.own_params.shape[1]):
            seen.params[n, byte] = shelf.own_params[i, byte]
    seen.turn[1] = (seen.turn[1] + chosen) % count


@jit
def hand_out(address: int, offset: int, t: int, first: int, began: Array) -> int:
    """Note the episodes that ended in step `t`, and hand their rows the next tasks.

    Args:
        address: of block, places, log, `Rows.episodes` as bytes, shelf and seen (see `machine/blocks.py`).
        offset: of `finished` in a row's episodes.
        first: the row to begin at, where it stopped at one in this step; -1 where a step is new.
        began: bool (rows, agents).

    Returns:
        What is to follow, any of WRITTEN, ENTERING and CROWDED; -1 less the row that there was no task left for, or no
        room in the log, where it stops.
    """
    block, places, log, (episodes,), shelf, seen = unpack(address)
    if first < 0:
        first, places.entering[0] = 0, 0
        for k in range(shelf.list[0]):
            shelf.written[shelf.list[1 + k]] = False
        shelf.list[0] = 0
        if seen.length[1] > 0:
            show(t, began, shelf, seen)
    capacity = len(shelf.serials)
    for i in range(first, len(began)):
        if not began[i, 0]:
            continue
        k, n = block.marks[0], log.length[0]
        if k == block.marks[1] or n == len(log.rows):
            return -1 - i
        log.steps[n], log.rows[n], log.starts[n] = t, i, places.present[i]
        for byte in range(log.records.shape[1]):
            log.records[n, byte] = episodes[i, offset + byte]
        log.length[0] = n + 1
        places.present[i], places.weights[i] = places.waiting[i], places.next_weights[i]
        start = places.present[i]
        if start > AT_LEVEL and capacity > 0:
            if shelf.serials[start % capacity] == start:
                write_row(i, start % capacity, shelf)
            else:  # another has taken its place
                places.present[i], places.weights[i] = AT_LEVEL, 1.0
        elif start != AT_LEVEL:
            places.entering[0] += 1
            places.entering[places.entering[0]] = i
        for byte in range(len(block.named)):
            if block.named[byte]:
                places.following[i, byte] = block.params[k, byte]
        places.levels[i] = block.levels[k]
        places.waiting[i], places.next_weights[i] = block.starts[k], block.weights[k]
        block.marks[0] = k + 1
    follows = WRITTEN if shelf.list[0] > 0 else 0
    if places.entering[0] > 0:
        follows |= ENTERING
    if seen.length[1] > 0 and seen.length[0] + seen.length[2] > len(seen.rows):
        follows |= CROWDED
    return follows


def make_shelf(batch: Batch, starts: Starts | None) -> Shelf:
    """Return the shelf of a batch's rows.

    Args:
        batch: whose rows.
        starts: the kept rows, which need no past and lie in this memory; None where none may be written here.
    """
    written, kind, params = written_of(batch.table), batch.rows.states.dtype, batch.rows.params.dtype
    limits = np.array([kind.fields["step_count"][1], -1, 0])
    if starts is not None and batch.env.time_limit in params.fields:
        limits[1:] = params.fields[batch.env.time_limit][1], starts.longest
    serials = np.zeros(0, np.int64) if starts is None else starts.serials
    kept, kept_params = (written.states[:0], written.params[:0]) if starts is None else starts.bytes
    count, spans = batch.num_envs, written.spans // 8
    listed = np.zeros(1 + count, np.int64)
    own = as_words(written.states), written.params
    return Shelf(serials, as_words(kept), kept_params, *own, spans, limits, np.zeros(count, np.bool_), listed)


@functools.cache
def compiled(kind: Any) -> Any:
    """Return `hand_out` compiled for blocks of a type."""
    return compile_function(bind(hand_out, "curriculum", unpack=unpacker(kind)), "the curriculum")


class Hand:
    """Hands a queue's tasks out after every step, and logs the episodes that ended.

    Args:
        block, places: see there.
        endings: where the episodes lie, and are logged.
        shelf, seen: see there.

    Attributes:
        run: run(t, first, began), see `hand_out`.
    """

    def __init__(self, block: Block, places: Places, endings: Endings, shelf: Shelf, seen: Seen) -> None:
        self._parts: Any = block, places, endings.log, (endings.episodes,), shelf, seen
        self._written = write_block(self._parts)
        given = int(self._written.ctypes.data), endings.offset
        run = entry_point(compiled(kind_of(self._parts)), *given, 0, 0, np.zeros((1, 1), np.bool_), strided=True)
        self.run = functools.partial(run, *given)
