"""`tournament`: any players against each other, with ratings, their intervals, and the payoffs of all pairs."""

import json
import math
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from puffer_arena.batch.seats import check_role, legs
from puffer_arena.cli.options import read_pairs
from puffer_arena.cli.output import Waiting, fill, show, width
from puffer_arena.cli.people import matches_of, read_rounds
from puffer_arena.cli.recording import recorded
from puffer_arena.cli.seats import HUMAN, ROUNDS
from puffer_arena.errors import ParameterError
from puffer_arena.machine.notices import tell
from puffer_arena.players.evaluate import evaluate
from puffer_arena.players.names import find_player
from puffer_arena.players.player import Player, versus
from puffer_arena.players.ratings import model
from puffer_arena.players.tournament import (
    Match,
    Standing,
    check_players,
    deciding,
    payoffs,
    results_of,
    round_robin,
    standings,
    swiss,
)
from puffer_arena.registry import load_env
from puffer_arena.replay.writer import Writer

RECORDED_ROWS = 4  # games of a match that are recorded at once
NOTE = (
    "rating [95% interval]: Bradley-Terry with full pairing, 25 for a newcomer; points: a win 1, a draw 1/2.  Won is by "
    "the game's scores where it keeps any, else by the return of one side against that of the other, over a game as "
    "each role where roles differ"
)


@dataclass
class Options:
    """Let players meet, everybody each or in Swiss rounds, and rate them.

    Sides change from game to game, on levels that training never sees.  human stands for the rounds that people played
    on this machine (play ENV --seats human,PLAYER) against the others named.

    Examples:
        python -m puffer_arena tournament tag bot:hunt random arena:tag
        python -m puffer_arena tournament striker run:a run:b bot:footballer --games 100 --picture payoffs.png
        python -m puffer_arena tournament connect4 bot:search run:newest random --swiss --rounds 4 --record games
    """

    env: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="ENV")]
    """An id of `list`, a dotted module, or a path to a .py file."""
    players: Annotated[tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="PLAYERS")] = ()
    """Who plays: random, bot:NAME, arena:NAME@LEVEL, run:NAME, or files of bots and checkpoints."""
    games: int = 20
    """Games of a match; where roles differ and nothing tells who won, one is played as each role and both count as one."""
    rounds: int = 0
    """How often everybody meets everybody, once by default; or Swiss rounds, by default as many as single out one."""
    swiss: bool = False
    """Pair those with equal points, round by round, in place of everybody with everybody."""
    deterministic: bool = False
    """Take the likeliest action instead of drawing one."""
    max_steps: int = 1_000_000
    """Give up when the games of a match have not ended after so many steps of every row."""
    seed: int = 1
    """Of levels and actions."""
    param: tyro.conf.UseAppendAction[tuple[str, ...]] = ()
    """A parameter of the environment as name=value; may be repeated.  Those of the first player who brings some else."""
    record: str = ""
    """Record games of the matches that decided the top into this folder."""
    picture: str = ""
    """Draw ratings and payoffs into this PNG file."""
    runs_dir: str = "runs"
    """Where run folders are."""
    json: bool = False
    """Print one JSON object instead of tables."""


def run(options: Options) -> int:
    """Play the tournament and print what came of it."""
    if options.games < 1 or options.rounds < 0 or options.seed < 0 or options.max_steps < 1:
        raise ParameterError("--games and --max-steps are at least 1, --rounds and --seed at least 0")
    names = list(options.players)
    check_players(names)
    check_role(load_env(options.env), "")
    model()  # says at once what is missing
    players = {
        name: find_player(name, options.env, options.runs_dir, options.seed + k, options.deterministic)
        for k, name in enumerate(names)
        if name != HUMAN
    }
    params = common_params(players) | read_pairs(options.param, "--param")
    played = people(options.env, params, list(players)) if HUMAN in names else []
    rounds = options.rounds or (math.ceil(math.log2(max(len(players), 2))) if options.swiss else 1)
    total = rounds * (len(players) // 2 if options.swiss else len(players) * (len(players) - 1) // 2)
    with Waiting() as waiting:
        done = 0

        def play(a: str, b: str, number: int) -> Match:
            nonlocal done
            if waiting.due():
                waiting.tell(f"{a} against {b}: match {done + 1} of {total}")
            done += 1
            return play_match(options, players, params, a, b, number)

        matches = (swiss if options.swiss else round_robin)(list(players), rounds, play) + played
        table = standings(names, matches, options.seed)
        order = [standing.name for standing in table]
        if options.record:
            chosen = [match for match in deciding(order, matches) if match not in played]
            record(options, players, params, chosen, matches)
    scores = payoffs(order, matches)
    if options.json:
        show(json.dumps({"env": options.env, "players": [plain(each) for each in table], "payoffs": scores_of(scores)}))
    else:
        show(format_tables(options.env, table, scores, width()))
    if options.picture:
        draw(Path(options.picture), f"{options.env}: points per game", table, scores)
    return 0


def people(env: str, params: dict[str, Any], others: list[str]) -> list[Match]:
    """Return the matches that people played on this machine against others, in the game with these parameters.

    Raises:
        ParameterError: there are none.
    """
    from puffer_arena.render.play.scores import Scores, scores_file

    game = load_env(env)
    key = Scores(game.name, game.version, asdict(game.build_params(params)), None).key
    found = matches_of(read_rounds(scores_file().with_name(ROUNDS)).get(key, []), HUMAN, others)
    if not found:
        raise ParameterError(
            f"nobody played '{game.name}' with these parameters against {', '.join(others)} on this machine yet; play: "
            f"python -m puffer_arena play {env} --seats human,{others[0] if others else 'auto'}"
        )
    return found


def common_params(players: dict[str, Player]) -> dict[str, Any]:
    """Return the parameters to play with: where players learned with others, those of whoever is named first."""
    params: dict[str, Any] = {}
    for name, player in players.items():
        other = sorted(key for key, value in player.params.items() if params.get(key, value) != value)
        if other:
            tell(f"{name} learned with another {', '.join(other)}; --param says what is played")
        params = player.params | params
    return params


def play_match(
    options: Options, players: dict[str, Player], params: dict[str, Any], a: str, b: str, number: int, path: str = ""
) -> Match:
    """Play a match, the same whenever it is played again; with a path, its first games are recorded."""
    writers: list[Writer] = []
    pair = versus(players[a], players[b], "")
    if path:
        pair = recorded(pair, path, RECORDED_ROWS, writers)
    each = legs(load_env(options.env))
    try:
        sample = evaluate(
            options.env,
            pair,
            options.games * each,
            seed=options.seed + number,
            params=params,
            side="",
            max_steps=options.max_steps,
        )
    finally:
        for writer in writers:
            writer.close()
    return Match(a, b, results_of(sample, each))


def record(
    options: Options, players: dict[str, Player], params: dict[str, Any], chosen: list[Match], matches: list[Match]
) -> None:
    """Play some matches again, each as it was, and record them.

    Raises:
        ParameterError: the folder cannot be made.
        FileError: a file cannot be written.
    """
    folder = Path(options.record)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ParameterError(f"folder '{folder}' cannot be made: {error.strerror or error}") from None
    for match in chosen:
        earlier = [{m.first, m.second} for m in matches[: matches.index(match)]]
        meetings = earlier.count({match.first, match.second})
        path = folder / f"{file_name(match.first)}-{file_name(match.second)}.mcap"
        number = round_of(options, match, matches, meetings)
        play_match(options, players, params, match.first, match.second, number, str(path))


def round_of(options: Options, match: Match, matches: list[Match], meetings: int) -> int:
    """Return the round that a match was played in."""
    if not options.swiss:
        return meetings
    each = len([name for name in options.players if name != HUMAN]) // 2
    return matches.index(match) // each


def file_name(player: str) -> str:
    """Return a player's name as a part of a file's."""
    return re.sub(r"[^A-Za-z0-9@._]+", "_", Path(player).name)[:60]


def plain(standing: Standing) -> dict[str, Any]:
    """Return a standing for JSON."""
    low, high = standing.rating.interval
    counts = {key: getattr(standing, key) for key in ("points", "games", "won", "drawn", "lost")}
    return {"name": standing.name, "rating": standing.rating.mu, "low": low, "high": high, **counts}


def scores_of(scores: list[list[float]]) -> list[list[float | None]]:
    """Return payoffs for JSON, which has no NaN."""
    return [[None if math.isnan(score) else score for score in row] for row in scores]


def format_tables(env: str, table: list[Standing], scores: list[list[float]], columns: int) -> str:
    """Return the standings, and the payoffs where they fit into `columns`."""
    heads = ["", "player", "rating", "points", "won", "drawn", "lost"]
    rows = []
    for k, standing in enumerate(table):
        low, high = standing.rating.interval
        rating = f"{standing.rating.mu:.1f} [{low:.1f}, {high:.1f}]"
        points = f"{standing.points:g} of {standing.games}"
        rows.append(
            [str(k + 1), standing.name, rating, points, *map(str, (standing.won, standing.drawn, standing.lost))]
        )
    lines = [f"{env}, {len(table)} players", "", *_aligned([heads, *rows]), ""]
    numbers = [str(k + 1) for k in range(len(table))]
    cells = [[n, s.name, *map(_cell, row)] for n, s, row in zip(numbers, table, scores, strict=True)]
    matrix = _aligned([["", "points per game", *numbers], *cells])
    if max(map(len, matrix)) <= columns:
        lines += [*matrix, ""]
    return "\n".join([*lines, fill(NOTE, columns, 4)])


def _cell(score: float) -> str:
    return "-" if math.isnan(score) else f"{score:.2f}"


def _aligned(rows: list[list[str]]) -> list[str]:
    """Return lines of cells, the second column (names) to the left, all others to the right."""
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    return [
        "  ".join(
            cell.ljust(width) if k == 1 else cell.rjust(width)
            for k, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def draw(path: Path, title: str, table: list[Standing], scores: list[list[float]]) -> None:
    """Write ratings and payoffs as a PNG.

    Raises:
        ParameterError: the file cannot be written.
        MissingExtra: pygame is not installed.
    """
    from puffer_arena.render.draw.chart import save_png
    from puffer_arena.render.draw.league import payoff_picture

    rated = [(standing.name, standing.rating.mu, *standing.rating.interval) for standing in table]
    try:
        save_png(payoff_picture(title, rated, scores), path)
    except OSError as error:
        raise ParameterError(f"picture '{path}' cannot be written: {error.strerror or error}") from None
