"""A cold-item study as a frame and sentences."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from tiger.cold import METHODS

SHOWN_K, SHOWN_EPSILON = 10, 0.1


def cold_frame(rows: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """One row a method, group of users, K and epsilon: method, title, who, k, epsilon, recall, n_users."""
    frame = pd.DataFrame(rows)
    if len(frame):
        frame.insert(1, "title", frame["method"].map(METHODS))
    return frame


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


def cold_words(frame: pd.DataFrame) -> str:
    """What the study found, in two sentences; "" without rows."""
    if not len(frame) or not set(METHODS) <= set(frame["method"]):
        return ""
    prefix, knn = (recall_of(frame, method, "cold", SHOWN_K, SHOWN_EPSILON) for method in ("prefix", "knn"))
    only, knn_only = (recall_of(frame, method, "cold", SHOWN_K, 1.0) for method in ("cold", "knn_cold"))
    none, some = (recall_of(frame, "prefix", "warm", SHOWN_K, epsilon) for epsilon in (0.0, SHOWN_EPSILON))
    words = (f"With a tenth of the top {SHOWN_K} open to cold items, the shared prefix finds {prefix:.1%} of the cold next "
             f"items and nearest content {knn:.1%}; with the list open to nothing but cold items they find {only:.1%} and "
             f"{knn_only:.1%}.")
    if none == none and some == some:
        words += (f" For users whose next item is warm, recall@{SHOWN_K} goes from {none:.1%} without cold items to "
                  f"{some:.1%}.")
    return words


def epsilon_words(frame: pd.DataFrame) -> str:
    """The epsilon figure's takeaway."""
    part = over_epsilon(frame)
    if not len(part):
        return "Nothing measured yet."
    said = [f"{title}: {group['recall'].iloc[0]:.1%} at epsilon {group['epsilon'].iloc[0]:g}, "
            f"{group['recall'].iloc[-1]:.1%} at {group['epsilon'].iloc[-1]:g}"
            for title, group in part.sort_values("epsilon").groupby("title")]
    return f"Recall@{SHOWN_K} of cold next items. " + "; ".join(said) + "."


def k_words(frame: pd.DataFrame) -> str:
    """The K figure's takeaway."""
    part = over_k(frame)
    if not len(part):
        return "Nothing measured yet."
    said = [f"{title}: {group['recall'].iloc[-1]:.1%} at K = {group['k'].iloc[-1]}"
            for title, group in part.sort_values("k").groupby("title")]
    return "Recall of cold next items grows with K. " + "; ".join(said) + "."
