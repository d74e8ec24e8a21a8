"""Anyone's IDs: choose a file, see how it fits, keep it."""

from pathlib import Path

import pandas as pd
import streamlit as st

from tiger import runs
from tiger.core import params
from tiger.core.words import counted
from tiger.datasets.catalogue import Catalogue
from tiger.runs import import_run
from tiger.semantic_ids import ALIGNMENTS, N_CODES, Fit, fits, import_ids, read_apart
from tiger.semantic_ids.raw import RawIds
from tiger.ui.shared import layout, own_files, state
from tiger.ui.shared.pagelist import BY_KEY

ID_TYPES = ["json", "jsonl", "npy", "safetensors", "csv", "tsv", "parquet", *own_files.CONVERTED]
HOW = {"number": "Item number, from 0", "item_id": "Item id", "first_appearance": "Order of first appearance",
       "number_1": "Item number, from 1", "first_appearance_1": "Order of first appearance, from 1"}
NEXT = ("map", "tree", "codebooks", "doctor")


def ids(cat: Catalogue) -> None:
    """A file of IDs, how its items are matched to this dataset's, and the button that keeps them."""
    title = layout.plain(state.dataset().title)
    st.markdown(f"The IDs are matched to the {counted(cat.n_items, 'item')} of **{title}**; choose another dataset in the "
                "sidebar.")
    path = own_files.choose("ids", ID_TYPES, "An index.json (item to tokens such as <a_12><b_3>), or a table of codes as npy, "
                            "safetensors, CSV, Parquet or JSON Lines, with a column item_id or one row per item.")
    if path is None:
        return
    raw = _raw(str(path), path.stat().st_mtime_ns)
    tried = _tried(str(path), path.stat().st_mtime_ns, state.data_key(state.dataset_ref()), cat, raw)
    align, n_codes, name = _choices(tried, path)
    found = import_ids(path, cat, align, n_codes, tried, _collision_token(path, raw, cat, align, tried), raw)
    first, *more = map(layout.worded, found.report.sentences())
    if found.report.doubt:
        doubt = layout.worded(found.report.doubt)
        st.warning(layout.plain(f"{first} {doubt}"), icon=":material/warning:")
        more.remove(doubt)
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
    requested = middle.text_input("Codes per level", key=f"n_codes:{path}", placeholder="as the file says",
                              help="One number, or one per level with commas between them. Empty: as the file says, else the "
                                   "next power of two above its largest code.").strip()
    name = right.text_input("Name", path.stem, key=f"name:{path}", max_chars=60)
    if tried:
        st.dataframe(_fit_table(tried), hide_index=True, key="fits", column_config={
            "Neighbours with equal codes": st.column_config.NumberColumn(format="percent"),
            "By chance": st.column_config.NumberColumn(format="percent")})
        st.caption("Neighbours with equal codes: share of the 10 nearest items by embedding that have the same first codes. "
                   "With a wrong numbering it is at chance level.")
    return align, params.check(N_CODES, None if requested in ("", "0") else requested), name


def _fit_table(tried: list[Fit]) -> pd.DataFrame:
    return pd.DataFrame([{"Matched by": " = ".join([HOW[fit.align], *(HOW[other].lower() for other in fit.also)]),
                          "Items with an ID": fit.n_matched, "Items without": fit.n_gaps,
                          "IDs of unknown items": fit.n_strangers, "Neighbours with equal codes": fit.recall,
                          "By chance": fit.by_chance} for fit in tried])


def _collision_token(path: Path, raw: RawIds, cat: Catalogue, align: str | None, tried: list[Fit]) -> str:
    """Whether the last code is only there to tell items apart; the codes say so before anybody chose."""
    if raw.n_levels is not None or raw.codes_NL.shape[1] < 2:
        return "auto"
    shown = bool(_assumed(str(path), path.stat().st_mtime_ns, state.data_key(state.dataset_ref()), align, cat, tried, raw))
    ticked = st.checkbox("Collision token", shown, key=f"collision:{path}", help="The last code only tells apart the items that "
                         "share all codes before it, as in TIGER. It is then no code: items that differ in it alone collide.")
    return "auto" if ticked == shown else "yes" if ticked else "no"


@st.cache_resource(max_entries=4, show_spinner="Reading the file …")
def _raw(path: str, changed: int) -> RawIds:
    return read_apart(Path(path))


@st.cache_resource(max_entries=4, show_spinner="Matching the items …")
def _tried(path: str, changed: int, dataset: str, _cat: Catalogue, _raw: RawIds) -> list[Fit]:
    return fits(Path(path).name, _raw, _cat)


@st.cache_data(max_entries=16, show_spinner="Reading the IDs …")
def _assumed(path: str, changed: int, dataset: str, align: str | None, _cat: Catalogue, _tried: list[Fit], _raw: RawIds) -> str:
    return import_ids(path, _cat, align, None, _tried, raw=_raw).report.assumed.collision


def found(run: runs.Run | None) -> None:
    """What the import of the current run found, and where to look next."""
    said = import_run.sentences(run) if run is not None else []
    if run is None or not said:
        return
    with st.container(border=True):
        st.markdown(f"**{layout.plain(run.title)}** was imported.")
        st.markdown("\n".join(f"- {layout.plain(layout.worded(line))}" for line in said))
        with st.container(horizontal=True):
            for key in NEXT:
                st.page_link(BY_KEY[key].file, label=BY_KEY[key].title, icon=BY_KEY[key].icon, width="content",
                             query_params=state.link_params())
