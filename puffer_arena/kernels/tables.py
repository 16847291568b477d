"""What kernels work on: the rows of a batch, and the buffers that a step writes.

`Written` declares every buffer in one line.  Its dtype and shape, `Batch`'s attribute of that name, `make_buffers`,
`step(out=...)`, views by seat and what threads hand over derive from it.
"""

from collections import namedtuple
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Self, overload

import numpy as np

from puffer_arena.core.fields import Array

RESTS, MOVES, ENTERS = range(3)  # stages of a scene: nothing to do; forces are written; its row begins anew
# Faults of a row; LOST: a body left the world or the range of numbers.  UNMOVED and UNDRIVEN: a number was written that
# the engine does nothing with; which body or joint has it is counted in FAULTS.  UNTUNED: a
# number of `tuned_numbers` is not one that the engine takes.  BRAKED: a wheel is driven, too, and the engine would not brake it.
FINE, BAD_FORCE, BAD_POSE, LOST, UNMOVED, UNDRIVEN, UNTUNED, BRAKED = range(8)
FAULTS = 8

BARRED = 2  # of `Rows.plan`: set where a mask left somebody who acts next no choice

# What a buffer holds for one agent.
OBSERVATION, NUMBER, CHOICES, SIGNALS, STATE = "observation", "number", "choices", "signals", "state"


@dataclass
class Buffer:
    """One array that a step writes, with an entry for each agent.

    Args:
        holds: an observation, stored as its space says, a number, one number for each choice of an action or for each
            of `Env.signals`, or the global state, which is not an agent's but the row's.
        doc: what the array says.
        dtype: of its numbers.
        seats: solo rows have an axis for their one agent, too.
        filled: what new arrays hold.
    """

    holds: str
    doc: str
    dtype: type[np.generic] = np.bool_
    seats: bool = False
    filled: bool = False
    name: str = ""  # of the attribute

    def __set_name__(self, owner: type, name: str) -> None:
        self.name, self.__doc__ = name, self.doc

    @overload
    def __get__(self, owner: None, kind: type) -> "Buffer": ...
    @overload
    def __get__(self, owner: "Written", kind: type) -> Array: ...
    def __get__(self, owner: "Written | None", kind: type) -> "Buffer | Array":
        if owner is None:
            return self
        array: Array = getattr(owner.buffers, self.name)
        return array


class Written:
    """What a step writes, by name, for whatever has `buffers`; shapes are (num_envs[, agents], *entry).

    The first four are what `Batch.step` returns.
    """

    buffers: "Buffers"

    obs = Buffer(OBSERVATION, "What every agent sees of its row as it stands.")
    rewards = Buffer(NUMBER, "Rewards of the last step.", np.float32)
    terminated = Buffer(NUMBER, "Whether the last step ended an agent's episode by the rules.")
    truncated = Buffer(NUMBER, "Whether the last step cut an agent's episode off.")
    final_obs = Buffer(OBSERVATION, "Last observations of episodes just truncated (or ended, under same_step_final).")
    acting = Buffer(
        NUMBER,
        "Who acts next: not who is absent, has left or waits for its turn; (num_envs, 1) for solo.",
        seats=True,
        filled=True,
    )
    action_mask = Buffer(CHOICES, "Which choices are allowed next; none where there are no masks.", filled=True)
    signals = Buffer(SIGNALS, "Signals of the last step, in the order of `Env.signals`.", np.float32)
    global_state = Buffer(STATE, "All there is of each row, (num_envs, *entry), where a batch observes it.")
    final_global_state = Buffer(STATE, "What it was where `final_obs` holds something.")
    began = Buffer(NUMBER, "Whether obs is the first of an episode, for all of a row's agents alike.")


BUFFERS: dict[str, Buffer] = {name: value for name, value in vars(Written).items() if isinstance(value, Buffer)}

if TYPE_CHECKING:

    class Buffers(Written, tuple[Array, ...]):
        """One array for every Buffer of `Written`: what kernels are given, and `step(out=...)`."""

        _fields: tuple[str, ...]

        def __new__(cls, *arrays: Any, **named: Any) -> Self: ...
        def _asdict(self) -> dict[str, Array]: ...
        def _replace(self, **arrays: Array) -> Self: ...

else:
    Buffers = namedtuple("Buffers", BUFFERS, module=__name__)


class Step(NamedTuple):
    """What `Batch.step` returns: the first of the buffers it wrote."""

    obs: Array
    rewards: Array
    terminated: Array
    truncated: Array


class Rows(NamedTuple):
    """The rows of a batch; every array has num_envs entries but `plan`."""

    states: Any
    params: Any  # in force in this episode
    following: Any  # in force from the next reset on
    levels: Any  # int64: the level to play at the next reset, or -1 to draw one
    plan: Any  # int64 (3,): split (0 training, 1 held out), num_levels (0 for all), and at BARRED what kernels report
    episodes: Any  # records: finished, of the last that ended, and totals, the sums over all
    memories: Any  # records (num_envs, bots, agents or 1): what each scripted bot keeps for each agent


class WorldRows(NamedTuple):
    """Rows whose bodies an engine moves, and what binds each to its scene."""

    states: Any
    params: Any
    following: Any
    levels: Any
    plan: Any
    episodes: Any
    memories: Any
    scenes: Any  # records: link (the engine's own), stage, fault
    built: Any  # records: the physics fields as `build` made them
