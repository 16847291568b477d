"""Training from Python: `puffer_arena.train` and `puffer_arena.load`; docs/training.md shows them at work."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from puffer_arena.errors import DefinitionError, ParameterError, require
from puffer_arena.players.evaluate import Sample, evaluate
from puffer_arena.players.names import policies


@dataclass
class Trained:
    """What a training run came to.

    Attributes:
        config: every setting, with each "auto" resolved.
        actor: the policy, to act with: see `Actor.act` and `Actor.choose`.
        metrics: one dictionary for each update that this call made, as in metrics.jsonl.
        steps: environment steps done.
        folder: the run's, None where nothing was written.
    """

    config: Any
    actor: Any
    metrics: list[dict[str, float]] = field(repr=False)
    steps: int
    folder: Path | None

    def evaluate(self, episodes: int = 1000, deterministic: bool = False, **options: Any) -> Sample:
        """Play episodes with the policy and return what they gave; `options` are those of `players.evaluate`."""
        player = policies().actor_player(self.actor, deterministic=deterministic)
        return evaluate(self.config.env, player, episodes, **options)

    def save(self, path: str | Path) -> None:
        """Write the policy alone, which `puffer_arena.load` reads.

        Raises:
            OSError: it cannot be written; an older file is as it was.
        """
        from puffer_arena.machine.files import write_bytes
        from puffer_arena.trainers.networks.policy import policy_bytes

        write_bytes(Path(path), policy_bytes(self.actor.policy))


def train(
    env: str,
    *,
    total_steps: int | None = None,
    algorithm: Any = "",
    loss: Callable[[Any, Any], Any] | None = None,
    settings: Mapping[str, Any] | None = None,
    params: Mapping[str, Any] | None = None,
    preset: str = "",
    make_encoder: Any = None,
    offline: str | Path = "",
    on_step: Callable[[Any, int], None] | None = None,
    on_update: Callable[[Any, dict[str, float]], None] | None = None,
    folder: str | Path | None = None,
    resume: bool = False,
    track: Iterable[str] = (),
) -> Trained:
    """Let an agent learn an environment, with its tuned settings unless others are given.

    Args:
        env: an id of `list_envs`, a dotted module, or a path to a .py file.
        total_steps: environment steps of the whole run.
        algorithm: a name, a path to a .py file, or a subclass of `Algorithm`.
        loss: a loss of your own in place of the algorithm's: loss(row, settings) -> (each row's, statistics).
        settings: dotted name -> value, such as {"ppo.gamma": 0.98, "network.hidden": (64, 64)}.
        params: the environment's parameters.
        preset: settings that suit any environment, such as "samples".
        make_encoder: make_encoder(observation space, network settings) -> a torch module of `width` features.
        offline: the folder of a dataset, for algorithms that learn without playing; see docs/offline.md.
        on_step: called as on_step(trainer, t) after every step of the environments; must be cheap.
        on_update: called as on_update(trainer, metrics) after every update.  It may stop the run by `trainer.stop()`,
            and write `trainer.batch.params`: a curriculum of your own.
        folder: where to keep the run (config, metrics, checkpoints); nothing is written without.
        resume: go on from the newest checkpoint in `folder`.
        track: trackers that follow the run in `folder` beside TensorBoard: "wandb", "trackio".

    Raises:
        MissingExtra: torch is not installed.
        ArenaError: an unknown name, a value out of range, a damaged checkpoint, or a run that cannot go on.
    """
    require("torch", "train")
    from puffer_arena.trainers.algorithms import load_algorithm, with_loss
    from puffer_arena.trainers.config import load_config
    from puffer_arena.trainers.runs.run import Run
    from puffer_arena.trainers.runs.train import Callbacks
    from puffer_arena.trainers.runs.train import train as train_into
    from puffer_arena.trainers.trainer import make_trainer

    name = load_algorithm(algorithm) if algorithm else ""
    if loss is not None:
        if not hasattr(loss, "__name__"):
            raise DefinitionError(f"a loss is a function, loss(row, settings); this is a {type(loss).__name__}")
        name = with_loss(name or "ppo", loss)
    overrides = {**(settings or {}), **{f"params.{key}": value for key, value in (params or {}).items()}}
    if total_steps is not None:
        overrides["total_steps"] = total_steps
    if offline:
        overrides["offline"] = str(offline)
    config = load_config(env, overrides=overrides, preset=preset, algorithm=name, resumes=resume)
    metrics: list[dict[str, float]] = []

    def keep(trainer: Any, measured: dict[str, float]) -> None:
        metrics.append(measured)
        if on_update is not None:
            on_update(trainer, measured)

    if folder is None:
        if resume:
            raise ParameterError("resume=True goes on with a run's folder; give folder=")
        trainer = make_trainer(config, make_encoder)
        try:
            while not trainer.finished:
                keep(trainer, trainer.update(on_step))
        finally:
            trainer.close()
    else:
        run = Run.open(folder) if resume else Run.create(config, Path(folder).parent, Path(folder).name)
        run.track(track)
        begun: list[Any] = []
        callbacks = Callbacks(on_start=begun.append, on_step=on_step, on_update=keep)
        try:
            trainer = train_into(config, run, callbacks, resume, make_encoder)
        finally:
            for each in begun:
                each.close()
    trainer.policy.cpu()  # where actors act
    return Trained(trainer.config, trainer.actor(), metrics, trainer.steps, None if folder is None else Path(folder))


def load(source: str | Path | bytes, env: str = "", make_encoder: Any = None, runs_dir: str | Path = "runs") -> Any:
    """Return an `Actor` for a checkpoint's or policy's file, or for the newest checkpoint of a run.

    Args:
        source: a file, a run's folder, "run:" and a run's name or "newest", or the bytes of a file.
        env: the environment, named where it does not come with puffer_arena: no file chooses what is imported.
        make_encoder: what the policy was trained with, if it was not ours.
        runs_dir: where run folders are.

    Raises:
        MissingExtra: torch is not installed.
        UnknownName: there is no such run.
        FileError: damaged, foreign, from a newer version, or not fitting its environment.
    """
    require("torch", "train")
    from puffer_arena.trainers.actor import Actor
    from puffer_arena.trainers.runs.find import find_policy

    return Actor.load(
        source if isinstance(source, bytes) else find_policy(str(source), str(runs_dir)), env, make_encoder
    )
