"""Attaching to a training process over a real socket, and leaving it."""

import contextlib
import json
import os
import socket
import stat
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from puffer_arena import list_envs, make
from puffer_arena.batch.frame import Frame
from puffer_arena.errors import FileError, MissingExtra, ParameterError, TrainingError
from puffer_arena.live import subscriber
from puffer_arena.live.address import Address, read_address, write_address
from puffer_arena.live.commands import Command
from puffer_arena.live.messages import decode_frame, encode_frame
from puffer_arena.live.publisher import Publisher
from puffer_arena.live.subscriber import Subscriber
from puffer_arena.machine.running import is_running
from tests.processes import MARK, end_marked

zmq = pytest.importorskip("zmq")
z85 = pytest.importorskip("zmq.utils.z85")
PATIENCE = 240.0  # seconds; only a broken wire takes so long, on the slowest machine too


def wait_for(happened, *sources, what="it"):
    """Poll the sources until `happened()`, and return what that was."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        for source in sources:
            source.poll()
        if result := happened():
            return result
        time.sleep(0.005)
    states = [(source.status, source.note) for source in sources]
    raise AssertionError(f"waited {PATIENCE} s for {what}: {states}")


class Trainer:
    """The training process of a test."""

    def __init__(self, run_dir: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("live_trainer.py")), str(run_dir)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        ready = self.process.stdout.readline().split()
        assert ready[:1] == ["ready"], self.process.communicate()[1]
        self.port = int(ready[1])

    def end(self) -> tuple[int, int, str]:
        """End it; return its steps, how often it saved, and its log."""
        out, log = self.process.communicate(timeout=PATIENCE)
        assert self.process.returncode == 0, log
        _, steps, saved = out.split()
        return int(steps), int(saved), log

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def trainer(tmp_path):
    started = Trainer(tmp_path)
    yield started
    if started.process.poll() is None:
        end_marked(os.environ[MARK])  # with its gate, which would take two seconds to notice
        started.process.communicate()


@pytest.fixture
def window(trainer, tmp_path, monkeypatch):
    attached = Subscriber(read_address(tmp_path), tmp_path)
    yield attached
    if trainer.process.poll() is not None:
        monkeypatch.setattr(subscriber, "LEAVE_MILLISECONDS", 0)  # nobody is there to take its farewell
    attached.close()


def steps_of(window):
    return window.frame.steps if window.frame else 0


def test_a_window_shows_the_training_rows(window):
    wait_for(lambda: window.frame is not None and window.metrics, window)
    frame = window.frame
    assert (window.title, window.status, window.num_envs) == ("a test run", "training", 64)
    assert frame.rows.tolist() == list(range(16))
    assert frame.states["board"].shape == (16, 11, 11)
    # Every board has one head (code 2), wherever it is.
    assert ((frame.states["board"] == 2).sum(axis=(1, 2)) == 1).all()
    assert (frame.params["rows"] == 11).all()
    assert frame.probs.shape == (16, 1, 4)
    assert frame.values[:, 0].tolist() == list(range(16))


def test_frames_come_no_more_often_than_they_are_drawn(window):
    window.frame_seconds = 10.0
    wait_for(lambda: window.frame is not None and window.metrics, window)
    first, curve = window.frame, window.metrics["episode_return"]
    until = len(curve) + 20  # some 20 milliseconds each
    wait_for(lambda: len(window.metrics["episode_return"]) >= until, window)
    assert window.frame is first
    window.frame_seconds = 0.0
    wait_for(lambda: window.frame is not first, window)


def test_metrics_arrive_as_curves_and_numbers_that_are_not_finite_do_not(window):
    wait_for(lambda: len(window.metrics.get("episode_return", ())) >= 3, window)
    curve = window.metrics["episode_return"]
    assert [steps for steps, _ in curve] == sorted({steps for steps, _ in curve})
    assert "broken" not in window.metrics


def test_a_window_that_comes_late_gets_the_curves_so_far(trainer, tmp_path):
    early = Subscriber(read_address(tmp_path), tmp_path)
    wait_for(lambda: len(early.metrics.get("episode_return", ())) >= 5, early)
    late = Subscriber(read_address(tmp_path), tmp_path)
    wait_for(lambda: late.num_envs, late)
    assert len(late.metrics["episode_return"]) >= 5
    early.close()
    late.close()


def test_pause_holds_training_and_step_moves_it_by_one(window):
    wait_for(lambda: window.frame is not None, window)
    window.send("pause")
    wait_for(lambda: window.status == "paused", window)
    window.send("step")
    first = wait_for(lambda: steps_of(window), window)
    for _ in range(3):
        before = wait_for(lambda: steps_of(window), window)
        window.send("step")
        after = wait_for(lambda before=before: steps_of(window) > before and steps_of(window), window)
    assert (after - first) % 64 == 0
    assert after - before <= 2 * 64  # the answer to the first step may still have been on its way
    window.send("resume")
    wait_for(lambda: window.status == "training" and steps_of(window) > after + 64 * 10, window)


class Asking:
    """Stands for the windows: one is there, and asks for some things one after the other."""

    frame_seconds = 0.0

    def __init__(self, publisher, *commands):
        self.publisher, self.commands, self.held = publisher, list(commands), 0

    def __len__(self):
        return 1

    def receive(self, now):
        if self.commands:
            self.publisher._execute(self.commands.pop(0))

    def wait(self, seconds):
        self.held += 1

    def want(self, stream):
        return False

    def send(self, *message): ...

    def flush(self): ...


def test_between_minibatches_a_pause_holds_until_a_change_that_waits_for_the_next_step():
    asked = []
    publisher = Publisher(make("snake", 4, seed=1), "a run", obey=lambda command: asked.append(command.name) or "done")
    with contextlib.closing(publisher):
        real = publisher.windows
        names = ("pause", "learning_rate", "resume")
        publisher.windows = windows = Asking(publisher, *(Command(name, {"value": 0.1}) for name in names))
        publisher.breathe()
        assert (windows.held, publisher.paused, asked) == (1, True, [])
        publisher.tend(4)
        assert (publisher.paused, asked) == (False, ["learning_rate"])
        publisher.windows = real


def test_chosen_rows_are_the_ones_sent_and_missing_ones_are_left_out(window):
    wait_for(lambda: window.frame is not None, window)
    window.send("rows", indices=[40, 3, 999])
    wait_for(lambda: window.frame.rows.tolist() == [40, 3], window)
    window.send("rows", indices=[999])
    wait_for(lambda: "999" in window.note, window)
    assert "0 to 63" in window.note


def test_a_parameter_changes_in_the_training_rows(window):
    wait_for(lambda: window.frame is not None, window)
    window.send("param", name="reward_food", value=2.5)
    wait_for(lambda: (window.frame.params["reward_food"] == 2.5).all(), window)
    window.send("param", name="reward_food", value=99)
    wait_for(lambda: "out of range" in window.note, window)


def test_a_command_that_makes_no_sense_is_answered_where_it_was_given(window):
    window.send("paws")
    assert "did you mean 'pause'?" in window.note
    window.send("learning_rate", value=-1)
    assert "above 0" in window.note
    window.send("rows")
    assert "needs 'indices'" in window.note


def test_training_goes_on_when_the_window_that_paused_it_leaves(trainer, tmp_path):
    window = Subscriber(read_address(tmp_path), tmp_path)
    wait_for(lambda: window.frame is not None, window)
    window.send("save")
    window.send("pause")
    wait_for(lambda: window.status == "paused", window)
    paused_at = steps_of(window)
    window.close()
    with contextlib.closing(Subscriber(read_address(tmp_path), tmp_path)) as again:
        wait_for(lambda: again.status == "training" and steps_of(again) > paused_at + 64 * 10, again)
    _, saved, _ = trainer.end()
    assert saved == 1


def test_a_run_that_ends_says_so_and_removes_its_address(trainer, window, tmp_path):
    wait_for(lambda: window.frame is not None, window)
    trainer.process.stdin.close()
    trainer.process.stdin = None
    wait_for(lambda: window.status == "finished", window)
    trainer.process.wait(PATIENCE)
    assert read_address(tmp_path) is None
    window.send("pause")
    assert "needs a trainer" in window.note


def test_a_trainer_that_ended_is_found_again_when_it_resumes(trainer, window, tmp_path):
    wait_for(lambda: window.frame is not None, window)
    trainer.process.stdin.close()
    trainer.process.stdin = None
    wait_for(lambda: window.status == "finished", window)
    trainer.process.wait(PATIENCE)
    second = Trainer(tmp_path)
    try:
        wait_for(lambda: window.status == "training", window)
    finally:
        second.kill()


def test_a_killed_trainer_is_noticed_and_found_again_when_it_resumes(trainer, window, tmp_path):
    wait_for(lambda: window.frame is not None, window)
    trainer.kill()
    wait_for(lambda: window.status == "lost", window)
    before = read_address(tmp_path)
    assert not is_running(before.pid)  # the address that a killed process leaves is known to be stale
    second = Trainer(tmp_path)
    try:
        wait_for(lambda: window.status == "training", window)
    finally:
        second.kill()


def test_the_address_is_private_to_its_owner(trainer, tmp_path):
    if os.name == "posix":
        assert stat.S_IMODE((tmp_path / "live.json").stat().st_mode) == 0o600
    address = read_address(tmp_path)
    assert (address.env, address.pid) == ("snake", trainer.process.pid)
    assert address.address == f"tcp://127.0.0.1:{trainer.port}"


GOOD = {"address": "tcp://127.0.0.1:5555", "key": "0" * 64, "env": "snake", "pid": 1}
DAMAGED = {
    "another type": {"pid": "1"},
    "a truth value": {"pid": True},
    "a process beyond all": {"pid": 2**40},
    "a process below none": {"pid": -1},
    "no key": {"key": "0" * 32},
    "no address": {"address": "ipc:///tmp/x"},
    "an escape": {"address": "tcp://\x1b[2J:1"},
    "more": {"extra": 1},
}


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"address": 1}', "[" * 9_000, json.dumps(GOOD).replace("1}", "1" * 5_000 + "}")]
    + [json.dumps({**GOOD, **changes}) for changes in DAMAGED.values()],
)
def test_a_damaged_address_file_is_refused_by_name(tmp_path, text):
    (tmp_path / "live.json").write_text(text)
    with pytest.raises(FileError, match=r"live\.json is damaged"):
        read_address(tmp_path)


def test_a_port_in_use_is_named_with_what_to_do(tmp_path):
    with socket.socket() as taken, make("snake", num_envs=1) as batch:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(TrainingError, match=rf"port {port} is in use .* leave --live\.port out"):
            Publisher(batch, "run", tmp_path, port=port)
    assert read_address(tmp_path) is None


# -- hostile peers ------------------------------------------------------------------------------------


def dealer(context, port: int, key: str | None):
    """Return a client's socket; with the run's key, a wrong one, or none at all."""
    client = context.socket(zmq.DEALER)
    client.linger = 2_000
    if key is not None:
        client.curve_publickey, client.curve_secretkey = zmq.curve_keypair()
        client.curve_serverkey = z85.encode(bytes.fromhex(key))
    client.connect(f"tcp://127.0.0.1:{port}")
    return client


def attack(port: int, key: str | None, *messages: list[bytes]) -> None:
    with zmq.Context() as context, dealer(context, port, key) as client:
        for message in messages:
            client.send_multipart(message)
        if key is None:
            client.linger = 0  # nobody will ever take them


def command(name, /, **arguments) -> list[bytes]:
    return [json.dumps({"command": name, **arguments}).encode()]


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


def test_a_window_is_told_when_nothing_answers():
    with socket.socket() as taken:  # bound, but it does not listen
        taken.bind(("127.0.0.1", 0))
        window = Subscriber(Address(f"tcp://127.0.0.1:{taken.getsockname()[1]}", "0" * 64, "snake"))
        wait_for(lambda: "nothing answers" in window.note, window)
        window.close()


@pytest.mark.parametrize("key", ["", "0" * 63, "0" * 65, "g" * 64, "\x1b" * 64])
def test_what_is_no_key_is_refused_before_anything_is_opened(key):
    with pytest.raises(ParameterError, match="64 hexadecimal digits"):
        Address("tcp://127.0.0.1:5555", key, "snake")


def test_a_zeromq_without_curve_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(zmq, "has", lambda capability: capability != "curve")
    with make("snake", num_envs=1) as batch, pytest.raises(MissingExtra, match="without CURVE"):
        Publisher(batch, "run", tmp_path)
    with pytest.raises(MissingExtra, match="without CURVE"):
        Subscriber(Address("tcp://127.0.0.1:5555", "0" * 64, "snake"))


class FakeTrainer:
    """A peer that says whatever a test wants to a window."""

    def __init__(self) -> None:
        self.context = zmq.Context()
        self.router = self.context.socket(zmq.ROUTER)
        self.router.linger = 0
        public, secret = zmq.curve_keypair()
        self.router.curve_server, self.router.curve_publickey, self.router.curve_secretkey = True, public, secret
        self.port = self.router.bind_to_random_port("tcp://127.0.0.1")
        key = z85.decode(public).hex()
        self.window = Subscriber(Address(f"tcp://127.0.0.1:{self.port}", key, "snake", os.getpid()))
        self.identity = wait_for(self.receive, self.window)[0]

    def receive(self):
        return self.router.recv_multipart() if self.router.poll(0) else None

    def say(self, *parts: bytes) -> None:
        self.router.send_multipart([self.identity, *parts])

    def greet(self, **changes) -> None:
        header = {
            "protocol": 2, "title": "t", "env": "snake", "version": 0, "params": {}, "num_envs": 8, "count": 0, "total": 0
        }  # fmt: skip
        self.say(b"hello", json.dumps({**header, **changes}).encode(), b"{}", b"[]")

    def tell(self, **changes) -> None:
        header = {"status": "training", "note": "", "steps": 0, "speed": 0.0, "rows": [0], "values": {}}
        self.say(b"status", json.dumps({**header, **changes}).encode())

    def close(self) -> None:
        self.window.close()
        self.context.destroy(linger=0)


@pytest.fixture
def fake():
    peer = FakeTrainer()
    yield peer
    peer.close()


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


def test_a_window_asks_again_when_metrics_were_lost(fake):
    fake.greet(count=3)
    fake.say(b"metrics", b'{"count": 5, "steps": 10, "values": {"loss": 1.0}}')

    def asked():
        message = fake.receive()
        return message and json.loads(message[1])["command"] == "hello"

    wait_for(asked, fake.window)


def test_an_address_written_by_another_process_is_not_removed(tmp_path):
    with make("snake", num_envs=1) as batch:
        publisher = Publisher(batch, "run", tmp_path)
        write_address(tmp_path, Address("tcp://127.0.0.1:1", "0" * 64, "snake", os.getpid() + 1))
        publisher.close()
    assert read_address(tmp_path) is not None


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
