"""Recommender, cost: what one request takes, and how that grows from a thousand to a billion items."""

import pandas as pd
import streamlit as st

from tiger import models, runs
from tiger.analysis import costs
from tiger.core.words import counted
from tiger.datasets.catalogue import Catalogue
from tiger.plots import recommenders as plots
from tiger.ui.shared import chart, exports, layout

VALUES = {"ms": ("Milliseconds", "Milliseconds per request"), "flops": ("Operations", "FLOPs per request"),
          "passes": ("Forward passes", "Positions processed"), "bytes": ("Memory", "Bytes that grow with the catalogue")}
HEADS = {"kind": "Kind", "models": "Models", "items": "Items", "passes": "Forward passes", "flops": "Operations",
         "bytes": "Memory in bytes", "ms": "Milliseconds", "measured": "Measured milliseconds"}


def cost(run: runs.Run | None, cat: Catalogue) -> None:
    """Formulas with this run's numbers, points measured on this machine, and lines where nothing was measured."""
    shape = shape_of(run, cat)
    value = st.segmented_control("What to count", list(VALUES), format_func=lambda name: VALUES[name][0], default="ms",
                                 required=True, key="cost_of")
    frame = costs.cost_frame(shape, measured=measured(shape))
    words = costs.cost_summary(frame)
    exports.titled(words, f"{VALUES[value][1]} over the size of the catalogue, both logarithmic.{how(shape, value)}")
    drawn = frame.dropna(subset=[value]).assign(measured=lambda rows: rows["measured"] & (value == "ms"))
    figure = plots.cost_lines(drawn, words, value, VALUES[value][1])
    chart.show(figure, "costs", exports.config("costs"))
    exports.under(figure, "costs", frame, config=HEADS)
    formulas(shape, cat.n_items)


def how(shape: costs.Shape, value: str) -> str:
    """What the marks are, and what this run's kind of generative model keeps."""
    words = f" The generative line is for {models.REGISTRY[shape.writer].title}."
    if shape.prefixes:
        words += (f" It has a vector for every prefix of the catalogue, {4 * shape.width:,} bytes each, so its memory grows "
                  "with the catalogue; turn prefix_vectors off where that is too much.")
    if value != "ms":
        return words + " All marks are computed from formulas."
    return words + (" Filled marks are measured on this machine with catalogues of random vectors and IDs; hollow ones are "
                    "computed: the last measured point times the ratio of the operations. The index is measured where "
                    "faiss-cpu is installed.")


def shape_of(run: runs.Run | None, cat: Catalogue) -> costs.Shape:
    """The chosen model's numbers; the default model's without one."""
    if run is None:
        return costs.Shape()
    for name in models.REGISTRY[run.learner.name].member_params:  # the combination takes what both members take
        with layout.guard("The member"):
            member = runs.find(str(run.learner.params[name]))
            if member.config.kind == "model" and (models.REGISTRY[member.learner.name].generative or name == "second"):
                return shape_of(member, cat)
    sizes = None
    with layout.guard("The IDs"):
        sizes = runs.find(run.config.ids_run).semantic_ids().n_codes if run.config.ids_run else None
    given = run.learner
    return costs.shape_of(given.name, given.params, sizes, cat.embedding_IE.shape[1])


@st.cache_data(max_entries=16, show_spinner="Measuring one request of each kind …")
def measured(shape: costs.Shape) -> pd.DataFrame:
    """Measured once for each shape and server."""
    return costs.measure(shape)


def formulas(shape: costs.Shape, n_items: int) -> None:
    """Where the operations come from, with this model's numbers."""
    with st.expander("The formulas with this model's sizes"):
        codes = f"W = {counted(shape.beams, 'beam')}, IDs of M = {counted(shape.n_levels, 'code')} out of K = {shape.n_codes}"
        st.markdown(f"Width D = {shape.width}, layers L = {shape.n_layers}, history T = {shape.history}, {codes}, C = "
                    f"{counted(shape.candidates, 'candidate')}, I = {counted(n_items, 'item')} in this catalogue.")
        st.latex(r"\text{reading a history} = L\,(24 D^2 T + 4 D T^2)")
        if shape.writer == "encoder_decoder":
            st.markdown(f"The encoder-decoder reads N = {counted(shape.tokens, 'token')}, not {counted(shape.history, 'item')}; "
                        f"its heads are A = {shape.inner} wide together, its feed-forward layers F = {shape.ff}.")
            st.latex(r"\text{generative} = L\,(12 D A N + 4 D F N + 4 A N^2) + \sum_{l=1}^{M} W_l\, "
                     r"(L\,(12 D A + 4 D F + 4 A (N + l)) + 2 D K)")
        else:
            st.latex(r"\text{generative} = \text{reading} + \sum_{l=1}^{M} W_l\,(24 D^2 L_{depth} + 2 D K"
                     + (r" + 2 D\, P_l / P_{l-1})" if shape.prefixes else ")"))
        st.caption("W_l is 1 at the first level and at most W below. P_l is the number of prefixes of l codes.")
        st.latex(r"\text{exact neighbours} = \text{reading} + 2 D I, \quad \text{index} = \text{reading} + 18 D \sqrt{I}\;")
        st.latex(r"\text{pairs} = \text{reading} + L\,(4 D^2 T + I\,(20 D^2 + 4 D T)) + 4 D I")
        st.latex(r"\text{cascade} = \text{reading} + L\,(4 D^2 T + C\,(20 D^2 + 4 D T)) + 2 D\,(C + I)")
        if shape.vector:
            st.markdown(f"Vector regression compares vectors of E = {counted(shape.vector, 'number')}: 2 E I in place of 2 D I, "
                        "and 2 D E (T + 1) more for reading.")
        st.caption("Multiply and add count as two. Memory: 12 bytes a prefix for the trie, 8 a code for the IDs, 4 D a prefix "
                   "where prefixes have vectors; 4 D an item for the other kinds. The recall that an index loses is not "
                   "included in these figures.")
