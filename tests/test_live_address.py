"""Where a run can be reached: its address file, its port and its key."""

import json
import os
import socket
import stat

import pytest

from puffer_arena import make
from puffer_arena.errors import FileError, MissingExtra, ParameterError, TrainingError
from puffer_arena.live.address import Address, read_address, write_address
from puffer_arena.live.publisher import Publisher
from puffer_arena.live.subscriber import Subscriber
from tests.live_support import trainer as trainer  # a fixture
from tests.live_support import zmq


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


def test_an_address_written_by_another_process_is_not_removed(tmp_path):
    with make("snake", num_envs=1) as batch:
        publisher = Publisher(batch, "run", tmp_path)
        write_address(tmp_path, Address("tcp://127.0.0.1:1", "0" * 64, "snake", os.getpid() + 1))
        publisher.close()
    assert read_address(tmp_path) is not None
