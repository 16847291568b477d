"""What is heard of a game: told from its states, silent without a device, and never in the way."""

import os
import wave

import numpy as np
import pytest

from puffer_arena import list_envs, make
from puffer_arena.core.definition.counts import SOUNDS
from puffer_arena.machine import notices
from puffer_arena.registry import load_env
from puffer_arena.render.sounds import FOLDER, OUTCOMES, Speaker, heard


def test_every_sound_is_a_short_file_of_ours() -> None:
    assert {path.stem for path in FOLDER.glob("*.wav")} == set(SOUNDS) >= set(OUTCOMES.values())
    for name in SOUNDS:
        with wave.open(str(FOLDER / f"{name}.wav")) as file:
            assert (file.getnchannels(), file.getsampwidth()) == (1, 2) and file.getnframes() < file.getframerate()
            samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(int)
        assert 10_000 < abs(samples).max() < 20_000 and abs(samples[-1]) < 1_500


def test_counters_and_rewards_are_heard_but_no_new_episode() -> None:
    env = load_env("doors")
    with make("doors", 1, compiled=False) as batch:
        before, after = batch.rows.states[0].copy(), batch.rows.states[0].copy()
    assert heard(env, before, after, 0) == ""
    after["step_count"] += 1
    assert heard(env, before, after, 0) == ""
    after["episode_return"] = -1.0
    assert heard(env, before, after, 0) == "hit"
    after["opened"] += 1
    assert heard(env, before, after, 0) == env.sounds["opened"] == "goal"
    after["reached"] += 1
    assert heard(env, before, after, 0) == "goal"  # the louder of two
    after["episode"] += 1
    assert heard(env, before, after, 0) == ""


def test_whatever_a_game_names_there_is() -> None:
    assert {sound for env_id in list_envs() for sound in load_env(env_id).sounds.values()} <= {*SOUNDS, ""}


def test_a_speaker_is_muted_and_says_a_missing_file_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SDL_AUDIODRIVER", "dummy")
    monkeypatch.setattr(notices, "SAID", set())
    speaker, lost = Speaker(), Speaker(tmp_path)
    try:
        assert speaker.play("goal") and not speaker.play("")
        speaker.muted = True
        assert not speaker.play("hit")
        assert not lost.play("hit") and not lost.play("hit")
        assert capsys.readouterr().err.count("no sound") == 1
    finally:
        speaker.close()


def test_without_a_device_all_is_silent(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    speaker = Speaker()
    monkeypatch.setattr("puffer_arena.render.sounds.pygame.mixer.init", refuse)
    assert not speaker.play("goal")
    speaker.close()
    os.write(2, b"afterwards")
    assert capfd.readouterr().err == "afterwards"


def refuse(*_: int) -> None:
    from puffer_arena.render.toolkit import pygame

    os.write(2, b"ALSA has much to say of this")
    raise pygame.error("No such device.")
