"""Batches saved as bytes: another goes on from them to the bit, or refuses them and stays as it was."""

import numpy as np
import pytest

from puffer_arena import make
from puffer_arena.errors import FileError
from tests.playing import COUNTDOWN, DUEL, PILE, PUPPET, everything, play

games = pytest.mark.parametrize(
    "game", [COUNTDOWN, DUEL, PUPPET, PILE], ids=["solo", "several", "physics", "processes"]
)


def opened(game: str, seed: int):
    return make(game, 4, seed=seed, threads=2 if game == PILE else 1, record=None)


@games
def test_another_batch_goes_on_to_the_bit(game: str) -> None:
    with opened(game, 1) as first, opened(game, 2) as second:
        play(first, 17)
        play(second, 5)
        assert second.load_rows(first.save_rows()).all()
        for name in ("obs", "acting", "action_mask", "began"):
            assert (getattr(first, name) == getattr(second, name)).all()
        for batch in (first, second):
            play(batch, 12, seed=3)
        assert first.rows.states.tobytes() == second.rows.states.tobytes()
        assert first.rows.episodes.tobytes() == second.rows.episodes.tobytes()


@games
def test_what_does_not_fit_is_refused_and_nothing_changes(game: str) -> None:
    with opened(game, 1) as batch:
        play(batch, 3)
        saved, before = batch.save_rows(), everything(batch)
        for name, data in saved.items():
            for damaged in ({k: v for k, v in saved.items() if k != name}, {**saved, name: data.astype(np.int8)}):
                with pytest.raises(FileError):
                    batch.load_rows(damaged)
            if data.size and name != "past/changes":
                with pytest.raises(FileError):
                    batch.load_rows({**saved, name: data[:-1]})
        with pytest.raises(FileError, match="field"):
            batch.load_rows({**saved, "rows/states": np.full_like(saved["rows/states"], 255)})
        assert everything(batch) == before
