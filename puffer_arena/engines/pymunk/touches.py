"""Who touches whom: compiled notes on the contacts of a scene's watched shapes, taken after every substep."""

import math

from puffer_arena.engines.pymunk.calls import (
    EACH_ARBITER,
    GET_ARBITER,
    GET_BODY,
    GET_COUNT,
    GET_PROCESS,
    GET_SENSOR,
    GET_SHAPES,
)
from puffer_arena.engines.pymunk.contacts import list_contact
from puffer_arena.engines.pymunk.words import (
    ARBITER,
    ARBITER_AT,
    ARBITER_CURSOR,
    BODIES,
    CALLBACK,
    CALLS,
    EVER,
    IMPULSE,
    LISTED,
    LISTS,
    NOW,
    NUM_BODIES,
    NUM_LISTED,
    NUM_ONE_WAYS,
    NUM_TOUCHES,
    NUM_WATCHED,
    OTHER,
    PAIR,
    SPACE,
    TOUCH_RECORDS,
    WATCHED,
    WATCHERS,
)
from puffer_arena.machine.calls import (
    REAL,
    call_pp,
    call_ppp,
    count_of,
    flag_of,
    load,
    load_real,
    pointer_of,
    store,
    store_i32,
    store_real,
)
from puffer_arena.machine.compile import jit

HARDEST, TOUCHING, BEGAN, OTHER_BODY = range(4)  # words of a Touch2D


@jit
def note(arbiter: int, link: int) -> int:
    """Note who of the watched shapes an arbiter shows in touch: Chipmunk calls this for each it keeps."""
    calls, pair = load(link, CALLS), load(link, PAIR)
    call_ppp(load(calls, GET_SHAPES), (arbiter, pair, pair + REAL))
    a, b = load(pair, 0), load(pair, 1)
    contacts, watched = -1, load(link, WATCHED)
    for k in range(load(link, NUM_WATCHED)):
        shape = load(watched, k)
        if shape != a and shape != b:
            continue
        if contacts < 0:
            contacts = read_arbiter(arbiter, link)
        if contacts == 0:  # a sensor, or over: sensors' spaces forget touches at once
            sensor = load(calls, GET_SENSOR)
            if flag_of(sensor, (a,)) == 0 and flag_of(sensor, (b,)) == 0:
                return 0
        touch = load(load(link, WATCHERS), k)
        store(load(link, NOW), touch, 1)
        store(load(link, EVER), touch, 1)
        impulse = read_impulse(link)
        other = number_of(pointer_of(load(calls, GET_BODY), (b if shape == a else a,)), link)
        hardest = load_real(load(link, IMPULSE), touch)
        if impulse > hardest or (impulse == hardest and other > load(load(link, OTHER), touch)):
            store_real(load(link, IMPULSE), touch, impulse)
            store(load(link, OTHER), touch, other)
    for k in range(load(link, NUM_LISTED)):
        shape = load(load(link, LISTED), k)
        if shape != a and shape != b:
            continue
        if contacts < 0:
            contacts = read_arbiter(arbiter, link)
        if contacts > 0:
            met = b if shape == a else a
            number = number_of(pointer_of(load(calls, GET_BODY), (met,)), link)
            list_contact(link, load(load(link, LISTS), k), shape, met, number, read_impulse(link))
    return 0  # as every function that C code calls


@jit
def read_arbiter(arbiter: int, link: int) -> int:
    """Have an arbiter's numbers in its mirror, and return how many contacts it has; none where a body passes."""
    calls = load(link, CALLS)
    contacts: int = count_of(load(calls, GET_COUNT), (arbiter,))
    if load(link, NUM_ONE_WAYS) > 0 and flag_of(load(calls, GET_PROCESS), (arbiter,)) == 0:
        contacts = 0
    store_real(load(link, ARBITER_AT), 0, 0.0)
    store_real(load(link, ARBITER_AT), 1, 0.0)
    if contacts > 0:
        store_i32(load(link, ARBITER_CURSOR), 0)
        call_pp(load(calls, GET_ARBITER), (arbiter, load(link, ARBITER)))
    return contacts


@jit
def read_impulse(link: int) -> float:
    """Return the size of the impulse in the arbiter's mirror."""
    x, y = load_real(load(link, ARBITER_AT), 0), load_real(load(link, ARBITER_AT), 1)
    return math.sqrt(x * x + y * y)


@jit
def number_of(body: int, link: int) -> int:
    """Return which of the State's bodies is at an address, or -1."""
    number, bodies = -1, load(link, BODIES)
    for j in range(load(link, NUM_BODIES)):
        if load(bodies, j) == body:
            number = j
    return number


@jit
def forget_touches(link: int) -> None:
    """Begin a step in which nothing has touched anything yet."""
    for k in range(load(link, NUM_TOUCHES)):
        store(load(link, EVER), k, 0)
        store(load(link, OTHER), k, -1)
        store_real(load(link, IMPULSE), k, -1.0)


@jit
def watch(link: int) -> None:
    """Note all touches after one part of the step."""
    calls = load(link, CALLS)
    for k in range(load(link, NUM_TOUCHES)):
        store(load(link, NOW), k, 0)
    call_ppp(load(calls, EACH_ARBITER), (load(link, SPACE), load(link, CALLBACK), link))


@jit
def load_touches(row: int, link: int) -> None:
    """Write who touched whom into the row."""
    for k in range(load(link, NUM_TOUCHES)):
        touch = row + load(load(link, TOUCH_RECORDS), k)
        began = load(load(link, EVER), k) != 0 and load(touch, TOUCHING) == 0
        store(touch, BEGAN, 1 if began else 0)
        store(touch, TOUCHING, load(load(link, NOW), k))
        store_real(touch, HARDEST, max(load_real(load(link, IMPULSE), k), 0.0))
        store(touch, OTHER_BODY, load(load(link, OTHER), k))
