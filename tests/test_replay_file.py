"""Replay files: what was recorded comes back, whatever is cut off, and nothing in a file harms who opens it."""

import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from mcap.reader import make_reader

from puffer_arena import ArenaError, make
from puffer_arena.batch.saving.past import raw
from puffer_arena.errors import FileError, ParameterError
from puffer_arena.replay import container
from puffer_arena.replay.reader import Replay
from puffer_arena.replay.writer import Writer
from tests.commands import ROOT
from tests.playing import DISCS, DUEL, PILE
from tests.replays import record, with_header
from tests.untraced import untraced

KINDS = pytest.mark.parametrize("env_id", ["snake", DUEL, DISCS, PILE], ids=lambda env_id: Path(env_id).stem)


def named(env_id):
    return env_id if env_id.endswith(".py") else ""


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A replay of some kB."""
    path = tmp_path_factory.mktemp("replay") / "small.mcap"
    record(path, "snake", steps=12, rows=(0,), states=False)
    return path


@KINDS
def test_every_frame_comes_back(env_id, tmp_path):
    path = tmp_path / "it.mcap"
    frames = record(path, env_id)
    with Replay(path, named(env_id)) as replay:
        assert replay.steps == 60
        for step, before in enumerate(frames):
            if step != 20:  # a reset is seen by the step after it
                assert raw(replay.frame(step).states).tobytes() == before
        assert replay.header.rows == [0, 2]


def test_episodes_are_those_that_were_played(tmp_path):
    path, ended = tmp_path / "it.mcap", []
    with make("snake", 3, seed=5) as batch, Writer(batch, path, [1]):
        for t in range(400):
            batch.step(batch.act("greedy") if t % 50 < 40 else np.zeros(3, np.int64))
            if batch.began[1]:
                record = batch.finished[1]
                ended.append((t + 1, float(record["episode_return"]), int(record["episode_length"])))
    with Replay(path) as replay:
        told = [e for e in replay.episodes if e.how]
        assert [(e.last, e.returns[0], e.length) for e in told] == ended
        assert all(e.last - e.first == e.length for e in told[1:])
        assert sum(e.last - e.first for e in replay.episodes) == replay.steps
        scored = [event for event in replay.events if event.kind == "score"]
        assert scored and all(event.slot == 0 for event in scored)


def test_the_library_of_the_format_reads_it(small):
    with small.open("rb") as file:
        topics = [channel.topic for _, channel, _ in make_reader(file).iter_messages()]
    assert set(topics) == {"index", "starts", "steps"}


def test_thoughts_metrics_and_events_come_back(tmp_path):
    path = tmp_path / "it.mcap"
    with make("snake", 2) as batch, Writer(batch, path) as writer:
        for t in range(6):
            if t == 2:
                writer.think(np.full((2, 1, 4), 0.25), np.full((2, 1), 7.0))
                writer.metrics(100, {"loss": 0.5, "bad": float("nan")})
                writer.event("checkpoint", "100", None)
                batch.params.max_hunger[1] = 50
            batch.step(np.zeros(2, np.int64))
    with Replay(path) as replay:
        assert replay.frame(1).values is None
        assert replay.frame(4).values.tolist() == [[7.0], [7.0]] and replay.frame(4).probs.shape == (2, 1, 4)
        assert replay.metrics == {"loss": [(100.0, 0.5)]}
        assert [(e.step, e.slot, e.kind) for e in replay.events if e.kind in ("checkpoint", "params")] == [
            (2, -1, "checkpoint"),
            (2, 1, "params"),
        ]
        assert replay.frame(3).params["max_hunger"][1] == 50


def test_a_file_cut_at_any_byte_opens_up_to_its_last_whole_chunk(small, tmp_path):
    data, cut, known = small.read_bytes(), tmp_path / "cut.mcap", set()
    cut.write_bytes(data)
    for length in reversed(range(len(data))):
        os.truncate(cut, length)
        try:
            with Replay(cut) as replay:
                known.add(replay.steps)
                if replay.steps:
                    replay.frame(replay.steps)
        except FileError as error:
            assert "\n" not in str(error)
    assert known == {0, 12}


def damage(data: bytes, places: list[tuple[int, int]]) -> bytes:
    changed = bytearray(data)
    for place, value in places:
        changed[place % len(changed)] = value
    return bytes(changed)


def open_and_read(path):
    """Read all of a file that anybody may have written; only our own errors may come out."""
    try:
        with Replay(path) as replay:
            for step in {0, replay.steps // 2, replay.steps}:
                replay.frame(step)
            for number in range(replay.blocks):
                replay.starts(number)
    except ArenaError as error:
        assert "\n" not in str(error) and len(str(error)) < 2000


def test_a_name_of_the_file_moves_no_cursor(small, tmp_path):
    path = tmp_path / "named.mcap"
    path.write_bytes(small.read_bytes().replace(b"max_hunger", b"max_h\\nger"))
    with pytest.raises(FileError, match=r"unknown parameter 'max_h\\nger'; did you mean 'max_hunger'") as refused:
        Replay(path)
    assert str(refused.value).isprintable()


def fuzz(small, tmp_path, count):
    data, path = small.read_bytes(), tmp_path / "fuzzed.mcap"

    @settings(max_examples=count, deadline=None, database=None, derandomize=True)
    @given(st.lists(st.tuples(st.integers(0, len(data) - 1), st.integers(0, 255)), min_size=1, max_size=6))
    def run(places):
        path.write_bytes(damage(data, places))
        open_and_read(path)

    run()


def mutate(small, path, count):
    """Damage as `fuzz` does, faster: no search for small examples."""
    data, rng = small.read_bytes(), np.random.default_rng(3)
    for _ in range(count):
        places = zip(rng.integers(len(data), size=4).tolist(), rng.integers(256, size=4).tolist(), strict=True)
        path.write_bytes(damage(data, list(places)[: int(rng.integers(1, 5))]))
        open_and_read(path)


def test_damaged_files_are_refused_in_one_line(small, tmp_path):
    fuzz(small, tmp_path, 100)
    mutate(small, tmp_path / "mutated.mcap", 1000)


@pytest.mark.slow
def test_a_hundred_thousand_damaged_files_are_refused(small, tmp_path):
    untraced(mutate)(small, tmp_path / "mutated.mcap", 100_000)


def chunk_of(records, size=None):
    compressed = zstandard.ZstdCompressor().compress(records)
    head = container.CHUNK_HEAD.pack(0, 0, len(records) if size is None else size, 0)
    content = head + container.text("zstd") + len(compressed).to_bytes(8, "little") + compressed
    return container.record(container.CHUNK, content)


@pytest.mark.parametrize(
    "chunk",
    [chunk_of(bytes(1 << 28)), chunk_of(b"x", 1 << 60), chunk_of(bytes(1 << 20), 10)],
    ids=["bomb", "lie", "more"],
)
def test_a_chunk_takes_no_more_memory_than_it_may(small, tmp_path, chunk):
    data = small.read_bytes()
    with small.open("rb") as file:
        places = [found for found in container.scan(file, "it") if isinstance(found, container.StoredChunk)]
    path = tmp_path / "bomb.mcap"
    path.write_bytes(data[: places[-1].at - 9] + chunk + container.end())
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with Replay(path) as replay, pytest.raises(FileError, match="damaged"):
        replay.frame(replay.steps)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # kB


def test_a_file_names_no_game_to_import(small, tmp_path):
    trap = tmp_path / "trap.py"
    trap.write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    changed = with_header(small, lambda header: header.update(env=str(trap)))
    with pytest.raises(ParameterError, match="never imported"):
        Replay(changed)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"format": 9}, "format 9"),
        ({"env": "tag"}, "parameters"),
        ({"rows": [-1]}, "rows"),
        ({"states": "<f8"}, "laid out"),
        ({"actions": "|O"}, "header"),
        ({"action_shape": [1 << 19, 1 << 19]}, "actions"),
        ({"steps_per_second": float("nan")}, "steps_per_second"),
        ({"players": 3}, "players"),
    ],
)
def test_a_header_that_does_not_fit_is_refused(small, change, said):
    with pytest.raises(ArenaError, match=said):
        Replay(with_header(small, lambda header: header.update(change)))


def test_a_replay_of_another_version_is_shown_and_says_so(small):
    with Replay(with_header(small, lambda header: header.update(version=7))) as replay:
        assert "version 7" in replay.title_note
        assert replay.frame(12).states["step_count"][0] >= 0


def test_a_recording_never_writes_over_a_file(small, tmp_path):
    with make("snake") as batch:
        with pytest.raises(FileError, match="exists"):
            Writer(batch, small)
        with pytest.raises(FileError, match="cannot record"):
            Writer(batch, tmp_path / "not there" / "it.mcap")
        with pytest.raises(ParameterError, match="the batch has"):
            Writer(batch, tmp_path / "it.mcap", [3])
        assert not batch.witnesses


RECORD = """
import sys
import numpy as np
from puffer_arena import make
from puffer_arena.replay.writer import Writer
with make("snake", 4, compiled=False) as batch:
    writer = Writer(batch, sys.argv[1], warn=lambda text: print("WARNED", text, flush=True))
    for t in range(int(sys.argv[2])):
        batch.step(np.full(4, t % 4))
        if t % 20 == 19:
            writer.flush()
            print(t, flush=True)
    writer.close()
print("over")
"""


def recording(path, steps, **options):
    return subprocess.Popen(
        [sys.executable, "-c", RECORD, str(path), str(steps)], cwd=ROOT, stdout=subprocess.PIPE, text=True, **options
    )


def test_a_recorder_that_is_killed_leaves_what_it_had_written(tmp_path):
    path = tmp_path / "it.mcap"
    with recording(path, 1_000_000) as process:
        for line in process.stdout:
            if int(line) >= 59:
                break
        os.kill(process.pid, signal.SIGKILL)
    with Replay(path) as replay:
        assert replay.steps >= 60
        replay.frame(replay.steps)


def test_a_full_disk_ends_the_recording_and_nothing_else(tmp_path):
    path = tmp_path / "it.mcap"
    limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (9_000, 9_000))  # noqa: E731
    with recording(path, 500, preexec_fn=limit) as process:
        lines = process.stdout.read().splitlines()
    assert lines[-1] == "over" and sum("WARNED" in line for line in lines) == 1
    with Replay(path) as replay:
        assert 0 < replay.steps < 500
        replay.frame(replay.steps)


def test_players_and_parents_are_told(tmp_path):
    path = tmp_path / "it.mcap"
    with make("snake") as batch:
        Writer(batch, path, players={"all": "me"}, parent={"file": "a.mcap", "step": 3, "row": 0}).close()
    with Replay(path) as replay:
        assert replay.header.players == {"all": "me"} and replay.header.parent["step"] == 3
        assert json.loads(json.dumps(replay.header.versions))["puffer-arena"]
        with pytest.raises(FileError, match="no whole step"):
            replay.frame(0)
