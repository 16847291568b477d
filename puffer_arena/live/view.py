"""What every source of this package does: hold curves and a frame, and let a policy play in smooth mode."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from puffer_arena.batch.endings import Ending
from puffer_arena.batch.frame import Frame
from puffer_arena.errors import ArenaError, ParameterError
from puffer_arena.live.commands import MODES, Command, check_command
from puffer_arena.live.history import Curve, History
from puffer_arena.live.messages import Steering
from puffer_arena.live.playback import LoadActor, Playback
from puffer_arena.registry import drawn_id, is_foreign, load_env

ROWS = 64  # to watch of a policy at play where nothing trains
MOST_DRAWN = 4  # rows of another library's environments, each of which takes milliseconds to draw itself
Policy = tuple[bytes, int]  # the policy and the steps it has learned for


class View:
    """The shared part; a source for the window, as `puffer_arena.render.window.source.Source` says.

    Args:
        env_id: what is played.
        title: the run's name.
        load_actor: see `Playback`; None when no policy can be played here, for want of torch.
    """

    takes_effect = "from the next episode"

    def __init__(
        self, env_id: str, title: str, load_actor: LoadActor | None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.env_id, self.title = drawn_id(env_id), title
        self.env = load_env(self.env_id)
        self._playing_only = is_foreign(env_id)  # the rows that train are not drawn
        self.agent_ids: Sequence[str] = self.env.agent_ids(self.env.params())
        self.num_envs = 0
        self.frame: Frame | None = None
        self.status, self.asked, self.mode = "waiting", "", "smooth" if self._playing_only else "time-lapse"
        self.frame_seconds = 0.0
        self._note, self._load_actor, self._clock = "", load_actor, clock
        self._history = History()
        self._playback: Playback | None = None
        self._played: dict[str, Any] = {}
        self._rows: list[int] = []  # chosen by the person; none yet
        self._values: Any = None  # a Params, once it is known
        self._wanted: dict[str, Any] = {}
        self.total = 0
        self.steering = Steering()

    @property
    def metrics(self) -> Mapping[str, Curve]:
        """The curves so far."""
        return self._history.curves

    @property
    def note(self) -> str:
        """One line for the person."""
        return (self._playback.note if self._playback and self.mode == "smooth" else "") or self._note

    @property
    def modes(self) -> Sequence[str]:
        """The modes that can be had now."""
        if self._playing_only:
            return ("smooth",)
        return MODES if self._load_actor else MODES[:1]

    @property
    def endings(self) -> Mapping[int, Ending]:
        """What is to be said of episodes that ended a moment ago; in time-lapse too many end."""
        return self._playback.endings if self._playback and self.mode == "smooth" else {}

    @property
    def view_paused(self) -> bool:
        """Whether the policy that plays here stands still."""
        return self._playback is not None and self._playback.paused

    @property
    def made(self) -> Mapping[str, Any]:
        """The parameters that the rows were made with."""
        return {} if self._values is None else asdict(self._values)

    @property
    def wanted(self) -> Mapping[str, Any]:
        """The parameters that the next episodes begin with, as far as a person has changed them."""
        return self._playback.values if self._playback and self.mode == "smooth" else self._wanted

    @property
    def speed(self) -> float:
        """Natural speed is 1."""
        return self._playback.speed if self._playback else 1.0

    def send(self, command: str, **arguments: Any) -> None:
        """Carry out a command; one that cannot be is answered in `note`."""
        self._note = ""
        try:
            self._obey(check_command(command, arguments))
        except ArenaError as error:
            self._note = str(error)

    def close(self) -> None:
        """Let go of everything."""
        if self._playback:
            self._playback.close()

    # -- for the kinds of source ----------------------------------------------------------------------

    def _begin(self, params: Mapping[str, Any], num_envs: int) -> None:
        """Take in what is played: parameters and how many rows there are.

        Raises:
            UnknownName, ParameterError: parameters this environment does not take.
        """
        num_envs = min(num_envs, MOST_DRAWN) if self._playing_only else num_envs
        values = self.env.build_params(dict(params))
        self.agent_ids = self.env.agent_ids(values)
        self._values = values
        changed = dict(params) != self._played or num_envs != self.num_envs
        if self._load_actor and (self._playback is None or changed):
            if self._playback:
                self._playback.close()
            self._playback = Playback(self.env_id, params, self._load_actor, num_envs)
            if self._rows:
                self._playback.watch(self._rows)
        self._played, self.num_envs = dict(params), num_envs

    def _choose_rows(self, rows: list[int]) -> None:
        """Remember which rows the person wants to see."""
        self._rows = rows
        if self._playback:
            self._playback.watch(rows)

    def _play(self) -> None:
        """Let the policy play on, in smooth mode."""
        if self.mode == "smooth" and self._playback:
            self.frame = self._playback.poll() or self.frame

    def _obey(self, command: Command) -> None:
        """Carry out a command on the policy that plays here.

        Raises:
            ArenaError: it cannot be.
        """
        given, player = command.arguments, self._playback
        if player is None:
            raise ParameterError("no policy plays yet")
        match command.name:
            case "view_pause":
                player.paused = True
            case "view_resume":
                player.paused = False
            case "view_step":
                player.paused = True
                player.advance()
                self.frame = player.look() or self.frame
            case "speed":
                player.speed = min(max(float(given["value"]), 0.01), 1000.0)
            case "rows":
                self._choose_rows(given["indices"])
                self.frame = player.look() or self.frame
            case "param":
                player.set_param(given["name"], given["value"])
            case _:
                raise ParameterError(f"'{command.name}' needs a trainer, and nothing trains here now")


class PlayerView(View):
    """Somebody at play, without a run.

    Args:
        title: their name.
        env_id: what is played.
        params: the environment's parameters.
        policy: what `load_actor` makes them of.
        num_envs: rows there are to watch.
    """

    def __init__(
        self,
        title: str,
        env_id: str,
        params: Mapping[str, Any],
        load_actor: LoadActor,
        policy: Policy = (b"", 0),
        num_envs: int = ROWS,
    ) -> None:
        super().__init__(env_id, title, load_actor)
        self.mode, self.status = "smooth", "finished"
        self._begin(params, num_envs)
        if self._playback:
            self._playback.load(*policy)

    @property
    def modes(self) -> Sequence[str]:
        """There are no training rows."""
        return ("smooth",)

    def poll(self) -> None:
        """Play the steps that have become due."""
        self._play()
