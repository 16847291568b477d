"""Which press of the mouse is the second of a double click, however late the window comes to see it.

Dear ImGui tells the time between two presses by the frames in which it takes them in, one change of a button a frame;
beside a busy trainer those lie further apart than the presses did.  Here counts when they can have come: SDL tells no
time but its own, at which it looked.
"""

import math
from collections import deque

ALWAYS, NEVER = 1e4, 0.0  # seconds: so long Dear ImGui is to take a press for the second of a double click


class Presses:
    """The presses of the left button that Dear ImGui has not taken in yet, each with how long after the last it came.

    What a look for input finds was not there at the look before, so it came after that; and the press before it had
    come by the time that it was found.  The time between the two is the least that can have passed.
    """

    def __init__(self) -> None:
        self._looked, self._last = 0.0, -math.inf  # when the last look began, and when the last press was found
        self._after: deque[float] = deque()  # seconds since the press before, at least

    def found(self, began: float, ended: float, presses: int) -> None:
        """Note a look for input from one time to another, and how many presses it found."""
        for _ in range(presses):
            self._after.append(max(self._looked - self._last, 0.0))
            self._last = ended
        self._looked = began

    def patience(self, seconds: float) -> float:
        """Return the seconds in which Dear ImGui is to take the next press for the second of two, which has `seconds`."""
        if not self._after:
            return seconds
        return ALWAYS if self._after[0] < seconds else NEVER

    def taken(self, pressed: bool, left: int) -> None:
        """Note a frame of Dear ImGui's: whether it took in a press, and how many events are left to it."""
        if pressed and self._after:
            self._after.popleft()
        if not left:  # it leaves out what repeats itself, as a press after a press
            self._after.clear()
