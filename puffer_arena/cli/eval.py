"""`eval`: the mean return of a trained agent, a scripted bot or random play, with its confidence interval."""

import json
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple

import numpy as np
import tyro

from puffer_arena.batch.batch import SPLITS, Batch, make
from puffer_arena.batch.rows import mean_returns
from puffer_arena.batch.seats import belongs, check_role, outcomes, seats
from puffer_arena.cli.options import read_pairs
from puffer_arena.cli.output import Waiting, fill, show, width
from puffer_arena.core.fields import Array
from puffer_arena.errors import ParameterError
from puffer_arena.players.intervals import Interval, interval
from puffer_arena.players.player import Player, chance, find_checkpoint, opponent, scripted, trained, versus
from puffer_arena.registry import load_env

MAX_ROWS = 512
LEVELS = {"train": "training levels", "held_out": "held-out levels"}
MARKS = {"bootstrap-t": "t", "Wilson": "w", "all equal": "="}
LEGEND = {
    "bootstrap-t": "bootstrap-t",
    "Wilson": "Wilson (only two values)",
    "all equal": "all values equal",
}


@dataclass
class Options:
    """Measure the mean return on training levels and on held-out ones, which training never sees.

    Every row plays the same number of episodes, so that short episodes do not count for more than long ones.  The
    95% intervals are Wilson's for rates and other numbers of two values, and bootstrap-t for the rest.

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


class Measure(NamedTuple):
    """A column's mean, and how far it may be off."""

    mean: float
    interval: Interval


def run(options: Options) -> int:
    """Print the table or the JSON."""
    if options.episodes < 2 or options.max_steps < 1:
        raise ParameterError("--episodes is at least 2 and --max-steps at least 1")
    if options.seed < 0:
        raise ParameterError(f"--seed is {options.seed}; it is at least 0")
    player = find_player(options)
    params = player.params | read_pairs(options.param, "--param")
    with Waiting() as waiting:
        samples = {split: play(options, split, params, player, waiting) for split in SPLITS}
    if options.json:
        measured = {split: for_json(sample) for split, sample in samples.items()}
        show(json.dumps({"env": options.env, "player": player.name, **measured}))
    else:
        show(format_table(options.env, player.name, samples, width()))
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


def play(options: Options, split: str, params: dict[str, Any], player: Player, waiting: Waiting) -> Sample:
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
        for step in range(options.max_steps):
            if waiting.due():
                ended = np.minimum(counted, share).sum()
                waiting.tell(f"{LEVELS[split]}: {ended} of {rows * share} episodes have ended after {step:,} steps")
            batch.step(choose(batch))
            finished = batch.finished
            new = (finished["episodes"] > counted) & (counted < share)
            kept.append(finished[new])
            sides.append(mine[new])
            counted = finished["episodes"].copy()
            forget(batch.began)
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


def summarize(sample: Sample) -> dict[str, Measure]:
    """Return mean and interval of every column."""
    # A length is never a rate, even where every episode ends with its first step.
    intervals = {name: interval(values, rate=name != "length") for name, values in sample.columns.items()}
    return {name: Measure(float(sample.columns[name].mean()), bounds) for name, bounds in intervals.items()}


def for_json(sample: Sample) -> dict[str, Any]:
    """Return the number of episodes, and mean and interval of every column."""
    result: dict[str, Any] = {"episodes": sample.episodes}
    for name, (mean, (low, high, kind)) in summarize(sample).items():
        result[name.replace(" ", "_")] = {"mean": mean, "low": low, "high": high, "interval": kind}
    return result


def format_table(env: str, player: str, samples: dict[str, Sample], columns: int) -> str:
    """Return means with their intervals, the kinds of levels beside each other where that fits into `columns`."""
    measured = {LEVELS[split]: summarize(sample) for split, sample in samples.items()}
    names = list(next(iter(measured.values())))
    blocks = [_block(levels, list(measures.values())) for levels, measures in measured.items()]
    labels = ["", *names]
    margin = max(map(len, labels))
    lines = [fill(f"{env}, played by {player}", columns, 4), ""]
    beside = ["   ".join([label.ljust(margin), *cells]) for label, *cells in zip(labels, *blocks, strict=True)]
    if max(map(len, beside)) <= columns:
        lines += beside
    else:
        for block in blocks:
            lines += [f"{label.ljust(margin)}   {cell}" for label, cell in zip(labels, block, strict=True)] + [""]
        lines.pop()
    kinds = {measure.interval.kind for measures in measured.values() for measure in measures.values()}
    legend = ", ".join(f"{mark} {LEGEND[kind]}" for kind, mark in MARKS.items() if kind in kinds)
    episodes = ", ".join(f"{sample.episodes} on {LEVELS[split]}" for split, sample in samples.items())
    notes = (f"mean [95% interval]: {legend}", f"episodes: {episodes}")
    return "\n".join([*(line.rstrip() for line in lines), "", *(fill(note, columns, 4) for note in notes)])


def _block(title: str, measures: list[Measure]) -> list[str]:
    """Return a title and one cell for each measure, all of one width."""
    means = [f"{measure.mean:,.3f}" for measure in measures]
    bounds = [f"[{low:,.3f}, {high:,.3f}] {MARKS[kind]}" for _, (low, high, kind) in measures]
    width = max(map(len, means))
    cells = [f"{mean:>{width}} {bound}" for mean, bound in zip(means, bounds, strict=True)]
    widest = max(len(cell) for cell in (title, *cells))
    return [cell.ljust(widest) for cell in (title, *cells)]
