"""All laws, and trying them on one game."""

import traceback
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

from puffer_arena.authoring.explain import explain
from puffer_arena.core.env import Env
from puffer_arena.errors import ArenaError, UnknownName, suggest
from puffer_arena.laws import people, same, spaces
from puffer_arena.laws.law import DoesNotApplyError, Law, Subject
from puffer_arena.registry import is_foreign, load_env


def _load(subject: Subject) -> str:
    batch = subject.make(1, 0)
    batch.step(batch.actions)
    return f"version {batch.env.version}"


LAWS = (
    Law("definition", "the file loads, its definition holds together and its rules compile", _load),
    Law("compiled", "compiled rules write the bytes that plain Python does", same.compiled),
    Law("seeds", "one seed plays the same twice, another seed otherwise", same.seeds),
    Law("levels", "held-out levels are others than training's, and can be limited", same.levels),
    Law("rows", "what happens in one row leaves the others as they are", same.rows),
    Law("threads", "two threads write the bytes of one", same.threads),
    Law("snapshot", "a snapshot has the same future in any row", same.snapshot),
    Law("rewind", "an episode that is rewound was the same at that step", same.rewind),
    Law("numbers", "observations lie in their space, rewards and State are finite", spaces.numbers),
    Law("buffers", "rules write every element at every step", spaces.buffers),
    Law("masks", "masks leave everybody a choice, and bots keep to them", spaces.masks),
    Law("parameters", "parameters work at both ends of their ranges, indices checked", spaces.parameters),
    Law("shrinking", "a row may lower any parameter below its batch's", spaces.shrinking),
    Law("bots", "bots only read the row", people.bots),
    Law("strength", "the first bot beats random play in every role", people.strength),
    Law("keys", "keys and the idle action are valid actions", people.keys),
    Law("clicks", "clicks on the picture are choices", people.clicks),
    Law("drawing", "it draws, in colours of the palette, and leaves the row as it is", people.drawing),
    Law("endings", "episodes end", people.endings),
    Law("speed", "how fast it steps", people.speed),
)
NAMES = tuple(law.name for law in LAWS)


@dataclass(frozen=True)
class Finding:
    """What came of one law."""

    law: Law
    holds: bool | None  # None where it says nothing about the game, or was not tried
    said: str  # figures, what broke it, or why it says nothing


@dataclass(frozen=True)
class Report:
    """What came of all laws that were tried; as text, a line for each.

    Attributes:
        env: the environment's id.
        findings: in the order of `LAWS`.
    """

    env: str
    findings: list[Finding] = field(default_factory=list)

    @property
    def failed(self) -> list[Finding]:
        """The laws that do not hold."""
        return [finding for finding in self.findings if finding.holds is False]

    @property
    def ok(self) -> bool:
        """Whether all hold."""
        return not self.failed

    def __str__(self) -> str:
        return "\n".join([self.env, *map(line, self.findings), self.summary])

    @property
    def summary(self) -> str:
        """How many laws hold, in one line."""
        tried = [finding for finding in self.findings if finding.holds is not None]
        rest = "; the others were not tried" if self.failed and self.failed[0].law is LAWS[0] else ""
        return f"{len(tried) - len(self.failed)} of {len(tried)} laws hold{rest}"


def line(finding: Finding) -> str:
    """Return one finding as text: what broke a law stands under it."""
    word = {True: "ok", False: "FAILED", None: "-"}[finding.holds]
    head = f"  {finding.law.name:<12}{word:<8}"
    if finding.holds is False:
        told = finding.said.replace("\n", "\n      ")
        return f"{head}{finding.law.about}\n      {told}"
    note = f" ({finding.said})" if finding.said else ""
    return f"{head}{finding.law.about}{note}"


def check(env: str, laws: Collection[str] = (), told: Callable[[Finding], None] | None = None, **params: Any) -> Report:
    """Try the laws that every environment owes on one.

    Args:
        env: an id, a dotted module or a path to a .py file.
        laws: names of `LAWS`; all of them by default.
        told: called with every finding as soon as there is one.
        params: the environment's parameters.

    Raises:
        UnknownName: no such environment, law or parameter.
        ParameterError: a parameter out of range.
    """
    for name in laws:
        if name not in NAMES:
            raise UnknownName(f"unknown law '{name}'; {suggest(name, NAMES)}")
    if is_foreign(env):
        load_env(env).check_own("check")
    subject, report = Subject(env, params), Report(env)
    for finding in _findings(subject, [law for law in LAWS if not laws or law.name in laws or law is LAWS[0]]):
        report.findings.append(finding)
        if told is not None:
            told(finding)
    return report


def _findings(subject: Subject, laws: list[Law]) -> Iterator[Finding]:
    for law in laws:
        finding = _try(law, subject)
        yield finding
        if law is LAWS[0] and finding.holds is False:  # nothing else can be tried
            return


def _try(law: Law, subject: Subject) -> Finding:
    try:
        return Finding(law, True, law.hold(subject))
    except DoesNotApplyError as error:
        return Finding(law, None, str(error))
    except UnknownName:
        raise  # of what was asked for, not of the game
    except ArenaError as error:
        return Finding(law, False, str(error))
    except Exception as error:  # of the author's plain Python: draw, build, the module itself
        return Finding(law, False, _where(subject, error))


def _where(subject: Subject, error: Exception) -> str:
    """Say where in the author's file an exception comes from."""
    try:
        env: Env | None = load_env(subject.env_id)
    except Exception:  # whatever the author's file raises again; where is all that is asked here
        env = None
    if env is not None:
        if known := explain(env, error):
            return str(known)
        file = env.reset.__code__.co_filename
        for frame in reversed(traceback.extract_tb(error.__traceback__)):
            if frame.filename == file:
                return str(env.error_at(frame.name, file, frame.lineno or 0, f"{type(error).__name__}: {error}"))
    return "".join(traceback.format_exception(error)[-3:]).strip()
