"""Making a batch: `make("snake", num_envs=4096, seed=0, threads=2)`."""

from typing import Any

from puffer_arena.batch.batch import Batch
from puffer_arena.batch.settings import Settings, check_choice
from puffer_arena.registry import load_env, with_options

DEVICES = ("cpu", "cuda")


def make(
    env_id: str,
    num_envs: int = 1,
    seed: int = 0,
    threads: int = 1,
    *,
    split: str = "train",
    num_levels: int = 0,
    autoreset: str = "same_step",
    compiled: bool = True,
    record: bool | None = False,
    observe_state: bool = False,
    device: str = "cpu",
    **params: Any,
) -> Batch:
    """Make a batch of `num_envs` rows of an environment, already reset.

    Args:
        env_id: an id of `list_envs()`, a dotted module, or a path to a .py file.
        num_envs: rows.
        seed: of all the rows; a whole number of at least 0, hashed where it takes more than 64 bits.
        threads: threads that step them, at most 1024; the bytes do not depend on it.
        split: "train" or "held_out": two halves of the levels that never meet.
        num_levels: how many different levels occur, at most 2**31; 0 for no limit.
        autoreset: "same_step" (keeps `final_obs` of truncated episodes), "same_step_final" (of all),
            "next_step" or "disabled", as Gymnasium defines them.
        compiled: False runs the rules in plain Python, for debugging.
        record: keep every row's actions since its episode began, for `rewind` and for exact snapshots of physics; None
            does so for physics only.
        observe_state: steps write `global_state`, too, and `final_global_state`, as `Env.observe_state` sees the rows.
        device: "cuda" keeps rows and buffers in the memory of an NVIDIA GPU and steps them there (docs/gpu.md).
        params: the environment's parameters, the same for all rows at first; `pixels=64` besides has agents see the
            game as a picture, uint8 (64, 64, 3), as the id "snake:pixels=64" does, and `frames=4` its last four
            observations at once, as the id "snake:frames=4" does.

    Raises:
        UnknownName, ParameterError, DefinitionError: see `errors.py`; rows that do not fit into this machine's memory,
            or its GPU's, are a ParameterError, before anything is allocated.
        DeviceError, MissingExtra: there is no GPU that can be used.
    """
    env_id, params = with_options(env_id, params)
    check_choice("device", device, DEVICES)
    settings = Settings(num_envs, seed, threads, split, num_levels, autoreset, compiled, record, observe_state)
    kind = Batch
    if device == "cuda":
        from puffer_arena.batch.gpu.batch import GpuBatch

        kind = GpuBatch
    return kind(load_env(env_id), env_id, settings, params)
