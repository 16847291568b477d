"""Fixtures that several files of tests share."""

from hypothesis import settings

from tests.commands import here, trained
from tests.processes import _ended_processes
from tests.untraced import look_away_from_compilers
from tests.xvfb import display

__all__ = ["_ended_processes", "display", "here", "trained"]

look_away_from_compilers()
settings.register_profile("the same examples", derandomize=True, deadline=None, database=None)
settings.load_profile("the same examples")
