"""One person's keys: those held and tapped, and the action that they mean for the agent that the person steers.

Several people share a machine by halves of the keyboard, and gamepads: see `share_controls`.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from puffer_arena.batch.batch import Batch
from puffer_arena.batch.flight import Flight
from puffer_arena.core.actions import action_dtype, choice_sizes, choices_of, values_of
from puffer_arena.core.composites import at
from puffer_arena.core.fields import Array
from puffer_arena.core.keys import find_binding
from puffer_arena.core.roles import space_of
from puffer_arena.core.spaces import Box, Discrete, Space
from puffer_arena.render.play.chooser import Chooser
from puffer_arena.render.play.gamepad import ACT

MOST_TAPS = 2  # more would make the game lag behind the person
WASD = {"w": "up", "a": "left", "s": "down", "d": "right"}
LEFT_HALF = {**WASD, "f": "space", "q": "shift", "e": "return"}  # keys of the left half -> the game's
WHOLE, RIGHT, LEFT, NONE = "keyboard", "right half: arrows", "left half: W A S D, F, Q, E", "needs a gamepad"
SHARED = "keyboard, by turns"


class Controls(NamedTuple):
    """What a person has in hand: a part of the keyboard, and gamepads by their numbers."""

    keys: str = WHOLE
    pads: tuple[int, ...] | None = None  # None for all there are

    @property
    def label(self) -> str:
        """What it is, in words."""
        if self.keys != NONE or not self.pads:
            return self.keys
        return f"gamepad {self.pads[0] + 1}"


def share_controls(people: int, pads: Sequence[int], by_turns: bool = False) -> list[Controls]:
    """Return what each of some people has in hand.

    One person has all there is, as all have where they take turns.  With gamepads enough for all others the first has
    the whole keyboard; else the first two have its halves.
    """
    if people <= 1:
        return [Controls()] * people
    if by_turns:
        return [Controls(SHARED)] * people
    sitting = 1 if len(pads) >= people - 1 else 2
    keyboard = [Controls(WHOLE, ())] if sitting == 1 else [Controls(RIGHT, ()), Controls(LEFT, ())]
    others = [Controls(NONE, (pad,)) for pad in pads[: people - sitting]]
    return (keyboard + others + [Controls(NONE, ())] * people)[:people]


class Hands:
    """What one person does.

    Attributes:
        agent: whom the person steers, a number.
        controls: what the person has in hand.
        held: how far each key is down; the newest last.
        taps: keys that went down since they were asked for, and choices that were clicked.
        chooser: the keys that a gamepad has no control for.
    """

    def __init__(self, batch: Batch, agent: int) -> None:
        self.batch, self.env, self.agent = batch, batch.env, agent
        self.controls = Controls()
        self.held: dict[str, float] = {}
        self.taps: deque[str | int] = deque(maxlen=MOST_TAPS)
        self.chooser = Chooser(self.own_keys)
        self._choosing: dict[str, str] = {}  # key of a gamepad that is down -> the chosen key that it does, or ""
        self.repeated = self.idle()
        self._pilot = Flight(batch, agent) if self.env.pilot is not None else None

    @property
    def role(self) -> str | None:
        """The role of the agent, None in a solo environment."""
        ids = self.batch.agent_ids
        return self.env.role_of(ids[self.agent]) if ids else None

    @property
    def action(self) -> Space:
        """What the agent can do."""
        return space_of(self.batch.action, self.role)

    @property
    def wanted(self) -> Space:
        """What keys set: what the agent's pilot is told, or what the agent can do."""
        space: Space = self.env.keyed(self.batch.action, self.role)
        return space

    @property
    def own_keys(self) -> Mapping[str, Any]:
        """The environment's keys for the agent."""
        keys: Mapping[str, Any] = self.env.keys_of(self.role)
        return keys

    @property
    def keys(self) -> dict[str, Any]:
        """The keys that count in this person's hands; alone, w, a, s, d are arrows where they are free."""
        return playable_keys(self.own_keys) if self.controls.keys in (WHOLE, SHARED) else dict(self.own_keys)

    @property
    def is_my_turn(self) -> bool:
        """Whether the agent acts next."""
        return bool(self.batch.acting[0, self.agent])

    def reads(self, key: str, pad: int | None) -> str | None:
        """Return the game's key that a key of the keyboard, or of a gamepad, is to this person; None for none."""
        if pad is not None:
            return key if self.controls.pads is None or pad in self.controls.pads else None
        if self.controls.keys == LEFT:
            return LEFT_HALF.get(key)
        return None if self.controls.keys == NONE else key

    def press(self, key: str, strength: float, counts: bool) -> bool:
        """Note that a key of the game went down, or how far a stick leans; tell whether it is one of this person's.

        Args:
            counts: a tap means something now.
        """
        if key not in self.keys:
            return False
        if key not in self.held and counts:
            self.taps.append(key)
        self.held[key] = strength
        return True

    @property
    def has_mouse(self) -> bool:
        """Whether the mouse is this person's: of several it is the first one's, or whose turn it is."""
        return self.controls.keys in (WHOLE, SHARED, RIGHT)

    def at(self, x: float, y: float) -> int | None:
        """Return the choice that a click at (x, y) of the picture is, None where it is none or barred."""
        who = self.agent if self.batch.num_agents else None
        found: int | None = self.env.clicked(self.batch.state(0), self.batch.state_params(0), who, x, y)
        return found if found is not None and self._is_open(found) else None

    def press_pad(self, key: str, strength: float, counts: bool) -> bool:
        """Note what a gamepad sends: a key of the game, or the choice of one; tell whether it means anything here."""
        wish = None if key in self.keys else self.chooser.wish(key)
        if wish is None:
            return self.press(key, strength, counts)
        if not counts or key in self._choosing:  # a stick says often how far it leans
            return counts
        self._choosing[key] = self.chooser.chosen if wish == ACT else ""
        if wish == ACT:
            return self.press(self.chooser.chosen, 1.0, counts)
        self.chooser.move(wish, self.may)
        return True

    def release(self, key: str, from_pad: bool = False) -> None:
        """Note that a key went up."""
        self.held.pop(self._choosing.pop(key, key) if from_pad else key, None)

    def may(self, key: str) -> bool:
        """Tell whether what one of the game's keys does is allowed now, where it is a choice among several."""
        return not isinstance(self.action, Discrete) or self._is_open(self.own_keys[key])

    def _is_open(self, choice: int) -> bool:
        """Tell whether a choice of a Discrete action is allowed now."""
        if not (self.batch.num_choices and isinstance(self.action, Discrete)):
            return True
        mask = self.batch.action_mask[0, self.agent] if self.batch.num_agents else self.batch.action_mask[0]
        return bool(mask[choice])

    def release_all(self) -> None:
        """Forget every key."""
        self._choosing.clear()
        self.held.clear()
        self.taps.clear()

    def begin(self) -> None:
        """Forget what was done, as when an episode begins."""
        self.repeated = self.idle()
        self.taps.clear()
        if self._pilot is not None:
            self._pilot.forget()

    # -- actions ------------------------------------------------------------------------------------

    def idle(self) -> Any:
        """Return what is wanted where no key is down."""
        given = self.env.idle_of(self.role)
        if isinstance(self.wanted, Discrete):
            return 0 if given is None else given
        idle = np.zeros((), action_dtype(self.wanted))
        for path, value in values_of(self.wanted, given).items() if given is not None else ():
            at(idle, path)[...] = value
        return idle

    def choose(self) -> Any:
        """Return the action that the keys mean."""
        self.repeated = self._single() if isinstance(self.wanted, Discrete) else self._combined()
        return self.repeated if self._pilot is None else self._pilot.act(self.repeated)

    def _single(self) -> int:
        if self.taps:
            tap = self.taps.popleft()
            return int(self.keys[tap] if isinstance(tap, str) else tap)
        if self.held:
            return int(self.keys[next(reversed(self.held))])
        idle = self.env.idle_of(self.role)
        return int(self.repeated if idle is None else idle)

    def _combined(self) -> Array:
        """Return an action: every key held, or tapped since the last step, sets its component."""
        pressed = [*self.held, *(key for key in self.taps if isinstance(key, str) and key not in self.held)]
        self.taps.clear()
        if not pressed and self.env.idle_of(self.role) is None:
            return np.asarray(self.repeated)
        action = self.idle()
        for key in pressed:
            bound = find_binding(self.wanted, self.keys[key])
            assert bound is not None  # the environment has checked its keys
            numbers = at(action, bound.path).reshape(-1)
            strength = self.held.get(key, 1.0) if isinstance(bound.leaf, Box) else 1.0
            numbers[bound.component] += strength * (bound.value - numbers[bound.component])
        return np.asarray(action)

    def allow(self, action: Any) -> Any:
        """Replace every barred choice by the first that is allowed."""
        if not self.batch.num_choices:
            return action
        mask = self.batch.action_mask[0, self.agent] if self.batch.num_agents else self.batch.action_mask[0]
        allowed = np.array(action, action_dtype(self.action).base)
        for path, leaf, flags in choices_of(self.action):
            numbers, begin = at(allowed, path).reshape(-1), flags.start
            for k, size in enumerate(choice_sizes(leaf)):
                own = mask[begin : begin + size]
                numbers[k] = numbers[k] if own[numbers[k]] else own.argmax()
                begin += size
        return allowed


def playable_keys(keys: Any) -> dict[str, Any]:
    """Return the environment's keys, with w, a, s, d as arrows where it leaves them free."""
    found = dict(keys)
    if not set(WASD) & set(found):
        found.update({letter: found[arrow] for letter, arrow in WASD.items() if arrow in found})
    return found
