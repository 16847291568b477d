"""What `play` writes around and over the game: the head line, the keys, and a card when it is not running."""

import math
from typing import TYPE_CHECKING, Any

from imgui_bundle import imgui

from puffer_arena.core.keys import find_binding
from puffer_arena.core.spaces import Discrete
from puffer_arena.render.draw.numbers import format_score, format_value
from puffer_arena.render.play.gamepad import ARROW_AXES
from puffer_arena.render.window.imgui_canvas import packed
from puffer_arena.render.window.theme import BODY, PAD, RADIUS, SMALL, TITLE, Theme
from puffer_arena.render.window.widgets import (
    Area,
    Hint,
    hints_width,
    key_hints,
    pill,
    shorten,
    text_width,
    write,
)

if TYPE_CHECKING:
    from puffer_arena.render.play.game import Game
    from puffer_arena.render.play.screen import PlayScreen

KEY_LABELS = {"up": "↑", "down": "↓", "left": "←", "right": "→", "return": "Enter"}
MESSAGE_HEIGHT = 82  # pixels at scale 1 that `draw_message` needs
MOST_TOLD = 20  # meanings of keys in a list
PILLS = {
    "ready": ("ready", "sky"),
    "playing": ("playing", "lime"),
    "paused": ("paused", "amber"),
}
CONFETTI, CONFETTI_SECONDS = 90, 2.5
CONFETTI_COLORS = ("lime", "accent", "amber", "violet", "rose", "sky")
OPPOSITES = {"right": "left", "left": "right", "forwards": "backwards", "up": "down", "down": "up"}  # of half an axis
ENDINGS = {  # how an episode ended -> title, its word in the head line, colour
    "won": ("Well done!", "success", "lime"),
    "lost": ("Not this time", "lost", "rose"),
    "draw": ("A draw", "draw", "sky"),
    "time": ("Time is up", "time is up", "amber"),
    "over": ("Game over", "over", "amber"),
}


def draw_head(theme: Theme, screen: "PlayScreen", area: Area) -> None:
    """Write the game's name at the left, its figures at the right."""
    game = screen.game
    x, y, width, _ = area
    x, right, top = x + theme.px(6), x + width - theme.px(6), y + theme.px(10)
    end = x + write(theme, (x, top), game.env.name, "text", TITLE)
    who = person(game)
    write(theme, (x, top + theme.px(TITLE + 1)), who, "accent" if not game.bot_plays else "amber", SMALL)
    end = max(end, x + text_width(who, SMALL))
    text, color = PILLS[screen.phase] if screen.phase in PILLS else ENDINGS[game.outcome][1:]
    pill(theme, right, top + theme.px(6), text, color)
    right -= text_width(text, SMALL) + theme.px(30 + 2 * PAD)
    for label, value in reversed(figures(screen)):
        width_of_both = max(text_width(label, SMALL), text_width(value, TITLE))
        if right - width_of_both < end + theme.px(PAD):
            return
        write(theme, (right - text_width(label, SMALL), top + theme.px(TITLE + 1)), label, "muted", SMALL)
        write(theme, (right - text_width(value, TITLE), top), value, "text", TITLE)
        right -= width_of_both + theme.px(1.6 * PAD)


def person(game: "Game") -> str:
    """Say who steers what."""
    if game.match is not None:
        return game.match.board
    if game.batch.num_agents:
        agent = game.batch.agent_ids[game.agent]
        if game.bot_plays:
            return f"{game.bot_name} plays; you watch {agent}"
        others = f"  with {game.bot_name}" if game.roster else ""
        return f"you are {agent}" + ("  (out)" if game.out else ": your move" if game.waits else "") + others
    return f"{game.bot_name} plays" if game.bot_plays else "you play"


def figures(screen: "PlayScreen") -> list[tuple[str, str]]:
    """Return the head line's labels and values."""
    game = screen.game
    found = [("speed", f"{screen.speed:g} x")] if screen.speed != 1.0 else []
    if screen.recorder.steps is not None:
        found.append(("recorded", str(screen.recorder.steps)))
    if game.best is not None:
        found.append(("best", format_score(game.best)))
    found += [("steps", str(game.steps)), ("return", format_value(game.episode_return))]
    return found + [(name.replace("_", " "), format_score(value)) for name, value in game.counters.items()]


# Keys that do what a letter does, for games that have the letter for themselves.
SPARE = {"r": "F5", "b": "F2", "h": "F1", "j": "F6"}
PAUSED_HINTS: list[Hint] = [("P", "go on"), ("Bksp", "back 1 s"), ("R", "restart"), ("H", "all keys")]


def draw_footer(theme: Theme, screen: "PlayScreen", area: Area) -> None:
    """Write the environment's own line at the right, keys before it."""
    x, y, width, height = area
    left = screen.game.match.left if screen.game.match is not None else ""
    shown = shorten(screen.recorder.note or left or screen.message, width * 0.5, SMALL)
    right = x + width - theme.px(6)
    right -= write(theme, (right - text_width(shown, SMALL), y + (height - theme.px(SMALL)) / 2), shown, "text", SMALL)
    hints = [("P", "pause"), ("R", "restart"), ("B", "bot"), ("+ −", "speed"), ("H", "help")]  # noqa: RUF001
    if len(screen.game.roster) > 1 and screen.game.match is None:
        hints.insert(3, ("F3 F4", "which"))
    if screen.game.match is not None:
        hints.insert(2, ("F1 – F8", "seats"))  # noqa: RUF001
    elif screen.game.batch.num_agents:
        hints.insert(2, ("Tab", "next agent"))
        hints.insert(3, ("J", "more people"))
    if screen.borrowed:
        hints.insert(0, ("Esc", "go back"))
    top = y + (height - theme.px(20)) / 2
    key_hints(theme, (x + theme.px(4), top), [own_keys(screen.game), *free_hints(screen, hints)], right - theme.px(PAD))


def free_hints(screen: "PlayScreen", hints: list[Hint]) -> list[Hint]:
    """Name other keys in place of letters that the game has for itself, as hex has; leave out what has no other."""
    game = screen.game
    found: list[Hint] = []
    for key, meaning in hints:
        letter = key.partition(",")[0].lower()
        if screen.phase == "over" or len(letter) != 1 or not game.reads(letter):
            found.append((key, meaning))
        elif letter == "p":
            found.append(("Pause" if screen.borrowed else "Esc", meaning))
        elif letter in SPARE and game.match is None:  # where F1 to F8 are seats
            found.append((SPARE[letter], meaning))
    return found


def key_label(name: str) -> str:
    """Return what is written on a key."""
    return KEY_LABELS.get(name, name.upper() if len(name) == 1 else name.title())


def own_keys(game: "Game") -> tuple[str, str]:
    """Return the game's keys in short, with what they are for."""
    return " ".join([key_label(name) for name in game.own_keys][:6]), "play"


def over_hints(game: "Game") -> list[Hint]:
    """Return what a person may do once a game is over."""
    other = "play yourself" if game.bot_plays else "let the bot play"
    return [("Space  R", "once more"), ("Bksp", "back 1 s"), ("B", other)]


def key_meanings(game: "Game") -> list[Hint]:
    """Return the mouse and the game's keys with what they do; those that do the same stand together.

    Of more than can be told apart in a list, as a board's cells, the first and the last are named.
    """
    mouse = [("Click", "choose in the picture")] if game.env.click is not None else []
    keys: dict[str, list[str]] = {}
    for name, action in game.own_keys.items():
        keys.setdefault(action_meaning(game, action), []).append(key_label(name))
    told = [("  ".join(names), meaning) for meaning, names in keys.items()]
    if len(told) > MOST_TOLD:
        told = [(f"{told[0][0]} – {told[-1][0]}", f"{len(told)} choices, a key for each")]  # noqa: RUF001
    return [*mouse, *told]


def action_meaning(game: "Game", action: Any) -> str:
    """Say in a few words what one of the environment's key bindings does: an action, or which part of one."""
    bound = find_binding(game.wanted, action)
    assert bound is not None  # the environment has checked its keys
    labels, where = list(getattr(bound.leaf, "labels", ())), " ".join(bound.path)
    number = bound.value if isinstance(bound.leaf, Discrete) else bound.component
    if number < len(labels):
        label = str(labels[number])
        backwards = not isinstance(bound.leaf, Discrete) and bound.value < 0
        return " ".join(OPPOSITES.get(word, word) for word in label.split()) if backwards else label
    if where and isinstance(bound.leaf, Discrete):
        return where if bound.leaf.n == 2 else f"{where} {number}"
    return where or f"{'action' if isinstance(bound.leaf, Discrete) else 'part'} {number}"


def draw_message(theme: Theme, screen: "PlayScreen", area: Area) -> None:
    """Write what a person needs to know while the game is not running, in the foot of `area`."""
    game = screen.game
    begin = [("Enter" if "space" in game.own_keys else "Space", "begin")]
    ending, tone = title_of(game) if screen.phase == "over" else ("", "text")
    title, about, hints = {
        "ready": ("Ready?", game.env.summary.rstrip("."), [*key_meanings(game), *begin]),
        "paused": ("Paused", "", free_hints(screen, PAUSED_HINTS)),
        "over": (
            ending,
            game.match.said if game.match is not None and game.match.said else result(game, screen.message),
            over_hints(game),
        ),
    }.get(screen.phase, ("", "", []))
    if not title:
        return
    size, apart, edge = TITLE, theme.px(18), theme.px(22)
    room = area[2] - 2 * theme.px(12) - 2 * edge
    about = shorten(about, room - text_width(title, size) - apart, BODY) if about else ""
    first = text_width(title, size) + (apart + text_width(about, BODY) if about else 0.0)
    second = min(hints_width(theme, hints), room)
    width, height = max(first, second) + 2 * edge, theme.px(MESSAGE_HEIGHT - 6)
    left, top = area[0] + (area[2] - width) / 2, area[1] + area[3] - theme.px(MESSAGE_HEIGHT)
    draw, corner = imgui.get_window_draw_list(), (left + width, top + height)
    draw.add_rect_filled((left, top), corner, packed("shadow", 225), theme.px(RADIUS + 4))
    draw.add_rect((left, top), corner, packed("line"), theme.px(RADIUS + 4), theme.px(1))
    x = left + (width - first) / 2
    write(theme, (x, top + theme.px(10)), title, tone, size)
    if about:
        write(theme, (x + first - text_width(about, BODY), top + theme.px(14)), about, "accent", BODY)
    start = left + (width - second) / 2
    key_hints(theme, (start, top + theme.px(size + 21)), hints, start + second + 1)


def title_of(game: "Game") -> tuple[str, str]:
    """Say what ended the episode, with its colour: what happened, where the game says so."""
    title, _, tone = ENDINGS[game.outcome]
    if game.match is not None and game.match.is_between_people:
        return game.match.ended, "sky"
    words = game.ending.words
    named = game.env.ending is not None and game.outcome != "won"
    return (words[:1].upper() + words[1:] if named else title), tone


def draw_confetti(theme: Theme, seconds: float, area: Area) -> None:
    """Celebrate: pieces of paper fall over the picture, so many seconds after they were thrown."""
    x, y, width, height = area
    draw = imgui.get_window_draw_list()
    fade = min(max(CONFETTI_SECONDS - seconds, 0.0), 1.0)
    for k in range(CONFETTI):
        start, drift, fall = (k * 0.618034) % 1.0, math.sin(3.0 * seconds + k), 0.35 + (k * 0.7548777) % 1.0 * 0.5
        at = x + width * start + theme.px(14) * drift, y + height * (fall * seconds - (k * 0.569840) % 1.0 * 0.4)
        if y <= at[1] <= y + height:
            lean, half = math.cos(5.0 * seconds + 2.0 * k), theme.px(4)
            tone = packed(CONFETTI_COLORS[k % len(CONFETTI_COLORS)], round(230 * fade))
            draw.add_line((at[0] - half * lean, at[1] - half), (at[0] + half * lean, at[1] + half), tone, theme.px(3))


def result(game: "Game", message: str = "") -> str:
    """Sum an episode up in one line: what the game itself says of its end, then figures."""
    counted = [f"{name.replace('_', ' ')} {format_score(value)}" for name, value in game.counters.items()]
    best = ["the bot's best" if game.helped else "new best"] if game.is_record and game.score > 0 else []
    titled = game.env.ending is not None and game.outcome != "won"  # what happened is the title
    words = game.ending.words if game.outcome == "won" else ""
    said = [words] if words not in ("", message) else []
    said += [message] if message and not titled else counted
    return "   ·   ".join([*best, *said, f"return {format_value(game.episode_return)}", f"{game.steps} steps"])


def draw_chooser(theme: Theme, screen: "PlayScreen", area: Area) -> None:
    """Write the keys that a gamepad chooses from into the foot of `area`, the chosen one in the middle where they are many."""
    people = screen.game.hands
    hands = next((each for each in people if each.is_my_turn), people[0] if people else None)
    if hands is None or not hands.chooser.keys:
        return
    chooser, apart, edge = hands.chooser, theme.px(5), theme.px(20)
    labels = [key_label(name) for name in chooser.keys]
    widths = [max(text_width(label, BODY) + theme.px(14), theme.px(26)) for label in labels]
    room, first, last = area[2] - 2 * edge, chooser.at, chooser.at + 1
    while (first > 0 or last < len(labels)) and sum(widths[max(first - 1, 0) : last + 1]) + apart * (
        last - first
    ) < room:
        first, last = max(first - 1, 0), min(last + 1, len(labels))
    x = area[0] + (area[2] - sum(widths[first:last]) - apart * (last - first - 1)) / 2
    top, height = area[1] + area[3] - theme.px(MESSAGE_HEIGHT - 8), theme.px(28)
    draw = imgui.get_window_draw_list()
    for k in range(first, last):
        is_chosen = k == chooser.at
        tone = "text" if hands.may(chooser.keys[k]) else "muted"
        draw.add_rect_filled((x, top), (x + widths[k], top + height), packed("raised"), theme.px(6))
        if is_chosen:
            draw.add_rect((x, top), (x + widths[k], top + height), packed("accent"), theme.px(6), theme.px(2))
        at = x + (widths[k] - text_width(labels[k], BODY)) / 2, top + (height - theme.px(BODY)) / 2 - theme.px(1)
        write(theme, at, labels[k], "accent" if is_chosen and tone == "text" else tone, BODY)
        x += widths[k] + apart
    said = f"{action_meaning(screen.game, hands.own_keys[chooser.chosen])}   ·   {chooser_meaning(screen.game)}"
    at = area[0] + (area[2] - text_width(said, SMALL)) / 2, top + height + theme.px(8)
    write(theme, at, said, "muted", SMALL)


def chooser_meaning(game: "Game") -> str:
    """Say how a gamepad chooses a key and does it."""
    sides = "right stick" if "left" in game.own_keys else "stick or d-pad"
    return f"{sides}: choose; {'right trigger' if 'space' in game.own_keys else 'A'}: do it"


def pad_meaning(screen: "PlayScreen") -> str:
    """Say what a gamepad does."""
    axes, game = screen.pads.axes, screen.game
    choice = [chooser_meaning(game)] if game.hands and game.hands[0].chooser.keys else []
    if axes is not ARROW_AXES:
        told = "sticks: " + ", ".join(" ".join(key_label(name) for name in names) for names in axes.values())
        return "; ".join([told, *choice])
    direct = any(name in game.own_keys for names in axes.values() for name in names)
    return "; ".join([*(["stick or d-pad: arrows; buttons: Space, Shift"] if direct else []), *choice])


def help_lines(screen: "PlayScreen") -> list[Hint]:
    """Return all keys, and what each does."""
    rows = (
        [("Esc", "go back to what this branch comes from"), ("P", "pause")]
        if screen.borrowed
        else [("P, Esc", "pause")]
    )
    rows += [("R", "restart"), ("B", "let the bot play, take over again")]
    if len(screen.game.roster) > 1 and screen.game.match is None:
        rows.append(("F3   F4", f"an easier, a harder bot: now {screen.game.bot_name}"))
    if screen.game.match is not None:
        rows.append(("F1 – F8", "put somebody else into a seat, Shift: the one before"))  # noqa: RUF001
    elif screen.game.batch.num_agents:
        rows += [("Tab", "steer the next agent"), ("J", "seats: more people join, or other bots")]
    rows += [("Backspace", "turn back a second (practice)"), ("F9", "record, stop recording")]
    rows += [("+   −", "faster, slower"), ("F11", "full screen"), ("Ctrl +   Ctrl −", "larger, smaller text")]  # noqa: RUF001
    rows += [("M", "sounds on" if screen.speaker.muted else "no sounds"), ("Pad", pad_meaning(screen))]
    shoulders = "choose a seat, put another in" if screen.game.match is not None else "back a second"
    rows.append(("", f"X: bot; shoulders: {shoulders}; {'Y: go back; ' if screen.borrowed else ''}Start: pause"))
    return [*key_meanings(screen.game), *free_hints(screen, rows), ("Esc", "close this")]
