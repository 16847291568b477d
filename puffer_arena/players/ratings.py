"""Ratings: how good players are, and how sure that is, from who beat whom.

Bradley-Terry with full pairing by Weng and Lin 2011, "A Bayesian approximation method for online ranking", JMLR 12, as the
package openskill computes it: two sides or many, teams, draws.  A newcomer is rated 25 and may be off by 16 either way.
"""

import functools
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from puffer_arena.errors import require

EXTRA = "train"  # of puffer_arena, which has openskill
SURE = 1.959964  # deviations around the mean that hold 95 % of a normal distribution
Game = tuple[Sequence[str], Sequence[float]]  # who was on each side, and the side's rank; equal ones are a draw


class Rating(NamedTuple):
    """How good somebody is: mean and deviation of a normal distribution."""

    mu: float = 25.0
    sigma: float = 25.0 / 3.0

    @property
    def interval(self) -> tuple[float, float]:
        """What holds the rating with 95 %."""
        return self.mu - SURE * self.sigma, self.mu + SURE * self.sigma


@functools.cache
def model(drift: bool = True) -> Any:
    """Return the rating model, for players who become better or worse meanwhile, or for such as stay as they are.

    Raises:
        MissingExtra: openskill is not installed.
    """
    return require("openskill.models", EXTRA).BradleyTerryFull(**({} if drift else {"tau": 0.0}))


def rate(table: Mapping[str, Rating], games: Iterable[Game], drift: bool = True) -> dict[str, Rating]:
    """Return the ratings after some games, in their order.

    Args:
        table: everybody's rating before.
        games: one name a side; who sits on several sides of a game moves by the mean of what each of them would.
        drift: see `model`.
    """
    rates, known = model(drift), dict(table)
    for names, ranks in games:
        teams = [[rates.create_rating([*known[name]])] for name in names]
        after = rates.rate(teams, ranks=list(ranks))
        found: dict[str, list[Any]] = {}
        for name, (own,) in zip(names, after, strict=True):
            found.setdefault(name, []).append(own)
        for name, many in found.items():
            mu, sigma = (sum(getattr(each, part) for each in many) / len(many) for part in ("mu", "sigma"))
            known[name] = Rating(mu, sigma)
    return known


def expected(a: Rating, b: Rating) -> float:
    """Return how many points of a game, a win 1 and a draw 1/2, `a` is expected to get against `b`."""
    spread = math.sqrt(a.sigma**2 + b.sigma**2 + 2 * (25.0 / 6.0) ** 2)
    return 1.0 / (1.0 + math.exp((b.mu - a.mu) / spread))
