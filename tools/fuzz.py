"""Damage files and messages of every format, and keep what is not refused as it should be.

    python tools/fuzz.py --seconds 60           # every format in turn
    python tools/fuzz.py --only bot level       # some
    python tools/fuzz.py --seeds --only frame   # write sound examples again, after a format has changed

Whatever comes in from outside is either read or refused by an ArenaError of one line.  `tests/corpus` holds a folder for
each format: a sound example, damaged ones, and each that once was neither read nor refused; `tests/test_corpus.py` reads
all of them.  This tool changes what lies there, at random and where formats are weak: lengths, numbers, nesting, ends.
"""

import argparse
import functools
import hashlib
import json
import random
import re
import resource
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from puffer_arena import load_bot, make, train
from puffer_arena.batch.batch import Batch
from puffer_arena.batch.frame import Frame
from puffer_arena.bots.file import NO_DIGEST
from puffer_arena.cli import sweep
from puffer_arena.cli.people import add_round, read_legs, read_rounds
from puffer_arena.cli.seats import read_ratings, write_ratings
from puffer_arena.cli.steering import Change, read_steering
from puffer_arena.curriculum.choose import load_curriculum, read_table, write_table
from puffer_arena.datasets.dataset import same_game
from puffer_arena.datasets.file import ABOUT, read_about, write_dataset
from puffer_arena.datasets.recording import record
from puffer_arena.errors import ArenaError
from puffer_arena.foreign.remote import RESET, Lobby, read_registration
from puffer_arena.levels.drawn import read_level, take_level, write_level
from puffer_arena.live.address import FILE_NAME, Address, read_address, write_address
from puffer_arena.live.commands import Command, decode_command, encode_command
from puffer_arena.live.history import History, read_metrics
from puffer_arena.live.messages import decode_frame, encode_frame
from puffer_arena.players.names import bundled_bot
from puffer_arena.players.player import chance
from puffer_arena.players.ratings import Rating
from puffer_arena.registry import load_env
from puffer_arena.render.play.scores import PERSON, Scores
from puffer_arena.replay.reader import Replay
from puffer_arena.replay.writer import Writer
from puffer_arena.serving.wire import ASK, HEAD, read_question
from puffer_arena.wire import frames

ROOT = Path(__file__).resolve().parent.parent
CORPUS = ROOT / "tests" / "corpus"
GAME = "cartpole"  # small rows, a bundled bot
KEPT = frozenset(
    ("replay", "bot", "config", "settings", "level_toml", "level_json")
)  # formats that later versions read
DAMAGED = 5  # examples of each format, beside those that were once a fault
MEMORY = 4 << 30  # bytes that a file may make this process take, all in all
SEPARATOR = b"\n--part--\n"  # between the parts of a message in one file


@functools.cache
def batch() -> Batch:
    return make(GAME, 2, compiled=False)


@functools.cache
def bot() -> Any:
    return bundled_bot(GAME)


@functools.cache
def lobby() -> Lobby:
    return Lobby("127.0.0.1", 0)


REGISTRATION = json.dumps(
    {
        "protocol": frames.PROTOCOL,
        "name": "line",
        "observation": {"type": "box", "shape": [2], "dtype": "float32", "low": -1, "high": 1},
        "action": {"type": "dict", "parts": {"move": {"type": "discrete", "n": 2}}},
        "counters": ["wins"],
    }
).encode()


# -- how each format is read ----------------------------------------------------------------------------------


def as_file(read: Callable[[Path], Any], name: str) -> Callable[[bytes], None]:
    """Return a reader of bytes that puts them into a file first."""

    def reader(data: bytes) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / name
            path.write_bytes(data)
            read(path)

    return reader


def read_replay(path: Path) -> None:
    with Replay(path) as replay:
        if replay.steps:
            replay.frame(replay.steps)


def read_bot(path: Path) -> None:
    made = load_bot(path)
    made.act({} if len(made.model.leaves) > 1 else np.zeros(made.model.leaves[0].shape, made.model.leaves[0].dtype))


def read_checkpoint(path: Path) -> None:
    from puffer_arena.trainers.actor import Actor
    from puffer_arena.trainers.runs.checkpoint import load_checkpoint

    load_checkpoint(path)
    Actor.load(path)


def read_config(path: Path) -> None:
    from puffer_arena.trainers.runs.run import Run

    _ = Run.open(path.parent).config


def read_settings(path: Path) -> None:
    from puffer_arena.trainers.config import load_config

    load_config(GAME, path)


def read_curriculum(path: Path) -> None:
    load_curriculum(load_env("maze"), read_table(path))


def read_search(path: Path) -> None:
    sweep.make_plan(sweep.Options(GAME, space=str(path)), ("score",))


def read_answer(data: bytes) -> None:
    """Read what a game sends when it is asked to begin an episode."""
    host, _, port = lobby().address.rpartition(":")
    with socket.create_connection((host, int(port))) as game:
        game.sendall(frames.frame(REGISTRATION) + data)
        game.shutdown(socket.SHUT_WR)
        made = lobby().take()
        try:
            made.ask_reset(0)
            made.hear()
        finally:
            made.leave()


def read_frame(data: bytes) -> None:
    decode_frame(data.split(SEPARATOR), batch().env, batch().param_values, batch().num_envs)


READERS: dict[str, Callable[[bytes], Any]] = {
    "replay": as_file(read_replay, "a.mcap"),
    "bot": as_file(read_bot, "a.bot"),
    "checkpoint": as_file(read_checkpoint, "1.safetensors"),
    "config": as_file(read_config, "config.json"),
    "settings": as_file(read_settings, "a.toml"),
    "curriculum": as_file(read_curriculum, "a.toml"),
    "search": as_file(read_search, "a.toml"),
    "steering": as_file(read_steering, "steering.jsonl"),
    "rounds": as_file(lambda path: (read_rounds(path), read_legs(path)), "rounds.json"),
    "ratings": as_file(read_ratings, "ratings.json"),
    "scores": as_file(lambda path: Scores(GAME, 0, {}, path), "scores.json"),
    "dataset": as_file(lambda path: same_game(read_about(path.parent), GAME, "it"), ABOUT),
    "level_toml": as_file(read_level, "a.toml"),
    "level_json": as_file(read_level, "a.json"),
    "address": as_file(lambda path: read_address(path.parent), FILE_NAME),
    "metrics": as_file(read_metrics, "metrics.jsonl"),
    "snapshot": lambda data: batch().restore(1, data),
    "command": decode_command,
    "frame": read_frame,
    "curves": History.decode,
    "question": lambda data: read_question(bot().model, data),
    "registration": read_registration,
    "answer": read_answer,
}


def outcome(name: str, data: bytes) -> str:
    """Read some bytes as a format: "read", "refused", or what is wrong with how they were refused."""
    try:
        READERS[name](data)
    except ArenaError as error:
        return "refused" if str(error).strip() and "\n" not in str(error) else f"not one line: {error}"
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "read"


# -- sound examples -------------------------------------------------------------------------------------------


def write_seeds(only: list[str]) -> None:
    """Write a sound example of some formats, and some damaged ones."""
    for name, data in seeds():
        if name not in only:
            continue
        (CORPUS / name).mkdir(parents=True, exist_ok=True)
        (CORPUS / name / "sound").write_bytes(data)
        for k in range(DAMAGED):
            (CORPUS / name / f"damaged-{k}").write_bytes(damaged(data, random.Random(k)))
        said = outcome(name, data)
        assert said == "read", (name, said)


def seeds() -> Iterator[tuple[str, bytes]]:
    from puffer_arena.trainers.export.bot import export_file

    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        with Writer(batch(), place / "a.mcap", [0]):
            for _ in range(4):
                batch().step(np.zeros(2, np.int64))
        yield "replay", (place / "a.mcap").read_bytes()
        small = {"num_envs": 1, "threads": 1, "ppo.horizon": 8, "ppo.minibatches": 1, "network.hidden": (2,)}
        train(GAME, total_steps=8, settings=small, folder=place / "run")
        yield "checkpoint", max((place / "run" / "checkpoints").iterdir()).read_bytes()
        yield "config", (place / "run" / "config.json").read_bytes()
        yield "metrics", (place / "run" / "metrics.jsonl").read_bytes()
        yield "bot", export_file(max((place / "run" / "checkpoints").iterdir()))
        write_address(place, Address("tcp://127.0.0.1:5555", "0f" * 32, GAME, 7))
        yield "address", (place / FILE_NAME).read_bytes()
        with make("snake", rows=4, cols=4, compiled=False) as drawn:
            for kind in ("toml", "json"):
                write_level(place / f"a.{kind}", take_level(drawn))
                yield f"level_{kind}", (place / f"a.{kind}").read_bytes()
        write_dataset(record(GAME, [chance(1)], 1), place / "data")
        yield "dataset", (place / "data" / ABOUT).read_bytes()
        add_round(place / "rounds.json", GAME, ["human", "arena:cartpole"], [1.0, 2.0], {("bot:hunt", 0): 1.5})
        yield "rounds", (place / "rounds.json").read_bytes()
        write_ratings(place / "ratings.json", GAME, {"human": Rating(), "arena:cartpole": Rating(30.0, 2.0)})
        yield "ratings", (place / "ratings.json").read_bytes()
        Scores(GAME, 0, {}, place / "scores.json").note(PERSON, 12.5)
        yield "scores", (place / "scores.json").read_bytes()
    yield "settings", b"num_envs = 64\n[ppo]\nhorizon = 16\n[network]\nhidden = [8]\n"
    yield "curriculum", write_table({"method": "sfl", "ranges": {"walls": [0.1, 0.5]}}).encode()
    yield "search", b'[search]\n"ppo.gamma" = ""\noptimizer.learning_rate = "1e-4:1e-2:log"\n'
    changes = [Change(64, Command("param", {"name": "gravity", "value": 9.5}), 9.8)]
    changes.append(Change(128, Command("learning_rate", {"value": 1e-3}), 1e-2))
    yield "steering", b"".join(change.encode() for change in changes)
    yield "snapshot", batch().snapshot(0)
    yield "command", encode_command("param", name="gravity", value=[9.5, 1])
    rows = batch().rows
    frame = Frame(8, np.arange(2), rows.states, rows.params, np.full((2, 1, 2), 0.5), np.zeros((2, 1)))
    yield "frame", SEPARATOR.join(encode_frame(frame))
    curves = History()
    for steps in (64, 128):
        curves.add(steps, {"episode_return": 0.5, "loss": 1.25})
    yield "curves", curves.encode()
    yield "registration", REGISTRATION
    yield "answer", frames.frame(HEAD.pack(RESET, 0, 0, 0) + np.zeros(2, np.float32).tobytes())
    yield "question", HEAD.pack(ASK, 0, 0, 1) + np.uint32(3).tobytes() + np.zeros(4, np.float32).tobytes()


# -- damage ---------------------------------------------------------------------------------------------------

WORDS = (
    b"-1",
    b"0",
    b"1e999",
    b"NaN",
    b"null",
    b"true",
    b"[]",
    b"{}",
    b'""',
    b"9" * 30,
    b"9" * 5000,
    b"[" * 2000,
    b"\xff",
    b"\0",
)
EDGES = tuple(
    value.to_bytes(size, "little") for size in (2, 4, 8) for value in (0, 1, 2 ** (8 * size) - 1, 2 ** (8 * size - 1))
)


def damaged(data: bytes, rng: random.Random) -> bytes:
    """Return bytes changed in one to four places."""
    changed = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(changed) + 1)
        kind = rng.randrange(7)
        if kind == 0:
            del changed[at:]
        elif kind == 1 and at < len(changed):
            changed[at] ^= 1 << rng.randrange(8)
        elif kind == 2:
            changed[at : at + 8] = rng.choice(EDGES)
        elif kind == 3:
            changed[at:at] = changed[: rng.randrange(64)]
        elif kind == 4:
            del changed[at : at + rng.randrange(1, 32)]
        elif kind == 5 and (found := [*re.finditer(rb"-?\d+(\.\d+)?|true|false|\"[^\"]*\"", bytes(changed))]):
            word = rng.choice(found)
            changed[word.start() : word.end()] = rng.choice(WORDS)
        else:
            changed[at:at] = rng.choice(WORDS)
    return bytes(changed)


def resealed(data: bytes) -> bytes:
    """Return a bot's file with the digest that it should have, so that what lies behind the digest is read, too."""
    plain = re.sub(rb'(?<=sha256":")[0-9a-f]{64}', NO_DIGEST.encode(), data, count=1)
    return plain.replace(NO_DIGEST.encode(), hashlib.sha256(plain).hexdigest().encode(), 1)


def fuzz(name: str, seconds: float, rng: random.Random) -> int:
    """Read damaged examples of one format for some seconds; keep and count what was neither read nor refused."""
    sound = [path.read_bytes() for path in sorted((CORPUS / name).iterdir())]
    end, tried, known = time.monotonic() + seconds, 0, set[str]()
    while time.monotonic() < end:
        data = damaged(rng.choice(sound), rng)
        data = resealed(data) if name == "bot" and tried % 2 else data
        said = outcome(name, data)
        tried += 1
        where = re.sub(r"\d+|'.*'", "", said)
        if said not in ("read", "refused") and where not in known:
            known.add(where)
            (CORPUS / name / hashlib.sha256(data).hexdigest()[:12]).write_bytes(data)
            print(f"  {name}: {said[:200]}", flush=True)
    print(f"{name}: {tried} tried, {len(known)} faults", flush=True)
    return len(known)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=READERS, default=list(READERS))
    parser.add_argument("--seconds", type=float, default=10.0, help="for each format")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seeds", action="store_true", help="write the sound examples")
    options = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    if options.seeds:
        write_seeds(options.only)
        return 0
    return 1 if sum(fuzz(name, options.seconds, random.Random(options.seed)) for name in options.only) else 0


if __name__ == "__main__":
    sys.exit(main())
