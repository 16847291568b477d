"""`watch`: a window on a run, while it trains or afterwards."""

import shlex
import sys
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import tyro

from puffer_arena.cli.runs import find_run, portable
from puffer_arena.core.errors import FileError, ParameterError
from puffer_arena.core.registry import list_envs
from puffer_arena.live.address import Address, is_running, read_address
from puffer_arena.live.commands import printable
from puffer_arena.live.player import LoadActor
from puffer_arena.live.subscriber import Subscriber
from puffer_arena.live.view import FinishedRun, Policy
from puffer_arena.trainers.runlog import find_checkpoints


@dataclass
class Options:
    """Open a window on a run; close it at any time, training goes on.

    Examples:
        python -m puffer_arena watch
        python -m puffer_arena watch runs/snake-20261120-120000
        python -m puffer_arena watch runs/a --env my_env.py
        python -m puffer_arena watch --address tcp://192.168.0.7:5555 --key 0123... --env snake
    """

    run: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")] = ""
    """A run's folder or name; the newest by default."""
    runs_dir: str = "runs"
    """Where run folders are."""
    address: str = ""
    """A trainer on another machine, as it printed it; needs --key and --env."""
    key: str = ""
    """That trainer's key."""
    env: str = ""
    """That trainer's environment; for a RUN only where it is none of `list`."""


def run(options: Options) -> int:
    """Show the window until it is closed."""
    from puffer_arena.render.window import show, yield_to_training

    source = find_source(options)
    try:
        show(source, on_frame=yield_to_training)
    except KeyboardInterrupt:  # closing the window from the terminal is no error
        pass
    finally:
        source.close()
    return 0


def find_source(options: Options) -> Any:
    """Return what the window is to show, and say which run it is.

    Raises:
        ArenaError: there is no such run, or it cannot be watched.
    """
    if options.address:
        if not (options.key and options.env):
            raise ParameterError("--address needs the trainer's --key and --env; it printed all three")
        print(f"watching {options.address}", flush=True)
        return Subscriber(Address(options.address, options.key, options.env), load_actor=actor_loader())
    folder = find_run(options.run, options.runs_dir)
    address = read_address(folder)
    if address is not None and is_running(address.pid):
        address = replace(address, env=choose_env(address.env, options.env))
        print(f"watching {folder}, which trains now", flush=True)
        return Subscriber(address, folder, folder.name, actor_loader(), lambda: newest_policy(folder))
    return finished_run(folder, options.env)


def choose_env(found: str, named: str) -> str:
    """Return the environment to import for a run: what a person named, or a built-in one that the run's files name.

    Raises:
        ParameterError: the run's files name another, which they could have from anybody.
    """
    if named or found in list_envs():
        return named or found
    raise ParameterError(
        f"this run is of '{printable(found)}', and files do not choose what is imported; if you trust it, name it: "
        f"--env {shlex.quote(printable(found))}"
    )


def finished_run(folder: Path, named_env: str = "") -> FinishedRun:
    """Return a run that does not train now, with its last policy at play.

    Raises:
        ParameterError: its environment must be named.
        FileError: its config is damaged.
        MissingExtra: torch is not installed.
    """
    from puffer_arena.core.errors import require

    require("torch", "train")
    from puffer_arena.trainers.run import Run

    config = Run.open(folder).config
    print(f"watching {folder}, which does not train now: its curves, and its last policy at play", flush=True)
    loader = actor_loader()
    assert loader is not None  # torch is there
    env_id = choose_env(config.env, named_env)
    return FinishedRun(folder, env_id, config.params, loader, lambda: newest_policy(folder))


def newest_policy(folder: Path) -> Policy | None:
    """Return the newest checkpoint that can be read, with its steps."""
    for path in reversed(find_checkpoints(folder)):
        try:
            return path.read_bytes(), int(path.stem)
        except OSError as error:
            print(f"cannot read {path}: {error.strerror}", file=sys.stderr)
    return None


def actor_loader() -> LoadActor | None:
    """Return what makes a policy act, or None without torch: then only the training rows can be watched."""
    if find_spec("torch") is None:
        return None
    return load_actor


def load_actor(policy: bytes, batch: Any) -> Any:
    """Return an actor for a policy of the environment that the batch is of; no other is imported.

    Raises:
        FileError: the policy is damaged, of another environment, or of other spaces than the batch.
    """
    import torch

    from puffer_arena.trainers.actor import Actor

    torch.set_num_threads(1)  # a few rows; the trainer needs the cores
    found = policy_env(policy)
    if portable(found) != portable(batch.env_id):
        raise FileError(f"the policy is of '{printable(found, 100)}'; this window shows '{batch.env_id}'")
    actor = Actor.load(policy)
    if (actor.policy.observation, actor.policy.action) != (batch.observation, batch.action):
        raise FileError("the policy is of another environment or of other parameters")
    return actor


def policy_env(policy: bytes) -> str:
    """Return which environment a policy or checkpoint says it is of; nothing is imported for it.

    Raises:
        FileError: it is damaged, or neither.
    """
    from puffer_arena.trainers.actor import CHECKPOINT_KIND, CHECKPOINT_VERSION
    from puffer_arena.trainers.networks.policy import POLICY_KIND, POLICY_VERSION
    from puffer_arena.trainers.tensorfile import unpack

    kind, _, about = unpack(policy, {POLICY_KIND: POLICY_VERSION, CHECKPOINT_KIND: CHECKPOINT_VERSION}, "the policy")
    origin = about.get("config" if kind == CHECKPOINT_KIND else "origin")
    env = origin.get("env") if isinstance(origin, dict) else None
    if not isinstance(env, str):
        raise FileError("the policy is damaged: it does not say which environment it is of")
    return env
