"""Gamepads as keys: the stick and the d-pad send the arrows, the first buttons "space" and "shift".

A game without arrows has its own keys on the sticks, a pair of opposite keys to an axis.  Where actions are continuous,
how far a stick leans counts too.  Keys for which there is no control are chosen one after the other: `play.chooser`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from puffer_arena.render.toolkit import pygame

Axes = Mapping[int, tuple[str, str]]  # axis -> the keys of its negative and of its positive side
ARROW_AXES: Axes = {0: ("left", "right"), 1: ("up", "down")}
STICKS = {0: 1, 1: -1, 3: 1, 4: -1}  # left x, y, right x, y -> which way is positive to people: right, up
BUTTONS = {0: "space", 1: "shift", 11: "up", 12: "down", 13: "left", 14: "right"}  # 11 to 14: pads without a hat
PREVIOUS, NEXT, ACT = "previous", "next", "act"  # what is sent to choose a key, and to do the chosen one
CHOOSE_AXIS, ACT_AXIS, ACT_BUTTON = 3, 5, 10  # right stick, right trigger, right stick pressed or shoulder
MENU_BUTTONS = {2: "bot", 3: "back", 4: "left shoulder", 5: "right shoulder", 6: "restart", 7: "pause"}
VIEW_BUTTONS = {2: pygame.K_f, 3: pygame.K_h, 4: pygame.K_PAGEUP, 5: pygame.K_PAGEDOWN, 7: pygame.K_RETURN}
VIEW_KEYS = {  # of windows in which one looks on
    "left": pygame.K_LEFT,
    "right": pygame.K_RIGHT,
    "up": pygame.K_UP,
    "down": pygame.K_DOWN,
    "space": pygame.K_SPACE,
    "shift": pygame.K_ESCAPE,
}
Press = tuple[str, float]  # key, how far it is down: 0 for a release, 1 for a button


@dataclass
class Gamepads:
    """Translates joystick events; keeps what is pressed, so that every press has its release."""

    axes: Axes = field(default_factory=lambda: ARROW_AXES)
    analog: bool = False  # whether it matters how far a stick leans
    chooses: bool = False  # whether keys may be chosen
    pressed: dict[tuple[int, str], str] = field(default_factory=dict)  # (pad, control) -> key
    _open: dict[int, Any] = field(default_factory=dict)

    @property
    def numbers(self) -> list[int]:
        """The gamepads that are plugged in, the first one first."""
        return list(self._open)

    @property
    def dead_zone(self) -> float:
        """How far a stick must lean to count."""
        return 0.2 if self.analog else 0.5

    @property
    def release_zone(self) -> float:
        """How near to the middle it must come back."""
        return 0.12 if self.analog else 0.35

    def translate(self, event: Any) -> list[Press]:
        """Return the keys that an event presses or releases; none for other events."""
        pad = getattr(event, "instance_id", 0)
        if event.type == pygame.JOYDEVICEADDED:
            joystick = pygame.joystick.Joystick(event.device_index)
            self._open[joystick.get_instance_id()] = joystick  # pygame closes it when nobody holds it
        elif event.type == pygame.JOYDEVICEREMOVED:
            self._open.pop(pad, None)
            return self._release([held for held in self.pressed if held[0] == pad])
        elif event.type == pygame.JOYAXISMOTION and event.axis in self.axes:
            return self._lean(pad, event.axis, event.value)
        elif event.type == pygame.JOYAXISMOTION and self.chooses:
            return self._choose(pad, event.axis, event.value)
        elif event.type == pygame.JOYHATMOTION:
            across, up = event.value
            return [
                *self._set(pad, "hat x", {-1: "left", 1: "right"}.get(across)),
                *self._set(pad, "hat y", {-1: "down", 1: "up"}.get(up)),
            ]
        elif event.type in (pygame.JOYBUTTONDOWN, pygame.JOYBUTTONUP) and event.button in BUTTONS:
            key = BUTTONS[event.button] if event.type == pygame.JOYBUTTONDOWN else None
            return self._set(pad, f"button {event.button}", key)
        elif event.type in (pygame.JOYBUTTONDOWN, pygame.JOYBUTTONUP) and self.chooses and event.button == ACT_BUTTON:
            return self._set(pad, f"button {event.button}", ACT if event.type == pygame.JOYBUTTONDOWN else None)
        return []

    def _choose(self, pad: int, axis: int, value: float) -> list[Press]:
        """Return what the right stick and the trigger ask of a chooser; a trigger that is let go is at -1."""
        keys = {CHOOSE_AXIS: (PREVIOUS, NEXT), ACT_AXIS: (None, ACT)}.get(axis)
        if keys is None:
            return []
        control = f"axis {axis}"
        leans = abs(value) >= (0.35 if (pad, control) in self.pressed else 0.5)
        return self._set(pad, control, keys[value > 0] if leans else None)

    def _lean(self, pad: int, axis: int, value: float) -> list[Press]:
        control, far = f"axis {axis}", abs(value)
        least = self.release_zone if (pad, control) in self.pressed else self.dead_zone
        if far < least:
            return self._set(pad, control, None)
        strength = min((far - self.release_zone) / (1 - self.release_zone), 1.0) if self.analog else 1.0
        return self._set(pad, control, self.axes[axis][value > 0], strength)

    def _set(self, pad: int, control: str, key: str | None, strength: float = 1.0) -> list[Press]:
        """Let a control hold `key`, or nothing."""
        old = self.pressed.get((pad, control))
        if old == key:
            return [(key, strength)] if key and self.analog else []
        changes = self._release([(pad, control)] if old else [])
        if key:
            self.pressed[pad, control] = key
            changes.append((key, strength))
        return changes

    def _release(self, controls: list[tuple[int, str]]) -> list[Press]:
        return [(self.pressed.pop(control), 0.0) for control in controls]


def stick_axes(keys: Mapping[str, Any]) -> Axes:
    """Return the keys on the sticks: the arrows, or a game's own pairs of opposite keys where it has no arrows."""
    pairs: dict[tuple[Any, ...], dict[bool, str]] = {}
    for name, action in keys.items():
        if isinstance(action, tuple):
            *component, value = action
            pairs.setdefault(tuple(component), {})[value > 0] = name
    opposite = [(pair[False], pair[True]) for pair in pairs.values() if len(pair) == 2]
    if not opposite or any(name in keys for names in ARROW_AXES.values() for name in names):
        return ARROW_AXES
    sides = zip(STICKS.items(), opposite, strict=False)
    return {axis: (low, high) if way > 0 else (high, low) for (axis, way), (low, high) in sides}


def menu_action(event: Any) -> str | None:
    """Return a name of `MENU_BUTTONS` where an event is one of the pad's menu buttons."""
    return MENU_BUTTONS.get(event.button) if event.type == pygame.JOYBUTTONDOWN else None


def view_keys(pads: Gamepads, event: Any) -> list[int]:
    """Return the keys that an event presses in a window in which one looks on, as `watch` and `replay`."""
    keys = [VIEW_KEYS[key] for key, strength in pads.translate(event) if strength]
    if event.type == pygame.JOYBUTTONDOWN and event.button in VIEW_BUTTONS:
        keys.append(VIEW_BUTTONS[event.button])
    return keys
