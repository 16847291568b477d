"""How good a bot is: played on held-out levels, with chance and the scripted bot beside it."""

from collections.abc import Iterable, Mapping
from typing import Any

from puffer_arena.batch.make import make
from puffer_arena.bots.bot import Bot
from puffer_arena.core.fields import Array
from puffer_arena.players.bots import bot_player
from puffer_arena.players.calibrate import rating_of, returns_of, share_of
from puffer_arena.players.evaluate import Sample, Told, evaluate, summarize
from puffer_arena.players.player import Player, chance, scripted, versus
from puffer_arena.registry import load_env


def measure_strength(
    env: str, bot: Bot, episodes: int, meets: bool, seed: int = 5, told: Told | None = None
) -> dict[str, Any]:
    """Return how good a bot is, as it stands in its file.

    Args:
        env: the game.
        meets: each plays against the scripted bot, for points; else each plays all roles by itself, for returns.
        seed: of levels and actions.
        told: see `evaluate`.

    Returns:
        "episodes", and mean, low and high of every column (see `Sample`; with `points`, where they meet); the same of
        "random" and "scripted" as "beside"; "rating" on Elo's scale beside whom "rated_beside" names, who has 0.
    """
    bots = list(load_env(env).bots)
    players = {"trained": bot_player(bot, env, seed), "random": chance(seed)}
    if bots:
        players["scripted"] = scripted(bots[0])
    met = bots[0] if meets and bots else ""
    params = dict(bot.about["params"])
    samples = {name: _play(env, player, met, episodes, params, seed, told) for name, player in players.items()}
    columns = {name: _columns(sample) for name, sample in samples.items()}
    own, other = samples["trained"], samples["scripted" if bots else "random"]
    share = float(own.columns["points"].mean()) if met else share_of(returns_of(own), returns_of(other))
    return {
        "episodes": own.episodes,
        "levels": "held out",
        **columns.pop("trained"),
        "rating": round(rating_of(share), 1),
        "rated_beside": f"bot:{bots[0]}" if bots else "random",
        "beside": columns,
    }


def measure_of(columns: Iterable[str]) -> str:
    """Return the column that says how good a player is: points, or the return, of several roles the first one's."""
    return next(name for name in columns if name == "points" or name.startswith("return"))


def _play(
    env: str, player: Player, met: str, episodes: int, params: dict[str, Any], seed: int, told: Told | None
) -> Sample:
    """Play held-out episodes, against a scripted bot where one is named."""
    if not met:
        return evaluate(env, player, episodes, seed=seed, params=params, told=told)
    pair = versus(player, scripted(met), "")
    columns = evaluate(env, pair, episodes, seed=seed, params=params, side="", told=told).columns
    with make(env, num_envs=1, **params) as batch:
        return Sample({"points": points_of(columns, batch.num_agents), **columns})


def points_of(columns: Mapping[str, Array], agents: int) -> Array:
    """Return the points of episodes against others, of columns that `evaluate` gives: 1 for a win, 1/2 for a draw.

    Where each of some agents plays all, they are the part of the others that is left behind.
    """
    if "won" in columns:
        return columns["won"] + 0.5 * columns["drawn"]
    return 1.0 - (columns["rank"] - 1.0) / (agents - 1)


def _columns(sample: Sample) -> dict[str, Any]:
    """Return mean and interval of every column."""
    return {
        name: {"mean": mean, "low": bounds.low, "high": bounds.high}
        for name, (mean, bounds) in summarize(sample).items()
    }
