"""What an algorithm is to everybody else: runs, checkpoints, windows and the command line know only this."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import torch

from puffer_arena.batch.batch import Batch
from puffer_arena.batch.saving.snapshot import layout
from puffer_arena.core.fields import Array
from puffer_arena.errors import ArenaError, FileError, ParameterError
from puffer_arena.registry import source_digest
from puffer_arena.trainers.actor import Actor
from puffer_arena.trainers.config import Config, to_dict
from puffer_arena.trainers.networks.policy import MakeEncoder, Policy
from puffer_arena.trainers.nodes import Nodes

OnStep = Callable[["Algorithm", int], None]


def nothing() -> None:
    """Stand in where nobody wants to be called."""


class Algorithm(ABC):
    """One training run in memory.

    trainer = make_trainer(load_config("cartpole"))
    while not trainer.finished:
        metrics = trainer.update()

    Attributes:
        section: the config's section with the algorithm's settings.
        settings: their dataclass; see `settings.py`.
        values: what the critic predicts.
        defaults: settings in place of those tuned for PPO, as nested tables.
        memories: what `network.memory` may be.
        offline: whether it learns from a dataset, `config.offline`, and plays only to be looked at.
        config: with every "auto" resolved.
        learning_rate: before its schedule; may be set at any time.
        steps: of all environments together.
        seconds: spent in updates.
        between: called between two minibatches; whoever is called changes nothing of what is learned.
        failure: what went wrong that its owner has to mend, in a curriculum of theirs; the update was still completed.
        inexact_rows: of a checkpoint that was loaded: they go on, but not to the bit.
    """

    section: ClassVar[str]
    settings: ClassVar[type]
    values: ClassVar[tuple[str, ...]] = ("value",)
    defaults: ClassVar[Mapping[str, Any]] = {}
    memories: ClassVar[tuple[str, ...]] = ("none", "gru", "lstm", "mingru")
    offline: ClassVar[bool] = False

    config: Config
    batch: Batch
    policy: Policy
    nodes: Nodes = Nodes()
    learning_rate: float
    steps: int
    updates: int
    seconds: float
    inexact_rows: int
    failure: ArenaError | None = None
    between: Callable[[], None] = staticmethod(nothing)

    @abstractmethod
    def __init__(self, config: Config, make_encoder: MakeEncoder | None = None) -> None:
        """Make the environments and the networks.

        Args:
            make_encoder: an encoder of the caller's, in place of our own.
        """

    @abstractmethod
    def update(self, on_step: OnStep | None = None) -> dict[str, float]:
        """Collect, learn once, and return what was measured.

        Args:
            on_step: called as on_step(trainer, t) after every step of the environments.

        Raises:
            TrainingError: the network, a loss or a gradient is not finite.
        """

    @abstractmethod
    def state(self) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
        """Return all that the next update depends on: tensors by name, and a description for JSON."""

    @abstractmethod
    def load_state(self, tensors: dict[str, torch.Tensor], about: dict[str, Any], name: str = "the checkpoint") -> None:
        """Take over what `state` returned; afterwards the next update is the one that would have followed.

        Raises:
            FileError: it does not fit this trainer's environment, sizes or network.
        """

    @abstractmethod
    def look(self, rows: Array, t: int) -> tuple[Array | None, Array]:
        """Return what the policy makes of some rows after step `t` of an update, for windows.

        Returns:
            Probabilities of every choice (rows, agents or 1, choices), None if continuous, and values (rows, agents).
        """

    def steer(self, table: Mapping[str, Any]) -> None:
        """Go on with another curriculum, from the rows' next episodes on.

        Args:
            table: as `load_curriculum` takes it; an empty one goes back to the run's own parameters.

        Raises:
            ArenaError: this algorithm takes none, or it cannot be; all stays as it was.
        """
        raise ParameterError(f"{self.section} takes no curriculum")

    @abstractmethod
    def close(self) -> None:
        """End threads and environments."""

    @property
    def progress(self) -> float:
        """How much of the run is done, 0 to 1."""
        return min(self.steps / self.config.total_steps, 1.0)

    @property
    def finished(self) -> bool:
        """Whether all steps are done, or `stop` was called."""
        return self._stopped or self.steps >= self.config.total_steps

    _stopped = False

    def stop(self) -> None:
        """Ask the loop around `update` to end."""
        self._stopped = True

    def actor(self) -> Actor:
        """Return somebody who acts with the present policy, whose weights go on changing."""
        return Actor(self.policy)

    def describe(self) -> dict[str, Any]:
        """Return what every checkpoint says about itself."""
        env = self.batch.env
        return {
            "config": to_dict(self.config),
            "env": {"name": env.name, "version": env.version, "rules": source_digest(env)},
            "layout": layout(env, self.batch.rows).hex(),
            "values": list(self.policy.values),
            "steps": self.steps,
            "updates": self.updates,
            "seconds": self.seconds,
            "learning_rate": self.learning_rate,
        }

    def check_layout(self, about: dict[str, Any], name: str) -> None:
        """Check that a checkpoint is of this trainer's environment.

        Raises:
            FileError: it is not.
        """
        env = self.batch.env
        if about["layout"] != layout(env, self.batch.rows).hex():
            raise FileError(
                f"{name} is of another environment, version or size than '{env.name}' version {env.version} with these "
                "parameters"
            )

    def take_counts(self, about: dict[str, Any], name: str) -> None:
        """Take over how far a checkpoint's run had come.

        Raises:
            FileError: its numbers are none to count with.
        """
        rate, steps, updates = float(about["learning_rate"]), int(about["steps"]), int(about["updates"])
        if not (0.0 <= rate < float("inf") and steps >= 0 and updates >= 0):
            raise FileError(f"{name} is damaged: {steps} steps, {updates} updates, learning rate {rate}")
        self.steps, self.updates, self.learning_rate = steps, updates, rate
        self.seconds = float(about["seconds"])

    def take_rows(self, tensors: dict[str, torch.Tensor], name: str) -> None:
        """Go on from the rows that were saved, physics by way of their past.

        Raises:
            FileError: they are none of this environment's.
        """
        saved = {key: tensor.numpy() for key, tensor in tensors.items() if key.startswith(("rows/", "past/"))}
        try:
            self.inexact_rows = int((~self.batch.load_rows(saved)).sum())
        except FileError as error:
            raise FileError(f"{name}: {error}") from None


def groups_of(tensors: dict[str, torch.Tensor], names: Sequence[str]) -> dict[str, dict[str, torch.Tensor]]:
    """Return a checkpoint's tensors by the groups before their names' first slash, those of `names` alone."""
    groups: dict[str, dict[str, torch.Tensor]] = {name: {} for name in names}
    for key, value in tensors.items():
        group, _, rest = key.partition("/")
        if group in groups:
            groups[group][rest] = value
    return groups


def take_generator(generator: torch.Generator, tensors: dict[str, torch.Tensor], name: str) -> None:
    """Take over a generator's state.

    Raises:
        FileError: it is none.
    """
    try:
        generator.set_state(tensors["generator"])
    except (RuntimeError, TypeError, KeyError) as error:
        raise FileError(f"{name} is damaged: its generator cannot be used ({error})") from None


def as_bytes(array: Array) -> torch.Tensor:
    """Return a copy of an array of any dtype as a tensor of bytes."""
    return torch.from_numpy(np.frombuffer(array.tobytes(), np.uint8).copy())


def from_bytes(stored: dict[str, torch.Tensor], into: dict[str, Array], name: str) -> None:
    """Copy bytes back into arrays.

    Raises:
        FileError: an array is missing or has another size; nothing has changed.
    """
    for key, array in into.items():
        if key not in stored or stored[key].dtype != torch.uint8 or stored[key].numel() != array.nbytes:
            raise FileError(f"{name} does not fit this environment: '{key}' is missing or of another size")
    for key, array in into.items():
        array[...] = np.frombuffer(stored[key].numpy().tobytes(), array.dtype).reshape(array.shape)


def below(prefix: str, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return the tensors whose names begin with `prefix`, without it."""
    return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
