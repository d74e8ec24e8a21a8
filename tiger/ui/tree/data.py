"""What the Tree page looks at, cached: two ID sets of one catalogue, their trees, numbers and differences."""

import time
from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st

from tiger import runs
from tiger.analysis import tree
from tiger.analysis.tree import Branches
from tiger.datasets.catalogue import Catalogue
from tiger.datasets.labels import category_labels
from tiger.quantizers.lsh import LSH
from tiger.reports.codes import Codes
from tiger.ui.shared import sources, state

DRAWN = 900
BITS = 16  # of one of LSH's levels at most


@dataclass(frozen=True)
class Other:
    """What the run is compared with.

    Args:
        key: names it in caches.
        title: for people.
        kind: "LSH", "run" or "categories".
        codes_IL: its codes.
        widths: bits of each level's code (LSH only).
        seed: of its hyperplanes (LSH only).
    """

    key: str
    title: str
    kind: str
    codes_IL: np.ndarray
    widths: tuple[int, ...] = ()
    seed: int = 0

    @property
    def bits(self) -> int:
        return sum(self.widths)


def other_runs(codes: Codes) -> dict[str, runs.Run]:
    """Other runs of this dataset with codes for the same items, by id."""
    return {run.id: run for run in state.runs_here() if run.id != codes.run.id and run.has_result()}


def bit_widths(codes: Codes) -> tuple[int, ...]:
    """Bits that say each level's code: log2 K, rounded up; a level of one code needs none."""
    widths = tuple((size - 1).bit_length() for size in codes.n_codes)
    return widths if sum(widths) else (1, *widths[1:])


def lsh(codes: Codes, seed: int = 0) -> Other:
    """LSH with as many bits as the run's IDs, level by level."""
    widths = bit_widths(codes)
    codes_IL, _, _ = lsh_seed(state.data_key(state.dataset_ref()), widths, seed, codes.cat)
    key = f"lsh:{'-'.join(map(str, widths))}:{seed}"
    return Other(key, f"LSH, {sum(widths)} bits", "LSH", codes_IL, widths, seed)


@st.cache_resource(max_entries=32, show_spinner=False)
def lsh_seed(dataset: str, widths: tuple[int, ...], seed: int, _cat: Catalogue) -> tuple[np.ndarray, float, float]:
    """One seed's LSH codes, what decoding them loses, and the seconds it took to make them.

    The hyperplanes are the same however their bits are grouped, so they are drawn in groups that LSH takes, and cut into
    the run's levels afterwards: one of those may have a single code.
    """
    start = time.perf_counter()
    groups = [1 << len(part) for part in np.array_split(np.arange(sum(widths)), -(-sum(widths) // BITS))]
    made = LSH(n_levels=len(groups), n_codes=groups, seed=seed).fit(_cat.embedding_IE)
    grouped_IL = made.encode(_cat.embedding_IE)
    codes_IL = tree.codes_of(tree.bits_of(grouped_IL, groups), widths)
    spent_s = time.perf_counter() - start
    return codes_IL, lost_share(_cat.embedding_IE, made.decode(grouped_IL)), spent_s


def bits(other: Other) -> np.ndarray:
    """LSH's codes plane by plane."""
    return tree.bits_of(other.codes_IL, [1 << width for width in other.widths])


def lost_share(emb_IE: np.ndarray, recon_IE: np.ndarray) -> float:
    """Share of the embeddings' variance that the reconstruction loses: mean squared error over variance."""
    variance = float(((emb_IE - emb_IE.mean(0)) ** 2).sum(1).mean())
    return float(((emb_IE - recon_IE) ** 2).sum(1).mean()) / max(variance, 1e-12)


def of_run(run: runs.Run, cat: Catalogue) -> Other:
    """Another run's codes."""
    return Other(f"run:{run.id}", run.title, "run", sources.codes_at(run, cat).codes_IL)


def categories(cat: Catalogue) -> Other:
    """The catalogue's own category tree."""
    codes_IL = _categories(state.data_key(state.dataset_ref()), cat)
    return Other("categories", "the catalogue's categories", "categories", codes_IL)


@st.cache_resource(max_entries=8, show_spinner=False)
def _categories(dataset: str, _cat: Catalogue) -> np.ndarray:
    return tree.category_codes(_cat.items["category"].to_numpy(object))


def has_categories(cat: Catalogue) -> bool:
    """Whether the catalogue names categories at all."""
    return bool((cat.items["category"].astype(str).str.strip() != "").any())


def labels(cat: Catalogue) -> tuple[np.ndarray | None, str]:
    """A label an item for purity and NMI, and what it is: the category, or the commonest attribute."""
    return _labels(state.data_key(state.dataset_ref()), cat)


@st.cache_resource(max_entries=8, show_spinner=False)
def _labels(dataset: str, _cat: Catalogue) -> tuple[np.ndarray | None, str]:
    return category_labels(_cat)


def branches(key: str, codes_IL: np.ndarray) -> Branches:
    """The tree of some codes."""
    return _branches(f"{state.data_key(state.dataset_ref())}:{key}", codes_IL)


@st.cache_resource(max_entries=64, show_spinner=False)
def _branches(key: str, _codes_IL: np.ndarray) -> Branches:
    return Branches.from_codes(_codes_IL)


def drawn(key: str, codes_IL: np.ndarray, level: int, cat: Catalogue, root: int = 0) -> pd.DataFrame:
    """The branches to draw below ``root``, with their typical words and category mix; the root's parent is -1."""
    dataset = state.data_key(state.dataset_ref())
    return _drawn(f"{dataset}:{key}", level, root, branches(key, codes_IL), cat)


@st.cache_resource(max_entries=64, show_spinner=False)
def _drawn(key: str, level: int, root: int, _branches: Branches, _cat: Catalogue) -> pd.DataFrame:
    frame = _branches.drawn(max(level, int(_branches.level_P[root]) + 1), DRAWN, root)
    frame.loc[frame["row"] == root, "parent"] = -1
    member = _branches.membership(frame["row"].to_numpy())
    frame["words"] = tree.typical_words(member, _words(state.data_key(_cat.source), _cat))
    label_I, _ = labels(_cat)
    frame["categories"] = [""] * len(frame) if label_I is None else tree.category_mix(member, list(label_I))
    return frame


@st.cache_resource(max_entries=4, show_spinner=False)
def _words(source: str, _cat: Catalogue) -> tuple:
    return tree.word_counts(_cat.items["title"].astype(str).to_numpy(object))


def splits(other: Other) -> pd.DataFrame:
    """LSH's buckets after each hyperplane."""
    return _splits(f"{state.data_key(state.dataset_ref())}:{other.key}", other)


@st.cache_resource(max_entries=16, show_spinner=False)
def _splits(key: str, _other: Other) -> pd.DataFrame:
    return tree.split_steps(bits(_other))


def disagreement(codes: Codes, other: Other, level: int, other_together: bool, closest: bool) -> tree.Disagreement:
    """Items together in one set and apart in the other, at one level of each."""
    key = f"{state.data_key(state.dataset_ref())}:{codes.run.id}:{codes.step}:{other.key}:{level}:{other_together}"
    return _disagreement(key, codes, other, level, other_together, closest)


@st.cache_resource(max_entries=64, show_spinner=False)
def _disagreement(key: str, _codes: Codes, _other: Other, level: int, other_together: bool,
                  closest: bool) -> tree.Disagreement:
    own_I = tree.bucket_numbers(_codes.codes_IL, min(level, _codes.n_levels))
    their_I = tree.bucket_numbers(_other.codes_IL, min(level, _other.codes_IL.shape[1]))
    first, second = (their_I, own_I) if other_together else (own_I, their_I)
    return tree.disagreement(first, second, _codes.cat.embedding_IE, 60, closest)


def matching(codes: Codes, other: Other) -> tuple[tree.Matching, pd.DataFrame]:
    """The tree difference up to renaming, and its summary beside chance."""
    key = f"{state.data_key(state.dataset_ref())}:{codes.run.id}:{codes.step}:{codes.run.status.attempt}:{other.key}"
    return _matching(key, codes.codes_IL, other.codes_IL)


@st.cache_resource(max_entries=32, show_spinner="Pairing the branches …")
def _matching(key: str, _one_IL: np.ndarray, _two_IL: np.ndarray) -> tuple[tree.Matching, pd.DataFrame]:
    found = tree.match(_one_IL, _two_IL)
    return found, tree.match_summary(_one_IL, _two_IL, found)
