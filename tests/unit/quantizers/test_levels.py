"""Levels of unequal size: 7, 5 and 3 codes through every quantizer."""

import numpy as np
import pytest

from tiger import metrics, quantizers
from tiger.core import params
from tiger.core.progress import result_of

SIZES = {"lsh": [8, 2, 4], "vqvae": [7]}
NAMES = sorted(quantizers.REGISTRY)
SMALL = {"n_steps": 12, "batch_size": 64, "hidden": "32-16", "latent_width": 8}


def made(name: str, sizes: list[int], **more):
    known = {spec.name for spec in params.specs(quantizers.REGISTRY[name])}
    return quantizers.create(name, n_levels=len(sizes), n_codes=sizes, **{key: value for key, value in (SMALL | more).items()
                                                                        if key in known})


@pytest.fixture(scope="module")
def emb_IE() -> np.ndarray:
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(10, 24))
    return (centres[rng.integers(10, size=200)] + 0.3 * rng.normal(size=(200, 24))).astype(np.float32)


@pytest.mark.parametrize(("name", "more"), [*((name, {}) for name in NAMES), ("rqvae", {"ema": True}), ("rqvae", {"simvq": True}),
                                            ("rqvae", {"sinkhorn": True}), ("rqvae", {"restart_threshold": 30.0})])
def test_every_level_keeps_to_its_own_size(name, more, emb_IE, tmp_path):
    sizes = SIZES.get(name, [7, 5, 3])
    q, last = made(name, sizes, **more), None
    for progress in q.fit_steps(emb_IE):
        last = progress if progress.metrics else last
    codes_IL = q.encode(emb_IE)
    assert q.codes_per_level == sizes and codes_IL.shape == (200, len(sizes))
    assert (codes_IL.max(0) < sizes).all() and (codes_IL.max(0) >= 1).all(), "no level stays below its size by mistake"
    if name in ("rkmeans", "balanced_rkmeans", "opq", "rqvae", "lsh"):
        assert (codes_IL.max(0) + 1).tolist() == sizes, "each level uses its largest code"
    if q.codebooks() is not None:
        assert [len(book) for book in q.codebooks()] == sizes
    if last is not None:
        assert all(value <= size for value, size in zip(last.metrics["perplexity"], sizes, strict=True))
        assert all(dead < size for dead, size in zip(last.metrics["dead"], sizes, strict=True))
    q.save(tmp_path)
    again = quantizers.load(tmp_path)
    assert again.n_codes == sizes and np.array_equal(again.encode(emb_IE), codes_IL)
    assert np.array_equal(again.decode(codes_IL), q.decode(codes_IL))
    if q.can_fine_tune:
        assert result_of(q.fine_tune_steps(emb_IE, 2, keep_IL=codes_IL, penalty=0.5)).codes_per_level == sizes
    most = sizes[0] - 1 if len(sizes) == 1 else rf"\[{sizes[0] - 1}, {sizes[1] - 1}, {sizes[2] - 1}\]"
    with pytest.raises(ValueError, match=f"codes of row 0 are .* but must lie between 0 and {most}"):
        q.decode(np.full((2, len(sizes)), max(sizes)))


@pytest.mark.parametrize("name", NAMES)
def test_another_number_of_sizes_than_levels_is_refused_before_anything_is_learned(name, emb_IE):
    sizes = SIZES.get(name, [7, 5, 3])
    q = quantizers.create(name, n_levels=len(sizes), n_codes=[*sizes, 16])
    with pytest.raises(ValueError, match=rf"n_codes lists {len(sizes) + 1} levels \(.*16\), but n_levels is {len(sizes)}"):
        q.check_params()
    with pytest.raises(ValueError, match="make them agree"):
        q.fit(emb_IE)


def test_sizes_of_levels_and_dead_codes_of_narrow_ones_worked_by_hand():
    assert metrics.level_sizes(7, 3) == [7, 7, 7] and metrics.level_sizes(np.array([7, 5]), 2) == [7, 5]
    with pytest.raises(ValueError, match="n_codes lists 2 levels, but the codes have 3"):
        metrics.level_sizes([7, 5], 3)
    counts_LK = metrics.code_counts(np.array([[0, 0, 2], [6, 4, 2], [6, 0, 1]]), [7, 5, 3])
    assert counts_LK.tolist() == [[1, 0, 0, 0, 0, 0, 2], [2, 0, 0, 0, 1, 0, 0], [0, 1, 2, 0, 0, 0, 0]]
    assert metrics.dead_codes(counts_LK, [7, 5, 3]).tolist() == [5, 3, 1]  # of 7, 5 and 3
    assert metrics.perplexity(counts_LK[2]) == pytest.approx(3 / 2 ** (2 / 3))  # shares 1/3 and 2/3
