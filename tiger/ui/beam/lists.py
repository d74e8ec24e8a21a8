"""The end of a search: the recommendations beside other recommenders', the held-out item marked, and invalid IDs."""

from collections.abc import Sequence

import streamlit as st

from tiger import models
from tiger.reports.beam_page import N_LISTED, N_SEARCHED, STAR, BeamRequest, Lists
from tiger.reports.stage import pictures
from tiger.runs import presets
from tiger.ui.shared import exports, layout, state
from tiger.ui.shared.exports import Columns
from tiger.ui.shared.pagelist import BY_KEY

TINT = "background-color: rgba(214, 36, 126, .22)"
RANK_COLUMNS: Columns = {
    "recommender": "List",
    "rank": st.column_config.TextColumn("Rank of ★", help=f"Not found: not among its first {N_SEARCHED}, or not in the beam."),
    "shared": st.column_config.NumberColumn("Shared with the beam", help="Items in common, over the whole lists.")}


def pick(req: BeamRequest, names: Sequence[str]) -> list[str]:
    """Which recommenders to put beside the beam."""
    return st.pills("Beside the beam", names, selection_mode="multi", default=names[:3],
                    key=f"beam_beside:{req.writer.run.id}", help="Other recommenders of this dataset, on the same history.")


def train_links(missing: Sequence[presets.ModelPreset]) -> None:
    """The way to every baseline that could stand here, too, and has not been trained."""
    if not missing:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption("Not trained yet:", width="content")
        for preset in missing:
            title = models.REGISTRY[preset.model.name].title
            st.page_link(BY_KEY["recommender"].file, label=f"Train {title}", icon=":material/play_circle:", width="content",
                         query_params=state.link_params(recipe=preset.key))


def show(req: BeamRequest, shown: Lists, left_out: Sequence[str]) -> None:
    """One table of titles, one row a rank; the rank of the held-out item in each list; the CSV of both.

    Args:
        left_out: a sentence for each recommender that cannot read this history.
    """
    for sentence in left_out:
        st.caption(layout.plain(sentence))
    st.markdown(layout.plain(shown.summary))
    columns: Columns = {name: st.column_config.TextColumn(name, width=275) for name in shown.items}
    columns |= {"rank": st.column_config.NumberColumn("#", width=40),
                "log P": st.column_config.NumberColumn("log P", width=70, format="%.3f")}
    table, beam = shown.table, next(iter(shown.items.values()))
    if seen := pictures.of(req.cat, beam[:len(table)].tolist()):
        table = table.assign(picture=[*seen, *[""] * (len(table) - len(seen))])
        columns["picture"] = st.column_config.ImageColumn("", width=48)
    tinted = exports.unsigned_zeros(table).style.map(lambda cell: TINT if str(cell).startswith(STAR) else "")
    order = [name for name in ("rank", "picture", *shown.table.columns.drop("rank")) if name in table]
    st.dataframe(tinted, hide_index=True, column_order=order, column_config=columns, key="beam_lists",
                 height=35 * (N_LISTED + 1) + 3)
    exports.csv_button(shown.long(req), f"recommendations-user-{req.user}", "All lists as CSV")
    written = shown.ranks.assign(rank=shown.ranks["rank"].astype("string").fillna("not found"))
    st.dataframe(written, hide_index=True, key="beam_ranks", column_config=RANK_COLUMNS)
    if req.search.free:
        _invalid(req, shown)


def _invalid(req: BeamRequest, shown: Lists) -> None:
    """The IDs that the free search wrote and no item has."""
    wrong = shown.invalid
    st.markdown(f"**Invalid IDs:** {len(wrong)} of {shown.n_written} that the free search generated belong to no item.")
    if wrong.empty:
        return
    height = min(36 * len(wrong) + 40, 300)
    st.dataframe(exports.unsigned_zeros(wrong), hide_index=True, key="beam_invalid", height=height, column_config={
        "id": "Generated ID", "logp": st.column_config.NumberColumn("log P", format="%.3f"),
        "exists": st.column_config.TextColumn("Longest valid prefix", help="The longest prefix that some item has.")})
    exports.csv_button(wrong, f"invalid-ids-user-{req.user}", "Invalid IDs as CSV")
