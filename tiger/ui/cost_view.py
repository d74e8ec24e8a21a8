"""Recommender, cost: what one request takes, and how that grows from a thousand to a billion items."""

import pandas as pd
import streamlit as st

from tiger import costs, runs
from tiger.catalogue import Catalogue
from tiger.plots import recommenders as plots
from tiger.ui import exports, shell

VALUES = {"ms": ("Milliseconds", "Milliseconds a request"), "flops": ("Operations", "Operations (FLOPs) a request"),
          "passes": ("Forward passes", "Positions through a network")}
HEADS = {"kind": "Kind", "items": "Items", "passes": "Forward passes", "flops": "Operations", "ms": "Milliseconds",
         "measured": "Measured"}


def cost(run: runs.Run | None, cat: Catalogue) -> None:
    """Formulas with this run's numbers, points measured on this machine, and lines where nothing was measured."""
    shape = shape_of(run)
    value = st.segmented_control("What to count", list(VALUES), format_func=lambda name: VALUES[name][0], default="ms",
                                 required=True, key="cost_of")
    frame = costs.cost_frame(shape, measured=measured(shape))
    words = costs.cost_words(frame)
    st.markdown(shell.plain(words) + " Filled marks are measured on this machine with catalogues of random vectors; hollow ones "
                "are computed: the last measured point times the ratio of the operations.")
    figure = plots.cost_lines(frame.dropna(subset=[value]), words, value, VALUES[value][1])
    st.plotly_chart(figure, key="costs", alt=words, config=exports.config("costs"))
    exports.under(figure, "costs", frame, config=HEADS)
    formulas(shape, cat.n_items)


def shape_of(run: runs.Run | None) -> costs.Shape:
    """The chosen model's numbers; the default model's without one."""
    if run is None:
        return costs.Shape()
    sizes = None
    with shell.guard("The IDs"):
        sizes = runs.find(run.config["ids"]["run"]).semantic_ids().n_codes if run.config.get("ids") else None
    return costs.shape_of(run.config["model"]["params"], sizes)


@st.cache_data(max_entries=16, show_spinner="Measuring one request of each kind …")
def measured(shape: costs.Shape) -> pd.DataFrame:
    """Measured once for each shape and server."""
    return costs.measure(shape)


def formulas(shape: costs.Shape, n_items: int) -> None:
    """Where the operations come from, with this model's numbers."""
    with st.expander("The formulas, with this model's numbers"):
        st.markdown(f"Width D = {shape.width}, layers L = {shape.n_layers}, history T = {shape.history}, IDs of M = "
                    f"{shape.n_levels} codes out of K = {shape.n_codes}, W = {shape.beams} beams, C = {shape.candidates} "
                    f"candidates, I = {n_items:,} items in this catalogue.")
        st.latex(r"\text{reading a history} = L\,(24 D^2 T + 4 D T^2)")
        st.latex(r"\text{generative} = \text{reading} + (1 + (M-1) W)\,(24 D^2 L_{depth} + 2 D K)")
        st.latex(r"\text{exact neighbours} = \text{reading} + 2 D I, \quad \text{index} = \text{reading} + 18 D \sqrt{I}")
        st.latex(r"\text{pairs} = \text{reading} + I\,L\,(24 D^2 + 4 D T), \quad "
                 r"\text{cascade} = \text{reading} + 2 D I + C\,L\,(24 D^2 + 4 D T)")
        st.caption("Multiply and add count as two. What an index loses in recall, and what a catalogue's trie takes in memory "
                   "(at most 40 bytes an item a level), is not in these figures.")
