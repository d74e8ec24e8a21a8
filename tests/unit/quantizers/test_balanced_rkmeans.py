"""Balanced residual k-means against the optimal assignment of a public package, and its promises."""

import numpy as np
import pytest
import torch
from scipy.optimize import linear_sum_assignment

from tiger import metrics, quantizers
from tiger.core.progress import result_of
from tiger.quantizers.balanced_rkmeans import balance, costs


@pytest.fixture(scope="module")
def emb_IE() -> np.ndarray:
    """Clusters of very unequal size."""
    rng = np.random.default_rng(0)
    return np.concatenate([rng.normal(centre, 1.0, (n, 10)) for centre, n in ((0, 400), (2, 60), (-3, 30))]).astype(np.float32)


def test_prices_give_the_cheapest_assignment_of_all_with_these_cluster_sizes(emb_IE):
    """Whatever the prices, no other assignment with as many items a code has a smaller sum of squared distances."""
    rows, book = torch.from_numpy(emb_IE), torch.from_numpy(emb_IE[::70].copy())
    cost_NK, price_K = costs(rows, book), torch.zeros(len(book))
    for blur in (1.0, 0.3, 0.1, 0.03):
        price_K = balance(cost_NK, price_K, blur)
    codes_N = (cost_NK + price_K).argmin(1)
    size_K = torch.bincount(codes_N, minlength=len(book)).numpy()
    assert size_K.sum() == 490 and np.abs(size_K - 70).max() <= 7, "seven codes for 490 items, within a tenth"
    slots = np.repeat(np.arange(len(book)), size_K)
    wanted = cost_NK.double().numpy()[:, slots]
    least = wanted[linear_sum_assignment(wanted)].sum()
    assert float(cost_NK.double().gather(1, codes_N[:, None]).sum()) == pytest.approx(least, rel=1e-5)


def test_all_codes_are_used_about_equally_at_every_level(emb_IE):
    shape = {"n_levels": 3, "n_codes": [14, 10, 7]}
    plain, even = (quantizers.create(name, **shape).fit(emb_IE) for name in ("rkmeans", "balanced_rkmeans"))
    use = [metrics.perplexity(metrics.code_counts(q.encode(emb_IE), q.codes_per_level)) for q in (plain, even)]
    assert (use[1] > np.array([14, 10, 7]) * 0.97).all() and (use[1] > use[0]).all()
    errors = [np.square(emb_IE - q.decode(q.encode(emb_IE))).mean() for q in (plain, even)]
    assert errors[1] < 1.4 * errors[0], "balance costs some error"


def test_prices_are_part_of_what_is_saved_and_of_the_nearest_code(emb_IE, tmp_path):
    q = quantizers.create("balanced_rkmeans", n_levels=2, n_codes=7).fit(emb_IE)
    price = q.prices()
    assert [len(price_K) for price_K in price] == [7, 7] and all(np.ptp(price_K) > 0.1 for price_K in price)
    wanted = (np.square(emb_IE[:, None] - q.codebooks()[0]).sum(2) + price[0]).argmin(1)
    assert np.array_equal(q.encode(emb_IE)[:, 0], wanted)
    q.save(tmp_path)
    assert all(np.array_equal(a, b) for a, b in zip(quantizers.load(tmp_path).prices(), price, strict=True))


def test_fine_tuning_keeps_codes_and_balance(emb_IE):
    q = quantizers.create("balanced_rkmeans", n_levels=2, n_codes=7).fit(emb_IE)
    moved_IE = (emb_IE * 1.02 + 0.05).astype(np.float32)
    made = result_of(q.fine_tune_steps(moved_IE))
    codes_IL = made.encode(moved_IE)
    assert (codes_IL == q.encode(emb_IE)).mean() > 0.85
    assert (metrics.perplexity(metrics.code_counts(codes_IL, 7)) > 6.7).all()
    fixed = result_of(q.fine_tune_steps(moved_IE, keep_IL=q.encode(emb_IE), penalty=3.0))
    assert (fixed.encode(moved_IE) == q.encode(emb_IE)).mean() > 0.85


def test_items_that_all_lie_on_codes_need_no_prices():
    q = quantizers.create("balanced_rkmeans", n_levels=2, n_codes=4).fit(np.eye(3, 5, dtype=np.float32)[[0, 1, 2, 0, 1, 0, 0]])
    assert np.square(q.decode(q.encode(np.eye(3, 5, dtype=np.float32))) - np.eye(3, 5)).max() < 1e-9
