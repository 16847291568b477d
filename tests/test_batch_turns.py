"""The word by which caller and worker take turns: no call is lost or made twice, whoever sleeps."""

import random
import threading
import time
from queue import SimpleQueue

import numpy as np
import pytest

from puffer_arena.batch.workers.turns import BY_PIPE, WORDS, Turn, patience

CALLS = 2000


@pytest.fixture
def words():
    return np.zeros(WORDS, np.int64)


def serve(turn, pipe, answers, heard, linger):
    """Do what a worker process does, with queues for pipes, until told -2."""
    awake = False
    while True:
        method = turn.called() if awake else BY_PIPE
        method = pipe.get() if method == BY_PIPE else method
        linger()
        heard.append(method)
        awake = method >= 0 and turn.end()  # a negative method is one that answers by the pipe
        if not awake:
            turn.answer()
            answers.put(method)
        if method == -2:
            return


@pytest.mark.slow
@pytest.mark.parametrize("caller_seconds", [0.0, 5e-5, 2e-4])
@pytest.mark.parametrize("worker_seconds", [0.0, 5e-5, 2e-4])
def test_every_call_is_heard_once_and_ends_once(words, caller_seconds, worker_seconds):
    rng = random.Random(3)
    linger = lambda: rng.random() < 0.2 and time.sleep(rng.uniform(0, 2e-4))  # noqa: E731
    pipe, answers, heard, sent, answered = SimpleQueue(), SimpleQueue(), [], [], 0
    worker = threading.Thread(
        target=serve, args=(Turn(words, worker_seconds), pipe, answers, heard, linger), daemon=True
    )
    worker.start()
    caller = Turn(words, caller_seconds)
    for k in range(CALLS):
        method = -2 if k == CALLS - 1 else -3 if k % 50 == 0 else k
        sent.append(method)
        if method < 0:
            caller.call_by_pipe()
            pipe.put(method)
        elif caller.call(method):
            pipe.put(method)
        linger()
        if not caller.ends():
            assert answers.get(timeout=600) == method
            answered += 1
    worker.join(600)
    assert not worker.is_alive()
    assert heard == sent
    assert pipe.empty() and answers.empty()
    assert answered >= CALLS // 50


def test_a_worker_that_nobody_calls_goes_to_sleep_and_is_knocked_up(words):
    turn = Turn(words, 1e-4)
    assert turn.called() == BY_PIPE
    assert turn.call(3)  # it sleeps: the pipe must carry the call too
    assert turn.end()
    assert not turn.call(4)  # it watches
    assert turn.called() == 4


def test_a_caller_that_sleeps_is_answered_by_its_pipe(words):
    turn = Turn(words, 1e-4)
    turn.call(0)
    assert not turn.ends()  # watched for long enough
    assert not turn.end()  # so the worker must write to the pipe
    turn.answer()
    assert not turn.ends()  # asked again, as after an interrupt: the answer is in the pipe still
    assert turn.call(1)  # and the worker sleeps


def test_nobody_watches_where_processes_outnumber_cores():
    assert patience(1) > 0.0
    assert patience(10_000) == 0.0
