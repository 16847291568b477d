"""The games under examples/, in pygame and in panda3d: they run with their bots, and sixty lines make them environments."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from puffer_arena import check, load_bot, make
from puffer_arena.players.names import find_player

pytestmark = pytest.mark.slow  # starts many processes

ROOT = Path(__file__).parent.parent
ARENA, BEACONS = ROOT / "examples" / "arena.py", ROOT / "examples" / "beacons.py"


@pytest.mark.parametrize(("game", "bots"), [(ARENA, "7"), (BEACONS, "5")])
def test_the_game_runs_with_its_bots_and_their_thoughts(game: Path, bots: str, tmp_path) -> None:
    quiet = {**os.environ, "SDL_VIDEODRIVER": "dummy", "SDL_AUDIODRIVER": "dummy"}
    picture = tmp_path / "game.png"
    given = [sys.executable, str(game), "--bots", bots, "--frames", "30", "--picture", str(picture)]
    done = subprocess.run(given, capture_output=True, text=True, env=quiet)
    assert done.returncode == 0, done.stderr
    assert picture.stat().st_size > 5000


@pytest.mark.parametrize("game", [ARENA, BEACONS])
def test_sixty_lines_make_it_an_environment_that_keeps_the_laws(game: Path) -> None:
    env = game.with_name(f"{game.stem}_env.py")
    code = env.read_text("utf-8").split('"""', 2)[2]
    assert sum(bool(line.strip()) for line in code.splitlines()) <= 60
    kept = check(str(env), laws=["compiled", "buffers", "drawing"])
    assert kept.ok, str(kept)
    bot = load_bot(game.with_suffix(".bot"))
    assert bot.check() <= 1e-5 and find_player(str(game.with_suffix(".bot")), str(env)).params == {}


def test_crafts_move_in_the_environment_as_in_the_game(monkeypatch) -> None:
    pytest.importorskip("panda3d")
    monkeypatch.syspath_prepend(str(BEACONS.parent))
    import beacons

    batch = make(str(BEACONS.with_name("beacons_env.py")), num_envs=1)
    craft = beacons.Craft(*map(float, batch.rows.states[0]["craft"][:3]))
    for t in range(40):
        seen = beacons.sense(craft, tuple(map(float, batch.rows.states[0]["beacon"])))
        assert batch.obs[0].tolist() == [pytest.approx(each, abs=1e-4) for each in seen.values()]
        craft.action = t // 3 % 6
        for _ in range(beacons.FPS // beacons.DECISIONS):
            beacons.advance(craft, 1 / beacons.FPS)
        batch.step([craft.action])


def test_the_environment_moves_as_the_game_does(monkeypatch) -> None:
    pytest.importorskip("pygame")
    monkeypatch.syspath_prepend(str(ARENA.parent))
    import arena

    batch = make(str(ARENA.with_name("arena_env.py")), num_envs=1)
    state = batch.rows.states[0]
    space, discs = arena.place(2, 0.0)
    for disc, body in zip(discs, state["discs"], strict=True):
        disc.body.position = float(body["x"]), float(body["y"])
    for t in range(40):
        seen = [list(arena.sense(disc, discs).values()) for disc in discs]
        assert batch.obs[0].tolist() == [pytest.approx(each, abs=1e-4) for each in seen]
        actions = [(t // 3 + k) % 5 for k in range(2)]
        for disc, action in zip(discs, actions, strict=True):
            disc.push = action
        for _ in range(arena.FPS // arena.DECISIONS):
            arena.advance(space, discs, 1 / arena.FPS)
        if batch.step([actions])[2].any():
            break


def test_a_bot_is_put_into_a_game_in_fifteen_lines() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    (block,) = [each for each in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "load_bot" in each]
    assert len(block.splitlines()) <= 15  # test_readme runs it
