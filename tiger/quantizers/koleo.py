"""Spread the latents out, so that nearly equal items are still told apart by a few codes.

A reconstruction loss gains little from the small differences between near duplicates, so the encoder gives them
up, and their semantic IDs collide. This term pushes every latent away from its nearest neighbour in the batch.
"""

import torch
from torch import Tensor

from tiger.quantizers.codebook import CHUNK_CELLS

LEAST_SQUARED_DISTANCE = 1e-6  # equal items cannot be pushed apart; do not try with all might


def nearest_others(z_BZ: Tensor) -> Tensor:
    """The number of every row's nearest other row (B,), a chunk of rows at a time."""
    norm_B, found = z_BZ.square().sum(1), []
    step = max(1, CHUNK_CELLS // len(z_BZ))
    for start in range(0, len(z_BZ), step):
        part = z_BZ[start:start + step]
        distance = torch.addmm(norm_B, part, z_BZ.t(), alpha=-2)
        distance.diagonal(start).fill_(torch.inf)
        found.append(distance.argmin(1))
    return torch.cat(found)


def gradient(z_BZ: Tensor, weight: float) -> Tensor:
    """dLoss/dz of: loss = -weight * mean_i log min_{j != i} |z_i - z_j|.

    Source: Sablayrolles et al. 2019, "Spreading vectors for similarity search", arXiv:1806.03198, section 3.2
    (the Kozachenko-Leonenko estimate of entropy), here without the unit sphere: the commitment loss bounds z.
    """
    if len(z_BZ) < 2:
        return torch.zeros_like(z_BZ)
    other_B = nearest_others(z_BZ)
    away_BZ = z_BZ - z_BZ.index_select(0, other_B)
    away_BZ *= (-weight / len(z_BZ)) / away_BZ.square().sum(1, keepdim=True).clamp_min_(LEAST_SQUARED_DISTANCE)
    return away_BZ.scatter_add(0, other_B[:, None].expand_as(away_BZ), -away_BZ)
