"""How a batch is made, whatever its environment: a record that is checked where it is made."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from puffer_arena.batch.limits import MOST_THREADS
from puffer_arena.batch.seeds import check_seed
from puffer_arena.core.random import HELD_OUT_BIT
from puffer_arena.errors import ParameterError, UnknownName, suggest
from puffer_arena.kernels.step import DISABLED, NEXT_STEP, SAME_STEP, SAME_STEP_FINAL

AUTORESET = {"same_step": SAME_STEP, "same_step_final": SAME_STEP_FINAL, "next_step": NEXT_STEP, "disabled": DISABLED}
SPLITS = ("train", "held_out")


@dataclass(frozen=True)
class Settings:
    """How a batch is made, checked; `make` says what each means.

    Raises:
        UnknownName, ParameterError: a value that cannot be.
    """

    num_envs: int = 1
    seed: int = 0
    threads: int = 1
    split: str = "train"
    num_levels: int = 0
    autoreset: str = "same_step"
    compiled: bool = True
    record: bool | None = False
    observe_state: bool = False

    def __post_init__(self) -> None:
        check_choice("split", self.split, SPLITS)
        check_choice("autoreset", self.autoreset, tuple(AUTORESET))
        check_count("num_envs", self.num_envs, 1)
        check_count("threads", self.threads, 1, MOST_THREADS)
        check_count("num_levels", self.num_levels, 0, HELD_OUT_BIT)
        check_seed(self.seed)


def check_choice(what: str, value: str, valid: Sequence[str]) -> None:
    """Refuse what is none of some names."""
    if value not in valid:
        raise UnknownName(f"unknown {what} '{value}'; {suggest(str(value), valid)}")


def check_count(what: str, value: Any, low: int, high: int | None = None) -> None:
    """Refuse what is no whole number within bounds."""
    fits = isinstance(value, int | np.integer) and not isinstance(value, bool) and value >= low
    if not fits or (high is not None and value > high):
        allowed = f"of at least {low}" if high is None else f"from {low} to {high}"
        raise ParameterError(f"{what} = {value!r}; it must be a whole number {allowed}")
