"""What a branch is about: its typical words, its categories; and categories themselves as a tree."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import sparse


def category_codes(category_I: Sequence[str] | np.ndarray, n_levels: int | None = None) -> np.ndarray:
    """Category paths ("Beauty > Hair > Shampoo") as codes, so that they can be compared like semantic IDs.

    A path that ends early keeps code 0 ("no finer category") below; items without a category get -1.
    """
    paths = pd.Series(category_I, dtype=object).fillna("").astype(str).str.strip()
    parts = paths.str.split(r"\s*>\s*", regex=True, expand=True).fillna("")
    width = max(n_levels or parts.shape[1], 1)
    codes_IL = np.zeros((len(paths), width), np.int64)
    for level in range(min(width, parts.shape[1])):
        text = parts[level].to_numpy(object)
        names = sorted(set(text) - {""})
        codes_IL[:, level] = pd.Categorical(text, ["", *names]).codes
    codes_IL[(paths == "").to_numpy()] = -1
    return codes_IL


def word_counts(texts: Sequence[str], max_summary: int = 20_000) -> tuple[sparse.csr_matrix, np.ndarray]:
    """Which word occurs in which text: (I, words) sparse 0/1, and the words."""
    from sklearn.feature_extraction.text import CountVectorizer

    counter = CountVectorizer(binary=True, max_features=max_summary, stop_words="english", dtype=np.float32,
                              token_pattern=r"(?u)\b[^\W\d_]\w+\b")
    try:
        found = counter.fit_transform(texts)
    except ValueError:  # no words at all
        return sparse.csr_matrix((len(texts), 0), dtype=np.float32), np.empty(0, object)
    return found, counter.get_feature_names_out()


def typical_words(member_PI: sparse.csr_matrix, words: tuple[sparse.csr_matrix, np.ndarray],
                  k: int = 4) -> list[str]:
    """The k words that tell each branch apart from the rest, as one string a branch.

    A word scores p log(p / q): p is its share of the branch's items, q of all items (its part of the
    Kullback-Leibler divergence). Only words above their overall share count.
    """
    word_IV, names = words
    total = max(word_IV.shape[0], 1)
    q_V = np.asarray(word_IV.sum(0)).ravel() / total
    count_PV = (member_PI @ word_IV).tocsr()
    size_P = np.asarray(member_PI.sum(1)).ravel()
    found = []
    for row in range(count_PV.shape[0]):
        at = slice(count_PV.indptr[row], count_PV.indptr[row + 1])
        word_N, p_N = count_PV.indices[at], count_PV.data[at] / max(size_P[row], 1)
        score_N = p_N * np.log(p_N / q_V[word_N])
        best = np.argsort(-score_N, kind="stable")[:k]
        found.append(", ".join(names[word_N[n]] for n in best if score_N[n] > 1e-6))
    return found


def category_mix(member_PI: sparse.csr_matrix, category_I: Sequence[str] | np.ndarray, k: int = 3) -> list[str]:
    """The k commonest categories of each branch with their shares: "Hair 62 %, Skin 20 %"."""
    number_I, names = pd.factorize(pd.Series(category_I, dtype=object).fillna("").astype(str))
    one_IC = sparse.csr_matrix((np.ones(len(number_I), np.float32), (np.arange(len(number_I)), number_I)))
    count_PC = (member_PI @ one_IC).tocsr()
    found = []
    for row in range(count_PC.shape[0]):
        at = slice(count_PC.indptr[row], count_PC.indptr[row + 1])
        label_N, n_N = count_PC.indices[at], count_PC.data[at]
        best = np.argsort(-n_N, kind="stable")[:k]
        total = max(float(n_N.sum()), 1.0)
        found.append(", ".join(f"{names[label_N[n]] or 'none'} {n_N[n] / total:.0%}" for n in best))
    return found
