"""A training process and a window on it, over real sockets, for the tests of the live wire."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from puffer_arena.live import subscriber
from puffer_arena.live.address import Address, read_address
from puffer_arena.live.subscriber import Subscriber
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
