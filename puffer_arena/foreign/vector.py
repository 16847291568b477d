"""Rows that an environment of Gymnasium's steps together by itself: a VectorEnv.

Its rows have one agent each, "agent_0", so that a row may wait: where such an environment begins an episode anew only in
the step after its end (Gymnasium's NEXT_STEP), that step is nobody's.  It draws its episodes itself, from one seed.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium.spaces import Box, Discrete
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import concatenate, create_empty_array

from puffer_arena.core.fields import Array
from puffer_arena.errors import DefinitionError, SpaceError
from puffer_arena.foreign.part import STEPS
from puffer_arena.foreign.rows import Desk, Seat, name_error, seats_of
from puffer_arena.foreign.shape import Shape, is_number


class VectorPart:
    """All rows of a batch, in one VectorEnv; see `part.Part`."""

    def __init__(self, name: str, make: Any, shape: Shape, desk: Desk, span: tuple[int, int]) -> None:
        self.name, self.shape, self.desk = name, shape, desk
        count = span[1] - span[0]
        self.env = make(count)
        if self.env.num_envs != count:
            raise DefinitionError(f"environment '{name}' was made with {self.env.num_envs} rows, not {count}")
        mode = self.env.metadata.get("autoreset_mode", AutoresetMode.NEXT_STEP)
        self.mode = AutoresetMode(mode)
        self.seat: Seat = seats_of(shape, desk)[0]
        self._waits = np.zeros(count, np.bool_)  # rows that begin anew in the next step
        self._plain = isinstance(self.env.single_observation_space, Box) and desk["obs"].dtype.names is None

    def move(self) -> None:
        """Step all rows, or begin all anew."""
        try:
            self._move()
        except Exception as error:
            raise name_error(error, self.name, 0, "step") from error

    def _move(self) -> None:
        desk = self.desk
        for name in ("rewards", "terminated", "truncated", "began", "ended"):
            desk[name][:] = 0
        if (desk["todo"] != STEPS).any():
            everybody = np.ones(self.env.num_envs, np.bool_)
            observations, infos = self.env.reset(seed=int(desk["level"][0]))
            self._see(observations, everybody, "see")
            self._waits[:] = False
            self._allow(everybody, infos)
            desk["began"][:] = True
            return
        waited = self._waits.copy()
        observations, rewards, terminated, truncated, infos = self.env.step(self._actions())
        ended = (terminated | truncated) & ~waited
        desk["rewards"][:, 0] = np.where(waited, 0.0, rewards)
        desk["terminated"][:, 0], desk["truncated"][:, 0] = terminated & ~waited, truncated & ~waited
        desk["ended"][:] = ended
        self._count(infos)
        if self.mode is AutoresetMode.SAME_STEP:
            self._see_last(infos, ended)
            desk["began"][:, 0] = ended
            self._allow(np.ones(len(ended), np.bool_), infos)
        elif self.mode is AutoresetMode.NEXT_STEP:
            self._see(observations, ended, "see_last")
            desk["began"][:, 0] = waited
            self._waits = ended
            self._allow(~ended, infos)
        else:
            self._see(observations, ended, "see_last")
            if ended.any():
                observations, infos = self.env.reset(options={"reset_mask": ended})
            desk["began"][:, 0] = ended
            self._allow(np.ones(len(ended), np.bool_), infos)
        self._see(observations, np.ones(len(ended), np.bool_), "see")

    def _actions(self) -> Any:
        """Return everybody's actions as the VectorEnv takes them."""
        if type(space := self.env.single_action_space) is Discrete:
            return (self.desk["actions"][:, 0] + space.start).astype(space.dtype)
        chosen = [self.seat.act(i) for i in range(self.env.num_envs)]
        return _stack(self.env.single_action_space, chosen)

    def _see(self, observations: Any, which: Array, how: str) -> None:
        if self._plain and which.all():
            stored = self.desk["obs" if how == "see" else "final_obs"][:, 0]
            if observations.shape != stored.shape:
                raise SpaceError(f"observations have shape {observations.shape}; its space says {stored.shape}")
            np.copyto(stored, observations, casting="same_kind")
            return
        write = getattr(self.seat, how)
        for i in np.flatnonzero(which).tolist():
            write(_pick(observations, i), i)

    def _see_last(self, infos: Mapping[str, Any], ended: Array) -> None:
        for i in np.flatnonzero(ended).tolist():
            self.seat.see_last(_pick(infos["final_obs"], i), i)

    def _allow(self, acting: Array, infos: Mapping[str, Any]) -> None:
        """Write who acts next, and what is open to them."""
        desk = self.desk
        desk["acting"][:, 0] = acting
        desk["alive"][:, 0] = True
        if desk["action_mask"].shape[-1]:
            desk["action_mask"][:, 0] = np.asarray(infos.get("action_mask", True), np.bool_)
            desk["action_mask"][~acting] = False

    def _count(self, infos: Mapping[str, Any]) -> None:
        """Write the numbers of infos, where a row has them: also those of the step that ended an episode."""
        for k, key in enumerate(self.shape.counters):
            for found in (infos, infos.get("final_info", {})):
                if key in found and is_number(found[key][0]):
                    there = found.get(f"_{key}", np.ones(self.env.num_envs, np.bool_))
                    self.desk["counters"][there, k] = np.asarray(found[key], np.float64)[there]

    def close(self) -> None:
        """Close the environment."""
        self.env.close()


def _pick(values: Any, i: int) -> Any:
    """Return the i-th of many values, which Gymnasium holds as nests of arrays."""
    if isinstance(values, Mapping):
        return {key: _pick(part, i) for key, part in values.items()}
    if isinstance(values, tuple):
        return (
            values[i]
            if values and not isinstance(values[0], np.ndarray | Mapping | tuple)
            else tuple(_pick(part, i) for part in values)
        )
    return values[i]


def _stack(space: Any, values: list[Any]) -> Any:
    """Return values as Gymnasium holds many of them."""
    empty: Any = create_empty_array(space, len(values))
    return concatenate(space, values, empty)
