"""Present: recommendations for a room: a person, the tree as it grows, the suggestions beside it, full screen."""

from tiger.ui.present import component, view
from tiger.ui.shared import layout, recommenders, state

layout.heading("present", view.EXPLANATION, terms=False)
if recommenders.current() is None or not state.catalogue().n_users:
    view.nothing()
else:
    view.controls()
    component.show()
    view.saved()
