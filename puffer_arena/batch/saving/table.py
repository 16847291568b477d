"""All rows of a batch as bytes, for checkpoints: name -> uint8 array, which any file format can hold."""

from collections.abc import Mapping

import numpy as np

from puffer_arena.batch.saving.past import Past, read_past
from puffer_arena.batch.saving.recorder import Recorder
from puffer_arena.batch.saving.snapshot import check_parts
from puffer_arena.batch.table import Table
from puffer_arena.core.fields import Array
from puffer_arena.errors import FileError
from puffer_arena.kernels.tables import Rows


def save_table(table: Table, recorder: Recorder | None) -> dict[str, Array]:
    """Return the rows as "rows/...", and their running episodes as "past/..." where these are recorded."""
    arrays = {f"rows/{name}": array for name, array in table.rows._asdict().items()}
    if recorder is not None:
        arrays |= {f"past/{name}": array for name, array in recorder.past()._asdict().items()}
    return {name: np.frombuffer(array.tobytes(), np.uint8) for name, array in arrays.items()}


def read_saved(table: Table, stored: Mapping[str, Array], recorded: bool) -> tuple[Rows, Past | None]:
    """Return rows, and their past where the batch records, from what `save_table` returned.

    Raises:
        FileError: an array is missing or of another size, or holds what no row can; nothing has changed.
    """
    found = {}
    for name, array in table.rows._asdict().items():
        data = stored.get(f"rows/{name}")
        if data is None or data.dtype != np.uint8 or data.nbytes != array.nbytes:
            raise FileError(f"it does not fit this environment: 'rows/{name}' is missing or of another size")
        found[name] = np.frombuffer(data.tobytes(), array.dtype).reshape(array.shape)
    rows = Rows(**found)
    check_parts(table.env, table.values, rows.states, rows.params, rows.following, rows.levels, rows.memories)
    if not recorded:
        return rows, None
    past = {
        name.removeprefix("past/"): data.tobytes()
        for name, data in stored.items()
        if name.startswith("past/") and data.dtype == np.uint8
    }
    return rows, read_past(table, past, rows.states)
