"""Staggered starts: rows whose first episodes began at different times, so that a rollout sees all parts of an episode.

Rows that begin together reach the same point of their episodes together, and short rollouts then see one part at a time
("Staggered environment resets", 2025, arXiv 2511.21011, section 4).
"""

import numpy as np

from puffer_arena.batch.batch import Batch
from puffer_arena.players.player import chance


def stagger(batch: Batch, steps: int, seed: int) -> None:
    """Play `steps` steps at random and begin each row anew once on the way, at times that lie evenly apart.

    The episodes that end meanwhile count for nobody.
    """
    acting = chance(seed).prepare(batch)
    begins = np.arange(batch.num_envs) * steps // batch.num_envs
    for t in range(steps):
        which = begins == t
        if which.any():
            batch.reset(which=which)
        batch.step(acting.choose(batch))
    batch.episodes()
