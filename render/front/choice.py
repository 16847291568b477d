"""Where the person is in the launcher: which place, which entry, and whether at its buttons."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from puffer_arena.render.front.entries import Action, Entry, Place

MOVES = ("left", "right", "up", "down", "page up", "page down", "home", "end")


@dataclass
class Choice:
    """Moves through the places by names of keys; knows no window.

    Attributes:
        places: what there is to choose from; set anew whenever something changed.
        place: the place shown.
        columns, page: entries in a line of it, and in a screenful, as last drawn.
        button: which of the entry's actions the person is at; None among the entries.
        moved: whether keys have moved the choice, so that it must be scrolled to.
    """

    places: Sequence[Place] = ()
    place: int = 0
    columns: int = 1
    page: int = 1
    button: int | None = None
    moved: bool = False
    _entries: dict[str, int] = field(default_factory=dict)  # place -> entry chosen there

    @property
    def here(self) -> Place:
        """The place shown."""
        return self.places[self.place]

    @property
    def index(self) -> int:
        """The chosen entry's number here."""
        return min(self._entries.get(self.here.title, 0), max(len(self.here.entries) - 1, 0))

    @property
    def entry(self) -> Entry | None:
        """The chosen entry; None where there is none."""
        return self.here.entries[self.index] if self.here.entries else None

    def choose(self, index: int) -> None:
        """Choose an entry of this place."""
        self._entries[self.here.title] = min(max(index, 0), max(len(self.here.entries) - 1, 0))
        self.button = None

    def turn(self, by: int) -> None:
        """Go so many places on."""
        self.place, self.button = (self.place + by) % len(self.places), None
        self.moved = True

    def move(self, key: str) -> None:
        """Move by one of `MOVES`."""
        entry = self.entry
        if self.button is not None and entry is not None:
            by = {"up": -1, "down": 1}.get(key, 0)
            self.button = min(max(self.button + by, 0), len(entry.actions) - 1)
            if key == "left":
                self.button = None
            return
        count, index = len(self.here.entries), self.index
        line = {"up": -self.columns, "down": self.columns, "page up": -self.page, "page down": self.page}
        if key in line and not 0 <= index + line[key] < count:
            if key == "page up":
                index = 0
            elif key == "page down" or (key == "down" and index // self.columns < (count - 1) // self.columns):
                index = count - 1
        else:
            index += {"left": -1, "right": 1, "home": -count, "end": count, **line}[key]
        self.choose(index)
        self.moved = True

    def enter(self) -> Action | None:
        """Go to the entry's buttons; there, return the action to carry out."""
        entry = self.entry
        if entry is None or not entry.actions:
            return None
        if self.button is None:
            self.button = 0
            return None
        return entry.actions[self.button]

    def shortcut(self, letter: str) -> Action | None:
        """Return the entry's action that a letter stands for."""
        actions = self.entry.actions if self.entry is not None else ()
        return next((action for action in actions if action.key == letter), None)
