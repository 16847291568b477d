"""Attaching to a training process over a real socket, and leaving it."""

import contextlib
import json
import socket

from puffer_arena import make
from puffer_arena.live.address import Address, read_address
from puffer_arena.live.commands import Command
from puffer_arena.live.publisher import Publisher
from puffer_arena.live.subscriber import Subscriber
from puffer_arena.machine.running import is_running
from tests.live_support import PATIENCE, Trainer, steps_of, wait_for
from tests.live_support import fake as fake  # a fixture
from tests.live_support import trainer as trainer  # a fixture
from tests.live_support import window as window  # a fixture


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


def test_a_window_is_told_when_nothing_answers():
    with socket.socket() as taken:  # bound, but it does not listen
        taken.bind(("127.0.0.1", 0))
        window = Subscriber(Address(f"tcp://127.0.0.1:{taken.getsockname()[1]}", "0" * 64, "snake"))
        wait_for(lambda: "nothing answers" in window.note, window)
        window.close()


def test_a_window_asks_again_when_metrics_were_lost(fake):
    fake.greet(count=3)
    fake.say(b"metrics", b'{"count": 5, "steps": 10, "values": {"loss": 1.0}}')

    def asked():
        message = fake.receive()
        return message and json.loads(message[1])["command"] == "hello"

    wait_for(asked, fake.window)
