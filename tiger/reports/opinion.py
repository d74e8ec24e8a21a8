"""A second opinion on two ID sets of one catalogue: matched by item id, measured, judged in sentences, and as one HTML file."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from tiger import metrics
from tiger.analysis import opinion as analysis
from tiger.analysis.opinion import MEASURES, ROUNDS, Measure, Opinion
from tiger.analysis.opinion.compare import N_NEIGHBOURS
from tiger.core.words import counted
from tiger.datasets.catalogue import Catalogue
from tiger.datasets.labels import category_labels
from tiger.plots import opinion as plot
from tiger.reports import html
from tiger.reports.codes import codes_at
from tiger.reports.html import Part
from tiger.reports.usage import sizes_summary
from tiger.runs import Run
from tiger.semantic_ids import import_ids

MARGIN = 0.02  # a difference whose whole interval is smaller counts as none
WORDS = {  # measure: (its name, which set is better, that they are the same)
    "collisions": ("collision rate", "has fewer collisions", "collision rates are the same"),
    "utilisation": ("codebook utilisation", "uses its codebooks more evenly", "codebooks are used equally"),
    "neighbours": ("neighbour recall", "keeps neighbours together better", "neighbours are kept equally well"),
    "purity": ("purity", "has purer branches", "branches are equally pure")}


@dataclass(frozen=True)
class Side:
    """One of two ID sets.

    Args:
        title: for people.
        name: as the command line calls it: a run's id, or a file's name without its folder, so that a report shows no paths.
        cat: whose items the rows are.
        codes_IL: one row an item; -1 without an ID.
        n_codes: codes of each level.
        guessed: whether ``n_codes`` was guessed from the largest codes.
        imported: whether only the IDs are known, and not the embeddings that they were made from.
    """

    title: str
    name: str
    cat: Catalogue
    codes_IL: np.ndarray
    n_codes: tuple[int, ...]
    guessed: bool = False
    imported: bool = False


@dataclass(frozen=True)
class SecondOpinion:
    """Everything that the page, the report and the command line show of two ID sets.

    Args:
        a, b: the sets, their titles told apart.
        opinion: the numbers.
        frame: one row a measure and level, ``measures_frame``.
        churn: one row a depth, ``churn_frame``.
        head: how many measures each set is better in.
        lines: each headline measure, never more than its interval allows.
        changes: how many IDs changed, in one sentence.
        notes: how it was measured, and what to bear in mind.
    """

    a: Side
    b: Side
    opinion: Opinion
    frame: pd.DataFrame
    churn: pd.DataFrame
    head: str
    lines: tuple[str, ...]
    changes: str
    notes: tuple[str, ...]

    @property
    def verdict(self) -> str:
        """Both as one sentence."""
        return f"{self.head}: {'; '.join(self.lines)}."


def side_of(run: Run, cat: Catalogue) -> Side:
    """A run's newest codes of all items.

    Raises:
        ValueError: there are none, or they belong to other items.
    """
    codes = codes_at(run, cat)
    imported = run.config.imported
    return Side(run.title, run.id, cat, codes.codes_IL, codes.n_codes, imported is not None and imported.sizes_guessed,
                imported is not None)


def side_of_file(path: Path, cat: Catalogue) -> Side:
    """A file of semantic IDs of a catalogue's items.

    Raises:
        ValueError: as ``semantic_ids.import_ids``.
    """
    found = import_ids(path, cat)
    ids = found.ids
    return Side(path.name, path.name, cat, ids.codes_IL, tuple(ids.n_codes[:ids.n_levels]), bool(found.report.guessed), True)


def second_opinion(a: Side, b: Side, rounds: int = ROUNDS, seed: int = 0) -> SecondOpinion:
    """Compare two ID sets on the items that both give an ID, matched by item id.

    Args:
        rounds, seed: of the bootstrap.

    Raises:
        ValueError: fewer than ten such items.
    """
    if a.title == b.title:
        a, b = (replace(side, title=f"{side.title} ({side.name})") for side in (a, b))
    rows_a_N, rows_b_N = matched(a, b)
    emb_a_NE, emb_b_NE = a.cat.embedding_IE[rows_a_N], b.cat.embedding_IE[rows_b_N]
    same = emb_a_NE.shape == emb_b_NE.shape and np.array_equal(emb_a_NE, emb_b_NE)
    spaces = {"": emb_a_NE} if same else {"of A": emb_a_NE, "of B": emb_b_NE}
    labels, label_title = _labels(a, b, rows_a_N, rows_b_N)
    found = analysis.compare(a.codes_IL[rows_a_N], b.codes_IL[rows_b_N], a.n_codes, b.n_codes, spaces, labels, rounds=rounds,
                             seed=seed)
    return SecondOpinion(a, b, found, measures_frame(found), churn_frame(found), *verdict(found), changes_summary(found),
                         tuple(_notes(a, b, found, label_title, same)))


def matched(a: Side, b: Side) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the items that have an ID in both sets, in the order of the first; by item id where the catalogues differ.

    Raises:
        ValueError: fewer than ten.
    """
    ids_a, ids_b = (pd.Index(side.cat.items["item_id"].astype(str)) for side in (a, b))
    row_b_I = np.arange(len(ids_a)) if a.cat is b.cat else ids_b.get_indexer(ids_a)
    both_I = (row_b_I >= 0) & metrics.has_id(a.codes_IL)
    both_I[both_I] = metrics.has_id(b.codes_IL[row_b_I[both_I]])
    if both_I.sum() < 10:
        raise ValueError(f"'{a.title}' and '{b.title}' have {counted(int(both_I.sum()), 'item')} in common that both give an ID, "
                         f"but at least 10 are needed. Items are matched by id: '{ids_a[0]}' in the first, '{ids_b[0]}' in the "
                         "second.")
    return np.flatnonzero(both_I), row_b_I[both_I]


def _labels(a: Side, b: Side, rows_a_N: np.ndarray, rows_b_N: np.ndarray) -> tuple[np.ndarray | None, str]:
    """The first catalogue's labels, else the second's."""
    for side, rows_N in ((a, rows_a_N), (b, rows_b_N)):
        labels, title = category_labels(side.cat)
        if labels is not None:
            return labels[rows_N], title
    return None, ""


def measures_frame(found: Opinion) -> pd.DataFrame:
    """One row a measure and level.

    Returns:
        measure (title), level (``level_text``), a, a_low, a_high, b, b_low, b_high, difference (b - a), low, high, better
        (``better``), comparable, chance_a, chance_b (what was subtracted).
    """
    return pd.DataFrame([{
        "measure": MEASURES[one.key][0] + (f", embeddings {one.space}" if one.space else ""), "level": level_text(one),
        "a": one.a.mean, "a_low": one.a.low, "a_high": one.a.high, "b": one.b.mean, "b_low": one.b.low, "b_high": one.b.high,
        "difference": one.difference.mean, "low": one.difference.low, "high": one.difference.high, "better": better(one),
        "comparable": one.comparable, "chance_a": one.chance_a, "chance_b": one.chance_b} for one in found.measures])


def level_text(one: Measure) -> str:
    """What of the IDs a measure is about: "whole ID", "mean", a level, or the levels of both."""
    if not one.level_a:
        return "whole ID" if one.key == "collisions" else "mean"
    return str(one.level_a) if one.level_a == one.level_b else f"A {one.level_a}, B {one.level_b}"


def better(one: Measure) -> str:
    """The set that is better by the interval of the difference; "" where that holds 0, or the two cannot be compared."""
    sign = MEASURES[one.key][1]
    if not one.comparable:
        return ""
    if one.difference.low > 0:
        return "B" if sign > 0 else "A"
    return ("A" if sign > 0 else "B") if one.difference.high < 0 else ""


def churn_frame(found: Opinion) -> pd.DataFrame:
    """One row a depth: level, raw, relabelled and rand with low and high each, and chance (of relabelled)."""
    return pd.DataFrame([{
        "level": one.level, "raw": one.raw.mean, "raw_low": one.raw.low, "raw_high": one.raw.high,
        "relabelled": one.relabelled.mean, "relabelled_low": one.relabelled.low, "relabelled_high": one.relabelled.high,
        "chance": one.chance, "rand": one.rand.mean, "rand_low": one.rand.low, "rand_high": one.rand.high}
        for one in found.churn])


# ---- sentences


def verdict(found: Opinion) -> tuple[str, tuple[str, ...]]:
    """What the intervals of the headline numbers allow to say: how many measures each set is better in; and for each measure
    which is better by how much, that both are the same, or that no difference is shown."""
    measured = found.headlines()
    wins = [better(one) for one in measured]
    counts = sorted(((wins.count(name), name) for name in ("A", "B") if name in wins), reverse=True)
    rest = wins.count("")
    if not counts:
        return f"None of {counted(len(wins), 'measure')} shows that one set is better", tuple(map(_clause, measured))
    (n, name), *other = counts
    head = f"{name} is better in {n} of {counted(len(wins), 'measure')}" + "".join(
        f", {loser} in {n_other}" for n_other, loser in other)
    head += f"; {rest} show{'s' * (rest == 1)} no advantage" if rest else ""
    return head, tuple(map(_clause, measured))


def _clause(one: Measure) -> str:
    name, win, same = WORDS[one.key]
    where = ""
    if one.level_a:
        where = f" at level {one.level_a}" if one.level_a == one.level_b else (
            f" where prefixes have as many values (level {one.level_a} of A, {one.level_b} of B)")
    where += f" in the embeddings {one.space}" if one.space else ""
    winner, above = better(one), " above chance" if one.chance_a == one.chance_a else ""
    low, high = one.difference.low, one.difference.high
    if winner:
        first, second = (one.a.mean, one.b.mean) if winner == "A" else (one.b.mean, one.a.mean)
        ends = sorted((abs(low), abs(high)))
        return (f"{winner} {win}{where} ({first:z.1%} against {second:z.1%}{above}, difference "
                f"{points(abs(one.difference.mean))} points, 95 % interval {points(ends[0])} to {points(ends[1])})")
    numbers = f"A {one.a.mean:z.1%}, B {one.b.mean:z.1%}{above}"
    if not one.comparable:
        return f"{name} cannot be compared, since no prefix of A has as many values as one of B (level 1: {numbers})"
    said = f"{same}{where}, within {MARGIN * 100:g} points" if max(abs(low), abs(high)) < MARGIN else \
        f"{name}{where}: no difference is shown"
    return f"{said} ({numbers}, difference {points(one.difference.mean)} points, 95 % interval {points(low)} to {points(high)})"


def begun(line: str) -> str:
    """One line of the verdict as a sentence of its own."""
    return f"{line[0].upper()}{line[1:]}."


def points(share: float) -> str:
    """A share in percentage points: "3.2"; two digits where one would hide it."""
    value = share * 100
    return f"{value:z.1f}" if abs(value) >= 0.1 or abs(value) < 0.005 else f"{value:z.2f}"


def changes_summary(found: Opinion) -> str:
    """How many IDs changed, as written and up to relabelling, and how far the groupings by prefix agree."""
    first, last = found.churn[0], found.churn[-1]
    if not last.raw.mean:
        return "No ID changed in its first code." if last is first else f"No ID changed in its first {last.level} codes."
    deeper = f" and {last.relabelled.mean:z.1%} by level {last.level} ({last.chance:z.1%} by chance)" if last is not first else ""
    return (f"{last.raw.mean:z.1%} of the items have other codes as written (95 % interval {last.raw.low:z.1%} to "
            f"{last.raw.high:z.1%}). Code numbers may be arbitrary: with branches matched so that most items stay, "
            f"{first.relabelled.mean:z.1%} left their branch at level 1 ({first.chance:z.1%} by chance){deeper}. The adjusted "
            f"Rand index of level 1 is {first.rand.mean:z.2f} (95 % interval {first.rand.low:z.2f} to {first.rand.high:z.2f}; 1: "
            "the same groups, 0: as by chance).")


def _notes(a: Side, b: Side, found: Opinion, label_title: str, same_space: bool) -> list[str]:
    """How it was measured."""
    sizes = [f"{counted(len(side.n_codes), 'level')} of {sizes_summary(side.n_codes)} codes" for side in (a, b)]
    said = [f"A: {a.title}, {sizes[0]}. B: {b.title}, {sizes[1]}.",
            f"Measured on {counted(found.n_items, 'item')} with an ID in both, matched by item id; A has "
            f"{counted(_n_ids(a), 'item')} with an ID, B {_n_ids(b):,}. Collisions with items outside are not counted.",
            f"Intervals: 95 %, bootstrap over items, {counted(found.rounds, 'round')}, seed {found.seed}, paired: each round "
            "draws the same items for both sets. Measures are linearised by each item's influence (delete-one jackknife), since "
            "an item drawn twice would collide with itself. Each interval holds for itself; they are not corrected for one "
            "another. They speak of other items from the same source, not of other training seeds.",
            "Intervals of the collision rate and of purity are on the safe side, up to about 1.4 times too wide.",
            "Collision rate: 1 - distinct IDs / items, as in LC-Rec. Codebook utilisation: perplexity / codes, mean "
            "of the levels.",
            f"Neighbours: the {N_NEIGHBOURS} nearest by cosine similarity of {counted(found.n_queries, 'item')}, in the "
            "embeddings "
            + ("that both share" if same_space else "of A and in those of B, which differ")
            + "; the share that has the same prefix, less the share of all items that has."]
    said.append(f"Purity: share of the items with their branch's commonest label ({label_title}), less the mean under shuffled "
                "labels." if label_title else "Purity was not measured: neither catalogue has categories.")
    if tuple(a.n_codes) != tuple(b.n_codes):
        said.append("Neighbours and purity are compared where prefixes of both have as many possible values: on smaller branches "
                    "there are fewer neighbours, and they are purer.")
    if names := " and ".join(name for name, side in (("A", a), ("B", b)) if side.imported):
        said.append(f"The IDs of {names} were imported, and may have been made from other embeddings than those in which "
                    "neighbours are looked up; a set made from these has an advantage.")
    if names := " and ".join(name for name, side in (("A", a), ("B", b)) if side.guessed):
        said.append(f"Codes per level of {names} are guessed from the largest codes, so utilisation may be too high or too low.")
    return said


def _n_ids(side: Side) -> int:
    return int(metrics.has_id(side.codes_IL).sum())


def figure_frame(found: SecondOpinion) -> pd.DataFrame:
    """The figure's rows, of what can be compared: label, advantage, low, high (of B, in points; higher is better), better."""
    rows = []
    for one, row in zip(found.opinion.measures, found.frame.to_dict("records"), strict=True):
        if not one.comparable:
            continue
        sign = MEASURES[one.key][1]
        low, high = sorted((sign * one.difference.low, sign * one.difference.high))
        where = f"level {row['level']}" if one.level_a else row["level"]
        rows.append({"label": f"{row['measure']}, {where}", "advantage": 100 * sign * one.difference.mean, "low": 100 * low,
                     "high": 100 * high, "better": row["better"]})
    return pd.DataFrame(rows)


def figure_summary(found: SecondOpinion) -> str:
    """The figure's takeaway."""
    shown = found.frame[found.frame["comparable"]]
    counts = shown["better"].value_counts()
    return (f"Differences of {counted(len(shown), 'number')} with 95 % intervals: B is better in {counts.get('B', 0)}, A in "
            f"{counts.get('A', 0)}, and {counts.get('', 0)} show no difference.")


def measures_table(found: SecondOpinion) -> pd.DataFrame:
    """``measures_frame`` for people: shares in per cent with their intervals, differences in points."""
    def ranged(mean: float, low: float, high: float) -> str:
        return f"{mean:z.1%} ({low:z.1%} to {high:z.1%})"

    def difference(mean: float, low: float, high: float) -> str:
        return f"{points(mean)} ({points(low)} to {points(high)})"

    frame = found.frame
    table = pd.DataFrame({
        "Measure": frame["measure"], "Level": frame["level"],
        "A": [ranged(*row) for row in frame[["a", "a_low", "a_high"]].to_numpy().tolist()],
        "B": [ranged(*row) for row in frame[["b", "b_low", "b_high"]].to_numpy().tolist()],
        "B - A (points)": [difference(*row) for row in frame[["difference", "low", "high"]].to_numpy().tolist()],
        "Better": frame["better"].where(frame["better"] != "", "not shown").where(frame["comparable"], "not comparable")})
    return table.assign(**{"Chance A, B": [f"{one:z.1%}, {other:z.1%}" if one == one else "" for one, other in
                                           zip(frame["chance_a"], frame["chance_b"], strict=True)]})


def churn_table(found: SecondOpinion) -> pd.DataFrame:
    """``churn_frame`` for people."""
    frame = found.churn
    return pd.DataFrame({
        "Prefix of": [f"{level} code{'s' * (level > 1)}" for level in frame["level"]],
        "Changed as written": _ranges(frame, "raw", ".1%"), "Left their branch, relabelled": _ranges(frame, "relabelled", ".1%"),
        "… by chance": [f"{value:z.1%}" for value in frame["chance"]], "Adjusted Rand index": _ranges(frame, "rand", ".3f")})


def _ranges(frame: pd.DataFrame, name: str, form: str) -> list[str]:
    return [f"{mean:z{form}} ({low:z{form}} to {high:z{form}})"
            for mean, low, high in frame[[name, f"{name}_low", f"{name}_high"]].to_numpy().tolist()]


def command(found: SecondOpinion) -> str:
    """The command that says the same."""
    more = f" --rounds {found.opinion.rounds}" if found.opinion.rounds != ROUNDS else ""
    more += f" --seed {found.opinion.seed}" if found.opinion.seed else ""
    return f"python -m tiger compare {shlex.quote(found.a.name)} {shlex.quote(found.b.name)}{more}"


def report_title(found: SecondOpinion) -> str:
    """The report's heading."""
    return f"Second opinion: {found.a.title} and {found.b.title}"


def report(found: SecondOpinion) -> str:
    """The whole as one HTML file that needs nothing else."""
    parts: Sequence[Part] = (
        Part(text="\n\n".join([f"A: {found.a.title}. B: {found.b.title}. {counted(found.opinion.n_items, 'item')} with an ID in "
                               "both.",
                               f"{found.head}:", *map(begun, found.lines)])),
        Part("Differences", figure_summary(found), plot.advantages(figure_frame(found), figure_summary(found)), found.frame),
        Part("Every number, with its 95 % interval", "", None, measures_table(found)),
        Part("How many IDs changed", found.changes, None, churn_table(found)),
        Part("How it was measured", "\n\n".join(found.notes)))
    return html.page(report_title(found), parts, f"Made with TIGER Lab. {command(found)} --out report.html")
