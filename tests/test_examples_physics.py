"""The examples with an engine: a gate that opens, a car that climbs, a kart on its wheels."""

import numpy as np
import pytest

from puffer_arena import make


def test_a_car_is_held_by_the_gate_and_passes_once_it_is_open():
    with make("examples/climber.py", seed=1, compiled=False, steep=0.0) as batch:
        row, opened = batch.rows.states[0], 0
        gate = float(row["gate"]["ax"])
        while row["chassis"]["x"] < gate + 2.0:
            batch.step(np.ones((1, 1)))
            edge = row["ground"][16]
            assert row["gate"]["ay"] == pytest.approx(edge["by"] + row["open"])
            if row["open"] < 0.5:  # lower than the wheels are high
                assert row["chassis"]["x"] < gate
            opened = max(opened, float(row["open"]))
            assert row["step_count"] < 900
        assert opened > 0.5


def test_a_car_with_smaller_wheels_stands_lower():
    heights = []
    for wheels in (0.4, 0.0):
        with make("examples/climber.py", seed=3, compiled=False, wheels=wheels) as batch:
            for _ in range(60):
                batch.step(np.zeros((1, 1)))
            scale = float(batch.rows.states["tyres"]["scale_x"][0, 0])
            heights.append((scale, float(batch.rows.states["chassis"]["y"][0])))
    (varied, at), (usual, level) = heights
    assert usual == 1.0 and at - level == pytest.approx(0.35 * (varied - 1.0), abs=0.06)


def test_the_chauffeur_keeps_a_kart_on_its_road():
    with make("examples/kart.py", num_envs=4, seed=2, compiled=False) as batch:
        for _ in range(240):
            batch.step(batch.act("chauffeur"))
            assert not batch.terminated.any()
        assert (batch.rows.states["way"] > 15.0).all()
        assert (batch.rows.states["wheels"]["touching"] == 1).all()
