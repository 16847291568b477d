"""What every environment owes, checked over all that come with the package: the laws that `check` tries, and more."""

import os
import re
import subprocess
import sys

import pytest

from puffer_arena import list_envs, load_env
from puffer_arena.errors import ArenaError
from puffer_arena.laws.check import LAWS
from puffer_arena.laws.law import DoesNotApplyError, Law, Subject
from puffer_arena.laws.same import digest
from puffer_arena.laws.spaces import buffers
from tests.processes import uncovered
from tests.untraced import untraced

HEADINGS = ("Actions", "Observation", "Reward", "Termination", "Parameters", "Source")
FIGURES = ("speed",)  # what a test does not time
MAY_NOT_APPLY = ("masks", "rewind", "clicks")  # every environment of ours has bots, keys, levels and parameters
every_law = pytest.mark.parametrize("law", [law for law in LAWS if law.name not in FIGURES], ids=lambda law: law.name)
every_env = pytest.mark.parametrize("env_id", list_envs())


@every_env
@every_law
def test_it_keeps_the_law(law: Law, env_id: str) -> None:
    # Plain Python is traced where buffers are looked at; in these two it would take twice as long.
    hold = untraced(law.hold) if law.name in ("compiled", "parameters") else law.hold
    try:
        hold(Subject(env_id))
    except DoesNotApplyError as reason:
        assert law.name in MAY_NOT_APPLY, f"{env_id}: {reason}"
    except ArenaError as error:
        pytest.fail(str(error))


@every_env
def test_plain_rules_write_every_element_of_the_buffers(env_id: str) -> None:
    buffers(Subject(env_id), is_compiled=False)


@every_env
def test_the_docstring_has_the_headings_and_names_every_parameter(env_id: str) -> None:
    env = load_env(env_id)
    for heading in HEADINGS:
        assert re.search(rf"^{heading}\s", env.doc, re.MULTILINE), f"{env_id}: no heading '{heading}'"
    named = re.search(r"^Parameters\s+(.*?)^Source", env.doc, re.MULTILINE | re.DOTALL)
    assert named is not None
    assert set(re.findall(r"\w+", named[1])) >= set(env.parameters)
    assert env.summary.endswith(".") and len(env.summary) < 100
    assert all(parameter.ranged and parameter.doc for parameter in env.parameters.values())


@pytest.mark.slow
def test_another_process_writes_the_same_bytes() -> None:
    script = (
        "import sys; from puffer_arena.laws.law import Subject; from puffer_arena.laws.same import digest; "
        "print(*(digest(Subject(env_id)) for env_id in sys.argv[1:]))"
    )
    run = [sys.executable, "-c", script, *list_envs()]
    root = os.path.dirname(os.path.dirname(__file__))
    there = subprocess.run(run, capture_output=True, text=True, check=True, cwd=root, env=uncovered())
    assert there.stdout.split() == [digest(Subject(env_id)) for env_id in list_envs()]


BOUNDS_CHECK = """
import sys
import numpy as np
from puffer_arena import list_envs, make
from puffer_arena.machine.compile import compile_function, jit
from puffer_arena.laws.law import play

@jit
def beyond(array, index):
    return array[index]

try:
    compile_function(beyond, "check")(np.zeros(2), 5)
except IndexError:
    print("bounds are checked")
for env_id in list_envs()[int(sys.argv[1])::3]:
    batch = make(env_id, num_envs=8, seed=1)
    batch.assign(np.arange(4, 8), {name: parameter.low for name, parameter in batch.env.parameters.items()})
    batch.reset()
    play(batch, 1000, bots=True)
print("finished")
"""


@pytest.mark.slow
@pytest.mark.parametrize("third", range(3))
def test_no_rule_indexes_beyond_its_arrays(tmp_path, third) -> None:
    settings = {**uncovered(), "NUMBA_BOUNDSCHECK": "1", "PUFFER_ARENA_CACHE": str(tmp_path)}
    root = os.path.dirname(os.path.dirname(__file__))
    run = subprocess.run(
        [sys.executable, "-c", BOUNDS_CHECK, str(third)], capture_output=True, text=True, env=settings, cwd=root
    )
    assert run.stdout.split("\n")[:2] == ["bounds are checked", "finished"], run.stderr
