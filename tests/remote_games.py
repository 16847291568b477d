"""Games of other programs, for tests: where they connect, and one that plays in a thread."""

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from examples.remote_game import Game, serve
from puffer_arena.foreign.open import open_env
from puffer_arena.foreign.remote import Lobby, lobby_at


@pytest.fixture
def lobby() -> Iterator[Lobby]:
    """A lobby on a free port, which goes when the test does."""
    made = lobby_at("127.0.0.1:0")
    yield made
    made.close()
    lobby_at.cache_clear()
    open_env.cache_clear()


CERTIFICATE, PRIVATE = (str(Path(__file__).parent / "tls" / name) for name in ("cert.pem", "key.pem"))
ENV = "remote:127.0.0.1:0"


def port_of(lobby: Lobby) -> int:
    return int(lobby.address.rpartition(":")[2])


def play(lobby: Lobby, game: Game | None = None, key: str = "", certificate: str = "") -> threading.Thread:
    """Register a game from a thread, which ends when it or the trainer parts."""

    def run() -> None:
        with contextlib.suppress(ConnectionError, ValueError):
            serve(game or Game(), port_of(lobby), key=key, certificate=certificate)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread
