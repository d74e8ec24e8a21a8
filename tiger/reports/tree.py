"""What the Tree page shows: a run's tree beside another one, their numbers, disagreements and differences."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from tiger import metrics
from tiger.analysis import tree
from tiger.analysis.tree import Branches, Disagreement, IdSet, Matching
from tiger.core.sampling import even_sample
from tiger.core.tables import ends_of
from tiger.core.words import counted
from tiger.datasets.catalogue import Catalogue
from tiger.quantizers.lsh import LSH
from tiger.reports.branches import Texts, named
from tiger.reports.codes import Codes
from tiger.reports.items import id_text, item_rows
from tiger.runs import Run, layouts

DRAWN = 900  # branches of a picture
GROUP_BITS = 16  # hyperplanes that LSH takes as one level
N_QUERIES, N_NEIGHBOURS, N_SHUFFLES = 500, 10, 3
LSH_SEEDS, SEEDS = 5, 3  # behind the intervals of LSH, and of a run
PAIRS = 60  # in a list of disagreements
CURVES = (("recall", "recall_chance", "True neighbours on the same branch"), ("purity", "purity_null", "Purity"),
          ("nmi", "nmi_null", "Mutual information"))


@dataclass(frozen=True)
class Reference:
    """What a run's tree is compared with.

    Args:
        codes_IL: its codes.
        widths: bits of each level's code (LSH only).
        seed: of its hyperplanes (LSH only).
        run: the other run (kind "run" only).
    """

    kind: Literal["LSH", "run", "categories"]
    title: str
    cat: Catalogue
    codes_IL: np.ndarray
    widths: tuple[int, ...] = ()
    seed: int = 0
    run: Run | None = None

    @property
    def n_bits(self) -> int:
        return sum(self.widths)

    def bits_at(self, level: int) -> int:
        """Hyperplanes that the run's first levels correspond to; those of the first level that has any at least."""
        return sum(self.widths[:level]) or next(filter(None, self.widths))

    def bits(self) -> np.ndarray:
        """LSH's codes hyperplane by hyperplane, (I, H)."""
        return tree.bits_of(self.codes_IL, [1 << width for width in self.widths])


@dataclass(frozen=True)
class LshCodes:
    """One seed's LSH codes, the share of the variance that decoding them loses, and the seconds it took to make them."""

    codes_IL: np.ndarray
    error: float
    build_s: float


def bit_widths(n_codes: Sequence[int]) -> tuple[int, ...]:
    """Bits that tell each level's codes apart: log2 K, rounded up; a level of one code needs none."""
    widths = tuple((size - 1).bit_length() for size in n_codes)
    return widths if sum(widths) else (1, *widths[1:])


def lsh_codes(cat: Catalogue, widths: tuple[int, ...], seed: int) -> LshCodes:
    """LSH with these bits a level.

    The hyperplanes are the same however their bits are grouped, so they are drawn in groups that LSH takes, and cut into
    levels afterwards: one of those may have a single code, and there may be many.
    """
    start = time.perf_counter()
    groups = [1 << len(part) for part in np.array_split(np.arange(sum(widths)), -(-sum(widths) // GROUP_BITS))]
    made = LSH(n_levels=len(groups), n_codes=groups, seed=seed).fit(cat.embedding_IE)
    grouped_IL = made.encode(cat.embedding_IE)
    codes_IL = tree.codes_of(tree.bits_of(grouped_IL, groups), widths)
    spent_s = time.perf_counter() - start
    return LshCodes(codes_IL, lost_share(cat.embedding_IE, made.decode(grouped_IL)), spent_s)


def plane_widths(other: Reference, n_planes: int) -> list[int]:
    """Bits of each level of LSH's first hyperplanes: as many a level as the run has; the last may have fewer."""
    widths: list[int] = []
    for width in other.widths:
        if sum(widths) < n_planes and width:
            widths.append(min(width, n_planes - sum(widths)))
    return widths


def first_planes(other: Reference, n_planes: int) -> np.ndarray:
    """LSH's codes of the first hyperplanes, (I, levels)."""
    return tree.codes_of(other.bits()[:, :n_planes], plane_widths(other, n_planes))


def lost_share(emb_IE: np.ndarray, recon_IE: np.ndarray) -> float:
    """Share of the embeddings' variance that the reconstruction loses: mean squared error over variance."""
    variance = float(((emb_IE - emb_IE.mean(0)) ** 2).sum(1).mean())
    return float(((emb_IE - recon_IE) ** 2).sum(1).mean()) / max(variance, 1e-12)


@dataclass(frozen=True)
class TreePicture:
    """A tree to draw.

    Args:
        frame: ``Branches.drawn`` with each branch's name, words and categories. What the tree is drawn from (its root, or
            one branch) is left out, since its band would say nothing; the parent of the branches below is -1.
        finding: what stands over it.
        summary: its takeaway.
    """

    frame: pd.DataFrame
    finding: str
    summary: str

    @property
    def reading(self) -> str:
        """How to read it."""
        return f"A branch takes as much room as it has items.{_rest_summary(self.frame)}"


def _rest_summary(frame: pd.DataFrame) -> str:
    """How many branches stand behind the "…", with a space before it; "" where there is none."""
    rest = int(frame["rest"].sum())
    return f" “{tree.branches.REST}” stands for {counted(rest, 'smaller branch', 'smaller branches')}." if rest else ""


def tree_pictures(branches: Branches, texts: Texts, titles: Mapping[int, str], root: int = 0) -> list[TreePicture]:
    """The branches to draw below a row of the tree, for one or more depths; a branch has the same name in all pictures.

    Args:
        titles: what the tree is, for the takeaway, by the deepest level to draw; one level below ``root`` at least.
    """
    frames = [branches.drawn(max(level, int(branches.level_P[root]) + 1), DRAWN, root) for level in titles]
    rows = np.unique(np.concatenate([frame["row"] for frame in frames]))
    about = pd.DataFrame(dict(zip(("name", "words"), named(branches, rows, texts), strict=True)), index=rows)
    about["categories"] = texts.mixes(branches.membership(rows))
    return [_picture(frame.join(about, on="row"), title, root) for frame, title in zip(frames, titles.values(), strict=True)]


def _picture(frame: pd.DataFrame, title: str, root: int) -> TreePicture:
    """One picture of ``tree_pictures``."""
    frame.loc[frame["row"] == root, "parent"] = -1
    if root:
        title = f"{title}, below branch {frame.loc[frame['row'] == root, 'prefix'].iloc[0]}"
    if len(frame) > 1:
        frame = frame[frame["row"] != root].reset_index(drop=True)
        frame.loc[frame["parent"] == root, "parent"] = -1
    real = frame[(frame["rest"] == 0) & (frame["level"] > 0)]
    last = real[real["level"] == real["level"].max()]
    largest = counted(int(last["size"].max()), "item")
    said = (f"{title}: {len(last):,} of the deepest branches {'is' if len(last) == 1 else 'are'} shown, the largest has "
            f"{largest}.{_rest_summary(frame)}")
    depth, n_items = int(last["level"].max()), int(last["size"].max())
    finding = (f"The largest branch of {depth} code{'s' * (depth > 1)} holds {n_items:,} of "
               f"{counted(int(frame.loc[frame['parent'] < 0, 'size'].sum()), 'item')}")
    return TreePicture(frame, finding, said)


def planes_summary(splits: pd.DataFrame, planes: int) -> str:
    """What the first hyperplanes did, from ``tree.split_steps``."""
    row = splits.astype({"possible": "int64"}).to_dict("records")[planes]
    buckets = {name: counted(row[name], "bucket") for name in ("buckets", "alone", "split")}
    return (f"After {counted(planes, 'hyperplane')} there {'is' if row['buckets'] == 1 else 'are'} {buckets['buckets']} of "
            f"{row['possible']:,} possible; the largest has {counted(row['largest'], 'item')}, and {buckets['alone']} "
            f"ha{'s' if row['alone'] == 1 else 've'} a single item. The last hyperplane split {buckets['split']}.")


@dataclass(frozen=True)
class Branch:
    """A branch that somebody asked for.

    Args:
        requested: its codes as they were written, "12-7"; "" for none.
        row: its row in the tree; None where no item has such an ID.
        n_items: items below; more than ``items`` where the catalogue is a sample of those that were counted.
        n_children: branches directly below.
        items: the items below, ``item_rows``.
    """

    requested: str
    row: int | None
    n_items: int
    n_children: int
    items: pd.DataFrame


def branch(codes: Codes, branches: Branches, requested: str) -> Branch:
    """The branch of these codes, and what it holds."""
    parts = requested.split("-") if requested else []
    row = None
    if 0 < len(parts) <= codes.n_levels and all(part.isascii() and part.isdigit() and len(part) < 8 for part in parts):
        row = branches.row_of([int(part) for part in parts])
    items_N = np.empty(0, np.int64) if row is None else branches.items(row)
    n_items, n_children = (0, 0) if row is None else (int(branches.size_P[row]), int(branches.n_children_P[row]))
    return Branch(requested, row, n_items, n_children,
                  item_rows(codes.cat, items_N, codes.codes_IL))


def place_summary(codes: Codes, other: Reference, item: int) -> tuple[str, str]:
    """Where an item lies in both trees: its ID here ("" without one), and a sentence's end on both."""
    own, theirs = codes.codes_IL[item].tolist(), other.codes_IL[item].tolist()
    here = f"lies at **{id_text(own)}** here" if own[0] >= 0 else "has **no ID** here"
    there = f"at **{id_text(theirs)}**" if theirs[0] >= 0 else "has none"
    return id_text(own) if own[0] >= 0 else "", f"{here} and {'lies ' if own[0] < 0 <= theirs[0] else ''}{there}"


# ---- numbers side by side


def same_but_seed(one: Run, other: Run) -> bool:
    """Whether two runs differ in nothing but the seed."""
    return _but_seed(one) == _but_seed(other)


def _but_seed(run: Run) -> tuple[str, list[tuple[str, object]]]:
    given = run.config.quantizer
    params = {} if given is None else {name: value for name, value in given.params.items() if name != "seed"}
    return given.name if given else "", sorted(params.items(), key=str)


def seeds_of(run: Run, here: Iterable[Run]) -> list[Run]:
    """The run, and finished runs of the same dataset (``here``) that differ from it in nothing but the seed."""
    if not run.config.quantizer or not run.has_result():
        return [run]
    found = {_seed(run): run}
    for other in here:
        if other.state == "finished" and other.has_result() and same_but_seed(run, other):
            found.setdefault(_seed(other), other)
    return list(found.values())


def missing_seeds(run: Run, here: Iterable[Run]) -> list[int]:
    """Seeds to train so that the run has ``SEEDS`` of them; none for imported IDs and runs under way."""
    if not run.config.quantizer or not run.has_result():
        return []
    known = {_seed(other) for other in here
             if (other.state == "finished" or other.status.active or other.id == run.id) and same_but_seed(run, other)}
    return [seed for seed in range(2 * SEEDS) if seed not in known][:max(SEEDS - len(known), 0)]


def _seed(run: Run) -> int:
    return int(run.learner.params.get("seed", 0))


def id_set(title: str, sets: Sequence[Codes]) -> IdSet:
    """The codes of a run and its other seeds under one name, each with its error and its training time."""
    return IdSet(title, [codes.codes_IL for codes in sets], [_error(codes) for codes in sets],
                 [_trained_s(codes.run) for codes in sets])


def _error(codes: Codes) -> float:
    if "reconstruction" not in layouts.spaces(codes.run):
        return float("nan")
    return lost_share(codes.cat.embedding_IE, layouts.vectors(codes.cat, codes.run, "reconstruction"))


def _trained_s(run: Run) -> float:
    return max((float(event["t_s"]) for event in run.events()[0] if "t_s" in event), default=float("nan"))


@dataclass(frozen=True)
class Curve:
    """A score by level: its measure, what chance gives, a title and the takeaway."""

    value: str
    null: str
    title: str
    summary: str
    frame: pd.DataFrame


@dataclass(frozen=True)
class SideBySide:
    """Every number of two ID sets.

    Args:
        frame: ``tree.compare``.
        table: one row a measure and level, one column a set.
        curves: the scores that both have.
        sizes: branch sizes, ``tree.sizes_frame``.
        seeds: how many seeds stand behind each set.
        labels: what purity and mutual information are about; "" without labels.
    """

    frame: pd.DataFrame
    table: pd.DataFrame
    curves: tuple[Curve, ...]
    sizes: pd.DataFrame
    seeds: dict[str, int]
    labels: str


def side_by_side(cat: Catalogue, one: IdSet, two: IdSet, labels: tuple[np.ndarray | None, str]) -> SideBySide:
    """Measure two ID sets over their seeds; neighbours are asked of an even sample of the items that both give an ID."""
    if two.name == one.name:
        two = IdSet(f"{two.name} (2)", two.codes, two.error, two.build_s)
    known_N = np.flatnonzero(np.logical_and.reduce([metrics.has_id(codes_IL) for ids in (one, two) for codes_IL in ids.codes]))
    query_N = known_N[even_sample(len(known_N), N_QUERIES)]
    near_NK = metrics.nearest(cat.embedding_IE, query_N, N_NEIGHBOURS)[0]
    frame = tree.compare([one, two], labels[0], (query_N, near_NK), n_shuffles=N_SHUFFLES)
    curves = tuple(Curve(value, null, title, curve_summary(frame, value, title), frame[frame["measure"].isin([value, null])])
                   for value, null, title in CURVES if (frame["measure"] == value).any())
    seeds = {str(name): int(n) for name, n in frame.groupby("set", sort=False)["seeds"].max().items()}
    return SideBySide(frame, wide_table(frame), curves, tree.sizes_frame([one, two]), seeds, labels[1])


def curve_summary(frame: pd.DataFrame, value: str, title: str) -> str:
    """A curve's takeaway: each set's score at level 1 and, where there are more, at the last."""
    part = frame[frame["measure"] == value]
    said = [f"{name} " + ", ".join(f"{_share(row.mean)} at level {row.level}" for row in ends_of(group).itertuples())
            for name, group in part.groupby("set", sort=False)]
    return f"{title}: {'; '.join(said)}."


def largest_summary(sizes: pd.DataFrame, level: int) -> str:
    """The title over one level's branch sizes."""
    top = sizes[sizes["rank"] == 1].set_index("set")["size"]
    return f"The largest branch at level {level}: " + ", ".join(
        f"{counted(size, 'item')} in {name}" for name, size in top.items())


def sizes_summary(sizes: pd.DataFrame, level: int) -> str:
    """The takeaway of one level's branch sizes."""
    top = sizes[sizes["rank"] == 1].set_index("set")["size"]
    return (f"Branch sizes at level {level}, largest first; a flat line is a uniform tree. The largest:  "
            + ", ".join(f"{name} {counted(size, 'item')}" for name, size in top.items()) + ".")


def wide_table(frame: pd.DataFrame) -> pd.DataFrame:
    """One row a measure and level, one column a set: "0.62 [0.60, 0.65]"."""
    def text(row: pd.Series) -> str:
        mean = _short(row["mean"])
        return mean if not np.isfinite(row["low"]) else f"{mean} [{_short(row['low'])}, {_short(row['high'])}]"

    shown = frame.assign(text=frame.apply(text, axis=1), order=frame["measure"].map(list(tree.MEASURES).index))
    wide = shown.pivot_table(index=["order", "measure", "level"], columns="set", values="text", aggfunc="first")
    wide = wide[list(dict.fromkeys(frame["set"]))].fillna("").reset_index().sort_values(["order", "level"])
    wide.insert(1, "what", [f"{title} ({unit})" if unit else title
                            for title, unit, _ in wide["measure"].map(tree.MEASURES)])
    return wide.drop(columns=["order", "measure"]).rename(columns={"what": "Measure", "level": "Level"})


def _short(value: float) -> str:
    """Three digits, and no powers of ten."""
    if not np.isfinite(value):
        return "unknown"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) >= 0.001 or value == 0 else "< 0.001"


def _share(value: float) -> str:
    return f"{value:z.0%}" if np.isfinite(value) else "unknown"


# ---- disagreements and differences


@dataclass(frozen=True)
class Pairs:
    """Pairs of items together in one set and apart in the other: how many, and the list as a table for people."""

    found: Disagreement
    frame: pd.DataFrame


def disagreement(codes: Codes, other: Reference, level: int, other_together: bool, closest: bool) -> Pairs:
    """Items together in one set and apart in the other, at one level of each.

    Args:
        other_together: together in the reference and apart in the run, else the other way round.
        closest: list the most similar pairs, else the least similar ones.
    """
    own_I = tree.bucket_numbers(codes.codes_IL, min(level, codes.n_levels))
    their_I = tree.bucket_numbers(other.codes_IL, min(level, other.codes_IL.shape[1]))
    first, second = (their_I, own_I) if other_together else (own_I, their_I)
    found = tree.disagreement(first, second, codes.cat.embedding_IE, PAIRS, closest)
    titles, ids = codes.cat.items["title"].to_numpy(), codes.codes_IL
    a_N, b_N = found.pairs["item_a"].to_numpy(), found.pairs["item_b"].to_numpy()
    return Pairs(found, pd.DataFrame({
        "cosine": found.pairs["cosine"], "title_a": titles[a_N], "title_b": titles[b_N],
        "id_a": [id_text(row) for row in ids[a_N].tolist()], "id_b": [id_text(row) for row in ids[b_N].tolist()],
        "item_a": a_N, "item_b": b_N}))


@dataclass(frozen=True)
class Difference:
    """Which items moved between two trees, codes matched up to renaming; ``summary``: ``tree.match_summary``."""

    codes: Codes
    other: Reference
    matching: Matching
    summary: pd.DataFrame

    def moved(self, level: int) -> pd.DataFrame:
        """The items that left their branch at a level (from 1): item, title, id_here, id_there."""
        items_N = np.flatnonzero(self.matching.moved_at_I == level)
        return pd.DataFrame({
            "item": items_N, "title": self.codes.cat.items["title"].to_numpy()[items_N],
            "id_here": [id_text(row) for row in self.codes.codes_IL[items_N].tolist()],
            "id_there": [id_text(row) for row in self.other.codes_IL[items_N].tolist()]})


def difference(codes: Codes, other: Reference) -> Difference:
    """Lay the two trees over each other."""
    found = tree.match(codes.codes_IL, other.codes_IL)
    return Difference(codes, other, found, tree.match_summary(codes.codes_IL, other.codes_IL, found))
