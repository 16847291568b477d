"""The engine in compiled code: scenes that the kernels step themselves, without the GIL.

`pymunk_moves` is what the kernels run, `pymunk_block` what they find a scene by.
"""

from typing import Any

from puffer_arena.core.env import Env
from puffer_arena.engines.pymunk.block import Block
from puffer_arena.engines.pymunk.moves import common_words
from puffer_arena.engines.pymunk.scene import Scene, build_scene
from puffer_arena.engines.pymunk.words import PENDING
from puffer_arena.engines.scene import SceneParams
from puffer_arena.kernels.tables import ENTERS, WorldRows
from puffer_arena.machine.collector import uncollected


class NativeEngine:
    """The scenes of one batch, stepped by the kernels themselves."""

    def __init__(self, env: Env, rows: WorldRows, values: Any, enter: Any) -> None:
        self._env, self._rows, self._values, self._enter = env, rows, values, enter
        self._common = common_words(env, rows.states.dtype)
        first = self._build(rows.params[0])  # tells which parameters it reads
        self._params = SceneParams(env, rows)
        self._blocks: list[Block] = []
        self._pending: dict[int, Block] = {}
        with uncollected():
            for i in range(len(rows.states)):
                scene = first if i == 0 else self._build(rows.params[i])
                rows.built[i] = scene.built[0]
                self._blocks.append(Block(env, scene, self._common))
                rows.scenes["link"][i] = self._blocks[i].address

    def _build(self, record: Any) -> Scene:
        return build_scene(self._env, record, self._values, self._rows.states.dtype)

    def prepare(self) -> None:
        for i in list(self._pending):
            self._let_go(i)
        for i in self._params.changed():
            self._pend(i, self._rows.following[i])

    def _let_go(self, i: int) -> None:
        """Let row `i`'s old block go if its new one is in use."""
        if i in self._pending and self._rows.scenes["link"][i] == self._pending[i].address:
            self._blocks[i] = self._pending.pop(i)

    def _pend(self, i: int, record: Any) -> None:
        """Have row `i` play in a new scene from its next reset on."""
        self._let_go(i)
        scene = self._build(record)
        self._params.note(i, record)
        block = self._pending[i] = Block(self._env, scene, self._common)
        self._rows.built[i] = scene.built[0]
        self._blocks[i].words[PENDING] = block.address

    def fit(self, i: int) -> None:
        self._let_go(i)
        if self._params.differs(i) or i in self._pending:
            self._pend(i, self._rows.params[i])

    def mend(self, i: int) -> None:
        self._pend(i, self._rows.params[i])
        self._rows.scenes["stage"][i] = ENTERS
        self.enter()

    def enter(self) -> None:
        self._enter((0, len(self._rows.states)), self._rows)

    def move(self) -> None:
        raise AssertionError("the kernels move the bodies themselves")

    def close(self) -> None:
        """Nothing to do: the scenes go with this object."""
