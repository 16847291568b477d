"""Numbers of any size as targets of networks: the symmetric logarithm, and distributions over its bins.

Hafner et al. 2023, "Mastering diverse domains through world models", arXiv 2301.04104, equations 1 and 8 to 10.
"""

import torch
from torch import Tensor
from torch.nn import functional

LARGEST = 10.0  # symlog of the outermost bins: returns up to 22 thousand
BINS = 63


def symlog(x: Tensor) -> Tensor:
    """sign(x) ln(|x| + 1)."""
    return torch.sign(x) * torch.log1p(x.abs())


def symexp(x: Tensor) -> Tensor:
    """sign(x) (exp(|x|) - 1), which undoes `symlog`."""
    return torch.sign(x) * torch.expm1(x.abs())


def bins(like: Tensor) -> Tensor:
    """Return the bins' middles in the symmetric logarithm, (BINS,)."""
    return torch.linspace(-LARGEST, LARGEST, BINS, dtype=like.dtype, device=like.device)


def two_hot(x: Tensor) -> Tensor:
    """Return numbers (...,) as weights (..., BINS) of the two bins around symlog(x), whose mean it is."""
    place = (symlog(x).clamp(-LARGEST, LARGEST) + LARGEST) / (2.0 * LARGEST) * (BINS - 1)
    below = place.floor().clamp(max=BINS - 2).long()
    share = place - below
    low, high = functional.one_hot(below, BINS), functional.one_hot(below + 1, BINS)
    return low * (1.0 - share)[..., None] + high * share[..., None]


def two_hot_mean(logits: Tensor) -> Tensor:
    """Return the number (...,) that logits (..., BINS) stand for."""
    return symexp((logits.softmax(-1) * bins(logits)).sum(-1))


def two_hot_loss(logits: Tensor, x: Tensor) -> Tensor:
    """Return the cross-entropy (...,) of logits (..., BINS) with `two_hot(x)`."""
    return -(two_hot(x) * logits.log_softmax(-1)).sum(-1)
