"""Branches in the window: who plays on, and the window that lives while their code is compiled."""

import threading

import pytest
from imgui_bundle import imgui

from puffer_arena.errors import ParameterError

pytest.importorskip("imgui_bundle")
from puffer_arena.render.play import overlays, preparing
from puffer_arena.render.play.match import Sitter
from puffer_arena.render.play.screen import PlayScreen
from puffer_arena.render.toolkit import pygame
from puffer_arena.render.window import branching
from puffer_arena.render.window import screen as screen_module
from puffer_arena.render.window.window import show
from tests.screens import Scripted, click, holds
from tests.screens import on_display as on_display

STILL = 20  # frames in a row after which what is laid out stays there


def test_a_branch_is_handed_to_who_is_chosen_and_who_cannot_play_is_told_and_left_out(tmp_path, monkeypatch):
    def refuse(batch):
        raise ParameterError("trained with other sizes")

    def hand_over(screen):
        screen.chosen = 2
        places = buttons[-2::-3][:STILL]  # of the three with a tooltip, the last of which lists who plays
        if len(places) == STILL and len(set(places)) == 1 and not clicked:  # now all lies where it stays
            clicked.append(screen)
            for act in click(*places[0]):
                act(screen)

    def note_button(theme, text):
        low, high = imgui.get_item_rect_min(), imgui.get_item_rect_max()
        buttons.append((round((low.x + high.x) / 2), round((low.y + high.y) / 2)))

    def play_on(screen):
        if screen.game.steps > begun:
            seen.append((screen.game.bot_name, screen.game.bot_plays))
            screen.press(pygame.K_F4)
            seen.append((screen.game.bot_name, screen.recorder.note))
            screen.press(pygame.K_F4)
            seen.append((screen.game.bot_name, len(screen.game.roster)))
            screen.left = True

    monkeypatch.chdir(tmp_path)
    seen, told, buttons, clicked, source = [], [], [], [], Scripted("snake")
    source.status, source.modes, source.mode = "playing", ("smooth",), "smooth"
    monkeypatch.setattr(branching, "item_tooltip", note_button)
    begun = int(source.frame.states["step_count"][0])
    sitters = [Sitter("broken", refuse), Sitter("other", lambda batch: batch.act("greedy"))]
    sitters.append(Sitter("policy", lambda batch: batch.act("greedy")))

    def on_frame(screen):
        if screen.__class__ is PlayScreen:
            play_on(screen)
        elif not seen:
            screen._pace.touch(1e12)
            hand_over(screen)
        elif not told:
            told.append(screen.told)
            screen.chosen = 0
            screen.fork(bot_plays=True)
        elif not screen.preparing.busy:  # what they need is there, or not
            told.append(screen.told)
            screen.gui.closing = True

    show(source, size=(960, 780), on_frame=on_frame, sitters=sitters)
    source.close()
    assert seen == [("policy", True), ("policy", "trained with other sizes"), ("other", 2)]
    assert told[0].startswith("recorded") and told[1] == "trained with other sizes"


def test_the_window_lives_while_a_branchs_code_is_compiled(tmp_path, monkeypatch):
    """The first branch of a game waits beside the window, which draws and hears keys; Esc lets it go."""
    gate, frames, branches, source = threading.Event(), [], [], Scripted("snake")

    def rehearse(make, sitter):
        with make() as batch:
            assert (batch.num_envs, sitter.name) == (1, "bot:greedy")
        gate.wait(60)

    def on_frame(screen):
        if screen.__class__ is PlayScreen:
            branches.append(len(frames))
            screen.left = True
            return
        screen._pace.touch(1e12)
        frames.append(screen.preparing.busy)
        if len(frames) == 3:
            screen.press(pygame.K_f)
            assert not branches  # the key is answered at once
        elif len(frames) == 6:
            assert holds(screen.pixels(), "amber")
            screen.press(pygame.K_ESCAPE)
        elif len(frames) == 9:
            screen.press(pygame.K_f)
        elif len(frames) == 12:
            gate.set()
        screen.gui.closing = bool(branches)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(screen_module, "rehearse", rehearse)
    monkeypatch.setattr(preparing, "_ready", set())  # of this process, where another test may have begun such a branch
    source.status, source.modes, source.mode = "playing", ("smooth",), "smooth"
    show(source, size=(960, 600), on_frame=on_frame)
    source.close()
    assert frames[:12] == [False] * 3 + [True] * 3 + [False] * 3 + [True] * 3
    assert branches and branches[0] >= 12


def test_a_branch_says_how_to_go_back_and_the_window_what_became_of_it(tmp_path, monkeypatch):
    said, notes, source = [], [], Scripted("snake")

    def on_frame(screen):
        if screen.__class__ is PlayScreen:
            screen.left = True
        elif ("Esc", "go back") in said:
            screen.gui.closing = True
        else:
            screen._pace.touch(1e12)
            source.note = "stopped by Ctrl-C"
            screen.press(pygame.K_f)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(overlays, "key_hints", lambda theme, at, hints, right: said.extend(hints))
    monkeypatch.setattr(screen_module, "draw_footer", lambda theme, hints, note, tone, area: notes.append(note))
    source.status, source.modes, source.mode = "playing", ("smooth",), "smooth"
    show(source, size=(960, 600), on_frame=on_frame)
    source.close()
    assert ("Esc", "go back") in said and notes[-1].startswith("recorded")
