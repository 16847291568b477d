"""Rows that are only looked at read as rows do."""

import numpy as np
import pytest

from puffer_arena import list_envs, make
from puffer_arena.core.canvas import RecordingCanvas
from puffer_arena.core.fields import Row
from puffer_arena.core.still import still

NESTED = np.dtype(
    [
        ("x", float),
        ("count", np.int32),
        ("board", np.int8, (2, 3)),
        ("cars", [("y", float)], 2),
        ("marks", float, (2, 2, 3)),
    ]
)


def row() -> Row:
    record = np.zeros(1, NESTED)
    record["count"], record["board"] = 7, np.arange(6).reshape(2, 3)
    record["cars"]["y"] = [[0.5, 1.5]]
    return Row(record[0])


@pytest.mark.parametrize("env_id", list_envs())
def test_a_picture_of_a_still_row_is_that_of_the_row(env_id: str) -> None:
    drawn = []
    with make(env_id, 1, seed=3, compiled=False) as batch:
        for _ in range(2):
            batch.step(batch.sample_actions(np.random.default_rng(0)))
        for look in (lambda row: row, still):
            canvas = RecordingCanvas(moment=0.5)
            batch.env.draw(look(batch.state(0)), look(batch.state_params(0)), canvas)
            drawn.append((canvas.message, canvas.agents, [str(primitive) for primitive in canvas.primitives]))
    assert drawn[0] == drawn[1]


def test_elements_of_a_still_row_are_plain_numbers_wherever_they_lie() -> None:
    seen = still(row())
    assert type(seen.count) is int and seen.count == 7
    assert type(seen.board[1, 2]) is int and seen.board[1, 2] == 5 and seen.board[-1, 0] == 3
    assert [car.y for car in seen.cars] == [0.5, 1.5] and seen.cars[1].y == 1.5
    assert len(seen.board) == 2 and list(np.asarray(seen.board[0])) == [0, 1, 2] and np.asarray(seen.board).sum() == 15


def test_a_part_of_a_still_array_unpacks_and_is_indexed_as_a_row_s_part_is() -> None:
    record = np.zeros(1, NESTED)
    record["marks"] = np.arange(12.0).reshape(2, 2, 3)
    seen = still(Row(record[0]))
    a, b, c = seen.marks[1, 0]
    assert (a, b, c) == (6.0, 7.0, 8.0) and seen.marks[1, 0][2] == 8.0 and seen.marks[1, 1].shape == (3,)
    assert seen.marks[1, 1, 2] == 11.0 and type(seen.marks[0, 1, 0]) is float
    assert [list(part) for part in seen.marks[1]] == [[6.0, 7.0, 8.0], [9.0, 10.0, 11.0]]


def test_what_is_beyond_a_still_row_is_the_error_that_rows_give() -> None:
    with pytest.raises(IndexError):
        still(row()).board[2, 0]
    with pytest.raises(IndexError):
        still(row()).cars[2]
    with pytest.raises(AttributeError, match="baord"):
        _ = still(row()).baord


def test_a_still_row_cannot_be_written() -> None:
    with pytest.raises(AttributeError, match="count is only looked at here"):
        still(row()).count = 3
