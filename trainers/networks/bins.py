"""Values as distributions over bins: HL-Gauss (Farebrother et al. 2024, "Stop regressing", arXiv 2403.03950, section 3.1).

A critic gives `bins` logits for each value, whose softmax's mean is the value.  A target y becomes the probabilities
that a normal number around y, with a deviation of SPREAD bins, falls into each bin, within what all bins take together,
and the loss is the cross-entropy with them.  Targets beyond the bins count as their outer edge.
"""

import math

import torch
from torch import Tensor

SPREAD = 0.75  # of a target, in bins: the paper's choice


def edges(bins: int, reach: float, like: Tensor) -> Tensor:
    """Return the borders of bins from -reach to reach, (bins + 1,)."""
    return torch.linspace(-reach, reach, bins + 1, dtype=like.dtype, device=like.device)


def mean_of(logits: Tensor, reach: float) -> Tensor:
    """Return the values (...,) of logits (..., bins)."""
    borders = edges(logits.shape[-1], reach, logits)
    return logits.softmax(-1) @ ((borders[1:] + borders[:-1]) / 2)


def smeared(targets: Tensor, bins: int, reach: float) -> Tensor:
    """Return the probabilities (..., bins) that targets (...,) become."""
    width = 2.0 * reach / bins
    away = (edges(bins, reach, targets) - targets.clamp(-reach, reach)[..., None]) / (math.sqrt(2) * SPREAD * width)
    below = torch.erf(away)
    return (below[..., 1:] - below[..., :-1]) / (below[..., -1:] - below[..., :1])


def cross_entropy(logits: Tensor, targets: Tensor, reach: float) -> Tensor:
    """Return the loss of logits (..., bins) for targets (...,)."""
    return -(smeared(targets, logits.shape[-1], reach) * logits.log_softmax(-1)).sum(-1)
