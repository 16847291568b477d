"""Motors: walker's rules with every motor in the person's own hands, a pair of keys to each."""

import dataclasses

from puffer_arena.envs.walker import ENV as WALKER

PAIRS = (("q", "a"), ("w", "s"), ("o", "l"), ("i", "k"))
ENV = dataclasses.replace(
    WALKER,
    pilot=None,
    keys={key: (k, value) for k, pair in enumerate(PAIRS) for key, value in zip(pair, (1.0, -1.0), strict=True)},
    idle=(0.0, 0.0, 0.0, 0.0),
)
