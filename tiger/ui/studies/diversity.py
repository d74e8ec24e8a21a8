"""The Diversity page: entropy beside the paper's, recall against entropy, and one user's lists side by side."""

from typing import Any

import pandas as pd
import streamlit as st

from tiger.datasets.catalogue import Catalogue
from tiger.plots import studies as plot
from tiger.reports import diversity as report
from tiger.reports import intervals
from tiger.runs import Run
from tiger.studies.diversity import CUTS
from tiger.ui.shared import address, caching, exports, layout, pickers, recommenders, state
from tiger.ui.shared.once import once
from tiger.ui.studies.study import Answer, StudyView

_, ONE_USER = address.DIVERSITY_VIEW.options


def draw(shown: Answer, _: str) -> None:
    """What the study has measured so far."""
    frame, about, words = shown.frame, shown.study.about, once(report.diversity_summary, shown.frame)
    if words:
        st.success(layout.plain(words), icon=":material/thermostat:")
    words = words or f"Settings measured so far: {len(frame)}; the highest Entropy@10 is {frame['entropy10'].max():.2f} nats."
    table, columns = once(exports.unsigned_zeros, once(report.diversity_table, frame)), number_columns()
    left, right = layout.beside(2, "trade")
    with left:
        bars(frame, words)
    with right:
        exports.titled(once(report.trade_summary, frame),
                       "Recall against diversity; each mark is a setting: higher is more accurate, further right more diverse.")
        exports.chart(once(plot.recall_entropy, frame, words), "recall_entropy", "recall-entropy", table, columns=columns)
    if (frame["level"] > 0).any():
        curves(frame)
    st.latex(r"p_T(c) = \frac{e^{z_c / T}}{\sum_k e^{z_k / T}}, \qquad \allowbreak "
             r"\text{Entropy@}K = -\sum_{\text{categories } g} p_g \ln p_g \text{ over the first } K \text{ items}")
    st.dataframe(table, hide_index=True, column_config=columns)
    seen = " Lists leave out items that the user already has." if about.exclude_seen else ""
    st.caption(layout.plain(f"{intervals.NOTE} Labels: {about.labels}; recommender: {about.model}.{seen} As reported: Rajput et "
                            "al. 2023, section 4.3, Beauty, quoted from a public reading of the paper."))


def number_columns() -> dict[str, Any]:
    """Column settings of ``report.diversity_table``."""
    number = st.column_config.NumberColumn(format="%.3f")
    return {"Recall@10": number, **{f"Entropy@{k}": number for k in CUTS}}


def bars(frame: pd.DataFrame, words: str) -> None:
    """Entropy at every temperature on all levels beside the paper's."""
    beside = once(report.beside_the_paper, frame)
    exports.titled(once(report.entropy_summary, frame),
                   "Entropy over temperature. Filled bars are measured here; hollow ones are reported in the paper for its own "
                   "model and categories on Amazon Beauty: compare the direction, not the height.")
    if not len(beside):
        layout.empty("No temperature on all levels is measured yet.")
        return
    exports.chart(once(plot.entropy_bars, beside, words), "entropy", "entropy", beside,
                  columns={"temperature": "Temperature", "k": "K", "ours": "Here", "reported": "Reported"})


def curves(frame: pd.DataFrame) -> None:
    """Recall and entropy over temperature, a line for each level."""
    st.markdown("**Level by level.** The thick line sets the temperature of all levels; each other line sets that of one level "
                "and leaves the rest at 1.")
    table = once(report.per_level, frame)
    for place, (value, title) in zip(layout.beside(2, "levels"), report.CURVES.items(), strict=True):
        with place:
            words, name = once(report.level_summary, frame, value, title), f"levels-{value}"
            exports.titled(words, f"{title} over temperature, a line each.")
            exports.chart(once(plot.level_curves, table, value, title, words), name, name,
                          table[[*report.CURVE_COLUMNS, value, f"{value}_low", f"{value}_high"]])


def one_user() -> None:
    """The same user's recommendations from beam search and from two temperatures."""
    cat, usable = state.catalogue(), recommenders.usable()
    if not usable:
        layout.empty("No recommender that writes IDs has been trained on this dataset yet.", "train", "Train one")
        return
    writer = recommenders.writer(usable[0], cat)
    model, ids = writer.model, writer.ids
    user = pickers.user(cat)
    why = report.unreadable(model, cat.history(user))
    if why:
        layout.empty(why)
        return
    names = [f"Temperature, level {level}{' (tells collisions apart)' if level > ids.n_levels else ''}"
             for level in range(1, model.trie_.n_levels + 1)]
    temperatures = [place.slider(name, 0.5, 5.0, 2.0, 0.1, key=f"temperature:{at}")
                    for at, (name, place) in enumerate(zip(names, st.columns(len(names)), strict=True))]
    seed = int(st.session_state.get("sample_seed", 0))
    st.dataframe(lists(usable[0], cat, user, tuple(temperatures), seed), hide_index=True, key="side_by_side")
    st.button("Sample again", icon=":material/casino:", key="sample_again", on_click=_sample_again)
    st.caption("★ marks the held-out item. Beam search lists the most probable items; the other columns are samples from the "
               "model's distribution, at temperature 1 and at yours."
               + (" Lists leave out items that the user already has." if model.excludes_seen(cat=cat) else ""))


@caching.resource(64)
def lists(run: Run, cat: Catalogue, user: int, temperatures: tuple[float, ...], seed: int) -> pd.DataFrame:
    """One user's lists; see ``report.user_lists``."""
    return report.user_lists(recommenders.writer(run, cat).model, cat, user, temperatures, seed)


def _sample_again() -> None:
    st.session_state["sample_seed"] = int(st.session_state.get("sample_seed", 0)) + 1


VIEW = StudyView("Run diversity study", "Results for the first temperature appear here as soon as it is measured.", draw,
                 address.DIVERSITY_VIEW, {ONE_USER: one_user})
