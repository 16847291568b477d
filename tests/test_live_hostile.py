"""What comes over the live wire from who means harm, or does not know better: messages, rows and keys."""

import socket
from dataclasses import replace

import numpy as np
import pytest

from puffer_arena import list_envs, make
from puffer_arena.batch.frame import Frame
from puffer_arena.errors import FileError
from puffer_arena.live.address import read_address
from puffer_arena.live.messages import decode_frame, encode_frame
from puffer_arena.live.subscriber import Subscriber
from tests.live_support import attack, command, steps_of, wait_for
from tests.live_support import fake as fake  # a fixture
from tests.live_support import trainer as trainer  # a fixture
from tests.live_support import window as window  # a fixture


def test_hostile_messages_change_nothing(trainer, window, tmp_path):
    key = read_address(tmp_path).key
    with socket.create_connection(("127.0.0.1", trainer.port)) as raw:
        raw.sendall(b"GET / HTTP/1.1\r\n\r\n" + bytes(range(256)) * 50)
    attack(trainer.port, None, command("pause"))
    attack(trainer.port, key, [b"x" * 10_000_000])
    attack(
        trainer.port,
        key,
        [b""],
        [b"0" * 32, *command("pause")],
        [*command("pause"), b"more"],
        [b""] * 1_000,
        [b"\xff\xfe"],
        [b"[" * 8_000],
        [b"{}"],
        [b"null"],
        command(["pause"]),
        command("rows", indices=list(range(65))),
        command("rows", indices=[-1]),
        command("rows", indices=[10**4_000]),
        command("speed", value=1e9),
        [b'{"command": "speed", "value": NaN}'],
        [b'{"command": "learning_rate", "value": Infinity}'],
        command("learning_rate", value=10**4_000),
        command("param", name="__class__", value=1),
        command("param", name="rows", value=10**30),
        command("pause", extra="x" * 5_000),
        command("here", streams=[["frame"]], frame_seconds="\ud800"),
    )
    before = wait_for(lambda: steps_of(window), window)
    wait_for(lambda: steps_of(window) > before + 64 * 200, window)
    assert window.status == "training"
    assert (window.frame.params["rows"] == 11).all()
    steps, saved, log = trainer.end()
    assert saved == 0 and steps > before
    assert "Traceback" not in log
    assert log.count("ignored a message from a window") >= 1


ESCAPE = "\x1b]0;owned\x07\x1b[2J\u202e\ud800\n"


@pytest.mark.parametrize(
    "said",
    [
        command(ESCAPE),
        command("pause", **{ESCAPE: 1}),
        command("speed", value=ESCAPE),
        command("param", name=ESCAPE, value=1),
        command("mode", name=[ESCAPE]),
    ],
)
def test_what_a_key_holder_says_cannot_move_a_terminals_cursor(trainer, tmp_path, said):
    attack(trainer.port, read_address(tmp_path).key, said)
    line = trainer.process.stderr.readline()
    assert "ignored a message from a window" in line
    assert line.rstrip("\n").isprintable()


def test_a_window_without_the_key_gets_nothing(trainer, tmp_path):
    stranger = Subscriber(replace(read_address(tmp_path), key="1" * 64))
    friend = Subscriber(read_address(tmp_path), tmp_path)
    wait_for(lambda: steps_of(friend) > 64 * 100, friend, stranger)
    wait_for(lambda: "refuses this key" in stranger.note, stranger)  # it is told why, and does not wait for ever
    assert (stranger.frame, stranger.num_envs, stranger.status) == (None, 0, "lost")
    friend.close()
    stranger.close()


def test_a_window_ignores_what_is_no_message_of_a_trainer(fake):
    with make("snake", seed=1) as batch:
        batch.reset()
        state, params = batch.rows.states.tobytes(), batch.rows.params.tobytes()
    row = np.zeros(1, np.int64).tobytes()
    steps = b'{"steps": 7, "probs": [1, 1, 4], "values": [1, 1]}'
    probs, values = np.zeros(4, np.float32).tobytes(), np.zeros(1, np.float32).tobytes()
    fake.say(b"frame", steps, row, state, params, probs, values)  # before any greeting
    fake.greet(protocol=1)
    fake.greet(version=99)
    fake.greet(params={"rows": 10**9})
    fake.greet(params={"nonsense": 1})
    fake.greet(num_envs=-1)
    fake.greet(num_envs=10**400)
    fake.greet(count=float("inf"))
    fake.greet(title="\x1b[2J", params=["\ud800"])
    fake.say(b"hello", b"{}", b"{}", b"[]")
    fake.say(b"hello", b"{}" * 100_000, b"[" * 100_000, b"[" * 100_000)
    for changes in ({"speed": "fast"}, {"speed": 10**400}, {"status": []}, {"values": 1}, {"values": {"rows": 10**30}}):
        fake.tell(**changes)
    fake.say(b"")
    fake.say(b"frame")
    fake.say(b"metrics", b'{"count": 1, "steps": 1, "values": [1]}')
    fake.say(b"metrics", b'{"count": 1, "steps": 1' + b"0" * 400 + b', "values": {"a": 1}}')
    fake.say(b"metrics", b'{"count": 1e999, "steps": 1, "values": {"a": 1}}')
    fake.say(b"policy", b"{", b"")
    fake.say(b"policy", b'{"steps": 1e999}', b"")
    fake.greet()
    for header in (b"{}", b"[]", b"{" * 70_000, b'{"steps": -1}', b'{"steps": 1, "probs": [1e9], "values": []}'):
        fake.say(b"frame", header, row, state, params, probs, values)
        fake.window.poll()
    fake.say(b"frame", steps, row, state[:-1], params, probs, values)
    wait_for(lambda: fake.window.num_envs == 8, fake.window)
    assert fake.window.frame is None
    fake.say(b"frame", steps, row, state, params, probs, values)
    wait_for(lambda: fake.window.frame is not None, fake.window)
    assert fake.window.frame.steps == 7


def frame_of(batch, **changes) -> list[bytes]:
    """Return a frame of the batch's rows as it goes over the wire, some of its arrays replaced."""
    rows = np.arange(batch.num_envs)
    parts = {"states": batch.rows.states.copy(), "params": batch.rows.params.copy(), "rows": rows, **changes}
    return encode_frame(
        Frame(1, parts["rows"], parts["states"], parts["params"], parts.get("probs"), parts.get("values"))
    )


def test_rows_on_the_wire_are_checked_like_those_of_a_snapshot():
    with make("snake", num_envs=2, seed=1) as batch:
        states, params = batch.rows.states, batch.rows.params
        shown = decode_frame(frame_of(batch), batch.env, batch.param_values, 2)
        assert (shown.states == states).all() and (shown.params == params).all()

        def changed(records, name, value):
            copy = records.copy()
            copy[name][1] = value
            return copy

        for changes in (
            {"states": changed(states, "episode_return", np.nan)},
            {"states": changed(states, "episode_return", np.inf)},
            {"states": changed(states, "step_count", -1)},
            {"states": changed(states, "ended", 7)},
            {"params": changed(params, "rows", 2**31 - 1)},
            {"params": changed(params, "reward_food", np.nan)},
            {"rows": np.array([0, 2])},
            {"rows": np.array([0, -1])},
            {"probs": np.full((2, 1, 4), np.nan, np.float32)},
            {"values": np.full((2, 1), np.inf, np.float32)},
        ):
            with pytest.raises(FileError):
                decode_frame(frame_of(batch, **changes), batch.env, batch.param_values, 2)


@pytest.mark.parametrize("env_id", list_envs())
def test_arbitrary_rows_are_refused(env_id):
    """Random bytes have a header no row can have; what is left of them after the checks is drawn like any other."""
    random = np.random.default_rng(0)
    with make(env_id, num_envs=4, seed=1, compiled=False) as batch:
        for part in ("states", "params"):
            records = getattr(batch.rows, part)
            noise = np.frombuffer(random.bytes(records.nbytes), records.dtype)
            with pytest.raises(FileError):
                decode_frame(frame_of(batch, **{part: noise}), batch.env, batch.param_values, 4)
