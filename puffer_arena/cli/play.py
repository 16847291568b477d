"""`play`: a person plays, by keyboard or gamepad."""

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import numpy as np
import tyro

from puffer_arena.cli.options import read_pairs
from puffer_arena.errors import require

if TYPE_CHECKING:
    from puffer_arena.batch.batch import Batch
    from puffer_arena.core.fields import Array
    from puffer_arena.render.play.game import Choose


@dataclass
class Options:
    """Play an environment yourself; bots steer the agents that you do not.

    Examples:
        python -m puffer_arena play snake
        python -m puffer_arena play snake --speed 1.5 --param rows=20 --param cols=20
        python -m puffer_arena play tag --agent runner_0 --bot hunt
        python -m puffer_arena play tag --bot runs/tag-1/checkpoints/last.safetensors
        python -m puffer_arena play lander --record landing.mcap
        python -m puffer_arena play maze --held-out --level 7

    Keys: the arrows or what H lists; P pause, R restart, Tab next agent, B let the bot play, + and - speed, Backspace back a second, F9
    record.
    """

    env: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="ENV")]
    """An id of `list`, a dotted module, or a path to a .py file."""
    agent: str | None = None
    """The agent you steer first, such as chaser_0."""
    bot: str | None = None
    """Who steers the others: a scripted bot, or the file of a trained policy; the first scripted bot by default."""
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
    record: str = ""
    """Record into this file; F9 records at any time."""


def run(options: Options) -> int:
    """Open the window and play until it is closed."""
    from puffer_arena.render.play.play import play

    trained = options.bot is not None and (os.sep in options.bot or os.path.isfile(options.bot))
    play(
        options.env,
        bot=load_policy(options.bot, options.env) if trained and options.bot else options.bot,
        agent=options.agent,
        seed=options.seed,
        level=options.level,
        held_out=options.held_out,
        speed=options.speed,
        params=read_pairs(options.param, "--param"),
        record=options.record,
    )
    return 0


def load_policy(path: str, env: str) -> "Choose":
    """Return a trained policy of an environment as a bot."""
    require("torch", "train")
    from puffer_arena.trainers.actor import Actor

    actor = Actor.load(path, env)

    def choose(batch: "Batch") -> "Array":
        actor.reset(batch.began)
        actions, _, _ = actor.act(batch.obs, batch.action_mask, acting=batch.acting)
        return np.asarray(actions)

    return choose
