"""Beam: how does a recommender write the next item, code by code, and why that one?"""

import streamlit as st

from tiger.ui.beam import answers, compare, controls, lists, request, stepping, steps, why
from tiger.ui.shared import address, layout, recommenders, state
from tiger.ui.shared.pagelist import BY_KEY

layout.heading("beam", controls.explanation())
run = recommenders.current()
if run is None or not state.catalogue().n_users:
    controls.nothing()
else:
    with layout.guard("The beam"):
        cat = state.catalogue_of(run)
        req = request.read(recommenders.writer(run, cat), cat)
        if request.asked_for_stage():
            address.forget(address.PRESENTER)
            st.switch_page(BY_KEY["present"].file, query_params=request.stage_params(req))
        controls.search_bar(req, recommenders.usable(), answers.changed_ids(req.writer))
        controls.history(req)
        with st.container():  # has its place when it is empty, too: what follows is not made anew when it comes or goes
            compare.banner(answers.change(req))
        view = controls.pick_view(req)
        if view == "Before and after":
            controls.step_bar(req)
            compare.show(req, answers.comparison(req))
        elif view == "Why":
            item = why.pick(req, answers.explainable(req))
            if item is not None:
                why.show(req, answers.why(req, item))
        elif view == "Recommendations":
            beside, left_out = answers.beside(req, lists.pick(req, list(answers.others(req))))
            lists.train_links(answers.untrained())
            lists.show(req, answers.lists(req, beside), left_out)
        else:
            pictures = answers.pictures(req)
            stepping.show(req, pictures)
            if req.level:
                steps.show(req, pictures[req.level], answers.numbers(req))
