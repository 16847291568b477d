"""One HTML file with games to play in it: rules as WebAssembly, a picture that they paint, keys and sliders."""

import base64
import html
import json
import math
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from puffer_arena.batch.batch import Batch
from puffer_arena.batch.make import make
from puffer_arena.browser.learned import describe_learned
from puffer_arena.browser.wasm import compile_module
from puffer_arena.browser.world import read_license
from puffer_arena.core.actions import action_dtype, values_of
from puffer_arena.core.composites import at, leaves
from puffer_arena.core.env import Env
from puffer_arena.core.keys import find_binding
from puffer_arena.core.palette import load_palette
from puffer_arena.core.params import Parameter
from puffer_arena.core.roles import Roles
from puffer_arena.core.spaces import Discrete
from puffer_arena.engines.scene import read_params
from puffer_arena.errors import DefinitionError
from puffer_arena.machine.files import write_bytes
from puffer_arena.players.names import bundled, bundled_bot
from puffer_arena.registry import load_env

SIDE = 512  # of the picture, pixels
COLORS = ("background", "panel", "raised", "text", "muted", "accent")

PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
:root {{ color-scheme: dark; --gap: 12px }}
body {{ margin: 0 auto; max-width: 1080px; padding: 16px; background: {background}; color: {text}; font: 15px Inter, system-ui, sans-serif }}
h1 {{ font-size: 20px; font-weight: 600; margin: 4px 0 12px }} p {{ margin: 6px 0; color: {muted} }}
main {{ display: grid; grid-template-columns: minmax(0, 1fr) 260px; gap: 20px }}
#board {{ display: block; width: 100%; max-width: min(76vh, 100%); aspect-ratio: 1; margin: 0 auto; border-radius: 12px; background: {panel} }}
#told {{ min-height: 1.4em; color: {text}; font-variant-numeric: tabular-nums; text-align: center }}
button, select {{ background: {raised}; color: {text}; border: 0; border-radius: 8px; padding: 7px 14px; font: inherit; cursor: pointer }}
button[aria-pressed=true] {{ background: {accent}; color: {background} }}
#list, #pad {{ display: flex; flex-wrap: wrap; gap: 6px; margin-bottom: var(--gap) }}
#pad {{ justify-content: center; margin-top: 8px }} #pad button {{ min-width: 44px; touch-action: none }}
label {{ display: grid; grid-template-columns: 1fr auto; gap: 2px 8px; margin: 10px 0; color: {muted} }}
label input[type=range] {{ grid-column: 1 / 3; width: 100%; accent-color: {accent} }}
.row {{ display: flex; gap: 10px; align-items: center; flex-wrap: wrap }} .row label {{ display: flex; margin: 0 }}
@media (max-width: 760px) {{ main {{ grid-template-columns: 1fr }} }}
details {{ margin-top: 24px; color: {muted}; font-size: 12px }} pre {{ white-space: pre-wrap }}
</style>
<h1>{title}</h1>
<div id="list"></div>
<main>
<div><canvas id="board" width="{side}" height="{side}" tabindex="0"></canvas><p id="told"></p><div id="pad"></div></div>
<aside><p id="about"></p>
<div class="row"><label><input type="checkbox" id="bot"> bot plays</label><select id="brain"></select><button id="again">Again</button>
<select id="speed"><option>0.5</option><option selected>1</option><option>2</option><option>8</option></select></div>
<div id="sliders"></div></aside>
</main>
{notices}
<script type="application/json" id="games">{games}</script>
<script>{script}</script>
</html>
"""

NOTICE = "<details><summary>Bodies are moved by Chipmunk</summary><pre>{}</pre></details>"


def write_page(path: Path, games: list[str], title: str = "puffer_arena") -> int:
    """Write a page that plays games, and return its size in bytes.

    Args:
        path: of the file.
        games: names, or files of yours; of rules alone or with bodies of pymunk's, with actions that keys give.
        title: of the page.

    Raises:
        ArenaError: a game cannot be had in a page; nothing was written.
        MissingExtra: zig's linker is not installed.
    """
    described = {load_env(game).name: describe(game) for game in games}
    text = json.dumps(described, separators=(",", ":")).replace("<", "\\u003c")  # nothing in it can end the script
    colors = {name: "#{:02x}{:02x}{:02x}".format(*load_palette()[name]) for name in COLORS}
    script = files("puffer_arena.browser").joinpath("player.js").read_text("utf-8")
    moves_bodies = any("fault" in game for game in described.values())
    notices = NOTICE.format(html.escape(read_license())) if moves_bodies else ""
    page = PAGE.format(
        title=html.escape(title), side=SIDE, games=text, script=script, notices=notices, **colors
    ).encode()
    write_bytes(path, page)
    return len(page)


def describe(game: str) -> dict[str, Any]:
    """Return all that the page's script knows of a game.

    Raises:
        ArenaError: it cannot be had in a page.
    """
    env = load_env(game)
    with make(game, 1, seed=0) as batch:
        batch.reset()
        bot = next(iter(env.bots), "")
        module = compile_module(batch, bot, SIDE)
        states = batch.rows.states.dtype
        first = {name: module.places[f"rows.{name}"] for name in ("states", "params", "following")}
        keep = module.places["picture"]  # what comes after is zeros
        return {
            "about": env.summary,
            "code": base64.b64encode(module.code).decode(),
            "start": base64.b64encode(module.start[:keep].tobytes()).decode(),
            "size": len(module.start),
            "side": SIDE,
            "places": {name: module.places[name] for name in ("actions", "picture", "out.acting", "out.action_mask")},
            "header": {
                name: first["states"] + field_place(states, name)
                for name in ("row_key", "episode", "ended", "step_count", "episode_return")
            },
            "counters": [
                {"name": name, "place": first["states"] + field_place(states, name), "kind": states[name].str[1:]}
                for name in env.counters
            ],
            "parameters": [
                slider(parameter, batch, first)
                for parameter in env.parameters.values()
                if is_slider(parameter) and parameter.name not in (read_params(env) if env.engine else ())
            ],
            **scene_places(batch, module.places),
            "rate": env.steps_per_second,
            "waits": bool(env.waits or env.turn is not None),
            "bot": bot,
            "learned": learned(env.name, batch, module.places),
            **actions(env, batch, module.places),
        }


def scene_places(batch: Batch, places: dict[str, int]) -> dict[str, int]:
    """Return where a row whose bodies an engine moves says that one of them was lost."""
    if batch.worlds is None:
        return {}
    return {"fault": places["rows.scenes"] + field_place(batch.worlds.rows.scenes.dtype, "fault")}


def learned(game: str, batch: Batch, places: dict[str, int]) -> dict[str, Any] | None:
    """Return the trained bot that comes along for a game, where there is one that a page can play."""
    return describe_learned(bundled_bot(game), batch, places) if game in bundled() else None


def actions(env: Env, batch: Batch, places: dict[str, int]) -> dict[str, Any]:
    """Return how the first agent acts: its numbers, and what keys set: these, or what its pilot is told.

    Raises:
        DefinitionError: its action has parts, or one for each role.
    """
    if isinstance(batch.action, Roles) or len(list(leaves(batch.action))) > 1:
        raise DefinitionError(f"'{env.name}' has actions of parts, which a page does not play")
    role = env.role_of(batch.agent_ids[0]) if batch.agent_ids else None
    space = env.keyed(batch.action, role)
    stored, idle = action_dtype(space), np.zeros((), action_dtype(space))
    given = env.idle_of(role)
    for path, value in values_of(space, given).items() if given is not None else ():
        at(idle, path)[...] = value
    keys = {}
    for key, bound_to in env.keys_of(role).items():
        bound = find_binding(space, bound_to)
        assert bound is not None  # the environment has checked its keys
        keys[key] = [bound.component, bound.value]
    acts = action_dtype(batch.action)
    return {
        "single": isinstance(space, Discrete),
        "discrete": isinstance(batch.action, Discrete),
        "numbers": math.prod(acts.shape),
        "pilot": env.pilot is not None,
        "repeats": given is None,
        "choices": batch.num_choices,
        "idle": np.ravel(idle).tolist(),
        "kind": acts.base.str[1:],
        "width": acts.base.itemsize,
        "told": {
            "place": places["wanted" if env.pilot is not None else "actions"],
            "kind": stored.base.str[1:],
            "width": stored.base.itemsize,
        },
        "keys": keys,
    }


def is_slider(parameter: Parameter) -> bool:
    """Tell whether a parameter is one number with a range."""
    return parameter.ranged and not parameter.size and parameter.kind is not bool


def slider(parameter: Parameter, batch: Batch, first: dict[str, int]) -> dict[str, Any]:
    """Return a parameter's range and where it lies: of the next episode, and of this one where it takes effect at once."""
    params, name = batch.rows.params.dtype, parameter.name
    value = getattr(batch.param_values, name)
    late = parameter.at_reset or name in batch.env.dimensions
    high = value if name in batch.env.dimensions else parameter.high
    return {
        "name": name,
        "doc": parameter.doc,
        "low": parameter.low,
        "high": high,
        "value": value,
        "step": 1 if parameter.kind is int else (high - parameter.low) / 200 or 1,
        "kind": params[name].str[1:],
        "places": [first[part] + field_place(params, name) for part in ("following", "params")[: 1 if late else 2]],
    }


def field_place(record: np.dtype[Any], name: str) -> int:
    """Return where a field begins in a record, in bytes."""
    assert record.fields is not None  # records alone come here
    return record.fields[name][1]
