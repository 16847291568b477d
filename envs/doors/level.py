"""How rooms are joined, and doors locked so that their keys can be reached."""

from puffer_arena.core import jit, randint, random_bits
from puffer_arena.envs.doors.state import (
    BALL,
    BOX,
    CLOSED,
    DCOL,
    DROW,
    FLOOR,
    HUES,
    KEY,
    LOCKED,
    Params,
    State,
    put,
    what,
)


@jit
def place(s: State, p: Params, room: int, kind: int, color: int) -> int:
    """Put something on a free cell of a room, if there is one; return the cell, row * cols + col."""
    top, left = room // p.across * (p.room + 1) + 1, room % p.across * (p.room + 1) + 1
    first = randint(s, p.room * p.room)
    row, col = top, left
    for k in range(p.room * p.room):
        row, col = top + (first + k) // p.room % p.room, left + (first + k) % p.room
        if s.kind[row, col] == FLOOR and not (row == s.row and col == s.col):
            put(s, row, col, kind, color)
            break
    cell: int = row * s.kind.shape[1] + col
    return cell


@jit
def is_behind(s: State, start: int, room: int, other: int) -> bool:
    """Tell whether one leaves `other` for the start through the door of `room`."""
    for _ in range(len(s.via)):
        if other == room:
            return True
        if other == start:
            return False
        other = s.via[other]
    return False


@jit
def connect(s: State, p: Params, start: int) -> int:
    """Join the rooms by doors, walking on from the last one while that has neighbours left; return the farthest."""
    rooms = p.across * p.down
    for room in range(len(s.via)):
        s.via[room], s.doors[room] = room, 0
    s.chosen[0], depth, deepest, goal = start, 1, 0, start
    while depth > 0:
        room = s.chosen[depth - 1]
        first, stuck = random_bits(s), True
        for turn in range(4):
            way = (first + turn) & 3
            down, across = room // p.across + DROW[way], room % p.across + DCOL[way]
            other = down * p.across + across
            inside = 0 <= down < p.down and 0 <= across < p.across
            if inside and other != start and s.via[other] == other:
                s.via[other] = room
                along = 1 + randint(s, p.room)
                row = max(room // p.across, down) * (p.room + 1) + (0 if DROW[way] else along)
                col = max(room % p.across, across) * (p.room + 1) + (0 if DCOL[way] else along)
                put(s, row, col, CLOSED, 1 + randint(s, HUES))
                s.doors[other] = row * s.kind.shape[1] + col
                s.chosen[depth] = other
                if depth > deepest:
                    deepest, goal = depth, other
                depth += 1
                stuck = False
                break
        if stuck:
            depth -= 1
    return goal if rooms > 1 else start


@jit
def lock(s: State, p: Params, start: int, goal: int) -> None:
    """Lock doors from the goal's on back to the start, each in a colour of its own, and put the keys before them."""
    room, first = goal, randint(s, HUES)
    for k in range(p.locked):
        if room == start:
            return
        row, col = s.doors[room] // s.kind.shape[1], s.doors[room] % s.kind.shape[1]
        color = 1 + (first + k) % HUES
        put(s, row, col, LOCKED, color)
        chosen, count = start, 0
        for other in range(p.across * p.down):
            if not is_behind(s, start, room, other):
                count += 1
                chosen = other if randint(s, count) == 0 else chosen
        boxed = random_bits(s) & 1023 < int(p.boxed * 1024.0)
        cell = place(s, p, chosen, BOX if boxed else KEY, 1 + randint(s, HUES) if boxed else color)
        if boxed:
            s.hidden[cell // s.kind.shape[1], cell % s.kind.shape[1]] = color
        if random_bits(s) & 1023 < int(p.blocked * 1024.0):
            before = s.via[room]
            row, col = row + before // p.across - room // p.across, col + before % p.across - room % p.across
            if what(s, row, col) == FLOOR and not (row == s.row and col == s.col):
                put(s, row, col, BALL, 1 + randint(s, HUES))
        room = s.via[room]
