"""A closed road that is new in every level, for games that drive on it: laying it, following it, drawing it."""

import math
from typing import Protocol

from puffer_arena.core.canvas import Canvas
from puffer_arena.core.fields import Array
from puffer_arena.core.random import uniform
from puffer_arena.machine.compile import jit

SECTIONS = 64  # of a road


class OnRoad(Protocol):
    """What a row has whose cars are on a road."""

    cars: Array  # bodies with x and y
    road: Array  # (SECTIONS, 2): middle of each section's beginning, m
    left: Array  # its edges
    right: Array
    mile: Array  # (SECTIONS,): metres from the start
    bend: Array  # (SECTIONS,): 1/m, to the left
    length: float  # of a lap, m
    at: Array  # (cars,): the section that a car is on
    place: Array  # (cars,): metres from the start, along the road
    across: Array  # (cars,): metres from its middle to the left


class Course(Protocol):
    """The parameters that a road is laid by."""

    @property
    def size(self) -> float: ...  # half the height of the course, m
    @property
    def twist(self) -> float: ...  # how much it winds
    @property
    def width(self) -> float: ...  # of the road, m


@jit
def lay_road(s: OnRoad, p: Course) -> None:
    """Draw a closed line that winds around the middle, and its edges."""
    a2, a3, a5 = uniform(s, -1.0, 1.0), uniform(s, -1.0, 1.0), uniform(s, -1.0, 1.0)
    f2, f3, f5 = uniform(s, 0.0, 6.3), uniform(s, 0.0, 6.3), uniform(s, 0.0, 6.3)
    for k in range(SECTIONS):
        angle = 2.0 * math.pi * k / SECTIONS
        wave = 0.7 * a2 * math.sin(2 * angle + f2) + 0.8 * a3 * math.sin(3 * angle + f3)
        far = p.size * max(0.45, 1.0 + p.twist * (wave + 0.4 * a5 * math.sin(5 * angle + f5)))
        s.road[k, 0], s.road[k, 1] = 1.6 * far * math.cos(angle), far * math.sin(angle)
    s.length = 0.0
    for k in range(SECTIONS):
        before, after = (k - 1) % SECTIONS, (k + 1) % SECTIONS
        x0, y0 = s.road[k, 0] - s.road[before, 0], s.road[k, 1] - s.road[before, 1]
        x1, y1 = s.road[after, 0] - s.road[k, 0], s.road[after, 1] - s.road[k, 1]
        long = math.sqrt(x1 * x1 + y1 * y1)
        s.mile[k], s.length = s.length, s.length + long
        s.bend[k] = math.atan2(x0 * y1 - y0 * x1, x0 * x1 + y0 * y1) / long
        x, y = x0 + x1, y0 + y1
        half = 0.5 * p.width / math.sqrt(x * x + y * y)
        s.left[k, 0], s.left[k, 1] = s.road[k, 0] - half * y, s.road[k, 1] + half * x
        s.right[k, 0], s.right[k, 1] = s.road[k, 0] + half * y, s.road[k, 1] - half * x


@jit
def heading(s: OnRoad, k: int) -> float:
    """Return the direction of section `k`, rad."""
    after = (k + 1) % SECTIONS
    return math.atan2(s.road[after, 1] - s.road[k, 1], s.road[after, 0] - s.road[k, 0])


@jit
def find_place(s: OnRoad, k: int) -> None:
    """Follow car `k` along the road: its section, the metres along it and across."""
    for _ in range(4):
        at, car = s.at[k], s.cars[k]
        after = (at + 1) % SECTIONS
        x, y = s.road[after, 0] - s.road[at, 0], s.road[after, 1] - s.road[at, 1]
        dx, dy = car.x - s.road[at, 0], car.y - s.road[at, 1]
        part = (dx * x + dy * y) / (x * x + y * y)
        long = math.sqrt(x * x + y * y)
        s.place[k], s.across[k] = s.mile[at] + min(max(part, 0.0), 1.0) * long, (x * dy - y * dx) / long
        if part > 1.0:
            s.at[k] = after
        elif part < 0.0:
            s.at[k] = (at - 1) % SECTIONS
        else:
            return


@jit
def extent(s: OnRoad, beyond: float) -> tuple[float, float, float, float]:
    """Return left, bottom, right and top of the box so far around the road, m."""
    left, bottom, right, top = math.inf, math.inf, -math.inf, -math.inf
    for k in range(SECTIONS):
        left, right = min(left, s.left[k, 0], s.right[k, 0]), max(right, s.left[k, 0], s.right[k, 0])
        bottom, top = min(bottom, s.left[k, 1], s.right[k, 1]), max(top, s.left[k, 1], s.right[k, 1])
    return left - beyond, bottom - beyond, right + beyond, top + beyond


@jit
def longest_pair(s: OnRoad) -> float:
    """Return the metres of the longest two sections that follow each other, counted in pairs."""
    longest = 0.0
    for k in range(0, SECTIONS, 2):
        end = s.mile[k + 2] if k + 2 < SECTIONS else s.length
        longest = max(longest, end - s.mile[k])
    return longest


@jit
def is_near(points: list[tuple[float, float]], x: float, y: float, reach: float, pair: float) -> bool:
    """Tell whether a place is within `reach` metres of where a section begins.

    Pictures ask this of many places: every fourth section is looked at, and the two on either side of it only where one
    of them, at most a `pair` of sections away (`longest_pair`), could be near.
    """
    far = (reach + pair) * (reach + pair)
    for k in range(2, len(points), 4):
        dx, dy = points[k][0] - x, points[k][1] - y
        if dx * dx + dy * dy <= far:
            for j in range(k - 2, k + 2):
                dx, dy = points[j][0] - x, points[j][1] - y
                if dx * dx + dy * dy <= reach * reach:
                    return True
    return False


def draw_trees(s: OnRoad, p: Course, left: float, bottom: float, right: float, top: float, canvas: Canvas) -> None:
    """Draw trees within and around a box, clear of the road."""
    pair, points = longest_pair(s), [(s.road[k, 0], s.road[k, 1]) for k in range(SECTIONS)]
    for k in range(70):
        x = left - 14.0 + k * 37.7 % 1.0 + (right - left + 28.0) * (k * 0.618 % 1)
        y = bottom - 14.0 + (top - bottom + 28.0) * (k * 0.414 % 1)
        if not is_near(points, x, y, 0.8 * p.width + 1.0, pair):
            r = 1.2 + 0.5 * (k % 3)
            canvas.circle(x + 0.5 * r, y - 0.5 * r, r, "shadow", alpha=0.4)
            canvas.circle(x, y, r, "leaf")
            canvas.circle(x, y, r, "shadow", alpha=0.45)
            canvas.circle(x - 0.2 * r, y + 0.25 * r, 0.62 * r, "leaf", alpha=0.8)


def draw_road(s: OnRoad, p: Course, canvas: Canvas) -> None:
    """Draw the road from above, with kerbs where it bends, and its start."""
    closed = [(s.road[k % SECTIONS, 0], s.road[k % SECTIONS, 1]) for k in range(SECTIONS + 1)]
    canvas.line([(x + 0.8, y - 0.8) for x, y in closed], "shadow", width=p.width + 1.2)
    canvas.line(closed, "muted", width=p.width + 0.6)
    for k in range(SECTIONS):
        j = (k + 1) % SECTIONS
        if abs(s.bend[k]) > 0.035:  # kerbs
            color = "rose" if k % 2 else "white"
            canvas.line([(s.left[k, 0], s.left[k, 1]), (s.left[j, 0], s.left[j, 1])], color, width=0.8)
            canvas.line([(s.right[k, 0], s.right[k, 1]), (s.right[j, 0], s.right[j, 1])], color, width=0.8)
    canvas.line(closed, "wall", width=p.width - 0.2)
    canvas.line(closed, "raised", width=0.62 * p.width)
    for k in range(0, SECTIONS, 2):
        canvas.line([closed[k], closed[k + 1]], "muted", width=0.16, alpha=0.6)
    for k in range(8):  # the start
        part, turn = (k + 0.5) / 8, heading(s, 3)
        x = s.left[3, 0] + part * (s.right[3, 0] - s.left[3, 0])
        y = s.left[3, 1] + part * (s.right[3, 1] - s.left[3, 1])
        for row in range(2):
            color = "white" if (k + row) % 2 else "shadow"
            canvas.circle(x + row * math.cos(turn), y + row * math.sin(turn), 0.5, color)
