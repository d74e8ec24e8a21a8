"""People by what they like: interests that can be searched, users who have them, and what one history tells.

An interest is a category (any part of a path) or a word of titles. A user's taste for it scores p log(p / q): p is its share of
the user's items, q of all interactions. That is the score that names branches (``tree.typical_words``), with a user as the class.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from tiger.analysis import tree
from tiger.analysis.tree import WordCounts
from tiger.datasets.catalogue import Catalogue

MAX_TERMS, MAX_CHARS = 3, 80
FEWEST = 3  # items of a user, so that one can be held out
GENERAL = 3  # letters of a word that may begin another one: "cand" finds candles


@dataclass(frozen=True)
class Person:
    """A user who likes what was asked for.

    Args:
        likes: their tastes in words.
        counts: how many of their items belong to each interest.
        items: some of these items, newest first.
    """

    user: int
    likes: str
    n_items: int
    counts: tuple[int, ...]
    items: tuple[int, ...]


@dataclass(frozen=True)
class Interests:
    """What a catalogue's items are about, looked up fast.

    Args:
        words: of the titles, ``branches.Texts``.
        part_names: every part of every category path; part_IC: which item has which.
        label_I: an item's category at its second level, or at the first where the path ends there; None without categories.
    """

    cat: Catalogue
    words: WordCounts
    part_names: tuple[str, ...]
    part_IC: sparse.csr_matrix
    label_I: np.ndarray | None

    @classmethod
    def of(cls, cat: Catalogue, words: WordCounts) -> "Interests":
        """Read the category paths once."""
        path = cat.items["category"].fillna("").astype(str).str.strip().str.split(r"\s*>\s*", regex=True)
        parts = path.explode()
        parts = parts[parts != ""]
        number_N, names = pd.factorize(parts, sort=True)
        one = sparse.csr_matrix((np.ones(len(parts), np.float32), (parts.index.to_numpy(), number_N)),
                                (cat.n_items, len(names)))
        one.data[:] = 1.0
        label_I = path.map(lambda parts: parts[:2][-1]).to_numpy(object) if len(names) else None
        return cls(cat, words, tuple(map(str, names)), one, label_I)


def terms(text: str, known: Sequence[str]) -> list[str]:
    """The interests that a text names: between commas, and at "and" where it does not stand in a category's own name."""
    names = {name.casefold() for name in known}
    found: list[str] = []
    for part in re.split(r"[,;+&]", text[:MAX_CHARS]):
        part = " ".join(part.split())
        pieces = [part] if part.casefold() in names else re.split(r"\s+and\s+", part, flags=re.IGNORECASE)
        found += [piece for piece in pieces if piece]
    return list(dict.fromkeys(found))[:MAX_TERMS]


def items_of(about: Interests, term: str) -> np.ndarray:
    """Which items belong to an interest (I,) bool: those of the category of this name, else of any that it begins a word of,
    and those with such words in their titles; every word of the interest must be there."""
    wanted = term.casefold()
    exact = [at for at, name in enumerate(about.part_names) if name.casefold() == wanted]
    if exact:
        return np.asarray(about.part_IC[:, exact].sum(1)).ravel() > 0
    found = np.ones(about.cat.n_items, bool)
    for word in re.findall(r"\w+", wanted):
        word = word if len(word) <= GENERAL else word.removesuffix("s")
        begins = re.compile(rf"\b{re.escape(word)}" + ("" if len(word) >= GENERAL else r"\b"))
        parts = [at for at, name in enumerate(about.part_names) if begins.search(name.casefold())]
        titles = [at for at, name in enumerate(about.words.names) if begins.match(name)]
        found &= (np.asarray(about.part_IC[:, parts].sum(1)).ravel() > 0) | (
            np.asarray(about.words.word_IV[:, titles].sum(1)).ravel() > 0)
    return found


def who_likes(about: Interests, wanted: Sequence[str], at_most: int = 12) -> list[Person]:
    """Users with these interests: those who have most of them first, then by the sum of their scores.

    The newest item of a history does not count, since it is held out.
    """
    cat = about.cat
    length_U = np.diff(cat.indptr_U1)
    read_N = np.ones(cat.n_interactions, bool)
    read_N[cat.indptr_U1[1:][length_U >= FEWEST] - 1] = False
    user_N = np.repeat(np.arange(cat.n_users), length_U)[read_N]
    item_N = cat.history_items[read_N]
    n_U = np.bincount(user_N, minlength=cat.n_users)
    count_UC = np.stack([np.bincount(user_N, items_of(about, term)[item_N], cat.n_users) for term in wanted], 1)
    p_UC = count_UC / np.maximum(n_U, 1)[:, None]
    q_C = np.maximum(count_UC.sum(0) / max(len(item_N), 1), 1e-12)
    with np.errstate(divide="ignore", invalid="ignore"):
        score_U = np.where(p_UC > 0, p_UC * np.log(p_UC / q_C), 0.0).sum(1)
    has_U = (count_UC > 0).sum(1)
    order = np.lexsort((np.arange(cat.n_users), -score_U, -has_U))
    order = order[(has_U[order] > 0) & (length_U[order] >= FEWEST)][:at_most]
    any_I = np.any([items_of(about, term) for term in wanted], axis=0)
    return [Person(int(user), tastes(about, cat.history(int(user))[:-1]), int(n_U[user]), tuple(map(int, count_UC[user])),
                   tuple(int(item) for item in cat.history(int(user))[:-1][::-1] if any_I[item])[:4]) for user in order]


def tastes(about: Interests, items: Sequence[int] | np.ndarray, k: int = 2) -> str:
    """What a history is about: its most typical categories of the second level (of the only one where there is one), or words."""
    items_T = np.asarray(items, np.int64)
    if not len(items_T):
        return ""
    label_I = about.label_I
    if label_I is None:
        member = sparse.csr_matrix((np.ones(len(items_T), np.float32), (np.zeros(len(items_T), np.int64), items_T)),
                                   (1, about.cat.n_items))
        member.data[:] = 1.0
        return _joined(tree.typical_words(member, about.words, k)[0].split(", "))
    share = pd.Series(label_I[items_T]).value_counts(normalize=True)
    rare = pd.Series(label_I).value_counts(normalize=True)
    score = share * np.log(share / rare.reindex(share.index))
    best = score[share.index != ""].sort_values(ascending=False, kind="stable").head(k)
    return _joined([str(name) for name in best.index])


def popular(about: Interests, k: int = 10) -> list[str]:
    """Interests to offer before anybody typed: those that most users have."""
    cat, label_I = about.cat, about.label_I
    if label_I is not None:
        counts = pd.Series(label_I[cat.history_items]).value_counts()
        return [str(name) for name in counts.index if name][:k]
    n_I = np.bincount(cat.history_items, minlength=cat.n_items)
    count_V = np.asarray(about.words.word_IV.T @ n_I).ravel()
    return [str(about.words.names[at]) for at in np.argsort(-count_V, kind="stable")[:k]]


def _joined(names: Sequence[str]) -> str:
    return ", ".join(name for name in names if name)
