"""Bots in a game's loop: decisions at their own rate, spread over frames, and never an error in the middle of a game.

driver = Driver(bot, game_fps=60, decision_rate=10, budget_ms=2.0)
while playing:
    driver.frame()
    for enemy in enemies:
        enemy.steer(driver.action(enemy.number, lambda: bot.observe(x=enemy.x, ...)))
"""

import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from puffer_arena.bots.bot import Bot, BotWarning
from puffer_arena.bots.file import read_file
from puffer_arena.bots.model import Model
from puffer_arena.errors import ArenaError, FileError, ParameterError, shown

BETWEEN = ("hold", "idle", "interpolate")
MOST_FPS = 10_000.0
GOLDEN = 0.6180339887498949  # multiples of it, without their whole part, lie far from one another


class Driver:
    """Lets bots decide every few frames, some in each, within a budget of time.

    Args:
        bot: who decides, for actors 0, 1, 2, ...
        game_fps: frames a second of the game.
        decision_rate: decisions a second of every actor; the rate it was trained at by default.
        between: what an actor does in frames without a decision: "hold" its action, "idle" after giving it once, as
            for a jump, or "interpolate" from the last action to this one, if they are continuous.
        idle: the action then.
        budget_ms: decisions beyond it wait for the next frame, where those who waited come first.
        fallback: chooses an action for an observation, None where there is none, after whatever error of the bot or of
            what observes for it; said once.
        clock: seconds, for tests.

    Attributes:
        late: decisions that had to wait for a later frame.
    """

    def __init__(
        self,
        bot: Bot,
        game_fps: float,
        decision_rate: float = 0.0,
        between: str = "hold",
        idle: Any = None,
        budget_ms: float = 4.0,
        fallback: Callable[[Any], Any] | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        rate = decision_rate or bot.model.decision_rate
        for name, value in (("game_fps", game_fps), ("decision_rate", rate), ("budget_ms", budget_ms)):
            if not isinstance(value, int | float) or not 0.0 < value <= MOST_FPS:
                raise ParameterError(f"{name} = {shown(value)}; it must be above 0 and at most {MOST_FPS:g}")
        if between not in BETWEEN:
            raise ParameterError(f"between = {shown(between)}; it must be one of {', '.join(BETWEEN)}")
        if between == "interpolate" and any(leaf.kind != "box" for leaf in bot.model.actions):
            raise ParameterError("only continuous actions can be interpolated; use between='hold'")
        if between == "idle" and idle is None:
            raise ParameterError("between='idle' gives every action once; say what is done else: idle=")
        self.bot, self.every = bot, max(game_fps / rate, 1.0)
        self.between, self.idle, self.fallback, self.late = between, idle, fallback, 0
        self._budget, self._clock = budget_ms / 1000.0, clock
        self._frame, self._spent, self._failed = -1, 0.0, False
        self._due: dict[int, float] = {}  # frame of every actor's next decision
        self._actions: dict[int, tuple[Any, Any]] = {}  # the one before, and the present
        self._decided: dict[int, int] = {}
        self._waiting, self._late = set[int](), set[int]()  # who was late in the last frame, and in this one
        self._file: tuple[Path, tuple[int, int]] | None = None

    def frame(self) -> None:
        """Begin a frame of the game."""
        self._frame, self._spent = self._frame + 1, 0.0
        self._waiting, self._late = self._late, set()

    def action(self, actor: int, observe: Callable[[], Any], mask: Any = None) -> Any:
        """Return what an actor does in this frame.

        Args:
            observe: called only where a decision is due.
            mask: see `Bot.act`.
        """
        if actor not in self._due:  # new actors take turns: each begins at another frame of the interval
            self._due[actor] = self._frame + int(len(self._due) * GOLDEN % 1.0 * self.every)
        first = actor not in self._actions
        if first or self._due[actor] <= self._frame:
            others_first = bool(self._waiting) and actor not in self._waiting
            if not first and (others_first or self._spent >= self._budget):
                self.late += 1
                self._late.add(actor)
            else:
                self._waiting.discard(actor)
                self._decide(actor, observe, mask)
        before, now = self._actions[actor]
        since = self._frame - self._decided[actor]
        if self.between == "idle" and since:
            return self.idle
        if self.between == "interpolate":
            share = min((since + 1) / self.every, 1.0)
            return before + (now - before) * share
        return now

    def _decide(self, actor: int, observe: Callable[[], Any], mask: Any) -> None:
        begun, obs = self._clock(), None
        try:
            obs = observe()
            chosen = self.bot.act(obs, mask, actor)
        except Exception as error:  # a game goes on, whatever it was
            if self.fallback is None:
                raise
            chosen = self.fallback(obs)
            if not self._failed:
                self._failed = True
                kind = "" if isinstance(error, ArenaError) else f"{type(error).__name__}: "
                warnings.warn(f"the bot fails, and its fallback plays on: {kind}{error}", BotWarning, stacklevel=3)
        _, last = self._actions.get(actor, (chosen, chosen))
        self._actions[actor], self._decided[actor] = (last, chosen), self._frame
        due = self._due[actor]
        self._due[actor] = due + self.every if due + 2 * self.every > self._frame else self._frame + self.every
        self._spent += self._clock() - begun

    def forget(self, actor: int) -> None:
        """Let an actor begin anew, as when it is born again: no memory, no action, a decision at once."""
        self.bot.reset(actor)
        for table in (self._due, self._actions, self._decided):
            table.pop(actor, None)

    # -- a file that changes ------------------------------------------------------------------------

    def watch(self, path: str | Path) -> None:
        """Note a bot's file, for `reload`."""
        self._file = Path(path), _stamp(Path(path))

    def reload(self) -> bool:
        """Take over the file where it has changed since; tell whether the bot is a new one.

        A file that cannot be used is said, once for each change, and the old bot plays on.
        """
        if self._file is None:
            raise ParameterError("there is no file to reload; name it first: driver.watch(path)")
        path, before = self._file
        now = _stamp(path)
        if now == before or now == (0, 0):
            return False
        self._file = path, now
        try:
            model = Model(read_file(path), f"'{path}'")
            model.check()
            if _shape(model) != _shape(self.bot.model):
                raise FileError(f"'{path}' sees or does other things than the bot that plays")
            bot = self.bot.renewed(model)
        except (FileError, ParameterError) as error:  # the latter: a level of one's own that the new file cannot play
            warnings.warn(f"the old bot plays on: {error}", BotWarning, stacklevel=2)
            return False
        self.bot = bot
        return True


def _stamp(path: Path) -> tuple[int, int]:
    """Return what changes with a file's content: when it was written, and its size; zeros where there is none."""
    try:
        found = path.stat()
    except OSError:
        return 0, 0
    return found.st_mtime_ns, found.st_size


def _shape(model: Model) -> Any:
    return [(leaf.path, leaf.kind, leaf.shape, leaf.codes) for leaf in [*model.leaves, *model.actions]]
