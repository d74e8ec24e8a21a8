"""Drift: what happens to the IDs when the embeddings change, and what does each remedy cost?"""

from tiger.ui.shared import layout
from tiger.ui.studies import page

layout.heading("drift", "Embeddings change over time, and IDs are made from them. Seven remedies are compared on the same "
                        "items: how many IDs change, how well the codes fit the new vectors, how much recall the old "
                        "recommender loses.")
page.show("drift")
