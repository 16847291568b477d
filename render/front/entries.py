"""What the launcher offers, as plain data: places, the entries in each, and what can be done with one."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Action:
    """Something that a person may do with an entry.

    Args:
        label: on its button.
        key: the letter that does it at once.
        about: its tooltip.
        arguments: of the command it starts; none where it only copies.
        copies: the text that it puts on the clipboard.
    """

    label: str
    key: str
    about: str
    arguments: Sequence[str] = ()
    copies: str = ""


@dataclass(frozen=True)
class Entry:
    """One thing in the launcher.

    Args:
        title: what it is called.
        about: a sentence or two on it.
        game: the environment that it is of.
        picture: what moves beside it: a game, or the path of a replay; "" for nothing.
        figures: (label, value) pairs.
        curve: (x, y) points, such as the return over the steps of a run.
        tone: the palette colour of its state, with `state`, a word for it.
        actions: the first is what Enter does.
    """

    title: str
    about: str = ""
    game: str = ""
    picture: str = ""
    figures: Sequence[tuple[str, str]] = ()
    curve: Sequence[tuple[float, float]] = ()
    state: str = ""
    tone: str = "muted"
    actions: Sequence[Action] = ()


@dataclass(frozen=True)
class Place:
    """One of the launcher's pages.

    Args:
        title: on its tab.
        entries: newest or most wanted first.
        pictures: whether it shows entries as moving pictures, and not as lines.
        empty: what it says where there is no entry.
    """

    title: str
    entries: Sequence[Entry] = ()
    pictures: bool = False
    empty: str = ""
