"""Cold items: can items be recommended that were in nobody's training data?"""

from tiger.ui.shared import layout
from tiger.ui.studies import page

layout.heading("cold", "Some items are held out of all training. Their codes come from their content alone, so a recommender "
                       "that writes codes can still reach them; one that has learned item numbers cannot.")
page.show("cold")
