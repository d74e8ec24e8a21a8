"""Diversity: does a higher temperature make recommendations more diverse, and what does that cost?"""

from tiger.ui.shared import layout
from tiger.ui.studies import page

layout.heading("diversity", "A recommender that writes codes has a temperature at every level. A higher one at the first "
                            "code moves to other categories, at the last code only to similar items.")
page.show("diversity")
