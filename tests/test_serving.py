"""A bot over a socket: other programs get what it would choose here, and hostile ones get nothing."""

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator

import numpy as np
import pytest

from examples.remote_bot import RemoteBot
from puffer_arena.bots.difficulty import Handicapped
from puffer_arena.cli.serve import Options, open_bot
from puffer_arena.errors import ParameterError
from puffer_arena.players.names import bundled_bot
from puffer_arena.serving import server as serving
from puffer_arena.serving.server import Server
from puffer_arena.wire.frames import HEAD, MOST_BYTES, proof
from puffer_arena.wire.tls import server_tls
from tests.remote_games import CERTIFICATE, PRIVATE

KEY = "a key of 16 or more"


@pytest.fixture(params=[("", False), (KEY, True)], ids=["open", "by key, encrypted"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    key, encrypted = request.param
    made = Server(bundled_bot("cartpole"), key=key, tls=server_tls(CERTIFICATE, PRIVATE) if encrypted else None)
    thread = threading.Thread(target=made.run)
    thread.start()
    yield made
    made.stop()
    thread.join()
    made.close()


def client(server: Server) -> RemoteBot:
    return RemoteBot(server.port, key=server.key, certificate=CERTIFICATE if server._tls else "")


def observations(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-0.1, 0.1, (count, 4)).astype(np.float32)


def test_a_game_gets_what_the_bot_would_choose(server: Server) -> None:
    here, there = bundled_bot("cartpole"), client(server)
    assert there.about["observation"][0]["shape"] == [4] and there.about["action"][0]["codes"] == [2]
    for seed in range(3):
        seen = observations(5, seed)
        (chosen,) = there.act([seen], np.arange(5))
        assert chosen.tolist() == here.act_on([seen], None, np.arange(5))[0].ravel().tolist()
    there.forget(np.arange(5))
    there.close()


def test_a_bot_is_served_at_a_level_of_difficulty() -> None:
    bot = open_bot(Options("arena:cartpole@3", seed=4))
    assert isinstance(bot, Handicapped) and bot.difficulty == 3 and bot.seed == 4
    with pytest.raises(ParameterError, match="a whole number from 0 to 10"):
        open_bot(Options("arena:cartpole@11"))


def test_games_are_answered_together_and_apart(server: Server) -> None:
    games = [client(server) for _ in range(3)]
    answers = [game.act([observations(2, k)], np.array([7, 60000])) for k, game in enumerate(games)]
    assert all(answer[0].shape == (2,) for answer in answers) and server.decisions == 6
    for game in games:
        game.close()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda seen, actors, mask: (seen * np.nan, actors, mask), "not finite"),
        (lambda seen, actors, mask: (seen, actors * 0, mask), "different numbers"),
        (lambda seen, actors, mask: (seen, actors + 70000, mask), "different numbers"),
    ],
)
def test_numbers_that_cannot_be_acted_on_are_answered_with_why(server: Server, change, said: str) -> None:
    game = client(server)
    seen, actors, mask = change(observations(3), np.arange(3), None)
    with pytest.raises(ValueError, match=said):
        game.act([seen], actors, mask)
    assert game.act([observations(3)], np.arange(3))[0].shape == (3,)  # the connection goes on
    game.close()


@pytest.mark.parametrize(
    "message",
    [
        struct.pack("<I", MOST_BYTES + 1),
        struct.pack("<I", 3) + b"abc",
        struct.pack("<I", HEAD.size) + HEAD.pack(9, 0, 0, 1),
        struct.pack("<I", HEAD.size) + HEAD.pack(1, 0, 0, 2**32 - 1),
        struct.pack("<I", HEAD.size) + HEAD.pack(1, 0, 0, 0),
        struct.pack("<I", HEAD.size) + HEAD.pack(1, 1, 0, 1),
        b"GET / HTTP/1.1\r\n\r\n",
    ],
)
def test_who_does_not_speak_the_protocol_is_left_alone(server: Server, message: bytes) -> None:
    game = client(server)
    game.socket.sendall(message)
    assert game.file.read(1) == b""  # closed
    game.close()
    other = client(server)
    assert other.act([observations(1)], np.arange(1))[0].shape == (1,)
    other.close()


def test_who_does_not_agree_on_tls_is_left_alone(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port)) as stranger, contextlib.suppress(ConnectionError):
        stranger.sendall(b"GET / HTTP/1.1\r\n\r\n")
        while said := stranger.recv(100):  # what it is that came, and then the end
            assert server._tls is None or said[0] == 0x15  # an alert
    game = client(server)
    assert game.act([observations(1)], np.arange(1))[0].shape == (1,)
    game.close()


def test_a_wrong_key_opens_nothing() -> None:
    made = Server(bundled_bot("cartpole"), key="the right key of 16")
    thread = threading.Thread(target=made.run)
    thread.start()
    try:
        wrong = RemoteBot(made.port, key="another key")
        with pytest.raises((ConnectionError, OSError)):
            wrong.act([observations(1)], np.arange(1))
        assert proof("a", "b") != proof("a", "c")
    finally:
        made.stop()
        thread.join()
        made.close()


def test_a_game_that_does_not_read_is_not_read_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "MOST_WAITING", 1)
    made = Server(bundled_bot("cartpole"))
    ours, theirs = socket.socketpair()
    game = serving.Connection(theirs, "", 0.0, True)
    theirs.setblocking(False)
    made._games[theirs.fileno()] = game
    made._selector.register(theirs, serving.selectors.EVENT_READ)
    made._put(game, bytes(8 << 20))
    assert game.goes and made._selector.get_key(theirs).events == serving.selectors.EVENT_WRITE
    ours.close()
    made.close()


def test_beyond_the_loopback_a_key_is_asked_for() -> None:
    with pytest.raises(ParameterError, match="a key of at least 16 characters is needed"):
        Server(bundled_bot("cartpole"), host="0.0.0.0", key="short")
    taken = Server(bundled_bot("cartpole"))
    with pytest.raises(ParameterError, match="cannot listen on"):
        Server(bundled_bot("cartpole"), port=taken.port)
    taken.close()
