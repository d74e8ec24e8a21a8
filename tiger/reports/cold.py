"""A cold-item study as a frame and sentences."""

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd

from tiger.reports.intervals import range_summary, share_ends
from tiger.studies.cold_start import METHODS

SHOWN_K, SHOWN_EPSILON = 10, 0.1


def cold_frame(rows: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """One row a method, group of users, K and epsilon.

    Returns:
        method, title, who, k, epsilon, recall, n_users, low and high (95 % over the users).
    """
    frame = pd.DataFrame(rows)
    if len(frame):
        frame.insert(1, "title", frame["method"].map(METHODS))
        ends = [share_ends(recall, int(n)) for recall, n in zip(frame["recall"], frame["n_users"], strict=True)]
        frame["low"], frame["high"] = zip(*ends, strict=True)
    return frame


def cold_table(frame: pd.DataFrame) -> pd.DataFrame:
    """The numbers for people, with the 95 % interval over the users."""
    heads = {"title": "Method", "who": "Next item", "k": "K", "epsilon": "Epsilon", "recall": "Recall", "n_users": "Users"}
    table = frame[list(heads)].rename(columns=heads)
    ranges = [range_summary(low, high) for low, high in zip(frame["low"], frame["high"], strict=True)]
    table.insert(list(heads).index("recall") + 1, "Recall, 95 %", ranges)
    return table


def over_k(frame: pd.DataFrame, who: str = "cold", epsilon: float = SHOWN_EPSILON) -> pd.DataFrame:
    """Recall over K at one epsilon; methods that write cold items only have no epsilon and are always there."""
    return frame[(frame["who"] == who) & ((frame["epsilon"] == epsilon) | frame["method"].isin(["cold", "knn_cold"]))]


def over_epsilon(frame: pd.DataFrame, who: str = "cold", k: int = SHOWN_K) -> pd.DataFrame:
    """Recall over epsilon at one K."""
    return frame[(frame["who"] == who) & (frame["k"] == k) & frame["method"].isin(["prefix", "knn"])]


def recall_of(frame: pd.DataFrame, method: str, who: str, k: int, epsilon: float) -> float:
    """One number; nan where it was not measured."""
    found = frame[(frame["method"] == method) & (frame["who"] == who) & (frame["k"] == k) & (frame["epsilon"] == epsilon)]
    return float(found["recall"].iloc[0]) if len(found) else float("nan")


def cold_summary(frame: pd.DataFrame) -> str:
    """What the study found, in three sentences; "" before every method was measured."""
    if not len(frame):
        return ""
    prefix, knn = (recall_of(frame, method, "cold", SHOWN_K, SHOWN_EPSILON) for method in ("prefix", "knn"))
    only, knn_only = (recall_of(frame, method, "cold", SHOWN_K, 1.0) for method in ("cold", "knn_cold"))
    if not all(math.isfinite(value) for value in (prefix, knn, only, knn_only)):
        return ""
    words = (f"Of the users who picked a held-out item next, shared codes find it for {prefix:.1%} when one of {SHOWN_K} "
             f"places is open to held-out items; nearest content finds it for {knn:.1%}. When all {SHOWN_K} places are kept "
             f"for held-out items, the beam finds it for {only:.1%} and nearest content for {knn_only:.1%}.")
    before, after = (f"{recall_of(frame, 'prefix', 'warm', SHOWN_K, epsilon):.1%}" for epsilon in (0.0, SHOWN_EPSILON))
    if "nan" not in (before, after):
        went = f"stays {after}" if before == after else f"goes from {before} to {after}"
        words += f" For all other users recall@{SHOWN_K} {went} when that one place is opened."
    return words


def epsilon_summary(frame: pd.DataFrame, who: str = "cold") -> str:
    """The epsilon figure's takeaway."""
    part = over_epsilon(frame, who)
    if not len(part):
        return "Nothing measured yet."
    said = [f"{title}: {group['recall'].iloc[0]:.1%} at epsilon {group['epsilon'].iloc[0]:g}, "
            f"{group['recall'].iloc[-1]:.1%} at {group['epsilon'].iloc[-1]:g}"
            for title, group in part.sort_values("epsilon").groupby("title")]
    return f"Recall@{SHOWN_K} of {who} next items. " + "; ".join(said) + "."


def k_summary(frame: pd.DataFrame) -> str:
    """The K figure's takeaway."""
    part = over_k(frame)
    if not len(part):
        return "Nothing measured yet."
    said = [f"{title}: {group['recall'].iloc[-1]:.1%} at K = {group['k'].iloc[-1]}"
            for title, group in part.sort_values("k").groupby("title")]
    return "Recall of cold next items grows with K. " + "; ".join(said) + "."
