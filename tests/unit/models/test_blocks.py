"""The transformer's own parts against torch's: the norm and its gradient, and what dropout keeps."""

import pytest
import torch
from torch.nn import functional as F

from tiger.models.blocks import Dropout, RMSNorm, pad


def test_the_norm_and_its_gradient_are_torchs():
    torch.manual_seed(0)
    norm, x, weight_TD = RMSNorm(16), torch.randn(3, 5, 16) * 4, torch.randn(3, 5, 16)
    torch.nn.init.normal_(norm.weight)
    found = []
    for call in (norm, lambda x: F.rms_norm(x, (16,), norm.weight, 1e-6)):
        given = x.clone().requires_grad_()
        out = call(given)
        found.append((out.detach(), *torch.autograd.grad((out * weight_TD).sum(), [given, norm.weight])))
    for mine, theirs in zip(*found, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-5, atol=1e-5)


def test_a_vector_of_zeros_stays_zero_and_gives_a_finite_gradient():
    x = torch.zeros(2, 8, requires_grad=True)
    out = RMSNorm(8)(x)
    out.sum().backward()
    assert not out.any() and x.grad.isfinite().all()


@pytest.mark.parametrize("share", [0.1, 0.5])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_dropout_zeroes_its_share_and_scales_the_rest(share, dtype):
    torch.manual_seed(0)
    drop, x = Dropout(share).train(), torch.ones(1001, 101, dtype=dtype)
    out = drop(x)
    assert out.dtype == dtype
    assert abs(float((out == 0).float().mean()) - share) < 0.01  # 100,000 draws: five standard deviations
    assert set(out.float().unique().tolist()) == {0.0, float(torch.tensor(256 / (256 - round(share * 256)), dtype=dtype))}
    assert torch.equal(drop.eval()(x), x)


def test_padding_stands_on_the_right():
    padded, length = pad([torch.tensor([3, 4]), torch.tensor([5]), torch.tensor([6, 7, 8])])
    assert padded.tolist() == [[3, 4, 0], [5, 0, 0], [6, 7, 8]] and length.tolist() == [2, 1, 3]
