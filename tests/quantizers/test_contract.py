"""One contract test over every quantizer."""

import itertools

import numpy as np
import pytest

from tiger import params, quantizers

SMALL = {
    "rqvae": {"n_levels": 3, "n_codes": 8, "n_steps": 12, "batch_size": 64, "hidden": "32-16", "latent_width": 8},
    "vqvae": {"n_codes": 8, "n_steps": 12, "batch_size": 64, "hidden": "32-16", "latent_width": 8},
    "rkmeans": {"n_levels": 3, "n_codes": 8},
    "lsh": {"n_levels": 3, "n_codes": 8},
    "random_codes": {"n_levels": 3, "n_codes": 8},
}
NAMES = sorted(quantizers.REGISTRY)


@pytest.fixture(scope="module")
def emb_IE() -> np.ndarray:
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(10, 24))
    return (centres[rng.integers(10, size=200)] + 0.3 * rng.normal(size=(200, 24))).astype(np.float32)


def make(name: str, **more):
    return quantizers.create(name, **{**SMALL[name], **more})


def test_every_quantizer_is_tested():
    assert sorted(SMALL) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_codes_have_shape_kind_and_range(name, emb_IE):
    q = make(name).fit(emb_IE)
    codes_IL = q.encode(emb_IE)
    assert codes_IL.shape == (200, q.n_levels) and codes_IL.dtype == np.int64
    assert codes_IL.min() >= 0 and codes_IL.max() < q.n_codes
    recon_IE = q.decode(codes_IL)
    assert recon_IE.shape == emb_IE.shape and recon_IE.dtype == np.float32 and np.isfinite(recon_IE).all()
    assert len(q.latent(emb_IE)) == 200


@pytest.mark.parametrize("name", NAMES)
def test_same_seed_same_codes_and_other_batches_change_nothing(name, emb_IE):
    first = make(name, seed=3).fit(emb_IE).encode(emb_IE)
    again = make(name, seed=3).fit(emb_IE)
    assert np.array_equal(first, again.encode(emb_IE))
    assert np.array_equal(first, again.encode(emb_IE, batch_size=7))


@pytest.mark.parametrize("name", NAMES)
def test_fit_forgets_the_fit_before(name, emb_IE):
    fresh = make(name).fit(emb_IE).encode(emb_IE)
    q = make(name).fit(np.ascontiguousarray(emb_IE[::-1] * 2))
    assert np.array_equal(q.fit(emb_IE).encode(emb_IE), fresh)


@pytest.mark.parametrize("name", NAMES)
def test_saved_and_loaded_it_says_the_same(name, emb_IE, tmp_path):
    q = make(name).fit(emb_IE)
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
        make(name).fit(emb_IE).encode(emb_IE[:, :5])


@pytest.mark.parametrize("name", NAMES)
def test_a_fit_says_how_far_it_is(name, emb_IE):
    told = list(make(name).fit_steps(emb_IE))
    assert told[-1].step == told[-1].n_steps
    assert all(a.step <= b.step for a, b in itertools.pairwise(told))


@pytest.mark.parametrize("cut", [1, 5, 11])
@pytest.mark.parametrize("name", [name for name in NAMES if quantizers.REGISTRY[name].steppable])
def test_an_interrupted_fit_ends_bit_identical(name, cut, emb_IE):
    whole = make(name).fit(emb_IE)
    half = make(name)
    for progress in half.fit_steps(emb_IE):
        if progress.step == cut:
            break
    state = half.training_state()
    rest = make(name)
    for _ in rest.fit_steps(emb_IE, state=state):
        pass
    for key, value in whole.tensors().items():
        assert np.array_equal(value.numpy(), rest.tensors()[key].numpy()), key


def test_unknown_names_and_values_are_refused():
    with pytest.raises(ValueError, match="known are rqvae"):
        quantizers.create("rqvea")
    with pytest.raises(ValueError, match="n_levels"):
        quantizers.create("rqvae", levels=3)
    with pytest.raises(ValueError, match="between 2 and"):
        quantizers.create("rqvae", n_codes=1)
    with pytest.raises(ValueError, match="power of two"):
        quantizers.create("lsh", n_codes=100).fit(np.ones((3, 4), np.float32))
