"""Doctor: is this codebook healthy, and if not, why, and what helps?"""

import streamlit as st

from tiger.ui.doctor import answers, recorded, view
from tiger.ui.shared import layout, live, state

layout.heading("doctor", "Diagnoses codebook problems from a run's codes, training log, settings and embeddings, with the "
                        "evidence, and trains remedies in second runs that are diagnosed, too.")
run = state.current_run()
if run is None:
    layout.empty("**No run selected.** This dataset has no runs yet.", "train", "Train the first one")
elif run.external:
    recorded.show(run)
else:
    shown = answers.answer(answers.read(run))
    view.consult(shown)
    pair = view.pair_of(shown)
    if len(pair) < 2:  # nothing was treated yet: what helps stands above the curve, and below both curves afterwards
        view.remedies(shown)
    seen = tuple(one.state for one in pair)
    if pair:

        @st.fragment(run_every=live.interval(seen))
        def compare() -> None:
            view.side_by_side(shown, seen)

        st.subheader("Before and after" if len(pair) > 1 else "How it trained", anchor=False)
        compare()
    view.next_remedy(shown)
    if len(pair) > 1:
        view.remedies(shown)
    view.course(shown)
