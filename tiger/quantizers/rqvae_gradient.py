"""The derivative of the RQ-VAE's loss, worked out by hand. Training uses autograd; a test holds the two equal.

    loss = |x - x'|^2 + sum_l |sg[r_l] - e_{c_l}|^2 + beta |r_l - sg[e_{c_l}]|^2,  mean over the B rows of a batch
    z = encoder(x),  r_1 = z,  r_{l+1} = r_l - sg[e_{c_l}],  q = sum_l e_{c_l},  x' = decoder(q)

Source: Rajput et al. 2023, arXiv:2305.05065, section 3.1; van den Oord et al. 2017, arXiv:1711.00937, section 3.2.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from tiger.quantizers.estimators import EPSILON

FORMULA = r"""\begin{aligned}
\frac{\partial \mathcal{L}}{\partial \hat x} &= \tfrac{2}{B}\,(\hat x - x)\\
\frac{\partial \mathcal{L}}{\partial z} &= s R^\top \frac{\partial \mathcal{L}}{\partial q}
  + \tfrac{2\beta}{B} \sum_l \bigl(r_l - e^{(l)}_{c_l}\bigr)\\
\frac{\partial \mathcal{L}}{\partial e^{(l)}_k} &= -\tfrac{2}{B} \sum_{b:\,c_{b,l}=k} \bigl(r_{b,l} - e^{(l)}_k\bigr)
\end{aligned}\;"""
"""s R is what the estimator puts in the place of dq/dz: the identity (straight-through), a rotation, or 0."""


def gradient(z_BZ: Tensor, books: list[Tensor], codes: list[Tensor], grad_q_BZ: Tensor, beta: float,
             estimator: str = "ste") -> tuple[Tensor, list[Tensor]]:
    """What the encoder's output and the codebooks learn from one batch.

    Every r_l is z minus constants, so each commitment term hands its 2 beta (r_l - e) / B straight to z. A code learns
    only from the rows that chose it. The reconstruction loss knows q; an estimator carries its gradient on to z.

    Args:
        z_BZ: the encoder's output.
        books: one (K, Z) a level.
        codes: one int64 (B,) a level.
        grad_q_BZ: dLoss/dq, as the decoder hands it back from dLoss/dx' = 2 (x' - x) / B.
        beta: weight of the commitment loss.
        estimator: "ste", "rotation" or "none".

    Returns:
        dLoss/dz (B, Z), and dLoss/de (K, Z) for every level.
    """
    n_rows, left_BZ, commit_BZ, grads = len(z_BZ), z_BZ, torch.zeros_like(z_BZ), []
    for book_KZ, codes_B in zip(books, codes, strict=True):
        left_BZ = left_BZ - book_KZ[codes_B]
        commit_BZ = commit_BZ + left_BZ
        grads.append(torch.zeros_like(book_KZ).index_add_(0, codes_B, left_BZ) * (-2 / n_rows))
    if estimator == "none":
        passed_BZ = torch.zeros_like(z_BZ)
    elif estimator == "ste":
        passed_BZ = grad_q_BZ
    else:  # s R^T g with R = I - 2 m m^T + 2 b a^T
        q_BZ = z_BZ - left_BZ
        z_norm_B1, q_norm_B1 = (rows.norm(dim=1, keepdim=True).clamp_min(EPSILON) for rows in (z_BZ, q_BZ))
        a_BZ, b_BZ = z_BZ / z_norm_B1, q_BZ / q_norm_B1
        m_BZ = F.normalize(a_BZ + b_BZ, dim=1, eps=EPSILON)
        back_BZ = grad_q_BZ - 2 * (grad_q_BZ * m_BZ).sum(1, keepdim=True) * m_BZ
        back_BZ = back_BZ + 2 * (grad_q_BZ * b_BZ).sum(1, keepdim=True) * a_BZ
        passed_BZ = back_BZ * (q_norm_B1 / z_norm_B1)
    return passed_BZ + commit_BZ * (2 * beta / n_rows), grads
