"""What a branch is about: its typical words, its categories; and categories themselves as a tree."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import sparse


class WordCounts(NamedTuple):
    """Which word occurs in which text.

    Args:
        word_IV: sparse 0/1, a row a text.
        names: the words, in alphabetical order.
        share_V: share of the texts that each word occurs in.
    """

    word_IV: sparse.csr_matrix
    names: np.ndarray
    share_V: np.ndarray


class Groups(NamedTuple):
    """Which item is in which of some groups: sparse 0/1, a row an item, and what each group is called."""

    member_IC: sparse.csr_matrix
    names: np.ndarray


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


# What names no thing: units and packs, and the articles and prepositions of titles in other languages than English.
UNITS = ("mm cm dm km inch inches feet foot yard yards ml cl dl liter liters litre litres gallon quart pint ounce ounces fluid "
         "gram grams kilo kilogram pound pounds lbs lb oz fl kg mg mah tb gb watt watts volt volts pack packs pcs piece pieces "
         "set sets count ct pair pairs box size small medium large mini extra new edition volume vol part inc ltd")
ARTICLES = ("la le les lo il el los las un une uno una der die das den dem des ein eine de del della di du da do dos et und en "
            "em au aux zu von van het")


def word_counts(texts: Sequence[str], max_words: int = 20_000) -> WordCounts:
    """Which word occurs in which text; numbers, units and stop words are none."""
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS, CountVectorizer

    common = [*ENGLISH_STOP_WORDS, *UNITS.split(), *ARTICLES.split()]
    counter = CountVectorizer(binary=True, max_features=max_words, dtype=np.float32, stop_words=common,
                              token_pattern=r"(?u)\b[^\W\d_]{2,}\b")
    try:
        found = counter.fit_transform(texts)
    except ValueError:  # no words at all
        found, names = sparse.csr_matrix((len(texts), 0), dtype=np.float32), np.empty(0, object)
    else:
        names = counter.get_feature_names_out()
    return WordCounts(found, names, np.asarray(found.sum(0)).ravel() / max(len(texts), 1))


def typical_words(member_PI: sparse.csr_matrix, words: WordCounts, k: int = 4) -> list[str]:
    """The k words that tell each branch apart from the rest, as one string a branch.

    A word scores p log(p / q): p is its share of the branch's items, q of all items. That is class-based TF-IDF with the
    branch as the class (p is the term frequency, log(1 / q) the inverse document frequency), less p log(1 / p), so that a
    word as common inside as outside scores 0. Only words of at least two of the branch's items count, unless it has one.

    Source:
        Grootendorst 2022, "BERTopic", section 3.3 (class-based TF-IDF); the score is a summand of the Kullback-Leibler
        divergence between branch and catalogue.
    """
    count_PV = (member_PI @ words.word_IV).tocsr()
    size_P = np.asarray(member_PI.sum(1)).ravel()
    size_X = np.repeat(size_P, np.diff(count_PV.indptr))  # X: of a word in a branch
    p_X = count_PV.data / np.maximum(size_X, 1)
    score_X = np.where(count_PV.data >= np.minimum(2, size_X), p_X * np.log(p_X / words.share_V[count_PV.indices]), 0.0)
    found = []
    for row in range(count_PV.shape[0]):
        at = slice(count_PV.indptr[row], count_PV.indptr[row + 1])
        word_N, score_N = count_PV.indices[at], score_X[at]
        best = np.lexsort((word_N, -score_N))[:k]  # equals in alphabetical order
        found.append(", ".join(words.names[word_N[n]] for n in best if score_N[n] > 1e-6))
    return found


def branch_names(member_PI: sparse.csr_matrix, parent_P: np.ndarray, words: Sequence[str],
                 categories: Sequence[Groups]) -> list[str]:
    """A name a person would give each branch: its category where one dominates, else its two most typical words.

    A category dominates where at least ``DOMINANT`` of the branch's items are in it; of a path ("Outdoor > Tents") the
    deepest part counts that does. A branch whose parent or sibling has the same category adds its most typical word, so
    that the two can be told apart.

    Args:
        parent_P: row of the branch above, in ``member_PI``; -1 for none.
        words: ``typical_words`` of the same branches.
        categories: ``category_groups``.
    """
    category = _dominant(member_PI, categories)
    alike = Counter(zip(parent_P.tolist(), category, strict=True))
    found: list[str] = []
    for row, name in enumerate(category):
        telling = [word for word in words[row].split(", ") if word and not _says(name, word)]
        above = category[parent_P[row]] if parent_P[row] >= 0 else ""
        if not name:
            found.append(", ".join(telling[:2]))
        else:
            shared = alike[int(parent_P[row]), name] > 1
            found.append(", ".join([name, *telling[:1]]) if shared or name == above else name)
    return found


DOMINANT = 0.6  # share of a branch's items that makes a category its name


def _dominant(member_PI: sparse.csr_matrix, categories: Sequence[Groups]) -> list[str]:
    """The deepest part of a category path that dominates each branch; "" for none."""
    found = [""] * member_PI.shape[0]
    size_P = np.maximum(np.asarray(member_PI.sum(1)).ravel(), 1)
    for member_IC, names in categories:
        count_PC = (member_PI @ member_IC).tocsr()
        for row in np.flatnonzero(np.diff(count_PC.indptr)):
            at = slice(count_PC.indptr[row], count_PC.indptr[row + 1])
            best = int(np.argmax(count_PC.data[at]))
            if count_PC.data[at][best] >= DOMINANT * size_P[row]:
                found[row] = names[count_PC.indices[at][best]]
    return found


def category_groups(category_I: Sequence[str] | np.ndarray) -> list[Groups]:
    """Items by the first part of their category paths, by the first two, and so on; a group is called by its last part."""
    which_I, paths = pd.factorize(pd.Series(category_I, dtype=object).fillna("").astype(str))
    path = pd.Series(paths, dtype=object).str.strip().str.split(r"\s*>\s*", regex=True)  # there are far fewer than items
    found = []
    for depth in range(1, int(path.str.len().max() or 0) + 1):
        number, names = pd.factorize(path.map(lambda parts, n=depth: tuple(parts[:n]) if len(parts) >= n and parts[0] else None))
        if len(names):
            found.append(_groups(number[which_I], [name[-1] for name in names]))
    return found


def label_groups(label_I: Sequence[str] | np.ndarray) -> Groups:
    """Items by their label; items without one are a group, too, called ""."""
    number_I, names = pd.factorize(pd.Series(label_I, dtype=object).fillna("").astype(str))
    return _groups(number_I, names)


def _groups(number_I: np.ndarray, names: Sequence[str] | np.ndarray) -> Groups:
    """``number_I``: each item's group, -1 for none."""
    known = np.flatnonzero(number_I >= 0)
    member_IC = sparse.csr_matrix((np.ones(len(known), np.float32), (known, number_I[known])), (len(number_I), len(names)))
    return Groups(member_IC, np.array(names, object))


def _says(name: str, word: str) -> bool:
    """Whether a category's name already says a word, in the singular or the plural."""
    return word.rstrip("s") in {part.rstrip("s") for part in name.lower().split()}


def category_mix(member_PI: sparse.csr_matrix, labels: Groups, k: int = 3) -> list[str]:
    """The k commonest labels of each branch with their shares: "Hair 62 %, Skin 20 %"."""
    count_PC = (member_PI @ labels.member_IC).tocsr()
    found = []
    for row in range(count_PC.shape[0]):
        at = slice(count_PC.indptr[row], count_PC.indptr[row + 1])
        label_N, n_N = count_PC.indices[at], count_PC.data[at]
        best = np.argsort(-n_N, kind="stable")[:k]
        total = max(float(n_N.sum()), 1.0)
        found.append(", ".join(f"{labels.names[label_N[n]] or 'none'} {n_N[n] / total:.0%}" for n in best))
    return found
