"""Short sounds on what happens in a game that a person plays, or looks at in a replay.

What is heard is told from two states of a row, one step after another: every game has sounds, and `Env.sounds` names
others.  Training hears nothing.  Where there is no audio device all is silent.
"""

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from puffer_arena.core.definition.counts import SOUNDS
from puffer_arena.core.env import Env
from puffer_arena.machine.notices import say_once
from puffer_arena.render.toolkit import pygame

FOLDER = Path(__file__).parent.parent / "assets" / "sounds"
NOTABLE = 0.5  # a step's reward from which it is heard
OUTCOMES = {"won": "success", "lost": "loss"}  # of an episode; any other is "over"
APART = 0.06  # seconds between two sounds of a name
RATE, BUFFER, VOLUME = 44_100, 512, 0.5


def heard(env: Env, before: Any, after: Any, agent: int) -> str:
    """Return the sound of a step, "" for none: of a counter that rose, else of the reward.

    Args:
        env: the game.
        before, after: records of the row.
        agent: whose rewards count.
    """
    if before["episode"] != after["episode"] or after["step_count"] <= before["step_count"]:
        return ""
    loudest = max(_rising(env, before, after), key=SOUNDS.index, default="")
    reward = np.atleast_1d(after["episode_return"] - before["episode_return"])[agent]
    return loudest or ("goal" if reward >= NOTABLE else "hit" if reward <= -NOTABLE else "")


def _rising(env: Env, before: Any, after: Any) -> Iterator[str]:
    for counter in env.counters:
        named = env.sounds.get(counter, "pickup" if after[counter].dtype.kind == "i" else "")
        if named and after[counter] > before[counter]:
            yield named


@contextlib.contextmanager
def _unheard_complaints() -> Iterator[None]:
    """Keep what the system's sound library itself writes, where there is no device, out of the terminal."""
    try:
        kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    except OSError:  # standard error is closed: nothing can reach it
        yield
        return
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


class Speaker:
    """Plays sounds by name, once there is one to play.

    Attributes:
        muted: whether a person has asked for silence.
    """

    def __init__(self, folder: Path = FOLDER) -> None:
        self.muted = False
        self._folder = folder
        self._open: bool | None = None  # the device, once it was tried
        self._loaded: dict[str, Any] = {}
        self._played: dict[str, float] = {}

    def play(self, name: str) -> bool:
        """Play a sound, "" for none; tell whether it sounds."""
        now = time.monotonic()
        if not name or self.muted or now - self._played.get(name, -1.0) < APART or not self._ready():
            return False
        if name not in self._loaded:
            self._loaded[name] = self._load(name)
        self._played[name] = now
        if self._loaded[name] is not None:
            self._loaded[name].play()
        return self._loaded[name] is not None

    def _ready(self) -> bool:
        if self._open is None:
            try:
                with _unheard_complaints():
                    pygame.mixer.init(RATE, -16, 2, BUFFER)
                self._open = True
            except (pygame.error, NotImplementedError):  # no device, or pygame was built without sound
                self._open = False
        return self._open

    def _load(self, name: str) -> Any:
        """Return a sound, None where its file cannot be used, which is said once."""
        file = self._folder / f"{name}.wav"
        try:
            sound = pygame.mixer.Sound(str(file))
        except (OSError, pygame.error) as error:
            say_once(f"no sound: {error}")
            return None
        sound.set_volume(VOLUME)
        return sound

    def close(self) -> None:
        """Give the audio device back."""
        if self._open:
            pygame.mixer.quit()
        self._open, self._loaded = None, {}
