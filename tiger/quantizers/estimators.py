"""How the gradient gets past the codebook: from what the decoder read (q) to what the encoder made (z).

Choosing the nearest code has no useful derivative. Each estimator here takes dLoss/dq and answers with the
dLoss/dz that the encoder shall learn from.
"""

from collections.abc import Callable

import torch
from torch import Tensor

EPSILON = 1e-6


def straight_through(grad_NZ: Tensor, z_NZ: Tensor, q_NZ: Tensor) -> Tensor:
    """Pretend that q = z: the gradient passes unchanged.

    Source: Bengio et al. 2013, arXiv:1308.3432; van den Oord et al. 2017, arXiv:1711.00937.
    """
    return grad_NZ


def rotation(grad_NZ: Tensor, z_NZ: Tensor, q_NZ: Tensor) -> Tensor:
    """Pretend that q = s R z with the rotation R from z to q and s = |q|/|z| held constant: returns s R^T grad.

    With unit vectors a = z/|z|, b = q/|q| and m = (a+b)/|a+b|, R = I - 2 m m^T + 2 b a^T.
    The gradient keeps its angle to the vector and, up to s, its length.

    Source: Fifty et al. 2024, "Restructuring Vector Quantization with the Rotation Trick", arXiv:2410.06424, eq. 4.
    """
    z_norm_N1 = z_NZ.norm(dim=1, keepdim=True).clamp_min_(EPSILON)
    q_norm_N1 = q_NZ.norm(dim=1, keepdim=True).clamp_min_(EPSILON)
    a_NZ, b_NZ = z_NZ / z_norm_N1, q_NZ / q_norm_N1
    m_NZ = torch.nn.functional.normalize(a_NZ + b_NZ, dim=1, eps=EPSILON)
    back_NZ = grad_NZ - 2 * (grad_NZ * m_NZ).sum(1, keepdim=True) * m_NZ
    back_NZ += 2 * (grad_NZ * b_NZ).sum(1, keepdim=True) * a_NZ
    return back_NZ * (q_norm_N1 / z_norm_N1)


def blocked(grad_NZ: Tensor, z_NZ: Tensor, q_NZ: Tensor) -> Tensor:
    """Let nothing through: the encoder hears of the commitment loss only. For seeing what an estimator is good for."""
    return torch.zeros_like(grad_NZ)


ESTIMATORS: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "ste": straight_through,
    "rotation": rotation,
    "none": blocked,
}
