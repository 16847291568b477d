"""Opponents and teams: python tools/bench_league.py cost [--env tag] [--members 8] [--rounds 8]
                     python tools/bench_league.py teams [--seeds 3] [--steps 500_000]
                     python tools/bench_league.py evidence [--env striker] [--seeds 5] [--steps 20_000_000]

`cost` trains with the same settings by pure self-play and against a pool of snapshots, update by update in turn, and
prints steps/s against the pool as a share of those of self-play, medians of pairs: where the pool has the other side in half of
the environments, as is the default, and in all of them.  `teams` trains tag's chasers against the scripted runners with each
agent's own view in its critic (IPPO) and with the global state and normalized values (MAPPO), for the same steps, and
prints the return of a chaser on held-out levels, by seed.  `evidence` trains by self-play, against the latest snapshot, and
against a pool drawn uniformly and by win rates, for the same steps; prints a tournament of the four, what each wins against
a scripted bot that none has met, as each role, and how far an exploiter of as many steps as `--exploit` gets against it; on one core.
Its games are striker, striker2 (two a side), tag and connect4 (against alpha-beta of depth 4).
"""

import argparse
import itertools
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from measure import machine, report

from puffer_arena.players.evaluate import evaluate
from puffer_arena.players.intervals import interval
from puffer_arena.players.player import Player, scripted, versus
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
    rates: dict[str, list[float]] = {name: [] for name in trainers}
    for k in range(rounds + 2):
        for name, trainer in trainers.items():
            rate = trainer.update()["steps_per_second"]
            if k >= 2:  # compiled, and episodes end
                rates[name].append(rate)
    alone = rates.pop("self-play")
    print(f"{env}: {statistics.median(alone):,.0f} steps/s by self-play; {machine()}")
    for name, found in rates.items():
        shares = [a / b for a, b in zip(found, alone, strict=True)]
        middle = statistics.median(shares)
        spread = f"{middle:.2f} ({min(shares):.2f}-{max(shares):.2f}) of self-play's steps/s"
        report(f"{members} opponents in {name} of the environments", spread, f">= {WANTED}", middle >= WANTED)
    for trainer in trainers.values():
        trainer.close()


TEAM: dict[str, Any] = {"opponent.pool": "bot:hunt", "opponent.share": 1.0, "opponent.role": "chaser", "num_envs": 512}
TEAMS: dict[str, dict[str, Any]] = {
    "IPPO": {"network.critic": "separate"},
    "MAPPO": {"network.critic": "state", "ppo.normalize_values": True, "ppo.normalize_rewards": False},
}


def teams(seeds: int, steps: int) -> None:
    """Print what chasers learn with either critic."""
    print(f"tag, chasers against bot:hunt, {steps:,} steps; {machine()}")
    for name, settings in TEAMS.items():
        means = []
        for seed in range(seeds):
            given = {**TEAM, **settings, "seed": seed, "total_steps": steps}
            trainer = make_trainer(load_config("tag", overrides=given))
            while not trainer.finished:
                trainer.update()
            player = versus(actor_player(trainer.actor()), scripted("hunt"), "chaser")
            values = evaluate("tag", player, EPISODES, side="chaser").columns["return"]
            low, high, _ = interval(values)
            means.append(float(values.mean()))
            print(f"      {name:<6} seed {seed}: {values.mean():.3f} [{low:.3f}, {high:.3f}]", flush=True)
            trainer.close()
        report(f"{name}: return of a chaser, mean over seeds", f"{statistics.mean(means):.3f}")


GAMES: dict[str, tuple[str, str, dict[str, Any]]] = {  # id, the bot that nobody meets, parameters
    "striker": ("striker", "footballer", {"team": 1}),
    "striker2": ("striker", "footballer", {"team": 2}),
    "tag": ("tag", "hunt", {}),
    "connect4": ("connect4", "search", {"depth": 4}),
}
LEAGUES: dict[str, dict[str, Any]] = {
    "self-play": {"opponent.pool": ""},
    **{draw: {"opponent.pool": "self", "opponent.draw": draw} for draw in ("latest", "uniform", "pfsp")},
}


def learn(env: str, params: dict[str, Any], steps: int, seed: int, **settings: Any) -> Player:
    """Train for some steps, and return what was learned."""
    given = {"seed": seed, "total_steps": steps, "params": params, "threads": 1, "opponent.share": 0.5, **settings}
    trainer = make_trainer(load_config(env, overrides=given))
    while not trainer.finished:
        trainer.update()
    player = actor_player(trainer.actor())
    trainer.close()
    return player


def meet(env: str, params: dict[str, Any], a: Player, b: Player, side: str = "") -> tuple[int, ...]:
    """Return the results of `a` in EPISODES games against `b`, as one role or as each in turn."""
    return results_of(evaluate(env, versus(a, b, side), EPISODES, params=params, side=side))


def exploit(env: str, params: dict[str, Any], player: Player, steps: int, seed: int) -> float:
    """Return the mean result of who learned to beat a player alone, against it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "it"
        path.write_bytes(policy_bytes(player.policy))
        settings = {"opponent.pool": str(path), "opponent.share": 1.0, "opponent.role": ""}
        found = learn(env, params, steps, seed + 1000, **settings)
    return statistics.mean(meet(env, params, found, player))


def evidence(game: str, seeds: int, steps: int, exploiting: int) -> None:
    """Print what leagues bring."""
    env, bot, params = GAMES[game]
    print(f"{game}: {steps:,} steps, {exploiting:,} of exploiters, {seeds} seeds; {machine()}")
    figures: dict[str, dict[str, list[float]]] = {name: {} for name in LEAGUES}
    for seed in range(seeds):
        players, begun = {}, time.perf_counter()
        for name, settings in LEAGUES.items():
            players[name] = learn(env, params, steps, seed, **settings)
        matches = [
            Match(a, b, meet(env, params, players[a], players[b])) for a, b in itertools.combinations(LEAGUES, 2)
        ]
        for standing in standings([*LEAGUES], matches, seed):
            own, player = figures[standing.name], players[standing.name]
            own.setdefault("rating", []).append(standing.rating.mu)
            for role in load_env(env).agents:
                results = meet(env, params, player, scripted(bot), role)
                own.setdefault(f"points against bot:{bot} as {role}", []).append(0.5 + 0.5 * statistics.mean(results))
            own.setdefault("exploitability", []).append(exploit(env, params, player, exploiting, seed))
            told = ", ".join(f"{what} {values[-1]:.3f}" for what, values in own.items())
            print(f"      seed {seed} {standing.name:<10} {told}", flush=True)
        print(f"      seed {seed} took {time.perf_counter() - begun:.0f} s", flush=True)
    for name, own in figures.items():
        for what, values in own.items():
            low, high, _ = interval(np.array(values), rate=False)
            report(f"{name}: {what}", f"{statistics.mean(values):.3f} [{low:.3f}, {high:.3f}]")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("what", choices=["cost", "teams", "evidence"])
    parser.add_argument("--env", default="tag")
    parser.add_argument("--members", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=500_000)
    parser.add_argument("--exploit", type=int, default=0, help="steps of exploiters; half of --steps by default")
    given = parser.parse_args()
    if given.what == "cost":
        cost(given.env, given.members, given.rounds)
    elif given.what == "teams":
        teams(given.seeds, given.steps)
    else:
        evidence(given.env, given.seeds, given.steps, given.exploit or given.steps // 2)


if __name__ == "__main__":
    main()
