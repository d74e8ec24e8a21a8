"""Finite scalar quantization against the public package, and values worked by hand."""

import numpy as np
import pytest
import torch

from tests.support.oracles import oracle
from tiger import quantizers
from tiger.quantizers.bottleneck import Kept
from tiger.quantizers.codebook import penalised_codes
from tiger.quantizers.fsq import ScalarBottleneck


@pytest.mark.parametrize("sizes", [[8, 5, 5, 5], [7, 5, 3], [16, 4], [98, 99, 3]])
def test_codes_values_and_gradient_equal_vector_quantize_pytorch(sizes):
    theirs = oracle("vector_quantize_pytorch").FSQ(levels=sizes)
    z = (3 * torch.randn(500, len(sizes), generator=torch.Generator().manual_seed(0))).requires_grad_()
    found = ScalarBottleneck(sizes)(z, {})
    wanted, index = theirs(z[None])
    codes = torch.stack(found.codes, 1)
    assert torch.equal(codes, theirs.indices_to_level_indices(index[0]).long())
    assert [len(level.unique()) for level in codes.unbind(1)][-1] == sizes[-1], "the sample reaches every value of a level"
    torch.testing.assert_close(found.q_BZ, wanted[0])
    upstream = torch.randn(500, len(sizes), generator=torch.Generator().manual_seed(1))
    mine, = torch.autograd.grad(found.q_BZ, z, upstream)
    own, = torch.autograd.grad(wanted[0], z, upstream)
    torch.testing.assert_close(mine, own)


def test_an_even_and_an_odd_level_worked_by_hand():
    """Far out: the outermost values. At z = 0: the middle code, 5 // 2 = 2 of five and 4 // 2 = 2 of four."""
    middle = ScalarBottleneck([5, 4])
    codes = middle.encode(torch.tensor([[-50.0, -50.0], [0.0, 0.0], [50.0, 50.0]]))
    assert codes.tolist() == [[0, 0], [2, 2], [4, 3]]
    five, four = (book.tolist() for book in middle.vectors())
    assert five == [[-1, 0], [-0.5, 0], [0, 0], [0.5, 0], [1, 0]]
    assert four == [[0, -1], [0, -0.5], [0, 0], [0, 0.5]]


def test_thousands_of_values_stay_within_their_level():
    """The bound reaches a thousandth beyond the last value, which above 1,000 values is more than a whole one."""
    codes = ScalarBottleneck([5000, 4097]).encode(torch.tensor([[-60.0, -60.0], [60.0, 60.0]]))
    assert codes.tolist() == [[0, 0], [4999, 4096]]


def test_codes_and_vectors_tell_the_same():
    """The codes are the nearest ones in the sum of the codebooks, and the decoder reads that sum."""
    rng = np.random.default_rng(0)
    emb_IE = rng.normal(size=(300, 12)).astype(np.float32)
    q = quantizers.create("fsq", n_levels=3, n_codes=[7, 5, 3], n_steps=30, batch_size=100, hidden="16", learning_rate=0.02)
    q.fit(emb_IE)
    codes_IL, latent_IZ, books = q.encode(emb_IE), q.latent(emb_IE), q.codebooks()
    near = np.stack([np.abs(latent_IZ[:, [level]] - books[level][:, level]).argmin(1) for level in range(3)], 1)
    assert np.array_equal(near, codes_IL) and (codes_IL.std(0) > 0).all()
    assert np.abs(q.trace(emb_IE)["residual"][:, -1]).max() <= 0.5 + 1e-6, "half a step of a level of three"


def test_a_penalty_keeps_codes_as_it_does_elsewhere():
    middle, generator = ScalarBottleneck([9, 5]), torch.Generator().manual_seed(0)
    z, old = torch.randn(200, 2, generator=generator), torch.randint(-1, 5, (200, 2), generator=generator)
    for penalty in (0.0, 0.7, 1e6):
        codes = torch.stack(middle(z, {}, Kept(old, penalty)).codes, 1)
        wanted = torch.stack([penalised_codes(middle.latent(z)[:, [level]], book[:, [level]], old[:, level], penalty)
                              for level, book in enumerate(middle.vectors())], 1)
        assert torch.equal(codes, wanted)
