"""`eval`: the mean return of whoever plays, with its confidence interval."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from puffer_arena.batch.seats import check_role
from puffer_arena.batch.settings import SPLITS
from puffer_arena.cli.grid import draw, measure, read_axes, table
from puffer_arena.cli.options import read_pairs
from puffer_arena.cli.output import Waiting, fill, show, width
from puffer_arena.cli.recording import recorded
from puffer_arena.core.fields import Array
from puffer_arena.errors import ParameterError
from puffer_arena.players.evaluate import Measure, Sample, evaluate, summarize
from puffer_arena.players.names import find_player
from puffer_arena.players.player import Player, versus
from puffer_arena.registry import drawn_id, load_env
from puffer_arena.replay.writer import Writer

LEVELS = {"train": "training levels", "held_out": "held-out levels"}
MARKS = {"bootstrap-t": "t", "Student": "s", "Wilson": "w", "all equal": "="}
LEGEND = {
    "bootstrap-t": "bootstrap-t",
    "Wilson": "Wilson (only two values)",
    "Student": "Student's t",
    "all equal": "all values equal",
}


COUNTED = (
    "each counted once: every row plays as many to their ends.  Training's own numbers are of episodes as they end, among "
    "which short ones are more"
)


@dataclass
class Options:
    """Measure the mean return on training levels and on held-out ones, which training never sees.

    Every row plays the same number of episodes, so that short episodes do not count for more than long ones.  The
    95% intervals are Wilson's for rates and other numbers of two values, Student's for fewer than ten others, and
    bootstrap-t for the rest.

    Examples:
        python -m puffer_arena eval snake bot:greedy
        python -m puffer_arena eval snake run:newest
        python -m puffer_arena eval maze runs/maze-20261120-120000 --episodes 2000
        python -m puffer_arena eval cartpole random --json
        python -m puffer_arena eval snake bot:greedy --episodes 100 --record greedy.mcap
        python -m puffer_arena eval striker run:newest --opponent bot:footballer
        python -m puffer_arena eval gymnasium:CartPole-v1 run:newest --video cartpole.mp4
        python -m puffer_arena eval maze run:newest --grid walls=0:1:5 --picture walls.png
    """

    env: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="ENV")]
    """An id of `list`, a dotted module, or a path to a .py file."""
    player: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="PLAYER")] = ""
    """Who plays: random, bot:NAME (scripted), arena:NAME@LEVEL (bundled), run:NAME, or the file of a bot or checkpoint."""
    opponent: str = ""
    """Who steers the other side, or all other agents where they are of one role; named like PLAYER."""
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
    record: str = ""
    """Record the first environments, on held-out levels, into this file."""
    record_rows: int = 4
    """How many of them."""
    video: str = ""
    """Film an episode on a held-out level into this .mp4 or .gif file; of another library's environment."""
    grid: tyro.conf.UseAppendAction[tuple[str, ...]] = ()
    """Measure success over a parameter instead, NAME=LOW:HIGH:COUNT or NAME=VALUE,VALUE; may be given twice."""
    picture: str = ""
    """Draw the grid into this PNG file."""
    runs_dir: str = "runs"
    """Where run folders are."""
    json: bool = False
    """Print one JSON object instead of a table."""


def run(options: Options) -> int:
    """Print the table or the JSON."""
    if options.episodes < 2 or options.max_steps < 1:
        raise ParameterError(
            f"--episodes is {options.episodes} and --max-steps {options.max_steps}; they are at least 2 and 1"
        )
    if options.seed < 0:
        raise ParameterError(f"--seed is {options.seed}; it is at least 0")
    player = choose_player(options)
    params = player.params | read_pairs(options.param, "--param")
    if options.video:
        make_video(options, player, params)
    if options.grid or options.picture:
        return show_grid(options, player, params)
    writers: list[Writer] = []
    seen = dict.fromkeys(SPLITS, player)
    if options.record:
        seen["held_out"] = recorded(player, options.record, options.record_rows, writers)
    try:
        with Waiting() as waiting:
            samples = {split: play(options, split, params, seen[split], waiting) for split in SPLITS}
    finally:
        for writer in writers:
            writer.close()
    if options.json:
        measured = {split: for_json(sample) for split, sample in samples.items()}
        show(json.dumps({"env": options.env, "player": player.name, **measured}))
    else:
        show(format_table(options.env, player.name, samples, width()))
    return 0


def make_video(options: Options, player: Player, params: dict[str, Any]) -> None:
    """Film an episode.

    Raises:
        ArenaError: it cannot be filmed, or the file not be written.
    """
    from puffer_arena.foreign.film import film, open_film
    from puffer_arena.render.export.pictures import save_gif, save_mp4

    path = Path(options.video)
    savers = {".mp4": save_mp4, ".gif": save_gif}
    if path.suffix not in savers:
        raise ParameterError(f"--video is '{path}'; its name ends in .mp4 or .gif")
    with open_film(options.env, params, options.seed) as batch:
        count = savers[path.suffix](batch.env.steps_per_second, film(batch, player.prepare(batch).choose), path)
        show(f"wrote {path}, {count} pictures, return {float(batch.rows.states['episode_return'].mean()):g}")


def show_grid(options: Options, player: Player, params: dict[str, Any]) -> int:
    """Print, and draw, success over the parameters of --grid."""
    if not options.grid or options.record or options.opponent:
        raise ParameterError("--picture needs --grid, which goes without --record and --opponent")
    env = load_env(options.env)
    axes = read_axes(env, options.grid)
    with Waiting() as waiting:
        rates = measure(env, axes, lambda split, point: play(options, split, params | dict(point), player, waiting))
    if options.json:
        plain = {split: [[asdict(rate) for rate in line] for line in lines] for split, lines in rates.items()}
        axes_of = {axis.name: axis.values for axis in axes}
        show(json.dumps({"env": options.env, "player": player.name, "axes": axes_of, "success": plain}))
    else:
        show(f"{options.env}, {player.name}: {table(axes, rates, LEVELS)}")
    if options.picture:
        draw(Path(options.picture), f"{options.env}: success of {player.name}", axes, rates, LEVELS)
    return 0


def choose_player(options: Options) -> Player:
    """Return who plays, with its opponent where there is one.

    Raises:
        ParameterError, UnknownName: no such player, role or opponent.
        FileError: a file is damaged.
    """
    if not options.player:
        raise ParameterError(
            "say who plays, after ENV: random, bot:NAME, arena:NAME, run:newest, or the file of a bot or checkpoint"
        )
    named = (options.env, options.runs_dir)
    player = find_player(options.player, *named, options.seed, options.deterministic)
    if not options.opponent:
        if options.role:
            raise ParameterError("--role says whom the player steers; name its --opponent too")
        return player
    check_role(load_env(options.env), options.role)
    other = find_player(options.opponent, *named, options.seed + 1, options.deterministic)
    return versus(player, other, options.role)


def play(options: Options, split: str, params: dict[str, Any], player: Player, waiting: Waiting) -> Sample:
    """Play one kind of levels, with signs of life."""

    def tell(ended: Array, episodes: int, step: int) -> None:
        if waiting.due():
            waiting.tell(f"{LEVELS[split]}: {ended.sum()} of {episodes} episodes have ended after {step:,} steps")

    return evaluate(
        drawn_id(options.env) if options.record and split == "held_out" else options.env,
        player,
        options.episodes,
        split=split,
        seed=options.seed,
        params=params,
        side=options.role if options.opponent else None,
        max_steps=options.max_steps,
        told=tell,
    )


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
    notes = (f"mean [95% interval]: {legend}", f"episodes: {episodes}", COUNTED)
    return "\n".join([*(line.rstrip() for line in lines), "", *(fill(note, columns, 4) for note in notes)])


def _block(title: str, measures: list[Measure]) -> list[str]:
    """Return a title and one cell for each measure, all of one width."""
    means = [f"{measure.mean:,.3f}" for measure in measures]
    bounds = [f"[{low:,.3f}, {high:,.3f}] {MARKS[kind]}" for _, (low, high, kind) in measures]
    width = max(map(len, means))
    cells = [f"{mean:>{width}} {bound}" for mean, bound in zip(means, bounds, strict=True)]
    widest = max(len(cell) for cell in (title, *cells))
    return [cell.ljust(widest) for cell in (title, *cells)]
