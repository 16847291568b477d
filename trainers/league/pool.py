"""A pool: whom the policy meets, how good they all are, and what of its own past is kept."""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from puffer_arena.core.fields import Array
from puffer_arena.errors import FileError
from puffer_arena.players.player import Acting
from puffer_arena.players.ratings import Rating, rate
from puffer_arena.trainers.league.legs import Legs, read_legs
from puffer_arena.trainers.league.matchmaking import most_crowded

POLICY = "policy"  # what the policy that learns is called in tables
NOW = "now"  # and that of the other role, where each has its own
WINDOW = 300.0  # games; of older ones less and less is left in what is known of the policy
RATED = 64  # games per update that move ratings; all count in the payoffs
SETTLED = 100  # games that a snapshot's successor has played at least
MAX_MEMBERS = 1000
Score = tuple[float, float]  # games, and points in them: a win is 1, a draw 1/2


@dataclass
class Member:
    """Somebody in a pool.

    Attributes:
        serial: names it in the tables of who sits where; 0 is the policy that learns.
        data: a policy as `policy_bytes` gives it; none of bots and chance.
        steps: of the run when a snapshot was taken; -1 of whoever the config names.
    """

    name: str
    serial: int
    acting: Acting
    data: bytes = b""
    steps: int = -1


@dataclass
class Pool:
    """The members, their ratings and the payoffs between them; `legs` of games that are not whole yet."""

    members: list[Member] = field(default_factory=list)
    ratings: dict[str, Rating] = field(default_factory=lambda: {POLICY: Rating()})
    payoffs: dict[tuple[str, str], Score] = field(default_factory=dict)  # of the first against the second
    serials: int = 0  # given out so far
    games: int = 0  # since the newest snapshot
    updates: int = 0  # of the run that have begun
    steps: int = 0  # of the run so far
    legs: Legs = field(default_factory=Legs)

    @property
    def snapshots(self) -> list[Member]:
        """The policy's own past, oldest first."""
        return [member for member in self.members if member.steps >= 0]

    @property
    def newest(self) -> int:
        """Which member is the newest snapshot; the last one where there is none."""
        steps = [member.steps for member in self.members]
        return len(steps) - 1 - int(np.argmax(steps[::-1]))

    def add(self, name: str, acting: Acting, data: bytes = b"", steps: int = -1, like: str = POLICY) -> Member:
        """Take somebody in; a snapshot is as good as whom it was taken of, `like`, and has that one's payoffs."""
        self.serials += 1
        member = Member(name, self.serials, acting, data, steps)
        self.members.append(member)
        self.ratings[name] = Rating()
        if steps >= 0:
            self.ratings[name], self.games = self.ratings[like], 0
            self.legs.set_par()
            for (a, b), score in list(self.payoffs.items()):
                self.payoffs |= {(name, b): score} if a == like else {}
                self.payoffs |= {(a, name): score} if b == like else {}
        return member

    def remove(self, member: Member) -> None:
        """Let somebody go, with all that is known of them."""
        self.members.remove(member)
        self.legs.forget(member.serial)
        del self.ratings[member.name]
        self.payoffs = {pair: score for pair, score in self.payoffs.items() if member.name not in pair}

    def surplus(self, keep: int) -> Member | None:
        """Return the snapshot that goes before another comes, where there are `keep`; the newest only if it is alone."""
        snapshots = self.snapshots
        if len(snapshots) < keep:
            return None
        older = snapshots[:-1] or snapshots
        if len(older) < 3:
            return older[0]
        return older[most_crowded([self.ratings[member.name].mu for member in older])]

    def rates(self) -> Array:
        """Return the policy's points per game against each member, half a point being known of everybody, (members,)."""
        scores = (self.payoffs.get((POLICY, member.name), (0.0, 0.0)) for member in self.members)
        return np.array([(points + 0.5) / (games + 1.0) for games, points in scores])

    def record(self, who: Array, ranks: Array) -> None:
        """Count games.

        Args:
            who: serial numbers, (games, sides).
            ranks: of each side, see `batch.seats.places`.
        """
        names = {0: POLICY} | {member.serial: member.name for member in self.members}
        self.games += len(who)
        for a, b in itertools.permutations(range(who.shape[1]), 2):
            for one, other in np.unique(who[:, [a, b]], axis=0).tolist():
                if one == other or one not in names or other not in names:
                    continue
                some = (who[:, a] == one) & (who[:, b] == other) & np.isfinite(ranks[:, a] + ranks[:, b])
                points = (ranks[some, a] < ranks[some, b]).sum() + 0.5 * (ranks[some, a] == ranks[some, b]).sum()
                self._count((names[one], names[other]), float(some.sum()), float(points))
        known = list(self._games(who, ranks, names))
        apart = max(1, -(-len(known) // RATED))
        self.ratings = rate(self.ratings, known[::apart])

    def _count(self, pair: tuple[str, str], games: float, points: float) -> None:
        before, had = self.payoffs.get(pair, (0.0, 0.0))
        total, left = before + games, 1.0
        if POLICY in pair and total > WINDOW:
            left = WINDOW / total
        self.payoffs[pair] = (total * left, (had + points) * left)

    def _games(self, who: Array, ranks: Array, names: Mapping[int, str]) -> Iterator[tuple[list[str], list[float]]]:
        """Yield the sides that took part in each game, where there are several whose names are known."""
        for sides, places in zip(who.tolist(), ranks.tolist(), strict=True):
            there = [(names[k], rank) for k, rank in zip(sides, places, strict=True) if k in names and rank == rank]
            if len({name for name, _ in there}) > 1:
                yield [name for name, _ in there], [rank for _, rank in there]

    def metrics(self, full: bool) -> dict[str, float]:
        """Return ratings and win rates; with `full`, the payoffs between all."""
        own = self.ratings[POLICY]
        found = {"league/rating": own.mu, "league/uncertainty": own.sigma, "league/members": float(len(self.members))}
        for member, points in zip(self.members, self.rates(), strict=True):
            found[f"league/win_rate/{member.name}"] = float(points)
            found[f"league/rating/{member.name}"] = self.ratings[member.name].mu
        if full:
            found |= {f"league/payoff/{a}/{b}": p / games for (a, b), (games, p) in self.payoffs.items() if games > 0}
        return found

    def state(self) -> dict[str, Any]:
        """Return all of it but the policies, fit for JSON."""
        return {
            "members": [
                {"name": m.name, "serial": m.serial, "steps": m.steps, "state": None if m.data else m.acting.state()}
                for m in self.members
            ],
            "ratings": {name: list(rating) for name, rating in self.ratings.items()},
            "payoffs": [[*pair, *score] for pair, score in self.payoffs.items()],
            "serials": self.serials,
            "games": self.games,
            "updates": self.updates,
            "steps": self.steps,
            "legs": self.legs.state(),
        }


def read_pool(state: Any, name: str) -> tuple[Pool, list[dict[str, Any]]]:
    """Return a pool without members, from what `Pool.state` returned, and what it says of its members.

    Raises:
        FileError: it is damaged.
    """
    try:
        entries = [
            {"name": str(e["name"]), "serial": int(e["serial"]), "steps": int(e["steps"]), "state": e["state"]}
            for e in state["members"]
        ]
        ratings = {str(key): Rating(float(mu), float(sigma)) for key, (mu, sigma) in state["ratings"].items()}
        payoffs = {(str(a), str(b)): (float(games), float(p)) for a, b, games, p in state["payoffs"]}
        counts = {key: int(state[key]) for key in ("serials", "games", "updates", "steps")}
        legs = read_legs(state["legs"]) if "legs" in state else Legs()
        pool = Pool([], ratings, payoffs, **counts, legs=legs)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise FileError(f"{name} is damaged: its league lacks or holds what cannot be ({error})") from None
    numbers = [*itertools.chain(*ratings.values()), *itertools.chain(*payoffs.values())]
    serials = {entry["serial"] for entry in entries}
    names = {entry["name"] for entry in entries}
    if (
        not np.isfinite(numbers).all()
        or any(rating.sigma <= 0 for rating in ratings.values())
        or len(serials) != len(entries)
        or len(names) != len(entries)
        or len(entries) > MAX_MEMBERS
        or min(pool.updates, pool.steps) < 0
        or not all(0 < serial <= pool.serials for serial in serials)
        or names | {POLICY} != ratings.keys()
        or not {name for pair in payoffs for name in pair} <= ratings.keys()
    ):
        raise FileError(f"{name} is damaged: its league holds what cannot be")
    return pool, entries
