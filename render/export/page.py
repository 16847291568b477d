"""A replay as one HTML file that plays in a browser without a server: the canvas calls of every frame, or a video.

What comes from the replay (names, status lines) is data to the page's script, never markup.
"""

import base64
import html
import json
import tempfile
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from puffer_arena.core.canvas import RecordingCanvas
from puffer_arena.core.fields import Array, Row
from puffer_arena.errors import ParameterError
from puffer_arena.render.draw.ends import end_color
from puffer_arena.render.draw.palette import color
from puffer_arena.render.export.pictures import Part, check_part, picture_size, png, write_mp4, written
from puffer_arena.replay.reader import Replay

MOST_RATE = 60.0
MOST_FRAMES = 20_000
WHOLE = 64  # frames between those that hold all their calls
COLORS = ("raised", "accent", "rose", "amber", "lime", "sky", "text", "background", "panel", "muted")

PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
body {{ margin: 0 auto; max-width: 960px; padding: 16px; background: {background}; color: {text}; font: 14px Inter, system-ui, sans-serif }}
h1 {{ font-size: 18px; font-weight: 500; margin: 4px 0 }} p {{ margin: 2px 0 10px; color: {muted}; white-space: pre-wrap }}
#board, #video {{ width: 100%; max-height: max(calc(100vh - 205px), 160px); object-fit: contain; background: {panel}; border-radius: 10px }}
#line {{ width: 100%; height: 30px; margin: 10px 0; touch-action: none; cursor: pointer }}
button, select {{ background: {raised}; color: {text}; border: 0; border-radius: 8px; padding: 6px 14px; font: inherit }}
</style>
<h1>{title}</h1><p>{about}</p>
<canvas id="board" width="{width}" height="{height}" {no_board}></canvas>
<video id="video" muted playsinline {no_video}></video>
<canvas id="line" width="640" height="30"></canvas>
<button id="play">Play</button>
<select id="speed"><option>0.25</option><option>0.5</option><option selected>1</option><option>2</option><option>4</option></select>
<p id="told"></p>
<script type="application/json" id="data">{data}</script>
<script>{script}</script>
</html>
"""


def write_html(replay: Replay, path: Path, part: Part) -> int:
    """Write a page and return how many frames it has.

    Raises:
        ParameterError, FileError: the part is none, is too long, or the file cannot be written.
        MissingExtra: a world in space is embedded as a video, which needs imageio-ffmpeg.
    """
    slot, first, last = check_part(replay, part)
    pace = replay.header.steps_per_second * part.speed
    stride = max(1, round(pace / (30.0 if replay.env.engine == "panda3d" else MOST_RATE)))
    steps = range(first, last + 1, stride)
    if len(steps) > MOST_FRAMES:
        raise ParameterError(f"{len(steps)} frames; at most {MOST_FRAMES}: choose fewer steps (--first, --last)")
    frame = replay.frame(first)
    width, height = picture_size(replay.env, Row(frame.states[slot]), Row(frame.params[slot]), max(part.width, 640))
    data = timeline(replay, slot, first, last, stride)
    data |= {"rate": pace / stride, "count": len(steps), "colors": {name: css(name) for name in COLORS}}
    source = ""
    if replay.env.engine == "panda3d":
        source = f'src="{embedded_video(replay, part)}"'
        data |= {"frames": [], "calls": [], "messages": []}
    else:
        data |= recorded_calls(replay, slot, steps, data["colors"])
    about = ", ".join(f"{who}" if name == "all" else f"{name}: {who}" for name, who in replay.header.players.items())
    text = json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")  # nothing in it can end the script
    page = PAGE.format(
        title=html.escape(f"{replay.env.name} · {replay.path.stem}"),
        about=html.escape(" · ".join(filter(None, [replay.env.summary, about, replay.title_note]))),
        width=width,
        height=height,
        no_board="hidden" if source else "",
        no_video=source or "hidden",
        data=text,
        script=files("puffer_arena.render.export").joinpath("player.js").read_text("utf-8"),
        **{name: css(name) for name in ("background", "text", "muted", "panel", "raised")},
    )
    with written(path) as beside:
        beside.write_text(page, "utf-8")
    return len(steps)


def timeline(replay: Replay, slot: int, first: int, last: int, stride: int) -> dict[str, Any]:
    """Return episodes and events of a row between two steps, counted in frames."""
    episodes = [
        {
            "first": max(episode.first - first, 0) / stride,
            "last": (min(episode.last, last) - first) / stride,
            "color": end_color(replay, episode) if episode.how else "",
            "score": f"{episode.score:.4g}",
            "words": episode.words,
        }
        for episode in replay.episodes
        if episode.slot == slot and episode.first < last and episode.last > first
    ]
    events = [
        {"step": (event.step - first) / stride}
        for event in replay.events
        if event.slot in (slot, -1) and first <= event.step <= last
    ]
    return {"first": first, "stride": stride, "episodes": episodes, "events": events[:2000]}


def recorded_calls(replay: Replay, slot: int, steps: range, colors: dict[str, str]) -> dict[str, Any]:
    """Return the canvas calls of every frame: each different call once, and in frames their numbers."""
    numbers: dict[str, int] = {}
    calls: list[Any] = []
    frames: list[dict[str, Any]] = []
    messages: list[str] = []
    before: list[int] = []
    for k, step in enumerate(steps):
        frame = replay.frame(step)
        canvas = RecordingCanvas()
        replay.env.draw(Row(frame.states[slot]), Row(frame.params[slot]), canvas)
        now = []
        for kind, given in canvas.primitives:
            call = [kind, rounded(given)]
            key = json.dumps(call)
            if key not in numbers:
                numbers[key] = len(calls)
                calls.append(call)
                if "color" in given:
                    colors[given["color"]] = css(given["color"])
            now.append(numbers[key])
        changed = [[place, number] for place, number in enumerate(now) if before[place : place + 1] != [number]]
        frames.append({"whole": now} if k % WHOLE == 0 else {"length": len(now), "changed": changed})
        messages.append(canvas.message)
        before = now
    return {"frames": frames, "calls": calls, "messages": messages}


def rounded(value: Any) -> Any:
    """Return numbers with as many digits as a picture shows, and pictures as addresses."""
    if isinstance(value, float):
        return round(value, 3)
    if isinstance(value, dict):
        return {name: rounded(part) for name, part in value.items()}
    if isinstance(value, np.ndarray):
        return png_address(value)
    return [rounded(part) for part in value] if isinstance(value, tuple | list) else value


def png_address(pixels: Array) -> str:
    """Return a picture, uint8 (rows, cols, 3), as an address that holds it."""
    return "data:image/png;base64," + base64.b64encode(png(pixels)).decode()


def embedded_video(replay: Replay, part: Part) -> str:
    """Return a part's video as an address that holds it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "video.mp4"
        write_mp4(replay, path, part)
        return "data:video/mp4;base64," + base64.b64encode(path.read_bytes()).decode()


def css(name: str) -> str:
    """Return a palette colour as style sheets write it."""
    red, green, blue = color(name)
    return f"#{red:02x}{green:02x}{blue:02x}"
