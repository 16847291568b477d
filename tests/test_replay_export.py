"""Exports: what a browser, a picture viewer and other libraries get of a replay."""

import json
import re

import numpy as np
import pytest
from PIL import Image

from puffer_arena import make
from puffer_arena.core.canvas import RecordingCanvas
from puffer_arena.core.fields import Row
from puffer_arena.render.export.page import rounded
from puffer_arena.replay.reader import Replay
from puffer_arena.replay.relabel import dataset
from puffer_arena.replay.writer import Writer
from tests.chromium import browser, find_browser
from tests.commands import here as here
from tests.playing import PILE
from tests.replays import record


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    path = tmp_path_factory.mktemp("replay") / "it.mcap"
    with make("snake", 2, seed=5) as batch, Writer(batch, path, players={"all": "</script><b>me"}):
        for t in range(120):
            batch.step(batch.act("greedy") if t % 50 < 40 else np.zeros(2, np.int64))
    return path


def data_of(page):
    text = page.read_text("utf-8")
    assert text.count("</script>") == 2 and "<b>" not in text and "http" not in text.replace("http-equiv", "")
    return json.loads(re.search(r'id="data">(.*?)</script>', text, re.DOTALL)[1])


def calls_at(data, at):
    """Follow the frames as player.js does."""
    calls = []
    for frame in data["frames"][at - at % 64 : at + 1]:
        calls = list(frame["whole"]) if "whole" in frame else calls[: frame["length"]]
        for place, call in frame.get("changed", ()):
            calls[place : place + 1] = [call]
    return [data["calls"][number] for number in calls]


def test_a_page_holds_the_canvas_calls_of_every_frame(played, tmp_path, here):
    code, _, err = here(tmp_path, "share", played, "it.html", "--row", 1)
    assert code == 0, err
    data = data_of(tmp_path / "it.html")
    assert data["count"] == len(data["frames"]) == 121
    with Replay(played) as replay:
        for step in (0, 1, 63, 64, 90, 120):
            frame, canvas = replay.frame(step), RecordingCanvas()
            replay.env.draw(Row(frame.states[1]), Row(frame.params[1]), canvas)
            wanted = json.loads(json.dumps([[kind, rounded(given)] for kind, given in canvas.primitives]))
            assert calls_at(data, step) == wanted
            assert data["messages"][step] == canvas.message
    assert {call[1]["color"] for call in data["calls"] if "color" in call[1]} <= data["colors"].keys()


@pytest.mark.slow
@pytest.mark.skipif(not find_browser(), reason="no Chromium")
def test_a_browser_opens_a_page_and_steps_it(played, tmp_path, here):
    code, _, err = here(tmp_path, "share", played, "it.html")
    assert code == 0, err
    look = "[step, told.textContent.includes(`step ${step}`), board.toDataURL()]"
    with browser(tmp_path / "browser") as page:
        page.open(tmp_path / "it.html", "typeof step !== 'undefined' && document.readyState === 'complete'")
        seen = {}
        for key, step in (("ArrowRight", 1), ("ArrowRight", 2), ("ArrowLeft", 1), ("End", 120), ("Home", 0)):
            page.press(key)
            shown, told, picture = page.evaluate(look)
            assert (shown, told) == (step, True)
            assert seen.setdefault(step, picture) == picture
        assert len(set(seen.values())) == 4 and not page.faults


def test_a_gif_shows_the_part_that_was_asked_for(played, tmp_path, here):
    code, _, err = here(tmp_path, "share", played, "it.gif", "--first", 10, "--last", 30, "--width", 64)
    assert code == 0, err
    with Image.open(tmp_path / "it.gif") as image:
        assert image.size == (64, 64) and 15 <= image.n_frames <= 21 and image.info["duration"] in (120, 125, 130)


def test_a_film_of_a_world_in_space(tmp_path, here):
    record(tmp_path / "pile.mcap", PILE, steps=20)
    for name in ("it.mp4", "it.html"):
        code, _, err = here(tmp_path, "share", "pile.mcap", name, "--env", PILE, "--width", 64)
        assert code == 0, err
    assert (tmp_path / "it.mp4").read_bytes()[4:8] == b"ftyp"
    assert "data:video/mp4;base64," in (tmp_path / "it.html").read_text("utf-8")


def test_a_dataset_for_other_libraries(played, tmp_path, here, monkeypatch):
    import minari

    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "sets"))
    code, out, err = here(tmp_path, "share", played, "minari:snake/test-v0")
    assert code == 0, err
    ours, theirs = list(dataset([played])), minari.load_dataset("snake/test-v0")
    assert theirs.total_episodes == len(ours) > 0 and f"{len(ours)} episodes" in out
    for mine, other in zip(ours, theirs.iterate_episodes(), strict=True):
        np.testing.assert_array_equal(other.observations, mine.observations)
        np.testing.assert_array_equal(other.actions, mine.actions)
        np.testing.assert_allclose(other.rewards, mine.rewards)


@pytest.mark.parametrize(
    ("to", "options", "said"),
    [
        ("it.avi", (), "nothing that a replay"),
        ("it.gif", ("--row", 7), "it has rows"),
        ("it.gif", ("--first", 50, "--last", 20), "steps 50 to 20"),
        ("it.gif", ("--width", 1), "width 1"),
        ("nowhere/it.html", (), "cannot write"),
    ],
)
def test_what_cannot_be_exported_is_said(played, tmp_path, here, to, options, said):
    code, _, err = here(tmp_path, "share", played, to, *options)
    assert code == 2 and said in err
