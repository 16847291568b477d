"""`export`: a trained policy as a bot, one file that plays with numpy alone."""

import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from puffer_arena.bots.bot import Bot
from puffer_arena.bots.difficulty import Level
from puffer_arena.cli.output import Waiting, show
from puffer_arena.errors import OutputError, ParameterError, require
from puffer_arena.machine.files import write_bytes
from puffer_arena.players.calibrate import calibrate, rating_in
from puffer_arena.players.strength import measure_strength


@dataclass
class Options:
    """Write a bot: its weights, what it sees and does, where it comes from, how good it is, and how to check it.

    Examples:
        python -m puffer_arena export run:newest
        python -m puffer_arena export runs/snake-20261120-120000 -o snake.bot --half
        python -m puffer_arena export run:newest --standalone
        python -m puffer_arena export run:newest --levels 100
        python -m puffer_arena export run:newest --onnx
    """

    source: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="RUN|CHECKPOINT")]
    """run:NAME or a run's folder for its newest checkpoint, or the file of a checkpoint or policy."""
    output: Annotated[str, tyro.conf.arg(aliases=["-o"])] = ""
    """Where to write it; ENV.bot by default."""
    env: str = ""
    """The environment; needed for none that `list` shows."""
    role: str = ""
    """Whose policy, of a run in which each role has its own (--opponent.separate)."""
    half: bool = False
    """Store weights in half precision: half the size, and nearly the same bot."""
    episodes: int = 200
    """Episodes on held-out levels by which it, chance and the scripted bot are measured; 0 for none."""
    earlier: tuple[str, ...] = ()
    """With --levels, checkpoints that weaker levels may play, the least trained first; of those the run kept by default."""
    levels: int = 0
    """Episodes by which each level of difficulty is measured, to space them evenly; 0: the usual ones, unmeasured."""
    standalone: bool = False
    """Write a .py beside it, too, by which a game plays the bot with nothing of puffer_arena installed."""
    onnx: bool = False
    """Write an .onnx beside it, too."""
    choose: bool = False
    """With --onnx: mask and take the likeliest action within the graph, too; else that is the caller's."""
    seed: int = 1
    """Of the play by which it is measured."""
    runs_dir: str = "runs"
    """Where run folders are."""


def run(options: Options) -> int:
    """Write the files and say what they are."""
    require("torch", "train")
    from puffer_arena.trainers.export.bot import with_measured

    check(options)
    data = exported(options)
    bot = Bot.of(data)
    env = options.env or str(bot.about["env"]["id"])
    if options.episodes:
        strength = measure(bot, env, options.episodes, options.seed)
        data = with_measured(data, {"strength": strength})
    if options.levels:
        levels = measure_levels(bot, env, options.levels, options.seed)
        data = with_measured(data, {"levels": [asdict(level) for level in levels]})
        show(f"levels 0 to 10 are rated {', '.join(f'{level.rating:.0f}' for level in levels)} beside the last")
    path = Path(options.output or f"{re.sub(r'[:/]', '-', bot.about['env']['id'])}.bot")
    for place, content in {path: data, **beside(options, bot, path)}.items():
        try:
            write_bytes(place, content)
        except OSError as error:
            raise OutputError(f"'{place}' cannot be written: {error.strerror or error}") from None
        show(f"wrote {place}, {len(content) / 1000:,.0f} kB")
    show(f"it plays as it was trained, to {bot.check():.0e}" + said(data))
    return 0


def check(options: Options) -> None:
    """Check options against one another.

    Raises:
        ParameterError: what does not fit.
    """
    if options.choose and not options.onnx:
        raise ParameterError("--choose is about the graph that --onnx writes; give both")
    if options.episodes < 0 or options.episodes == 1 or options.seed < 0:
        raise ParameterError("--episodes is 0 or at least 2, and --seed at least 0")
    if options.levels < 0 or options.levels == 1:
        raise ParameterError("--levels is 0 or at least 2 episodes")
    if options.earlier and not options.levels:
        raise ParameterError("--earlier is for levels that are measured; give --levels, such as --levels 100")


def exported(options: Options) -> bytes:
    """Return the bot's file, with earlier policies where levels are to be measured, and nothing measured yet."""
    from puffer_arena.trainers.export.bot import export_file, with_earlier
    from puffer_arena.trainers.runs.find import find_earlier, find_policy

    source = find_policy(options.source, options.runs_dir)
    paths = [find_policy(name, options.runs_dir) for name in options.earlier]
    if options.levels and not paths:
        paths = find_earlier(source)
    data, *earlier = (
        export_file(path, options.env, options.half, options.seed, options.role) for path in (source, *paths)
    )
    return with_earlier(data, earlier) if earlier else data


def beside(options: Options, bot: Bot, path: Path) -> dict[Path, bytes]:
    """Return the files that were asked for besides the bot's."""
    written = {}
    if options.standalone:
        from puffer_arena.bots.standalone import standalone

        module = "".join(c if c.isalnum() else "_" for c in f"{path.name.partition('.')[0]}_bot")
        written[path.with_name(f"{module}.py")] = standalone(module, path.name).encode()
    if options.onnx:
        from puffer_arena.bots.onnx import onnx_bytes

        written[path.with_suffix(".onnx")] = onnx_bytes(bot.model, options.choose)
    return written


def measure(bot: Bot, env: str, episodes: int, seed: int = 1) -> dict[str, Any]:
    """Return how good a bot is on held-out levels, beside chance and the scripted bot."""
    from puffer_arena.trainers.export.bot import meets_scripted

    with Waiting() as waiting:

        def tell(ended: Any, wanted: int, step: int) -> None:
            if waiting.due():
                waiting.tell(f"measuring: {ended.sum()} of {wanted} episodes have ended")

        return measure_strength(env, bot, episodes, meets_scripted(env), seed, tell)


def measure_levels(bot: Bot, env: str, episodes: int, seed: int) -> list[Level]:
    """Return levels of difficulty 0 to 10 with their ratings, of games against the bot where training meets others."""
    from puffer_arena.trainers.export.bot import meets_scripted

    rate = rating_in(env, bot, episodes, bot.about["params"], meets_scripted(env), seed)
    with Waiting() as waiting:

        def tell(done: int) -> None:
            if waiting.due():
                waiting.tell(f"measuring levels: {done} handicaps are done")

        return calibrate(bot, rate, tell)


def said(data: bytes) -> str:
    """Return the strength in a bot's file in words."""
    strength = Bot.of(data).about["strength"]
    found = [
        f"{name} {each['mean']:.3g} [{each['low']:.3g}, {each['high']:.3g}]"
        for name, each in strength.items()
        if isinstance(each, dict) and ("return" in name or name == "points")
    ]
    rated = f"rated {strength.get('rating', 0):+.0f} beside {strength.get('rated_beside')}"
    return f"; {', '.join(found)} on {strength['episodes']} held-out episodes, {rated}" if found else ""
