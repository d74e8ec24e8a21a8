"""The Diversity page: entropy beside the paper's, recall against entropy, and one user's lists side by side."""

import numpy as np
import pandas as pd
import streamlit as st

from tiger import runs
from tiger.datasets.catalogue import Catalogue
from tiger.datasets.labels import category_labels
from tiger.models.generative import GenerativeRecommender
from tiger.plots import studies as plot
from tiger.reports import diversity as report
from tiger.reports import intervals
from tiger.studies import diversity
from tiger.ui.shared import exports, layout, pickers, recommenders
from tiger.ui.studies import studies

VIEWS = ("All users", "One user")
SHOWN = 10


def result(run: runs.Run) -> None:
    """What the study has measured so far."""
    rows, about = studies.rows(run), studies.about(run)
    if not rows:
        layout.empty("The first temperature's numbers appear here as soon as it is done.")
        return
    frame = report.diversity_frame(rows)
    words = report.diversity_summary(frame)
    if words:
        st.success(layout.plain(words), icon=":material/thermostat:")
    words = words or f"Settings measured so far: {len(frame)}, with an Entropy@10 of at most {frame['entropy10'].max():.2f} nats."
    shown, config = report.diversity_table(frame), numbers()
    left, right = st.columns(2, gap="medium")
    with left:
        bars(frame, words)
    with right:
        st.markdown("**Variety costs hits.** Each mark is a setting; up is right more often, right is more varied.")
        figure = plot.recall_entropy(frame, words)
        st.plotly_chart(figure, key="recall_entropy", alt=words, config=exports.config("recall-entropy"))
        exports.under(figure, "recall-entropy", shown, config=config)
    if (frame["level"] > 0).any():
        curves(frame)
    st.latex(r"p_T(c) = \frac{e^{z_c / T}}{\sum_k e^{z_k / T}}, \qquad "
             r"\text{Entropy@}K = -\sum_{\text{categories } g} p_g \ln p_g \text{ over the first } K \text{ items}")
    st.dataframe(shown, hide_index=True, column_config=config)
    st.caption(layout.plain(f"{intervals.WORDS} Labels: {about.get('labels', 'categories')}; recommender: "
                           f"{about.get('model', '')}. As reported: Rajput et al. 2023, section 4.3, Beauty, quoted from a "
                           "public reading of the paper."))
    with st.container(horizontal=True):
        studies.report_button(run)
        exports.csv_button(frame, f"{run.id}-numbers", "Numbers as CSV")


def numbers() -> dict:
    """Column settings of ``report.diversity_table``."""
    number = st.column_config.NumberColumn(format="%.3f")
    return {"Recall@10": number, **{f"Entropy@{k}": number for k in diversity.CUTS}}


def bars(frame: pd.DataFrame, words: str) -> None:
    """Entropy at every temperature on all levels beside the paper's."""
    beside = report.beside_the_paper(frame)
    st.markdown("**Hotter is more varied.** Filled bars were measured here, hollow ones are reported in the paper for its "
                "own model and categories on Amazon Beauty: compare the direction, not the height.")
    if not len(beside):
        layout.empty("No temperature on all levels is measured yet.")
        return
    figure = plot.entropy_bars(beside, words)
    st.plotly_chart(figure, key="entropy", alt=words, config=exports.config("entropy"))
    exports.under(figure, "entropy", beside, config={"heat": "Temperature", "k": "K", "ours": "Here", "reported": "Reported"})


def curves(frame: pd.DataFrame) -> None:
    """Recall and entropy over temperature, a line for each level."""
    st.markdown("**Where the heat goes.** The thick line heats all levels at once; each other line heats one level and leaves "
                "the rest at 1.")
    table = report.per_level(frame)
    for place, (value, title) in zip(st.columns(2, gap="medium"), report.CURVES.items(), strict=True):
        with place:
            words, name = report.level_summary(frame, value, title), f"levels-{value}"
            figure = plot.level_curves(table, value, title, words)
            st.plotly_chart(figure, key=name, alt=words, config=exports.config(name))
            exports.under(figure, name, table[["level", "heat", value, f"{value}_low", f"{value}_high"]])


def one_user(cat: Catalogue) -> None:
    """The same user's recommendations from the beam and from two temperatures."""
    usable = recommenders.usable()
    if not usable:
        layout.empty("No recommender that writes IDs has been trained on this dataset yet.", "train", "Train one")
        return
    model = recommenders.writer(usable[0], cat).model
    user = pickers.user(cat)
    history = cat.history(user)
    if len(history) < 2:
        layout.empty("This user has too short a history; choose someone else.")
        return
    if not len(model.readable_history(history[:-1])):
        layout.empty("No item of this user's history has an ID, so the recommender cannot read it; choose someone else.")
        return
    columns = st.columns(model.trie_.n_levels)
    extra = parent_levels(usable[0], cat)
    names = [f"Temperature, level {level}{' (tells collisions apart)' if level > extra else ''}"
             for level in range(1, len(columns) + 1)]
    heats = [place.slider(name, 0.5, 5.0, 2.0, 0.1, key=f"heat:{at}")
             for at, (name, place) in enumerate(zip(names, columns, strict=True))]
    seed = int(st.session_state.get("heat_seed", 0))
    lists = _lists(usable[0].id, user, tuple(heats), seed, model, history[:-1])
    labels_I, _ = category_labels(cat)
    st.dataframe(report.side_by_side(cat, lists, int(history[-1]), labels_I), hide_index=True, key="side_by_side")
    st.button("Draw again", icon=":material/casino:", key="draw_again", on_click=_draw_again)
    st.caption("★ is the item that this user really picked next. The beam always takes the likeliest; the other columns draw "
               "from what the model believes, at temperature 1 and at yours.")


def parent_levels(run: runs.Run, cat: Catalogue) -> int:
    """Levels that the quantizer made; one more only tells colliding items apart."""
    return recommenders.writer(run, cat).ids.n_levels


def _draw_again() -> None:
    st.session_state["heat_seed"] = int(st.session_state.get("heat_seed", 0)) + 1


@st.cache_resource(max_entries=64, show_spinner=False)
def _lists(run_id: str, user: int, heats: tuple[float, ...], seed: int, _model: GenerativeRecommender,
           _history: np.ndarray) -> dict[str, np.ndarray]:
    found = {"Beam search": _model.rank_batch([_history], SHOWN)[0][0]}
    for name, heat in (("Temperature 1", [1.0] * len(heats)), ("Your temperatures", list(heats))):
        found[name] = diversity.sample(_model, [_history], heat, SHOWN, np.random.default_rng(seed))[0]
    return {name: items[items >= 0] for name, items in found.items()}
