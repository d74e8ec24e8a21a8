"""Beam: how does a recommender write the next item, code by code, and why that one?"""

import streamlit as st

from tiger.ui.beam import (
    compare as beam_compare,
)
from tiger.ui.beam import (
    present as beam_present,
)
from tiger.ui.beam import (
    result as beam_result,
)
from tiger.ui.beam import (
    setup as beam_setup,
)
from tiger.ui.beam import (
    state as beam_state,
)
from tiger.ui.beam import (
    steps as beam_steps,
)
from tiger.ui.beam import (
    why as beam_why,
)
from tiger.ui.shared import layout, state

VIEWS = ("Step by step", "Why", "Recommendations", "Before and after")

layout.heading("beam", beam_setup.explanation())
cat, run = state.catalogue(), beam_setup.pick_run()
if run is not None:
    with layout.guard("The beam"):
        scene = beam_setup.scene(run, cat)
        if beam_state.presenting():
            beam_present.show(scene)
        else:
            beam_setup.controls(scene)
            beam_setup.history(scene)
            beam_compare.banner(scene)
            view = st.segmented_control("View", VIEWS, default=VIEWS[0], required=True, key="look",
                                        label_visibility="collapsed", bind="query-params")
            if view in (VIEWS[0], VIEWS[3]):
                beam_setup.step_bar(scene)
            if view == VIEWS[0]:
                beam_steps.show(scene)
            elif view == VIEWS[1]:
                beam_why.show(scene)
            elif view == VIEWS[2]:
                beam_result.show(scene)
            else:
                beam_compare.show(scene)
