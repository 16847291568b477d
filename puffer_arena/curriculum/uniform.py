"""Who chooses nothing, and domain randomization: every parameter with a range is drawn anew for every episode.

Tobin et al. 2017, arXiv 1703.06907.
"""

import numpy as np

from puffer_arena.curriculum.curriculum import Curriculum, Tasks


class Fixed(Curriculum):
    """Leaves parameters as they stand, and levels to the game; ranges wait for another method."""

    def next(self, count: int, rng: np.random.Generator) -> Tasks:
        return Tasks({})


class Uniform(Curriculum):
    """Draws from all of every range."""

    def next(self, count: int, rng: np.random.Generator) -> Tasks:
        return Tasks(self.draw(count, rng))
