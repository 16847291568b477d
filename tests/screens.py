"""A window in this process, under Xvfb: a source to show, and acts done on it between frames."""

from collections.abc import Iterator

import numpy as np
import pytest

from puffer_arena import make
from puffer_arena.render.window.local_source import LocalSource

pytest.importorskip("imgui_bundle")
from puffer_arena.render.toolkit import pygame
from puffer_arena.render.window.imgui_canvas import packed
from puffer_arena.render.window.window import show
from tests.xvfb import unplug_mouse


@pytest.fixture(autouse=True)
def on_display(display, monkeypatch):
    for name in ("DISPLAY", "SDL_VIDEODRIVER", "LIBGL_ALWAYS_SOFTWARE"):
        monkeypatch.setenv(name, display[name])
    pygame.display.quit()  # the dummy one of a test before, which a viewer leaves as it found it
    unplug_mouse(monkeypatch)


class Scripted(LocalSource):
    """A source that records commands and may claim to be anything."""

    modes = ("time-lapse", "smooth")

    def __init__(self, env_id, **kwargs):
        super().__init__(make(env_id, 6, seed=2), choose=speak, **kwargs)
        self.sent = []
        self.status, self.mode, self.total = "training", "time-lapse", 8_000_000
        steps = np.linspace(0, 5e6, 700)
        for name in ("episode_return", "loss/value", "score", "learning_rate"):
            self.metrics = {**self.metrics, name: [(float(x), 1e-3 + float(x % 7)) for x in steps]}
        for role in self.env.agents:
            self.metrics = {**self.metrics, f"episode_return/{role}": [(0.0, 1.0), (5e6, 2.0)]}

    def send(self, command, **arguments):
        self.sent.append((command, arguments))
        if command == "mode":
            self.mode = arguments["name"]
        super().send(command, **arguments)


def speak(batch):
    """Play by the bot, claiming equal probabilities where the actions are choices."""
    leading = (batch.num_envs, max(batch.num_agents, 1))
    count = getattr(batch.action, "n", 0) or sum(getattr(batch.action, "nvec", ()))
    probs = np.full((*leading, count), 1 / count, np.float32) if count else None
    return batch.act(next(iter(batch.env.bots))), probs, np.ones(leading, np.float32)


def watch(source, *acts, frames=3, size=(960, 600)):
    """Show `source`; after some frames do the next act; return the pictures seen before each, and the last.

    An iterator among the acts gives them one by one, so that it may end when there is nothing left to try.
    """
    pictures, state = [], {"frames": 0}
    waiting = (act for given in acts for act in (given if isinstance(given, Iterator) else [given]))

    def on_frame(screen):
        state["frames"] += 1
        screen._pace.touch(1e12)  # draw every frame
        if state["frames"] < frames:
            return
        state["frames"] = 0
        pictures.append(screen.pixels())
        act = next(waiting, None)
        if act is None:
            screen.gui.closing = True
            return
        act(screen)

    show(source, size=size, on_frame=on_frame)
    source.close()
    return pictures


def key(code, modifiers=0):
    return lambda screen: screen.press(code, modifiers)


def mouse(kind, x, y, button=1):
    """Return an act that moves the mouse there, and may press or release a button."""

    def act(screen):
        motion = {"pos": (x, y), "rel": (0, 0), "buttons": (0, 0, 0)}
        pygame.event.post(pygame.event.Event(pygame.MOUSEMOTION, **motion))
        if kind != pygame.MOUSEMOTION:
            pygame.event.post(pygame.event.Event(kind, pos=(x, y), button=button))

    return act


def click(x, y, button=1):
    return [
        mouse(pygame.MOUSEMOTION, x, y),
        mouse(pygame.MOUSEBUTTONDOWN, x, y, button),
        mouse(pygame.MOUSEBUTTONUP, x, y, button),
    ]


def holds(picture, name):
    """Tell whether a palette colour occurs in a picture."""
    code = packed(name)
    wanted = [code & 255, code >> 8 & 255, code >> 16 & 255]
    return bool((picture == wanted).all(axis=-1).any())
