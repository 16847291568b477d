"""Whole rows that are kept in memory, so that episodes may begin there: a curriculum's states, levels that people draw."""

import functools
from dataclasses import dataclass

import numpy as np

from puffer_arena.batch.saving.again import bring_back
from puffer_arena.batch.saving.past import Past, raw
from puffer_arena.batch.saving.recorder import Recorder
from puffer_arena.batch.stepper import Stepper
from puffer_arena.batch.table import Table
from puffer_arena.core.fields import Array
from puffer_arena.kernels.tables import Buffers
from puffer_arena.machine.loops import kernel

OWN = ("row_key", "episode")  # of the header: they stay the row's, whose levels would else repeat another row's


@dataclass(frozen=True)
class Kept:
    """Some rows.

    Args:
        states: as they stood, (k,).
        params: in force then, (k,).
        past: how they came to be so, where an engine moves bodies and a batch records; else None.
    """

    states: Array
    params: Array
    past: Past | None = None

    @functools.cached_property
    def bytes(self) -> tuple[Array, Array]:
        """States and parameters as bytes, (k, bytes) each, the same memory."""
        return raw(self.states), raw(self.params)


@kernel
def write_rows(
    states: Array, params: Array, rows: Array, kept_states: Array, kept_params: Array, places: Array, spans: Array
) -> None:
    """Write kept rows, the bytes in some spans of their states alone, over others."""
    for k in range(len(rows)):
        i, place = rows[k], places[k]
        for m in range(len(spans)):
            for byte in range(spans[m, 0], spans[m, 1]):
                states[i, byte] = kept_states[place, byte]
        for byte in range(params.shape[1]):
            params[i, byte] = kept_params[place, byte]


class Written:
    """The rows of a table as bytes.

    Attributes:
        rows: the table's.
        states, params: theirs, (num_envs, bytes) each.
        spans: of a state's bytes, those that another row's may be written over, (spans, 2).
    """

    def __init__(self, table: Table) -> None:
        self.rows = table.rows
        self.states, self.params = raw(self.rows.states), raw(self.rows.params)
        kind = self.rows.states.dtype
        fields = sorted((kind.fields[name][1], kind.fields[name][0].itemsize) for name in OWN)
        ends = [0, *(end for start, size in fields for end in (start, start + size)), kind.itemsize]
        self.spans = np.array(ends, np.int64).reshape(-1, 2)


def written_of(table: Table) -> Written:
    """Return the rows of a table as bytes, made at the first call; they may have moved since."""
    written: Written | None = table.written
    if written is None or written.rows is not table.rows:
        table.written = written = Written(table)
    return written


def keep_rows(table: Table, recorder: Recorder | None, rows: Array) -> Kept:
    """Return copies of some rows, (k,)."""
    held, written = table.rows, written_of(table)
    states = written.states[rows].reshape(-1).view(held.states.dtype)
    params = written.params[rows].reshape(-1).view(held.params.dtype)
    return Kept(states, params, recorder.past(rows) if recorder is not None and table.env.engine else None)


def place_rows(
    table: Table,
    stepper: Stepper,
    recorder: Recorder | None,
    rows: Array,
    kept: Kept,
    out: Buffers,
    places: Array | None = None,
    limits: Array | None = None,
) -> None:
    """Let some rows, (k,), whose episodes have just begun, begin as others stood; what they see goes into `out`.

    Args:
        table, stepper, recorder, rows, kept, out: the rows, and what they are to be.
        places: which of `kept` each is to be, (k,); by default one after another.
        limits: what each has as `Env.time_limit` from the episode's beginning on, (k,); by default what it was kept with.
    """
    held, written = table.rows, written_of(table)
    places = np.arange(len(rows)) if places is None else places
    write_rows(written.states, written.params, rows, *kept.bytes, places, written.spans)
    if limits is not None:
        held.params[table.env.time_limit][rows] = limits
    which = np.zeros(table.num_envs, np.bool_)
    which[rows] = True
    if kept.past is not None:
        for k, i in enumerate(rows.tolist()):
            past = kept.past.one(int(places[k]))
            for name in OWN:
                past.starts[name] = held.states[name][i]
            if limits is not None:
                past.params[table.env.time_limit] = limits[k]
            bring_back(table, stepper, recorder, slice(i, i + 1), past)
        stepper.look(which, out)
        out.began[which] = True
    else:
        take_over(stepper, recorder, which, out)


def take_over(stepper: Stepper, recorder: Recorder | None, which: Array, out: Buffers) -> None:
    """Let episodes that have just begun in some rows, bool (num_envs,), go on from what was written there."""
    if stepper.worlds:
        stepper.worlds.adopt(which)
    if recorder:
        recorder.begin(which)
    stepper.look(which, out)
    out.began[which] = True  # also where they stand in mid-episode
