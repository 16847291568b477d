"""Dividing work among workers."""

import itertools


def split(count: int, parts: int, fewest: int = 1) -> list[tuple[int, int]]:
    """Split range(count) into at most `parts` contiguous spans of nearly equal size, none below `fewest`."""
    parts = max(1, min(parts, count // max(fewest, 1)))
    edges = [count * k // parts for k in range(parts + 1)]
    return list(itertools.pairwise(edges))
