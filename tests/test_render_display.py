"""The window itself: how small a person may make it."""

import pytest

from tests.processes import run_python

pytest.importorskip("pygame.window")


@pytest.mark.parametrize(("size", "least"), [((960, 710), (480, 360)), ((400, 300), (400, 300))])
def test_no_window_gets_smaller_than_can_be_read(size: tuple[int, int], least: tuple[int, int]) -> None:
    run_python(
        f"""
        import os, warnings
        os.environ["SDL_VIDEODRIVER"] = "dummy"
        from puffer_arena.render.display import begin_display, limit_window, open_window
        from puffer_arena.render.toolkit import pygame
        begin_display()
        open_window("it", {size}, pygame.RESIZABLE)
        warnings.simplefilter("error")
        limit_window((480, 360))
        warnings.simplefilter("ignore")
        assert pygame.Window.from_display_module().minimum_size == {least}
        """
    )
