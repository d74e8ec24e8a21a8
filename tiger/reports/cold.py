"""A cold-start study as a frame, sentences and the sections of a page."""

import math
from collections.abc import Sequence
from dataclasses import asdict

import pandas as pd

from tiger.core.tables import ends_of
from tiger.core.words import counted
from tiger.plots import studies as plot
from tiger.reports import intervals
from tiger.reports.html import Part
from tiger.reports.intervals import range_summary, share_ends
from tiger.reports.study_report import Study, StudyReport
from tiger.studies.cold_start import METHODS, ColdAbout, ColdParams, ColdRow

SHOWN_K, SHOWN_EPSILON = 10, 0.1
AXES = {"k": "K, length of the list", "epsilon": "Epsilon, largest share of cold items"}
COLD_ONLY = ("cold", "knn_cold")  # methods without an epsilon


def cold_frame(rows: Sequence[ColdRow]) -> pd.DataFrame:
    """One row a method, group of users, K and epsilon.

    Returns:
        method, title, who, k, epsilon, recall, n_users, low and high (95 % confidence interval over the users).
    """
    frame = pd.DataFrame([asdict(row) for row in rows])
    if len(frame):
        frame.insert(1, "title", frame["method"].map(METHODS))
        ends = [share_ends(recall, int(n)) for recall, n in zip(frame["recall"], frame["n_users"], strict=True)]
        frame["low"], frame["high"] = zip(*ends, strict=True)
    return frame


def cold_table(frame: pd.DataFrame) -> pd.DataFrame:
    """The numbers for people, with the 95 % confidence interval over the users."""
    heads = {"title": "Method", "who": "Test item", "k": "K", "epsilon": "Epsilon", "recall": "Recall", "n_users": "Users"}
    table = frame[list(heads)].rename(columns=heads)
    ranges = [range_summary(low, high) for low, high in zip(frame["low"], frame["high"], strict=True)]
    table.insert(list(heads).index("recall") + 1, "Recall, 95 %", ranges)
    return table


def over_k(frame: pd.DataFrame, who: str = "cold", epsilon: float = SHOWN_EPSILON) -> pd.DataFrame:
    """Recall over K at one epsilon, and of the methods that have none."""
    return frame[(frame["who"] == who) & ((frame["epsilon"] == epsilon) | frame["method"].isin(COLD_ONLY))]


def over_epsilon(frame: pd.DataFrame, who: str = "cold", k: int = SHOWN_K) -> pd.DataFrame:
    """Recall over epsilon at one K."""
    return frame[(frame["who"] == who) & (frame["k"] == k) & ~frame["method"].isin(COLD_ONLY)]


def row_of(frame: pd.DataFrame, method: str, who: str, k: int, epsilon: float) -> pd.Series | None:
    """One row of the frame; None where it was not measured."""
    found = frame[(frame["method"] == method) & (frame["who"] == who) & (frame["k"] == k) & (frame["epsilon"] == epsilon)]
    return found.iloc[0] if len(found) else None


def recall_of(frame: pd.DataFrame, method: str, who: str, k: int, epsilon: float) -> float:
    """One number; nan where it was not measured."""
    found = row_of(frame, method, who, k, epsilon)
    return float("nan") if found is None else float(found["recall"])


def cold_summary(frame: pd.DataFrame) -> str:
    """The finding in three sentences; "" before every method was measured."""
    if not len(frame):
        return ""
    prefix, knn = (recall_of(frame, method, "cold", SHOWN_K, SHOWN_EPSILON) for method in ("prefix", "knn"))
    only, knn_only = (recall_of(frame, method, "cold", SHOWN_K, 1.0) for method in COLD_ONLY)
    if not all(math.isfinite(value) for value in (prefix, knn, only, knn_only)):
        return ""
    words = (f"For users whose test item is cold, recall@{SHOWN_K} is {prefix:.1%} with shared prefixes and {knn:.1%} with "
             f"nearest content when cold items may take one place in {round(1 / SHOWN_EPSILON)}. In a list of cold items only "
             f"it is {only:.1%} with the beam and {knn_only:.1%} with nearest content.")
    before, after = (f"{recall_of(frame, 'prefix', 'warm', SHOWN_K, epsilon):.1%}" for epsilon in (0.0, SHOWN_EPSILON))
    if "nan" not in (before, after):
        change = f"stays at {after}" if before == after else f"changes from {before} to {after}"
        words += f" For all other users recall@{SHOWN_K} {change} when that place is opened."
    return words


def epsilon_summary(frame: pd.DataFrame, who: str = "cold") -> str:
    """The epsilon figure in words."""
    part = over_epsilon(frame, who)
    if not len(part):
        return "No results yet."
    said = [f"{title}: " + ", ".join(f"{row.recall:.1%} at epsilon {row.epsilon:g}" for row in ends_of(group).itertuples())
            for title, group in part.sort_values("epsilon").groupby("title")]
    best = part.loc[part["recall"].idxmax()]
    return (f"Recall@{SHOWN_K} of {who} test items is highest with “{best['title']}” at epsilon {best['epsilon']:g}. "
            + "; ".join(said) + ".")


def k_summary(frame: pd.DataFrame) -> str:
    """The K figure in words."""
    part = over_k(frame)
    if not len(part):
        return "No results yet."
    said = [f"{title}: {group['recall'].iloc[-1]:.1%} at K = {group['k'].iloc[-1]}"
            for title, group in part.sort_values("k").groupby("title")]
    best = part.loc[part["recall"].idxmax()]
    return f"Recall of cold test items is highest with “{best['title']}” at K = {best['k']}. " + "; ".join(said) + "."


def parts(study: Study[ColdParams, ColdRow, ColdAbout], frame: pd.DataFrame) -> list[Part]:
    """The sections of the study's page."""
    about, given = study.about, study.params
    seen = " Lists leave out items that the user already has." if about.exclude_seen else ""
    found = [Part(text="\n\n".join(filter(None, [
        f"{about.dataset}: {about.n_cold:,} of {counted(about.n_items, 'item')} {'is' if about.n_cold == 1 else 'are'} held out "
        f"of all training; the test item of {counted(about.cold_users, 'user')} is one of them. Quantizer as in "
        f"“{about.parent}”, recommender {about.model}, beam width {given.width}, seed "
        f"{given.seed}.{seen}", cold_summary(frame)])))]
    for title, part, x, words in (
            (f"Recall over K (epsilon {SHOWN_EPSILON:g} where it applies)", over_k(frame), "k", k_summary(frame)),
            (f"Recall over epsilon (K = {SHOWN_K})", over_epsilon(frame), "epsilon", epsilon_summary(frame)),
            (f"Cost for all other users (K = {SHOWN_K})", over_epsilon(frame, "warm"), "epsilon",
             epsilon_summary(frame, "warm"))):
        if len(part):
            found.append(Part(title, words, plot.cold_lines(part, x, AXES[x], words), cold_table(part)))
    return [*found, Part("All numbers", intervals.NOTE, table=cold_table(frame))]


REPORT = StudyReport(cold_frame, cold_table, lambda frame: cold_table(over_k(frame)), cold_summary, parts)
