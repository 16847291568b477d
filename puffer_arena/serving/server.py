"""The server of a bot: one thread that takes what many games ask, lets the bot act on all of it at once, and answers.

Bounded are connections, actors, the bytes of a message and those that wait for a slow reader: a game that does not read
its answers is not read from either, and one that sends no message of the protocol is left alone.
"""

import contextlib
import secrets
import selectors
import socket
import ssl
import time
from dataclasses import dataclass, field

import numpy as np

from puffer_arena.bots.bot import Bot
from puffer_arena.bots.file import Numbers
from puffer_arena.errors import ArenaError, FileError, ParameterError, SpaceError
from puffer_arena.serving.wire import ASK, FORGET, MOST_ACTOR, MOST_COUNT, Question, answer, hello, read_question
from puffer_arena.wire.frames import ERROR, LENGTH, MOST_BYTES, MOST_SECRET, check_key, frame, proof
from puffer_arena.wire.tls import WAITS

MOST_GAMES = 256
MOST_ACTORS = 1 << 17  # of all games together
MOST_WAITING = 4 * MOST_BYTES  # bytes of answers that a game has not read
GREETING_SECONDS = 10.0  # for a game to agree on TLS, and to prove that it has the key
CHUNK = 1 << 18  # bytes read at a time


@dataclass
class Connection:
    """One connection."""

    socket: socket.socket
    nonce: str
    deadline: float  # by when it must be known
    known: bool
    shakes: bool = False  # it agrees on TLS still
    came: bytearray = field(default_factory=bytearray)
    goes: bytearray = field(default_factory=bytearray)
    asked: list[Question] = field(default_factory=list)
    slots: Numbers = field(default_factory=lambda: np.full(16, -1, np.int64))  # of the bot, by the game's own numbers


class Server:
    """Answers games with a bot's actions.

    Args:
        bot: who chooses.
        host, port: where to listen; port 0 for a free one.
        key: that games must know; "" for none, which only the loopback may do without.
        wait: seconds that a question waits for those of other games, to be answered together.
        tls: what encrypts connections; see `wire.tls`.

    Raises:
        ParameterError: an address that is not there or taken, or no key beyond the loopback.
    """

    def __init__(
        self,
        bot: Bot,
        host: str = "127.0.0.1",
        port: int = 0,
        key: str = "",
        wait: float = 0.0005,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        check_key(host, key)
        self.bot, self.key, self.wait, self._tls = bot, key, wait, tls
        try:
            self._door = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
        except (OSError, OverflowError) as error:
            raise ParameterError(f"cannot listen on {host}, port {port}: {error}") from None
        self.port: int = self._door.getsockname()[1]
        self._door.setblocking(False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._door, selectors.EVENT_READ)
        self._games: dict[int, Connection] = {}
        self._free = list(range(MOST_ACTORS - 1, -1, -1))
        self._first_asked = 0.0
        self.decisions = self.rounds = 0
        self._stopped = False

    def run(self) -> None:
        """Serve until `stop` is called."""
        while not self._stopped:
            self.turn(0.25)

    def stop(self) -> None:
        """Have `run` end soon; may be called from another thread."""
        self._stopped = True

    def turn(self, seconds: float) -> None:
        """Wait so long at most, take in what came, and answer what is due."""
        asking = any(game.asked for game in self._games.values())
        left = max(self._first_asked + self.wait - time.perf_counter(), 0.0) if asking else seconds
        for key, events in self._selector.select(left):
            if key.fileobj is self._door:
                self._welcome()
            elif (game := self._games.get(key.fd)) is not None and game.shakes:
                self._shake_hands(game)
            elif game is not None:
                if events & selectors.EVENT_WRITE:
                    self._send(game)
                if events & selectors.EVENT_READ and key.fd in self._games:
                    self._read(game)
        asking_games = [game for game in self._games.values() if game.asked]
        if not asking_games:
            self._lose_strangers()
        elif len(asking_games) == len(self._games) or time.perf_counter() >= self._first_asked + self.wait:
            self._answer(asking_games)

    def close(self) -> None:
        """Close all connections."""
        for game in [*self._games.values()]:
            self._leave(game)
        self._selector.close()
        self._door.close()

    # -- connections --------------------------------------------------------------------------------

    def _welcome(self) -> None:
        with contextlib.suppress(OSError):
            connection, _ = self._door.accept()
            if len(self._games) >= MOST_GAMES:
                connection.close()
                return
            connection.setblocking(False)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            nonce = secrets.token_hex(16) if self.key else ""
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
            game = Connection(connection, nonce, time.monotonic() + GREETING_SECONDS, False, self._tls is not None)
            self._games[connection.fileno()] = game
            self._selector.register(connection, selectors.EVENT_READ)
            if not game.shakes:
                self._greet(game)

    def _greet(self, game: Connection) -> None:
        game.known = not self.key
        self._put(game, hello(self.bot.model, game.nonce))

    def _shake_hands(self, game: Connection) -> None:
        """Go on agreeing on TLS with a game."""
        assert isinstance(game.socket, ssl.SSLSocket)  # others never do
        try:
            game.socket.do_handshake()
        except ssl.SSLWantReadError:
            self._selector.modify(game.socket, selectors.EVENT_READ)
        except ssl.SSLWantWriteError:
            self._selector.modify(game.socket, selectors.EVENT_WRITE)
        except OSError:
            self._leave(game)
        else:
            game.shakes = False
            self._greet(game)

    def _lose_strangers(self) -> None:
        now = time.monotonic()
        for game in [game for game in self._games.values() if not game.known and now > game.deadline]:
            self._leave(game)

    def _leave(self, game: Connection) -> None:
        """Part from a game; its actors are forgotten, and their places free."""
        if self._games.pop(game.socket.fileno(), None) is None:
            return
        self._selector.unregister(game.socket)
        game.socket.close()
        game.asked.clear()
        used = game.slots[game.slots >= 0]
        self.bot.reset(used)
        self._free += used.tolist()

    def _put(self, game: Connection, payload: bytes) -> None:
        game.goes += frame(payload)
        self._send(game)

    def _send(self, game: Connection) -> None:
        try:
            while game.goes:
                sent = game.socket.send(memoryview(game.goes)[:CHUNK])
                del game.goes[:sent]
        except WAITS:
            pass
        except OSError:
            self._leave(game)
            return
        reads = selectors.EVENT_READ if len(game.goes) < MOST_WAITING else 0
        self._selector.modify(
            game.socket, (reads | (selectors.EVENT_WRITE if game.goes else 0)) or selectors.EVENT_WRITE
        )

    # -- messages -----------------------------------------------------------------------------------

    def _read(self, game: Connection) -> None:
        try:
            data = game.socket.recv(CHUNK)
        except WAITS:
            return
        except OSError:
            data = b""
        if not data:
            self._leave(game)
            return
        game.came += data
        try:
            at = 0
            while len(game.came) - at >= LENGTH.size:
                (size,) = LENGTH.unpack_from(game.came, at)
                if size > (MOST_BYTES if game.known else MOST_SECRET):
                    raise FileError(f"a message of {size} bytes")
                if len(game.came) - at - LENGTH.size < size:
                    break
                at += LENGTH.size
                self._take(game, bytes(game.came[at : at + size]))
                at += size
            del game.came[:at]
        except FileError:
            self._leave(game)

    def _take(self, game: Connection, payload: bytes) -> None:
        """Take in one message.

        Raises:
            FileError: it is none, or the key is wrong.
        """
        if not game.known:
            if not secrets.compare_digest(payload, proof(self.key, game.nonce)):
                raise FileError("the key is another one")
            game.known = True
            return
        try:
            question = read_question(self.bot.model, payload)
            self._seat(game, question.actors)
        except SpaceError as error:
            self._put(game, bytes([ERROR]) + str(error).encode())
            return
        if payload[0] == FORGET:
            self.bot.reset(game.slots[question.actors])
            return
        assert payload[0] == ASK  # `read_question` knows no other
        if not any(other.asked for other in self._games.values()):
            self._first_asked = time.perf_counter()
        game.asked.append(question)

    def _seat(self, game: Connection, actors: Numbers) -> None:
        """Give actors that are new a place in the bot.

        Raises:
            SpaceError: there is none left.
        """
        most = int(actors.max())
        if most >= len(game.slots):
            wider = np.full(min(max(2 * len(game.slots), most + 1), MOST_ACTOR), -1, np.int64)
            wider[: len(game.slots)] = game.slots
            game.slots = wider
        new = actors[game.slots[actors] < 0]
        if len(new) > len(self._free):
            raise SpaceError(f"the bot acts for {MOST_ACTORS} already; let some games go")
        for actor in new.tolist():
            game.slots[actor] = self._free.pop()

    def _answer(self, games: list[Connection]) -> None:
        """Let the bot act on the first question of each game, as many as fit, at once."""
        chosen: list[tuple[Connection, Question]] = []
        total = 0
        for game in games:
            if chosen and total + len(game.asked[0].actors) > MOST_COUNT:
                break
            chosen.append((game, game.asked.pop(0)))
            total += len(chosen[-1][1].actors)
        who = np.concatenate([game.slots[question.actors] for game, question in chosen])
        questions = [question for _, question in chosen]
        model = self.bot.model
        parts = [np.concatenate(part) for part in zip(*(question.parts for question in questions), strict=True)]
        mask = None
        if any(question.mask is not None for question in questions):
            everything = [
                np.ones((len(q.actors), model.choices), np.bool_) if q.mask is None else q.mask for q in questions
            ]
            mask = np.concatenate(everything)
        try:
            actions = self.bot.act_on(parts, mask, who)
        except ArenaError as error:
            for game, _ in chosen:
                self._put(game, bytes([ERROR]) + str(error).encode())
            return
        self.decisions += total  # before the answers go: who has one finds it counted
        at = 0
        for game, question in chosen:
            count = len(question.actors)
            self._put(game, answer(model, [part[at : at + count] for part in actions]))
            at += count
        self.rounds += 1
        self._first_asked = time.perf_counter() - self.wait  # who asked more is answered at once
