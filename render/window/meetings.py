"""Matches of any two of a run's league, each in a window of its own: what a click on the league's heat map begins."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from puffer_arena.core.env import Env
from puffer_arena.core.params import pair_text
from puffer_arena.render.front.programs import Programs

POLICY, NOW, PAST = "policy", "now", "self@"  # what learns, as the metrics call it; the other role's; snapshots


class Meetings:
    """Begins matches between members of a run's pool, and tells what became of them.

    Args:
        env_id: the game, as a person named it.
        env: the same.
        agents: how many there are.
        folder: the run's, whose newest checkpoint holds the members.
        params: the parameters that the run named: matches are of the game that the league plays.
        role: the one that the policy keeps, "" where it takes each: whom it meets sits on the other side.
    """

    def __init__(
        self, env_id: str, env: Env, agents: int, folder: Path, params: Mapping[str, Any], role: str = ""
    ) -> None:
        self._env_id, self._folder = env_id, folder
        self._sides = len(env.agents) if len(env.agents) > 1 else agents
        self._own = [*env.agents].index(role) if role in env.agents and self._sides == 2 else None
        self._params = [word for pair in params.items() for word in ("--param", pair_text(*pair))]
        self._programs = Programs()
        self.note = ""  # what was last begun, or went wrong

    def begin(self, one: str, other: str) -> None:
        """Show a match of two members, named as in the metrics.

        One has the first side and the other all others, unless the policy keeps a role and one of them has the other's.
        """
        self.note = self._programs.start(self.command(one, other))

    def command(self, one: str, other: str) -> tuple[str, ...]:
        """Return the command that shows it."""
        if self._side_of(one) == 1 != self._side_of(other) or self._side_of(other) == 0 != self._side_of(one):
            one, other = other, one
        seats = [self._player(one), *[self._player(other)] * (self._sides - 1)]
        return "play", self._env_id, "--seats", ",".join(seats), *self._params

    def poll(self) -> None:
        """Take in what programs that ended had to say."""
        self.note = self._programs.poll() or self.note

    def _side_of(self, member: str) -> int | None:
        """Return the side that a member has in the run's games, None where it has either."""
        if self._own is None or not (member in (POLICY, NOW) or member.startswith(PAST)):
            return None
        return self._own if member == POLICY else 1 - self._own

    def _player(self, member: str) -> str:
        """Return a member's name as commands take it."""
        if member in (POLICY, NOW):
            return f"run:{self._folder}"
        return f"run:{self._folder}#{member}" if member.startswith(PAST) else member
