"""Import, export: how do IDs come in from elsewhere, and go out again?"""

import streamlit as st

from tiger.ui.exchange import checkpoint_view, export_view, import_view
from tiger.ui.shared import diagnoses, layout, own_files, state

VIEWS = {"ids": "Import IDs", "vectors": "Import vectors", "books": "Import codebooks", "out": "Export"}

layout.heading("exchange", "Imported semantic IDs become a run: map, tree, codebooks and doctor work on them as on IDs trained "
                           "here. Export writes the formats that other tools read.")
cat, run = state.catalogue(), state.current_run()
view = st.segmented_control("View", list(VIEWS.values()), default=VIEWS["ids"], required=True, key="exchange",
                            label_visibility="collapsed", bind="query-params")
if view == VIEWS["ids"]:
    with layout.guard("The import"):
        import_view.ids(cat)
    import_view.found(run)
elif view == VIEWS["vectors"]:
    with layout.guard("The import"):
        own_files.vectors()
        diagnoses.warning(cat)
elif view == VIEWS["books"]:
    with layout.guard("The import"):
        checkpoint_view.show(cat)
elif run is None:
    layout.empty("No run of this dataset yet, so there are no IDs to export.", "train", "Train the first one")
else:
    with layout.guard("The export"):
        export_view.files(cat, run)
