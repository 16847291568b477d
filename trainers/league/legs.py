"""Games whose roles differ, where nothing but returns tells how they went.

One role may always come out ahead there, as tag's chasers do, so that who is ahead says nothing of who plays better.
Where the policy takes both roles in turn, a leg as each against the same member is a game, won by the greater return
over both.  Where it keeps one role, a game is won that went better than par: the median of the games that the policy
had played when the newest snapshot was taken.
"""

import itertools
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from puffer_arena.batch.seats import outcome_of
from puffer_arena.core.fields import Array

MOST = 256  # legs that wait for their other, for each member and role; games that make up the par


@dataclass
class Legs:
    """What is known of games that are not whole yet.

    Attributes:
        waiting: (serial number of a member, side of the policy) -> by how much the policy was ahead, oldest first.
        recent: by how much it was ahead in its last games, where it keeps one role.
        par: of them when the newest snapshot was taken; None before the first game.
    """

    waiting: dict[tuple[int, int], deque[float]] = field(default_factory=dict)
    recent: deque[float] = field(default_factory=lambda: deque(maxlen=MOST))
    par: float | None = None

    def whole(self, who: Array, returns: Array, one_role: bool) -> tuple[Array, Array]:
        """Return the games that the ended episodes make whole: who played, with the policy first, and places.

        Args:
            who: serial numbers, 0 for the policy, (episodes, 2).
            returns: mean returns of the sides, (episodes, 2).
            one_role: whether the policy keeps one role.
        """
        own = (who[:, 1] == 0).astype(int)  # the policy's side
        each = np.arange(len(who))
        ahead = returns[each, own] - returns[each, 1 - own]
        games = [
            (serial, side, value)
            for serial, side, value in zip(who[each, 1 - own].tolist(), own.tolist(), ahead.tolist(), strict=True)
            if np.isfinite(value)
        ]
        found = self._against_par(games) if one_role else self._paired(games)
        results = outcome_of([result for _, result in found])
        pairs = [(0, serial) for serial, _ in found]
        ranks = np.stack([np.where(results < 0, 2.0, 1.0), np.where(results > 0, 2.0, 1.0)], axis=1)
        return np.array(pairs, np.int64).reshape(-1, 2), ranks

    def _paired(self, games: list[tuple[int, int, float]]) -> list[tuple[int, float]]:
        """Return whom each whole game was against, and by how much the policy was ahead over both legs."""
        found = []
        for serial, side, ahead in games:
            other = self.waiting.get((serial, 1 - side))
            if other:
                found.append((serial, ahead + other.popleft()))
            else:
                self.waiting.setdefault((serial, side), deque(maxlen=MOST)).append(ahead)
        return found

    def _against_par(self, games: list[tuple[int, int, float]]) -> list[tuple[int, float]]:
        """Return whom each game was against, and by how much it went better than par."""
        self.recent.extend(ahead for _, _, ahead in games)
        if self.par is None and self.recent:
            self.set_par()
        return [(serial, ahead - (self.par or 0.0)) for serial, _, ahead in games]

    def set_par(self) -> None:
        """Let the last games be the par of those to come, where there were any."""
        if self.recent:
            self.par = float(np.median(self.recent))

    def forget(self, serial: int) -> None:
        """Forget the legs against a member who leaves."""
        self.waiting = {key: legs for key, legs in self.waiting.items() if key[0] != serial}

    def state(self) -> dict[str, Any]:
        """Return all of it, fit for JSON."""
        waiting = [[serial, side, list(legs)] for (serial, side), legs in sorted(self.waiting.items()) if legs]
        return {"waiting": waiting, "recent": list(self.recent), "par": self.par}


def read_legs(state: Any) -> Legs:
    """Return what `Legs.state` returned.

    Raises:
        KeyError, TypeError, ValueError: it is damaged.
    """
    waiting = {
        (int(serial), int(side)): deque(map(float, legs), maxlen=MOST) for serial, side, legs in state["waiting"]
    }
    par = None if state["par"] is None else float(state["par"])
    found = Legs(waiting, deque(map(float, state["recent"]), maxlen=MOST), par)
    numbers = [par or 0.0, *found.recent, *itertools.chain(*waiting.values())]
    if not np.isfinite(numbers).all() or any(side not in (0, 1) for _, side in waiting):
        raise ValueError("legs that cannot be")
    return found
