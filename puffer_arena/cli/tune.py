"""`tune`: how many environments and threads, and which precision, train fastest on this machine."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from puffer_arena.cli.options import read_pairs
from puffer_arena.cli.output import show
from puffer_arena.errors import ParameterError, require
from puffer_arena.machine.files import write_bytes
from puffer_arena.sweeps.space import as_toml


@dataclass
class Options:
    """Find the settings that train fastest on this machine: num_envs, threads and precision, in under a minute.

    What is learned is not looked at: other numbers of environments learn in other ways, so compare runs, too.

    Examples:
        python -m puffer_arena tune snake
        python -m puffer_arena tune gymnasium:LunarLander-v3 --seconds 30 --apply fast.toml
    """

    env: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="ENV")]
    """An id of `list`, a dotted module, a path to a .py file, or another library's, such as gymnasium:CartPole-v1."""
    seconds: float = 40.0
    """For all measurements together."""
    config: str = ""
    """A TOML file of settings to begin with."""
    preset: str = ""
    """Settings that suit any environment, to begin with."""
    param: tyro.conf.UseAppendAction[tuple[str, ...]] = ()
    """A parameter of the environment as name=value; may be repeated."""
    apply: str = ""
    """Write what was found into this TOML file, for train --config."""


def run(options: Options) -> int:
    """Measure, line by line, and say what was gained."""
    require("torch", "train")
    if not 1.0 <= options.seconds <= 3600.0:
        raise ParameterError(f"--seconds is {options.seconds:g}; it is 1 to 3600")
    from puffer_arena.sweeps.tune import tune
    from puffer_arena.trainers.config import load_config
    from puffer_arena.trainers.precision import resolve

    overrides = {f"params.{name}": value for name, value in read_pairs(options.param, "--param").items()}
    config = resolve(load_config(options.env, options.config or None, overrides, options.preset))

    def tell(settings: dict[str, Any], speed: float) -> None:
        named = "  ".join(f"{name} {value}" for name, value in settings.items())
        show(f"{speed:>12,.0f} steps/s   {named}")

    best, gain, speed = tune(config, options.seconds, tell)
    if gain <= 1.0:
        show("nothing is faster than the settings that there are")
    else:
        show(f"{gain:.2f} times as fast in pairs, {speed:,.0f} steps/s:\n{as_toml(best)}")
    if options.apply:
        write_bytes(Path(options.apply), as_toml(best).encode())
        show(f"wrote {options.apply}; train {options.env} --config {options.apply}")
    return 0
