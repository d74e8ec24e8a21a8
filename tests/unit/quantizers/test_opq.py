"""Optimised product quantisation against faiss."""

import itertools

import numpy as np
import pytest

from tests.support.oracles import oracle
from tiger import quantizers


@pytest.fixture(scope="module")
def emb_IE() -> np.ndarray:
    """Correlated numbers of very different variance: what a rotation is good for."""
    rng = np.random.default_rng(0)
    mix = np.linalg.qr(rng.normal(size=(24, 24)))[0] * np.geomspace(1, 0.05, 24)[:, None]
    return (rng.normal(size=(1500, 24)) @ mix + rng.normal(size=24)).astype(np.float32)


def product_quantizer(faiss, width: int, books: list[np.ndarray]):
    """faiss's, with given codebooks."""
    made = faiss.ProductQuantizer(width, len(books), int(np.log2(len(books[0]))))
    faiss.copy_array_to_vector(np.concatenate([book.ravel() for book in books]).astype(np.float32), made.centroids)
    return made


def test_with_the_same_rotation_and_codebooks_faiss_gives_the_same_codes(emb_IE):
    faiss = oracle("faiss")
    q = quantizers.create("opq", n_levels=4, n_codes=16, n_iterations=3).fit(emb_IE)
    theirs = product_quantizer(faiss, 24, [book[:, part] for book, part in zip(q.codebooks(), q.parts, strict=True)])
    packed = theirs.compute_codes(np.ascontiguousarray((emb_IE - q.mean_E.numpy()) @ q.rotation_EE.numpy()))
    halves = np.stack([packed & 15, packed >> 4], 2).reshape(len(emb_IE), -1)
    assert (halves == q.encode(emb_IE)).mean() > 0.999  # equal but for rounding in the last place
    recon_IE = theirs.decode(packed) @ q.rotation_EE.numpy().T + q.mean_E.numpy()
    same_I = (halves == q.encode(emb_IE)).all(1)
    np.testing.assert_allclose(q.decode(q.encode(emb_IE))[same_I], recon_IE[same_I], atol=1e-5)


def test_the_error_is_within_a_twentieth_of_faiss_and_below_plain_product_quantisation(emb_IE):
    faiss = oracle("faiss")
    q = quantizers.create("opq", n_levels=4, n_codes=16, n_iterations=20).fit(emb_IE)
    own = np.square(emb_IE - q.decode(q.encode(emb_IE))).sum(1).mean()
    centred = np.ascontiguousarray(emb_IE - emb_IE.mean(0))
    plain = faiss.ProductQuantizer(24, 4, 4)
    plain.train(centred)
    turn = faiss.OPQMatrix(24, 4)
    turn.pq = faiss.ProductQuantizer(24, 4, 4)
    turn.train(centred)
    turned = turn.apply(centred)
    after = faiss.ProductQuantizer(24, 4, 4)
    after.train(turned)
    pairs = ((plain, centred), (after, turned))
    errors = [np.square(rows - pq.decode(pq.compute_codes(rows))).sum(1).mean() for pq, rows in pairs]
    assert own < 0.95 * errors[0] and own < 1.05 * errors[1]


def test_the_rotation_is_one_and_rounds_never_make_it_worse(emb_IE):
    q = quantizers.create("opq", n_levels=3, n_codes=[7, 5, 3], n_iterations=12)
    losses = [progress.metrics["loss"] for progress in q.fit_steps(emb_IE)]
    assert all(after <= before * (1 + 1e-5) for before, after in itertools.pairwise(losses)) and losses[-1] < losses[0]
    turn_EE = q.rotation_EE.numpy()
    np.testing.assert_allclose(turn_EE @ turn_EE.T, np.eye(24), atol=1e-4)


def test_parts_get_an_equal_product_of_variances_and_wide_embeddings_of_any_width(emb_IE):
    """Variances 16, 8, 4, 2, 1, 0.5 in parts of two (the method of Ge et al., section 3.2.2, worked by hand): each axis goes to
    the part with the least product so far that has room, so 16 to the first, 8 to the second, 4 to the third, 2 to the third
    (4 is least), 1 to the second, 0.5 to the first: products 8, 8, 8."""
    rng = np.random.default_rng(0)
    unit = np.linalg.qr(np.c_[np.ones(400), rng.normal(size=(400, 6))])[0][:, 1:] * 20  # uncorrelated columns, variance 1
    rows = (unit * np.sqrt([16, 8, 4, 2, 1, 0.5])).astype(np.float32)
    q = quantizers.create("opq", n_levels=3, n_codes=4, n_iterations=0).fit(rows)
    y = rows @ q.rotation_EE.numpy()
    np.testing.assert_allclose(y.var(0), [16, 0.5, 8, 1, 4, 2], rtol=1e-3)
    five = quantizers.create("opq", n_levels=5, n_codes=4).fit(emb_IE)
    assert [part.stop - part.start for part in five.parts] == [5, 5, 4, 5, 5]
    with pytest.raises(ValueError, match="n_levels is 3, but the embeddings have 2 dimensions"):
        quantizers.create("opq", n_levels=3, n_codes=4).fit(emb_IE[:, :2])
