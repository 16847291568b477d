"""A sweep: trials in processes of their own, chosen by Optuna, kept in an SQLite file that a later sweep goes on with."""

import contextlib
import json
import os
import platform
import secrets
import subprocess
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from puffer_arena.batch.workers.processes import python
from puffer_arena.errors import FileError, ParameterError, require, shown
from puffer_arena.machine.running import is_running
from puffer_arena.sweeps.space import Range
from puffer_arena.sweeps.trial import REPORTS

CODE = "from puffer_arena.sweeps.trial import main; main()"
SAMPLERS = ("tpe", "gp", "random")
OBJECTIVES = (("score",), ("score", "seconds"))
STEPS = "total_steps"
PATIENCE = 60  # seconds for another sweep to let go of the file
OF = "of"  # what a study notes of its plan
FEWEST_PART = 0.25  # of a run's steps, which a search for cheap runs may choose


@dataclass
class Plan:
    """What a sweep does.

    Attributes:
        order: what each trial trains; see `trial.run`.
        space: setting -> its values.
        storage: the SQLite file.
        name: of the study in it.
        objectives: ("score",) or ("score", "seconds"): then there is no best trial but a front, and the steps of a run are
            searched, too.
        total_steps: of a trial, at most.
        prune: end trials early that fall behind (Li et al. 2018, ASHA); only for one objective.
    """

    order: dict[str, Any]
    space: Mapping[str, Range]
    storage: Path
    name: str
    objectives: tuple[str, ...] = ("score",)
    total_steps: int = 1_000_000
    sampler: str = "tpe"
    seed: int = 0
    prune: bool = True
    told: Callable[[Any], None] = field(default=lambda study: None)


def open_study(plan: Plan) -> Any:
    """Return the study of a plan, new or as earlier sweeps left it.

    Raises:
        MissingExtra: optuna is not installed.
        FileError: the file is no storage, or the study in it has other objectives or is of another plan, whose scores
            are not comparable.
    """
    optuna: Any = require("optuna", "sweep")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    samplers = {
        "tpe": lambda: optuna.samplers.TPESampler(seed=plan.seed, multivariate=True, constant_liar=True),
        "gp": lambda: optuna.samplers.GPSampler(seed=plan.seed),
        "random": lambda: optuna.samplers.RandomSampler(seed=plan.seed),
    }
    pruner = optuna.pruners.NopPruner()
    if plan.prune and len(plan.objectives) == 1:
        pruner = optuna.pruners.SuccessiveHalvingPruner(min_resource=REPORTS // 4, reduction_factor=2)
    plan.storage.parent.mkdir(parents=True, exist_ok=True)
    wanted = {name: plan.order.get(name) or "" for name in ("env", "algorithm", "score")} | {STEPS: plan.total_steps}
    directions = ["maximize", "minimize"][: len(plan.objectives)]
    try:
        study = optuna.create_study(
            storage=_open_storage(plan.storage),
            study_name=plan.name,
            sampler=samplers[plan.sampler](),
            pruner=pruner,
            directions=directions,
            load_if_exists=True,
        )
        found = [direction.name.lower() for direction in study.directions]
        if OF not in study.user_attrs:
            with contextlib.suppress(Exception):  # of SQLAlchemy, where another sweep notes it at the same time
                study.set_user_attr(OF, wanted)
        noted = study.user_attrs[OF]
    except Exception as error:  # of SQLAlchemy and SQLite, which have many
        raise FileError(f"'{plan.storage}' cannot be used as a sweep's storage: {str(error).splitlines()[0]}") from None
    if found != directions:
        raise FileError(
            f"study '{plan.name}' in '{plan.storage}' has {len(found)} objectives, not {len(directions)}; choose another "
            "--name or the same --objectives"
        )
    if noted != wanted:
        raise FileError(
            f"study '{plan.name}' in '{plan.storage}' is of {shown(noted)}, not {shown(wanted)}, and its scores would be "
            "compared; choose another --name or --storage"
        )
    return study


def _open_storage(path: Path) -> Any:
    """Open a storage.  A new one is made beside its place and put there whole, as other sweeps may begin at the same time."""
    storage = require("optuna.storages", "sweep").RDBStorage
    options: dict[str, Any] = {"connect_args": {"timeout": PATIENCE}}
    if not path.exists():
        beside = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
        try:
            storage(f"sqlite:///{beside.resolve()}", engine_kwargs=options).engine.dispose()
            with contextlib.suppress(FileExistsError):
                os.link(beside, path)
        finally:
            beside.unlink(missing_ok=True)
    return storage(f"sqlite:///{path.resolve()}", engine_kwargs=options)


def sweep(plan: Plan, trials: int, workers: int) -> Any:
    """Run trials until there are so many more, some at a time, and return the study.

    Raises:
        ArenaError: see `open_study`; ParameterError where no trial could be run at all.
    """
    study = open_study(plan)
    for trial in study.get_trials(states=[_states().RUNNING]):
        if trial.user_attrs.get("host") == platform.node() and not is_running(int(trial.user_attrs.get("pid", 0))):
            study.tell(trial.number, state=_states().FAIL)  # of a sweep that was killed
    running: list[subprocess.Popen[str]] = []

    def one(_: int) -> str:
        trial = study.ask()
        trial.set_user_attr("pid", os.getpid())
        trial.set_user_attr("host", platform.node())
        return _run(plan, study, trial, running)

    with ThreadPoolExecutor(workers) as pool:
        try:
            reasons = list(pool.map(one, range(trials)))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in list(running):
                process.kill()
            raise
    if trials and all(reasons):
        raise ParameterError(f"none of {trials} trials could be run; the last one: {reasons[-1]}")
    return study


def _states() -> Any:
    return require("optuna.trial", "sweep").TrialState


def _run(plan: Plan, study: Any, trial: Any, running: list[Any]) -> str:
    """Run one trial; return why it failed, "" where it did not."""
    states = _states()
    overrides = {name: spread.draw(trial, name) for name, spread in plan.space.items()}
    overrides[STEPS] = plan.total_steps
    if len(plan.objectives) > 1:
        overrides[STEPS] = trial.suggest_int(STEPS, int(plan.total_steps * FEWEST_PART), plan.total_steps, log=True)
    order = {**plan.order, "overrides": {**plan.order["overrides"], **overrides}}
    process = subprocess.Popen(
        python(CODE), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    running.append(process)
    begun = time.monotonic()
    score, seconds, failed, pruned = None, 0.0, "", False
    assert process.stdin and process.stdout  # asked for above
    try:
        process.stdin.write(json.dumps(order) + "\n")
        process.stdin.flush()
        for number, line in enumerate(process.stdout):
            said = json.loads(line) if line.startswith("{") else {}
            failed = said.get("failed", failed)
            score, seconds = said.get("score", score), said.get("seconds", seconds)
            if score is not None and len(plan.objectives) == 1:
                trial.report(score, number)
                if pruned := trial.should_prune():
                    process.kill()
                    break
            plan.told(study)
    finally:
        process.stdin.close()
        process.stdout.close()
        code = process.wait()
        running.remove(process)
    trial.set_user_attr("seconds", seconds or time.monotonic() - begun)
    if pruned:
        study.tell(trial, state=states.PRUNED)
    elif score is None or failed or code:
        failed = failed or ("no episode ended in its steps" if not code else f"its process ended with {code}")
        trial.set_user_attr("failed", failed[:500])
        study.tell(trial, state=states.FAIL)
    else:
        study.tell(trial, [score, seconds][: len(plan.objectives)])
    plan.told(study)
    return failed


def best_trials(study: Any) -> list[Any]:
    """Return the best trial, or those of the front by falling score."""
    return sorted(study.best_trials, key=lambda trial: -trial.values[0])


def importances(study: Any) -> dict[str, float]:
    """Return how much each setting mattered to the score, of 1 together; none where too few trials are complete."""
    optuna: Any = require("optuna", "sweep")
    complete = study.get_trials(states=[_states().COMPLETE])
    if len(complete) < 8:
        return {}
    found = optuna.importance.get_param_importances(
        study, evaluator=optuna.importance.PedAnovaImportanceEvaluator(), target=lambda trial: trial.values[0]
    )
    return dict(found)
