"""Which items of the history drove each code of a recommendation: what was needed, and where the model looked."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from tiger.plots import beam as plot
from tiger.reports import beam as report
from tiger.reports import influence as why
from tiger.ui.beam import data as beam_data
from tiger.ui.beam.data import Scene
from tiger.ui.shared import exports, layout

LONGEST = 28


def show(scene: Scene) -> None:
    """Choose a recommendation; two pictures of items by codes, and their numbers."""
    item = _pick(scene)
    if item is None:
        st.info("The search found no item; turn free search off.", icon=":material/info:")
        return
    codes = scene.ids.ids_IM[item].tolist()
    found = beam_data.influence(scene, item)
    table = why.frame(found, scene.cat.items["title"].astype(str).tolist(), codes, beam_data.read_places(scene))
    words = why.words(table)
    st.markdown(f"“{layout.plain(scene.title(item))}” has the ID **{report.text(codes)}**. {layout.plain(words)}")
    parts = " ".join(f"{value:+.3f}" for value in found.logp_M).removeprefix("+")
    st.markdown(rf"$\log P({','.join(map(str, codes))}\mid h)$ $={parts}$ $={found.logp_M.sum():.3f}$")
    drawn = table.assign(label=[label if len(label) <= LONGEST else label[:LONGEST - 1] + "…" for label in table["label"]])
    left, right = st.columns(2, gap="medium")
    with left:
        st.markdown("**What each item gave.** How much log P of a code falls without it, by level (L1, L2 ..); red: it "
                    "rises.")
        if np.isnan(found.change_MT).all():
            st.caption("The history has one item, and an empty history cannot be read.")
        else:
            alt = "Fall of log P without each item, by code. " + words
            figure = plot.influence(drawn, "change", alt, "fall of log P")
            _draw(figure, "change", alt, table, f"{scene.user}-{item}")
    with right:
        st.markdown("**Where the model looked.** Share of its attention while it wrote a code, by level (L1, L2 ..).")
        alt = "Attention to each item, by code. " + words
        figure = plot.influence(drawn, "attention", alt, "of the attention", percent=True)
        _draw(figure, "attention", alt, table, f"{scene.user}-{item}")
    if np.allclose(found.attention_MT, found.attention_MT[:1]):
        st.caption("This model reads the history once for all codes, so its attention is the same at every level.")
    st.caption("Attention says where a model looked, leaving out says what it needed; the two need not agree.")


def _draw(figure: go.Figure, value: str, alt: str, table: pd.DataFrame, which: str) -> None:
    """One of the two pictures, and the numbers of both: one row a history item, one column a code."""
    name = f"beam-{value}-{which}"
    st.plotly_chart(figure, key=f"beam_{value}", alt=alt, config=exports.config(name))
    exports.under(figure, name, why.wide(table))


def _pick(scene: Scene) -> int | None:
    """Which item to explain: a recommendation, or the one that came next."""
    found = beam_data.search(scene).items
    options = {int(row.item): f"{row.rank}  {scene.title(row.item)}" for row in found.head(20).itertuples()}
    if scene.target is not None and scene.target_id:
        place = options.get(scene.target, f"not found  {scene.title(scene.target)}")
        options[scene.target] = f"★ {place}"
    if not options:
        return None
    return int(st.selectbox("Explain", list(options), format_func=lambda item: options.get(item, ""), width=460,
                            key=f"beam_explain:{scene.user}:{hash(tuple(options))}", help="The recommendations, best first; ★ is "
                            "the item that came next."))
