"""`serve`: a trained bot for other programs, in any language, over a socket."""

import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from puffer_arena.bots.bot import Bot
from puffer_arena.cli.output import show
from puffer_arena.errors import ParameterError, require
from puffer_arena.serving.server import Server
from puffer_arena.wire.frames import LOOPBACK
from puffer_arena.wire.tls import server_tls


@dataclass
class Options:
    """Answer observations with a bot's actions, for many games at once, over a socket.

    The messages are in puffer_arena/serving/wire.py; examples/remote_bot.py is a client of a page without our package.

    Examples:
        python -m puffer_arena serve arena:snake --port 4400
        python -m puffer_arena serve run:newest
        python -m puffer_arena serve snake.bot --host 0.0.0.0 --key "a secret of 16 or more"
        python -m puffer_arena serve snake.bot --host 0.0.0.0 --tls-cert cert.pem --tls-key key.pem
    """

    bot: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="BOT")]
    """A bot's file, arena:NAME@LEVEL for one that comes along, or run:NAME, a run's folder or a checkpoint."""
    host: str = "127.0.0.1"
    """The interface to listen on; beyond this machine a key is asked for."""
    port: int = 4400
    """0 for a free one."""
    key: str = ""
    """What games must know; one is made up where --host needs it."""
    tls_cert: str = ""
    """Encrypt by this certificate, a PEM file, which games are given to trust; with --tls-key."""
    tls_key: str = ""
    """The certificate's private key, a PEM file without a password."""
    env: str = ""
    """The environment of a run or checkpoint, where it is none that `list` shows."""
    deterministic: bool = False
    """Take the likeliest action instead of drawing one."""
    wait: float = 0.0005
    """Seconds that a question waits for those of other games, to be answered together."""
    seed: int = 1
    """Of what is drawn."""
    runs_dir: str = "runs"
    """Where run folders are."""


def run(options: Options) -> int:
    """Serve until Ctrl-C."""
    if not 0.0 <= options.wait <= 1.0 or not 0 <= options.port <= 65535:
        raise ParameterError(f"--wait is {options.wait:g}, of 0 to 1 second, and --port {options.port}, of 0 to 65535")
    bot = open_bot(options)
    key = options.key or ("" if options.host in LOOPBACK else secrets.token_urlsafe(24))
    tls = server_tls(options.tls_cert, options.tls_key)
    server = Server(bot, options.host, options.port, key, options.wait, tls)
    try:
        said = f", key {key}" if key and not options.key else ""
        show(f"{bot.model.name} answers on {options.host}, port {server.port}{said}; Ctrl-C ends it")
        server.run()
    except KeyboardInterrupt:
        show(f"{server.decisions:,} decisions in {server.rounds:,} rounds")
    finally:
        server.close()
    return 0


def open_bot(options: Options) -> Bot:
    """Return the bot that a person names.

    Raises:
        ArenaError: there is none, or its file is damaged.
    """
    from puffer_arena.bots.heads import Sampling
    from puffer_arena.players.names import bundled_bot, is_bot

    if options.bot.startswith("arena:"):
        bot = bundled_bot(options.bot.removeprefix("arena:"))
    elif Path(options.bot).is_file() and is_bot(Path(options.bot)):
        bot = Bot.load(options.bot)
    else:
        require("torch", "train")
        from puffer_arena.trainers.export.bot import export_file
        from puffer_arena.trainers.runs.find import find_policy

        bot = Bot.of(export_file(find_policy(options.bot, options.runs_dir), options.env), options.bot)
    bot = bot.copy(options.seed)
    if options.deterministic:
        bot.sampling = Sampling(greedy=True)
    return bot
