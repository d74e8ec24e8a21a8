"""Anyone's IDs and vectors: choose a file, see how it fits, keep it."""

from pathlib import Path

import pandas as pd
import streamlit as st

from tiger import runs
from tiger.core import params, paths
from tiger.datasets import registry
from tiger.datasets.catalogue import Catalogue
from tiger.datasets.reference import DatasetRef
from tiger.runs import import_run
from tiger.semantic_ids import ALIGNMENTS, N_CODES, Fit, Imported, fits, import_ids, read
from tiger.ui.shared import layout, state
from tiger.ui.shared.pagelist import BY_KEY

UPLOAD, ON_SERVER = "Upload a file", "Path on the server"
ID_TYPES = ["json", "npy", "safetensors", "csv", "tsv", "parquet"]
HOW = {"number": "Item number, from 0", "item_id": "Item id", "first_appearance": "Order of first appearance",
       "number_1": "Item number, from 1", "first_appearance_1": "Order of first appearance, from 1"}
NEXT = ("map", "tree", "codebooks", "doctor")
THESE, THEIR_OWN = "Items of this dataset", "New items"


def ids(cat: Catalogue) -> None:
    """A file of IDs, how its items are matched to this dataset's, and the button that keeps them."""
    title = layout.plain(state.dataset().title)
    st.markdown(f"The IDs are matched to the {cat.n_items:,} items of **{title}**; choose another dataset in the sidebar.")
    path = _file("ids", ID_TYPES, "An index.json (item to tokens such as <a_12><b_3>), or a table of codes as npy, "
                                  "safetensors, CSV or Parquet, with a column item_id or one row per item.")
    if path is None:
        return
    tried = _tried(str(path), path.stat().st_mtime_ns, state.data_key(state.dataset_ref()), cat)
    align, n_codes, name = _choices(tried, path)
    found = _read(str(path), path.stat().st_mtime_ns, state.data_key(state.dataset_ref()), align, n_codes, cat, tried)
    first, *more = found.report.sentences()
    if found.report.doubt:
        st.warning(layout.plain(f"{first} {found.report.doubt}"), icon=":material/warning:")
        more.remove(found.report.doubt)
    else:
        st.success(layout.plain(first), icon=":material/check_circle:")
    st.markdown("\n".join(f"- {layout.plain(line)}" for line in more))
    if st.button("Save as a run", type="primary", icon=":material/save:", key="keep_ids"):
        run = import_run.keep(found, cat, name, str(path))
        state.choose_run(run.id)
        state.notice(f"Saved as the run '{run.title}' and selected in the sidebar.")
        st.rerun()


def _choices(tried: list[Fit], path: Path) -> tuple[str | None, int | list[int] | None, str]:
    """How items are matched, codes per level, and a name; the best match comes first."""
    left, middle, right = st.columns([3, 2, 2], vertical_alignment="bottom")
    known = [fit.align for fit in tried] or list(ALIGNMENTS)
    align = left.selectbox("Match the items by", known, format_func=HOW.__getitem__, key=f"align:{path}",
                           help="The best match is preselected. First appearance: items are numbered from 0 in order of first "
                                "appearance in the interactions, as in LC-Rec and LETTER.")
    asked = middle.text_input("Codes per level", key=f"n_codes:{path}", placeholder="as the file says",
                              help="One number, or one per level with commas between them. Empty: as the file says, else the "
                                   "next power of two above its largest code.").strip()
    name = right.text_input("Name", path.stem, key=f"name:{path}", max_chars=60)
    if tried:
        st.dataframe(_fit_table(tried), hide_index=True, key="fits", column_config={
            "Neighbours with equal codes": st.column_config.NumberColumn(format="percent"),
            "By chance": st.column_config.NumberColumn(format="percent")})
        st.caption("Neighbours with equal codes: share of the 10 nearest items by embedding that have the same first codes. "
                   "With a wrong numbering it is at chance level.")
    return align, params.check(N_CODES, None if asked in ("", "0") else asked), name


def _fit_table(tried: list[Fit]) -> pd.DataFrame:
    return pd.DataFrame([{"Matched by": " = ".join([HOW[fit.align], *(HOW[other].lower() for other in fit.also)]),
                          "Items with an ID": fit.n_matched, "Items without": fit.n_gaps,
                          "IDs of unknown items": fit.n_strangers, "Neighbours with equal codes": fit.recall,
                          "By chance": fit.by_chance} for fit in tried])


@st.cache_resource(max_entries=4, show_spinner="Reading the file and matching its items …")
def _tried(path: str, _changed: int, dataset: str, _cat: Catalogue) -> list[Fit]:
    return fits(Path(path).name, read(Path(path)), _cat)


@st.cache_resource(max_entries=4, show_spinner="Reading the IDs …")
def _read(path: str, changed: int, dataset: str, align: str | None, n_codes: int | list[int] | None, _cat: Catalogue,
          _tried: list[Fit]) -> Imported:
    return import_ids(path, _cat, align, n_codes, _tried)


def found(run: runs.Run | None) -> None:
    """What the import of the current run found, and where to look next."""
    said = import_run.sentences(run) if run is not None else []
    if run is None or not said:
        return
    with st.container(border=True):
        st.markdown(f"**{layout.plain(run.title)}** was imported.")
        st.markdown("\n".join(f"- {layout.plain(line)}" for line in said))
        with st.container(horizontal=True):
            for key in NEXT:
                st.page_link(BY_KEY[key].file, label=BY_KEY[key].title, icon=BY_KEY[key].icon, width="content",
                             query_params=state.link_params())


def vectors() -> None:
    """Embeddings alone, or other embeddings for the items of this dataset."""
    path = _file("vectors", ["npy", "safetensors"], "One row per item, (items, width).")
    rows = _file("ids_of_vectors", ["txt", "json", "csv"], "The item id of each row, one per line; optional.",
                 "Item ids (optional)")
    left, middle, right = st.columns(3, vertical_alignment="bottom")
    whose = left.segmented_control("The vectors belong to", [THEIR_OWN, THESE], default=THEIR_OWN, required=True, key="whose")
    tensor = middle.text_input("Tensor", key="tensor", help="Name of the tensor, where a .safetensors file has several.")
    name = right.text_input("Name", path.stem if path else "", key="vectors_name", max_chars=60)
    if st.button("Load the vectors", type="primary", icon=":material/upload:", key="load_vectors"):
        if path is None:
            raise ValueError("No file was chosen; choose an .npy or .safetensors file first.")
        ids_path = str(rows) if rows else ""
        if whose == THESE:
            given = {"method": "given", "path": str(path), "ids": ids_path, "tensor": tensor.strip()}
            ref: DatasetRef = state.dataset_ref() | {"embedding": {key: value for key, value in given.items() if value}}
            name = f"{state.dataset().title}, {name or path.stem}"
        else:
            ref = registry.vectors_alone(str(path), ids_path, tensor.strip())
        state.load_dataset(ref, name or path.stem)


def _file(key: str, kinds: list[str], words: str, label: str = "File") -> Path | None:
    """A file by upload or by path; None while there is none. An upload is stored once."""
    how = st.segmented_control(f"{label}: source", [UPLOAD, ON_SERVER], default=UPLOAD, required=True, key=f"how:{key}",
                               label_visibility="collapsed")
    if how == ON_SERVER:
        typed = st.text_input(label, key=f"path:{key}", placeholder="a path on this server", help=words).strip()
        return paths.check_readable(typed) if typed else None
    given = st.file_uploader(label, kinds, key=f"file:{key}", help=words)
    if given is None:
        return None
    kept: dict[str, str] = st.session_state.setdefault("uploads", {})
    if given.file_id not in kept or not Path(kept[given.file_id]).exists():
        folder = registry.keep_upload({given.name: given.getvalue()})
        kept[given.file_id] = str(folder / registry.safe_name(given.name))
    return Path(kept[given.file_id])
