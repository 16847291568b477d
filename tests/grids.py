"""Positions of grid games, drawn as text."""

import numpy as np

import puffer_arena


def make(env_id, **arguments):
    """Make a batch in plain Python: as fast as compiling for the few steps of these tests."""
    return puffer_arena.make(env_id, compiled=False, **arguments)


def cells(picture):
    """Return the characters of a drawn position, one list a row."""
    return [line.split() for line in picture.strip().splitlines()]


def move(batch, action):
    step = batch.step(np.array([action]))
    return float(step.rewards[0]), bool(step.terminated[0]), bool(step.truncated[0])


def flood(open_cells, start):
    """Return the distance from `start` of every open cell, -1 where none leads: a naive search."""
    distance = np.full(open_cells.shape, -1)
    distance[start], front = 0, [start]
    while front:
        row, col = front.pop(0)
        for near in ((row - 1, col), (row + 1, col), (row, col - 1), (row, col + 1)):
            inside = 0 <= near[0] < len(open_cells) and 0 <= near[1] < len(open_cells)
            if inside and open_cells[near] and distance[near] < 0:
                distance[near] = distance[row, col] + 1
                front.append(near)
    return distance
