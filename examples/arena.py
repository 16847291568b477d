"""Arena: a game of an ordinary kind in pygame and pymunk, with trained bots as your opponents.

    python examples/arena.py                       # you, in blue, against three bots
    python examples/arena.py --bots 7 --difficulty 3
    python examples/arena.py --bot my.bot          # one you trained: see arena_env.py

Push the others out of the ring; arrows steer, R begins anew, D shows what the bots think, Esc ends.  Nothing here knows
of environments: bodies, forces and a loop of its own.  `sense` is all that the bots are told.
"""

import argparse
import math
import random
from dataclasses import dataclass
from pathlib import Path

import pymunk

RING, RADIUS, PUSH, DRAG, BOUNCE = 10.0, 0.8, 30.0, 1.5, 0.6  # m, m, m/s2, 1/s
PUSHES = ((0.0, 0.0), (0.0, 1.0), (0.0, -1.0), (-1.0, 0.0), (1.0, 0.0))  # none, up, down, left, right
FPS, DECISIONS = 60, 15
COLOURS = [(88, 166, 255), (255, 123, 114), (255, 196, 87), (126, 231, 135), (210, 168, 255), (255, 166, 220), (121, 242, 230), (200, 200, 200)]  # fmt: skip


@dataclass
class Disc:
    """A fighter: its body, where it pushes, whether it is still in."""

    body: pymunk.Body
    push: int = 0
    alive: bool = True


def place(count: int, turn: float) -> tuple[pymunk.Space, list[Disc]]:
    """Return a world with discs evenly round its middle."""
    space, discs = pymunk.Space(), []
    space.damping = math.exp(-DRAG)
    for k in range(count):
        angle = turn + 2 * math.pi * k / count
        disc = Disc(pymunk.Body(1.0, math.inf))
        disc.body.position = 0.6 * RING * math.cos(angle), 0.6 * RING * math.sin(angle)
        pymunk.Circle(disc.body, RADIUS).elasticity = math.sqrt(BOUNCE)
        space.add(disc.body, *disc.body.shapes)
        discs.append(disc)
    return space, discs


def advance(space: pymunk.Space, discs: list[Disc], seconds: float) -> None:
    """Push and move everybody, and take out who left the ring."""
    for disc in discs:
        disc.body.force = tuple(PUSH * part for part in PUSHES[disc.push])
    space.step(seconds)
    for disc in discs:
        if disc.alive and disc.body.position.length >= RING:
            disc.alive = False
            space.remove(disc.body, *disc.body.shapes)


def sense(me: Disc, discs: list[Disc]) -> dict[str, float]:
    """Return what a fighter knows: itself, and the nearest other that is still in."""
    others = [other for other in discs if other is not me and other.alive]
    here, speed = me.body.position, me.body.velocity
    foe = min(others, key=lambda other: (other.body.position - here).length, default=me).body
    return {
        "x": here.x / RING,
        "y": here.y / RING,
        "vx": speed.x / RING,
        "vy": speed.y / RING,
        "foe_x": (foe.position.x - here.x) / RING,
        "foe_y": (foe.position.y - here.y) / RING,
        "foe_vx": foe.velocity.x / RING,
        "foe_vy": foe.velocity.y / RING,
    }


def main(bot_file: Path, bots: int, difficulty: int, frames: int = 0, picture: str = "") -> None:
    """Play until the window is closed, or for so many frames, of which the last may be kept as a picture."""
    import pygame

    from puffer_arena import load_bot
    from puffer_arena.bots.driver import Driver

    pygame.init()
    screen, font, clock = pygame.display.set_mode((800, 800)), pygame.font.Font(None, 22), pygame.time.Clock()
    driver = Driver(load_bot(bot_file, seed=random.randrange(1 << 32), difficulty=difficulty), FPS, DECISIONS)
    (space, discs), debug, frame = place(1 + bots, random.random()), bool(picture), 0
    while not frames or frame < frames:
        frame += 1
        for event in pygame.event.get():
            if event.type == pygame.QUIT or (event.type == pygame.KEYDOWN and event.key == pygame.K_ESCAPE):
                return
            if event.type == pygame.KEYDOWN and event.key == pygame.K_d:
                debug = not debug
            if event.type == pygame.KEYDOWN and event.key == pygame.K_r:
                space, discs = place(1 + bots, random.random())
        keys = pygame.key.get_pressed()
        pressed = [keys[key] for key in (pygame.K_UP, pygame.K_DOWN, pygame.K_LEFT, pygame.K_RIGHT)]
        discs[0].push = 1 + pressed.index(True) if any(pressed) else 0
        driver.frame()
        for k, disc in enumerate(discs[1:]):
            senses = sense(disc, discs)
            disc.push = int(driver.action(k, lambda seen=senses: driver.bot.observe(**seen)))
        advance(space, discs, 1 / FPS)
        draw(screen, font, discs, driver if debug else None)
        pygame.display.flip()
        clock.tick(0 if frames else FPS)
    if picture:
        pygame.image.save(screen, picture)


def draw(screen, font, discs: list[Disc], driver) -> None:
    """Draw the ring and who is in it; with a driver, what the bots last decided."""
    import pygame

    scale = 36
    screen.fill((13, 17, 23))
    pygame.draw.circle(screen, (33, 39, 50), (400, 400), RING * scale)
    pygame.draw.circle(screen, (72, 84, 105), (400, 400), RING * scale, 3)
    for k, disc in enumerate(discs):
        if not disc.alive:
            continue
        at = (400 + disc.body.position.x * scale, 400 - disc.body.position.y * scale)
        pygame.draw.circle(screen, COLOURS[k % len(COLOURS)], at, RADIUS * scale)
        px, py = PUSHES[disc.push]
        pygame.draw.line(screen, (13, 17, 23), at, (at[0] + px * 22, at[1] - py * 22), 5)
        if driver is not None and k:
            screen.blit(font.render(f"bot {k}: {('wait', 'up', 'down', 'left', 'right')[disc.push]}", True, (230, 237, 243)), (at[0] - 40, at[1] - 52))  # fmt: skip
    if driver is not None:
        why = driver.bot.explain()
        lines = [f"expects {why.value:+.2f}", *(f"{name:<6} {100 * p:3.0f} %" for name, p in why.probabilities.items())]
        for row, line in enumerate(lines):
            screen.blit(font.render(line, True, (139, 148, 158)), (14, 14 + 20 * row))
    survivors = [k for k, disc in enumerate(discs) if disc.alive]
    said = "you are out: R begins anew" if 0 not in survivors else "you win: R begins anew" if survivors == [0] else ""
    screen.blit(font.render(said, True, (230, 237, 243)), (310, 770))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--bot", type=Path, default=Path(__file__).with_name("arena.bot"))
    parser.add_argument("--bots", type=int, choices=range(1, 8), default=3)
    parser.add_argument("--difficulty", type=int, choices=range(11), default=7)
    parser.add_argument("--frames", type=int, default=0, help="end after so many, as fast as they come")
    parser.add_argument("--picture", default="", help="keep the last of them in this file")
    given = parser.parse_args()
    main(given.bot, given.bots, given.difficulty, given.frames, given.picture)
