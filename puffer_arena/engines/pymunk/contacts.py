"""Compiled: lists of contacts, the hardest first, and shapes that let bodies through one way."""

from puffer_arena.engines.pymunk.calls import FIRST_CONTACT, GET_ARBITER, GET_SHAPES, SET_PROCESS
from puffer_arena.engines.pymunk.words import (
    ARBITER,
    ARBITER_AT,
    ARBITER_CURSOR,
    CALLS,
    CONTACT_RECORDS,
    ENTRIES,
    ENTRY_BODY,
    ENTRY_IMPULSE,
    ENTRY_NX,
    ENTRY_NY,
    ENTRY_WORDS,
    ENTRY_X,
    ENTRY_Y,
    LIST_STARTS,
    NUM_LISTS,
    NUM_ONE_WAYS,
    ONE_WAY_NORMALS,
    ONE_WAY_RECORDS,
    ONE_WAYS,
    OTHER_SHAPE,
    OWN,
    PAIR,
)
from puffer_arena.kernels.tables import BAD_POSE, FINE
from puffer_arena.kernels.world import FASTEST
from puffer_arena.machine.calls import (
    REAL,
    call_pp,
    call_ppp,
    flag_of,
    load,
    load_real,
    store,
    store_i32,
    store_real,
)
from puffer_arena.machine.compile import jit

IMPULSE_X, IMPULSE_Y, NORMAL_X, NORMAL_Y, POINT_A, POINT_B = 0, 1, 2, 3, 4, 6  # doubles of an arbiter's mirror
X, Y, NX, NY, IMPULSE, TOUCHING, OTHER = range(7)  # words of a Contact2D


@jit
def forget_contacts(link: int) -> None:
    """Begin a step in which nothing has touched anything yet."""
    for k in range(load(load(link, LIST_STARTS), load(link, NUM_LISTS))):
        store(load(link, ENTRIES) + ENTRY_WORDS * REAL * k, OWN, 0)


@jit
def list_contact(link: int, index: int, own: int, other: int, body: int, impulse: float) -> None:
    """Enter a contact, which the arbiter's mirror holds, into a list, in place of its pair's or of the softest."""
    starts, pair, mirror = load(link, LIST_STARTS), load(link, PAIR), load(link, ARBITER_AT)
    first = own == load(pair, 0)  # the normal points from the first shape of the pair to the second
    sign, point = (1.0, POINT_A) if first else (-1.0, POINT_B)
    x, y = load_real(mirror, point), load_real(mirror, point + 1)
    nx, ny = sign * load_real(mirror, NORMAL_X), sign * load_real(mirror, NORMAL_Y)
    place = 0
    for k in range(load(starts, index), load(starts, index + 1)):
        entry = load(link, ENTRIES) + ENTRY_WORDS * REAL * k
        if load(entry, OWN) == own and load(entry, OTHER_SHAPE) == other:
            if impulse <= load_real(entry, ENTRY_IMPULSE):
                return
            place = entry
            break
        if place == 0 or (load(place, OWN) != 0 and (load(entry, OWN) == 0 or is_softer(entry, place))):
            place = entry
    others = load(place, OWN) != 0 and not (load(place, OWN) == own and load(place, OTHER_SHAPE) == other)
    if others and is_behind(impulse, body, x, y, place):
        return
    store(place, OWN, own)
    store(place, OTHER_SHAPE, other)
    store(place, ENTRY_BODY, body)
    store_real(place, ENTRY_IMPULSE, impulse)
    store_real(place, ENTRY_X, x)
    store_real(place, ENTRY_Y, y)
    store_real(place, ENTRY_NX, nx)
    store_real(place, ENTRY_NY, ny)


@jit
def is_softer(a: int, b: int) -> bool:
    """Tell whether entry `a` stands behind entry `b` in a list."""
    impulse, x, y = load_real(a, ENTRY_IMPULSE), load_real(a, ENTRY_X), load_real(a, ENTRY_Y)
    behind: bool = is_behind(impulse, load(a, ENTRY_BODY), x, y, b)
    return behind


@jit
def is_behind(impulse: float, body: int, x: float, y: float, entry: int) -> bool:
    """Tell whether a contact stands behind an entry: softer, or by its body and place where it is as hard."""
    hardness: float = load_real(entry, ENTRY_IMPULSE)
    number: int = load(entry, ENTRY_BODY)
    if impulse != hardness:
        return impulse < hardness
    if body != number:
        return body < number
    return (x, y) < (load_real(entry, ENTRY_X), load_real(entry, ENTRY_Y))


@jit
def load_contacts(row: int, link: int) -> None:
    """Write the lists into the row, the hardest contact first."""
    starts, entries = load(link, LIST_STARTS), load(link, ENTRIES)
    for index in range(load(link, NUM_LISTS)):
        for k in range(load(starts, index), load(starts, index + 1)):
            hardest = 0
            for j in range(load(starts, index), load(starts, index + 1)):
                entry = entries + ENTRY_WORDS * REAL * j
                if load(entry, OWN) != 0 and (hardest == 0 or is_softer(hardest, entry)):
                    hardest = entry
            contact = row + load(load(link, CONTACT_RECORDS), k)
            store(contact, TOUCHING, 1 if hardest != 0 else 0)
            store(contact, OTHER, load(hardest, ENTRY_BODY) if hardest != 0 else -1)
            store_real(contact, IMPULSE, load_real(hardest, ENTRY_IMPULSE) if hardest != 0 else 0.0)
            store_real(contact, X, load_real(hardest, ENTRY_X) if hardest != 0 else 0.0)
            store_real(contact, Y, load_real(hardest, ENTRY_Y) if hardest != 0 else 0.0)
            store_real(contact, NX, load_real(hardest, ENTRY_NX) if hardest != 0 else 0.0)
            store_real(contact, NY, load_real(hardest, ENTRY_NY) if hardest != 0 else 0.0)
            if hardest != 0:
                store(hardest, OWN, 0)


@jit
def turn_one_ways(row: int, link: int) -> int:
    """Take over where one-way shapes let through, and return the row's fault."""
    for k in range(load(link, NUM_ONE_WAYS)):
        record, normal = row + load(load(link, ONE_WAY_RECORDS), k), load(link, ONE_WAY_NORMALS) + 2 * REAL * k
        for j in range(2):
            if not abs(load_real(record, j)) < FASTEST:
                return BAD_POSE
            store_real(normal, j, load_real(record, j))
    return FINE


@jit
def decide(arbiter: int, space: int, link: int) -> int:
    """Let a body through a one-way shape that it begins to touch from behind: Chipmunk calls this before it solves."""
    calls, pair = load(link, CALLS), load(link, PAIR)
    if flag_of(load(calls, FIRST_CONTACT), (arbiter,)) == 0:
        return 0  # what was decided then holds for as long as they touch
    call_ppp(load(calls, GET_SHAPES), (arbiter, pair, pair + REAL))
    store_i32(load(link, ARBITER_CURSOR), 0)
    call_pp(load(calls, GET_ARBITER), (arbiter, load(link, ARBITER)))
    nx, ny = load_real(load(link, ARBITER_AT), NORMAL_X), load_real(load(link, ARBITER_AT), NORMAL_Y)
    for k in range(load(link, NUM_ONE_WAYS)):
        shape, normal = load(load(link, ONE_WAYS), k), load(link, ONE_WAY_NORMALS) + 2 * REAL * k
        sign = 1.0 if shape == load(pair, 0) else -1.0
        touches = shape == load(pair, 0) or shape == load(pair, 1)
        if touches and sign * (nx * load_real(normal, 0) + ny * load_real(normal, 1)) < 0.0:
            call_pp(load(calls, SET_PROCESS), (arbiter, 0))
    return 0
