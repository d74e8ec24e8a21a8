"""Codebooks: which codes are used at which step, what a code stands for, one item's walk."""

from functools import partial

import plotly.graph_objects as go
import streamlit as st

from tiger import plots
from tiger.core.words import counted
from tiger.reports import codebooks as reports
from tiger.reports.codebooks import CodeCard, LevelCounts, LevelUsage
from tiger.reports.codes import Codes
from tiger.reports.walk import ItemWalk, item_walk
from tiger.ui.codebooks import component
from tiger.ui.shared import address, caching, exports, layout, pickers, sources, walk
from tiger.ui.shared.exports import Columns
from tiger.ui.shared.once import once

COLUMNS: Columns = {
    "item": None,
    "title": st.column_config.TextColumn("Title", width=370),
    "category": st.column_config.TextColumn("Category", width=190),
    "semantic_id": st.column_config.TextColumn("Codes", width=100),
    "items": st.column_config.NumberColumn("Items", width=70, format="localized"),
    "code": st.column_config.NumberColumn("Code", width=70),
    "distance": st.column_config.NumberColumn("Distance", width=90, format="%.3f"),
    "typical": st.column_config.NumberColumn("Typical", width=70, format="%.2f",
                                             help="Cosine with the mean embedding of the code's items."),
}
USAGE_COLUMNS: Columns = {name: st.column_config.NumberColumn(format="percent") for name in ("share", "even_share")}
UNMATCHED = ("Whose codes these are was not recorded, so items and collisions are not known. Log the items' numbers with the "
             "codes: rec.log(step, codes=codes, rows=rows).")
OVER_TIME, HISTORY = 200, 150  # pixels


@caching.resource(32)
def level_counts(codes: Codes) -> tuple[LevelCounts, ...]:
    """Every level's codes, for all visitors."""
    return reports.level_counts(codes)


@caching.resource(64)
def level_usage(codes: Codes, level: int, code: int | None) -> LevelUsage:
    """One level and one of its codes (by default the fullest), for all visitors."""
    return reports.level_usage(codes, sources.usage_history(codes.run, codes.n_codes), sources.quantizer(codes.run), level, code)


@caching.resource(64)
def walk_of(codes: Codes, item: int) -> ItemWalk:
    """One item's walk, for all visitors."""
    return item_walk(codes, sources.quantizer(codes.run), item)


def usage(codes: Codes) -> None:
    """Every level's codes, of which one level and one code is chosen, and what is known of these."""
    level = min(address.read(address.LEVEL.below(codes.n_levels + 1), 1), codes.n_levels) - 1
    code = address.read(address.CODE.below(codes.n_codes[level]))
    component.show(level_counts(codes), len(codes.codes_IL), level, code)
    shown = level_usage(codes, level, code)
    name = f"usage-{codes.run.id}-level-{level + 1}"
    left, right = st.columns(2, gap="medium")
    with left:
        exports.under(partial(plots.usage_heat, shown.codes, shown.codes_summary), f"{name}-cells", shown.codes,
                      config=USAGE_COLUMNS)
    with right:
        exports.under(partial(plots.usage_bars, shown.codes, shown.codes_summary), name, shown.codes.sort_values("rank"),
                      config=USAGE_COLUMNS)
    if shown.over_time["step"].nunique() > 1:
        perplexity(shown, f"over-time-{codes.run.id}")
    code_card(shown, codes.run.has_result(), codes.matched)


def perplexity(shown: LevelUsage, name: str) -> None:
    """The perplexity of every level at the kept steps."""
    exports.titled(f"Level {shown.level + 1} has perplexity {shown.perplexity:.0f} of {shown.n_codes:,}",
                   "Perplexity of the levels at the saved steps.")
    frame = shown.over_time.assign(level="level " + shown.over_time["level"].astype(str))
    exports.chart(once(_over_time, shown), "over_time", name, frame,
                  columns={"perplexity": st.column_config.NumberColumn(format="%.1f")})


def _over_time(shown: LevelUsage) -> go.Figure:
    lines = shown.over_time.assign(value=shown.over_time["perplexity"])
    figure = plots.level_lines(lines, shown.over_time_summary, limit=shown.top_n_codes)
    return figure.update_layout(height=OVER_TIME).update_yaxes(title=None, range=[0, shown.top_n_codes])


def _history(card: CodeCard) -> go.Figure:
    return plots.code_history(card.history, card.history_summary).update_layout(height=HISTORY).update_yaxes(title=None)


def code_card(shown: LevelUsage, ended: bool, matched: bool = True) -> None:
    """One code: its items, its neighbours among the codes, and how many items it had at each kept step.

    Args:
        matched: whether it is known whose codes these are.
    """
    card, level = shown.card, shown.level + 1
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.subheader(f"Level {level}, code {card.code}", anchor=False, width="content")
        pickers.number(address.CODE.below(shown.n_codes), "Code", card.code, width=150)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        st.markdown(f"**Its items**, nearest to their mean first ({card.n_items:,})")
        if not matched:
            unmatched()
        elif card.items.empty:
            st.info("None of the sampled items has this code." if card.n_items else
                    "No item has this code: it is dead at this step.", icon=":material/block:")
        else:
            last = ["category"] if (card.items["category"] != "").any() else []
            st.dataframe(card.items, column_config=COLUMNS, hide_index=True, height=330, key="code_items",
                         column_order=[*card.items.columns.drop("category"), *last])
            exports.csv_button(card.items, f"code-{level}-{card.code}", "Items as CSV")
    with right:
        st.markdown("**Nearest codes** by the distance of their vectors; choose one to go there")
        if card.near is None:
            st.caption("Hidden: these codes have no vectors (imported IDs, or a quantizer without codebooks)." if ended
                       else "Code vectors are available when the run is paused or has ended.")
        else:
            pickers.rows(card.near, "near_codes", address.CODE, card.near["code"].tolist(), column_config=COLUMNS)
        code_history(card, level)


def code_history(card: CodeCard, level: int) -> None:
    """How many items carried the code at each kept step."""
    if len(card.history) > 1:
        items = card.history["items"]
        first, last = items.iloc[0], items.iloc[-1]
        exports.titled(f"Code {card.code} " + (f"ends with {counted(last, 'item')}, as it began" if first == last else
                                               f"goes from {first:,} to {counted(last, 'item')}"), "Its items at the saved "
                                                                                                   "steps.")
        exports.chart(once(_history, card), "code_history", f"history-{level}-{card.code}", card.history,
                      columns={"share": st.column_config.NumberColumn(format="percent")})


def unmatched() -> None:
    """Why nothing can be said of items."""
    st.info(UNMATCHED, icon=":material/visibility_off:")


def one_item(codes: Codes, item: int) -> None:
    """One item's walk with the trained quantizer, and the items that end up next to it."""
    if not codes.matched:
        unmatched()
        return
    shown = walk_of(codes, item)
    st.subheader(layout.plain(shown.title), anchor=False)
    st.caption(layout.plain(shown.about))
    if shown.walk is None:
        st.caption("The walk is hidden: these codes have no vectors (imported IDs, or a quantizer without codebooks). "
                   "What follows from the codes alone is below.")
    else:
        if shown.newest_weights:
            st.caption("The walk uses the newest saved weights; for earlier steps only codes are saved.")
        walk.show(shown.walk, f"{codes.run.id}:{item}")
        st.markdown(shown.reconstruction)
    st.markdown("**Items with the longest shared prefix**")
    st.dataframe(exports.unsigned_zeros(shown.sharing), hide_index=True, key="id_neighbours", column_config=COLUMNS | {
        "title": st.column_config.TextColumn("Title", width=330), "category": "Category",
        "cosine": st.column_config.NumberColumn("Cosine", width=70, format="%.3f"),
        "shared": st.column_config.NumberColumn("Codes shared", width=110)})
