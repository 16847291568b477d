"""Beacons: a panda3d game of an ordinary kind; trained bots race you to the beacons.

    python examples/beacons.py                     # you, in blue, against two bots
    python examples/beacons.py --bots 5 --difficulty 3
    python examples/beacons.py --bot my.bot        # one you trained: see beacons_env.py

Left and right turn, up thrusts; whoever touches the beacon scores.  D shows what the bots think, Esc ends.  Nothing here
knows of environments: a ShowBase with nodes and tasks.  `sense` is all that the bots are told.
"""

import argparse
import math
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from direct.gui.OnscreenText import OnscreenText
from direct.showbase.ShowBase import ShowBase
from panda3d.core import AmbientLight, CardMaker, ClockObject, DirectionalLight, NodePath, TextNode, loadPrcFileData

FIELD, TOUCH, THRUST, TURN, DRAG, REACH = 12.0, 1.3, 9.0, 2.5, 0.8, 10.0  # m, m, m/s2, rad/s, 1/s, m
FPS, DECISIONS = 60, 10
COLOURS = [(0.35, 0.65, 1, 1), (1, 0.48, 0.45, 1), (1, 0.77, 0.34, 1), (0.49, 0.91, 0.53, 1), (0.82, 0.66, 1, 1), (1, 0.65, 0.87, 1)]  # fmt: skip


@dataclass
class Craft:
    """A craft: where it is and heads, how it moves, what it does, and its node."""

    x: float
    y: float
    heading: float
    node: NodePath | None = None
    vx: float = 0.0
    vy: float = 0.0
    action: int = 0  # coast, left, right, then the same with thrust
    score: int = 0


def advance(craft: Craft, seconds: float) -> None:
    """Turn, push and move a craft."""
    thrust = THRUST if craft.action >= 3 else 0.0
    craft.heading += (0.0, TURN, -TURN)[craft.action % 3] * seconds
    craft.vx += (thrust * math.cos(craft.heading) - DRAG * craft.vx) * seconds
    craft.vy += (thrust * math.sin(craft.heading) - DRAG * craft.vy) * seconds
    craft.x += craft.vx * seconds
    craft.y += craft.vy * seconds


def sense(me: Craft, beacon: tuple[float, float]) -> dict[str, float]:
    """Return what a pilot knows: the beacon's place and its own velocity, ahead and to the left."""
    cos, sin = math.cos(me.heading), math.sin(me.heading)
    x, y = beacon[0] - me.x, beacon[1] - me.y
    return {
        "beacon_ahead": (x * cos + y * sin) / REACH,
        "beacon_left": (y * cos - x * sin) / REACH,
        "speed_ahead": (me.vx * cos + me.vy * sin) / REACH,
        "speed_left": (me.vy * cos - me.vx * sin) / REACH,
    }


class Beacons(ShowBase):
    """The game: crafts and a beacon as nodes, and what they do as tasks."""

    def __init__(self, bot_file: Path, bots: int, difficulty: int, debug: bool = False) -> None:
        super().__init__()
        from puffer_arena import load_bot
        from puffer_arena.bots.driver import Driver

        self.disableMouse()
        self.setBackgroundColor(0.05, 0.07, 0.09, 1)
        self.driver = Driver(load_bot(bot_file, seed=random.randrange(1 << 32), difficulty=difficulty), FPS, DECISIONS)
        self.crafts = [self.launch(k) for k in range(1 + bots)]
        self.beacon_node = self.box((1.0, 1.0, 1.6), (1, 0.85, 0.3, 1))
        self.beacon = self.place_beacon()
        self.build_field()
        self.board = OnscreenText(
            pos=(-1.28, 0.9), scale=0.06, fg=(0.9, 0.93, 0.95, 1), align=TextNode.ALeft, mayChange=True
        )
        self.thoughts = OnscreenText(
            pos=(-1.28, 0.75), scale=0.045, fg=(0.6, 0.65, 0.7, 1), align=TextNode.ALeft, mayChange=True
        )
        self.debug, self.held = debug, {"arrow_left": False, "arrow_right": False, "arrow_up": False}
        for key in self.held:
            self.accept(key, self.held.__setitem__, [key, True])
            self.accept(f"{key}-up", self.held.__setitem__, [key, False])
        self.accept("escape", self.userExit)
        self.accept("d", lambda: setattr(self, "debug", not self.debug))
        for sort, task in enumerate((self.steer, self.move, self.tell)):
            self.taskMgr.add(task, task.__name__, sort=sort)

    # -- tasks --------------------------------------------------------------------------------------

    def steer(self, task: Any) -> int:
        """Let the person and the bots choose what their crafts do."""
        turn = 1 if self.held["arrow_left"] else 2 if self.held["arrow_right"] else 0
        self.crafts[0].action = turn + 3 * self.held["arrow_up"]
        self.driver.frame()
        for k, craft in enumerate(self.crafts[1:]):
            senses = sense(craft, self.beacon)
            craft.action = int(self.driver.action(k, lambda seen=senses: self.driver.bot.observe(**seen)))
        return task.cont

    def move(self, task: Any) -> int:
        """Move everybody, and count who touches the beacon."""
        for craft in self.crafts:
            advance(craft, 1 / FPS)
            craft.node.setPosHpr(craft.x, craft.y, 0.6, math.degrees(craft.heading), 0, 0)
            if math.hypot(self.beacon[0] - craft.x, self.beacon[1] - craft.y) < TOUCH:
                craft.score += 1
                self.beacon = self.place_beacon()
        self.beacon_node.setH(90.0 * task.time)
        return task.cont

    def tell(self, task: Any) -> int:
        """Write the score, and what the bot that decided last thinks."""
        names = ["you", *(f"bot {k + 1}" for k in range(len(self.crafts) - 1))]
        self.board.setText("   ".join(f"{name} {craft.score}" for name, craft in zip(names, self.crafts, strict=True)))
        lines = []
        if self.debug:
            why = self.driver.bot.explain()
            lines = [f"{name}: {100 * p:.0f} %" for name, p in why.probabilities.items()]
            lines = [f"expects {why.value:+.2f}, does: {why.name}", *lines]
        self.thoughts.setText("\n".join(lines))
        return task.cont

    # -- nodes --------------------------------------------------------------------------------------

    def launch(self, k: int) -> Craft:
        """Return a craft with its node, somewhere on the field."""
        node = self.render.attachNewNode("craft")
        self.box((1.8, 0.9, 0.45), COLOURS[k % len(COLOURS)], node)
        self.box((0.9, 0.5, 0.35), (0.9, 0.95, 1, 1), node).setPos(-0.15, 0, 0.35)
        for side in (-1, 1):
            self.box((0.7, 0.25, 0.7), COLOURS[k % len(COLOURS)], node).setPos(-0.75, 0.5 * side, 0.15)
        return Craft(random.uniform(-FIELD, FIELD), random.uniform(-FIELD, FIELD), random.uniform(0, 6.2), node)

    def box(
        self, size: tuple[float, float, float], colour: tuple[float, ...], parent: NodePath | None = None
    ) -> NodePath:
        """Return a box round its parent's middle."""
        held = (parent or self.render).attachNewNode("box")
        model = self.loader.loadModel("models/box")
        model.setTextureOff(1)
        model.setPos(-size[0] / 2, -size[1] / 2, -size[2] / 2)
        model.setScale(*size)
        model.setColor(*colour)
        model.reparentTo(held)
        return held

    def place_beacon(self) -> tuple[float, float]:
        """Put the beacon somewhere else."""
        x, y = random.uniform(-FIELD, FIELD), random.uniform(-FIELD, FIELD)
        self.beacon_node.setPos(x, y, 0.8)
        return x, y

    def build_field(self) -> None:
        """Lay the ground, light it and look down on it."""
        tile = CardMaker("tile")
        tile.setFrame(-1.45, 1.45, -1.45, 1.45)
        for x in range(-15, 16, 3):
            for y in range(-15, 16, 3):
                card = self.render.attachNewNode(tile.generate())
                card.setPosHpr(x, y, 0, 0, -90, 0)
                card.setColor(0.13, 0.16, 0.21, 1) if (x + y) % 2 else card.setColor(0.16, 0.19, 0.25, 1)
                card.setLightOff()
        dim, sun = AmbientLight("dim"), DirectionalLight("sun")
        dim.setColor((0.45, 0.45, 0.5, 1))
        sun.setColor((0.8, 0.8, 0.75, 1))
        lamp = self.render.attachNewNode(sun)
        lamp.setHpr(-30, -55, 0)
        self.render.setLight(self.render.attachNewNode(dim))
        self.render.setLight(lamp)
        self.camera.setPos(0, -36, 32)
        self.camera.lookAt(0, -1.5, 0)


def main(bot_file: Path, bots: int, difficulty: int, frames: int = 0, picture: str = "") -> None:
    """Play until the window is closed, or for so many frames without one, of which the last may be kept as a picture."""
    loadPrcFileData("", "window-title beacons\nwin-size 960 720\naudio-library-name null")
    clock = ClockObject.getGlobalClock()
    clock.setMode(ClockObject.MNonRealTime if frames else ClockObject.MLimited)
    clock.setFrameRate(FPS)
    if not frames:
        Beacons(bot_file, bots, difficulty).run()
        return
    loadPrcFileData("", "window-type offscreen\nload-display p3tinydisplay")
    game = Beacons(bot_file, bots, difficulty, debug=True)
    for _ in range(frames):
        game.taskMgr.step()
    if picture:
        game.win.saveScreenshot(picture)
    print("beacons:", *(craft.score for craft in game.crafts))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--bot", type=Path, default=Path(__file__).with_name("beacons.bot"))
    parser.add_argument("--bots", type=int, choices=range(1, 6), default=2)
    parser.add_argument("--difficulty", type=int, choices=range(11), default=7)
    parser.add_argument("--frames", type=int, default=0, help="end after so many, without a window")
    parser.add_argument("--picture", default="", help="keep the last of them in this file")
    given = parser.parse_args()
    main(given.bot, given.bots, given.difficulty, given.frames, given.picture)
