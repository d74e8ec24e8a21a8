"""Train: start a quantizer from a preset and watch its codebooks, live."""

import streamlit as st

from tiger.runs import Run
from tiger.ui.shared import layout, live, state
from tiger.ui.train import movie
from tiger.ui.train import view as train_view
from tiger.ui.train import watch as watch_view

layout.heading("train", "Choose a preset and start it. In a healthy run most codes of every level are used: perplexity is high "
                        "and few codes are dead. In a collapsed one perplexity is 1.")
run = state.current_run()
train_view.new_run()
movie.begin()
seen = live.states(run)


@st.fragment(run_every=live.interval(seen))
def watch(run: Run) -> None:
    watch_view.watch(run, seen)


if run is None:
    layout.empty("No run of this dataset yet. Start one above; it takes about a minute.")
elif run.config.kind == "import":
    layout.empty(f"**{layout.plain(run.title)}** was imported, so there is no training to watch.", "exchange",
                "What was imported")
else:
    watch(run)
