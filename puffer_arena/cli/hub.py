"""`hub`: bots that are shared, in a repository of the Hugging Face Hub or in a folder."""

import contextlib
import json
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from puffer_arena.batch.make import make
from puffer_arena.bots.bot import Bot
from puffer_arena.bots.difficulty import BEST, read_levels
from puffer_arena.bots.file import MOST_BYTES, read_file
from puffer_arena.cli.output import show
from puffer_arena.errors import ArenaError, FileError, OutputError, ParameterError, UnknownName, require
from puffer_arena.machine.files import write_bytes
from puffer_arena.machine.notices import tell
from puffer_arena.players.bots import bot_player
from puffer_arena.players.names import bot_file
from puffer_arena.registry import choose_env

REPOSITORY = re.compile(r"[\w.-]{1,96}/[\w.-]{1,96}")
CARD, PICTURE = "README.md", "picture.png"
PICTURE_WIDTH, PICTURE_STEPS = 480, 60  # pixels; steps of play before the picture is taken
MOST_TEXT = 300  # characters of what a bot's file says, in a card


@dataclass
class Options:
    """Share a bot with a card that says what it is, or fetch one; a file that does not play as it was trained is refused.

    Examples:
        python -m puffer_arena hub push snake.bot me/snake-bot
        python -m puffer_arena hub pull me/snake-bot -o theirs.bot
        python -m puffer_arena hub push arena:snake ./shared/snake
        python -m puffer_arena hub pull ./shared/snake
    """

    action: Annotated[Literal["push", "pull"], tyro.conf.Positional]
    """push sends a bot, pull fetches one."""
    places: Annotated[tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="[BOT] REPO")] = ()
    """For push a bot's file, or arena:NAME; then OWNER/NAME on the Hub, or a folder (./shared, /data/bots)."""
    output: Annotated[str, tyro.conf.arg(aliases=["-o"])] = ""
    """Where pull writes it; by its own name by default."""
    env: str = ""
    """The environment, for the card's picture, where it is none that `list` shows."""
    private: bool = False
    """Make a repository that is new for yourself alone."""


def run(options: Options) -> int:
    """Send or fetch."""
    wanted = 2 if options.action == "push" else 1
    if len(options.places) != wanted:
        usage = "hub push BOT REPO, a bot's file or arena:NAME" if options.action == "push" else "hub pull REPO"
        raise ParameterError(f"{len(options.places)} names are given; write: {usage}")
    if options.action == "push":
        show(push(options.places[0], options.places[1], options.env, options.private))
    else:
        show(pull(options.places[0], options.output))
    return 0


def push(source: str, place: str, env: str, private: bool) -> str:
    """Send a bot with its card and return what was done.

    Raises:
        ArenaError: the file is no sound bot, or the place takes nothing.
    """
    name, data = bot_file(source)
    bot = Bot.of(data, f"'{source}'")
    off = bot.check()
    files = {name: data, **picture(bot, env)}
    files[CARD] = card(bot, name, PICTURE in files, place).encode()
    folder = folder_of(place)
    if folder is not None:
        for part, content in files.items():
            _write(folder / part, content)
    else:
        with tempfile.TemporaryDirectory() as held:
            for part, content in files.items():
                write_bytes(Path(held) / part, content)
            with said(place):
                api = hub().HfApi()
                api.create_repo(place, private=private, exist_ok=True)
                api.upload_folder(repo_id=place, folder_path=held, commit_message=f"Add {name}")
    return f"'{source}' plays as it was trained, to {off:.0e}; it lies in {place} with its card"


def pull(place: str, output: str) -> str:
    """Fetch the bot of a place, check it and return what was done; nothing is written where it fails.

    Raises:
        ArenaError: there is none, or it does not play as it was trained.
    """
    with tempfile.TemporaryDirectory() as held:
        source = fetch(place, Path(held))
        data = read_file(source)
        off = Bot.of(data, f"'{source.name}' of {place}").check()
    target = Path(output or source.name)
    _write(target, data)
    return f"wrote {target}, {len(data) / 1000:,.0f} kB: it plays as it was trained, to {off:.0e}"


def fetch(place: str, held: Path) -> Path:
    """Return the file of a place's bot: in the folder itself, or brought to `held` from the Hub.

    Raises:
        UnknownName: there is no bot.
        FileError: it is too large, or cannot be read.
    """
    folder = folder_of(place)
    if folder is not None:
        return folder / only_bot([path.name for path in folder.iterdir()] if folder.is_dir() else [], place)
    with said(place):
        api = hub().HfApi()
        name = only_bot(api.list_repo_files(place), place)
        (about,) = api.get_paths_info(place, name)
        if about.size > MOST_BYTES:
            raise FileError(f"'{name}' of {place} has {about.size} bytes; no bot has more than {MOST_BYTES}")
        return Path(api.hf_hub_download(place, name, local_dir=held))


def only_bot(names: list[str], place: str) -> str:
    """Return the one of some files that is a bot.

    Raises:
        UnknownName: there is none, or more than one.
    """
    bots = sorted(name for name in names if name.endswith(".bot") and "/" not in name)
    if len(bots) != 1:
        raise UnknownName(f"{place} holds {', '.join(bots[:5]) or 'no bot'}; one file that ends in .bot is needed")
    return bots[0]


def folder_of(place: str) -> Path | None:
    """Return the folder that a place is; None for a repository of the Hub.

    Raises:
        ParameterError: it is neither.
    """
    if place.startswith((".", "/", "~")) or Path(place).is_absolute() or Path(place).is_dir():
        return Path(place).expanduser()
    if not REPOSITORY.fullmatch(place):
        raise ParameterError(f"'{place}' is neither OWNER/NAME of a repository nor a folder (write ./folder)")
    return None


def hub() -> Any:
    """Return the Hub's library.

    Raises:
        MissingExtra: it is not installed.
    """
    return require("huggingface_hub", "hub")


@contextlib.contextmanager
def said(place: str) -> Iterator[None]:
    """Make one error of ours of whatever the Hub, or the way there, says.

    Raises:
        OutputError: what was said.
    """
    try:
        yield
    except ArenaError:
        raise
    except Exception as error:  # the library's own come from several trees
        reason = " ".join(str(error).split())[:MOST_TEXT]
        raise OutputError(f"{place} on the Hub: {reason or type(error).__name__}") from None


def _write(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(path, content)
    except OSError as error:
        raise OutputError(f"'{path}' cannot be written: {error.strerror or error}") from None


# -- the card ---------------------------------------------------------------------------------------


def picture(bot: Bot, env: str) -> dict[str, bytes]:
    """Return the bot at play as a picture, {} where the game cannot be shown here, which is said."""
    origin = bot.about["env"]
    try:
        name = choose_env(str(origin["id"]), str(origin["rules"]), env, "the bot")
        from puffer_arena.render.draw.canvas import render_rgb
        from puffer_arena.render.export.pictures import picture_size, png

        with make(name, num_envs=1, seed=3, **bot.about["params"]) as batch:
            acting = bot_player(bot, name).prepare(batch)
            for _ in range(PICTURE_STEPS):
                batch.step(acting.choose(batch))
                acting.forget(batch.began)
            row = batch.state(0), batch.state_params(0)
            return {PICTURE: png(render_rgb(batch.env, *row, picture_size(batch.env, *row, PICTURE_WIDTH)))}
    except ArenaError as error:
        tell(f"the card has no picture: {error}")
        return {}


def card(bot: Bot, file: str, has_picture: bool, place: str) -> str:
    """Return a model card: what the bot plays, how well, how it was trained, how it is put into a game."""
    about = bot.about
    game, training = plain(about["env"]["id"]), about["training"]
    head = ["---", "library_name: puffer_arena", "pipeline_tag: reinforcement-learning", "tags:"]
    head += [f"- {json.dumps(tag)}" for tag in ("reinforcement-learning", "game", game)] + ["---", ""]
    lines = [*head, f"# A bot for {game}", "", *([f"![the bot at play]({PICTURE})", ""] if has_picture else [])]
    lines += strength_table(about["strength"])
    ratings = [f"{level.rating:.0f}" for level in read_levels(bot.model) if level.rating is not None]
    if len(ratings) > BEST:
        lines += [f"Levels of difficulty 0 to 10 are rated {', '.join(ratings)} on Elo's scale beside the last.", ""]
    made = [
        f"{name}: {plain(training[name])}" for name in ("algorithm", "steps", "seconds", "seed") if name in training
    ]
    lines += ["## Training", "", "```", plain(training.get("command", "not told")), "```", "", ", ".join(made), ""]
    pulled = f"python -m puffer_arena hub pull {place}" if folder_of(place) is None else f"copy {file}"
    lines += ["## Play", "", "```", pulled, f"python -m puffer_arena watch {file}", "```", "", "```python"]
    lines += ["from puffer_arena import load_bot", "", f"bot = load_bot({file!r}, difficulty=7)  # numpy alone"]
    return "\n".join([*lines, "action = bot.act(obs)", "```", ""])


def strength_table(strength: Any) -> list[str]:
    """Return the lines of a table of how good the bot and those beside it are, none where nobody measured."""
    columns = [name for name, each in strength.items() if isinstance(each, dict) and name != "beside"]
    if not columns:
        return []
    players = {"this bot": strength, **strength.get("beside", {})}
    lines = [f"Means and 95% intervals over {plain(strength.get('episodes'))} episodes on held-out levels:", ""]
    lines += ["| player | " + " | ".join(map(plain, columns)) + " |", "|---" * (len(columns) + 1) + "|"]
    for name, measured in players.items():
        cells = [_cell(measured.get(column)) for column in columns]
        lines.append(f"| {plain(name)} | " + " | ".join(cells) + " |")
    if "rating" in strength:
        rating, other = strength["rating"], plain(strength.get("rated_beside"))
        lines += ["", f"It is rated {rating:+.0f} on Elo's scale beside {other}."]
    return [*lines, ""]


def _cell(measure: Any) -> str:
    return f"{measure['mean']:.3g} [{measure['low']:.3g}, {measure['high']:.3g}]" if measure else "-"


def plain(text: Any) -> str:
    """Return what a file says as one short line that no markup hides in."""
    return re.sub(r"[`|<>\[\]]", "", " ".join(str(text).split()))[:MOST_TEXT]
