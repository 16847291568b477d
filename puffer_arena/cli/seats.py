"""`play --seats`: who sits where, who may be swapped in, and how good a person is on this machine."""

import contextlib
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from puffer_arena.cli.people import MOST_LEGS, Legs, add_round, read_legs, write_legs
from puffer_arena.errors import ParameterError
from puffer_arena.machine.files import read_json_table, write_bytes
from puffer_arena.players.names import bundled, find_player
from puffer_arena.players.player import Acting, Player
from puffer_arena.players.ratings import Rating, expected, rate
from puffer_arena.registry import env_name, load_env
from puffer_arena.trainers.runs.find import last_written, portable
from puffer_arena.trainers.runs.log import find_checkpoints

if TYPE_CHECKING:
    from puffer_arena.batch.batch import Batch
    from puffer_arena.core.fields import Array
    from puffer_arena.render.play.match import Choose, Match, Sitter

HUMAN, AUTO = "human", "auto"
CONFIG = "config.json"  # of a run, in its folder
ROUNDS = "rounds.json"  # beside the ratings
LEVELS = 11  # of difficulty, 0 to 10
MOST_SEATS = 64
MAX_BYTES = 1_000_000  # of the file
MOST_NAMES = 1000  # in it


def build_match(
    batch: "Batch", env: str, seats: str, rounds: int, runs_dir: str, seed: int, ratings: "Ratings"
) -> "Match":
    """Return the match that --seats means.

    Args:
        seats: names with commas between, one for each agent or for each side.

    Raises:
        ParameterError: other numbers of seats than the game has.
        ArenaError: see `find_player`.
    """
    from puffer_arena.render.play.match import Match, Sitter

    names = [full_name(name.strip(), env, ratings) for name in seats.split(",")]
    if not 1 <= len(names) <= MOST_SEATS or not all(names):
        raise ParameterError(f"--seats {seats!r}: write who sits where with commas between, such as human,arena@5")
    if not batch.num_agents:
        raise ParameterError(f"'{batch.env.name}' has one agent; seats are for games of several")
    known: dict[str, Sitter] = {HUMAN: Sitter(HUMAN)}
    others = [*names, *(f"bot:{bot}" for bot in load_env(env).bots)]
    for name in dict.fromkeys(others):
        if name != HUMAN:
            known[name] = Sitter(name, seat(find_player(name, env, runs_dir, seed)))
    people = names.count(HUMAN)
    if len(names) == batch.num_agents and people > 4:
        raise ParameterError(f"--seats has {people} people; up to four play on one machine")
    return Match(batch, [known[name] for name in names], [*known.values()], rounds, ratings)


def bundled_name(env: str) -> str:
    """Return the name of the trained bot that comes with a game."""
    return f"arena:{env_name(env)}"


def full_name(name: str, env: str, ratings: "Ratings") -> str:
    """Return a seat's name as players are named: "arena@5" is the bot that comes with the game, "auto" one of your strength."""
    if name == AUTO:
        return f"{bundled_name(env)}@{ratings.even_level(f'{bundled_name(env)}@')}"
    kind, at, level = name.partition("@")
    return f"{bundled_name(env)}{at}{level}" if kind == "arena" else name


def seat(player: Player) -> "Choose":
    """Return a player as a game takes it, which may put it in front of one batch after another."""
    sitting: list[tuple[Batch, Acting]] = []

    def choose(batch: "Batch") -> "Array":
        if not sitting or sitting[0][0] is not batch:
            sitting[:] = [(batch, player.prepare(batch))]
        acting = sitting[0][1]
        acting.forget(batch.began)
        return acting.choose(batch)

    return choose


def later(name: str, env: str, runs_dir: str, seed: int = 0) -> "Choose":
    """Return a player as a game takes it, who is looked up when first asked."""
    found: list[Choose] = []

    def choose(batch: "Batch") -> "Array":
        if not found:
            found.append(seat(find_player(name, env, runs_dir, seed)))
        return found[0](batch)

    return choose


def list_sitters(env: str, runs_dir: str, first: str | None = None, run: Path | None = None) -> "list[Sitter]":
    """Return who can play on from a picture: scripted bots, the newest policy of a run, the bot that comes along.

    Args:
        env: the game, as a person named it.
        runs_dir: where run folders are.
        first: a player who comes before all others.
        run: the folder of the run whose policy is among them.
    """
    from puffer_arena.render.play.match import Sitter, scripted

    named = [] if first is None else [Sitter(first, later(first, env, runs_dir))]
    known = [*named, *scripted(load_env(env))]
    if run is not None:
        known.append(Sitter(f"newest policy of {run.name}", newest(run, env, runs_dir)))
    if env_name(env) in bundled():
        known.append(Sitter(bundled_name(env), later(bundled_name(env), env, runs_dir)))
    return known


def newest_run(env: str, runs_dir: str) -> Path | None:
    """Return the folder of the newest run in a game that has saved a checkpoint, None where there is none."""
    folders = [path.parent for path in Path(runs_dir).glob(f"*/{CONFIG}")]
    own = [
        f for f in folders if read_json_table(f / CONFIG, MAX_BYTES).get("env") == portable(env) and find_checkpoints(f)
    ]
    return max(own, key=last_written, default=None)


def newest(run: Path, env: str, runs_dir: str) -> "Choose":
    """Return the newest policy of a run as a game takes it: a batch after the other, the newest at its beginning."""
    sitting: list[tuple[Batch, Choose]] = []

    def choose(batch: "Batch") -> "Array":
        if not sitting or sitting[0][0] is not batch:
            sitting[:] = [(batch, seat(find_player(str(run), env, runs_dir, 0)))]
        return sitting[0][1](batch)

    return choose


class Ratings:
    """What rounds on this machine say of a person and of those whom the person met, in one game.

    Args:
        key: of the game in the file.
        path: the file; None keeps nothing.

    Attributes:
        legs: rounds that wait for one as the other role against the same opponent, one for each.
    """

    def __init__(self, key: str, path: Path | None) -> None:
        self._key, self._path = key, path
        self.table: dict[str, Rating] = {} if path is None else read_ratings(path).get(key, {})
        self.legs: Legs = {} if path is None else read_legs(path.with_name(ROUNDS)).get(key, {})

    def note(self, names: list[str], places: list[float]) -> str:
        """Take in a round, one name a side, where people met others; return what it says of the person.

        A file that cannot be written loses the rating with the program, and nothing else.
        """
        if HUMAN not in names or len(set(names)) < 2:
            return ""
        for name in names:
            self.table.setdefault(name, prior(name))
        self.table = rate(self.table, [(names, places)])
        if self._path is not None:
            with contextlib.suppress(OSError):
                write_ratings(self._path, self._key, self.table)
                add_round(self._path.with_name(ROUNDS), self._key, names, places, self.legs)
        own = self.table[HUMAN]
        return f"your rating {own.mu:.1f} ± {own.mu - own.interval[0]:.1f}"

    def pair(self, other: str, side: int, ahead: float) -> float | None:
        """Return by how much the person was ahead over both legs; None after the first, which waits, here and in the file.

        Args:
            other: the opponent.
            side: the person's.
            ahead: by how much the person was ahead in this one.
        """
        before = self.legs.pop((other, 1 - side), None)
        if before is not None:
            return before + ahead
        self.legs.pop((other, side), None)
        self.legs = dict([*self.legs.items(), ((other, side), ahead)][-MOST_LEGS:])
        if self._path is not None:
            with contextlib.suppress(OSError):
                write_legs(self._path.with_name(ROUNDS), self._key, self.legs)
        return None

    def even_level(self, prefix: str) -> int:
        """Return the difficulty at which a game against a bot is most open."""
        own = self.table.get(HUMAN, Rating())
        others = [self.table.get(f"{prefix}{level}", prior(f"{prefix}{level}")) for level in range(LEVELS)]
        return min(range(LEVELS), key=lambda level: abs(expected(own, others[level]) - 0.5))


def prior(name: str) -> Rating:
    """Return what is thought of somebody before the first round: a bot is the better the higher its level."""
    level = name.rpartition("@")[2]
    known = name.startswith("arena:") and level.isascii() and level.isdigit()
    return Rating(Rating().mu + 2.0 * (int(level) - LEVELS // 2)) if known else Rating()


def read_ratings(path: Path) -> dict[str, dict[str, Rating]]:
    """Return what a file holds; a file that is damaged holds nothing."""
    games = read_json_table(path, MAX_BYTES)
    return {key: _ratings(kept) for key, kept in games.items() if isinstance(kept, dict)}


def _ratings(kept: Mapping[str, Any]) -> dict[str, Rating]:
    pairs = {name: pair for name, pair in kept.items() if isinstance(pair, list) and len(pair) == 2}
    sound = {
        name: pair
        for name, pair in pairs.items()
        if all(isinstance(number, int | float) and math.isfinite(number) for number in pair) and 0 < pair[1] < 1e3
    }
    return {
        name: Rating(float(mu), float(sigma)) for name, (mu, sigma) in [*sound.items()][:MOST_NAMES] if abs(mu) < 1e4
    }


def write_ratings(path: Path, key: str, table: Mapping[str, Rating]) -> None:
    """Put one game's ratings into the file: beside it, then renamed.

    Raises:
        OSError: it cannot be written; the file is as it was.
    """
    games = {**read_ratings(path), key: dict(table)}
    path.parent.mkdir(parents=True, exist_ok=True)
    data = {game: {name: list(rating) for name, rating in kept.items()} for game, kept in games.items()}
    write_bytes(path, json.dumps(data, indent=1).encode())
