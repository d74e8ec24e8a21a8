"""Codebooks of a training elsewhere: choose the files, see what the codes come to, keep them as a run."""

from pathlib import Path

import numpy as np
import streamlit as st

from tiger.analysis.doctor import libraries
from tiger.core.words import counted
from tiger.datasets import registry
from tiger.datasets.catalogue import Catalogue
from tiger.recording import checkpoint, curves
from tiger.recording.checkpoint import DISTANCES, Nearest
from tiger.ui.shared import caching, layout, own_files, state
from tiger.ui.shared.pagelist import BY_KEY

DISTANCE_NAMES = {"squared": "Squared distance", "cosine": "Cosine"}
LOSSES = ["csv", "tsv", "parquet"]


def show(cat: Catalogue) -> None:
    """Codebooks for the vectors of this dataset, with the losses of their training if there are any."""
    title = layout.plain(state.dataset().title)
    st.markdown(f"Codes are computed here for the {counted(cat.n_items, 'vector')} of **{title}**: the nearest code of what the "
                "levels before left over. Those vectors must be what the codebooks quantise, which behind an encoder is its "
                "output; load it first under “Import vectors”.")
    path = own_files.choose("books", [*checkpoint.KINDS, "pt", "pth"], "An array (levels, codes, width), one array a level, or a "
                            "whole checkpoint as safetensors.", "Codebooks")
    losses = own_files.choose("losses", LOSSES, "A table of losses with a column step; a TensorBoard file or folder by its path "
                              "on the server.", "Losses (optional)")
    if path is None:
        return
    left, right, third = st.columns(3, vertical_alignment="bottom")
    distance = left.selectbox("Nearest by", DISTANCES, format_func=DISTANCE_NAMES.__getitem__, key=f"distance:{path}")
    names = right.text_input("Tensors", key=f"tensors:{path}", placeholder="those named codebook or embed",
                             help="Names of the codebooks, the first level first, with commas between them.").strip()
    library = third.selectbox("Trained with", list(libraries.LIBRARIES), key=f"library:{path}",
                              help="Remedies are said in its words.", format_func=lambda key: key or "code of one's own")
    books = _books(str(path), path.stat().st_mtime_ns, tuple(name.strip() for name in names.split(",") if name.strip()))
    found = _nearest(books, cat, distance)
    st.success(layout.plain(checkpoint.about(found, books)), icon=":material/check_circle:")
    name = st.text_input("Name", path.stem, key=f"name:{path}", max_chars=60)
    if st.button("Save as a run", type="primary", icon=":material/save:", key="keep_books"):
        logged = curves.read_curves(losses) if losses is not None else []
        run = checkpoint.keep(books, cat, distance, name, library, logged)
        registry.add(cat.source, state.dataset().title)
        state.choose_run(run.id)
        st.switch_page(BY_KEY["doctor"].file, query_params=state.link_params(run=run.id))


@st.cache_resource(max_entries=4, show_spinner="Reading the codebooks …")
def _books(path: str, changed: int, names: tuple[str, ...]) -> list[np.ndarray]:
    return checkpoint.read_codebooks_apart(Path(path), names)


@caching.resource(4, "Computing the codes …")
def _nearest(books: list[np.ndarray], cat: Catalogue, distance: checkpoint.Distance) -> Nearest:
    return checkpoint.nearest_codes(cat.embedding_IE, books, distance)
