"""What anybody needs of a batch, so that other things than `Batch` can be trained in.

Environments of other libraries, batches spread over machines and games that run elsewhere are batches too once they
have these attributes and methods; `Batch` has more.  Shapes are (num_envs[, agents], *entry), the agents' axis only where
`num_agents` is not 0; the buffers are those of `kernels.tables.Written`.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from puffer_arena.core.fields import Array
from puffer_arena.core.spaces import Space
from puffer_arena.kernels.tables import Buffers, Step


class Steps(Protocol):
    """Rows of an environment that step together; an episode that ends is followed by the next in the same step."""

    @property
    def num_envs(self) -> int:
        """How many rows there are."""

    @property
    def num_agents(self) -> int:
        """How many agents a row has; 0 for a solo environment."""

    @property
    def agent_ids(self) -> tuple[str, ...]:
        """The agents' ids, "<role>_<number>"; none for a solo environment."""

    @property
    def observation(self) -> Space:
        """What one agent sees."""

    @property
    def action(self) -> Space:
        """What one agent does."""

    @property
    def buffers(self) -> Buffers:
        """What steps write that are not given others; before the first one what was seen at the start."""

    @property
    def actions(self) -> Array:
        """An array shaped and typed as `step` takes actions."""

    @property
    def finished(self) -> Array:
        """The last episode of every row that ended: records with `episodes`, `episode_return`, `episode_length`."""

    def make_buffers(self, **given: Array) -> Buffers:
        """Return buffers for `step`: the given arrays, with new ones for the rest."""

    def step(self, actions: Array, out: Buffers | None = None) -> Step:
        """Step every row and write what became of it into `out`, or into `buffers`.

        Masks leave everybody who acts next a choice: whoever samples actions relies on it.
        """

    def episodes(self) -> dict[str, float]:
        """Return means over the episodes that ended since the last call, with their number `episodes`."""

    def close(self) -> None:
        """Let go of threads, processes and memory."""


class Saves(Steps, Protocol):
    """Rows that can be saved, so that a run resumes in the middle of its episodes."""

    def save_rows(self) -> dict[str, Array]:
        """Return all that the next steps depend on: name -> bytes, uint8 (bytes,)."""

    def load_rows(self, saved: Mapping[str, Array]) -> Array:
        """Go on from what `save_rows` returned, and tell whose future is the same to the bit, bool (num_envs,)."""


if TYPE_CHECKING:
    from puffer_arena.batch.batch import Batch

    def _is_one(batch: Batch) -> Saves:
        """Have the type checker prove that a batch has all of this."""
        return batch
