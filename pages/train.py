"""Train: start a quantizer from a recipe and watch its codebooks, live."""

import streamlit as st

from tiger.ui.shared import layout, live, state
from tiger.ui.train import view as train_view
from tiger.ui.train import watch as watch_view

layout.heading("train", "Choose a recipe and press Start. A healthy run uses most codes of every level: perplexity "
                       "climbs, dead codes go to zero. A sick one falls to perplexity 1.")
run = state.current_run()
train_view.new_run(run)
seen = live.states(run)


@st.fragment(run_every=live.interval(seen))
def watch() -> None:
    watch_view.watch(run, seen)


if run is None:
    layout.empty("No run of this dataset yet. Start one above; it takes under a minute.")
elif not run.config.quantizer:
    layout.empty(f"**{layout.plain(run.title)}** was imported, so there is no training to watch.", "exchange",
                "What the import found")
else:
    watch()
