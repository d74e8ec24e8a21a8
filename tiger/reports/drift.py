"""A drift study as frames and sentences: which remedy changes what, and which one wins where."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from tiger.studies.drift.remedies import BY_NUMBER

SATURATED = 0.9  # beyond, nothing is left to add up
RECALLS = ("recall_before", "recall_after", "recall_regained")
CLOSE = 1.1  # an error at most this many times the lowest counts as good


def drift_frame(rows: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """One row a strength, remedy and period.

    Returns:
        strength, period, remedy, name, n_remedies and n_periods (how many rows this strength will have), moved_degrees,
        changed, churn_1.., survival_1.., churn_before, error, collided, neighbours_1.., chance_1.., tokens, token_share,
        seconds, recall_before, recall_after, recall_regained, each with half its 95 % interval (recall_before_pm ..),
        lost (recall that the old recommender loses) and back (what the training steps give back); nan where not asked.
    """
    flat = []
    for row in rows:
        one = {"strength": row["strength"], "period": row["period"], "remedy": row["remedy"],
               "name": BY_NUMBER[row["remedy"]].title + (f" ({row['mode']})" if row.get("mode") else ""),
               **{key: float(row.get(key) or "nan") for key in ("n_remedies", "n_periods")}}
        for key in ("moved_degrees", "changed", "churn_before", "error", "collided", "tokens", "token_share", "seconds"):
            one[key] = row[key]
        for key in ("churn", "survival", "neighbours", "chance"):
            one |= {f"{key}_{level}": value for level, value in enumerate(row[key], 1)}
        for key in RECALLS + tuple(f"{name}_pm" for name in RECALLS):
            value = row.get(key)
            one[key] = float("nan") if value is None else float(value)
        flat.append(one | {"lost": one["recall_before"] - one["recall_after"],
                           "back": one["recall_regained"] - one["recall_after"]})
    frame = pd.DataFrame(flat)
    return frame.sort_values(["strength", "remedy", "period"], ignore_index=True) if len(frame) else frame


def last_periods(frame: pd.DataFrame) -> pd.DataFrame:
    """The newest period of every remedy and strength."""
    return frame[frame["period"] == frame.groupby(["strength", "remedy"])["period"].transform("max")]


def done_strengths(frame: pd.DataFrame) -> pd.DataFrame:
    """Per strength how far it is: strength, n_done and n_asked (remedies), and whole (every period is there, too)."""
    found = []
    for strength, part in frame.groupby("strength"):
        n_periods = part.groupby("remedy").size()
        asked = part[["n_remedies", "n_periods"]].max()
        n_asked, n_long = ((int(number) if pd.notna(number) else fallback) for number, fallback in
                           zip(asked, (frame["remedy"].nunique(), frame["period"].max()), strict=True))
        n_done = int((n_periods >= n_long).sum())
        found.append({"strength": strength, "n_done": n_done, "n_asked": n_asked, "whole": n_done >= n_asked})
    return pd.DataFrame(found)


def winners(frame: pd.DataFrame) -> pd.DataFrame:
    """Per strength at which every remedy is done, those that win by three questions.

    Returns:
        strength, fewest (of those whose error is within a tenth of the lowest, the one that changes fewest IDs),
        truest (lowest error), kindest (highest recall of the old recommender as it is; "" where nobody was asked),
        and for each the number that it wins with: fewest_changed, truest_error, kindest_recall; empty before any.
    """
    found, done = [], done_strengths(frame)
    whole = set(done.loc[done["whole"], "strength"])
    for strength, part in last_periods(frame).groupby("strength"):
        if strength not in whole:
            continue
        close = part[part["error"] <= CLOSE * part["error"].min() + 1e-12]
        fewest = close.loc[close["changed"].idxmin()]
        truest = part.loc[part["error"].idxmin()]
        asked = part.dropna(subset=["recall_after"])
        kindest = asked.loc[asked["recall_after"].idxmax()] if len(asked) else None
        found.append({"strength": strength, "fewest": fewest["name"], "fewest_changed": fewest["changed"],
                      "truest": truest["name"], "truest_error": truest["error"],
                      "kindest": "" if kindest is None else kindest["name"],
                      "kindest_recall": float("nan") if kindest is None else kindest["recall_after"]})
    return pd.DataFrame(found)


def winner_summary(frame: pd.DataFrame) -> str:
    """Which remedy wins where, as one or two sentences per range of strengths, and how far the rest is; "" without rows."""
    if not len(frame):
        return ""
    table, words = winners(frame), []
    if len(table):
        names = table["fewest"] + table["kindest"]
        words = [_range_summary(part) for _, part in table.groupby(names.ne(names.shift()).cumsum(), sort=False)]
    done = done_strengths(frame)
    words += [f"At strength {row.strength:g}, so far {row.n_done} of {row.n_asked} remedies are measured."
              for row in done[~done["whole"]].itertuples()]
    return " ".join(words)


def _range_summary(part: pd.DataFrame) -> str:
    """What holds for neighbouring strengths with the same winners."""
    low, high, row = part["strength"].iloc[0], part["strength"].iloc[-1], part.iloc[-1]
    where = f"At strength {low:g}" if low == high else f"From strength {low:g} to {high:g}"
    said = (f"{where}, “{row['fewest']}” changes the fewest IDs ({_from_to(part['fewest_changed'], '.0%')}) of those whose error "
            "is within a tenth of the lowest")
    recall = _from_to(part["kindest_recall"], ".3f")
    if row["kindest"] and row["kindest"] != row["fewest"]:
        said += f"; the old recommender does best with “{row['kindest']}” (recall@10 {recall})"
    elif row["kindest"]:
        said += f", and the old recommender does best with it, too (recall@10 {recall})"
    return said + "."


def _from_to(values: pd.Series, form: str) -> str:
    """The number, or the smallest and the largest where they read differently."""
    low, high = format(values.min(), form), format(values.max(), form)
    return low if low == high else f"{low} to {high}"


def trade_summary(frame: pd.DataFrame) -> str:
    """The trade-off figure's takeaway, for those who cannot see it."""
    if not len(frame):
        return "Nothing measured yet."
    part = frame[frame["strength"] == frame["strength"].max()]
    said = [f"{row.name_} changes {row.changed:.0%} of the IDs and loses {row.error:.0%} of the variance"
            for row in last_periods(part).rename(columns={"name": "name_"}).itertuples()]
    return f"At strength {frame['strength'].max():g}: " + "; ".join(said) + "."


def schedule_summary(frame: pd.DataFrame) -> str:
    """Do the remedies' changes add up over the periods? "" without more than one period."""
    if not len(frame) or frame["period"].max() < 2:
        return ""
    said = []
    for _, part in frame[frame["strength"] == frame["strength"].max()].groupby("remedy"):
        first, last = part.iloc[0], part.iloc[-1]
        if last["changed"] <= 0.005:
            word = "keeps every ID to the end"
        elif first["changed"] >= SATURATED:
            word = f"changes nearly all IDs at once ({first['changed']:.0%} after the first period)"
        elif last["changed"] > 1.15 * first["changed"] + 0.01:
            word = f"adds up: {first['changed']:.0%} changed after the first period, {last['changed']:.0%} after the last"
        else:
            word = f"does not add up: {first['changed']:.0%} after the first period, {last['changed']:.0%} after the last"
        said.append(f"“{last['name']}” {word}")
    return "; ".join(said) + "." if said else ""


def recall_summary(frame: pd.DataFrame) -> str:
    """What the old recommender loses and gets back at the strongest drift; "" where nobody was asked."""
    asked = frame.dropna(subset=["recall_after"]) if len(frame) else frame
    if not len(asked):
        return ""
    part = last_periods(asked[asked["strength"] == asked["strength"].max()])
    best, worst = part.loc[part["recall_after"].idxmax()], part.loc[part["recall_after"].idxmin()]
    words = (f"Before the drift the recommender's recall@10 is {_recall(best, 'before')}. Reading new IDs it keeps "
             f"{_recall(best, 'after')} with “{best['name']}” and {_recall(worst, 'after')} with “{worst['name']}”.")
    if np.isfinite(worst["recall_regained"]):
        words += f" A few training steps bring the latter to {_recall(worst, 'regained')}."
    return words + (" ± is the 95 % interval over the users." if np.isfinite(best["recall_after_pm"]) else "")


def _recall(row: pd.Series, name: str) -> str:
    """A recall with its interval, where that is known."""
    half = row[f"recall_{name}_pm"]
    return f"{row[f'recall_{name}']:.3f}" + (f" ± {half:.3f}" if np.isfinite(half) else "")


def flow_frame(rows: Sequence[dict[str, Any]], strength: float, period: int, remedy: int) -> pd.DataFrame:
    """Where items of the fullest level-1 codes went: old, new (code, -1 for all others), items."""
    for row in rows:
        if (row["strength"], row["period"], row["remedy"]) == (strength, period, remedy):
            return pd.DataFrame(row["flows"], columns=["old", "new", "items"])
    return pd.DataFrame({"old": [], "new": [], "items": []})


def flow_summary(frame: pd.DataFrame) -> str:
    """The flow picture's takeaway."""
    if not len(frame):
        return "Nothing measured yet."
    named = frame[frame["old"] >= 0]
    stayed = named.loc[named["old"] == named["new"], "items"].sum() / max(named["items"].sum(), 1)
    return (f"Of the items in the {named['old'].nunique()} fullest level-1 codes, {stayed:.0%} still carry the same first "
            "code; the others went where the bands lead.")


def drift_table(frame: pd.DataFrame) -> pd.DataFrame:
    """The numbers for people, one row a remedy, strength and period."""
    keep = {"strength": "Strength", "period": "Period", "remedy": "No.", "name": "Remedy", "changed": "IDs changed"}
    keep |= {column: f"Churn, level {column[6:]}" for column in frame
             if str(column).startswith("churn_") and column != "churn_before"}
    keep |= {column: f"Prefix {column[9:]} kept" for column in frame if str(column).startswith("survival_")}
    keep |= {"error": "Variance lost", "collided": "Items that share codes"}
    keep |= {column: f"Neighbours, level {column[11:]}" for column in frame if str(column).startswith("neighbours_")}
    keep |= {"tokens": "History tokens to rewrite", "token_share": "Share of tokens", "seconds": "Processor seconds",
             "recall_before": "Recall@10 before", "recall_before_pm": "± before", "recall_after": "Recall@10, new IDs",
             "recall_after_pm": "± new IDs", "recall_regained": "… after some steps", "recall_regained_pm": "± after some steps"}
    return frame[list(keep)].rename(columns=keep).dropna(axis=1, how="all")
