"""Environments and their rows, and what the package shows of itself."""

import dataclasses
import subprocess
import sys
import traceback
from pathlib import Path

import numpy as np
import pytest

import puffer_arena
from puffer_arena import load_env, make
from puffer_arena.core.fields import Cells, Row
from puffer_arena.errors import ArenaError, DefinitionError, MissingExtra, ParameterError, require
from tests.countdown import write


def test_a_key_that_is_no_action_is_named() -> None:
    with pytest.raises(DefinitionError, match="environment 'snake': keys: 'up' is 4; allowed: 0 to"):
        dataclasses.replace(load_env("snake"), keys={"up": 4})


def test_constants_and_the_header_need_no_storage(tmp_path: Path) -> None:
    path = write(tmp_path, ("    used: int = i32()", "    SIZE = 3\n    episode_return: float\n    used: int = i32()"))
    assert make(path, compiled=False).obs[0, 0] == 5


def test_rows_read_as_python_numbers() -> None:
    record = np.zeros(1, [("count", np.int8), ("cells", np.int8, (2, 2)), ("inner", [("x", np.float64)])])
    row = Row(record[0])
    row.count = 100
    row.cells[1, 1] = 3
    row.inner.x = 0.5
    assert row.count + row.count == 200  # int8 would wrap
    assert type(row.cells[1, 1]) is int and type(row.inner.x) is float
    assert isinstance(row.cells[1], Cells) and len(row.cells) == 2 and row.cells.shape == (2, 2)
    assert np.asarray(row.cells).sum() == 3 and "count" in dir(row)
    with pytest.raises(AttributeError, match="did you mean 'count'"):
        row.cuont = 1


def test_a_field_that_a_row_lacks_is_hinted_at_once() -> None:
    row = Row(np.zeros(1, [("count", np.int8)])[0])
    with pytest.raises(AttributeError) as caught:
        row.cuont  # noqa: B018
    assert "".join(traceback.format_exception(caught.value)).lower().count("did you mean") == 1


def test_the_whole_public_surface_is_listed_and_documented() -> None:
    for name in puffer_arena.__all__:
        assert getattr(puffer_arena, name).__doc__, name
    assert set(puffer_arena.__all__) <= set(dir(puffer_arena))
    with pytest.raises(AttributeError):
        puffer_arena.nothing  # noqa: B018


def test_every_error_has_the_one_root() -> None:
    from puffer_arena import errors

    raised = [
        value for value in vars(errors).values() if isinstance(value, type) and value.__module__ == errors.__name__
    ]
    assert all(issubclass(error, ArenaError) for error in raised)
    assert all(error.__name__ in (errors.__doc__ or "") for error in raised)


def test_a_missing_extra_names_its_install_command() -> None:
    with pytest.raises(MissingExtra, match=r"pip install 'puffer-arena\[window\]'"):
        require("not_a_module_at_all", "window")
    assert require("json", "window").dumps(1) == "1"


def test_importing_the_package_loads_nothing_heavy() -> None:
    script = (
        "import sys, puffer_arena; puffer_arena.list_envs(); puffer_arena.load_env('snake');"
        "print([m for m in ('numba', 'torch', 'pygame', 'gymnasium', 'pettingzoo', 'zmq', 'tyro') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_params_that_break_a_rule_of_their_own_are_parameter_errors(tmp_path: Path) -> None:
    check = "width: int = param(4, 2, 6)\n\n    def __post_init__(self) -> None:\n        if self.limit < self.start:\n            raise ValueError('limit must reach start')"
    path = write(tmp_path, ("width: int = param(4, 2, 6)", check))
    assert make(path, compiled=False).obs[0, 0] == 5
    with pytest.raises(ParameterError, match="limit must reach start"):
        make(path, start=50)


def test_parameters_that_size_memory_through_a_property_cannot_be_raised(tmp_path: Path) -> None:
    derived = "width: int = param(4, 2, 6)\n\n    @property\n    def twice(self) -> int:\n        return 2 * self.width"
    path = write(tmp_path, ("width: int = param(4, 2, 6)", derived), ('i32("width")', 'i32("twice")'))
    assert load_env(path).dimensions == {"width"}
    batch = make(path, num_envs=2, compiled=False)
    batch.params.width[0] = 3
    with pytest.raises(
        ParameterError, match=r"width.*allowed: int in \[2, 4\]: the batch was made with 4; make it with"
    ):
        batch.params.width[1] = 5
    with pytest.raises(ParameterError, match=r"allowed: int in \[2, 4\]$"):
        batch.params.width[1] = 7  # beyond what any batch may have
