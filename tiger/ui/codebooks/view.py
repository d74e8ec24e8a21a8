"""Codebooks: which codes are used at which step, what a code stands for, which items share all their codes."""

from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from tiger import metrics, plots, reports, runs
from tiger.datasets.catalogue import Catalogue
from tiger.ui.codebooks import code_charts
from tiger.ui.codebooks import data as codebook_data
from tiger.ui.codebooks.data import Codes
from tiger.ui.shared import exports, layout, state

ITEM_COLUMNS: dict[str, Any] = {
    "item": None, "first_item": None, "codes": None,
    "title": st.column_config.TextColumn("Title", width=270),
    "titles": st.column_config.TextColumn("Titles", width="large"),
    "category": st.column_config.TextColumn("Category", width=190),
    "semantic_id": st.column_config.TextColumn("Codes", width=100),
    "items": st.column_config.NumberColumn("Items", width=70, format="localized"),
    "code": st.column_config.NumberColumn("Code", width=70),
    "distance": st.column_config.NumberColumn("Distance", width=90, format="%.3f"),
    "typical": st.column_config.NumberColumn("Typical", width=70, format="%.2f",
                                             help="Cosine with the mean embedding of the code's items."),
}
USAGE_COLUMNS: dict[str, Any] = {name: st.column_config.NumberColumn(format="percent") for name in ("share", "even_share")}
BESIDE_ONE, BESIDE_TWO = 250, 482  # pixels: as tall as what stands in the other column


def pick_step(run: runs.Run) -> int | None:
    """Scrub through the kept steps; None stands for the newest codes of all items."""
    kept = run.snapshots()
    if len(kept) < 2:
        st.caption("This run kept no steps on the way, so only its final codes can be shown.")
        return None
    asked = state.number_or("step", kept[-1] + 1, kept[-1])
    st.session_state["pick_step"] = min(kept, key=lambda step: abs(step - asked))
    step = st.select_slider("Step", kept, key="pick_step", format_func=lambda step: f"{step:,}",
                            help="The codes at the steps that were kept, from the first to the last.",
                            on_change=lambda: state.put_number("step", st.session_state["pick_step"]))
    return None if step == kept[-1] and run.has_result() else step


def pick_level(codes: Codes) -> int:
    """Choose a level; counts from 0 inside, from 1 in the address and on the page."""
    asked = state.number_or("level", codes.n_levels + 1, 1)
    st.session_state["pick_level"] = max(asked, 1)
    level = st.segmented_control("Level", range(1, codes.n_levels + 1), key="pick_level", required=True,
                                 on_change=lambda: state.put_number("level", st.session_state["pick_level"]))
    return int(level or 1) - 1


def numbers(codes: Codes, level: int) -> None:
    """The level in four numbers."""
    row = reports.levels_frame(codes.codes_IL, codes.n_codes).iloc[level]
    with st.container(horizontal=True, gap="medium"):
        st.metric("Perplexity", f"{row['perplexity']:.0f} of {codes.n_codes[level]:,}", width="content",
                  help="How many evenly used codes would be as spread out as these.")
        st.metric("Codes in use", f"{row['used']:,.0f}", width="content")
        st.metric("Dead codes", f"{row['dead']:,.0f}", width="content", help="Codes that no item carries.")
        st.metric("Fullest code", f"{row['largest_share']:.1%}", width="content", help="Its share of the items.")


def usage(codes: Codes, level: int) -> None:
    """Heat map and sorted bars of one level, and the level over time. A click chooses a code."""
    numbers(codes, level)
    frame = reports.usage_frame(codes.codes_IL, codes.n_codes, level)
    code = state.number_or("code", codes.n_codes[level], codebook_data.busiest(codes, level))
    cells, words = code_charts.cells(frame, code), reports.usage_summary(frame)
    over_time, name = codebook_data.over_time(codes), f"usage-{codes.run.id}-level-{level + 1}"
    timed = over_time["step"].nunique() > 1
    left, right = st.columns(2, gap="medium")
    with left:
        st.markdown("**Every code as a cell.** The stronger, the more items; hollow cells are dead. Click one.")
        full = 4 * len(codes.codes_IL) // codes.n_codes[level]
        _clickable(cells, code_charts.heat_map(full, BESIDE_TWO if timed else BESIDE_ONE), "heat_map", words)
        exports.under(partial(plots.usage_heat, frame, words), f"{name}-cells", frame, config=USAGE_COLUMNS)
    with right:
        st.markdown("**The same codes sorted.** Even use would end at the dashed line.")
        _clickable(cells, code_charts.sorted_bars(float(cells["items"].mean()), len(cells)), "sorted_bars", words)
        exports.under(partial(plots.usage_bars, frame, words), name, frame.sort_values("rank"), config=USAGE_COLUMNS)
        if timed:
            perplexity(codes, over_time)
    code_card(codes, level, code)


def perplexity(codes: Codes, frame: pd.DataFrame) -> None:
    """The perplexity of every level at the kept steps, from ``codebook_data.over_time``."""
    st.markdown("**Perplexity of the levels** at the kept steps")
    last = frame[frame["step"] == frame["step"].max()]
    words = "Perplexity over the kept steps; at the end " + ", ".join(
        f"{name} {value:.0f}" for name, value in zip(last["level"], last["perplexity"], strict=True)) + "."
    st.vega_lite_chart(frame, code_charts.over_steps("perplexity", "level"), key="over_time", width="stretch", alt=words)
    lines = frame.assign(value=frame["perplexity"], level=frame["level"].str.removeprefix("level ").astype(int))
    exports.under(partial(plots.level_lines, lines, words, limit=max(codes.n_codes)), f"over-time-{codes.run.id}", frame,
                  config={"perplexity": st.column_config.NumberColumn(format="%.1f")})


def _clickable(cells: object, spec: dict, key: str, words: str) -> None:
    st.vega_lite_chart(cells, spec, key=key, width="stretch", selection_mode="pick", alt=words,
                       on_select=lambda: _clicked(key))


def _clicked(key: str) -> None:
    picked = st.session_state[key]["selection"].get("pick") or []
    if picked:
        state.put_number("code", int(picked[0]["code"]))


def code_card(codes: Codes, level: int, code: int) -> None:
    """One code: its items, its neighbours among the codes, and how many items it had at each kept step."""
    st.session_state["pick_code"] = code
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.subheader(f"Level {level + 1}, code {code}", anchor=False, width="content")
        st.number_input("Code", 0, codes.n_codes[level] - 1, key="pick_code", width=150,
                        on_change=lambda: state.put_number("code", st.session_state["pick_code"]))
    left, right = st.columns([3, 2], gap="medium")
    with left:
        items = reports.items_of_code(codes.cat, codes.codes_IL, level, code)
        st.markdown(f"**Its items**, most typical first ({int((codes.codes_IL[:, level] == code).sum()):,})")
        if items.empty:
            st.info("No item carries this code: it is dead at this step.", icon=":material/block:")
        else:
            st.dataframe(items, column_config=ITEM_COLUMNS, hide_index=True, height=330, key="code_items")
            exports.csv_button(items, f"code-{level + 1}-{code}", "Items as CSV")
    with right:
        code_neighbours(codes, level, code)
        code_history(codes, level, code)


def code_neighbours(codes: Codes, level: int, code: int) -> None:
    """The codes whose vectors lie nearest to this one's."""
    st.markdown("**Nearest codes** by the distance of their vectors; choose one to go there")
    found = codebook_data.quantizer(codes.run)
    books = found.codebooks() if found else None
    if books is None:
        st.caption("Hidden: these codes have no vectors (imported IDs, or a quantizer without codebooks)."
                   if codes.run.has_result() else "The code vectors appear when the run is paused or has ended.")
        return
    counts_K = metrics.code_counts(codes.codes_IL[:, [level]], codes.n_codes[level])[0]
    near = reports.code_neighbours(books[level], code, counts_K)
    st.dataframe(near, column_config=ITEM_COLUMNS, hide_index=True, key="near_codes",
                 on_select=lambda: _row_picked(near["code"].tolist()), selection_mode="single-row")


def _row_picked(shown: list[int]) -> None:
    rows = st.session_state["near_codes"]["selection"]["rows"]
    if rows:
        state.put_number("code", int(shown[rows[0]]))


def code_history(codes: Codes, level: int, code: int) -> None:
    """How many items carried the code at each kept step."""
    kept = codebook_data.kept_steps(codes)
    if len(kept) > 1:
        frame = reports.code_history(kept, codes.n_codes[level], level, code)
        st.markdown("**How many items it had** at the kept steps")
        words = (f"Items of level {level + 1}, code {code} over the kept steps, from {frame['items'].iloc[0]:,} to "
                 f"{frame['items'].iloc[-1]:,}.")
        st.vega_lite_chart(frame, code_charts.over_steps("items", height=130), key="code_history", width="stretch", alt=words)
        exports.under(partial(plots.code_history, frame, words), f"history-{level + 1}-{code}", frame,
                      config={"share": st.column_config.NumberColumn(format="percent")})


def collisions(codes: Codes) -> None:
    """The IDs that several items share, before the collision level makes them unique."""
    st.markdown(layout.plain(reports.collisions_summary(codes.codes_IL)) + " An extra level then numbers the items that "
                "share an ID, so that every item can be named.")
    frame = reports.collisions_frame(codes.codes_IL, codes.cat)
    if frame.empty:
        st.success("No two items share all their codes.", icon=":material/check_circle:")
        return
    st.dataframe(frame, column_config=ITEM_COLUMNS, hide_index=True, key="collisions",
                 height=460 if len(frame) > 12 else "content",
                 on_select=lambda: _collision_picked(frame["first_item"].tolist()), selection_mode="single-row")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption("Fullest IDs first, at most 200. Choose a row, then look at “One item's walk”.", width="content")
        exports.csv_button(frame.drop(columns="codes"), f"collisions-{codes.run.id}", "Collisions as CSV")


def _collision_picked(first_items: list[int]) -> None:
    rows = st.session_state["collisions"]["selection"]["rows"]
    if rows:
        state.put_number("item", first_items[rows[0]])


def pick_item(cat: Catalogue) -> int:
    """Search an item by its title; the choice stands in the address."""
    item = state.number_or("item", cat.n_items, 0)
    left, right = st.columns([2, 3])
    search = left.text_input("Search an item", key="walk_search", placeholder="words of its title", type="search")
    found = codebook_data.matches(cat, search or "")
    options = [item, *(number for number in found if number != item)]
    st.session_state["pick_item"] = item
    right.selectbox(f"Item ({len(found):,} match)" if search else "Item", options, key="pick_item",
                    format_func=lambda number: str(cat.items["title"].iloc[number]) or f"item {number}",
                    on_change=lambda: state.put_number("item", st.session_state["pick_item"]))
    return item
