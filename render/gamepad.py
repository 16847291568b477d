"""Gamepads as keys: the stick and the d-pad send the arrows, the first button "space"."""

from dataclasses import dataclass, field
from typing import Any

from puffer_arena.render.toolkit import pygame

DEAD_ZONE = 0.5  # how far the stick must lean to count
RELEASE_ZONE = 0.35  # and how near to the middle it must come back
AXES = {0: ("left", "right"), 1: ("up", "down")}
BUTTONS = {0: "space", 11: "up", 12: "down", 13: "left", 14: "right"}  # 11 to 14: pads without a hat
MENU_BUTTONS = {6: "restart", 7: "pause"}
Press = tuple[str, bool]  # key, whether it went down


@dataclass
class Gamepads:
    """Translates joystick events; keeps what is pressed, so that every press has its release."""

    pressed: dict[tuple[int, str], str] = field(default_factory=dict)  # (pad, control) -> key
    _open: dict[int, Any] = field(default_factory=dict)

    def translate(self, event: Any) -> list[Press]:
        """Return the keys that an event presses (True) or releases (False); none for other events."""
        pad = getattr(event, "instance_id", 0)
        if event.type == pygame.JOYDEVICEADDED:
            joystick = pygame.joystick.Joystick(event.device_index)
            self._open[joystick.get_instance_id()] = joystick  # pygame closes it when nobody holds it
        elif event.type == pygame.JOYDEVICEREMOVED:
            self._open.pop(pad, None)
            return self._release([held for held in self.pressed if held[0] == pad])
        elif event.type == pygame.JOYAXISMOTION and event.axis in AXES:
            return self._lean(pad, event.axis, event.value)
        elif event.type == pygame.JOYHATMOTION:
            across, up = event.value
            return [
                *self._set(pad, "hat x", {-1: "left", 1: "right"}.get(across)),
                *self._set(pad, "hat y", {-1: "down", 1: "up"}.get(up)),
            ]
        elif event.type in (pygame.JOYBUTTONDOWN, pygame.JOYBUTTONUP) and event.button in BUTTONS:
            key = BUTTONS[event.button] if event.type == pygame.JOYBUTTONDOWN else None
            return self._set(pad, f"button {event.button}", key)
        return []

    def _lean(self, pad: int, axis: int, value: float) -> list[Press]:
        control = f"axis {axis}"
        least = RELEASE_ZONE if (pad, control) in self.pressed else DEAD_ZONE
        key = AXES[axis][value > 0] if abs(value) >= least else None
        return self._set(pad, control, key)

    def _set(self, pad: int, control: str, key: str | None) -> list[Press]:
        """Let a control hold `key`, or nothing."""
        old = self.pressed.get((pad, control))
        if old == key:
            return []
        changes = self._release([(pad, control)] if old else [])
        if key:
            self.pressed[pad, control] = key
            changes.append((key, True))
        return changes

    def _release(self, controls: list[tuple[int, str]]) -> list[Press]:
        return [(self.pressed.pop(control), False) for control in controls]


def menu_action(event: Any) -> str | None:
    """Return "restart" or "pause" where an event is one of the pad's menu buttons."""
    return MENU_BUTTONS.get(event.button) if event.type == pygame.JOYBUTTONDOWN else None
