"""The Drift page: changed IDs against error, code transitions, the old recommender's recall, period by period."""

from collections.abc import Callable
from typing import Any

import pandas as pd
import streamlit as st

from tiger.datasets.reference import Values
from tiger.plots import drift as plot
from tiger.reports import drift as report
from tiger.studies.drift import REMEDIES
from tiger.ui.shared import address, chart, exports, layout
from tiger.ui.shared.once import once
from tiger.ui.studies.study import Answer, StudyView, keep_upload, percent_columns

TRADE, TRANSITIONS, RECALL, PERIODS, _ = address.DRIFT_VIEW.options
PERIOD_COLUMNS = {"period": "Period", "remedy": "No.", "name": "Remedy",
                  **{value: st.column_config.NumberColumn(title, format="percent")
                     for value, title in (("changed", "IDs changed"), ("error", "Unexplained variance"))}}
SHARES = ("changed", "Churn", "kept", "Unexplained", "Neighbours", "Share")
SUMMARY_COLUMNS = ["IDs changed", "Unexplained variance", "Processor seconds"]


def draw(shown: Answer, view: str) -> None:
    """One view of a study's rows so far."""
    {TRADE: trade, TRANSITIONS: transitions, RECALL: recommender, PERIODS: schedule}.get(view, numbers)(shown)


def remedies() -> None:
    """What the seven remedies are."""
    with st.expander("The seven remedies", icon=":material/healing:"):
        st.markdown("\n\n".join(f"**{remedy.number} {remedy.title}.** {remedy.summary}" for remedy in REMEDIES))


def uploads(values: Values) -> Values:
    """Where the second version is a file: the upload of it, or of one for each period, and of its item ids."""
    if values["source"] != "file":
        return values
    path = keep_upload("Second version of the vectors", ["npy", "safetensors", "csv", "tsv", "parquet"], "drift_file",
                       "A table with item_id and one column a number, or an array with one row an item. Several files are one "
                       "period each, in the order of their names.", several=True)
    ids = keep_upload("Item ids of the rows (only npy and safetensors need them)", ["txt", "json", "csv"], "drift_ids",
                      "One id a row; without it the rows must be in the catalogue's order.")
    return values | {"path": path or values["path"], "ids": ids or values["ids"]}


def trade(shown: Answer) -> None:
    """Changed IDs against error."""
    words, newest = once(report.winner_summary, shown.frame), once(report.last_periods, shown.frame)
    if len(once(report.winners, shown.frame)):
        st.success(layout.plain(words), icon=":material/emoji_events:")
    else:
        st.info(layout.plain(words), icon=":material/hourglass_top:")
    alt = once(report.trade_summary, shown.frame)
    exports.titled(once(report.trade_finding, newest),
                   "Lower left is better: fewer changed IDs, lower error. Each line is a remedy; its marks grow with the "
                   "strength of the drift.")
    figure = once(plot.trade, newest, alt)
    chart.show(figure, "trade", exports.config("drift"))
    if len(newest[(newest["strength"] == 0) & (newest["remedy"] == 4) & (newest["changed"] > 0)]):
        st.caption("At strength 0 nothing moved, and yet retraining changed IDs: the same settings and seed give the same IDs "
                   "only on the same kind of machine with as many threads and steps, and this run was first trained otherwise.")
    st.latex(r"\text{changed} = \frac{|\{i : c'_i \ne c_i\}|}{|\text{common items}|}, \qquad \allowbreak "
             r"\text{unexplained variance} = \frac{\sum_i |x'_i - \hat x'_i|^2}{\sum_i |x'_i - \bar x'|^2}")
    table = once(report.drift_table, newest)[["Strength", "No.", "Remedy", *SUMMARY_COLUMNS]]
    st.dataframe(table, hide_index=True, column_config=percent_columns(table, SHARES))
    exports.buttons(figure, "drift", table)


def pick(frame: pd.DataFrame, key: str) -> tuple[float, int]:
    """A strength, and a period that was measured at it, where there is a choice."""
    left, right = st.columns(2)
    with left:
        strength = choice("Strength", sorted(frame["strength"].unique()), f"strength:{key}", lambda value: f"{value:g}")
    with right:
        periods = sorted(frame.loc[frame["strength"] == strength, "period"].unique())
        period = choice("Period", periods, f"period:{key}:{strength}", str)
    return float(strength), int(period)


def choice(label: str, options: list[Any], key: str, words: Callable[[Any], str]) -> Any:
    """One of the options, the last at first; no widget where there is only one."""
    if len(options) == 1:
        return options[0]
    found = st.segmented_control(label, options, default=options[-1], required=True, key=key, format_func=words)
    return found if found in options else options[-1]


def transitions(shown: Answer) -> None:
    """Which level-1 code the items of the largest codes have now."""
    strength, period = pick(shown.frame, "transitions")
    here = shown.frame[(shown.frame["strength"] == strength) & (shown.frame["period"] == period)]
    titles = dict(zip(here["remedy"], here["name"], strict=True))
    first = 5 if 5 in titles else next(iter(titles))
    number = st.segmented_control("Remedy", list(titles), default=first, required=True,
                                  format_func=lambda one: f"{one} {titles[one]}", key=f"transitions_remedy:{strength}:{period}")
    number = number if number in titles else first
    moves = report.transition_frame(shown.study.rows, strength, period, int(number))
    if not len(moves):
        layout.empty("No item that had a code before is still in the catalogue, so there are no transitions.")
        return
    words = report.transition_summary(moves)
    exports.titled(words, "Level-1 codes before the drift on the left, after it on the right; a band is as wide as its items.")
    table = moves.assign(**{side: ["other" if code < 0 else str(code) for code in moves[side]] for side in ("old", "new")})
    exports.chart(plot.transitions(moves, words), f"transitions:{number}:{strength}:{period}",
                  f"transitions-{number}-{strength:g}", table,
                  columns={"old": "First code before", "new": "First code after", "items": "Items"})


def recommender(shown: Answer) -> None:
    """What the old recommender loses and regains."""
    probed = report.with_recall(shown.frame)
    if not len(probed):
        layout.empty("This study did not measure a recommender's recall.")
        return
    strength, period = pick(probed, "recall")
    here = probed[(probed["strength"] == strength) & (probed["period"] == period)]
    words = report.recall_summary(here)
    exports.titled(words, "The recommender was trained on the old IDs. The first bar is its recall on the new IDs without any "
                          "training, the second its recall after some training steps on histories with the new IDs.")
    figure = plot.recalls(here, words)
    chart.show(figure, f"recalls:{strength}:{period}", exports.config("recall"))
    columns = ["Remedy", "Recall@10 before", "± before", "Recall@10, new IDs", "± new IDs", "… after training",
               "± after training", "History tokens to rewrite", "Share of tokens", "Processor seconds"]
    table = report.drift_table(here)
    table = table[[column for column in columns if column in table]]
    st.dataframe(table, hide_index=True, column_config=percent_columns(table, SHARES))
    exports.buttons(figure, f"recall-{strength:g}-{period}", table)


def schedule(shown: Answer) -> None:
    """Do changes accumulate over the periods?"""
    if shown.frame["period"].max() < 2:
        layout.empty("This study has one period. Start one with several periods below: each remedy then continues from its own "
                    "last result, which shows whether changes accumulate.")
        return
    series, words = once(report.strongest, shown.frame), once(report.schedule_summary, shown.frame)
    exports.titled(words, "The vectors drift in every period, and each remedy continues from its own last result. IDs are "
                          "compared with those before the first period.")
    for place, value, title in zip(st.columns(2, gap="medium"), ("changed", "error"),
                                   ("IDs changed since the start", "Unexplained variance of the new vectors"), strict=True):
        with place:
            exports.chart(once(plot.over_periods, series, value, title, words), f"periods:{value}", f"periods-{value}",
                          series[["period", "remedy", "name", value]], columns=PERIOD_COLUMNS)
    table = once(report.drift_table, series)[["Period", "No.", "Remedy", *SUMMARY_COLUMNS]]
    st.dataframe(table, hide_index=True, height=300, column_config=percent_columns(table, SHARES))


def numbers(shown: Answer) -> None:
    """Everything that was measured."""
    table = once(report.drift_table, shown.frame)
    st.markdown("Churn: share of items whose code at that level changed. Prefix kept: share of items whose prefix of that length "
                "is the same. Neighbours: share of the nearest neighbours in the new vectors that share the prefix.")
    st.dataframe(table, hide_index=True, height=min(36 * len(table) + 40, 560), column_config=percent_columns(table, SHARES))


VIEW = StudyView("Compare remedies", "Results for the first remedy appear here as soon as it is measured.", draw,
                 address.DRIFT_VIEW, fields=uploads, foot=remedies)
