"""`eval`: the mean return of a trained agent, a scripted bot or random play, with its confidence interval."""

import json
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import tyro

from puffer_arena.batch.batch import SPLITS, Batch, make
from puffer_arena.batch.rows import mean_returns
from puffer_arena.batch.seats import belongs, check_role, outcomes, seats
from puffer_arena.cli.options import read_pairs
from puffer_arena.cli.players import Player, chance, find_checkpoint, opponent, scripted, trained, versus
from puffer_arena.core.errors import ParameterError
from puffer_arena.core.fields import Array
from puffer_arena.core.registry import load_env

MAX_ROWS = 512
RESAMPLES = 2_000
LEVELS = {"train": "training levels", "held_out": "held-out levels"}


@dataclass
class Options:
    """Measure the mean return on training levels and on held-out ones, which training never sees.

    Every row plays the same number of episodes, so that short episodes do not count for more than long ones.  The
    intervals hold 95% of bootstrap means.

    Examples:
        python -m puffer_arena eval snake --bot greedy
        python -m puffer_arena eval snake --checkpoint newest
        python -m puffer_arena eval maze --checkpoint runs/maze-20261120-120000 --episodes 2000
        python -m puffer_arena eval cartpole --random --json
        python -m puffer_arena eval striker --checkpoint newest --opponent footballer
    """

    env: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="ENV")]
    """An id of `list`, a dotted module, or a path to a .py file."""
    checkpoint: str = ""
    """A checkpoint's file, or a run's folder or name for its newest checkpoint."""
    bot: str = ""
    """A scripted bot of the environment."""
    random: bool = False
    """Random actions."""
    opponent: str = ""
    """Who steers the other side where agents are of several roles: a scripted bot, a checkpoint or run, or random."""
    role: str = ""
    """The role that the player takes against its opponent; each in turn by default."""
    episodes: int = 1000
    """Episodes on each kind of levels, rounded up to the same number for every row."""
    deterministic: bool = False
    """Take the likeliest action instead of drawing one."""
    max_steps: int = 1_000_000
    """Give up when the episodes have not ended after so many steps of every row."""
    seed: int = 1
    """Of levels and actions."""
    param: tyro.conf.UseAppendAction[tuple[str, ...]] = ()
    """A parameter of the environment as name=value; may be repeated.  A checkpoint brings its own."""
    runs_dir: str = "runs"
    """Where run folders are."""
    json: bool = False
    """Print one JSON object instead of a table."""


@dataclass
class Sample:
    """What the episodes of one kind of levels gave: name -> one number per episode."""

    columns: dict[str, Array]

    @property
    def episodes(self) -> int:
        return len(self.columns["length"])


def run(options: Options) -> int:
    """Print the table or the JSON."""
    if options.episodes < 2 or options.max_steps < 1:
        raise ParameterError("--episodes is at least 2 and --max-steps at least 1")
    if options.seed < 0:
        raise ParameterError(f"--seed is {options.seed}; it is at least 0")
    player = find_player(options)
    params = player.params | read_pairs(options.param, "--param")
    samples = {split: play(options, split, params, player) for split in SPLITS}
    if options.json:
        print(json.dumps({"env": options.env, "player": player.name, **{s: summarize(v) for s, v in samples.items()}}))
    else:
        print(format_table(options.env, player.name, samples))
    return 0


def find_player(options: Options) -> Player:
    """Return who plays, with its opponent where there is one.

    Raises:
        ParameterError, UnknownName: not exactly one player; or no such bot, run, role or opponent.
        FileError: a checkpoint is damaged.
    """
    if sum((bool(options.checkpoint), bool(options.bot), options.random)) != 1:
        raise ParameterError("say who plays, once: --checkpoint RUN, --bot NAME or --random")
    if options.random:
        player = chance(options.seed)
    elif options.bot:
        player = scripted(options.bot)
    else:
        path = find_checkpoint(options.checkpoint, options.runs_dir)
        player = trained(path, options.env, options.seed, options.deterministic)
    if not options.opponent:
        if options.role:
            raise ParameterError("--role says whom the player steers; name its --opponent too")
        return player
    check_role(load_env(options.env), options.role)
    other = opponent(options.opponent, options.env, options.runs_dir, options.seed + 1, options.deterministic)
    return versus(player, other, options.role)


def play(options: Options, split: str, params: dict[str, Any], player: Player) -> Sample:
    """Play until every row has ended its share of the episodes.

    Raises:
        ParameterError: the episodes do not end in `max_steps`.
    """
    rows = min(options.episodes, MAX_ROWS)
    share = -(-options.episodes // rows)
    with make(options.env, num_envs=rows, seed=options.seed, split=split, **params) as batch:
        choose, forget = player.prepare(batch)
        mine = seats(batch, options.role) if options.opponent else np.zeros((rows, 0), np.bool_)
        kept, sides = [], []
        counted = np.zeros(rows, np.int64)
        for _ in range(options.max_steps):
            batch.step(choose(batch))
            finished = batch.finished
            new = (finished["episodes"] > counted) & (counted < share)
            kept.append(finished[new])
            sides.append(mine[new])
            counted = finished["episodes"].copy()
            forget(batch.terminated | batch.truncated)
            if counted.min() >= share:
                break
        else:
            raise ParameterError(
                f"{int((counted < share).sum())} of {rows} rows have not ended {share} episodes after "
                f"{options.max_steps} steps; raise --max-steps"
            )
        episodes = np.concatenate(kept)
        results = _of_sides(batch, episodes, np.concatenate(sides)) if options.opponent else _of_roles(batch, episodes)
        counters = {name: episodes[name] for name in batch.env.counters}
        return Sample({**results, "length": episodes["episode_length"].astype(np.float64), **counters})


def _of_roles(batch: Batch, episodes: Array) -> dict[str, Array]:
    """Return the returns under their names for people; with several agents one column a role, of those who took part."""
    returns = episodes["episode_return"]
    if not batch.num_agents:
        return {"return": returns}
    every = {role: mean_returns(returns, belongs(batch, role)) for role in batch.env.agents}
    return {f"return of {role}": column for role, column in every.items() if len(column)}


def _of_sides(batch: Batch, episodes: Array, mine: Array) -> dict[str, Array]:
    """Return the returns of both sides, and who won where the environment keeps scores."""
    returns, outcome = episodes["episode_return"], outcomes(batch, episodes, mine)
    named = {
        "return": mean_returns(returns, mine),
        "opponent's return": mean_returns(returns, ~mine),
    }
    if outcome is not None:
        named |= {"won": outcome > 0, "drawn": outcome == 0, "lost": outcome < 0}
    return {name: column.astype(np.float64) for name, column in named.items()}


def bootstrap(values: Array, seed: int = 0) -> tuple[float, float]:
    """Return the bounds within which 95% of the means of resampled values lie."""
    rng = np.random.default_rng(seed)
    means = [values[rng.integers(len(values), size=len(values))].mean() for _ in range(RESAMPLES)]
    low, high = np.quantile(means, (0.025, 0.975))
    return float(low), float(high)


def summarize(sample: Sample) -> dict[str, Any]:
    """Return mean and interval of every column, for JSON."""
    result: dict[str, Any] = {"episodes": sample.episodes}
    for name, values in sample.columns.items():
        low, high = bootstrap(values)
        result[name.replace(" ", "_")] = {"mean": float(values.mean()), "low": low, "high": high}
    return result


def format_table(env: str, player: str, samples: dict[str, Sample]) -> str:
    """Return means with their intervals, one line a number and one column a kind of levels."""
    first = next(iter(samples.values()))
    width = max(len(name) for name in first.columns)
    lines = [f"{env}, played by {player}", ""]
    lines.append(" " * width + "".join(f"  {LEVELS[split]:>32}" for split in samples))
    for name in first.columns:
        cells = []
        for sample in samples.values():
            values = sample.columns[name]
            low, high = bootstrap(values)
            cells.append(f"  {values.mean():>12.3f}  [{low:.3f}, {high:.3f}]".ljust(34))
        lines.append(name.ljust(width) + "".join(f"  {cell.strip():>32}" for cell in cells))
    episodes = ", ".join(f"{sample.episodes} on {LEVELS[split]}" for split, sample in samples.items())
    lines += ["", f"mean [95% bootstrap interval]; episodes: {episodes}"]
    return "\n".join(lines)
