"""Clients in numbers and in bad faith, over real sockets: none may end, fill or slow a training run."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from puffer_arena.live import gate
from puffer_arena.live.address import read_address
from puffer_arena.live.line import Line
from puffer_arena.live.subscriber import Subscriber
from puffer_arena.live.windows import listen, make_keys
from tests.live_support import PATIENCE, FakeTrainer, command, dealer, steps_of, trainer, wait_for, window

pytestmark = pytest.mark.slow  # starts many processes

__all__ = ["trainer", "window"]
zmq = pytest.importorskip("zmq")
z85 = pytest.importorskip("zmq.utils.z85")
LINUX = sys.platform == "linux"  # which tells of other processes in /proc


def resident(process: int) -> int:
    """Return a process's memory in bytes; 0 where the system does not tell."""
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") if LINUX else 0


def descriptors(process: int) -> int:
    return len(os.listdir(f"/proc/{process}/fd")) if LINUX else 0


def gates_of(process: int) -> list[int]:
    tasks = Path(f"/proc/{process}/task").iterdir() if LINUX else ()
    return [int(child) for task in tasks for child in (task / "children").read_text().split()]


def steps_on(window) -> None:
    """Wait until training has gone on by a hundred steps, as the window sees it."""
    before = wait_for(lambda: steps_of(window), window)
    wait_for(lambda: steps_of(window) > before + 64 * 100, window)


@pytest.mark.parametrize("key", [None, "1" * 64, "the run's"])
def test_many_clients_that_send_much_and_close_do_not_end_a_run(trainer, window, tmp_path, key):
    steps_on(window)
    files, memory = descriptors(trainer.process.pid), resident(trainer.process.pid)
    known = read_address(tmp_path).key if key == "the run's" else key
    for _ in range(3):
        with zmq.Context() as context:
            clients = [dealer(context, trainer.port, known) for _ in range(20)]
            for client in clients:
                client.linger = 100
                for _ in range(200):
                    with contextlib.suppress(zmq.Again):  # refused already
                        client.send(b"x", zmq.NOBLOCK)
            for client in clients:
                client.close()
        steps_on(window)
    assert descriptors(trainer.process.pid) <= files
    assert resident(trainer.process.pid) < memory + 30_000_000
    _, _, log = trainer.end()
    assert "ended with code" not in log and "Traceback" not in log


def test_connections_held_open_take_nothing_from_a_run(trainer, window):
    steps_on(window)
    files = descriptors(trainer.process.pid)
    held = []
    try:
        for _ in range(200):
            client = socket.socket()
            client.setblocking(False)
            client.connect_ex(("127.0.0.1", trainer.port))
            held.append(client)
        steps_on(window)  # who was here before stays served
        assert window.status == "training"
        assert descriptors(trainer.process.pid) <= files
        for process in gates_of(trainer.process.pid):
            assert descriptors(process) <= gate.MAX_FILES
    finally:
        for client in held:
            client.close()
    late = Subscriber(window._address)
    wait_for(lambda: steps_of(late), late, window)
    late.close()
    trainer.end()


def test_a_message_of_endless_parts_does_not_fill_a_run(trainer, window, tmp_path):
    steps_on(window)
    memory = resident(trainer.process.pid)
    with zmq.Context() as context, dealer(context, trainer.port, read_address(tmp_path).key) as client:
        client.linger, client.sndtimeo = 0, 200
        part = bytes(gate.MAX_MESSAGE)
        for _ in range(1_000):  # 33 MB
            client.send(part, zmq.SNDMORE)
        steps_on(window)
    assert resident(trainer.process.pid) < memory + 20_000_000
    trainer.end()


def test_commands_by_the_thousand_are_passed_on_in_small_numbers(trainer, window, tmp_path):
    steps_on(window)
    with zmq.Context() as context, dealer(context, trainer.port, read_address(tmp_path).key) as client:
        for _ in range(2_000):
            client.send(command("save")[0])
    steps_on(window)
    _, saved, log = trainer.end()
    assert 0 < saved < 2_000 / 4
    assert "commands a second" in log


def test_a_gate_that_dies_is_replaced_and_windows_come_back(trainer, window):
    steps_on(window)
    for process in gates_of(trainer.process.pid):
        os.kill(process, signal.SIGKILL)
    if LINUX:
        wait_for(lambda: window.status == "lost", window)
    wait_for(lambda: window.status == "training", window)
    steps_on(window)
    _, _, log = trainer.end()
    assert "Traceback" not in log


@contextlib.contextmanager
def serving_gate():
    """Serve in a thread; gives the trainer's line, the port and the public key."""
    ours, theirs = socket.socketpair()
    line, listener = Line(ours, 10_000), listen("127.0.0.1", 0)
    public, secret = make_keys()
    keys = [z85.encode(bytes.fromhex(key)) for key in (public, secret)]
    served = gate.Gate(Line(theirs, 10_000), listener, *keys)
    serving = threading.Thread(target=served.serve)
    serving.start()
    try:
        yield line, listener.getsockname()[1], public
    finally:
        line.close()
        serving.join()
        served.close()
        listener.close()


def wait_for_windows(line, count):
    wait_for(lambda: line.flush() or any(json.loads(report)["windows"] == count for _, report in line.receive(1)))


def test_a_window_that_is_here_before_the_first_greeting_still_gets_it():
    with serving_gate() as (line, port, public), zmq.Context() as context, dealer(context, port, public) as client:
        client.send(command("here", streams=["frame"], frame_seconds=0.0)[0])
        wait_for_windows(line, 1)
        line.send(b"hello", b"{}", b"curves")
        assert client.poll(PATIENCE * 1000)
        assert client.recv_multipart() == [b"hello", b"{}", b"curves", b"[]"]


def test_a_trainer_hears_that_all_have_left_though_another_comes_at_once():
    with serving_gate() as (line, port, public), zmq.Context() as context, dealer(context, port, public) as client:
        here = command("here", streams=["frame"], frame_seconds=0.0)[0]
        client.send(here)
        wait_for_windows(line, 1)
        client.send(command("leave")[0])
        client.send(here)
        wait_for_windows(line, 0)
        wait_for_windows(line, 1)


def test_a_gate_takes_no_more_memory_than_it_may():
    code = "from puffer_arena.live.gate import MEMORY, limit_process; limit_process(); bytes(MEMORY)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert not LINUX or "MemoryError" in done.stderr


def test_no_gate_runs_while_nobody_watches_and_none_stays_behind(trainer, tmp_path):
    assert gates_of(trainer.process.pid) == []
    window = Subscriber(read_address(tmp_path), tmp_path)
    steps_on(window)
    gates = gates_of(trainer.process.pid)
    assert len(gates) == 1 or not LINUX
    window.close()
    trainer.kill()
    wait_for(lambda: not any(Path(f"/proc/{process}").exists() for process in gates))


def test_a_busy_window_lives_on_when_its_trainer_closes():
    for _ in range(3):
        fake = FakeTrainer()
        fake.greet()
        for _ in range(1_000):  # far beyond what a window takes before it looks
            fake.tell()
        fake.router.close()
        wait_for(lambda window=fake.window: window.status == "lost", fake.window)
        fake.close()
