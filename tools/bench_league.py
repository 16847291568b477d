"""Opponents and teams: python tools/bench_league.py cost [--env tag] [--members 8] [--rounds 8]
                     python tools/bench_league.py teams [--env tag] [--seeds 5] [--steps 500_000]
                     python tools/bench_league.py evidence [--env striker] [--seeds 5] [--steps 20_000_000]
                                                           [--snapshot-steps 2_000_000]
                     python tools/bench_league.py apart [--env tag] [--steps 500_000]

`cost` trains with the same settings by pure self-play and against a pool of snapshots, update by update in turn, and
prints steps against the pool as a share of those of self-play, by wall time and by the time that all cores spent, medians
of pairs: where the pool has the other side in half of the environments, as is the default, and in all of them.

`teams` trains tag's chasers against the scripted runners, or twenty pistons that are all given what the team is, with each
agent's own view in its critic (IPPO) and with the global state and normalized values (MAPPO), for the same steps, and
prints an agent's return on held-out levels, with intervals over seeds, and the differences of pairs of a seed.

`evidence` trains by self-play, against the latest snapshot, and against a pool drawn uniformly and by win rates, for the
same steps; prints a tournament of the four, what each wins against opponents that none has met, a scripted bot and the bot
that comes with the game where it fits, and how far an exploiter of as many steps as `--exploit` gets against it; on one core.
Pools take a snapshot at the win rate that is their default, or after `--snapshot-steps`.  The games are striker, striker2
(two a side), tag and connect4 (against alpha-beta of depth 4).

`apart` prints the same figures for chance, the scripted bot and a policy after a short self-play: how far they tell
players apart.

In tag chasers come out ahead whoever they are.  There a game is two legs, one as each role, won by the greater return over
both; and the return and the steps of a game are told for each role.
"""

import argparse
import itertools
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from measure import machine, report

from puffer_arena.batch.seats import legs
from puffer_arena.players.evaluate import evaluate
from puffer_arena.players.intervals import interval
from puffer_arena.players.names import find_player
from puffer_arena.players.player import Player, chance, scripted, versus
from puffer_arena.players.tournament import Match, results_of, standings
from puffer_arena.registry import load_env
from puffer_arena.trainers.algorithms.algorithm import Algorithm
from puffer_arena.trainers.config import load_config
from puffer_arena.trainers.networks.policy import policy_bytes
from puffer_arena.trainers.playing import actor_player
from puffer_arena.trainers.trainer import make_trainer

EPISODES = 512
WANTED = 0.75  # of self-play's steps/s


def make(env: str, members: int, share: float, **overrides: Any) -> Algorithm:
    """Make a run's trainer, its pool full of snapshots; without members it plays itself."""
    pool = {"opponent.pool": "self" if members else "", "opponent.keep": max(members, 1), "opponent.share": share}
    pool |= {"opponent.draw": "uniform", "opponent.snapshot_rate": 1.0, "opponent.snapshot_steps": 0}
    trainer: Any = make_trainer(load_config(env, overrides={**pool, **overrides}))
    for k in range(members):
        trainer.opponent.pool.steps = k
        trainer.opponent.snapshot()
    return trainer  # type: ignore[no-any-return]  # an Algorithm, whose pool was filled above


def cost(env: str, members: int, rounds: int) -> None:
    """Print the price of a pool."""
    trainers = {"self-play": make(env, 0, 0.5), "half": make(env, members, 0.5), "all": make(env, members, 1.0)}
    clocks = {"wall time": time.perf_counter, "cores' time": time.process_time}
    rates: dict[str, dict[str, list[float]]] = {clock: {name: [] for name in trainers} for clock in clocks}
    for k in range(rounds + 2):
        for name, trainer in trainers.items():
            before, begun = trainer.steps, {clock: read() for clock, read in clocks.items()}
            trainer.update()
            for clock, read in clocks.items():
                if k >= 2:  # compiled, and episodes end
                    rates[clock][name].append((trainer.steps - before) / (read() - begun[clock]))
    print(f"{env}: {statistics.median(rates['wall time']['self-play']):,.0f} steps/s by self-play; {machine()}")
    for name, clock in itertools.product(("half", "all"), clocks):
        shares = [a / b for a, b in zip(rates[clock][name], rates[clock]["self-play"], strict=True)]
        middle = statistics.median(shares)
        spread = f"{middle:.2f} ({min(shares):.2f}-{max(shares):.2f}) of self-play's steps by {clock}"
        report(f"{members} opponents in {name} of the environments", spread, f">= {WANTED}", middle >= WANTED)
    for trainer in trainers.values():
        trainer.close()


TEAMS: dict[str, dict[str, Any]] = {
    "pistons": {"params": {"local": 0.0}},
    "tag": {"opponent.pool": "bot:hunt", "opponent.share": 1.0, "opponent.role": "chaser", "num_envs": 512},
}
CRITICS: dict[str, dict[str, Any]] = {
    "IPPO": {"network.critic": "separate"},
    "MAPPO": {"network.critic": "state", "ppo.normalize_values": True, "ppo.normalize_rewards": False},
}


def teams(env: str, seeds: int, steps: int) -> None:
    """Print what a team learns with either critic, and how much more with the global state, seed by seed."""
    role: str | None = TEAMS[env].get("opponent.role")
    print(f"{env}: {steps:,} steps, {seeds} seeds; {machine()}")
    found: dict[str, list[float]] = {name: [] for name in CRITICS}
    for seed, (name, settings) in itertools.product(range(seeds), CRITICS.items()):
        begun = time.process_time()
        trainer = make_trainer(
            load_config(env, overrides={**TEAMS[env], **settings, "seed": seed, "total_steps": steps})
        )
        while not trainer.finished:
            trainer.update()
        player = actor_player(trainer.actor())
        trainer.close()
        met = player if role is None else versus(player, scripted("hunt"), role)
        means = evaluate(env, met, EPISODES, side=role, params=TEAMS[env].get("params")).means
        found[name].append(next(value for column, value in means.items() if column.startswith("return")))
        print(f"      seed {seed} {name:<6} {told(means)}; {time.process_time() - begun:.0f} s of a core", flush=True)
    for name, values in found.items():
        report(f"{name}: return of an agent", over_seeds(values))
    more = [b - a for a, b in zip(found["IPPO"], found["MAPPO"], strict=True)]
    high = interval(np.array(more), rate=False)[1]
    report("MAPPO less IPPO, pairs of a seed", over_seeds(more), "not below 0", high >= 0)


def over_seeds(values: list[float]) -> str:
    """Return the mean of seeds with its 95% interval."""
    low, high, _ = interval(np.array(values), rate=False)
    return f"{statistics.mean(values):.3f} [{low:.3f}, {high:.3f}]"


class Game(NamedTuple):
    """A game of `evidence`: whom nobody meets in training, the first of whom is scripted."""

    env: str
    params: dict[str, Any]
    held_back: tuple[str, ...]


GAMES = {
    "striker": Game("striker", {"team": 1}, ("bot:footballer", "arena:striker")),
    "striker2": Game("striker", {"team": 2}, ("bot:footballer",)),  # the bundled bot plays one a side
    "tag": Game("tag", {}, ("bot:hunt", "arena:tag")),
    "connect4": Game("connect4", {"depth": 4}, ("bot:search", "arena:connect4")),
}
LEAGUES: dict[str, dict[str, Any]] = {
    "self-play": {"opponent.pool": ""},
    **{draw: {"opponent.pool": "self", "opponent.draw": draw} for draw in ("latest", "uniform", "pfsp")},
}


def learn(game: Game, steps: int, seed: int, **settings: Any) -> Player:
    """Train for some steps, and return what was learned."""
    given = {"seed": seed, "total_steps": steps, "params": game.params, "threads": 1, **settings}
    trainer = make_trainer(load_config(game.env, overrides=given))
    while not trainer.finished:
        trainer.update()
    player = actor_player(trainer.actor())
    trainer.close()
    return player


def meet(game: Game, a: Player, b: Player, side: str = "") -> tuple[int, ...]:
    """Return the results of `a` in EPISODES games against `b`, as one role or as each in turn."""
    each = legs(load_env(game.env), side)
    return results_of(evaluate(game.env, versus(a, b, side), EPISODES * each, params=game.params, side=side), each)


def figures_of(game: Game, player: Player) -> dict[str, float]:
    """Return what tells how good a player is against those held back."""
    found = {}
    env = load_env(game.env)
    for name in game.held_back:
        other = find_player(name, game.env)
        if legs(env) > 1:
            found[f"points against {name}"] = 0.5 + 0.5 * statistics.mean(meet(game, player, other))
        for role in env.agents:
            if legs(env) > 1:
                pair = versus(player, other, role)
                means = evaluate(game.env, pair, EPISODES, params=game.params, side=role).means
                found[f"return as {role} against {name}"] = means["return"]
                found[f"steps as {role} against {name}"] = means["length"]
            else:
                found[f"points as {role} against {name}"] = 0.5 + 0.5 * statistics.mean(meet(game, player, other, role))
    return found


def exploit(game: Game, player: Player, steps: int, seed: int) -> float:
    """Return the mean result of who learned to beat a player alone, against it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "it"
        path.write_bytes(policy_bytes(player.policy))
        settings = {"opponent.pool": str(path), "opponent.share": 1.0, "opponent.role": ""}
        found = learn(game, steps, seed + 1000, **settings)
    return statistics.mean(meet(game, found, player))


def evidence(name: str, seeds: int, steps: int, exploiting: int, snapshot_steps: int) -> None:
    """Print what leagues bring."""
    game = GAMES[name]
    print(f"{name}: {steps:,} steps, {exploiting:,} of exploiters, {seeds} seeds; {machine()}")
    pools = {"opponent.snapshot_steps": snapshot_steps}
    figures: dict[str, dict[str, list[float]]] = {name: {} for name in LEAGUES}
    for seed in range(seeds):
        players, begun = {}, time.perf_counter()
        for league, settings in LEAGUES.items():
            players[league] = learn(game, steps, seed, **pools, **settings)
        matches = [Match(a, b, meet(game, players[a], players[b])) for a, b in itertools.combinations(LEAGUES, 2)]
        for standing in standings([*LEAGUES], matches, seed):
            player = players[standing.name]
            found = {"rating": standing.rating.mu, **figures_of(game, player)}
            found["exploitability"] = exploit(game, player, exploiting, seed)
            for what, value in found.items():
                figures[standing.name].setdefault(what, []).append(value)
            print(f"      seed {seed} {standing.name:<10} {told(found)}", flush=True)
        print(f"      seed {seed} took {time.perf_counter() - begun:.0f} s", flush=True)
    for league, own in figures.items():
        for what, values in own.items():
            report(f"{league}: {what}", over_seeds(values))


def apart(name: str, steps: int) -> None:
    """Print what `evidence` measures of chance, the scripted bot and a policy that learned for a short time."""
    game = GAMES[name]
    print(f"{name}: {steps:,} steps of self-play; {machine()}")
    begun = time.process_time()
    players = {"chance": chance(0), game.held_back[0]: find_player(game.held_back[0], game.env)}
    players["self-play"] = learn(game, steps, 0, **LEAGUES["self-play"])
    print(f"      learned in {time.process_time() - begun:.0f} s of a core", flush=True)
    for player, found in ((player, figures_of(game, found)) for player, found in players.items()):
        print(f"      {player:<10} {told(found)}", flush=True)
    for a, b in itertools.combinations(players, 2):
        results = meet(game, players[b], players[a])
        low, high, _ = interval(0.5 + 0.5 * np.array(results, np.float64))
        report(f"points of {b} against {a}", f"{0.5 + 0.5 * statistics.mean(results):.3f} [{low:.3f}, {high:.3f}]")


def told(figures: dict[str, float]) -> str:
    """Return figures by their names in one line."""
    return ", ".join(f"{what} {value:.3f}" for what, value in figures.items())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("what", choices=["cost", "teams", "evidence", "apart"])
    parser.add_argument("--env", default="tag")
    parser.add_argument("--members", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=500_000)
    parser.add_argument("--exploit", type=int, default=0, help="steps of exploiters; half of --steps by default")
    parser.add_argument("--snapshot-steps", type=int, default=2_000_000, help="most steps between two snapshots")
    given = parser.parse_args()
    known = {"teams": TEAMS, "evidence": GAMES, "apart": GAMES}.get(given.what)
    if known is not None and given.env not in known:
        parser.error(f"{given.what} is of {', '.join(known)}")
    if given.what == "cost":
        cost(given.env, given.members, given.rounds)
    elif given.what == "teams":
        teams(given.env, given.seeds, given.steps)
    elif given.what == "apart":
        apart(given.env, given.steps)
    else:
        evidence(given.env, given.seeds, given.steps, given.exploit or given.steps // 2, given.snapshot_steps)


if __name__ == "__main__":
    main()
