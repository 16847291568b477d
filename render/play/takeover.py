"""Playing on from a frame in the same window: of a replay, or of what a run shows now."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from puffer_arena.render.play.game import Game
from puffer_arena.render.play.match import Sitter
from puffer_arena.render.play.record import free_name
from puffer_arena.render.play.screen import PLAYING, PlayScreen
from puffer_arena.render.toolkit import pygame
from puffer_arena.render.window.gui import Gui
from puffer_arena.render.window.source import Source
from puffer_arena.replay.branch import Branch


class Host(Protocol):
    """The screen whose window is borrowed."""

    gui: Gui
    source: Source
    sitters: Sequence[Sitter]
    chosen: int
    branch: PlayScreen | None
    on_frame: Callable[[Any], None] | None


def play_branch(
    host: Host, branch: Branch, stem: Path, *, agent: int, bot_plays: bool, params: Mapping[str, Any]
) -> str:
    """Let the person, or the bot, play a branch until they go back; return a line about its recording.

    Args:
        host: shows the branch meanwhile, and goes on hearing of its source.
        branch: closed at the end.
        stem: of the file it is recorded into.
        agent: which one the person steers.
        bot_plays: who is chosen steers it at first.
        params: what the person has set, name -> value.

    Raises:
        ArenaError: the file cannot be written, a parameter cannot be set, or who is chosen cannot play here.
    """

    def look(screen: Any) -> None:
        host.source.poll()  # a trainer hears that somebody is still there
        if host.on_frame is not None:
            host.on_frame(screen)

    try:
        with branch.batch as batch:
            for name, value in params.items():
                batch.params[name][:] = value
            roster = [*host.sitters[host.chosen :], *host.sitters[: host.chosen]]
            if bot_plays or batch.num_agents:
                roster[0].check(batch)
            mine = batch.agent_ids[agent] if batch.num_agents else None
            game = Game(batch, roster[0].choose, mine, origin=batch.snapshot(0), roster=roster)
            game.bot_plays = bot_plays
            screen = host.branch = PlayScreen(game, host.gui.size, gui=host.gui)
            screen.recorder.begin(free_name(stem), branch.parent)
            if not branch.exact:
                screen.recorder.note = "this branch is close to what it comes from, not exact"
            if bot_plays:
                screen.phase = PLAYING
            try:
                screen.run(look)
            finally:
                screen.close()
            return screen.recorder.note
    finally:
        host.branch = None
        pygame.key.set_repeat(350, 60)  # which the game has switched off
