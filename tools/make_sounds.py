"""Synthesize the games' short sounds into assets/sounds: python tools/make_sounds.py

Mono, 16 bits, 11,025 samples a second, a few kB each.  Whoever changes a sound listens to it, and commits the file.
"""

import wave
from pathlib import Path

import numpy as np

from puffer_arena.core.fields import Array

RATE = 11_025  # samples a second
PEAK = 0.5  # of full scale
FOLDER = Path(__file__).parent.parent / "assets" / "sounds"


def tone(frequency: float, seconds: float, *, slide: float = 1.0, bright: float = 0.3) -> Array:
    """Return a plucked note.

    Args:
        frequency: Hz, where it begins.
        seconds: that it lasts.
        slide: times `frequency` where it ends.
        bright: share of overtones.
    """
    t = np.arange(int(seconds * RATE)) / RATE
    pitch = frequency * slide ** (t / seconds)
    phase = 2.0 * np.pi * np.cumsum(pitch) / RATE
    wave_form = np.sin(phase) + bright * np.sin(2.0 * phase) + 0.5 * bright * np.sin(3.0 * phase)
    return wave_form * np.exp(-4.0 * t / seconds) * np.minimum(t / 0.004, 1.0)


def noise(seconds: float, *, dark: float) -> Array:
    """Return a burst of noise, its highs taken away by `dark`, 0 to below 1."""
    white = np.random.default_rng(1).uniform(-1.0, 1.0, int(seconds * RATE))
    smooth, last = np.zeros(len(white)), 0.0
    for k, value in enumerate(white):
        smooth[k] = last = dark * last + (1.0 - dark) * value
    t = np.arange(len(white)) / RATE
    return smooth / np.abs(smooth).max() * np.exp(-5.0 * t / seconds)


def after(*notes: Array, apart: float) -> Array:
    """Return notes that begin `apart` seconds after one another."""
    starts = [int(k * apart * RATE) for k in range(len(notes))]
    total = np.zeros(max(start + len(note) for start, note in zip(starts, notes, strict=True)))
    for start, note in zip(starts, notes, strict=True):
        total[start : start + len(note)] += note
    return total


def sounds() -> dict[str, Array]:
    """Return all sounds by name; 440 Hz is an A, the rest of the notes stand in just ratios to it."""
    low, high = 440.0, 880.0
    return {
        "pickup": after(tone(high, 0.07), tone(1.5 * high, 0.1), apart=0.045),
        "goal": after(tone(low, 0.12), tone(1.25 * low, 0.12), tone(1.5 * low, 0.2), apart=0.07),
        "hit": after(noise(0.08, dark=0.5), 1.4 * tone(170.0, 0.1, slide=0.5, bright=0.1), apart=0.0),
        "blast": after(1.3 * noise(0.32, dark=0.85), tone(90.0, 0.3, slide=0.4), apart=0.0),
        "success": after(*(tone(low * ratio, 0.16) for ratio in (1.0, 1.25, 1.5)), tone(high, 0.26), apart=0.085),
        "loss": after(tone(0.75 * low, 0.16, slide=0.9), tone(0.5 * low, 0.3, slide=0.75), apart=0.13),
        "over": tone(0.75 * low, 0.25, bright=0.1),
    }


def main() -> None:
    """Write the files."""
    FOLDER.mkdir(exist_ok=True)
    for name, samples in sounds().items():
        with wave.open(str(FOLDER / f"{name}.wav"), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE)
            file.writeframes((PEAK * samples / np.abs(samples).max() * 32767).astype("<i2").tobytes())
        print(f"{name}: {1000 * len(samples) // RATE} ms, {(FOLDER / f'{name}.wav').stat().st_size / 1000:.1f} kB")


if __name__ == "__main__":
    main()
