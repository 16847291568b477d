"""The command line: `python -m puffer_arena <command>`, also installed as `puffer-arena`.

Only the file of the command that was asked for is imported, so that each starts as fast as it can.
"""

import importlib
import sys
from collections.abc import Sequence

from puffer_arena.batch.workers.watchdog import watchdog
from puffer_arena.cli.output import naming, printable, show, standard_streams
from puffer_arena.errors import ArenaError, UnknownName, UnnamedEnv, require, suggest
from puffer_arena.machine.notices import announced_waits

COMMANDS = {
    "train": "let an agent learn an environment",
    "eval": "measure a trained agent, a scripted bot or random play",
    "tournament": "let players meet, and rate them",
    "watch": "open a window on a run, while it trains or afterwards",
    "play": "play an environment yourself",
    "edit": "draw a level, and play it at once",
    "check": "try your own game on the laws that every environment owes",
    "replay": "scrub through what happened, take over at any frame",
    "share": "turn a replay into a GIF, MP4, HTML file or dataset",
    "web": "write a page that plays games in a browser, without a server",
    "record-dataset": "keep whole episodes of players or replays, to learn from without playing",
    "verify": "play replays again and say whether they are true",
    "dream": "draw what a world model expects beside what came",
    "export": "write a trained policy as a bot that plays with numpy alone",
    "hub": "share a bot on the Hugging Face Hub or in a folder, or fetch one",
    "serve": "answer other programs' observations with a bot's actions",
    "list": "show the environments",
    "sweep": "look for settings that learn better, by training with many",
    "tune": "find how many environments and threads train fastest on this machine",
    "bench": "measure how fast an environment steps",
    "completion": "print a script by which a shell completes commands, options and games",
    "doctor": "show what this installation has, and what to do about what it lacks",
}
BARE = ("doctor",)  # commands that work where no extra is installed
FAILED, INTERRUPTED = 2, 130


def usage() -> str:
    """Return the help text of the program itself."""
    commands = "\n".join(f"  {name:<{max(map(len, COMMANDS)) + 2}}{about}" for name, about in COMMANDS.items())
    return (
        "usage: python -m puffer_arena <command> [options]\n"
        "       python -m puffer_arena            (the launcher: games, runs and replays to choose from)\n\n"
        f"commands:\n{commands}\n\n"
        "examples:\n"
        "  python -m puffer_arena train snake --watch\n"
        "  python -m puffer_arena play snake\n"
        "  python -m puffer_arena train --help"
    )


def dispatch(arguments: Sequence[str]) -> int:
    """Run the command that `arguments` begin with and return its exit code.

    Raises:
        ArenaError: anything that the person can put right.
    """
    if not arguments:
        return int(importlib.import_module("puffer_arena.cli.front").main(()))
    if arguments[0] in ("-h", "--help", "help"):
        show(usage())
        return 0
    name = arguments[0]
    if name == "--version":
        from puffer_arena import __version__

        show(f"puffer_arena {__version__}")
        return 0
    if name not in COMMANDS:
        raise UnknownName(f"unknown command '{name}'; {suggest(name, COMMANDS)} (python -m puffer_arena --help)")
    if name in BARE:
        return int(importlib.import_module(f"puffer_arena.cli.{name}").main(list(arguments[1:])))
    require("tyro", "train")
    command = importlib.import_module(f"puffer_arena.cli.{name.replace('-', '_')}")
    from puffer_arena.cli.options import parse

    # A command whose options depend on others (train: the environment's defaults) reads them itself.
    read = getattr(command, "parse_arguments", None)
    options = read(arguments[1:]) if read else parse(command.Options, name, arguments[1:])
    return int(command.run(options))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; what goes wrong on purpose is one line on stderr and exit code 2."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    with standard_streams(), announced_waits(), watchdog():
        try:
            return dispatch(arguments)
        except ArenaError as error:
            if isinstance(error.__cause__, BrokenPipeError):  # `puffer-arena list | head`
                return 0
            typed = f", or: {naming(arguments, error.recorded)}" if isinstance(error, UnnamedEnv) else ""
            print(f"error: {printable(f'{error}{typed}')}", file=sys.stderr)
            return FAILED
        except KeyboardInterrupt:
            print("interrupted", file=sys.stderr)
            return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
