"""The transformer's own parts against torch's: the norm and its gradient, and what dropout keeps."""

import pytest
import torch
from torch.nn import functional as F

from tiger.models.blocks import Block, Dropout, RMSNorm, pad


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


@pytest.mark.parametrize("norm", ["pre", "post"])
def test_a_block_is_torchs_encoder_layer(norm):
    torch.manual_seed(0)
    mine = Block(16, 2, 8, 24, 0.0, norm=norm).eval()
    theirs = torch.nn.TransformerEncoderLayer(16, 2, 24, 0.0, "gelu", batch_first=True, norm_first=norm == "pre", bias=False)
    theirs.eval()
    theirs.norm1, theirs.norm2 = torch.nn.RMSNorm(16, 1e-6), torch.nn.RMSNorm(16, 1e-6)
    for norm_layer in (theirs.norm1, theirs.norm2):
        torch.nn.init.normal_(norm_layer.weight)
    with torch.no_grad():
        for part, weight in (("q", 0), ("k", 16), ("v", 32)):
            getattr(mine.attend, part).weight.copy_(theirs.self_attn.in_proj_weight[weight:weight + 16])
        for here, there in ((mine.attend.o, theirs.self_attn.out_proj), (mine.up, theirs.linear1), (mine.down, theirs.linear2),
                            (mine.norm_self, theirs.norm1), (mine.norm_ff, theirs.norm2)):
            here.weight.copy_(there.weight)
        x_NTD = torch.randn(3, 5, 16)
        later_TT = torch.nn.Transformer.generate_square_subsequent_mask(5)
        want_NTD = theirs(x_NTD, src_mask=later_TT, is_causal=True)
        torch.testing.assert_close(mine(x_NTD, causal=True), want_NTD, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("norm", ["pre", "post"])
def test_one_position_after_another_gives_what_all_at_once_give(norm):
    torch.manual_seed(0)
    block, x_NTD, past, found = Block(16, 2, 8, 24, 0.0, norm=norm).eval(), torch.randn(3, 5, 16), None, []
    with torch.no_grad():
        for place in range(5):
            out_BWD, past = block.decode_step(x_NTD[:, place, None], past)
            found.append(out_BWD[:, 0])
        torch.testing.assert_close(torch.stack(found, 1), block(x_NTD, causal=True), rtol=1e-5, atol=1e-5)


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
