"""The Beam page's tables: every candidate of a step, and what an exact search over the catalogue would have kept."""

from typing import Any

import streamlit as st

from tiger.reports import beam as report
from tiger.reports.beam import Prefix
from tiger.search import beam
from tiger.ui.beam import data as beam_data
from tiger.ui.beam.data import Scene
from tiger.ui.shared import exports, layout, sources

SHOWN = 200
FATES = {"Everything": None, "Kept": beam.KEPT, "Beam full": beam.FULL, "Not in the catalogue": beam.OUTSIDE,
         "Kept, but no item has it": report.INVALID}
COLUMNS: dict[str, Any] = {
    "place": st.column_config.NumberColumn("#", width=50, format="localized"),
    "prefix": st.column_config.TextColumn("Codes so far", width=105),
    "fate": st.column_config.TextColumn("What became of it", width=150),
    "words": st.column_config.TextColumn("Stands for", width=270, help="Words that set its items apart; the title of a "
                                                                       "single item."),
    "probability": st.column_config.ProgressColumn("P so far", width=110, format="%.4f", min_value=0.0),
    "step_logp": st.column_config.NumberColumn("Step log P", width=80, format="%.3f"),
    "total_logp": st.column_config.NumberColumn("Total log P", width=85, format="%.3f"),
    "n_items_below": st.column_config.NumberColumn("Items below", width=85, format="localized"),
    "mix": st.column_config.TextColumn("Category mix", width=300), "code": None,
    "exact": st.column_config.TextColumn("Exact search", width=105, help="Would an exact search have kept it? Yes, if one "
                                         "of its best items lies below; best first."),
}


def candidates(scene: Scene, found: beam.Trace) -> None:
    """Every candidate of the level with its numbers and its fate; the first of them in the table, all as CSV."""
    n = report.counts(found, scene.level)
    names = [name for name, fate in FATES.items() if fate is None or n[fate]]
    st.markdown(f"**All {sum(n.values()):,} candidates of level {scene.level}**, best first")
    if st.session_state.get("beam_fate") not in names:
        st.session_state["beam_fate"] = names[0]
    name = str(st.segmented_control("Show", names, key="beam_fate", required=True, label_visibility="collapsed",
                                format_func=lambda name: f"{name} {n[FATES[name] or beam.KEPT]:,}" if FATES[name] else name))
    frame = report.candidates(found, scene.level, FATES[name], SHOWN)
    prefixes = [tuple(map(int, prefix.split("-"))) for prefix in frame["prefix"]]
    frame = frame.assign(**beam_data.about(scene, prefixes), exact=_exact_summary(scene, found, prefixes))
    order = ["place", "prefix", "fate", "words", "probability", "step_logp", "total_logp", "exact", "n_items_below", "mix"]
    if not sources.has_categories(scene.cat) and sources.labels(scene.cat)[0] is None:
        order.remove("mix")
    st.dataframe(frame[order], column_config=COLUMNS, hide_index=True, height=330, key=f"beam_all:{scene.level}:{name}")
    with st.container(horizontal=True, vertical_alignment="center"):
        shown = n.get(FATES[name] or "", sum(n.values()))
        if shown > SHOWN:
            st.caption(f"The best {SHOWN} of {shown:,} are shown.", width="content")
        _csv(scene, found, sum(n.values()))


def _csv(scene: Scene, found: beam.Trace, total: int) -> None:
    """All candidates; made only when somebody asks."""
    def content() -> bytes:
        whole = report.candidates(found, scene.level)
        prefixes = [tuple(map(int, prefix.split("-"))) for prefix in whole["prefix"]]
        real = whole["n_items_below"].to_numpy() > 0
        about = beam_data.about(scene, [prefix for prefix, some in zip(prefixes, real, strict=True) if some])
        whole.loc[real, ["words", "category_mix"]] = about.to_numpy()
        return exports.csv_bytes(whole)

    st.download_button(f"All {total:,} as CSV", content, f"beam-user-{scene.user}-level-{scene.level}.csv", "text/csv",
                       icon=":material/download:", type="tertiary", on_click="ignore", key="beam_csv")


def missed(scene: Scene, found: beam.Trace) -> list[Prefix]:
    """Where the beam gave up what an exact search would keep at this level, best first: the beginnings that went."""
    if scene.level == 0:
        return []
    frame = beam_data.beginnings(scene, found)
    lost = frame[frame["lost_at"].notna()]
    return list(dict.fromkeys(codes[:level] for codes, level in zip(lost["codes"], lost["lost_at"], strict=True)))


def _exact_summary(scene: Scene, found: beam.Trace, prefixes: list[Prefix]) -> list[str]:
    frame = beam_data.beginnings(scene, found)
    place = dict(zip(frame["codes"], frame["best_place"], strict=True))
    return [f"yes, no. {place[prefix]}" if prefix in place else "no" for prefix in prefixes]


def exact_summary(scene: Scene, found: beam.Trace) -> None:
    """What an exact search over the catalogue would have kept here, in two sentences."""
    frame, there = beam_data.beginnings(scene, found), beam_data.best(scene)
    lost = frame[frame["lost_at"].notna()]
    st.markdown("**What an exact search over the catalogue would keep**")
    k = min(scene.ask.width, len(there.item_K))
    st.markdown(f"Its best {k:,} items begin with **{len(frame):,}** different prefixes of {scene.level} "
                f"code{'s' * (scene.level > 1)}; the beam still holds **{len(frame) - len(lost):,}** of them.")
    if lost.empty:
        st.success("So far the beam lost nothing that an exact search would find.", icon=":material/check_circle:")
        return
    first = lost.iloc[0]
    st.warning(f"Lost a better item at level {first['lost_at']}: “{layout.plain(scene.title(first['best_item']))}”, no. "
               f"{first['best_place']} of the exact search.", icon=":material/content_cut:")


def exact_table(scene: Scene, found: beam.Trace) -> None:
    """The exact search's best items that the beam lost, and where."""
    lost, there = beam_data.lost(scene, found), beam_data.best(scene)
    n_all = scene.ids.n_ids
    with st.expander(f"Where the whole beam lost better items: {len(lost)} of {min(scene.ask.width, len(there.item_K))}"):
        st.markdown(f"The exact search looked at {there.n_expanded:,} prefixes to be sure of the best among {n_all:,} items; "
                    f"beam at {sum(map(len, found.steps)):,} candidates. A beam of {n_all:,} would lose nothing.")
        if lost.empty:
            st.caption("Nothing: the beam found all of the exact search's best items. Try a narrower beam.")
            return
        table = lost.assign(title=[scene.title(item) for item in lost["item"]])
        st.dataframe(table[["place", "title", "logp", "lost_at", "prefix", "total_logp", "worst_kept"]], hide_index=True,
                     column_config={"place": "Exact no.", "title": st.column_config.TextColumn("Title", width=300),
                                    "logp": st.column_config.NumberColumn("log P", format="%.3f"), "lost_at": "Lost at level",
                                    "prefix": "Its beginning there",
                                    "total_logp": st.column_config.NumberColumn("log P there", format="%.3f"),
                                    "worst_kept": st.column_config.NumberColumn("Last kept there", format="%.3f")})
        exports.csv_button(table, f"beam-lost-{scene.user}", "Lost items as CSV")
