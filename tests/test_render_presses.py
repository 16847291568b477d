"""Double clicks are told by when the presses can have come, not by when frames take them in."""

import time
from collections.abc import Iterator

import pytest
from imgui_bundle import imgui

pytest.importorskip("imgui_bundle")
from puffer_arena.render.toolkit import pygame
from puffer_arena.render.window.gui import Gui
from puffer_arena.render.window.presses import ALWAYS, NEVER, Presses
from tests.screens import on_display as on_display

TOGETHER, LATE = 0.02, 0.05  # seconds: presses so close together are a double click; frames so far apart
CLICK = (pygame.MOUSEBUTTONDOWN, pygame.MOUSEBUTTONUP)


@pytest.fixture
def gui() -> Iterator[Gui]:
    opened = Gui("presses", (200, 150))
    opened.double_click = TOGETHER
    for _ in range(2):
        frame(opened)
    yield opened
    opened.close()


def frame(gui: Gui, *kinds: int, button: int = 1) -> int:
    """Draw a frame after input, late; return which click in a row it took in, 0 for none."""
    for kind in kinds:
        pygame.event.post(pygame.event.Event(kind, pos=(50, 50), button=button))
    gui.events()
    gui.begin()
    gui.end()
    gui.flip()
    time.sleep(LATE)
    return int(imgui.get_io().mouse_clicked_count[0])


def test_clicks_that_came_together_are_a_double_one_however_late_the_frames_are(gui: Gui) -> None:
    taken = [frame(gui, *CLICK, *CLICK), *(frame(gui) for _ in range(5))]
    assert [count for count in taken if count] == [1, 2]


def test_a_second_click_that_comes_while_a_frame_is_late_is_the_second_of_two(gui: Gui) -> None:
    taken = [frame(gui, *CLICK), frame(gui, *CLICK), *(frame(gui) for _ in range(4))]
    assert [count for count in taken if count] == [1, 2]


def test_a_look_for_input_between_two_clicks_tells_them_apart(gui: Gui) -> None:
    taken = [frame(gui, *CLICK), frame(gui), frame(gui), frame(gui, *CLICK), *(frame(gui) for _ in range(4))]
    assert [count for count in taken if count] == [1, 1]
    taken = [frame(gui, *CLICK, *CLICK), *(frame(gui) for _ in range(4))]  # and nothing of it is left
    assert [count for count in taken if count] == [1, 2]


def test_what_is_no_press_of_the_left_button_counts_for_nothing(gui: Gui) -> None:
    presses = (pygame.MOUSEBUTTONDOWN, pygame.MOUSEBUTTONDOWN)  # the second, without a release, says nothing
    taken = [frame(gui, *presses), frame(gui, pygame.MOUSEBUTTONUP), frame(gui, *CLICK, button=3), frame(gui)]
    taken += [frame(gui, *CLICK), *(frame(gui) for _ in range(3))]
    assert [count for count in taken if count] == [1, 1]


def test_the_least_time_between_two_presses_counts() -> None:
    presses = Presses()
    presses.found(10.0, 10.1, 1)
    assert presses.patience(0.45) == NEVER  # the first of all
    presses.taken(True, 0)
    assert presses.patience(0.45) == 0.45  # nothing to tell
    presses.found(10.3, 10.4, 0)
    presses.found(12.0, 12.1, 2)  # not there at 10.3, so at least 0.2 s after the first; then two at once
    assert presses.patience(0.45) == ALWAYS
    presses.taken(True, 1)
    assert presses.patience(0.45) == ALWAYS
    presses.taken(True, 0)
    presses.found(12.6, 12.7, 0)
    presses.found(13.0, 13.1, 1)  # 0.5 s after the last at least
    assert presses.patience(0.45) == NEVER
