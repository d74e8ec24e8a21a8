"""The Drift page: the trade between changed IDs and error, where items went, the recommender, period after period."""

from collections.abc import Callable
from typing import Any

import pandas as pd
import streamlit as st

from tiger import runs
from tiger.plots import drift as plot
from tiger.reports import drift as report
from tiger.reports import study_page
from tiger.studies import drift
from tiger.ui.shared import exports, layout
from tiger.ui.studies import studies

VIEWS = ("Trade-off", "Where items went", "Old recommender", "Period by period", "All numbers")
PERIODS = {"period": "Period", "remedy": "No.", "name": "Remedy",
           **{value: st.column_config.NumberColumn(title, format="percent")
              for value, title in (("changed", "IDs changed"), ("error", "Variance lost"))}}
SHARES = ("changed", "Churn", "kept", "lost", "Neighbours", "Share")


def result(run: runs.Run, view: str) -> None:
    """One view of a study's rows so far."""
    rows = studies.rows(run)
    if not rows:
        layout.empty("The first remedy's numbers appear here as soon as it is done.")
        return
    frame = report.drift_frame(rows)
    if view == VIEWS[0]:
        trade(frame)
    elif view == VIEWS[1]:
        flow(run, frame)
    elif view == VIEWS[2]:
        recommender(frame)
    elif view == VIEWS[3]:
        schedule(frame)
    else:
        numbers(frame)
    with st.container(horizontal=True):
        st.download_button("Report as HTML", lambda: study_page.drift_page(run), f"{run.id}.html", "text/html",
                           key="drift_report", icon=":material/download:", type="tertiary", on_click="ignore",
                           help="One file with all figures and numbers; it opens without a network.")
        exports.csv_button(report.drift_table(frame), f"{run.id}-numbers", "Numbers as CSV")


def remedies() -> None:
    """What the seven remedies are."""
    with st.expander("The seven remedies", icon=":material/healing:"):
        for remedy in drift.REMEDIES:
            st.markdown(f"**{remedy.number} {remedy.title}.** {remedy.summary}")


def own_file(values: dict[str, Any]) -> dict[str, Any]:
    """Where the second version is a file: the upload of it, or of one for each period, and of its item ids."""
    if values["source"] != "file":
        return values
    path = studies.keep_upload("Second version of the vectors", ["npy", "safetensors", "csv", "tsv", "parquet"], "drift_file",
                               "A table with item_id and one column a number, or an array with one row an item. Several files "
                               "are one period each, in the order of their names.", several=True)
    ids = studies.keep_upload("Item ids of the rows (only npy and safetensors need them)", ["txt", "json", "csv"], "drift_ids",
                              "One id a row; without it the rows must stand in the catalogue's order.")
    return values | {"path": path or values["path"], "ids": ids or values["ids"]}


def trade(frame: pd.DataFrame) -> None:
    """Changed IDs against error."""
    if len(report.winners(frame)):
        st.success(layout.plain(report.winner_summary(frame)), icon=":material/emoji_events:")
    else:
        st.info(layout.plain(report.winner_summary(frame)), icon=":material/hourglass_top:")
    st.markdown("Left is good for whoever has learned the IDs, down is good for what the IDs say. Each line is a remedy, "
                "its marks grow with the strength of the drift.")
    words = report.trade_summary(frame)
    newest = report.last_periods(frame)
    figure = plot.trade(newest, words)
    st.plotly_chart(figure, key="trade", alt=words, config=exports.config("drift"))
    stray = newest[(newest["strength"] == 0) & (newest["remedy"] == 4) & (newest["changed"] > 0)]
    if len(stray):
        st.caption("At strength 0 nothing moved, and yet retraining changed IDs: the same settings and seed give the same IDs "
                   "only on the same kind of machine with as many threads and steps, and this run was first trained otherwise.")
    st.latex(r"\text{changed} = \frac{|\{i : c'_i \ne c_i\}|}{|\text{common items}|}, \qquad "
             r"\text{variance lost} = \frac{\sum_i |x'_i - \hat x'_i|^2}{\sum_i |x'_i - \bar x'|^2}")
    table = report.drift_table(newest)[["Strength", "No.", "Remedy", "IDs changed", "Variance lost", "Processor seconds"]]
    st.dataframe(table, hide_index=True, column_config=studies.numbers_of(table, SHARES))
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


def flow(run: runs.Run, frame: pd.DataFrame) -> None:
    """Where the items of the fullest level-1 codes went."""
    strength, period = pick(frame, "flow")
    here = frame[(frame["strength"] == strength) & (frame["period"] == period)]
    titles = dict(zip(here["remedy"], here["name"], strict=True))
    first = 5 if 5 in titles else next(iter(titles))
    number = st.segmented_control("Remedy", list(titles), default=first, required=True, key=f"flow_remedy:{strength}:{period}",
                                  format_func=lambda one: f"{one} {titles[one]}")
    number = number if number in titles else first
    flows = report.flow_frame(studies.rows(run), strength, period, int(number))
    if not len(flows):
        layout.empty("No item with a code before is still there, so none went anywhere.")
        return
    words = report.flow_summary(flows)
    st.markdown(f"Left the first code before, right after. {words}")
    figure = plot.flow(flows, words)
    st.plotly_chart(figure, key=f"flow:{number}:{strength}:{period}", alt=words, config=exports.config("flow"))
    shown = flows.assign(**{side: ["other" if code < 0 else str(code) for code in flows[side]] for side in ("old", "new")})
    exports.under(figure, f"flow-{number}-{strength:g}", shown,
                  config={"old": "First code before", "new": "First code after", "items": "Items"})


def recommender(frame: pd.DataFrame) -> None:
    """What the old recommender loses and gets back."""
    asked = frame.dropna(subset=["recall_after"])
    if not len(asked):
        layout.empty("In this study no recommender was asked to read the new IDs.")
        return
    strength, period = pick(asked, "recall")
    here = asked[(asked["strength"] == strength) & (asked["period"] == period)]
    st.markdown("The recommender has learned the old IDs and is not changed; it is handed the new ones. Below each bar: "
                "the same after some training steps on histories written anew.")
    words = report.recall_summary(asked[(asked["strength"] == strength) & (asked["period"] == period)])
    figure = plot.recalls(here, words)
    st.plotly_chart(figure, key=f"recalls:{strength}:{period}", alt=words, config=exports.config("recall"))
    st.markdown(layout.plain(words))
    columns = ["Remedy", "Recall@10 before", "± before", "Recall@10, new IDs", "± new IDs", "… after some steps",
               "± after some steps", "History tokens to rewrite", "Share of tokens", "Processor seconds"]
    table = report.drift_table(here)
    table = table[[column for column in columns if column in table]]
    st.dataframe(table, hide_index=True, column_config=studies.numbers_of(table, SHARES))
    exports.buttons(figure, f"recall-{strength:g}-{period}", table)


def schedule(frame: pd.DataFrame) -> None:
    """Do changes add up over the periods?"""
    if frame["period"].max() < 2:
        layout.empty("This study has one period. Start one with several periods below: each remedy then goes on from its own "
                    "last result, and the changes add up or do not.")
        return
    series = frame[frame["strength"] == frame["strength"].max()]
    words = report.schedule_summary(frame)
    st.markdown("Every period the vectors move on, and each remedy goes on from what it made last. IDs are compared with "
                "those of the very first day.")
    left, right = st.columns(2, gap="medium")
    for place, value, title in ((left, "changed", "IDs that changed since the first day"),
                                (right, "error", "Variance of the new vectors that is lost")):
        with place:
            figure, name = plot.over_periods(series, value, title, words), f"periods-{value}"
            st.plotly_chart(figure, key=f"periods:{value}", alt=words, config=exports.config(name))
            exports.under(figure, name, series[["period", "remedy", "name", value]], config=PERIODS)
    st.markdown(layout.plain(words))
    table = report.drift_table(series)[["Period", "No.", "Remedy", "IDs changed", "Variance lost", "Processor seconds"]]
    st.dataframe(table, hide_index=True, height=300, column_config=studies.numbers_of(table, SHARES))


def numbers(frame: pd.DataFrame) -> None:
    """Everything that was measured."""
    table = report.drift_table(frame)
    st.markdown("Churn: items whose code at that level is another. Prefix kept: items whose first codes are all the same. "
                "Neighbours: true neighbours of the new vectors that share the first codes.")
    st.dataframe(table, hide_index=True, height=min(36 * len(table) + 40, 560),
                 column_config=studies.numbers_of(table, SHARES))
