"""One contract test over every quantizer."""

import functools
import itertools

import numpy as np
import pytest
import torch

from tests.support.elsewhere import DEVICE, SecondDevice
from tiger import quantizers
from tiger.core import params
from tiger.core.progress import result_of
from tiger.quantizers.fine_tuning import penalised_encode

SMALL = {
    "rqvae": {"n_levels": 3, "n_codes": 8, "n_steps": 12, "batch_size": 64, "hidden": "32-16", "latent_width": 8},
    "vqvae": {"n_codes": 8, "n_steps": 12, "batch_size": 64, "hidden": "32-16", "latent_width": 8},
    "fsq": {"n_levels": 3, "n_codes": 8, "n_steps": 12, "batch_size": 64, "hidden": "32-16"},
    "rkmeans": {"n_levels": 3, "n_codes": 8},
    "balanced_rkmeans": {"n_levels": 3, "n_codes": 8, "n_iterations": 5},
    "opq": {"n_levels": 3, "n_codes": 8, "n_iterations": 5},
    "lsh": {"n_levels": 3, "n_codes": 8},
    "random_codes": {"n_levels": 3, "n_codes": 8},
}
NAMES = sorted(quantizers.REGISTRY)
SWITCHES = [
    {"ema": True, "ema_decay": 0.9}, {"simvq": True}, {"sinkhorn": True, "sinkhorn_epsilon": 0.001}, {"koleo": 0.1},
    {"restart_threshold": 20.0}, {"restart_threshold": 20.0, "ema": True}, {"restart_threshold": 20.0, "simvq": True},
    {"normalise": "standardise"}, {"normalise": "centre"}, {"normalise": "l2"}, {"estimator": "rotation"}, {"kmeans_init": False},
    {"optimizer": "adamw"}, {"precision": "bfloat16"}]
"""Every remedy of the RQ-VAE, on for a small fit."""
CASES = [pytest.param(name, {}, id=name) for name in NAMES]
CASES += [pytest.param("rqvae", more, id="-".join(f"{key}={value}" for key, value in more.items())) for more in SWITCHES]


def clusters() -> np.ndarray:
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(10, 24))
    return (centres[rng.integers(10, size=200)] + 0.3 * rng.normal(size=(200, 24))).astype(np.float32)


@pytest.fixture(scope="module")
def emb_IE() -> np.ndarray:
    return clusters()


def make(name: str, **more):
    return quantizers.create(name, **{**SMALL[name], **more})


@functools.cache
def fitted(name: str, **more):
    """Fitted on the vectors above, once for all tests; they ask it and leave it as it is."""
    return make(name, **more).fit(clusters())


def test_every_quantizer_is_tested():
    assert sorted(SMALL) == NAMES


@pytest.mark.parametrize(("name", "more"), CASES)
def test_codes_have_shape_kind_and_range(name, more, emb_IE):
    q = fitted(name, **more)
    codes_IL = q.encode(emb_IE)
    assert codes_IL.shape == (200, q.n_levels) and codes_IL.dtype == np.int64
    assert codes_IL.min() >= 0 and codes_IL.max() < q.n_codes
    recon_IE = q.decode(codes_IL)
    assert recon_IE.shape == emb_IE.shape and recon_IE.dtype == np.float32 and np.isfinite(recon_IE).all()
    assert len(q.latent(emb_IE)) == 200


@pytest.mark.thorough
@pytest.mark.parametrize(("name", "more"), CASES)
def test_same_seed_same_codes_and_other_batches_change_nothing(name, more, emb_IE):
    first = fitted(name, **more).encode(emb_IE)
    again = make(name, **more).fit(emb_IE)
    assert np.array_equal(first, again.encode(emb_IE))
    assert np.array_equal(first, again.encode(emb_IE, batch_size=7))


@pytest.mark.parametrize("name", NAMES)
def test_fit_forgets_the_fit_before(name, emb_IE):
    fresh = fitted(name).encode(emb_IE)
    q = make(name).fit(np.ascontiguousarray(emb_IE[::-1] * 2))
    assert np.array_equal(q.fit(emb_IE).encode(emb_IE), fresh)


@pytest.mark.parametrize(("name", "more"), CASES)
def test_saved_and_loaded_it_says_the_same(name, more, emb_IE, tmp_path):
    q = fitted(name, **more)
    q.save(tmp_path)
    other = quantizers.load(tmp_path)
    assert params.values(other) == params.values(q)
    codes_IL = q.encode(emb_IE)
    assert np.array_equal(other.encode(emb_IE), codes_IL)
    assert np.array_equal(other.decode(codes_IL), q.decode(codes_IL))


@pytest.mark.parametrize("name", NAMES)
def test_bad_embeddings_get_one_sentence(name, emb_IE):
    broken = emb_IE.copy()
    broken[5, 2] = np.nan
    with pytest.raises(ValueError, match="row 5"):
        make(name).fit(broken)
    with pytest.raises(ValueError, match="shape"):
        make(name).fit(emb_IE[0])
    with pytest.raises(ValueError, match="wide"):
        fitted(name).encode(emb_IE[:, :5])


@pytest.mark.parametrize("name", NAMES)
def test_before_a_fit_everything_says_that_it_is_missing(name, emb_IE, tmp_path):
    q, codes_NL = make(name), np.zeros((2, SMALL[name].get("n_levels", 1)), np.int64)
    asked = [lambda: q.encode(emb_IE), lambda: q.decode(codes_NL), lambda: q.latent(emb_IE), q.tensors,
             lambda: q.save(tmp_path)]
    if fitted(name).codebooks() is not None:
        asked += [q.codebooks, lambda: q.trace(emb_IE)]
    for ask in asked:
        with pytest.raises(ValueError, match="not fitted; call fit first"):
            ask()


TRAINED = ("rqvae", "vqvae", "fsq")
HUGE_REFUSED = {(name, "none"): "normalise the embeddings" for name in TRAINED}
HUGE_REFUSED |= {(name, ""): "normalise the embeddings or scale them down" for name in ("rkmeans", "balanced_rkmeans", "opq")}


@pytest.mark.parametrize(("name", "normalise", "kmeans_init"), [
    *((name, normalise, kmeans_init) for name in TRAINED for normalise in ("none", "standardise", "centre", "l2")
      for kmeans_init in ((None,) if name == "fsq" else (True, False))),
    *((name, "", None) for name in NAMES if name not in TRAINED)])
@pytest.mark.parametrize("size", [1e25, 1e30])
@pytest.mark.filterwarnings("ignore:overflow")
def test_huge_vectors_are_refused_in_words_or_decode_to_finite_numbers(name, normalise, kmeans_init, size, emb_IE):
    """Finite, but their squares are not; what a refusal tells people to do works."""
    more = {"normalise": normalise} if normalise else {}
    if kmeans_init is not None:
        more["kmeans_init"] = kmeans_init
    if name == "fsq":
        more["learning_rate"] = 0.03  # rows of length 1 all start at the middle value
    huge_IE = emb_IE * np.float32(size)
    if words := HUGE_REFUSED.get((name, normalise)):
        with pytest.raises(ValueError, match=words):
            make(name, **more).fit(huge_IE)
        return
    q = make(name, **more).fit(huge_IE)
    codes_IL = q.encode(huge_IE)
    assert len(np.unique(codes_IL, axis=0)) > 1 and np.isfinite(q.decode(codes_IL)).all()


def test_a_learning_rate_that_blows_up_is_refused_in_words(emb_IE):
    with pytest.raises(ValueError, match=r"The loss is (inf|nan) at step \d+, .*lower the learning rate \(1 now\)"):
        make("rqvae", learning_rate=1.0, n_steps=40, hidden="128-128-128-128-128-128").fit(emb_IE)


@pytest.mark.parametrize(("name", "more"), CASES)
def test_between_two_steps_it_says_how_far_it_is_and_encodes_and_decodes(name, more, emb_IE):
    q, told = make(name, **more), []
    for progress in q.fit_steps(emb_IE):
        told.append(progress)
        codes_NL = q.encode(emb_IE[:30])
        assert codes_NL.shape == (30, q.n_levels) and (codes_NL < q.codes_per_level).all() and (codes_NL >= 0).all()
        assert q.decode(codes_NL).shape == (30, 24) and np.isfinite(q.decode(codes_NL)).all()
        if q.codebooks() is not None:
            assert [book.shape[0] for book in q.codebooks()] == q.codes_per_level
            assert np.isfinite(q.trace(emb_IE[:5])["error"]).all()
    assert told[-1].step == told[-1].n_steps
    assert all(a.step <= b.step for a, b in itertools.pairwise(told))


@pytest.mark.parametrize("name", [name for name, cls in quantizers.REGISTRY.items() if cls.can_fine_tune])
def test_fine_tuning_returns_another_quantizer_whose_codes_keep_their_numbers(name, emb_IE):
    """With an immense penalty nothing changes at all; the old one is left alone either way."""
    q = fitted(name)
    held, codes_IL = {key: value.clone() for key, value in q.tensors().items()}, q.encode(emb_IE)
    moved_IE = (emb_IE * 1.1 + 0.05).astype(np.float32)
    made = result_of(q.fine_tune_steps(moved_IE, 4))
    assert type(made) is type(q) and made is not q and params.values(made) == params.values(q)
    assert made.encode(moved_IE).shape == codes_IL.shape
    if name != "random_codes":  # whose codes know no near and far
        assert (result_of(q.fine_tune_steps(emb_IE * np.float32(1.001), 2)).encode(emb_IE) == codes_IL).mean() > 0.6
    kept = result_of(q.fine_tune_steps(moved_IE, 4, keep_IL=codes_IL, penalty=1e9))
    assert np.array_equal(penalised_encode(kept, moved_IE, codes_IL, 1e9), codes_IL)
    assert all(torch.equal(held[key], value) for key, value in q.tensors().items())
    with pytest.raises(ValueError, match="wide"):
        result_of(q.fine_tune_steps(moved_IE[:, :7], 2))


@pytest.mark.thorough
@pytest.mark.parametrize("cut", [1, 5, 11])
@pytest.mark.parametrize(("name", "more"), [case for case in CASES if quantizers.REGISTRY[case.values[0]].steppable])
def test_an_interrupted_fit_ends_bit_identical(name, more, cut, emb_IE):
    whole = fitted(name, **more)
    half = make(name, **more)
    for progress in half.fit_steps(emb_IE):
        if progress.step == cut:
            break
    state = half.training_state()
    rest = make(name, **more)
    for _ in rest.fit_steps(emb_IE, state=state):
        pass
    for key, value in whole.tensors().items():
        assert np.array_equal(value.numpy(), rest.tensors()[key].numpy()), key


def test_unknown_names_and_values_are_refused():
    with pytest.raises(ValueError, match="choose from rqvae"):
        quantizers.create("rqvea")
    with pytest.raises(ValueError, match="n_levels"):
        quantizers.create("rqvae", levels=3)
    with pytest.raises(ValueError, match="between 2 and"):
        quantizers.create("rqvae", n_codes=1)
    with pytest.raises(ValueError, match="power of two"):
        quantizers.create("lsh", n_codes=100).fit(np.ones((3, 4), np.float32))


@pytest.mark.parametrize("more", [{}, *SWITCHES], ids=str)
def test_a_step_and_a_restart_leave_no_tensor_behind_on_the_processor(more, emb_IE):
    """On a second device that every machine has; the loss is the one that the processor finds."""
    here, there = (make("rqvae", **more | {"precision": "float32"}) for _ in range(2))
    for q in (here, there):
        next(q.fit_steps(emb_IE))
    x_BE = here.trainer_.x_IE[:64]
    wanted, found = here.trainer_.forward(x_BE)
    with SecondDevice():
        trainer, model = there.trainer_, there.trainer_.model.to(DEVICE)
        trainer.device, middle = DEVICE, model.bottleneck
        middle.refresh()
        loss, part = trainer.forward(x_BE.to(DEVICE))
        (loss + part.loss).backward()
        middle.after_step()
        middle.restart(0, torch.tensor([1, 4]), trainer.generator, torch.optim.SGD([torch.zeros(1)]))
        codes_NL = middle.encode(model.encoder(x_BE.to(DEVICE)))
    assert loss.held.item() == pytest.approx(wanted.item(), rel=1e-5) and codes_NL.held.shape == (64, 3)
    assert [codes_B.held.tolist() for codes_B in part.codes] == [codes_B.tolist() for codes_B in found.codes]
