"""The Map page's items: the chosen one, what lies near it, and what the lasso holds."""

import pandas as pd
import streamlit as st

from tiger.reports.codes import Codes
from tiger.reports.items import id_text, nearby
from tiger.ui.map import data as map_data
from tiger.ui.shared import chips, exports, layout, state

SHOWN = 1000  # rows of the lasso's table
NEAR = {"input": ("Input space", "Cosine", "largest cosine of the embeddings"),
        "latent": ("Latent space", "Distance", "smallest distance of what is quantised"),
        "id": ("ID space", "Codes shared", "longest shared beginning; equals by input cosine")}


def item_card(codes: Codes, item: int) -> None:
    """The chosen item: title, semantic ID, category."""
    row = codes.cat.items.iloc[item]
    st.subheader(layout.plain(row["title"] or f"Item {item}"), anchor=False)
    st.caption(layout.plain(" · ".join(filter(None, [f"item {item}", f"id {row['item_id']}", row["category"]]))))
    st.html(chips.CSS + chips.chips(codes.codes_IL[item]))
    if (codes.codes_IL[item] < 0).any():
        st.markdown("This item has no ID, so it shares no code with others." if codes.step is None else
                    f"Step {codes.step:,} kept no codes of this item.")
        return
    same = (codes.codes_IL == codes.codes_IL[item]).cumprod(axis=1).sum(axis=0) - 1
    st.markdown("Others with the same beginning: " + ", ".join(f"**{n:,}** share {depth} code{'s' * (depth > 1)}"
                                                               for depth, n in enumerate(same.tolist(), 1)))


def near(codes: Codes, item: int) -> None:
    """The exact neighbours in three spaces side by side; a row chooses that item."""
    st.subheader("Its nearest items, three times", anchor=False)
    found = nearby(codes.cat, codes.codes_IL, map_data.latent(codes), item, unit_IE=map_data.unit(codes.cat))
    for (space, frame), column in zip(found.items(), st.columns(len(found), gap="medium"), strict=True):
        title, value, how = NEAR[space]
        with column:
            st.markdown(f"**{title}**: {how}")
            if frame.empty:
                st.caption(no_neighbours(codes, item))
                continue
            both = int(frame["in_input"].sum())
            st.dataframe(frame, key=f"near:{space}:{item}", hide_index=True, selection_mode="single-row",
                         on_select=lambda space=space, frame=frame: _row(f"near:{space}:{item}", frame["item"]),
                         column_config={"item": None, "title": st.column_config.TextColumn("Title", width=170),
                                        "semantic_id": "ID", "value": st.column_config.NumberColumn(value, format="%.3g"),
                                        "in_input": None if space == "input" else "In input's 10"})
            if space != "input":
                st.caption(f"{both} of {len(frame)} are among the nearest in the input.")
            exports.csv_button(frame, f"near-{space}-{item}", "CSV")


def no_neighbours(codes: Codes, item: int) -> str:
    """Why nothing lies near an item in the ID space."""
    if (codes.codes_IL[item] >= 0).all():
        return "No other item shares its first code."
    return "This item has no ID." if codes.step is None else f"Step {codes.step:,} kept no codes of this item."


def lassoed(codes: Codes) -> tuple[list[int], int]:
    """Items that the lasso chose, and how many it chose: a link carries a part of many."""
    return state.group(codes.cat.n_items)


def group_table(codes: Codes) -> None:
    """The items that the lasso chose, and the codes that they begin with."""
    items, whole = lassoed(codes)
    if not items:
        return
    st.subheader(f"{whole:,} items from the lasso", anchor=False)
    if len(items) < whole:
        st.caption(f"Shown are {len(items):,} of the {whole:,} items: a link carries at most {state.GROUP_LIMIT}.")
    elif whole > SHOWN:
        st.caption(f"The table shows the first {SHOWN:,} of {whole:,} items; the CSV has all of them.")
    frame = pd.DataFrame({"item": items, "title": codes.cat.items["title"].to_numpy()[items],
                          "category": codes.cat.items["category"].to_numpy()[items],
                          "semantic_id": [id_text(row) for row in codes.codes_IL[items].tolist()]})
    st.dataframe(frame.head(SHOWN), key="group", hide_index=True, height=260, selection_mode="single-row",
                 on_select=lambda: _row("group", frame["item"]))
    with st.container(horizontal=True):
        exports.csv_button(frame, "lasso", "CSV")
        st.button("Forget these", icon=":material/close:", type="tertiary", key="forget",
                  on_click=lambda: state.put_group([]))


def _row(key: str, items: pd.Series) -> None:
    rows = st.session_state[key]["selection"]["rows"]
    if rows:
        state.put_number("item", int(items.iloc[rows[0]]))
