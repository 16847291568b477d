"""Keys for which a gamepad has no control, such as a board's cells: one is chosen, and a button does it."""

import math
from collections.abc import Callable, Mapping
from typing import Any

from puffer_arena.render.play.gamepad import ACT, BUTTONS, NEXT, PREVIOUS, stick_axes

ABOVE, BELOW = "above", "below"
INSTEAD = {"left": PREVIOUS, "right": NEXT, "up": ABOVE, "down": BELOW, "space": ACT}  # of keys that a game has not
MOST_IN_LINE = 12  # more stand in a square, of which up and down lead to another line


class Chooser:
    """The keys of a game that a gamepad does not have, and which of them is chosen.

    Attributes:
        keys: their names, none where the gamepad has all.
        at: the number of the chosen one.
    """

    def __init__(self, own_keys: Mapping[str, Any]) -> None:
        on_sticks = {name for names in stick_axes(own_keys).values() for name in names}
        direct = [name for name in own_keys if name in on_sticks or name in BUTTONS.values()]
        known = [own_keys[name] for name in direct]
        self.keys = [name for name, action in own_keys.items() if name not in direct and action not in known]
        self.at = 0
        self._columns = len(self.keys) if len(self.keys) <= MOST_IN_LINE else math.ceil(math.sqrt(len(self.keys)))
        self._instead = {name: wish for name, wish in INSTEAD.items() if name not in own_keys}

    @property
    def chosen(self) -> str:
        """The chosen key."""
        return self.keys[self.at]

    def wish(self, key: str) -> str | None:
        """Return what a gamepad's key asks of the chooser: another choice, or to do the one; None for nothing."""
        if not self.keys:
            return None
        return key if key in (PREVIOUS, NEXT, ACT) else self._instead.get(key)

    def move(self, wish: str, allowed: Callable[[str], bool]) -> None:
        """Choose another key that is allowed, in the direction asked for: the next one, or that in the next line."""
        count, way = len(self.keys), 1 if wish in (NEXT, BELOW) else -1
        if wish in (ABOVE, BELOW):
            places = range(self.at + way * self._columns, count if way > 0 else -1, way * self._columns)
        else:
            places = range(self.at + way, self.at + way * count, way)
        self.at = next((k % count for k in places if allowed(self.keys[k % count])), self.at)
