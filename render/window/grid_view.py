"""The stage: the watched environments as tiles, or one of them large."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from imgui_bundle import ImVec2, imgui

from puffer_arena.batch.endings import Ending
from puffer_arena.batch.frame import Frame
from puffer_arena.core.env import Env
from puffer_arena.core.fields import Row
from puffer_arena.render.draw.fit import Viewport
from puffer_arena.render.draw.look import Look
from puffer_arena.render.draw.numbers import format_value
from puffer_arena.render.window.imgui_canvas import packed
from puffer_arena.render.window.retained import Retained
from puffer_arena.render.window.theme import BODY, RADIUS, SMALL, Theme
from puffer_arena.render.window.widgets import Area, card, gap, inset, shorten, text_width, tooltip, write
from puffer_arena.render.world.picture import draw_row, find_agents

CAPTION = 26  # pixels at scale 1
LEAST_CUT = 14  # characters that must be left of a status line whose end is cut off
OUTCOMES = {"won": "lime", "lost": "rose", "draw": "sky", "time": "amber", "over": "amber"}  # colours


@dataclass
class Watch:
    """Which rows the person looks at, and how."""

    row: int | None = None  # whose policy is shown; None until a frame came
    enlarged: bool = False  # that row alone
    agent: int = 0
    aspect: float = 1.0  # width / height of the environment's pictures, from the last one drawn
    label: Callable[[int], str] = "#{}".format  # what to call a row
    endings: Mapping[int, Ending] = field(default_factory=dict)  # row -> how its last episode ended, a moment ago
    faults: set[str] = field(default_factory=set)  # what went wrong in drawing
    look: Look = field(default_factory=Look)  # how the camera was moved, in all pictures alike
    drawn: Retained = field(default_factory=Retained)  # the rows' pictures
    pressed: int | None = None  # a row that was clicked, while a second click may still come

    def slot(self, frame: Frame) -> int:
        """Return the place of the watched row in `frame`, choosing its first row where it is not there."""
        rows = [int(row) for row in frame.rows]
        if self.row not in rows:
            self.enlarged = self.enlarged and (self.row is None or len(rows) == 1)
            self.row = rows[0]
        return rows.index(self.row)

    def move(self, frame: Frame, by: int) -> None:
        """Look at the row so many places on."""
        self.row = int(frame.rows[(self.slot(frame) + by) % len(frame.rows)])

    def follow(self, env: Env, frame: Frame) -> str:
        """Let the camera go along with the watched agent, or stay; return why it cannot."""
        slot = self.slot(frame)
        state, params = Row(frame.states[slot]), Row(frame.params[slot])
        try:
            known = self.look.follows or self.agent in find_agents(env, state, params)
        except Exception as error:  # somebody's environment
            return f"draw failed: {error}"
        if not known:
            return f"{env.name} does not tell where this agent is"
        self.look.follow(not self.look.follows)
        return ""


def arrange(count: int, area: Area, aspect: float, caption: float, space: float) -> list[Area]:
    """Place `count` tiles of equal size, as large as they can be, each with a caption under its picture."""
    x, y, width, height = area
    best, columns = 0.0, 1
    for across in range(1, count + 1):
        down = math.ceil(count / across)
        room = (width - (across - 1) * space) / across, (height - (down - 1) * space) / down - caption
        size = min(room[0], room[1] * aspect)
        if size > best * 1.001:
            best, columns = size, across
    rows = math.ceil(count / columns)
    best = max(best, 8.0)
    tile_width, tile_height = best, best / aspect + caption
    left = x + (width - columns * tile_width - (columns - 1) * space) / 2
    top = y + (height - rows * tile_height - (rows - 1) * space) / 2
    return [
        (
            left + (k % columns) * (tile_width + space),
            top + (k // columns) * (tile_height + space),
            tile_width,
            tile_height,
        )
        for k in range(count)
    ]


def draw_stage(theme: Theme, env: Env, frame: Frame, watch: Watch, area: Area) -> None:
    """Draw the watched rows into `area` and take the person's clicks."""
    chosen = watch.slot(frame)
    slots = [chosen] if watch.enlarged else range(len(frame.rows))
    caption = theme.px(CAPTION)
    tiles = [area] if watch.enlarged else arrange(len(slots), area, watch.aspect, caption, gap(theme))
    for slot, tile in zip(slots, tiles, strict=True):
        imgui.set_cursor_screen_pos(ImVec2(tile[0], tile[1]))
        released = imgui.invisible_button(f"tile{slot}", ImVec2(tile[2], tile[3]))
        dragged = imgui.get_mouse_drag_delta(imgui.MouseButton_.left)  # zero until the mouse has really moved
        hovered, moves = imgui.is_item_hovered(), imgui.is_item_active() and (dragged.x, dragged.y) != (0, 0)
        draw_tile(theme, env, frame, slot, watch, tile, hovered=hovered)
        if released and (dragged.x, dragged.y) == (0, 0) and imgui.get_io().mouse_clicked_last_count[0] == 1:
            watch.pressed = int(frame.rows[slot])
        if hovered or moves:
            move_camera(watch, tile[2], moves=moves)
    io = imgui.get_io()
    may_double = imgui.get_time() - io.mouse_clicked_time[0] < io.mouse_double_click_time
    if watch.pressed is None or (watch.look.is_moved and may_double):
        return
    watch.row, watch.pressed = watch.pressed, None  # only now, so that this frame is of one piece
    watch.enlarged = not watch.enlarged


def move_camera(watch: Watch, across: float, *, moves: bool) -> None:
    """Move the camera by wheel, drag and double click over a picture so wide; `moves` says that it is dragged now."""
    io, look = imgui.get_io(), watch.look
    if io.mouse_wheel:
        look.wheel(io.mouse_wheel, (io.mouse_pos.x, io.mouse_pos.y))
    if moves:
        look.drag(io.mouse_delta.x, io.mouse_delta.y, across)
    elif imgui.is_mouse_double_clicked(imgui.MouseButton_.left) and look.is_moved:
        look.reset()
        watch.pressed = None
    imgui.set_mouse_cursor(imgui.MouseCursor_.resize_all if moves else imgui.MouseCursor_.hand)


def draw_tile(theme: Theme, env: Env, frame: Frame, slot: int, watch: Watch, tile: Area, *, hovered: bool) -> None:
    """Draw one row with its caption."""
    x, y, width, height = tile
    caption = theme.px(CAPTION)
    draw = imgui.get_window_draw_list()
    card(theme, tile)
    picture = inset((x, y, width, height - caption), theme.px(6))
    message = draw_picture(env, frame, slot, watch, picture)
    ending = watch.endings.get(int(frame.rows[slot]))
    if ending is not None:
        draw_ending(theme, ending, picture)
    if not watch.enlarged and (hovered or (int(frame.rows[slot]) == watch.row and len(frame.rows) > 1)):
        tone = packed("accent", 255 if hovered else 110)
        draw.add_rect((x, y), (x + width, y + height), tone, theme.px(RADIUS + 2), theme.px(1.5))
    size = BODY if watch.enlarged else SMALL
    line = y + height - caption + (caption - theme.px(size)) / 2 - theme.px(2)
    left, right = x + theme.px(10), x + width - theme.px(10)
    name = watch.label(int(frame.rows[slot]))
    if watch.enlarged:
        state = frame.states[slot]
        total = format_value(float(state["episode_return"].sum()))
        name = f"{name}   step {state['step_count']}   return {total}"
        if watch.look.is_moved:
            name = f"{name}   {watch.look.zoom:.1f} x{', following' if watch.look.follows else ''}"
    name_width = write(theme, (left, line), shorten(name, right - left, size), "muted", size)
    shown = fit_words(message, right - left - name_width - theme.px(8), size)
    write(theme, (right - text_width(shown, size), line), shown, "text", size)
    if hovered and message and not shown:
        tooltip(theme, message)


def fit_words(message: str, room: float, size: float) -> str:
    """Return what of a status line fits: all, its first part, which says the most, or that cut; "" where that is bits."""
    if text_width(message, size) <= room:
        return message
    first = message.partition(",")[0]
    shown = shorten(first, room, size)
    return shown if shown == first or len(shown) >= LEAST_CUT else ""


def draw_ending(theme: Theme, ending: Ending, area: Area) -> None:
    """Say over the picture how the episode before this one ended, framed in the colour of success where it was one."""
    x, y, width, height = area
    draw, tone = imgui.get_window_draw_list(), OUTCOMES[ending.outcome]
    draw.add_rect((x, y), (x + width, y + height), packed(tone, 200), theme.px(4), theme.px(2))
    size = BODY if width > theme.px(300) else SMALL
    lines = wrap_words(ending.words, width - theme.px(16), size)
    high = theme.px(size + 2)
    if not lines or len(lines) * high + theme.px(14) > height:
        return  # the frame alone says it
    box, tall = max(text_width(line, size) for line in lines) + theme.px(16), len(lines) * high + theme.px(8)
    left, top = x + (width - box) / 2, y + theme.px(6)
    draw.add_rect_filled((left, top), (left + box, top + tall), packed("shadow", 225), theme.px(size / 2 + 4))
    for k, line in enumerate(lines):
        at = x + (width - text_width(line, size)) / 2, top + theme.px(3) + k * high
        write(theme, at, line, tone, size)


def wrap_words(words: str, room: float, size: float) -> list[str]:
    """Return a text as lines that fit; none where one word alone does not."""
    lines: list[str] = []
    for word in words.split():
        if text_width(word, size) > room:
            return []
        if lines and text_width(f"{lines[-1]} {word}", size) <= room:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def draw_picture(env: Env, frame: Frame, slot: int, watch: Watch, area: Area) -> str:
    """Draw one row's state and return its status line; a fault in the environment's `draw` is shown in its place."""
    mark = watch.agent if env.agents and int(frame.rows[slot]) == watch.row else None
    states, params = frame.states[slot], frame.params[slot]

    def draw() -> tuple[str, float, Viewport | None]:
        message, aspect = draw_row(env, Row(states), Row(params), area, slot, mark, look=watch.look, agent=watch.agent)
        return message, aspect, watch.look.seen

    key = area, mark, watch.agent, watch.look.place, states.tobytes(), params.tobytes()
    try:
        drawn: tuple[str, float, Viewport | None] = watch.drawn.draw(slot, key, draw)
        message, watch.aspect, watch.look.seen = drawn
    except Exception as error:  # somebody's environment; the window lives on
        watch.faults.add(f"{env.name}: draw: {error}")
        return f"draw failed: {error}"
    return message
