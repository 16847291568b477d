"""Playing an environment by keyboard and gamepad."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from puffer_arena.batch.make import make
from puffer_arena.errors import ParameterError
from puffer_arena.registry import load_env
from puffer_arena.render.play.game import Game, find_agent
from puffer_arena.render.play.match import Choose, Rated
from puffer_arena.render.play.scores import Scores, scores_file

if TYPE_CHECKING:
    from puffer_arena.batch.batch import Batch
    from puffer_arena.render.play.match import Match, Sitter
    from puffer_arena.render.play.screen import PlayScreen

FIRST_SIZE = (960, 800)


def play(
    env_id: str,
    *,
    bot: "str | Choose | None" = None,
    agent: str | None = None,
    seed: int = 0,
    level: int | None = None,
    held_out: bool = False,
    speed: float = 1.0,
    params: Mapping[str, Any] | None = None,
    record: str = "",
    match: "Callable[[Batch], Match] | None" = None,
    roster: "Callable[[Batch], list[Sitter]] | None" = None,
    follows: bool = False,
    rated: "Callable[[Batch], Rated] | None" = None,
    size: tuple[int, int] | None = None,
    on_frame: "Callable[[PlayScreen], None] | None" = None,
) -> None:
    """Open a window in which a person plays, and return when it is closed.

    Args:
        env_id: as `make` takes it.
        bot: who steers the other agents: a name of `env.bots`, or a policy: batch -> actions.
        agent: which agent the person steers first.
        seed: of the levels.
        level: play this level again and again.
        held_out: draw from the levels that training never sees.
        speed: 1.0 is the environment's natural speed.
        params: the environment's parameters.
        record: the file to record into from the beginning; F9 begins and ends recordings at any time.
        match: makes the match for the game's row: who sits where, in place of `bot` and `agent`.
        roster: makes the list of who may take over from `bot`, who is the first of it.
        follows: the bot of a level becomes better or worse as the person wins or loses.
        rated: makes what is told of rounds, where people begin a match in the window.
        size: the window's first size; by default what the desktop has room for.
        on_frame: called with every frame before it is shown; for tests and screenshots.

    Raises:
        ArenaError: there is no display; or an unknown environment, bot, agent or parameter.
        MissingExtra: the extra `window` is not installed.
    """
    from puffer_arena.render.display import begin_opengl
    from puffer_arena.render.toolkit import require_window

    require_window()
    if not 0.05 <= speed <= 20:
        raise ParameterError(f"speed = {speed}; it must be from 0.05 to 20")
    env = load_env(env_id)
    find_agent(env, env.agent_ids(env.build_params(dict(params or {}))), agent)  # before anything is compiled
    split = "held_out" if held_out else "train"
    with make(env_id, seed=seed, split=split, autoreset="disabled", record=True, **(params or {})) as batch:
        kept = Scores(batch.env.name, batch.env.version, asdict(batch.param_values), scores_file())
        seated = None if match is None else match(batch)
        others = () if roster is None else roster(batch)
        game = Game(
            batch,
            bot,
            agent,
            level,
            scores=kept,
            match=seated,
            roster=others,
            follows=follows,
            rated=rated and rated(batch),
        )
        begin_opengl()
        from puffer_arena.render.play.screen import PlayScreen
        from puffer_arena.render.window.gui import fit_desktop

        screen = PlayScreen(game, size or fit_desktop(FIRST_SIZE), speed)
        try:
            if record:
                screen.recorder.begin(record)
            screen.run(on_frame)
        finally:
            screen.close()
