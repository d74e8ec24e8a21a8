"""Item vectors from text and from who is bought with whom: what a recommender's IDs profit from most."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from tiger.core.params import param
from tiger.core.words import none_of
from tiger.datasets import embed
from tiger.datasets.base import RawCatalogue

HELD_OUT = 2  # the validation and the test item of every history are never looked at


@dataclass
class TextAndCooccurrence:
    """TF-IDF text vectors beside vectors of which items stand near each other in training histories.

    Co-occurrences within a window, nearer ones counted more, become positive pointwise mutual information (PPMI)
    and are folded by a truncated SVD. Both halves have length 1 before they are weighted and joined. A catalogue
    whose texts have no word gets the co-occurrence half alone.

    Source: Levy and Goldberg 2014, Neural word embedding as implicit matrix factorization.
    """

    title: ClassVar[str] = "Text and co-occurrence"
    summary: ClassVar[str] = "TF-IDF text vectors, if there are texts, concatenated with co-occurrence vectors (PPMI and SVD)."

    dim: int = param(256, "Dimension of the text part.", low=2, high=2048)
    item_dim: int = param(128, "Dimension of the co-occurrence part.", low=2, high=2048)
    text_weight: float = param(1.0, "Norm of the text part; the co-occurrence part has norm 1.", low=0.0, high=10.0)
    window: int = param(5, "Largest distance of two items in a history that count as co-occurring.", low=1, high=50)
    seed: int = param(0, "Seed of the randomised SVDs.", low=0, high=2**31 - 1)

    def read(self, raw: RawCatalogue) -> np.ndarray:
        """Vectors (I, dim + item_dim) float32; narrower where the catalogue does not allow as many.

        Raises:
            ValueError: no two items meet in any training history.
        """
        texts = raw.items["text"].tolist()
        if not embed.has_words(texts):
            return self.cooccurrence(raw)
        text_IE = embed.embed_cached(texts, "tfidf", dim=self.dim, seed=self.seed)
        return np.concatenate([self.text_weight * text_IE, self.cooccurrence(raw)], axis=1).astype(np.float32)

    def cooccurrence(self, raw: RawCatalogue) -> np.ndarray:
        """The co-occurrence half (I, item_dim), rows of length 1; zeros for items that meet no other."""
        from scipy.sparse import csr_array
        from sklearn.decomposition import TruncatedSVD

        ppmi = ppmi_matrix(raw.indptr_U1, raw.history_items, len(raw.items), self.window)
        if ppmi.nnz == 0:
            raise ValueError(_nothing_met(raw))
        svd = TruncatedSVD(min(self.item_dim, len(raw.items) - 1), random_state=self.seed)
        item_IE = svd.fit_transform(csr_array(ppmi)) / np.sqrt(np.maximum(svd.singular_values_, 1e-9))
        return embed.unit_rows(item_IE)


def _nothing_met(raw: RawCatalogue) -> str:
    if embed.has_words(raw.items["text"].tolist()):
        return ("No two items occur together in any training history, so there is no co-occurrence to learn from; "
                "choose the tfidf embedding.")
    return (f"{none_of(len(raw.items), 'item').capitalize()} has a word in its text, and no two items occur together in any "
            f"training history (all but the last {HELD_OUT} items of a user); name a text column, or bring your own embedding.")


def ppmi_matrix(indptr_U1: np.ndarray, history_items: np.ndarray, n_items: int, window: int) -> Any:
    """Positive pointwise mutual information of items in training histories, sparse symmetric (I, I).

    A pair d places apart counts 1/d. PMI(i, j) = log(n_ij n / (n_i n_j)), kept where positive.
    """
    from scipy.sparse import coo_array

    end_U = np.maximum(indptr_U1[1:] - HELD_OUT, indptr_U1[:-1])
    end_N = np.repeat(end_U, np.diff(indptr_U1))  # where the training part of each interaction's history ends
    place_N = np.arange(len(history_items))
    left, right, count = [], [], []
    for distance in range(1, window + 1):
        first = place_N[place_N + distance < end_N]
        left.append(history_items[first])
        right.append(history_items[first + distance])
        count.append(np.full(len(first), 1.0 / distance))
    i, j, n = (np.concatenate(part) for part in (left, right, count))
    pair = coo_array((np.r_[n, n], (np.r_[i, j], np.r_[j, i])), shape=(n_items, n_items)).tocsr()
    n_I, pair = pair.sum(axis=1), pair.tocoo()
    row, column = pair.coords
    pmi = np.log(pair.data * n_I.sum() / (n_I[row] * n_I[column]))
    keep = pmi > 0
    return coo_array((pmi[keep], (row[keep], column[keep])), shape=(n_items, n_items))
