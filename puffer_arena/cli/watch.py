"""`watch`: a window on a run, while it trains or afterwards, or on any player at play."""

import sys
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import tyro

from puffer_arena.cli.seats import CONFIG, MAX_BYTES, list_sitters
from puffer_arena.errors import FileError, ParameterError
from puffer_arena.live.address import Address, read_address
from puffer_arena.live.playback import LoadActor
from puffer_arena.live.stopped import StoppedRun
from puffer_arena.live.subscriber import Subscriber
from puffer_arena.live.view import PlayerView, Policy
from puffer_arena.machine.files import read_json_table
from puffer_arena.machine.running import is_running
from puffer_arena.players.names import env_of, find_player, run_named
from puffer_arena.players.player import Acting
from puffer_arena.registry import choose_env, is_foreign
from puffer_arena.trainers.runs.find import find_run
from puffer_arena.trainers.runs.log import find_checkpoints

if TYPE_CHECKING:
    from puffer_arena.render.play.match import Sitter


@dataclass
class Options:
    """Open a window on a run; close it at any time, training goes on.

    Examples:
        python -m puffer_arena watch
        python -m puffer_arena watch runs/snake-20261120-120000
        python -m puffer_arena watch arena:snake@3
        python -m puffer_arena watch snake.bot
        python -m puffer_arena watch bot:footballer --env striker
        python -m puffer_arena watch runs/my_env-20261120-120000 --env my_env.py
        python -m puffer_arena watch --address tcp://192.168.0.7:5555 --key 0123... --env snake
    """

    run: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")] = "newest"
    """run:NAME or a run's folder, `newest` by default; or who plays, named as in `eval`."""
    palette: str = "dark"
    """The colours: dark, light, or safe for eyes that tell few apart."""
    runs_dir: str = "runs"
    """Where run folders are."""
    address: str = ""
    """A trainer on another machine, as it printed it; needs --key and --env."""
    key: str = ""
    """That trainer's key."""
    env: str = ""
    """The environment; needed with --address, and for a run of none that `list` shows: its files name it, but a file
    does not choose what is imported."""


def run(options: Options) -> int:
    """Show the window until it is closed."""
    from puffer_arena.render.draw.palette import choose_palette
    from puffer_arena.render.window.window import show

    choose_palette(options.palette)
    source = find_source(options)
    try:
        show(source, meetings=meetings_of(options, source), sitters=sitters_of(options, source))
    except KeyboardInterrupt:  # closing the window from the terminal is no error
        pass
    finally:
        source.close()
    return 0


def meetings_of(options: Options, source: Any) -> Any:
    """Return what begins matches of a run's league, None where there is no run on this machine."""
    from puffer_arena.render.window.meetings import Meetings

    if options.address or (run := run_named(options.run)) is None:
        return None
    folder = find_run(run, options.runs_dir)
    config, env = read_json_table(folder / CONFIG, MAX_BYTES), source.env
    params, opponent = (each if isinstance(each := config.get(key), dict) else {} for key in ("params", "opponent"))
    role = next(iter(env.agents), "") if opponent.get("separate") else str(opponent.get("role", ""))
    return Meetings(options.env or env.name, env, len(source.agent_ids), folder.resolve(), params, role)


def sitters_of(options: Options, source: Any) -> "list[Sitter]":
    """Return who can play on from what the window shows: bots, and the run's newest policy or who plays."""
    if is_foreign(source.env_id):
        return []
    env = options.env or source.env_id
    if options.address:
        return list_sitters(env, options.runs_dir)
    if (run := run_named(options.run)) is None:
        return list_sitters(env, options.runs_dir, options.run)
    return list_sitters(env, options.runs_dir, run=find_run(run, options.runs_dir))


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
    if (run := run_named(options.run)) is None:
        return at_play(options)
    folder = find_run(run, options.runs_dir)
    address = read_address(folder)
    if address is not None and is_running(address.pid):
        address = replace(address, env=choose_env(address.env, "", options.env, f"run '{folder}'"))
        print(f"watching {folder}, which trains now", flush=True)
        return Subscriber(address, folder, folder.name, actor_loader(), lambda: newest_policy(folder))
    return stopped_run(folder, options.env, address)


def at_play(options: Options) -> PlayerView:
    """Return somebody at play, without a run.

    Raises:
        ParameterError: the environment must be named.
        ArenaError: see `find_player`.
    """
    env = options.env or env_of(options.run)
    if not env:
        raise ParameterError(
            f"to watch a run, name it run:{options.run} or by its folder; for a player at play, name the environment: --env ENV"
        )
    player = find_player(options.run, env, options.runs_dir)
    print(f"watching {player.name} at play in {env}", flush=True)

    def load_player(_: bytes, batch: Any) -> Any:
        return AtPlay(player.prepare(batch), batch)

    return PlayerView(Path(options.run).name, env, player.params, load_player)


class AtPlay:
    """A player as the window has policies act."""

    def __init__(self, acting: Acting, batch: Any) -> None:
        self.acting, self.batch = acting, batch

    def act(self, obs: Any, action_mask: Any = None, acting: Any = None, rewards: Any = None) -> tuple[Any, None, Any]:
        """Return actions for the batch as it stands."""
        return self.acting.choose(self.batch).copy(), None, np.zeros(self.batch.acting.shape)

    def follow(self, older: Any) -> None:
        """Nobody came before."""

    def reset(self, which: Any) -> None:
        """Forget rows whose episode ended."""
        self.acting.forget(which)


def stopped_run(folder: Path, env: str = "", left: Address | None = None) -> StoppedRun:
    """Return a run that does not train now, with its last policy at play until somebody resumes it.

    Args:
        folder: the run's.
        env: the environment as the person named it; needed where it is none of puffer_arena's own.
        left: what a trainer that was killed left of itself.

    Raises:
        ParameterError: its environment must be named.
        FileError: its config is damaged.
        ParameterError: it is of another environment than `env`, or of one that has to be named.
        MissingExtra: torch is not installed.
    """
    from puffer_arena.errors import require

    require("torch", "train")
    from puffer_arena.trainers.runs.run import Run

    config = Run.open(folder).config
    env = choose_env(config.env, "", env, f"run '{folder}'")
    print(f"watching {folder}, which does not train now: its curves, and its last policy at play", flush=True)
    loader = actor_loader()
    assert loader is not None  # torch is there
    return StoppedRun(folder, env, config.params, loader, lambda: newest_policy(folder), config.total_steps, left)


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
    actor = Actor.load(policy, batch.env_id)  # whatever the policy says it is of
    if (actor.policy.observation, actor.policy.action) != (batch.observation, batch.action):
        raise FileError("the policy is of another environment or of other parameters")
    return actor
