"""Relay: players in a circle take turns, and who has left is skipped, for tests of turns and of late rewards.

Whoever moves says a number.  0 passes the turn on, 1 turns the circle round, 2 skips the next player, and 3 leaves with -1.
Every step gives 10 k to player k who moves, and 1 to all who have left.  The episode ends with the last player's
leaving, or is truncated after `limit` steps.
"""

from dataclasses import dataclass

import numpy as np

from puffer_arena.core import Array, Box, Discrete, Env, Header, Memory, i32, jit, param

ON, ROUND, SKIP, LEAVE = range(4)


@dataclass(frozen=True)
class Params:
    players: int = param(3, 2, 5)
    limit: int = param(12, 1, 1000)


class State(Header):
    way: int = i32()
    next: int = i32()
    said: int = i32("players")


@jit
def reset(s: State, p: Params) -> None:
    s.way, s.next = 1, 0
    for agent in range(len(s.said)):
        s.said[agent] = 0
    for agent in range(p.players, len(s.said)):
        s.alive[agent] = 0


@jit
def step(s: State, p: Params, actions: Array, rewards: Array, terminated: Array) -> bool:
    mover = s.turn
    word = actions[mover]
    s.said[mover] = word
    if word == ROUND:
        s.way = -s.way
    terminated[mover] = word == LEAVE
    rewards[mover] = -1.0 if word == LEAVE else 10.0 * mover
    playing = 0
    for agent in range(len(s.alive)):
        if not s.alive[agent]:
            rewards[agent] = 1.0
        elif agent != mover or word != LEAVE:
            playing += 1
    s.next = mover
    for _ in range(2 if word == SKIP and playing > 1 else 1):
        for _ in range(len(s.alive)):
            s.next = (s.next + s.way) % len(s.alive)
            if s.alive[s.next] and not (s.next == mover and word == LEAVE):
                break
    return s.step_count >= p.limit


@jit
def turn(s: State, p: Params) -> int:
    return s.next


@jit
def observe(s: State, p: Params, agent: int, obs: Array) -> None:
    obs[0], obs[1], obs[2], obs[3] = agent, s.turn == agent, s.way, s.step_count


@jit
def mask_words(s: State, p: Params, agent: int, mask: Array) -> None:
    mask[ROUND] = s.said[agent] != ROUND


@jit
def steady(s: State, p: Params, agent: int, memory: Memory) -> int:
    return ON


def draw(s: State, p: Params, canvas) -> None:
    canvas.view(1, 1)


ENV = Env(
    params=Params,
    state=State,
    observation=Box(-1000, 1000, (4,), np.int32),
    action=Discrete(4),
    reset=reset,
    step=step,
    turn=turn,
    observe=observe,
    action_mask=mask_words,
    draw=draw,
    agents={"player": "players"},
    bots={"steady": steady},
)
