"""The Tree page's comparisons: numbers side by side, disagreements, and the difference up to renaming."""

import streamlit as st

from tiger.core.words import counted
from tiger.plots import tree as plot
from tiger.reports import tree as reports
from tiger.reports.codes import Codes
from tiger.reports.tree import Reference, SideBySide
from tiger.ui.shared import address, exports, layout, pickers, state
from tiger.ui.shared.once import once
from tiger.ui.shared.pagelist import BY_KEY
from tiger.ui.tree import answers

SHOWN = 1000  # rows of a table


def numbers(codes: Codes, other: Reference) -> None:
    """Every number side by side, with intervals, and the three that matter most as curves."""
    shown = answers.side_by_side(codes, other)
    st.dataframe(shown.table, hide_index=True, height=min(36 * len(shown.table) + 40, 640), key="side_by_side")
    exports.csv_button(shown.frame, "side-by-side", "All numbers as CSV")
    seeds(codes, shown)
    if other.run is not None:
        second_opinion(codes, other.run.id)
    for curve, column in zip(shown.curves, layout.beside(len(shown.curves), "numbers"), strict=True):
        with column:
            exports.titled(curve.summary.replace(": ", ". ", 1), f"{curve.title} by level; dotted: by chance.")
            exports.chart(once(plot.by_level, shown.frame, curve.value, curve.null, curve.summary), f"curve:{curve.value}",
                          f"curve-{curve.value}", curve.frame)
    level = _level(codes)
    sizes = shown.sizes[shown.sizes["level"] == level]
    words = reports.sizes_summary(sizes, level)
    exports.titled(reports.largest_summary(sizes, level), "Branch sizes, largest first; a flat line is a uniform tree.")
    exports.chart(plot.sizes(sizes, words), "sizes", "branch-sizes", sizes)


def _level(codes: Codes) -> int:
    return pickers.level(codes.n_levels, "Levels to compare", default=2, key="tree_level", width=320)


def second_opinion(codes: Codes, other_id: str) -> None:
    """The way to a verdict on both runs."""
    st.page_link(BY_KEY["runs"].file, label="Second opinion: a verdict with intervals, and a report", icon=":material/balance:",
                 query_params=state.link_params(runs=f"{codes.run.id},{other_id}", view="Second opinion"))


def seeds(codes: Codes, shown: SideBySide) -> None:
    """How many seeds stand behind each interval, and a way to more of them."""
    counts = ", ".join(f"{name}: n = {n}" for name, n in shown.seeds.items())
    st.caption(f"In brackets: 95 % confidence interval over seeds ({layout.plain(counts)}); with one seed, over the sampled "
               f"items. Neighbours: at most {reports.N_NEIGHBOURS}, the nearest by cosine similarity of at most "
               f"{reports.N_QUERIES} items that have an ID in both. Labels: {shown.labels or 'none'}.")
    missing = reports.missing_seeds(codes.run, state.runs_here())
    if missing:
        st.button(f"Train {len(missing)} more seed{'s' * (len(missing) > 1)}", icon=":material/casino:", key="more_seeds",
                  help="Queues the same run with other seeds; the intervals then show the variance of the method, not of one "
                       "run.", on_click=_more_seeds, args=(codes, missing))


def _more_seeds(codes: Codes, missing: list[int]) -> None:
    def ask() -> None:
        answers.train_seeds(codes.run, missing)
        state.notice(f"{counted(len(missing), 'run is', 'runs are')} queued; come back when "
                     f"{'it has' if len(missing) == 1 else 'they have'} finished.")

    layout.attempt(ask)


def disagreements(codes: Codes, other: Reference) -> None:
    """Pairs that one set keeps together and the other separates, both ways round."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        closest = pickers.segmented(address.PAIRS, "List") == "Most alike"
        level = _level(codes)
    for together, column in zip((True, False), st.columns(2, gap="medium"), strict=True):
        shown = answers.disagreement(codes, other, level, together, closest)
        one, two = (other.title, codes.run.title) if together else (codes.run.title, other.title)
        found = shown.found
        with column:
            st.subheader(layout.plain(f"Same branch in {one}, different in {two}"), anchor=False)
            share = found.n_pairs / max(found.n_together, 1)
            st.markdown(f"**{found.n_pairs:,}** of the {counted(found.n_together, 'pair that shares', 'pairs that share')} the "
                        f"first {level} code{'s' * (level > 1)} there ({share:.0%}).")
            pickers.rows(shown.frame, f"pairs:{together}", address.ITEM, shown.frame["item_a"].tolist(), height=420,
                         column_config={"cosine": st.column_config.NumberColumn("Cosine", format="%.2f", width=70),
                                        "title_a": "Item A", "title_b": "Item B", "id_a": "ID A", "id_b": "ID B",
                                        "item_a": None, "item_b": None})
            exports.csv_button(shown.frame, f"pairs-{'theirs' if together else 'own'}-{level}", "Pairs as CSV")
            if found.n_seen < found.n_pairs:
                st.caption(f"Computed on a sample of {counted(found.n_seen, 'pair')}.")


def difference(codes: Codes, other: Reference) -> None:
    """Which items moved between the two trees, once codes are matched up to renaming."""
    shown = answers.difference(codes, other)
    st.markdown("Code numbers are arbitrary, so branches are first matched level by level to keep as many items as possible "
                "together. All other items have moved.")
    table = shown.summary.rename(columns={"level": "Level", "stayed": "Unmoved items", "moved": "Moved at this level",
                                          "stayed_share": "Stay", "chance_share": "Unmoved by chance",
                                          "pairs": "Matched branches"})
    percent = st.column_config.NumberColumn(format="percent")
    st.dataframe(table, hide_index=True, column_config={"Stay": percent, "Unmoved by chance": percent})
    param = address.MOVED.below(shown.matching.n_levels + 1)
    level = int(st.segmented_control("Moved at level", range(1, shown.matching.n_levels + 1), key="moved", required=True,
                                     format_func=lambda level: f"Level {level}",
                                     on_change=pickers.shows(param, "moved", address.read(param))) or 1)
    frame = shown.moved(level)
    st.markdown(f"**{counted(len(frame), 'item')}** moved at level {level}.")
    pickers.rows(frame.head(SHOWN), f"moved:{level}", address.ITEM, frame["item"].tolist(), height=320,
                 column_config={"item": None, "title": "Title", "id_here": "ID here", "id_there": "ID there"})
    exports.csv_button(frame, f"moved-level-{level}", "Moved items as CSV")
