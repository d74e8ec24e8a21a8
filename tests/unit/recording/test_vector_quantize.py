"""The adapter for vector-quantize-pytorch on the real package: what the hook records, a collapse, and its cure."""

import inspect
import re

import numpy as np
import pytest
import torch
from torch import nn

from tests.support.oracles import Later
from tests.support.training import clusters
from tiger import datasets, metrics, reports, runs
from tiger.analysis.doctor import libraries
from tiger.recording import recorder as recorder_module
from tiger.recording.vector_quantize import watch_quantizer

vqp = Later("vector_quantize_pytorch")

DIM = 6
MODULES = {
    "VectorQuantize": (lambda: vqp.VectorQuantize(dim=DIM, codebook_size=12), [12], True),
    "two heads": (lambda: vqp.VectorQuantize(dim=DIM, codebook_size=12, heads=2, codebook_dim=3, separate_codebook_per_head=True),
                  [12, 12], False),
    "ResidualVQ": (lambda: vqp.ResidualVQ(dim=DIM, num_quantizers=3, codebook_size=12), [12] * 3, True),
    "unequal levels": (lambda: vqp.ResidualVQ(dim=DIM, codebook_size=(12, 7)), [12, 7], True),
    "cosine": (lambda: vqp.ResidualVQ(dim=DIM, num_quantizers=2, codebook_size=9, use_cosine_sim=True), [9, 9], False),
    "SimVQ": (lambda: vqp.SimVQ(dim=DIM, codebook_size=10), [10], True),
    "ResidualSimVQ": (lambda: vqp.ResidualSimVQ(dim=DIM, num_quantizers=2, codebook_size=10), [10, 10], True),
    "FSQ": (lambda: vqp.FSQ(levels=[5, 3], dim=DIM), [15], False),
    "ResidualFSQ": (lambda: vqp.ResidualFSQ(dim=DIM, levels=[5, 3, 3], num_quantizers=2), [45, 45], False),
    "LFQ": (lambda: vqp.LFQ(dim=DIM, codebook_size=16), [16], False),
    "ResidualLFQ": (lambda: vqp.ResidualLFQ(dim=DIM, codebook_size=8, num_quantizers=2), [8, 8], False)}
"""Quantizer, codes of each level, and whether the nearest vectors of its codebooks are its codes."""

GOOD = {"dim": DIM, "num_quantizers": 2, "codebook_size": 32, "kmeans_init": True, "threshold_ema_dead_code": 2}


@pytest.fixture(autouse=True)
def _workspace(tiger_home, monkeypatch):
    monkeypatch.setattr(recorder_module, "KEEP_S", 0.0)
    monkeypatch.setattr(recorder_module, "KEEP_SHARE", 1e9)


@pytest.mark.parametrize("name", MODULES)
def test_the_hook_records_the_codes_and_codebooks_of_the_training_passes(name):
    make, sizes, _ = MODULES[name]
    torch.manual_seed(0)
    module, x = make(), torch.randn(40, DIM)
    hook = watch_quantizer(module, name, embeddings=x, every=2)
    seen = {}
    for step in range(5):
        hook.rows = rows = torch.randperm(40)[:30]
        seen[step] = rows, module(x[rows][None])[1]
    module.eval()
    module(x[None])  # nobody trains here
    hook.close(latents=x)
    run = runs.find(hook.recorder.run.id)
    assert run.codes_per_level() == sizes and [event["step"] for event in run.events()[0]] == [0, 2, 4]
    rows, codes = seen[0]
    kept = run.snapshot(0)
    assert dict(zip(kept["rows"].tolist(), kept["codes"].tolist(), strict=True)) == dict(
        zip(rows.tolist(), codes.reshape(30, len(sizes)).tolist(), strict=True))
    assert np.array_equal(run.codes(), module(x[None])[1].reshape(40, len(sizes)).numpy())
    assert [book.shape[0] for book in run.recorded_codebooks()] == sizes


@pytest.mark.parametrize("name", [name for name, (_, _, nearest) in MODULES.items() if nearest])
def test_the_recorded_codebooks_give_the_recorded_codes(name):
    """Residual nearest code, computed here from what was kept."""
    torch.manual_seed(1)
    module, x = MODULES[name][0](), torch.randn(40, DIM)
    hook = watch_quantizer(module, name, embeddings=x)
    hook.close(latents=x)
    run, left_IZ = runs.find(hook.recorder.run.id), x.numpy().astype(np.float64)
    for level, book_KZ in enumerate(run.recorded_codebooks()):
        nearest = ((left_IZ[:, None] - book_KZ[None]) ** 2).sum(2).argmin(1)
        assert np.array_equal(nearest, run.codes()[:, level])
        left_IZ = left_IZ - book_KZ[nearest]


def test_settings_are_read_as_the_package_has_them():
    cold = vqp.ResidualVQ(dim=DIM, num_quantizers=2, codebook_size=9, commitment_weight=0.5, decay=0.9)
    warm = vqp.ResidualVQ(dim=DIM, num_quantizers=2, codebook_size=9, kmeans_init=True, threshold_ema_dead_code=2)
    hooks = [watch_quantizer(module, embeddings=np.ones((4, DIM))) for module in (cold, warm)]
    found = [hook.recorder.run.config.recording.settings for hook in hooks]
    wanted = {"kmeans_init": False, "threshold_ema_dead_code": 0, "commitment_weight": 0.5, "decay": 0.9, "ema_update": True}
    assert {name: found[0][name] for name in wanted} == wanted
    assert found[1]["kmeans_init"] is True and found[1]["threshold_ema_dead_code"] == 2


def test_a_module_that_was_trained_before_does_not_tell_how_it_began():
    module = vqp.ResidualVQ(dim=DIM, num_quantizers=2, codebook_size=9)
    module(torch.randn(1, 20, DIM))
    assert "kmeans_init" not in watch_quantizer(module, embeddings=np.ones((4, DIM))).recorder.run.config.recording.settings


def test_other_modules_are_refused_by_name():
    with pytest.raises(ValueError, match=r"'Linear' is no quantizer that this adapter knows \(VectorQuantize, ResidualVQ"):
        watch_quantizer(nn.Linear(2, 2), embeddings=np.ones((4, 2)))


@pytest.mark.parametrize(("library", "classes"), [
    (libraries.VECTOR_QUANTIZE, ("ResidualVQ", "VectorQuantize")), (libraries.SIM_VQ, ("ResidualSimVQ", "SimVQ")),
    (libraries.LFQ, ("LFQ",))], ids=["VQ", "SimVQ", "LFQ"])
def test_every_setting_that_a_remedy_names_exists_in_the_package(library, classes):
    known = {name for cls in classes for name in inspect.signature(getattr(vqp, cls).__init__).parameters}
    words = [word for name, word in library.words.items() if name not in libraries.LOOP]
    said = " ".join(word(True) if callable(word) else word for word in words)
    named = set(re.findall(r"(\w+)=", said))
    assert named and named <= known


def trained(module: nn.Module, title: str, n_steps: int = 120) -> tuple[runs.Run, dict[int, list[float]]]:
    """Train an autoencoder around a quantizer, recorded; the run, and the true perplexity of all items at some steps."""
    torch.manual_seed(0)
    x = torch.from_numpy(clusters(600, 24))
    encoder, decoder = nn.Linear(24, DIM), nn.Linear(DIM, 24)
    optimiser = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=2e-3)
    hook = watch_quantizer(module, title, embeddings=x, every=5, item_ids=[f"i{number}" for number in range(600)])
    draw = torch.Generator().manual_seed(0)
    true = {}
    for step in range(n_steps):
        hook.rows = rows = torch.randint(0, 600, (256,), generator=draw)
        quantised, _, loss = module(encoder(x[rows])[None])
        loss = loss.sum() + (decoder(quantised[0]) - x[rows]).square().sum(1).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if hook.due:
            hook.losses(loss=loss, learning_rate=2e-3)
            codes_IL = hook.encode(encoder(x))
            true[step + 1] = metrics.perplexity(metrics.code_counts(codes_IL, 32)).tolist()
    hook.close(latents=encoder(x))
    return runs.find(hook.recorder.run.id), true


@pytest.mark.thorough
def test_a_collapse_is_named_while_it_trains_and_cured_by_what_the_doctor_says():
    """No k-means, no restart and codes far from the latents: a few codes get everything."""
    far = vqp.ResidualVQ(dim=DIM, num_quantizers=2, codebook_size=32, decay=0.99)
    for layer in far.layers:
        layer._codebook.embed.mul_(20)
        layer._codebook.embed_avg.mul_(20)
    run, _ = trained(far, "collapses")
    cat = datasets.load_ref(run.config.dataset)
    found = reports.diagnose(run, cat)
    assert found.disease in ("total_collapse", "level_starvation")
    assert found.remedies[0].how == "kmeans_init=True, threshold_ema_dead_code=2"
    cured, _ = trained(vqp.ResidualVQ(**GOOD), "cured")
    assert cured.config.dataset == run.config.dataset  # so that both stand beside each other
    after = reports.diagnose(cured, cat)
    assert min(after.signs.use) > 0.5 > 0.25 > min(found.signs.use)
    assert not any("kmeans_init" in remedy.how for remedy in after.remedies)


def test_the_windows_perplexity_is_close_to_that_of_all_items():
    run, true = trained(vqp.ResidualVQ(**GOOD), "healthy")
    seen = {event["step"]: event["perplexity"] for event in run.events()[0]}
    late = [step for step in true if step in seen and step >= 80]
    assert late and all(np.allclose(seen[step], true[step], rtol=0.2) for step in late)
