"""The arithmetic of each remedy against codebook collapse, against autograd, public packages and hand-worked numbers."""

import numpy as np
import pytest
import torch
from scipy.special import logsumexp

from tests.support.oracles import oracle
from tiger import quantizers
from tiger.quantizers import koleo, sinkhorn
from tiger.quantizers.codebook import Codebook

SHAPE = {"n_levels": 2, "n_codes": 6, "hidden": "16", "latent_width": 5, "batch_size": 40, "restart_threshold": 0.0}


@pytest.fixture(scope="module")
def emb_IE() -> np.ndarray:
    return np.random.default_rng(1).normal(size=(80, 12)).astype(np.float32)


def started(emb_IE: np.ndarray, n_steps: int = 5, **more):
    """A quantizer whose codebooks are placed, and its fit before the first step."""
    q = quantizers.create("rqvae", n_steps=n_steps, **SHAPE | more)
    fit = q.fit_steps(emb_IE)
    if q.kmeans_init:
        next(fit)
    return q, fit


def scattered(q) -> list[Codebook]:
    """Its codebooks, put at random, where most codes are far from all rows and so stay unused."""
    generator = torch.Generator().manual_seed(0)
    levels = q.trainer_.model.bottleneck.levels
    for level in levels:
        level.initialise(torch.randn(level.book_KZ.shape, generator=generator), q.trainer_.batch_size / q.n_codes)
    return list(levels)


def codebook(book: torch.Tensor, rows_per_code: float, **more) -> Codebook:
    """A codebook that stands at the given codes."""
    made = Codebook(*book.shape, **more)
    made.initialise(book, rows_per_code)
    return made


def test_a_running_mean_worked_by_hand():
    """Two codes at 0 and 10 count as used once; rows 2 and 4 fall to the first, nothing to the second."""
    level = codebook(torch.tensor([[0.0], [10.0]]), 1.0, ema_decay=0.5)
    level.update_means(torch.tensor([0, 0]), torch.tensor([[2.0], [4.0]]))
    assert level.ema_count_K.tolist() == [1.5, 0.5]  # half of the old 1, half of the new 2 and 0
    assert level.ema_sum_KZ.tolist() == [[3.0], [5.0]]  # half of 0 and 6; half of 10 and 0
    torch.testing.assert_close(level.learned, torch.tensor([[2.0], [10.0]]), rtol=1e-4, atol=0)


@pytest.mark.parametrize("decay", [0.5, 0.99])
def test_running_means_equal_vector_quantize_pytorch(decay):
    package = oracle("vector_quantize_pytorch")
    generator = torch.Generator().manual_seed(0)
    start, batches = torch.randn(8, 6, generator=generator), torch.randn(4, 200, 6, generator=generator)
    other = package.VectorQuantize(dim=6, codebook_size=8, decay=decay, eps=1e-5, threshold_ema_dead_code=0).train()._codebook
    other.embed.data.copy_(start[None])
    other.embed_avg.data.copy_(start[None] * 25)
    other.cluster_size.data.fill_(25)
    other.initted.data.fill_(True)
    mine = codebook(start, 25.0, ema_decay=decay)
    for rows in batches:
        codes = torch.cdist(rows, mine.learned).argmin(1)
        assert torch.equal(other(rows[None])[1][0], codes)
        mine.update_means(codes, rows)
        torch.testing.assert_close(mine.ema_count_K, other.cluster_size[0], rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(mine.learned, other.embed[0], rtol=1e-4, atol=1e-5)
    assert not torch.allclose(mine.learned, start, atol=1e-3)


def test_a_step_with_running_means_moves_used_codes_towards_their_rows(emb_IE):
    """e_k <- (d N e_k + (1-d) sum of its rows) / (d N + (1-d) n_k), with N = 40 rows / 6 codes at the start."""
    q, fit = started(emb_IE, ema=True, ema_decay=0.8)
    middle = q.trainer_.model.bottleneck
    before = [level.book_KZ.clone() for level in middle.levels]
    next(fit)
    assert not [name for name in q.trainer_.learned if name.startswith("bottleneck")], "the optimiser has no codes"
    for number, level in enumerate(middle.levels):
        rows, codes = middle.rows[number], middle.codes[number]
        for code in range(6):
            own = rows[codes == code]
            wanted = (0.8 * 40 / 6 * before[number][code] + 0.2 * own.sum(0)) / (0.8 * 40 / 6 + 0.2 * len(own))
            torch.testing.assert_close(level.book_KZ[code], wanted, rtol=1e-3, atol=1e-5)


def test_simvq_has_the_gradient_of_the_codebook_loss_in_its_one_matrix():
    generator = torch.Generator().manual_seed(0)
    frozen, mixing, rows = (torch.randn(size, generator=generator) for size in ((6, 5), (5, 5), (40, 5)))
    level = codebook(frozen, 1.0, simvq=True)
    torch.testing.assert_close(level.book_KZ, frozen, rtol=0, atol=0)
    with torch.no_grad():
        level.learned.copy_(mixing)
    level.refresh()
    codes = torch.cdist(rows, level.book_KZ).argmin(1)
    (rows - level.vectors()[codes]).square().sum(1).mean().backward()
    grad_book = torch.zeros(6, 5)  # dLoss/d(C W), gathered code by code; through the product that is C^T of it
    for row, code in zip(rows, codes, strict=True):
        grad_book[code] -= 2 / 40 * (row - (frozen @ mixing)[code])
    torch.testing.assert_close(level.learned.grad, frozen.t() @ grad_book, rtol=1e-4, atol=1e-5)


def test_simvq_moves_unused_codes_through_its_matrix_only(emb_IE):
    """Without it a code that nobody uses gets no gradient and stays."""
    far = {"n_codes": 64, "n_levels": 1, "learning_rate": 0.1}
    for simvq in (True, False):
        q, fit = started(emb_IE, simvq=simvq, **far)
        level = scattered(q)[0]
        before, frozen = level.book_KZ.clone(), None if level.frozen_KZ is None else level.frozen_KZ.clone()
        next(fit)
        unused = torch.ones(64, dtype=torch.bool)
        unused[q.trainer_.model.bottleneck.codes[0]] = False
        assert unused.sum() > 5
        moved = (level.book_KZ - before).abs().amax(1) > 1e-6
        assert moved[unused].all() if simvq else not moved[unused].any()
        assert moved[~unused].all()
        if simvq:
            assert torch.equal(level.frozen_KZ, frozen)
            torch.testing.assert_close(level.book_KZ, frozen @ level.learned)


@pytest.mark.parametrize("more", [{}, {"ema": True}, {"simvq": True}])
def test_a_dead_code_restarts_at_a_row_of_the_batch_without_memory(emb_IE, more):
    q, fit = started(emb_IE, n_codes=64, restart_threshold=1.0, **more)
    trainer = q.trainer_
    scattered(q)
    next(fit)
    middle = trainer.model.bottleneck
    before = [level.book_KZ.clone() for level in middle.levels]
    used = [set(codes.tolist()) for codes in middle.codes]
    moments = [trainer.optimiser.state[level.learned] for level in middle.levels] if not more.get("ema") else []
    for moment in moments:
        for name in ("exp_avg", "exp_avg_sq"):
            moment[name] += 1e-6  # as if every code had been used some time ago
    next(fit)  # the second batch of 40 ends the window of 80 items
    for number, level in enumerate(middle.levels):
        used[number] |= set(middle.codes[number].tolist())
        dead = torch.tensor(sorted(set(range(64)) - used[number]))
        rows = middle.rows[number]
        assert len(dead) > 5 and trainer.restarts_L[number] == len(dead)
        distance = torch.cdist(level.book_KZ[dead], rows, compute_mode="donot_use_mm_for_euclid_dist")
        assert distance.amin(1).max() < (1e-3 if more.get("simvq") else 1e-6)
        assert len(distance.argmin(1).unique()) == min(len(dead), 40), "at as many rows as there are"
        assert not torch.allclose(level.book_KZ[dead], before[number][dead], atol=1e-3)
        if more.get("ema"):
            assert torch.allclose(level.ema_sum_KZ[dead] / level.ema_count_K[dead, None], level.book_KZ[dead], atol=1e-5)
        elif not more:
            for name in ("exp_avg", "exp_avg_sq"):
                kept = moments[number][name]
                assert not kept[dead].any() and kept[sorted(used[number])].any(1).all(), name


def test_no_code_restarts_where_the_threshold_is_zero(emb_IE):
    q, fit = started(emb_IE, n_codes=64)
    scattered(q)
    next(fit)
    next(fit)
    assert (q.trainer_.last_counts[0] == 0).any() and not q.trainer_.restarts_L.any()


def test_koleo_has_the_gradient_of_its_objective():
    z = torch.randn(30, 4, generator=torch.Generator().manual_seed(0)).requires_grad_()
    distance = torch.cdist(z, z, compute_mode="donot_use_mm_for_euclid_dist") + torch.diag(torch.full((30,), torch.inf))
    wanted = -distance.amin(1).log().mean()
    (grad,) = torch.autograd.grad(wanted, z)
    mine = koleo.loss(z)
    torch.testing.assert_close(mine, wanted, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(torch.autograd.grad(mine, z)[0], grad, rtol=1e-4, atol=1e-6)


def test_koleo_of_rows_that_are_equal_is_finite_and_pushes_neighbours_apart():
    z = torch.tensor([[0.0, 0.0], [0.0, 0.0], [3.0, 0.0], [3.0, 1e-4]], requires_grad=True)
    loss = koleo.loss(z)
    (grad,) = torch.autograd.grad(loss, z)
    assert loss.isfinite() and grad.isfinite().all() and not grad[:2].any()
    torch.testing.assert_close(grad[3, 1], torch.tensor(-1e-4 / 1e-6 / 4 * 2), rtol=1e-3, atol=0)  # both are each other's
    assert koleo.loss(z[:1]) == 0


def test_koleo_reaches_the_encoder_in_a_step(emb_IE):
    """Both start alike, so the difference of the gradients in the last layer is the term's own."""
    grads = []
    for weight in (0.0, 0.5):
        q, fit = started(emb_IE, koleo=weight)
        next(fit)
        grads.append(q.trainer_.learned["encoder.1.weight"].grad)
    start, fit = started(emb_IE)
    x = start.trainer_.x_IE[q.trainer_.batch_rows]
    first, second = start.model_.encoder
    hidden = torch.relu(first(x)).detach()
    z = second(hidden).detach().requires_grad_()
    (own,) = torch.autograd.grad(0.5 * koleo.loss(z), z)
    torch.testing.assert_close(grads[1] - grads[0], own.t() @ hidden, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("kind", ["standardise", "centre", "l2"])
def test_normalise_equals_a_fit_on_rows_normalised_by_hand(kind, emb_IE):
    """Columns of different size and place, or rows of different length; codes, and what they decode to."""
    raw = emb_IE * np.linspace(0.1, 9, 12, dtype=np.float32) + np.arange(12, dtype=np.float32)
    if kind == "standardise":
        shift, scale = raw.mean(0), raw.std(0)
        by_hand = (raw - shift) / scale
    elif kind == "centre":
        shift = raw.mean(0)
        scale = np.sqrt(np.mean(np.sum((raw - shift) ** 2, 1)))
        by_hand = (raw - shift) / scale
    else:
        lengths = np.linalg.norm(raw, axis=1, keepdims=True)
        shift, scale, by_hand = 0, lengths.mean(), raw / lengths
    given = quantizers.create("rqvae", n_steps=4, normalise=kind, **SHAPE).fit(raw)
    plain = quantizers.create("rqvae", n_steps=4, **SHAPE).fit(by_hand)
    codes = plain.encode(by_hand)
    np.testing.assert_array_equal(given.encode(raw), codes)
    assert len(np.unique(codes, axis=0)) > 5
    np.testing.assert_allclose(given.decode(codes), plain.decode(codes) * scale + shift, rtol=1e-3, atol=1e-3)


def transport(cost: np.ndarray, epsilon: float, n_iterations: int) -> np.ndarray:
    """The same plan on logarithms throughout."""
    middle, half = (cost.max() + cost.min()) / 2, (cost.max() - cost.min()) / 2
    log, row = -(cost - middle) / (half * epsilon), np.zeros((len(cost), 1))
    for _ in range(n_iterations):
        column = np.log(len(cost) / cost.shape[1]) - logsumexp(log + row, axis=0)
        row = -logsumexp(log + column, axis=1, keepdims=True)
    return np.exp(log + row + column)


@pytest.mark.parametrize("n_iterations", [1, 50, 300])
@pytest.mark.parametrize("epsilon", [0.001, 0.003, 0.1, 10.0])
@pytest.mark.parametrize("far", [False, True])
def test_a_plan_equals_one_on_logarithms_over_the_whole_range_of_epsilon(epsilon, n_iterations, far):
    rng = np.random.default_rng(0)
    rows, codes = rng.normal(size=(120, 5)), rng.normal(size=(16, 5))
    if far:  # one row and half of the codes far from everything: costs of very different size
        rows[0] *= 50
        codes[8:] *= 30
    cost = torch.from_numpy(np.square(rows[:, None] - codes[None]).sum(2)).float()
    wanted = transport(cost.double().numpy(), epsilon, n_iterations)
    found = sinkhorn.plan(cost, epsilon, n_iterations).numpy()
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-9)
    np.testing.assert_allclose(found.sum(1), 1, atol=1e-9)


@pytest.mark.parametrize("epsilon", [0.001, 0.003, 0.05])
def test_a_step_with_sinkhorn_uses_the_codes_evenly(epsilon):
    """Most items lie on one spot: nearest codes are used unevenly, a balanced plan's are not."""
    rng = np.random.default_rng(0)
    emb = (rng.normal(size=(12, 12))[rng.choice(12, 80, p=[0.78] + [0.02] * 11)] + 0.3 * rng.normal(size=(80, 12)))
    largest = {}
    for on in (True, False):
        more = {"sinkhorn": on, "sinkhorn_epsilon": epsilon, "sinkhorn_iterations": 200, "batch_size": 80,
                "kmeans_init": False}
        q, fit = started(emb.astype(np.float32), n_steps=30, **more)
        for _ in range(10):
            next(fit)
        codes = q.trainer_.model.bottleneck.codes
        largest[on] = max(torch.bincount(codes_B, minlength=6).max().item() for codes_B in codes)
        assert all(values.isfinite().all() for values in q.tensors().values())
    assert largest[True] <= 30 and largest[False] >= 75, "even would be 13 of 80; a row is not split between codes"
