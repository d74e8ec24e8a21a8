"""A diversity study as a frame, sentences and the sections of a page, and one user's lists side by side."""

from collections.abc import Sequence
from dataclasses import asdict

import numpy as np
import pandas as pd

from tiger.datasets.catalogue import Catalogue
from tiger.datasets.labels import category_labels
from tiger.models.generative import GenerativeRecommender
from tiger.plots import studies as plot
from tiger.reports import intervals
from tiger.reports.html import Part
from tiger.reports.intervals import range_summary, share_ends
from tiger.reports.study_report import Study, StudyReport
from tiger.studies.diversity import CUTS, REPORTED, DiversityAbout, DiversityParams, DiversityRow, sample

CURVES = {"recall": "Recall@10", "entropy10": "Entropy@10 of the categories (nats)"}
CURVE_COLUMNS = ("level", "temperature")


def diversity_frame(rows: Sequence[DiversityRow]) -> pd.DataFrame:
    """One row a setting: the fields of ``DiversityRow``, and recall_low and recall_high.

    The ends of 95 % confidence intervals over the users are nan where they were not kept.
    """
    frame = pd.DataFrame([asdict(row) for row in rows])
    if len(frame):
        frame["temperature"] = frame["temperature"].astype(float)
        ends = [share_ends(recall, int(n)) for recall, n in zip(frame["recall"], frame["n_users"], strict=True)]
        frame["recall_low"], frame["recall_high"] = zip(*ends, strict=True)
    return frame


def diversity_table(frame: pd.DataFrame) -> pd.DataFrame:
    """The settings and their numbers for people, each with its 95 % confidence interval over the users."""
    heads = {"recall": "Recall@10", **{f"entropy{k}": f"Entropy@{k}" for k in CUTS}}
    table = pd.DataFrame({"Setting": frame["name"]})
    for name, head in heads.items():
        ends = zip(frame[f"{name}_low"], frame[f"{name}_high"], strict=True)
        table[head], table[f"{head}, 95 %"] = frame[name], [range_summary(low, high, ".2f") for low, high in ends]
    return table.assign(**{"Distinct items in all lists": frame["distinct_items"], "Users": frame["n_users"]})


def all_levels(frame: pd.DataFrame) -> pd.DataFrame:
    """The temperatures on all levels at once, lowest first."""
    return frame[(frame["level"] == 0) & frame["temperature"].notna()].sort_values("temperature") if len(frame) else frame


def beside_the_paper(frame: pd.DataFrame) -> pd.DataFrame:
    """Entropy at every temperature on all levels: temperature, k, ours, reported (nan where the paper has none)."""
    found = []
    for row in all_levels(frame).itertuples():
        for place, k in enumerate(CUTS):
            reported = REPORTED.get(float(row.temperature), (np.nan,) * len(CUTS))[place]
            found.append({"temperature": float(row.temperature), "k": k, "ours": getattr(row, f"entropy{k}"),
                          "reported": reported})
    return pd.DataFrame(found, columns=["temperature", "k", "ours", "reported"])


def per_level(frame: pd.DataFrame) -> pd.DataFrame:
    """Recall and entropy over temperature for all levels at once (level 0) and for each level alone.

    At temperature 1 one level alone is all levels, so these curves share that point.
    """
    together, alone = all_levels(frame), frame[frame["level"] > 0] if len(frame) else frame
    if not len(alone):
        return together
    start = together[together["temperature"] == 1]
    parts = [together, alone, *(start.assign(level=level) for level in alone["level"].unique())]
    return pd.concat(parts).sort_values(["level", "temperature"], ignore_index=True)


def level_summary(frame: pd.DataFrame, value: str, title: str, form: str = ".2f") -> str:
    """A curve of ``per_level`` in words: where each level starts and ends."""
    said, moves = [], {}
    for level, part in per_level(frame).groupby("level") if len(frame) else ():
        first, last = part.iloc[0], part.iloc[-1]
        if len(part) > 1:
            said.append(f"{level_name(level)} {first[value]:{form}} to {last[value]:{form}}")
            moves[level_name(level)] = abs(last[value] - first[value])
    if not said:
        return "No results yet."
    return (f"{title} changes most with the temperature of {max(moves, key=moves.__getitem__)}. From the lowest to the highest "
            f"temperature: {', '.join(said)}.")


def level_name(level: int) -> str:
    """ "all levels" or "level 2 alone"."""
    return f"level {level} alone" if level > 0 else "all levels"


def highest_alone(frame: pd.DataFrame) -> pd.DataFrame:
    """One level alone at the highest temperature, one row a level."""
    alone = frame[frame["level"] > 0] if len(frame) else frame
    return alone[alone["temperature"] == alone["temperature"].max()] if len(alone) else alone


def diversity_summary(frame: pd.DataFrame) -> str:
    """What temperature does, in one or two sentences; "" with fewer than two temperatures."""
    found = all_levels(frame)
    if len(found) < 2:
        return ""
    low, high = found.iloc[0], found.iloc[-1]
    words = (f"From temperature {low['temperature']:g} to {high['temperature']:g}, Entropy@10 goes from "
             f"{low['entropy10']:.2f} to {high['entropy10']:.2f} nats, and recall@10 from {low['recall']:.3f} to "
             f"{high['recall']:.3f}.")
    alone = highest_alone(frame)
    if len(alone) > 1:
        best = alone.loc[alone["entropy10"].idxmax()]
        words += (f" Of all levels raised to {best['temperature']:g} alone, level {int(best['level'])} gives the highest "
                  f"Entropy@10 ({best['entropy10']:.2f}{_interval(best)}).")
    return words


def entropy_summary(frame: pd.DataFrame) -> str:
    """What temperature does to the diversity of lists of ten."""
    found = all_levels(frame)
    if len(found) < 2:
        return "One temperature is measured so far"
    low, high = found["entropy10"].iloc[[0, -1]]
    moves = "stays at" if f"{low:.2f}" == f"{high:.2f}" else f"{'rises' if high > low else 'falls'} from {low:.2f} to"
    return f"Entropy@10 {moves} {high:.2f} nats between temperatures {found['temperature'].iloc[0]:g} and " \
           f"{found['temperature'].iloc[-1]:g}"


def trade_summary(frame: pd.DataFrame) -> str:
    """Which setting finds most held-out items, and which is the most diverse."""
    best, widest = (str(frame.loc[frame[value].idxmax(), "name"]) for value in ("recall", "entropy10"))
    begun = best[:1].upper() + best[1:]
    return f"{begun} is the most accurate and the most diverse setting" if best == widest else \
        f"{begun} is the most accurate setting, {widest} the most diverse"


def _interval(row: pd.Series) -> str:
    ends = range_summary(row["entropy10_low"], row["entropy10_high"], ".2f")
    return f"; 95 % {ends}" if ends else ""


def parts(study: Study[DiversityParams, DiversityRow, DiversityAbout], frame: pd.DataFrame) -> list[Part]:
    """The sections of the study's page."""
    about, table, beside = study.about, diversity_table(frame), beside_the_paper(frame)
    words = diversity_summary(frame) or f"Settings measured so far: {len(frame)}."
    seen = " Lists leave out items that the user already has." if about.exclude_seen else ""
    found = [Part(text=f"{about.dataset}: {about.labels}; recommender {about.model} on the IDs of “{about.parent}”.{seen}"
                       f"\n\n{words}")]
    if len(beside):
        found.append(Part("Entropy beside the paper's", "Hollow bars are reported by Rajput et al. 2023, section 4.3, for their "
                          "own model and categories on Amazon Beauty: compare the direction, not the height.",
                          plot.entropy_bars(beside, words), beside))
    found.append(Part("Recall against entropy", words, plot.recall_entropy(frame, words), table))
    if (frame["level"] > 0).any():
        for value, title in CURVES.items():
            curve, said = per_level(frame), level_summary(frame, value, title)
            found.append(Part(f"{title}, level by level", said, plot.level_curves(curve, value, title, said),
                              curve[[*CURVE_COLUMNS, value, f"{value}_low", f"{value}_high"]]))
    return [*found, Part("All numbers", intervals.NOTE, table=table)]


def unreadable(model: GenerativeRecommender, history: np.ndarray) -> str:
    """Why nothing can be recommended for a user's history; "" where it can."""
    if len(history) < 2:
        return "This user's history is too short; choose another user."
    if not len(model.readable_history(history[:-1])):
        return "No item of this user's history has an ID, so the recommender cannot read it; choose another user."
    return ""


def user_lists(model: GenerativeRecommender, cat: Catalogue, user: int, temperatures: Sequence[float], seed: int,
               k: int = 10) -> pd.DataFrame:
    """A user's list by beam search beside samples at temperature 1 and at these temperatures.

    Args:
        temperatures: one a level of the IDs.

    Returns:
        Rank, and for each list the item's title and category; ★ marks the held-out item.
    """
    history = cat.history(user)
    seen = [np.unique(history[:-1])] if model.excludes_seen(cat=cat) else None
    found = {"Beam search": model.rank_batch([history[:-1]], k, seen=seen)[0][0]}
    for name, given in (("Temperature 1", [1.0] * len(temperatures)), ("Your temperatures", list(temperatures))):
        found[name] = sample(model, [history[:-1]], given, k, np.random.default_rng(seed), seen)[0]
    return side_by_side(cat, {name: items[items >= 0] for name, items in found.items()}, int(history[-1]))


def side_by_side(cat: Catalogue, lists: dict[str, np.ndarray], target: int) -> pd.DataFrame:
    """Lists of item numbers as titles and categories, one column each."""
    titles, labels_I = cat.items["title"].astype(str).to_numpy(object), category_labels(cat)[0]
    longest, found = max((len(items) for items in lists.values()), default=0), {}
    for name, items in lists.items():
        texts = []
        for item in items:
            label = f" · {labels_I[item]}" if labels_I is not None and str(labels_I[item]) else ""
            texts.append(f"{'★ ' if item == target else ''}{titles[item]}{label}")
        found[name] = texts + [""] * (longest - len(texts))
    return pd.DataFrame({"Rank": range(1, longest + 1), **found})


REPORT = StudyReport(diversity_frame, diversity_table, diversity_table, diversity_summary, parts)
