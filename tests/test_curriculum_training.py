"""Training under a curriculum: weights count, a resumed run goes on exactly, faults are named and the run is saved."""

import numpy as np
import pytest

from puffer_arena.curriculum.choose import name_curriculum
from puffer_arena.errors import TrainingError
from tests.curricula import every_curriculum, table


def test_steps_count_by_the_weight_of_their_episode():
    pytest.importorskip("torch")
    from puffer_arena.trainers.data.rollout import Minibatch
    from tests.trainers_support import small_trainer

    trainer = small_trainer("maze", curriculum=table("states"), params={"size": 7, "max_steps": 10})
    trainer.update()
    trainer.rollout.weigh(np.linspace(0.0, 1.0, 24))
    trainer.rollout.weight[1:] = trainer.rollout.weight[0]
    minibatch = Minibatch(trainer.chunks)
    assert np.isclose(minibatch.count, 8 * 12)
    trainer.steer({})
    trainer.update()
    assert "weight" not in trainer.rollout.columns
    trainer.close()


@every_curriculum
def test_a_resumed_run_goes_on_exactly(method):
    pytest.importorskip("torch")
    from tests.trainers_support import assert_same_future, small_trainer

    given = {"curriculum": table(method), "params": {"size": 7, "distance": 3, "max_steps": 10}, "ppo__horizon": 16}
    first, second = (small_trainer("maze", **given) for _ in range(2))
    for _ in range(3):
        metrics = first.update()
    assert any(name.startswith("curriculum/") for name in metrics)
    second.load_state(*first.state())
    assert_same_future(first, second)
    first.close()
    second.close()


@pytest.mark.parametrize("where", ["next(self, count, rng)", "ended(self, episodes)"])
def test_a_run_whose_curriculum_goes_wrong_is_saved(tmp_path, where):
    pytest.importorskip("torch")
    from puffer_arena.trainers.runs.run import Run
    from puffer_arena.trainers.runs.train import Callbacks, resume_trainer, train
    from tests.trainers_support import small_config

    source = (
        "from puffer_arena.curriculum import *\n\nclass Broken(Curriculum):\n    calls = 0\n\n"
        f"    def {where}:\n        self.calls += 1\n        return Tasks() if self.calls < 3 else 1 / 0\n\nCURRICULUM = Broken\n"
    )
    (tmp_path / "broken.py").write_text(source)
    name = name_curriculum(str(tmp_path / "broken.py"))
    config = small_config("maze", curriculum={"method": name}, params={"size": 7, "distance": 3, "max_steps": 10})
    run = Run.create(config, tmp_path, "run", warn=pytest.fail)
    with pytest.raises(TrainingError, match=r"broken.py, line 8\): ZeroDivisionError"):
        train(config, run, Callbacks(on_warning=pytest.fail))
    trainer = resume_trainer(config, Run.open(tmp_path / "run"))
    assert trainer.updates == run.saved_updates > 0
    trainer.close()


def test_memory_has_room_for_the_largest_that_a_range_allows():
    pytest.importorskip("torch")
    from tests.trainers_support import small_trainer

    trainer = small_trainer("maze", curriculum={"ranges": {"size": "5:9"}}, params={"max_steps": 10})
    for _ in range(4):
        trainer.update()
    assert {5, 9} <= set(trainer.batch.rows.params["size"]) <= set(range(5, 10))
    trainer.close()
