"""Beam: how does a recommender write the next item, code by code, and why that one?"""

from tiger.reports.beam_page import for_a_room
from tiger.ui.beam import answers, compare, controls, lists, present, request, steps, why
from tiger.ui.shared import address, layout, pickers, recommenders, state

layout.heading("beam", controls.explanation())
run = recommenders.current()
if run is None or not state.catalogue().n_users:
    controls.nothing()
else:
    with layout.guard("The beam"):
        cat = state.catalogue_of(run)
        asked = request.read(recommenders.writer(run, cat), cat)
        if request.presenting():
            asked = for_a_room(asked)
            present.show(asked, answers.room(asked), answers.popular(asked))
        else:
            controls.search_bar(asked, recommenders.usable(), answers.changed_ids(asked.writer))
            controls.history(asked)
            both = answers.comparison(asked)
            compare.banner(both)
            view = pickers.view(address.LOOK)
            if view in ("Step by step", "Before and after"):
                controls.step_bar(asked)
            if view == "Before and after":
                compare.show(asked, both)
            elif view == "Why":
                item = why.pick(asked, answers.explainable(asked))
                if item is not None:
                    why.show(asked, answers.why(asked, item))
            elif view == "Recommendations":
                beside, left_out = answers.beside(asked, lists.pick(asked, list(answers.others(asked))))
                lists.train_links(answers.untrained())
                lists.show(asked, answers.lists(asked, beside), left_out)
            elif asked.level == 0:
                steps.start(asked)
            else:
                steps.show(asked, answers.step(asked, address.read(address.PICK), steps.listed()), answers.whole(asked))
