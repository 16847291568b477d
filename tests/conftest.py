"""Fixtures that several files of tests share."""

from tests.commands import here, trained
from tests.xvfb import display

__all__ = ["display", "here", "trained"]
