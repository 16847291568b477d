"""Environments that live in other programs: they register, are trained in, come and go, and cannot hurt who trains."""

import contextlib
import json
import socket
import ssl
import struct
import threading
from pathlib import Path

import numpy as np
import pytest

from examples.remote_game import Game, read_numbers
from puffer_arena import make
from puffer_arena.errors import DefinitionError, ParameterError, WorkerError
from puffer_arena.foreign import remote
from puffer_arena.foreign.remote import Lobby
from puffer_arena.wire import frames
from tests.remote_games import CERTIFICATE, ENV, PRIVATE, play, port_of
from tests.remote_games import lobby as lobby  # a fixture


class Puppet:
    """A program that says what a test tells it to."""

    def __init__(self, lobby: Lobby) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port_of(lobby)))

    def send(self, message: bytes) -> None:
        self.socket.sendall(frames.frame(message))

    def register(self, **changes: object) -> "Puppet":
        self.send(json.dumps(Game.ABOUT | changes).encode())
        return self


def test_rows_are_what_their_games_are(lobby: Lobby) -> None:
    for _ in range(3):
        play(lobby)
    with make(ENV, 3, seed=2) as batch:
        own = Game()
        own.reset(int(batch.rows.states["level"][1]))
        for action in (1, 0, 0, 1):
            assert batch.obs[1].tolist() == list(struct.unpack("<2f", own.observe()))
            batch.step([0, action, 1])
            reward, ended, cut, _ = own.step(action)
            assert (batch.rewards[1], batch.terminated[1], batch.truncated[1]) == (np.float32(reward), ended, cut)
            if ended or cut:
                break


def test_a_game_that_is_lost_is_followed_by_the_next_that_comes(lobby: Lobby, capsys) -> None:
    fate = threading.Event()

    class Mortal(Game):
        def step(self, action: int) -> tuple[float, bool, bool, list[float]]:
            if fate.is_set():
                raise ConnectionError
            return super().step(action)

    play(lobby, Mortal())
    with make(ENV, 1) as batch:
        batch.step([1])
        last, length = batch.obs[0].tolist(), int(batch.rows.states["step_count"][0])
        fate.set()
        play(lobby)
        batch.step([0])
        assert batch.truncated.tolist() == [True] and batch.began.tolist() == [True] and batch.rewards.tolist() == [0.0]
        assert batch.final_obs[0].tolist() == last and batch.finished["episode_length"][0] == length + 1
        batch.step([1])
    assert "the game of row 0" in capsys.readouterr().err


@pytest.mark.parametrize(
    "changes",
    [
        {"protocol": 2},
        {"name": 7},
        {"counters": ["x"] * 1000},
        {"observation": {"type": "box", "shape": [1 << 30], "dtype": "float32"}},
        {"observation": {"type": "box", "shape": [2], "dtype": "O"}},
        {"observation": {"type": "dict", "parts": {str(k): {"type": "discrete", "n": 2} for k in range(100)}}},
        {"action": {"type": "discrete", "n": 0}},
        {"action": {"type": "tree"}},
    ],
    ids=lambda changes: json.dumps(changes)[:40],
)
def test_who_registers_nonsense_is_let_go_and_the_next_is_taken(lobby: Lobby, changes: dict, capsys) -> None:
    puppet = Puppet(lobby).register(**changes)
    play(lobby)
    assert lobby.take().name == "line"
    assert "was let go: " in capsys.readouterr().err
    with puppet.socket, contextlib.suppress(ConnectionError):
        while puppet.socket.recv(100):  # the greeting, and then the end
            pass


@pytest.mark.parametrize(
    "answer",
    [
        struct.pack("<I", frames.MOST_BYTES + 1),
        struct.pack("<I", 0),
        frames.frame(frames.HEAD.pack(1, 0, 0, 0)),
        frames.frame(frames.HEAD.pack(9, 0, 0, 0) + bytes(8)),
        frames.frame(bytes([frames.ERROR]) + b"out of \x1b[2J paper"),
        b"",
    ],
)
def test_answers_of_another_size_end_a_game(lobby: Lobby, answer: bytes) -> None:
    puppet = Puppet(lobby).register()
    game = lobby.take()
    puppet.socket.sendall(answer)
    puppet.socket.shutdown(socket.SHUT_WR)
    with pytest.raises(remote.Lost) as error:
        game.reset(seed=1)
    assert "\x1b" not in str(error.value)
    game.close()
    assert not lobby._idle


def test_beyond_the_loopback_games_must_know_the_key(capsys) -> None:
    with pytest.raises(ParameterError, match="a key of at least 16 characters"):
        Lobby("0.0.0.0", 0, "short")
    lobby = Lobby("127.0.0.1", 0, "a key of 16 or more")
    play(lobby, key="another")
    play(lobby, key=lobby.key)
    assert lobby.take().name == "line"
    with pytest.raises(WorkerError, match="no game has connected"):
        lobby.take(patience=0.05)
    lobby.close()


def test_games_play_encrypted_where_the_trainer_has_a_certificate(monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setenv("PUFFER_ARENA_TLS_CERT", CERTIFICATE)
    with pytest.raises(ParameterError, match="give both or neither"):
        remote.lobby_at("127.0.0.1:0")
    monkeypatch.setenv("PUFFER_ARENA_TLS_KEY", CERTIFICATE)
    with pytest.raises(ParameterError, match="are no certificate and its key"):
        remote.lobby_at("127.0.0.1:0")
    monkeypatch.setenv("PUFFER_ARENA_TLS_KEY", PRIVATE)
    lobby = remote.lobby_at("127.0.0.1:0")
    with socket.create_connection(("127.0.0.1", port_of(lobby))) as stranger:
        stranger.sendall(json.dumps(Game.ABOUT).encode())
        play(lobby, certificate=CERTIFICATE)
        game = lobby.take()
    assert game.reset(seed=1)[0].shape == (2,) and isinstance(game._socket, ssl.SSLSocket)
    assert "was let go: " in capsys.readouterr().err
    game.close()
    lobby.close()
    remote.lobby_at.cache_clear()


def test_addresses_and_wrappers_that_cannot_be_are_refused(lobby: Lobby) -> None:
    for address in ("remote:", "remote:4500", "remote:127.0.0.1:x"):
        with pytest.raises(ParameterError, match="remote:HOST:PORT"):
            make(address, 1)
    play(lobby)
    with pytest.raises(DefinitionError, match="wrap it where it is made"):
        make(ENV, 1, limit=5)


def test_the_schema_says_what_is_sent() -> None:
    schema = json.loads((Path(frames.__file__).parent / "protocol.json").read_text())
    sizes = {"uint8": 1, "uint16": 2, "uint32": 4}
    assert schema["protocol"] == frames.PROTOCOL
    assert sum(sizes[kind] for _, kind in schema["head"]) == frames.HEAD.size
    said = schema["game"]
    assert (said["reset"]["message"], said["step"]["message"]) == (remote.RESET, remote.STEP)
    assert said["error"]["message"] == schema["bot"]["error"]["message"] == frames.ERROR
    assert set(schema["space"]) == {"box", "discrete", "multi_discrete", "multi_binary", "dict"}


def test_the_example_says_how_it_is_started(capsys) -> None:
    assert read_numbers(["4500", "4"]) == (4500, 4) and read_numbers(["4500"]) == (4500, 1)
    for arguments, code in ((["--help"], 0), ([], 1), (["port"], 1)):
        with pytest.raises(SystemExit) as ended:
            read_numbers(arguments)
        said = capsys.readouterr()
        assert ended.value.code == code and "usage: python examples/remote_game.py PORT" in (
            said.err if code else said.out
        )
