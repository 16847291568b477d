"""What the window shows: a source of frames, metrics and answers, wherever they come from."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from puffer_arena.batch.endings import Ending
from puffer_arena.batch.frame import Frame
from puffer_arena.core.env import Env
from puffer_arena.live.messages import Steering


class Source(Protocol):
    """A running trainer, a finished run, or a local game."""

    title: str  # the run's name
    env: Env
    env_id: str  # as `make` takes it
    agent_ids: Sequence[str]  # empty for a solo environment
    num_envs: int  # how many rows there are to watch; 0 while that is not known
    frame: Frame | None  # the newest; None until one came
    metrics: Mapping[str, Sequence[tuple[float, float]]]  # name -> (steps, value) so far: "episode_return", ...
    status: str  # of the trainer: "waiting", "training", "paused", "finished", "stopped" (before its end), "lost";
    # "playing" where there is none
    total: int  # environment steps of the whole run; 0 where that is not known
    asked: str  # of the trainer and not answered yet: "pause", "resume" or "step"; "" mostly
    note: str  # one line for the person: why it is lost, what a command did
    mode: str  # "time-lapse": the training rows; "smooth": the newest policy at natural speed
    modes: Sequence[str]  # those that can be had now
    frame_seconds: float  # set by the window: a new frame is wanted no more often
    steering: Steering  # the curriculum in force and what was changed, as far as a trainer has told it
    takes_effect: str  # when a parameter that the person sets does, in a few words
    speed: float  # 1.0 is natural speed in "smooth"; in "time-lapse" a limit on training, 0 for none

    @property
    def endings(self) -> Mapping[int, Ending]:
        """What is to be said of episodes that ended a moment ago: row -> ending."""

    @property
    def view_paused(self) -> bool:
        """Whether the policy that plays here, in smooth mode, stands still."""

    @property
    def made(self) -> Mapping[str, Any]:
        """The parameters that the rows were made with."""

    @property
    def wanted(self) -> Mapping[str, Any]:
        """The parameters that the next episodes begin with."""

    def poll(self) -> None:
        """Take in what has come since the last call; never waits."""

    def send(self, command: str, **arguments: Any) -> None:
        """Ask for something: see `puffer_arena.live.commands` for commands and arguments."""

    def close(self) -> None:
        """Let go of the connection; the trainer goes on."""
