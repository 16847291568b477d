"""Matchmaking: how likely each member of a pool is drawn as the next opponent."""

from collections.abc import Sequence

import numpy as np

from puffer_arena.core.fields import Array
from puffer_arena.trainers.config import Opponent

LEAST = 1e-3  # of the likeliest member's weight, so that nobody is forgotten and rates stay known


def chances(settings: Opponent, rates: Array, ratings: Array, newest: int) -> Array:
    """Return how likely each member is to be drawn, float64 (members,), by `settings.draw`.

    latest: the newest snapshot alone.  uniform: everybody alike.  pfsp: prioritized fictitious self-play, by
    (1 - x)^p ("hard") or x (1 - x) ("even") of the policy's win rate x (Vinyals et al. 2019, Nature 575, "AlphaStar").
    ladder: the lowest rated member that does not lose `settings.snapshot_rate` of its games yet; if all do, the highest.

    Args:
        rates: points per game of the policy against each member, (members,).
        ratings: each member's, (members,).
        newest: which member is the newest snapshot; the last where there is none.
    """
    weights = np.zeros(len(rates))
    if settings.draw == "latest":
        weights[newest] = 1.0
    elif settings.draw == "ladder":
        ahead = np.flatnonzero(rates < settings.snapshot_rate)
        weights[ahead[np.argmin(ratings[ahead])] if len(ahead) else np.argmax(ratings)] = 1.0
    elif settings.draw == "pfsp":
        weights = (1.0 - rates) ** settings.power if settings.weight == "hard" else rates * (1.0 - rates)
        weights = np.maximum(weights, LEAST * max(weights.max(), LEAST))
    else:
        weights[:] = 1.0
    return np.asarray(weights / weights.sum())


def most_crowded(ratings: Sequence[float]) -> int:
    """Return who can go so that the rest still span the ratings: the one whose neighbours are nearest to each other.

    Those with the lowest and the highest rating stay.

    Args:
        ratings: of three or more.
    """
    order = np.argsort(ratings, kind="stable")
    sorted_ratings = np.asarray(ratings)[order]
    gaps = sorted_ratings[2:] - sorted_ratings[:-2]
    return int(order[1 + int(np.argmin(gaps))])
