"""Games in a page: their modules do what the rules do here, to the byte, in another machine's words."""

import math
import re
import struct
from pathlib import Path

import numpy as np
import pytest
import wasmtime

from puffer_arena import make
from puffer_arena.browser import wasm
from puffer_arena.browser.page import describe, write_page
from puffer_arena.errors import ArenaError, DefinitionError
from puffer_arena.players.names import bundled_bot
from puffer_arena.render.play.game import Game
from tests.chromium import browser, find_browser
from tests.playing import GAMES, PUPPET, SLUICE

SIDE = 48
LENT = 1 << 20  # bytes for the lists of one call, as in the page


class Page:
    """What a page is to a module: memory, and functions that it lacks."""

    def __init__(self, made: wasm.Module) -> None:
        self.store = wasmtime.Store()
        module = wasmtime.Module(self.store.engine, made.code)
        given = [self.function(each) for each in module.imports]
        self.exports = wasmtime.Instance(self.store, module, given).exports(self.store)
        self.memory = self.exports["memory"]
        self.scratch = (self.exports["__heap_base"].value(self.store) + 63) & ~63
        self.base = self.scratch + 64
        self.lent = self.base + len(made.start)
        self.memory.grow(self.store, (self.lent + LENT) // 65536 + 1)
        self.put(0, made.start.tobytes())
        if (begin := self.exports.get("begin")) is not None:
            begin(self.store, self.base)

    def function(self, needed):
        kind = needed.type
        if needed.name.startswith("NRT_"):
            realloc = needed.name.endswith("realloc")
            return wasmtime.Func(
                self.store, kind, (lambda r, n: self.take(n, r)) if realloc else lambda n, *_: self.take(n)
            )
        return wasmtime.Func(
            self.store, kind, self.multiply if needed.name == wasm.WIDE else getattr(math, needed.name)
        )

    def multiply(self, to: int, *words: int) -> None:
        a, b, c, d = (word % 2**64 for word in words)
        product = (b << 64 | a) * (d << 64 | c) % 2**128
        self.memory.write(self.store, product.to_bytes(16, "little"), to)

    def take(self, size: int, record: int = 0) -> int:
        held = record or self.next
        place = (self.next if record else self.next + 63) & ~15
        self.next = (place + size + 15) & ~15
        assert self.next < self.lent + LENT
        if record:
            old, kept = self.read(record + 24, "<I"), self.read(record + 32, "<q")
            self.memory.write(self.store, self.memory.read(self.store, old, old + min(kept, size)), place)
        self.memory.write(self.store, struct.pack("<Q", place), held + 24)
        self.memory.write(self.store, struct.pack("<q", size), held + 32)
        return place if record else held

    def read(self, place: int, form: str):
        return struct.unpack(form, self.memory.read(self.store, place, place + struct.calcsize(form)))[0]

    def put(self, place: int, data: bytes) -> None:
        self.memory.write(self.store, data, self.base + place)

    def array(self, place: int, like) -> np.ndarray:
        held = self.memory.read(self.store, self.base + place, self.base + place + like.nbytes)
        return np.frombuffer(bytes(held), like.dtype).reshape(like.shape)

    def run(self, task: int) -> None:
        self.next = self.lent
        assert self.exports["run"](self.store, self.scratch, self.scratch + 8, self.base, task) == 0


def play_both(game: str, steps: int) -> None:
    """Play a game here and in a page, by the same actions, and compare rows, buffers, bots and pictures."""
    with make(game, 1, seed=5, autoreset="next_step") as batch:
        batch.reset()
        bot = next(iter(batch.env.bots), "")
        made = wasm.compile_module(batch, bot, SIDE)
        page = Page(made)
        rng = np.random.default_rng(0)
        for k in range(steps):
            actions = batch.sample_actions(rng)
            if bot and k % 2:
                actions, acting = batch.act(bot).copy(), batch.acting.copy()
                page.run(wasm.BOT)
                there = page.array(made.places["actions"], batch.actions)
                there, here = (each.reshape(*acting.shape, -1)[acting] for each in (there, actions))
                assert np.array_equal(there, here), k
            page.put(made.places["actions"], np.ascontiguousarray(actions).tobytes())
            batch.step(actions)
            page.run(wasm.STEP)
        for group, held in (("rows", batch.rows), ("out", batch.buffers)):
            for name, array in held._asdict().items():
                there = page.array(made.places[f"{group}.{name}"], array)
                assert there.tobytes() == array.tobytes(), (group, name)
        page.run(wasm.PAINT)
        painted = page.array(made.places["picture"], np.zeros((SIDE, SIDE, 3), np.uint8))
        assert painted.std() > 1.0
        own = "pixels" in batch.env.parameters  # what an agent of rooms sees is a picture of another kind
        if not batch.num_agents and not own:  # among several, each sees itself marked
            with make(game, 1, pixels=SIDE) as seen:
                seen.restore(0, batch.snapshot(0))
                assert np.abs(painted.astype(int) - seen.obs[0]).max() <= 1


@pytest.mark.slow
@pytest.mark.parametrize(
    "game",
    ["snake", "maze", "tag", "push", "doors", "craft", "rooms", "lander", PUPPET, SLUICE],
    ids=lambda game: Path(game).stem,
)
def test_a_page_plays_as_the_rules_do(game: str) -> None:
    play_both(game, 200)


@pytest.mark.slow
def test_a_page_s_pilot_does_what_it_is_told_as_here() -> None:
    with make("walker", 1, seed=5, autoreset="disabled") as batch:
        game = Game(batch)
        made = wasm.compile_module(batch, "", SIDE)
        page = Page(made)
        for k in range(120):
            told = np.array([1.0, 0.0] if k < 80 else [0.0, 1.0])
            game.release_all()
            game.press("right" if k < 80 else "up")
            page.put(made.places["wanted"], told.tobytes())
            page.run(wasm.PILOT)
            there = page.array(made.places["actions"], batch.actions)
            game.step()
            page.run(wasm.STEP)
            assert there.tobytes() == batch.actions.tobytes(), k
        states = page.array(made.places["rows.states"], batch.rows.states)
        assert states.tobytes() == batch.rows.states.tobytes()


def test_games_that_a_page_cannot_have_are_refused_by_name(tmp_path) -> None:
    with make("marble", 1) as batch, pytest.raises(DefinitionError, match="'marble' moves bodies by panda3d"):
        wasm.compile_module(batch, "", SIDE)
    with pytest.raises(ArenaError, match="panda3d"):
        write_page(tmp_path / "page.html", ["marble"])
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_page_holds_its_games_and_nothing_that_ends_its_script(tmp_path) -> None:
    text = (GAMES / "terrain.py").read_text().replace("Terrain: a walk", "Terrain </script><b> a walk")
    (tmp_path / "terrain.py").write_text(text)
    size = write_page(tmp_path / "page.html", [str(tmp_path / "terrain.py")], title="<Ours>")
    page = (tmp_path / "page.html").read_text("utf-8")
    assert len(page.encode()) == size and "&lt;Ours&gt;" in page and "<b>" not in page
    assert page.count("<script") == page.count("</script>") == 2
    assert re.search(r'"limit","doc":"steps of an episode","low":1,"high":100', page)
    assert describe(str(tmp_path / "terrain.py"))["bot"] == "up"


@pytest.mark.slow
@pytest.mark.skipif(not find_browser(), reason="no Chromium")
def test_a_browser_plays_by_keys_and_by_a_trained_bot(tmp_path) -> None:
    write_page(tmp_path / "page.html", ["snake"])
    with browser(tmp_path / "browser") as page:
        page.open(tmp_path / "page.html")
        state = "[read(game.data.header.step_count, 'i4'), bot.checked, [...brain.options].map(o => o.value)]"
        assert page.evaluate(state)[1:] == [True, ["greedy", "trained"]]

        model = bundled_bot("snake").model  # what the page holds of each choice is what Python does
        codes = "Array.from({length: 121}, (_, k) => read(game.data.learned.obs + k, 'u1'))"
        seen, held = page.evaluate(f"[{codes}, Array.from(think(0))]")  # at once: the page plays on
        (wanted, _) = model.towers["actor"].run([np.array(seen, np.uint8).reshape(11, 11)], {})
        assert held == pytest.approx(wanted[:4].tolist(), abs=1e-4)
        bites = "for (let k = 0, best = 0; ; k += 1) { advance(); over = 0; best = Math.max(best, "
        bites += "read(game.data.header.episode_return, 'f8')); if (best >= 5) return best; if (k > 5000) return 0; }"
        assert page.evaluate(f"(() => {{ {bites} }})()") >= 5

        page.evaluate("speed.value = '8'; again.click()")
        page.press("ArrowUp")  # a person takes over: the snake goes up until it runs into the wall
        page.evaluate("new Promise(done => { const wait = () => over ? done() : setTimeout(wait, 5); wait(); })")
        assert page.evaluate("[bot.checked, told.textContent.startsWith('over: return')]") == [False, True]
        page.screenshot(tmp_path / "page.png")
        assert (tmp_path / "page.png").stat().st_size > 20_000 and not page.faults


@pytest.mark.slow
@pytest.mark.skipif(not find_browser(), reason="no Chromium")
def test_a_browser_moves_bodies(tmp_path) -> None:
    write_page(tmp_path / "page.html", ["lander"])
    assert "Victor Blomqvist" in (tmp_path / "page.html").read_text("utf-8")  # Chipmunk's licence
    with make("lander", 1) as batch, browser(tmp_path / "browser") as page:
        page.open(tmp_path / "page.html")
        sliders = page.evaluate("game.data.parameters.map(one => one.name)")
        assert "thrust" in sliders and "gravity" not in sliders  # the scene is made with its gravity
        assert page.evaluate("[...brain.options].map(o => o.value)") == ["autopilot", "trained"]
        lands = "for (let k = 0; k < 6000; k += 1) { advance(); over = 0; if (read(game.data.counters[0].place, 'i4')) return true; }"
        for bot in ("autopilot", "trained"):
            assert page.evaluate(f"(() => {{ brain.value = '{bot}'; begin(); {lands} }})()")

        fields = batch.rows.states.dtype.fields
        craft = f"game.data.header.step_count + {fields['craft'][1] - fields['step_count'][1]}"
        lost = f"begin(); put({craft}, 'f8', 9e5); put({craft} + 24, 'f8', 9e8); game.run(STEP); "
        lost += "const ended = read(game.data.header.ended, 'i4'); game.run(STEP); const began = read(game.data.header.ended, 'i4');"
        assert page.evaluate(f"(() => {{ {lost} return [ended, began]; }})()") == [1, 0]
        assert page.evaluate(f"(() => {{ {lands} }})()")  # in a scene made anew

        page.evaluate("speed.value = '8'; again.click()")
        page.press("ArrowUp")
        page.evaluate("new Promise(done => { const wait = () => over ? done() : setTimeout(wait, 5); wait(); })")
        assert page.evaluate("bot.checked") is False and not page.faults


@pytest.mark.slow
@pytest.mark.skipif(not find_browser(), reason="no Chromium")
def test_a_browser_walks_by_one_key(tmp_path) -> None:
    write_page(tmp_path / "page.html", ["walker"])
    with make("walker", 1) as batch:
        fields = batch.rows.states.dtype.fields
    with browser(tmp_path / "browser") as page:
        page.open(tmp_path / "page.html")
        assert page.evaluate("[game.data.pilot, Object.keys(game.data.keys)]") == [True, ["right", "left", "up"]]
        hull = f"read(game.data.header.step_count + {fields['hull'][1] - fields['step_count'][1]}, 'f8')"
        walk = f"bot.checked = false; begin(); const from = {hull}; press('right', true); "
        walk += f"for (let k = 0; k < 400; k += 1) advance(); press('right', false); return {hull} - from;"
        assert page.evaluate(f"(() => {{ {walk} }})()") > 5.0 and not page.faults
