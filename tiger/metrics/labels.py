"""Do prefixes mean anything? Category purity and mutual information against a shuffled-label null."""

from dataclasses import dataclass

import numpy as np

from tiger.core.words import counted, there
from tiger.metrics.codes import entropy, prefix_numbers


def label_numbers(labels: np.ndarray) -> np.ndarray:
    """Turn any labels (strings, numbers) into 0..n-1; empty or missing labels become -1."""
    import pandas as pd  # here, so that this module loads with numpy alone
    number_N, values = pd.factorize(np.asarray(labels))
    blank = np.array([isinstance(value, str) and not value.strip() for value in values], bool)
    if blank.any():
        new_number = np.where(blank, -1, np.cumsum(~blank) - 1)
        number_N = np.where(number_N < 0, -1, new_number[number_N])
    return number_N.astype(np.int64)


def pair_counts(group_N: np.ndarray, label_N: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sparse contingency table: the groups of the pairs that occur, and how often each occurs.

    Sorted by group. Memory is bounded by N, not by groups times labels.
    """
    n_labels = int(label_N.max(initial=0)) + 1
    n_keys = (int(group_N.max(initial=0)) + 1) * n_labels
    key_N = group_N * n_labels + label_N
    if n_keys <= 8 * len(key_N):
        count = np.bincount(key_N, minlength=n_keys)
        used = np.flatnonzero(count)
        return used // n_labels, count[used]
    key_N = np.sort(key_N)
    start = _starts(key_N)
    return key_N[start] // n_labels, np.diff(np.append(start, len(key_N)))


def _starts(sorted_N: np.ndarray) -> np.ndarray:
    """Where each run of equal values begins."""
    return np.flatnonzero(np.diff(sorted_N, prepend=sorted_N[:1] - 1))


def purity(group_N: np.ndarray, label_N: np.ndarray) -> float:
    """Share of the items that carry the commonest label of their group.

    purity = 1/N sum_g max_c n_gc. Source: Manning, Raghavan, Schuetze 2008, section 16.3.
    """
    return _purity(*pair_counts(group_N, label_N), len(group_N))


def _purity(group_P: np.ndarray, count_P: np.ndarray, n: int) -> float:
    if n == 0:
        return float("nan")
    return float(np.maximum.reduceat(count_P, _starts(group_P)).sum() / n)


def normalised_mutual_information(group_N: np.ndarray, label_N: np.ndarray) -> float:
    """I(G; C) / ((H(G) + H(C)) / 2): 0 when groups say nothing about labels, 1 when each tells the other.

    Both being constant counts as 1, as in scikit-learn.
    """
    _, count_P = pair_counts(group_N, label_N)
    return _nmi(count_P, float(entropy(np.bincount(group_N))), float(entropy(np.bincount(label_N))))


def _nmi(count_P: np.ndarray, h_group: float, h_label: float) -> float:
    if h_group + h_label <= 0:
        return 1.0
    information = h_group + h_label - float(entropy(count_P))
    return max(information, 0.0) / ((h_group + h_label) / 2)


@dataclass(frozen=True)
class LabelScore:
    """Purity and NMI of the prefixes of one depth, beside what shuffled labels reach by luck.

    Fine prefixes hold few items and look pure whatever they mean, so only the gap to the null counts.
    ``z`` values are the gap in standard deviations of the null (nan with fewer than two shuffles).
    """

    depth: int
    n_prefixes: int
    n_items: int
    purity: float
    purity_null: float
    purity_null_sd: float
    nmi: float
    nmi_null: float
    nmi_null_sd: float


def label_scores(codes_IL: np.ndarray, labels: np.ndarray, n_shuffles: int = 5,
                 seed: int = 0) -> list[LabelScore]:
    """Purity and NMI at each depth, and the mean of the same under shuffled labels.

    Args:
        codes_IL: codes; rows of -1 are left out.
        labels: I labels of any kind; empty ones are left out.
        n_shuffles: how often the labels are shuffled among the items for the null, at least 1.

    Raises:
        ValueError: another number of labels than of items.
    """
    if len(labels) != len(codes_IL):
        raise ValueError(f"{there(len(labels), 'label')} for {counted(len(codes_IL), 'item')}; give one label per "
                         "item.")
    if n_shuffles < 1:
        raise ValueError(f"n_shuffles is {n_shuffles}, but the null needs at least 1 shuffle.")
    label_I = label_numbers(labels)
    prefix_IL, _ = prefix_numbers(codes_IL)
    keep_I = (label_I >= 0) & (prefix_IL[:, -1] >= 0)
    label_N, prefix_NL = label_I[keep_I], prefix_IL[keep_I]
    if len(label_N) == 0:
        raise ValueError("no item has both a label and an ID, so prefixes cannot be compared with labels.")
    rng = np.random.default_rng(seed)
    shuffled = [rng.permutation(label_N) for _ in range(n_shuffles)]
    return [_label_score(depth + 1, group_N, label_N, shuffled) for depth, group_N in enumerate(prefix_NL.T)]


def _label_score(depth: int, group_N: np.ndarray, label_N: np.ndarray,
                 shuffled: list[np.ndarray]) -> LabelScore:
    h_label = float(entropy(np.bincount(label_N)))
    count_G = np.bincount(group_N)
    h_group, n = float(entropy(count_G)), len(group_N)

    def score(labels_N: np.ndarray) -> tuple[float, float]:
        group_P, count_P = pair_counts(group_N, labels_N)
        return _purity(group_P, count_P, n), _nmi(count_P, h_group, h_label)

    true = score(label_N)
    null = np.array([score(labels_N) for labels_N in shuffled])
    sd = null.std(0, ddof=1) if len(null) > 1 else np.full(2, np.nan)
    return LabelScore(depth, int((count_G > 0).sum()), n, true[0], float(null[:, 0].mean()), float(sd[0]),
                      true[1], float(null[:, 1].mean()), float(sd[1]))
