"""How the gradient gets past the codebook: from what the decoder reads (q) back to what the encoder made (z).

Choosing the nearest code has no useful derivative. Each estimator here returns a tensor with the value of q whose
derivative by z is another one, worth learning from.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

EPSILON = 1e-6


def straight_through(z_NZ: Tensor, q_NZ: Tensor) -> Tensor:
    """Pretend that q = z: the gradient passes unchanged.

    Source: Bengio et al. 2013, arXiv:1308.3432; van den Oord et al. 2017, arXiv:1711.00937.
    """
    return z_NZ + (q_NZ - z_NZ).detach()


def rotation(z_NZ: Tensor, q_NZ: Tensor) -> Tensor:
    """Pretend that q = s R z with the rotation R from z to q and s = |q|/|z| held constant.

    With unit vectors a = z/|z|, b = q/|q| and m = (a+b)/|a+b|, R = I - 2 m m^T + 2 b a^T. The gradient keeps its
    angle to the vector and, up to s, its length.

    Source: Fifty et al. 2024, "Restructuring Vector Quantization with the Rotation Trick", arXiv:2410.06424, eq. 4.
    """
    with torch.no_grad():
        z_norm_N1 = z_NZ.norm(dim=1, keepdim=True).clamp_min(EPSILON)
        q_norm_N1 = q_NZ.norm(dim=1, keepdim=True).clamp_min(EPSILON)
        a_NZ, b_NZ = z_NZ / z_norm_N1, q_NZ / q_norm_N1
        m_NZ = F.normalize(a_NZ + b_NZ, dim=1, eps=EPSILON)
    turned_NZ = z_NZ - 2 * (z_NZ * m_NZ).sum(1, keepdim=True) * m_NZ + 2 * (z_NZ * a_NZ).sum(1, keepdim=True) * b_NZ
    return turned_NZ * (q_norm_N1 / z_norm_N1)


def blocked(z_NZ: Tensor, q_NZ: Tensor) -> Tensor:
    """Let nothing through: the encoder learns from the commitment loss only. For seeing what an estimator is good for."""
    return q_NZ.detach()


ESTIMATORS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "ste": straight_through,
    "rotation": rotation,
    "none": blocked,
}
