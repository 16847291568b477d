"""What a branch needs is compiled beside the window, once a process."""

import threading
import time
from functools import partial

from puffer_arena import make
from puffer_arena.errors import ParameterError
from puffer_arena.render.play.match import Sitter, scripted
from puffer_arena.render.play.preparing import BEFORE, Preparing, rehearse


def finish(preparing):
    while preparing.busy:
        preparing.poll()
        time.sleep(0.01)


def test_what_follows_waits_for_the_work_once():
    gate, done = threading.Event(), []
    preparing = Preparing()
    preparing.begin("some game", gate.wait, lambda: done.append(1))
    preparing.begin("some game", gate.wait, lambda: done.append(2))  # a second key press changes nothing
    preparing.poll()
    assert preparing.busy and done == []
    gate.set()
    finish(preparing)
    assert done == [1]
    preparing.begin("some game", lambda: done.append(0), lambda: done.append(3))
    assert done == [1, 3] and not preparing.busy  # ready at once, and nothing is done again


def test_who_changes_their_mind_may_ask_again_and_nothing_is_done_twice():
    gate, works, done = threading.Event(), [], []

    def work():
        works.append(1)
        gate.wait()

    preparing = Preparing()
    preparing.begin("another game", work, lambda: done.append(1))
    assert preparing.cancel() and not preparing.cancel()
    preparing.poll()
    assert done == []
    preparing.begin("another game", work, lambda: done.append(2))
    gate.set()
    finish(preparing)
    assert (works, done) == ([1], [2])


def test_what_must_stay_in_the_windows_thread_waits_until_the_window_has_said_so():
    done, preparing = [], Preparing()
    preparing.begin("a third game", lambda: done.append("beside"), lambda: done.append("here"), beside=False)
    for _ in range(BEFORE - 1):
        preparing.poll()
    assert done == []
    preparing.poll()
    assert done == ["here"]


def test_a_rehearsal_leaves_what_cannot_be_to_the_branch():
    def refuse(batch):
        raise ParameterError("trained with other sizes")

    again = partial(make, "snake", 1, autoreset="disabled", record=True)
    rehearse(again, scripted(make("snake", 1).env)[0])
    rehearse(again, Sitter("broken", refuse))
    rehearse(partial(make, "snake", 1, rows=10**6), Sitter("nobody"))
