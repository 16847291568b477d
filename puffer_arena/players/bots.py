"""Trained bots in front of a batch."""

import sys
from typing import Any

import numpy as np

from puffer_arena.batch.batch import Batch
from puffer_arena.bots.bot import Bot
from puffer_arena.bots.difficulty import Handicapped
from puffer_arena.bots.heads import Sampling
from puffer_arena.bots.layout import pick
from puffer_arena.core.fields import Array
from puffer_arena.errors import ParameterError
from puffer_arena.players.described import describe, difference
from puffer_arena.players.player import Acting, Player
from puffer_arena.registry import is_edited, is_same_env, load_env


def bot_player(
    bot: Bot,
    env: str,
    seed: int = 1,
    deterministic: bool = False,
    is_bundled: bool = False,
) -> Player:
    """Return a bot as a player of an environment; say so where the environment has changed since.

    Args:
        is_bundled: it comes with its game, whose version says whether it is the one that the bot learned.

    Raises:
        ParameterError: it is of another environment.
    """
    origin = bot.about.get("env", {})
    recorded, rules, version = (origin.get(key) for key in ("id", "rules", "version"))
    if not is_same_env(str(recorded), str(rules), env):
        raise ParameterError(f"{bot.model.name} is of environment {str(recorded)[:200]!r}, not '{env}'")
    now = load_env(env)
    if version != now.version:
        print(f"{bot.model.name} learned {now.name} version {version}; it is {now.version} now", file=sys.stderr)
    elif not is_bundled and is_edited(str(rules), env):
        print(f"the source of environment '{env}' has changed since {bot.model.name} was trained", file=sys.stderr)
    sampling = Sampling(greedy=True) if deterministic else None
    name = bot.model.name.strip("'") + (f"@{bot.difficulty}" if isinstance(bot, Handicapped) else "")
    return Player(name, lambda batch: bot_acting(bot.copy(seed), batch, sampling), dict(bot.about["params"]))


def bot_acting(bot: Bot, batch: Batch, sampling: Sampling | None = None) -> Acting:
    """Put a bot in front of a batch, an actor for every agent of every row.

    Raises:
        ParameterError: it was trained with other spaces; what is different is named.
    """
    check_fit(bot, batch)
    lead = 2 if batch.num_agents else 1

    def flat(array: Array) -> Any:
        """Return an array (rows[, agents], ...) with one axis for both."""
        return array.reshape(-1, *array.shape[lead:])

    def choose(batch: Batch, which: Array | None = None) -> Array:
        going = batch.acting & (batch.rows.states["ended"] == 0)[:, None]
        who = np.flatnonzero(going if which is None else going & which)
        actions = np.zeros_like(batch.actions)
        if len(who):
            obs = flat(batch.obs)[who]
            parts = [np.ascontiguousarray(pick(obs, leaf.path)) for leaf in bot.model.leaves]
            shaped = [part.reshape(len(who), *leaf.shape) for leaf, part in zip(bot.model.leaves, parts, strict=True)]
            mask = flat(batch.action_mask)[who] if batch.num_choices else None
            chosen = bot.act_on(shaped, mask, who, sampling)
            for leaf, part in zip(bot.model.actions, chosen, strict=True):
                place = pick(flat(actions), leaf.path)
                place[who] = part.reshape(len(who), *place.shape[1:])
        return actions

    def forget(began: Array) -> None:
        bot.reset(np.flatnonzero(np.broadcast_to(began.reshape(batch.num_envs, -1), batch.acting.shape)))

    return Acting(choose, forget, bot.state, bot.set_state)


def check_fit(bot: Bot, batch: Batch) -> None:
    """Check that a bot sees and does what the agents of a batch do.

    Raises:
        ParameterError: it was trained with other spaces; what is different is named.
    """
    for what, then, space in (
        ("observation", bot.about["observation"], batch.observation),
        ("action", bot.about["action"], batch.action),
    ):
        changed = difference(then, describe(space))
        if changed:
            version = bot.about["env"].get("version")
            raise ParameterError(
                f"{bot.model.name} was trained with other sizes or spaces than '{batch.env.name}' has here ({what}: {changed}; "
                f"its version was {version}, now it is {batch.env.version}); give the parameters that it was trained "
                "with (params=, --param), or train and export it anew"
            )
