"""KoLeo, the Kozachenko-Leonenko regulariser: nearly equal items are still told apart by a few codes.

A reconstruction loss gains little from the small differences between near duplicates, so the encoder gives them
up, and their semantic IDs collide. This term pushes every latent away from its nearest neighbour in the batch.
"""

import math

import torch
from torch import Tensor

from tiger.quantizers.codebook import CHUNK_CELLS

LEAST_SQUARED_DISTANCE = 1e-6  # equal items cannot be pushed apart; do not try with all might


@torch.no_grad()
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


def loss(z_BZ: Tensor) -> Tensor:
    """-mean_i log min_{j != i} |z_i - z_j|; 0 for a single row.

    Below ``LEAST_SQUARED_DISTANCE`` the logarithm goes on as its tangent, so that the gradient stays finite.

    Source: Sablayrolles et al. 2019, "Spreading vectors for similarity search", arXiv:1806.03198, section 3.2,
    here without the unit sphere: the commitment loss bounds z.
    """
    if len(z_BZ) < 2:
        return z_BZ.new_zeros(())
    least = LEAST_SQUARED_DISTANCE
    square_B = (z_BZ - z_BZ.index_select(0, nearest_others(z_BZ))).square().sum(1)
    log_B = torch.where(square_B > least, square_B.clamp_min(least).log(), square_B / least - 1 + math.log(least))
    return -log_B.mean() / 2
