"""Laws about numbers: observations, rewards, masks and parameters stay where they were declared."""

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from puffer_arena.batch.batch import Batch
from puffer_arena.core.env import Env
from puffer_arena.core.spaces import Discrete
from puffer_arena.errors import ArenaError, ParameterError
from puffer_arena.laws.law import DoesNotApplyError, Subject, broken, play

COMPILED_STEPS, INTERPRETED_STEPS = 160, 25


def observations(batch: Batch) -> Iterator[tuple[int, Any]]:
    """Yield row and value of every stored observation: the dict or array that it stands for."""
    leading = 2 if batch.num_agents else 1
    for index in np.ndindex(*batch.obs.shape[:leading]):
        stored = batch.obs[index]
        yield index[0], batch.observation.load(stored[0] if isinstance(batch.observation, Discrete) else stored)


def check_numbers(batch: Batch, where: str) -> None:
    """Check that what a batch shows lies in its space, and that its numbers are finite.

    Raises:
        DefinitionError: something does not; it names the rule.
    """
    for row, value in observations(batch):
        if not batch.observation.contains(value):
            shown = " ".join(str(value).split())[:200]
            raise broken(batch.env, "obs", f"{where}, row {row}: {shown} does not lie in {batch.observation}")
    if not np.isfinite(batch.rewards).all():
        raise broken(batch.env, "rewards", f"{where}: a reward is no finite number")
    states = batch.rows.states
    for name in states.dtype.names or ():
        if states.dtype[name].base.kind == "f" and not np.isfinite(states[name]).all():
            raise broken(batch.env, f"State.{name}", f"{where}: State.{name} is no finite number; write a large one")


def numbers(subject: Subject) -> str:
    """Observations lie in their space, and rewards and State are finite numbers."""
    batch = subject.make(6, 4)
    for seed in range(80):
        play(batch, 2, seed, bots=True)
        check_numbers(batch, f"after {2 * seed + 2} steps")
    return ""


def spoil(batch: Batch, names: list[str], garbage: int) -> None:
    """Fill buffers with a byte, flags with its lowest bit."""
    for name in names:
        array = getattr(batch, name)
        array.view(np.uint8)[:] = garbage & 1 if array.dtype == np.bool_ else garbage


def buffers(subject: Subject, is_compiled: bool = True) -> str:
    """Rules write every element of the buffers, at every step."""
    # Two equal batches find different garbage in their buffers: an element that then differs was left alone.
    pair = [subject.make(4, 4, compiled=is_compiled) for _ in range(2)]
    names = [name for name in pair[0].buffers._fields if name != "acting" or pair[0].num_agents]  # solo: set for good
    rng = np.random.default_rng(0)
    for _ in range(COMPILED_STEPS if is_compiled else INTERPRETED_STEPS):
        actions = pair[0].sample_actions(rng)
        for batch, garbage in zip(pair, (0x55, 0xAA), strict=True):
            spoil(batch, names, garbage)
            batch.step(actions)
        for name in names:
            differs = getattr(pair[0], name) != getattr(pair[1], name)
            kept = pair[0].truncated if name == "final_obs" else np.True_
            if differs[kept].any():
                at = np.argwhere(differs)[0].tolist()
                raise broken(pair[0].env, name, f"leaves {name}{at} as it was; every element must be written each time")
        for batch, garbage in zip(pair, (0x55, 0xAA), strict=True):
            spoil(batch, ["obs", "action_mask"], garbage)
            batch.look(np.ones(4, np.bool_))
        for name in ("obs", "action_mask"):
            if (getattr(pair[0], name) != getattr(pair[1], name)).any():
                raise broken(pair[0].env, name, f"leaves a part of {name} as it was when a row is looked at")
    return ""


def masks(subject: Subject) -> str:
    """Masks leave everybody who acts a choice, and bots keep to them."""
    batch = subject.make(16, 2)
    if not batch.num_choices:
        raise DoesNotApplyError("no action_mask")
    rng = np.random.default_rng(5)
    for _ in range(150):
        for bot in batch.env.bots if isinstance(batch.action, Discrete) else ():
            chosen = batch.act(bot)
            allowed = np.take_along_axis(batch.action_mask, chosen[..., None].astype(np.int64), -1)[..., 0]
            acting = batch.acting if batch.num_agents else np.ones(batch.num_envs, np.bool_)
            if (~allowed.reshape(acting.shape) & acting).any():
                row = int(np.argwhere(~allowed.reshape(acting.shape) & acting)[0][0])
                raise batch.env.error(f"bot '{bot}'", f"chooses {chosen[row].tolist()}, which its mask bars")
        batch.step(batch.sample_actions(rng))
    return ""


def extremes(env: Env) -> Iterator[dict[str, Any]]:
    """Yield parameter sets: each parameter with a range at either end, then all at theirs together."""
    ranged = {name: parameter for name, parameter in env.parameters.items() if parameter.ranged}
    for name, parameter in ranged.items():
        yield {name: parameter.low}
        yield {name: parameter.high}
    for end in ("low", "high"):
        yield {name: getattr(parameter, end) for name, parameter in ranged.items()}


def parameters(subject: Subject) -> str:
    """Parameters work at both ends of their ranges; plain Python checks every index."""
    env, tried, refused = subject.env, 0, 0
    if not env.parameters:
        raise DoesNotApplyError("no parameters")
    for given in extremes(env):
        try:
            batch = subject.make(1, 1, compiled=False, **given)
            tried += 1
            for seed in range(4):
                play(batch, 4, seed, bots=seed == 0)  # in plain Python a bot that looks ahead takes seconds a move
                check_numbers(batch, f"after {4 * seed + 4} steps")
        except ParameterError:  # of Params itself: two that do not go together
            refused += 1
        except ArenaError as error:
            where = ", ".join(f"{name}={value}" for name, value in given.items())
            raise type(error)(f"{error}\n    with {where}") from None
    return f"{tried} sets" + (f", {refused} refused by Params" if refused else "")


def shrinking(subject: Subject) -> str:
    """A row may lower any parameter below its batch's."""
    batch = subject.make(16, 1)
    ranged = {name: parameter for name, parameter in batch.env.parameters.items() if parameter.ranged}
    if not ranged:
        raise DoesNotApplyError("no parameter has a range")
    for name, parameter in ranged.items():
        with contextlib.suppress(ParameterError):  # Params may refuse it beside another
            batch.params[name][8:] = parameter.low
    batch.reset()
    other = subject.make(16, 2)
    play(other, 20)
    for i in range(16):
        other.restore(i, batch.snapshot(i))
    for seed in range(40):
        for one in (batch, other):
            play(one, 3, seed, bots=True)
        check_numbers(batch, "with every parameter at its lowest in half of the rows")
        if batch.obs.tobytes() != other.obs.tobytes():
            raise broken(batch.env, "obs", "shows what is left in memory beyond a smaller row's own size")
    return ""
