"""The rules, end to end: every game plays its reference replay again to the bit.

A game that was changed on purpose gets a new version and a new reference: python tools/reference_replays.py GAME
"""

from pathlib import Path

import pytest

from puffer_arena import list_envs
from puffer_arena.replay.truth import verify

FOLDER = Path(__file__).parent / "replays"


@pytest.mark.parametrize("env_id", list_envs())
def test_a_game_plays_its_reference(env_id):
    report = verify(FOLDER / f"{env_id}.mcap")
    assert report.difference is None, str(report)
    assert (report.steps, report.rows, report.unknown) == (300, 2, 0)
