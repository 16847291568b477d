"""`play`: a person plays, by keyboard or gamepad."""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from puffer_arena.batch.make import make
from puffer_arena.cli.options import read_pairs
from puffer_arena.cli.seats import AUTO, HUMAN, LEVELS, Ratings, build_match, bundled_name, later, seat
from puffer_arena.errors import ParameterError
from puffer_arena.players.bots import check_fit
from puffer_arena.players.names import bundled, bundled_bot, find_player
from puffer_arena.registry import env_name, load_env

if TYPE_CHECKING:
    from puffer_arena.batch.batch import Batch
    from puffer_arena.players.player import Player
    from puffer_arena.render.play.match import Choose, Match, Sitter

EVEN = 5  # the level that auto begins with


@dataclass
class Options:
    """Play an environment yourself; bots steer the agents that you do not.

    Examples:
        python -m puffer_arena play snake
        python -m puffer_arena play snake --speed 1.5 --param rows=20 --param cols=20
        python -m puffer_arena play tag --difficulty 4
        python -m puffer_arena play striker --difficulty auto
        python -m puffer_arena play tag --agent runner_0 --bot bot:hunt
        python -m puffer_arena play tag --bot run:newest
        python -m puffer_arena play striker --seats human,auto --rounds 5
        python -m puffer_arena play connect4 --seats human,human
        python -m puffer_arena play lander --record landing.mcap
        python -m puffer_arena play maze --held-out --level 7

    Keys: the arrows or what H lists; P pause, R restart, Tab next agent, J more people, B let the bot play, F3 and F4 an easier or a harder bot, + and -
    speed, Backspace back a second, F9 record.
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
    difficulty: int | Literal["auto"] | None = None
    """How good the trained bot is that comes with the game, 0 to 10, instead of --bot; F3 and F4 change it.  auto: it
    becomes better when you win and worse when you lose."""
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
    palette: str = "dark"
    """The colours: dark, light, or safe for eyes that tell few apart."""
    record: str = ""
    """Record into this file; F9 records at any time."""


def run(options: Options) -> int:
    """Open the window and play until it is closed."""
    from puffer_arena.render.draw.palette import choose_palette
    from puffer_arena.render.play.play import play

    choose_palette(options.palette)
    check_seats(options)
    load_env(options.env).check_own("play")
    play(
        options.env,
        bot=choose_bot(options),
        roster=None if options.seats else lambda batch: list_bots(options, batch),
        agent=options.agent,
        seed=options.seed,
        level=options.level,
        held_out=options.held_out,
        speed=options.speed,
        params=fitting_params(options),
        record=options.record,
        match=(lambda batch: seated(options, batch)) if options.seats else None,
        follows=options.difficulty == AUTO,
        rated=kept_ratings,
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
    kept = kept_ratings(batch)
    return build_match(batch, options.env, options.seats, options.rounds, options.runs_dir, options.seed, kept)


def kept_ratings(batch: "Batch") -> Ratings:
    """Return what this machine knows of people in a game with a batch's parameters."""
    from puffer_arena.render.play.scores import Scores, scores_file

    key = Scores(batch.env.name, batch.env.version, asdict(batch.param_values), None).key
    return Ratings(key, scores_file().with_name("ratings.json"))


def choose_bot(options: Options) -> "Choose | None":
    """Return who steers the agents that the person does not, None for the first scripted bot.

    Raises:
        UnknownName: there is no such player, or no trained bot to set a difficulty of.
        FileError: a file is damaged.
    """
    name = bot_name(options)
    return None if name is None else seat(find_player(name, options.env, options.runs_dir, options.seed))


def bot_name(options: Options) -> str | None:
    """Return the name of who steers the agents that the person does not, None for the first scripted bot.

    Raises:
        ParameterError: both a bot and a difficulty are given.
    """
    if options.difficulty is None:
        return options.bot
    if options.bot is not None:
        raise ParameterError("--difficulty is of the trained bot that comes with the game; leave --bot out")
    level = EVEN if options.difficulty == AUTO else options.difficulty
    return f"{bundled_name(options.env)}@{level}"


def list_bots(options: Options, batch: "Batch") -> "list[Sitter]":
    """Return who can steer the agents that the person does not, and the person's own: who does at first, first.

    The trained bot that comes with the game is among them at every difficulty, where its sizes fit.
    """
    from puffer_arena.render.play.match import Sitter

    first, game = bot_name(options), env_name(options.env)
    names = [f"bot:{bot}" for bot in batch.env.bots]
    if game in bundled() and fits(game, batch):
        names += [f"{bundled_name(options.env)}@{level}" for level in range(LEVELS)]
    start = names.index(first) if first in names else 0
    known = names[start:] + names[:start]
    if first is not None and first not in names:
        known.insert(0, first)
    return [Sitter(name, later(name, options.env, options.runs_dir, options.seed)) for name in known]


def fits(game: str, batch: "Batch") -> bool:
    """Tell whether a bundled bot sees and does what a batch's agents do."""
    try:
        check_fit(bundled_bot(game), batch)
    except ParameterError:
        return False
    return True


def fitting_params(options: Options) -> dict[str, Any]:
    """Return the game's parameters: those given, and those that a named player learned with where it fits no others.

    Outside of matches the game is as it suits people (`Env.casual`), where all can play that.
    """
    asked = read_pairs(options.param, "--param")
    given = asked if options.seats else {**load_env(options.env).casual, **asked}
    players = [find_player(name, options.env, options.runs_dir, options.seed) for name in trained_names(options)]
    learned = {key: value for player in players for key, value in player.params.items()}
    if learned.keys() <= asked.keys() or all(_can_play(player, options.env, given) for player in players):
        return given
    return {**learned, **asked}


def trained_names(options: Options) -> list[str]:
    """Return the names of the players that the options name, with a difficulty or without: all but people."""
    if not options.seats:
        name = bot_name(options)
        return [] if name is None else [name]
    names = [name.strip() for name in options.seats.split(",")]
    own = bundled_name(options.env)
    full = [own if name.partition("@")[0] in (AUTO, "arena") else name for name in names]
    return [name for name in dict.fromkeys(full) if name not in (HUMAN, "")]


def _can_play(player: "Player", env: str, params: dict[str, Any]) -> bool:
    """Tell whether a player sees and does what agents do with these parameters."""
    with make(env, **params) as batch:
        try:
            player.prepare(batch)
        except ParameterError:
            return False
    return True
