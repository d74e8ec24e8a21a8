"""The quantizers against public packages, autograd and numbers worked by hand."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open

from tests.support.oracles import oracle
from tiger import metrics, quantizers
from tiger.quantizers import estimators, rqvae_gradient, sinkhorn
from tiger.quantizers.codebook import residual_codes, squared_norms

SHAPE = {"n_levels": 2, "n_codes": 4, "hidden": "16", "latent_width": 5, "batch_size": 40, "restart_threshold": 0.0}


@pytest.fixture(scope="module")
def emb_IE() -> np.ndarray:
    return np.random.default_rng(1).normal(size=(40, 12)).astype(np.float32)


def test_a_residual_walk_worked_by_hand():
    z = torch.tensor([[3.0, 1.0]])
    books = [torch.tensor([[0.0, 0.0], [2.0, 0.0]]), torch.tensor([[1.0, 1.0], [-1.0, 0.0]])]
    codes, left = residual_codes(z, books, [squared_norms(book) for book in books])
    assert codes.tolist() == [[1, 0]]  # (3,1) is nearest to (2,0); what is left, (1,1), is the code (1,1) itself
    assert left.tolist() == [[0.0, 0.0]]


def test_residual_codes_equal_vector_quantize_pytorch():
    package = oracle("vector_quantize_pytorch")
    torch.manual_seed(0)
    z = torch.randn(300, 6)
    books = [torch.randn(16, 6), torch.randn(16, 6) * 0.5, torch.randn(16, 6) * 0.25]
    theirs = package.ResidualVQ(dim=6, num_quantizers=3, codebook_size=16).eval()
    for layer, book in zip(theirs.layers, books, strict=True):
        layer._codebook.embed.data.copy_(book[None])
        layer._codebook.initted.data.fill_(True)
    quantised, codes, _ = theirs(z)
    mine, left = residual_codes(z, books, [squared_norms(book) for book in books])
    assert torch.equal(mine, codes)
    assert torch.allclose(z - left, quantised, atol=1e-5)


def test_lsh_bits_equal_faiss():
    faiss = oracle("faiss")
    emb = np.random.default_rng(2).normal(size=(500, 20)).astype(np.float32)
    q = quantizers.create("lsh", n_levels=3, n_codes=16, centre="origin").fit(emb)
    index = faiss.IndexLSH(20, 12, True, False)  # rotate_data: its matrix is ours to set
    faiss.copy_array_to_vector(q.planes_HE.numpy().ravel(), index.rrot.A)
    packed = index.sa_encode(emb)
    assert np.array_equal(np.unpackbits(packed, axis=1, bitorder="little")[:, :12].astype(bool), q.bits(emb))


@pytest.mark.parametrize("estimator", ["ste", "rotation", "none"])
def test_one_training_step_equals_autograd(estimator, emb_IE):
    q = quantizers.create("rqvae", n_steps=1, learning_rate=0.01, estimator=estimator, **SHAPE)
    fit = q.fit_steps(emb_IE)
    next(fit)  # step 0: the codebooks are placed, nothing is learned yet
    start = {key: value.clone().requires_grad_(not key.startswith("normaliser")) for key, value in q.tensors().items()}
    next(fit)

    def through(part: str, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(x @ start[f"{part}.0.weight"].T + start[f"{part}.0.bias"])
        return x @ start[f"{part}.1.weight"].T + start[f"{part}.1.bias"]

    x = torch.from_numpy(emb_IE)
    z = left = through("encoder", x)
    loss = torch.zeros(())
    for level in range(2):
        book = start[f"codebook.{level}"]
        chosen = book[torch.cdist(left, book).argmin(1)]
        loss = loss + (left.detach() - chosen).square().sum() + 0.25 * (left - chosen.detach()).square().sum()
        left = left - chosen.detach()
    quantised = (z - left).detach()
    if estimator == "ste":
        passed = z + (quantised - z).detach()
    elif estimator == "none":
        passed = quantised
    else:  # the rotation as an explicit matrix per row, held constant
        a, b = (torch.nn.functional.normalize(v.detach(), dim=1) for v in (z, quantised))
        m = torch.nn.functional.normalize(a + b, dim=1)
        eye = torch.eye(z.shape[1])
        turn = eye - 2 * m[:, :, None] * m[:, None] + 2 * b[:, :, None] * a[:, None]
        size = quantised.norm(dim=1) / z.detach().norm(dim=1)
        passed = size[:, None] * (turn @ z[:, :, None])[:, :, 0]
        assert torch.allclose(passed, quantised, atol=1e-5)  # R turns z exactly onto q
    loss = (loss + (through("decoder", passed) - x).square().sum()) / len(x)
    loss.backward()
    for key, value in start.items():
        if value.requires_grad:
            part, number = key.split(".", 1)
            mine = q.trainer_.learned[f"bottleneck.levels.{number}.learned" if part == "codebook" else key].grad
            assert torch.allclose(mine, value.grad, rtol=1e-3, atol=2e-5), key


@pytest.mark.parametrize("estimator", ["ste", "rotation", "none"])
@pytest.mark.parametrize("beta", [0.0, 0.25, 3.0])
def test_the_derived_gradient_equals_autograd(estimator, beta, emb_IE):
    q = quantizers.create("rqvae", n_steps=1, estimator=estimator, n_levels=3, n_codes=[7, 5, 3], hidden="16", latent_width=5)
    next(q.fit_steps(emb_IE))
    trainer, x = q.trainer_, torch.from_numpy(emb_IE)
    trainer.live["beta"] = beta
    seen = {}
    trainer.model.encoder.register_forward_hook(lambda net, given, out: seen.update(z=out))
    trainer.model.decoder.register_forward_pre_hook(lambda net, given: seen.update(q=given[0].requires_grad_()))
    recon, found = trainer.forward(x)
    books = [level.learned for level in trainer.model.bottleneck.levels]
    z, (z_grad, q_grad, *book_grads) = seen["z"], torch.autograd.grad(recon + found.loss, [seen["z"], seen["q"], *books])
    mine, mine_books = rqvae_gradient.gradient(z.detach(), [book.detach() for book in books], found.codes, q_grad, beta,
                                               estimator)
    assert z_grad.abs().max() > 1e-4 or (estimator == "none" and beta == 0)
    torch.testing.assert_close(mine, z_grad, rtol=1e-4, atol=1e-6)
    for own, wanted in zip(mine_books, book_grads, strict=True):
        torch.testing.assert_close(own, wanted, rtol=1e-4, atol=1e-6)


def test_rotation_keeps_the_value_of_q_and_the_gradients_length_up_to_scale():
    torch.manual_seed(0)
    grad, z, q = torch.randn(3, 50, 8)
    z.requires_grad_()
    passed = estimators.rotation(z, q)
    torch.testing.assert_close(passed, q, rtol=1e-4, atol=1e-5)
    passed.backward(grad)
    assert torch.allclose(z.grad.norm(dim=1), grad.norm(dim=1) * q.norm(dim=1) / z.norm(dim=1).detach(), rtol=1e-4)


@pytest.mark.parametrize("tag", ["gradient", "ema", "simvq"])
def test_a_training_that_commit_906631a_began_goes_on_to_the_end_it_would_have_had_there(tag):
    """The state after 7 of 12 steps, the vectors and the weights after 12, as that commit wrote them on one thread."""
    with safe_open(Path(__file__).parent / "former" / f"checkpoint-{tag}.safetensors", "pt") as file:
        kept = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        about = file.metadata()
    state = {key[6:]: value for key, value in kept.items() if key.startswith("state.")} | json.loads(about["plain"])
    q = quantizers.create("rqvae", **json.loads(about["params"]))
    for _ in q.fit_steps(kept["emb"].numpy(), state=state):
        pass
    for name, value in q.tensors().items():
        torch.testing.assert_close(value, kept[f"end.{name}"], rtol=1e-4, atol=1e-6)
    other = quantizers.create("rqvae", **json.loads(about["params"]) | {"hidden": "24"})
    with pytest.raises(ValueError, match="use the same data and settings"):
        list(other.fit_steps(kept["emb"].numpy(), state=state))


def test_a_balanced_plan_gives_every_row_and_column_its_share():
    cost = torch.rand(60, 6, generator=torch.Generator().manual_seed(0))
    plan = sinkhorn.plan(cost, 0.2, 500)
    assert torch.allclose(plan.sum(1), torch.ones(60, dtype=torch.float64), atol=1e-9)
    assert torch.allclose(plan.sum(0), torch.full((6,), 10.0, dtype=torch.float64), atol=1e-6)


def test_residual_kmeans_errors_shrink_and_codes_are_nearest(emb_IE):
    q = quantizers.create("rkmeans", n_levels=3, n_codes=4).fit(emb_IE)
    left, errors = emb_IE.copy(), []
    for level, book in enumerate(q.codebooks()):
        codes = ((left[:, None] - book[None]) ** 2).sum(2).argmin(1)
        assert np.array_equal(codes, q.encode(emb_IE)[:, level])
        left = left - book[codes]
        errors.append((left**2).sum())
    assert errors[0] > errors[1] > errors[2]
    assert np.allclose(q.decode(q.encode(emb_IE)), emb_IE - left, atol=1e-4)


def test_without_remedies_codebooks_collapse_and_with_them_they_live():
    rng = np.random.default_rng(0)
    emb = (rng.normal(size=(30, 32))[rng.integers(30, size=600)] * 0.2 + 0.05 * rng.normal(size=(600, 32)))
    emb = emb.astype(np.float32)
    size = {"n_levels": 2, "n_codes": 32, "n_steps": 150, "batch_size": 200, "hidden": "32", "latent_width": 8}

    def perplexities(**more):
        codes = quantizers.create("rqvae", **size, **more).fit(emb).encode(emb)
        return metrics.perplexity(metrics.code_counts(codes, 32))

    assert max(perplexities(kmeans_init=False, restart_threshold=0.0)) < 3
    assert perplexities()[0] > 16
