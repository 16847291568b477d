"""`play`: a person plays, by keyboard or gamepad."""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated

import tyro

from puffer_arena.cli.options import read_pairs
from puffer_arena.cli.seats import Ratings, build_match, seat
from puffer_arena.errors import ParameterError
from puffer_arena.players.names import find_player
from puffer_arena.registry import env_name, load_env

if TYPE_CHECKING:
    from puffer_arena.batch.batch import Batch
    from puffer_arena.render.play.match import Choose, Match


@dataclass
class Options:
    """Play an environment yourself; bots steer the agents that you do not.

    Examples:
        python -m puffer_arena play snake
        python -m puffer_arena play snake --speed 1.5 --param rows=20 --param cols=20
        python -m puffer_arena play tag --difficulty 4
        python -m puffer_arena play tag --agent runner_0 --bot bot:hunt
        python -m puffer_arena play tag --bot run:newest
        python -m puffer_arena play striker --seats human,auto --rounds 5
        python -m puffer_arena play connect4 --seats human,human
        python -m puffer_arena play lander --record landing.mcap
        python -m puffer_arena play maze --held-out --level 7

    Keys: the arrows or what H lists; P pause, R restart, Tab next agent, B let the bot play, + and - speed, Backspace back a second, F9
    record.
    """

    env: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="ENV")]
    """An id of `list`, a dotted module, or a path to a .py file."""
    agent: str | None = None
    """The agent you steer first, such as chaser_0."""
    seats: str = ""
    """Who sits where, one for each agent or each side: human, arena@5, auto (as strong as you), or any player's name."""
    rounds: int = 0
    """Of a match between seats; as many as you like by default."""
    bot: str | None = None
    """Who steers the others, named as in `eval`: bot:NAME, arena:NAME@LEVEL, run:NAME, random or a file; the first
    scripted bot by default."""
    difficulty: int | None = None
    """How good the trained bot is that comes with the game, 0 to 10, instead of --bot."""
    seed: int = 0
    """Seed of the levels."""
    level: int | None = None
    """Play this one level again and again."""
    held_out: bool = False
    """Play levels that training never sees."""
    speed: float = 1.0
    """1 is the environment's natural speed."""
    param: tyro.conf.UseAppendAction[tuple[str, ...]] = ()
    """A parameter of the environment as name=value; may be repeated."""
    runs_dir: str = "runs"
    """Where run folders are."""
    record: str = ""
    """Record into this file; F9 records at any time."""


def run(options: Options) -> int:
    """Open the window and play until it is closed."""
    from puffer_arena.render.play.play import play

    check_seats(options)
    load_env(options.env).check_own("play")
    play(
        options.env,
        bot=choose_bot(options),
        agent=options.agent,
        seed=options.seed,
        level=options.level,
        held_out=options.held_out,
        speed=options.speed,
        params=read_pairs(options.param, "--param"),
        record=options.record,
        match=(lambda batch: seated(options, batch)) if options.seats else None,
    )
    return 0


def check_seats(options: Options) -> None:
    """Check the options of a match.

    Raises:
        ParameterError: some that do not go together.
    """
    if options.rounds < 0:
        raise ParameterError(f"--rounds is {options.rounds}; it is at least 0")
    if options.rounds and not options.seats:
        raise ParameterError("--rounds are those of a match; say who sits where: --seats human,arena@5")
    if options.seats and (options.bot or options.agent or options.difficulty is not None):
        raise ParameterError("--seats says who sits where; leave --bot, --agent and --difficulty out")


def seated(options: Options, batch: "Batch") -> "Match":
    """Return the match that --seats means, for the game's row; rounds at natural speed are rated."""
    from puffer_arena.render.play.scores import Scores, scores_file

    key = Scores(batch.env.name, batch.env.version, asdict(batch.param_values), None).key
    kept = Ratings(key, scores_file().with_name("ratings.json"))
    return build_match(batch, options.env, options.seats, options.rounds, options.runs_dir, options.seed, kept)


def choose_bot(options: Options) -> "Choose | None":
    """Return who steers the agents that the person does not, None for the first scripted bot.

    Raises:
        UnknownName: there is no such player, or no trained bot to set a difficulty of.
        FileError: a file is damaged.
    """
    name = options.bot
    if options.difficulty is not None:
        if name is not None:
            raise ParameterError("--difficulty is of the trained bot that comes with the game; leave --bot out")
        name = f"arena:{env_name(options.env)}@{options.difficulty}"
    if name is None:
        return None
    return seat(find_player(name, options.env, options.runs_dir, options.seed))
