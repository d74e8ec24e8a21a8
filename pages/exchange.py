"""Import, export: how do IDs come in from elsewhere, and go out again?"""

import streamlit as st

from tiger.ui.exchange import export_view, import_view
from tiger.ui.shared import layout as shell
from tiger.ui.shared import state

VIEWS = {"ids": "Import IDs", "vectors": "Import vectors", "out": "Export"}

shell.heading("exchange", "Semantic IDs from any system become a run here: map, tree, codebooks and doctor then work on "
                          "them as on this lab's own. And this lab's go out in the formats that other tools read.")
cat, run = state.catalogue(), state.current_run()
view = st.segmented_control("View", list(VIEWS.values()), default=VIEWS["ids"], required=True, key="exchange",
                            label_visibility="collapsed", bind="query-params")
if view == VIEWS["ids"]:
    with shell.guard("The import"):
        import_view.ids(cat)
    import_view.found(run)
elif view == VIEWS["vectors"]:
    with shell.guard("The import"):
        import_view.vectors()
elif run is None:
    shell.empty("No run of this dataset yet, so there are no IDs to export.", "train", "Train the first one")
else:
    with shell.guard("The export"):
        export_view.files(cat, run)
