"""Doctor: is this codebook healthy, and if not, why, and what helps?"""

import streamlit as st

from tiger.ui.doctor import view as doctor_view
from tiger.ui.shared import layout, live, state

layout.heading("doctor", "The doctor reads a run's codes and its log, names what ails it, shows the evidence, and can "
                        "start a second run with the remedy beside it.")
run = state.current_run()
pair = doctor_view.pair_of(run)
seen = live.states(*pair)


@st.fragment(run_every=live.interval(seen))
def compare() -> None:
    doctor_view.side_by_side(pair, seen)


if run is None:
    layout.empty("No run of this dataset yet, so there is nobody to examine.", "train", "Train the first one")
elif not doctor_view.examinable(run):
    layout.empty(f"**{layout.plain(run.title)}** has no codes yet to examine.", "train", "Watch it train")
else:
    with layout.guard("The doctor"):
        doctor_view.consult(run)
if pair:
    st.subheader("Before and after" if len(pair) > 1 else "How it went", anchor=False)
    compare()
