"""A drift study as frames, sentences and the sections of a page: which remedy changes what, and which one wins where."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from tiger.core.words import counted
from tiger.plots import drift as plot
from tiger.reports.html import Part
from tiger.reports.study_report import Study, StudyReport
from tiger.studies.drift import REMEDIES, SOURCES, DriftAbout, DriftParams, DriftRow
from tiger.studies.drift.remedies import BY_NUMBER

SATURATED = 0.9  # beyond, nothing is left to add up
RECALLS = ("recall_before", "recall_after", "recall_regained")
PLAIN = ("strength", "period", "remedy", "moved_degrees", "changed", "churn_before", "error", "collided", "tokens",
         "token_share", "seconds")
CLOSE = 1.1  # an error at most this many times the lowest counts as good
BRIEF = ("Strength", "Period", "No.", "Remedy", "IDs changed", "Unexplained variance", "Colliding items", "Share of tokens",
         "Processor seconds", "Recall@10, new IDs", "… after training")


def drift_frame(rows: Sequence[DriftRow]) -> pd.DataFrame:
    """One row a strength, remedy and period.

    Returns:
        strength, period, remedy, name, n_remedies and n_periods (how many rows this strength will have), moved_degrees,
        changed, churn_1.., survival_1.., churn_before, error, collided, neighbours_1.., chance_1.., tokens, token_share,
        seconds, recall_before, recall_after, recall_regained, each with half its 95 % confidence interval
        (recall_before_pm ..), lost (recall that the old recommender loses) and regained (what training steps restore); nan
        where not measured.
    """
    flat = []
    for row in rows:
        one: dict[str, Any] = {key: getattr(row, key) for key in PLAIN}
        one["name"] = BY_NUMBER[row.remedy].title + (f" ({row.mode})" if row.mode else "")
        for key in ("churn", "survival", "neighbours", "chance"):
            one |= {f"{key}_{level}": value for level, value in enumerate(getattr(row, key), 1)}
        for key in ("n_remedies", "n_periods", *RECALLS, *(f"{name}_pm" for name in RECALLS)):
            value = getattr(row, key)
            one[key] = float("nan") if value is None else float(value)
        flat.append(one | {"lost": one["recall_before"] - one["recall_after"],
                           "regained": one["recall_regained"] - one["recall_after"]})
    frame = pd.DataFrame(flat)
    return frame.sort_values(["strength", "remedy", "period"], ignore_index=True) if len(frame) else frame


def last_periods(frame: pd.DataFrame) -> pd.DataFrame:
    """The newest period of every remedy and strength."""
    return frame[frame["period"] == frame.groupby(["strength", "remedy"])["period"].transform("max")]


def strongest(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows of the strongest drift."""
    return frame[frame["strength"] == frame["strength"].max()]


def with_recall(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows for which the old recommender's recall was measured."""
    return frame.dropna(subset=["recall_after"]) if len(frame) else frame


def done_strengths(frame: pd.DataFrame) -> pd.DataFrame:
    """Per strength how far it is: strength, n_done and n_all (remedies), and whole (every period is there, too)."""
    found = []
    for strength, part in frame.groupby("strength"):
        n_periods = part.groupby("remedy").size()
        expected = part[["n_remedies", "n_periods"]].max()
        n_all, n_long = ((int(number) if pd.notna(number) else fallback) for number, fallback in
                         zip(expected, (frame["remedy"].nunique(), frame["period"].max()), strict=True))
        n_done = int((n_periods >= n_long).sum())
        found.append({"strength": strength, "n_done": n_done, "n_all": n_all, "whole": n_done >= n_all})
    return pd.DataFrame(found)


def winners(frame: pd.DataFrame) -> pd.DataFrame:
    """Per strength at which every remedy is done, the best remedy by three criteria.

    Returns:
        strength, fewest (of those whose error is within a tenth of the lowest, the one that changes the fewest IDs),
        lowest_error, best_recall (highest recall of the old recommender without training; "" where not measured), and the
        value that each wins with: fewest_value, lowest_error_value, best_recall_value; empty before any.
    """
    found, done = [], done_strengths(frame)
    whole = set(done.loc[done["whole"], "strength"])
    for strength, part in last_periods(frame).groupby("strength"):
        if strength not in whole:
            continue
        close = part[part["error"] <= CLOSE * part["error"].min() + 1e-12]
        fewest, lowest, probed = close.loc[close["changed"].idxmin()], part.loc[part["error"].idxmin()], with_recall(part)
        best = probed.loc[probed["recall_after"].idxmax()] if len(probed) else None
        found.append({"strength": strength, "fewest": fewest["name"], "fewest_value": fewest["changed"],
                      "lowest_error": lowest["name"], "lowest_error_value": lowest["error"],
                      "best_recall": "" if best is None else best["name"],
                      "best_recall_value": float("nan") if best is None else best["recall_after"]})
    return pd.DataFrame(found)


def winner_summary(frame: pd.DataFrame) -> str:
    """Which remedy wins where, as one or two sentences per range of strengths, and how far the rest is; "" without rows."""
    if not len(frame):
        return ""
    table, words = winners(frame), []
    if len(table):
        names = table["fewest"] + table["best_recall"]
        words = [_range_summary(part) for _, part in table.groupby(names.ne(names.shift()).cumsum(), sort=False)]
    done = done_strengths(frame)
    words += [f"At strength {row.strength:g}, {row.n_done} of {counted(row.n_all, 'remedy', 'remedies')} "
              f"{'is' if row.n_done == 1 else 'are'} measured so far."
              for row in done[~done["whole"]].itertuples()]
    return " ".join(words)


def _range_summary(part: pd.DataFrame) -> str:
    """What holds for neighbouring strengths with the same winners."""
    low, high, row = part["strength"].iloc[0], part["strength"].iloc[-1], part.iloc[-1]
    where = f"At strength {low:g}" if low == high else f"From strength {low:g} to {high:g}"
    said = (f"{where}, “{row['fewest']}” changes the fewest IDs ({_from_to(part['fewest_value'], '.0%')}) among remedies whose "
            "error is within 10 % of the lowest")
    recall = _from_to(part["best_recall_value"], ".3f")
    if row["best_recall"] and row["best_recall"] != row["fewest"]:
        said += f"; the old recommender's recall@10 is highest with “{row['best_recall']}” ({recall})"
    elif row["best_recall"]:
        said += f", and the old recommender's recall@10 is highest with it as well ({recall})"
    return said + "."


def _from_to(values: pd.Series, form: str) -> str:
    """The number, or the smallest and the largest where they read differently."""
    low, high = format(values.min(), form), format(values.max(), form)
    return low if low == high else f"{low} to {high}"


def trade_summary(frame: pd.DataFrame) -> str:
    """The trade-off figure in words."""
    if not len(frame):
        return "No results yet."
    said = [f"{row['name']} changes {row['changed']:.0%} of the IDs and leaves {row['error']:.0%} of the variance unexplained"
            for _, row in last_periods(strongest(frame)).iterrows()]
    return f"At strength {frame['strength'].max():g}: " + "; ".join(said) + "."


def trade_finding(frame: pd.DataFrame) -> str:
    """The title over the trade-off figure: which remedy leaves the lowest error at the strongest drift, and what it costs."""
    if not len(frame):
        return "No results yet"
    best = (last := last_periods(strongest(frame))).loc[last["error"].idxmin()]
    return (f"At strength {best['strength']:g}, “{best['name']}” leaves the lowest error, {best['error']:.1%}, and changes "
            f"{best['changed']:.0%} of the IDs")


def schedule_summary(frame: pd.DataFrame) -> str:
    """Do the remedies' changes accumulate over the periods? "" without more than one period."""
    if not len(frame) or frame["period"].max() < 2:
        return ""
    said = []
    for _, part in strongest(frame).groupby("remedy"):
        first, last = part.iloc[0], part.iloc[-1]
        if last["changed"] <= 0.005:
            word = "keeps every ID to the end"
        elif first["changed"] >= SATURATED:
            word = f"changes nearly all IDs at once ({first['changed']:.0%} after the first period)"
        elif last["changed"] > 1.15 * first["changed"] + 0.01:
            word = f"accumulates changes: {first['changed']:.0%} after the first period, {last['changed']:.0%} after the last"
        else:
            word = (f"does not accumulate changes: {first['changed']:.0%} after the first period, {last['changed']:.0%} after "
                    "the last")
        said.append(f"“{last['name']}” {word}")
    return "; ".join(said) + "." if said else ""


def recall_summary(frame: pd.DataFrame) -> str:
    """What the old recommender loses and regains at the strongest drift; "" where it was not measured."""
    probed = with_recall(frame)
    if not len(probed):
        return ""
    part = last_periods(strongest(probed))
    best, worst = part.loc[part["recall_after"].idxmax()], part.loc[part["recall_after"].idxmin()]
    words = (f"Before the drift the recommender's recall@10 is {recall_text(best, 'before')}. On the new IDs it is "
             f"{recall_text(best, 'after')} with “{best['name']}” and {recall_text(worst, 'after')} with “{worst['name']}”.")
    if np.isfinite(worst["recall_regained"]):
        words += f" Some training steps on the new IDs raise the latter to {recall_text(worst, 'regained')}."
    return words + (" ± is the 95 % confidence interval over the users." if np.isfinite(best["recall_after_pm"]) else "")


def recall_text(row: pd.Series, name: str) -> str:
    """A row's recall "before", "after" or "regained" with its interval, where that is known."""
    half = row[f"recall_{name}_pm"]
    return f"{row[f'recall_{name}']:.3f}" + (f" ± {half:.3f}" if np.isfinite(half) else "")


def transition_frame(rows: Sequence[DriftRow], strength: float, period: int, remedy: int) -> pd.DataFrame:
    """Old and new level-1 codes of the items in the largest old ones: old, new (-1: all other codes), items."""
    for row in rows:
        if (row.strength, row.period, row.remedy) == (strength, period, remedy):
            return pd.DataFrame(row.code_transitions, columns=["old", "new", "items"])
    return pd.DataFrame({"old": [], "new": [], "items": []})


def transition_summary(frame: pd.DataFrame) -> str:
    """The figure of code transitions in words."""
    if not len(frame):
        return "No results yet."
    named = frame[frame["old"] >= 0]
    stayed = named.loc[named["old"] == named["new"], "items"].sum() / max(named["items"].sum(), 1)
    return f"Of the items in the {counted(named['old'].nunique(), 'largest level-1 code')}, {stayed:.0%} keep their first code."


def drift_table(frame: pd.DataFrame) -> pd.DataFrame:
    """The numbers for people, one row a remedy, strength and period."""
    keep = {"strength": "Strength", "period": "Period", "remedy": "No.", "name": "Remedy", "changed": "IDs changed"}
    keep |= {column: f"Churn, level {column[6:]}" for column in frame
             if str(column).startswith("churn_") and column != "churn_before"}
    keep |= {column: f"Prefix {column[9:]} kept" for column in frame if str(column).startswith("survival_")}
    keep |= {"error": "Unexplained variance", "collided": "Colliding items"}
    keep |= {column: f"Neighbours, level {column[11:]}" for column in frame if str(column).startswith("neighbours_")}
    keep |= {"tokens": "History tokens to rewrite", "token_share": "Share of tokens", "seconds": "Processor seconds",
             "recall_before": "Recall@10 before", "recall_before_pm": "± before", "recall_after": "Recall@10, new IDs",
             "recall_after_pm": "± new IDs", "recall_regained": "… after training", "recall_regained_pm": "± after training"}
    return frame[list(keep)].rename(columns=keep).dropna(axis=1, how="all")


def brief(frame: pd.DataFrame) -> pd.DataFrame:
    """The columns of ``drift_table`` that the command line prints."""
    table = drift_table(frame)
    return table[[column for column in BRIEF if column in table]]


def parts(study: Study[DriftParams, DriftRow, DriftAbout], frame: pd.DataFrame) -> list[Part]:
    """The sections of the study's page."""
    about, newest, words = study.about, last_periods(frame), trade_summary(frame)
    found = [Part(text="\n\n".join(filter(None, [
        f"{about.dataset}: {counted(about.n_items, 'item')}, IDs of “{about.parent}”. New vectors: {SOURCES[study.params.source]}"
        f"{_drift_summary(study.params)}.", winner_summary(frame), *study.notes]))),
        Part("Changed IDs against error", words, plot.trade(newest, words), drift_table(frame))]
    last = strongest(newest)
    if len(probed := with_recall(last)):
        words = recall_summary(frame)
        found.append(Part("The old recommender on the new IDs", words, plot.recalls(probed, words)))
    if frame["period"].max() > 1:
        words = schedule_summary(frame)
        found.append(Part("Period by period", words, plot.over_periods(strongest(frame), "changed", "IDs changed", words)))
    for row in last.itertuples():
        moves = transition_frame(study.rows, row.strength, row.period, row.remedy)
        words = transition_summary(moves)
        found.append(Part(f"Code transitions: {row.name}", words, plot.transitions(moves, words), moves))
    return [*found, Part("The seven remedies", "\n\n".join(f"{remedy.number}. {remedy.title}: {remedy.summary}"
                                                           for remedy in REMEDIES))]


def _drift_summary(given: DriftParams) -> str:
    if given.source != "simulated":
        return ""
    return (f", at strength 1: rotation {given.rotation:g} degrees, shift {given.shift:g}, noise {given.noise:g}, "
            f"replaced {given.replaced:g}, season {given.season:g}, seed {given.seed}")


REPORT = StudyReport(drift_frame, drift_table, brief, winner_summary, parts)
