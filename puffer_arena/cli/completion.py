"""`completion`: a script by which a shell completes commands, options and games."""

import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import tyro

from puffer_arena.cli.options import flags
from puffer_arena.cli.output import show
from puffer_arena.registry import list_envs

BASH = """# bash completion of puffer-arena
_puffer_arena() {{
    local word="${{COMP_WORDS[COMP_CWORD]}}" words=""
    if [ "$COMP_CWORD" = 1 ]; then words="{commands}"
    elif [ "${{word:0:1}}" = - ]; then case "${{COMP_WORDS[1]}}" in
{cases}
    esac
    else case "${{COMP_WORDS[1]}}" in {players}) words="{games}";; esac
    fi
    COMPREPLY=($(compgen -W "$words" -- "$word"))
}}
complete -o default -F _puffer_arena puffer-arena
"""
ZSH = """#compdef puffer-arena
autoload -Uz bashcompinit && bashcompinit
"""
NO_GAMES = ("watch", "replay", "share", "verify", "dream", "export", "serve", "doctor", "completion")


@dataclass
class Options:
    """Print a script that completes commands, options and games in a shell.

    Examples:
        python -m puffer_arena completion bash >> ~/.bashrc
        python -m puffer_arena completion zsh >> ~/.zshrc
        python -m puffer_arena completion fish > ~/.config/fish/completions/puffer-arena.fish
    """

    shell: Annotated[Literal["bash", "zsh", "fish"], tyro.conf.Positional]
    """Which shell."""


def run(options: Options) -> int:
    """Print it."""
    from puffer_arena.__main__ import COMMANDS

    known = {name: sorted({"--help", *options_of(name)}) for name in COMMANDS}
    show({"bash": bash, "zsh": lambda found: ZSH + bash(found), "fish": fish}[options.shell](known).rstrip())
    return 0


def options_of(command: str) -> Iterator[str]:
    """Return the options of a command; those of `train` with the settings of PPO."""
    module = importlib.import_module(f"puffer_arena.cli.{command.replace('-', '_')}")
    kind: Any = module.options_type("ppo") if hasattr(module, "options_type") else getattr(module, "Options", None)
    return flags(kind) if kind is not None else iter(())


def bash(known: dict[str, list[str]]) -> str:
    """Return the script for bash."""
    cases = "\n".join(f'    {name}) words="{" ".join(found)}";;' for name, found in known.items())
    players = "|".join(name for name in known if name not in NO_GAMES)
    return BASH.format(commands=" ".join(known), cases=cases, players=players, games=" ".join(list_envs()))


def fish(known: dict[str, list[str]]) -> str:
    """Return the script for fish."""
    from puffer_arena.__main__ import COMMANDS

    told = 'complete -c puffer-arena -n "{when}" '
    lines = ["# fish completion of puffer-arena"]
    for name, found in known.items():
        about = COMMANDS[name].replace("'", "\\'")
        within = told.format(when=f"__fish_seen_subcommand_from {name}")
        lines.append(told.format(when="__fish_use_subcommand") + f"-f -a {name} -d '{about}'")
        lines += [f"{within}-l {option.removeprefix('--')}" for option in found]
        if name not in NO_GAMES:
            lines.append(f"{within}-a '{' '.join(list_envs())}'")
    return "\n".join(lines) + "\n"
