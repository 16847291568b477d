"""Making the trainer of a config."""

from puffer_arena.machine.heap import keep_freed_memory
from puffer_arena.trainers.algorithms import find_algorithm
from puffer_arena.trainers.algorithms.algorithm import Algorithm
from puffer_arena.trainers.config import Config
from puffer_arena.trainers.networks.policy import MakeEncoder


def make_trainer(config: Config, make_encoder: MakeEncoder | None = None) -> Algorithm:
    """Make the algorithm that `config.algorithm` names, ready for its first update.

    Raises:
        UnknownName: there is no such algorithm.
        TrainingError: a GPU is asked for and there is none, or gradients that do not fit.
    """
    keep_freed_memory()
    if config.opponent.separate:
        from puffer_arena.trainers.league.separate import Separate

        return Separate(config, make_encoder)
    return find_algorithm(config.algorithm)(config, make_encoder)
