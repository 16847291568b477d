"""The front door, where no command is given: what there is to play, train, watch and replay, in a window or as text."""

import contextlib
import itertools
import json
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from puffer_arena.cli.dashboard import format_count, format_value, sparkline
from puffer_arena.cli.doctor import EXTRAS, install, wanted_packages
from puffer_arena.cli.output import command_line, fill, show, width
from puffer_arena.cli.windows import why_no_window
from puffer_arena.errors import ArenaError
from puffer_arena.live.address import read_address
from puffer_arena.live.history import read_metrics
from puffer_arena.machine.running import is_running
from puffer_arena.registry import list_envs, load_env
from puffer_arena.render.front.entries import Action, Entry, Place
from puffer_arena.replay.reader import Replay
from puffer_arena.trainers.runs.find import last_written

RUNS_DIR, RECORDINGS, REPLAYS = "runs", "recordings", "replays"
MOST = 24  # runs, and replays, that are listed
MOST_POINTS = 80  # of a curve
MAX_CONFIG = 1_000_000  # bytes
SPARKS = 24  # characters of a curve in text
_kept: dict[tuple[str, int], Entry] = {}  # replays and runs by path and time of their last change


def main(arguments: Sequence[str]) -> int:
    """Open the launcher, or print the same where no window can be opened."""
    reason = why_no_window()
    if reason:
        show(as_text(look(), width(), reason))
        return 0
    from puffer_arena.render.front.programs import Programs
    from puffer_arena.render.front.show import show_front

    programs = Programs()
    try:
        show_front(look, programs)
    except KeyboardInterrupt:  # closing the window from the terminal is no error
        pass
    except ArenaError as error:  # a display that does not answer
        show(as_text(look(), width(), str(error)))
    for command, pid in programs.running():
        show(f"goes on: {command}   (process {pid})")
    return 0


def look() -> list[Place]:
    """Return the launcher's places as they are now."""
    replays, runs = list_replays(), list_runs(Path(RUNS_DIR))
    missing = list_extras()
    return [
        Place("Games", list_games(runs, replays), pictures=True),
        Place("Runs", runs, empty=f"There are no runs in '{RUNS_DIR}'. Choose a game and press T to train it."),
        Place("Replays", replays, empty="There are no replays yet. Press F9 in a game to record one."),
        Place("Extras", missing, empty="All extras are installed."),
    ]


# -- places -----------------------------------------------------------------------------------------


def list_games(runs: Sequence[Entry], replays: Sequence[Entry]) -> list[Entry]:
    """Return the games, each with what can be done with it."""
    return [game_entry(name, runs, replays) for name in list_envs()]


def game_entry(name: str, runs: Sequence[Entry], replays: Sequence[Entry]) -> Entry:
    """Return a game; one that lacks an extra says so."""
    try:
        env = load_env(name)
    except ArenaError as error:
        return Entry(name, str(error), name, name, state="needs an extra", tone="amber")
    run = next((entry for entry in runs if entry.game == name), None)
    replay = next((entry for entry in replays if entry.game == name), None)
    watch = run.actions[0].arguments if run and run.actions else ()
    if not watch and env.bots:
        watch = ("watch", f"bot:{next(iter(env.bots))}", "--env", name)
    again = replay.actions[0].arguments if replay and replay.actions else ()
    actions: tuple[Action, ...] = (
        Action("Play", "p", f"python -m puffer_arena play {name}", ("play", name)),
        Action("Train", "t", f"python -m puffer_arena train {name} --watch", ("train", name, "--watch")),
        Action("Watch", "w", told(watch) or "nobody can play it yet: train it", watch),
        Action("Replay", "r", told(again) or "no replay yet: F9 in the game records one", again),
    )
    if env.editor is not None:
        actions += (Action("Edit", "e", f"python -m puffer_arena edit {name}", ("edit", name)),)
    who = f"{len(env.agent_ids(env.params()))} agents" if env.agents else ""
    about = env.summary.partition(": ")[2] or env.summary
    return Entry(name, about[:1].upper() + about[1:], name, name, state=who, actions=actions)


def told(arguments: Sequence[str]) -> str:
    """Return what to type for a command."""
    return command_line(*arguments) if arguments else ""


def list_runs(folder: Path) -> list[Entry]:
    """Return the newest runs in a folder, the newest first."""
    found = sorted((path.parent for path in folder.glob("*/config.json")), key=last_written, reverse=True)
    return [run_entry(run) for run in found[:MOST]]


def run_entry(folder: Path) -> Entry:
    """Return a run with its curve."""
    trains = False
    with contextlib.suppress(ArenaError, OSError):
        address = read_address(folder)
        trains = address is not None and is_running(address.pid)
    key = f"{folder} {trains}", int(last_written(folder) * 1e9)
    if key in _kept:
        return _kept[key]
    config = read_json(folder / "config.json")
    env, total = str(config.get("env", "")), config.get("total_steps", 0)
    curves = read_metrics(folder / "metrics.jsonl").curves
    returns = curves.get("episode_return", [])
    steps = max((curve[-1][0] for curve in curves.values() if curve), default=0.0)
    done = isinstance(total, int) and 0 < total <= steps
    state, tone = ("trains", "lime") if trains else ("complete", "sky") if done else ("stopped", "muted")
    own = () if env in list_envs() else ("--env", env)
    actions = [Action("Watch", "w", "its curves, and its policy at play", ("watch", str(folder), *own))]
    if not (trains or done):
        again = ("train", *own[1:], "--resume", str(folder), "--watch")
        actions.append(Action("Train on", "t", "go on exactly where it stopped", again))
    if any((folder / REPLAYS).glob("*.mcap")):
        actions.append(Action("Replay", "r", "the newest recording of it", ("replay", str(folder))))
    figures = [("steps", format_count(steps))]
    if isinstance(total, int) and not done:
        figures.append(("of", format_count(total)))
    if returns:
        figures.append(("return", format_value(returns[-1][1])))
    figures.append(("written", ago(last_written(folder))))
    entry = Entry(folder.name, "", env, env if env in list_envs() else "", figures, thin(returns), state, tone, actions)
    return keep(key, entry)


def list_replays() -> list[Entry]:
    """Return the newest replays, the newest first."""
    places = [*Path(RUNS_DIR).glob(f"*/{REPLAYS}/*.mcap"), *Path(RECORDINGS).glob("*.mcap"), *Path().glob("*.mcap")]
    dated = []
    for path in places:
        with contextlib.suppress(OSError):  # gone since
            dated.append((path.stat().st_mtime_ns, path))
    return [replay_entry(path, when) for when, path in sorted(dated, reverse=True)[:MOST]]


def replay_entry(path: Path, when: int) -> Entry:
    """Return a replay with the returns of its episodes; a damaged or foreign one says what is wrong with it."""
    key = str(path), when
    if key in _kept:
        return _kept[key]
    try:
        with Replay(path) as replay:
            scores = [(float(episode.last), episode.score) for episode in replay.episodes if episode.how]
            figures = [("steps", format_count(replay.steps)), ("episodes", str(len(replay.episodes)))]
            if scores:
                figures.append(("best", format_value(max(score for _, score in scores))))
            game = replay.env.name
    except ArenaError as error:
        return keep(key, Entry(path.name, str(error), state="cannot be opened", tone="rose"))
    actions = (
        Action("Open", "r", "scrub through it, take over at any frame", ("replay", str(path))),
        Action("Verify", "v", "play it again: is it true?", ("verify", str(path))),
    )
    figures.append(("written", ago(when / 1e9)))
    title = path.name
    if path.parent.name == REPLAYS and path.stem.isdigit():  # of a run, named by its step
        title = f"{path.parent.parent.name} at {format_count(int(path.stem))}"
    return keep(key, Entry(title, str(path), game, str(path), figures, thin(sorted(scores)), actions=actions))


def list_extras() -> list[Entry]:
    """Return the extras that are not installed, with the command that brings each."""
    missing = []
    for extra, packages in wanted_packages().items():
        lacking = [package.name for package in packages if not package.version]
        if extra and lacking:
            command = install(extra)
            about = f"{EXTRAS[extra]}; not installed: {', '.join(lacking)}. {command}"
            actions = (Action("Copy the command", "c", command, copies=command),)
            missing.append(Entry(extra, about, state="missing", tone="amber", actions=actions))
    return missing


def keep(key: tuple[str, int], entry: Entry) -> Entry:
    """Remember what was read of a file, as long as it stays as it is."""
    while len(_kept) > 8 * MOST:
        del _kept[next(iter(_kept))]
    _kept[key] = entry
    return entry


def read_json(path: Path) -> dict[str, Any]:
    """Return a file's JSON object; a damaged one is empty."""
    with contextlib.suppress(OSError, ValueError, RecursionError), path.open("rb") as file:
        values = json.loads(file.read(MAX_CONFIG))
        if isinstance(values, dict):
            return values
    return {}


def thin(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return at most `MOST_POINTS` points of a curve, means of neighbours where there are more."""
    if len(points) <= MOST_POINTS:
        return list(points)
    edges = [len(points) * k // MOST_POINTS for k in range(MOST_POINTS + 1)]
    parts = [points[a:b] for a, b in itertools.pairwise(edges)]
    return [(part[-1][0], sum(value for _, value in part) / len(part)) for part in parts]


def ago(seconds: float) -> str:
    """Say how long ago a time was."""
    past = max(time.time() - seconds, 0.0)
    for size, unit in ((86400, "days"), (3600, "hours"), (60, "min")):
        if past >= 2 * size:
            return f"{past / size:.0f} {unit} ago"
    return "just now" if past < 60 else "a minute ago"


# -- text -------------------------------------------------------------------------------------------


def as_text(places: Sequence[Place], columns: int, reason: str) -> str:
    """Return what the launcher shows as text, with the commands that its buttons stand for."""
    lines = []
    for place in places:
        lines.append(place.title.upper())
        lines += list(entry_lines(place.entries, columns)) or [f"  {place.empty}"]
        lines.append("")
    lines += ["python -m puffer_arena play GAME | train GAME --watch | watch | replay newest | --help", ""]
    return "\n".join([*lines, fill(f"This is text because {reason}.", columns, 0)])


def entry_lines(entries: Sequence[Entry], columns: int) -> Iterable[str]:
    """Yield a line for each entry."""
    hang = max((len(entry.title) for entry in entries), default=0) + 4
    for entry in entries:
        told = [entry.state] if entry.state else []
        told += [f"{label} {value}".strip() for label, value in entry.figures] or [entry.about]
        if entry.curve:
            told.append(sparkline([value for _, value in entry.curve], SPARKS))
        yield fill(f"  {entry.title.ljust(hang - 2)}{'   '.join(told)}", columns, hang)
