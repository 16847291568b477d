"""What the worker processes of test_batch_processes.py run."""

import ctypes
import os
import time

import numpy as np

from puffer_arena.errors import ParameterError
from puffer_arena.machine.notices import say_once

LAYOUT = {"numbers": ((8,), np.dtype(np.int64)), "odd": ((3,), np.dtype([("x", "i1"), ("y", "f8")], align=True))}
SWOLLEN = {**LAYOUT, "numbers": ((9,), np.dtype(np.int64))}


class Counter:
    def __init__(self, setup, attach):
        self.memory = attach(SWOLLEN if setup.get("swollen") else LAYOUT)
        self.low, self.high = setup["span"]
        if setup.get("fails"):
            raise ParameterError("this setup fails on purpose")

    def add(self, amount):
        self.memory["numbers"][self.low : self.high] += amount
        return int(self.memory["numbers"][self.low : self.high].sum())

    def count(self):
        self.memory["numbers"][self.low : self.high] += 1

    def stumble(self):
        raise ParameterError("amount = 5; it must be 4")

    def doze(self):
        time.sleep(0.02)  # longer than anybody watches
        self.count()

    def vanish(self):
        os.kill(os.getpid(), 9)

    def pid(self):
        return os.getpid()

    def fail(self, kind):
        if kind == "ours":
            raise ParameterError("amount = 3; it must be 4")
        raise ZeroDivisionError("a stray error")

    def leave(self, code):
        print("words on the way out")
        os._exit(code)

    def say(self, text):
        say_once(text)
        print("once")

    def crash(self):
        ctypes.string_at(0)

    def hang(self, seconds):
        time.sleep(seconds)
