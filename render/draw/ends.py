"""How recorded episodes ended, in words and in a colour."""

from puffer_arena.batch.endings import Ending, describe_ending
from puffer_arena.replay.reader import Episode, Replay

TOLD = {"won": "lime", "lost": "rose", "draw": "sky"}  # colours where a game says what a success is
HOW = {"terminated": "rose", "truncated": "amber"}  # and where it does not


def ending_of(replay: Replay, episode: Episode) -> Ending:
    """Return how an episode ended; counters that its file does not have count as 0."""
    env = replay.env
    counters = {name: episode.counters.get(name, 0.0) for name in env.counters}
    outcome = describe_ending(env, {**counters, "ending": 0}, episode.how == "truncated").outcome
    return Ending(outcome, episode.words or episode.how)


def end_color(replay: Replay, episode: Episode) -> str:
    """Return the name of the colour of an ended episode's end: a success is never red."""
    return TOLD.get(ending_of(replay, episode).outcome, HOW[episode.how])
