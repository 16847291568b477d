"""Games without a window, and pads in a person's hands, for tests."""

from types import SimpleNamespace

from puffer_arena import make
from puffer_arena.core.spaces import Box
from puffer_arena.render.play.game import Game
from puffer_arena.render.play.gamepad import Gamepads, stick_axes
from puffer_arena.render.toolkit import pygame

UP, DOWN, LEFT, RIGHT = range(4)  # of snake's headings and maze's moves


def game_of(env_id, *, bot=None, agent=None, level=None, **params):
    return Game(make(env_id, 1, seed=5, autoreset="disabled", **params), bot, agent, level)


def event(kind, **facts):
    return SimpleNamespace(type=kind, instance_id=facts.pop("pad", 0), **facts)


def axis(number, value, pad=0):
    return event(pygame.JOYAXISMOTION, axis=number, value=value, pad=pad)


def pads_of(game):
    return Gamepads(stick_axes(game.keys), analog=isinstance(game.wanted, Box), chooses=True)


def feed(game, pads, *events):
    for given in events:
        for key, strength in pads.translate(given):
            if strength:
                game.press(key, strength, given.instance_id)
            else:
                game.release(key, given.instance_id)


def heading(game):
    return int(game.batch.rows.states["heading"][0])
