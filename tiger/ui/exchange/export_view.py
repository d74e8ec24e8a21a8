"""A run's IDs as files for other tools."""

import streamlit as st

from tiger import runs
from tiger.analysis import projection
from tiger.core.words import counted
from tiger.datasets.catalogue import Catalogue
from tiger.runs import data, layouts
from tiger.semantic_ids import SemanticIds, first_appearance, id_table, index_json, parquet_bytes, projector_tsv
from tiger.ui.shared import exports, items, layout, sources, state

SPACES = {"Input": "input", "Latent": "latent", "Reconstruction": "reconstruction"}


def files(cat: Catalogue, run: runs.Run) -> None:
    """One line a format: what reads it, and the button that saves it. Nothing is made before it is asked for."""
    state.say_changes(run, cat)
    ids = sources.semantic_ids(run, cat)
    st.markdown(f"**{layout.plain(run.title)}**: {counted(ids.n_ids, 'ID')} of {counted(ids.n_levels, 'code')}"
                + (" and a collision level." if ids.has_collision_level else "."))
    item_ids = cat.items["item_id"].astype(str).tolist()
    _first_appearance(cat, run, ids)
    _line("index.json by item number", "The keys are this lab's item numbers, from 0. Import it here with the same dataset; "
          "other systems count items otherwise.", f"{run.id}.index.json", "application/json", lambda: index_json(ids))
    _line("index.json by item id", "The keys are this dataset's own item ids: no numbering can be mistaken.",
          f"{run.id}.by-id.index.json", "application/json", lambda: index_json(ids, item_ids))
    _line("Parquet", "For Embedding Atlas: `embedding-atlas FILE --x projection_x --y projection_y --text title`; holds the "
          "embeddings, too.", f"{run.id}.parquet", "application/vnd.apache.parquet", lambda: _parquet(ids, cat))
    _projector(cat, run, ids)
    _line("Table", "Items, IDs and codes as CSV.", f"{run.id}.csv", "text/csv",
          lambda: exports.csv_bytes(id_table(ids, cat)))
    if (run.path / "ids.safetensors").exists() and isinstance(data.rows_for(run, cat, len(ids)), slice):  # in today's order
        _line("Safetensors", "This lab's own file; it remembers how many codes a level has.", f"{run.id}.safetensors",
              "application/octet-stream", (run.path / "ids.safetensors").read_bytes)
    with st.expander("A look at the table"):
        items.table(id_table(ids, cat).head(200), "export_table", height=300)


def _first_appearance(cat: Catalogue, run: runs.Run, ids: SemanticIds) -> None:
    """The numbering of other systems; not for a dataset without interactions."""
    order_N = first_appearance(cat)
    if not len(order_N):
        return
    without = cat.n_items - len(order_N)
    _line("index.json by first appearance", "For LC-Rec, LETTER and MiniOneRec: the keys count items from 0 in the order in "
          "which the users' histories first name them. It fits their files where they were made of the same interactions, "
          "users in the same order."
          + (f" {counted(without, 'item that no user has is', 'items that no user has are')} left out." if without else ""),
          f"{run.id}.by-appearance.index.json", "application/json", lambda: index_json(ids, order_N=order_N))


def _parquet(ids: SemanticIds, cat: Catalogue) -> bytes:
    return parquet_bytes(ids, cat, True, projection.pca(cat.embedding_IE).place_ND)


def _projector(cat: Catalogue, run: runs.Run, ids: SemanticIds) -> None:
    """Two files: vectors and metadata."""
    known = [word for word, space in SPACES.items() if space in layouts.spaces(run)]
    with st.container(border=True):
        left, middle, right = st.columns([5, 2, 3], vertical_alignment="center")
        left.markdown("**TSV pair**  \nFor the Embedding Projector (projector.tensorflow.org): load both, vectors first.")
        word = middle.selectbox("Vectors", known, key="projector_space") or known[0]
        with right:
            _button("Vectors", f"{run.id}-vectors.tsv", "text/tab-separated-values",
                    lambda: projector_tsv(ids, cat, layouts.vectors(cat, run, SPACES[word]))[0])
            _button("Metadata", f"{run.id}-metadata.tsv", "text/tab-separated-values",
                    lambda: projector_tsv(ids, cat)[1])


def _line(title: str, words: str, name: str, mime: str, make) -> None:
    with st.container(border=True):
        left, right = st.columns([7, 3], vertical_alignment="center")
        left.markdown(f"**{title}**  \n{words}")
        with right:
            _button(name.rsplit(".", 1)[-1].upper() if title != "Table" else "CSV", name, mime, make)


def _button(label: str, name: str, mime: str, make) -> None:
    st.download_button(label, make, name, mime, key=f"export:{name}", icon=":material/download:", on_click="ignore",
                       help=f"Save as {name}")
