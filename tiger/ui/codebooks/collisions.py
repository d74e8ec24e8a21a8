"""The view Collisions: why items share an ID, where they could have parted, and what each remedy leaves."""

import streamlit as st

from tiger import runs
from tiger.core.words import counted
from tiger.reports import at_scale
from tiger.reports import collisions as reports
from tiger.reports.codes import Codes
from tiger.reports.collisions import Explained, Outcome
from tiger.ui.shared import address, caching, exports, layout, live, pickers, run_control, sources, state
from tiger.ui.shared.exports import Columns
from tiger.ui.shared.pagelist import BY_KEY

SHOWN = 200  # rows of the table of shared IDs
MAX_CELLS = 5_000_000  # of Sinkhorn on a page: some seconds
COLUMNS: Columns = {
    "semantic_id": st.column_config.TextColumn("Codes", width=100),
    "items": st.column_config.NumberColumn("Items", width=60, format="localized"),
    "cause": st.column_config.TextColumn("Why", width=150),
    "cosine": st.column_config.NumberColumn("Cosine", width=70, format="%.2f", help="Mean cosine similarity of its pairs."),
    "level": st.column_config.NumberColumn("Level", width=60, help="The level at which the second-nearest code of one of the "
                                           "items costs least, relative to the residual."),
    "next_code": st.column_config.NumberColumn("Next code", width=80, help="That item's second-nearest code there."),
    "relative": st.column_config.NumberColumn("Cost", width=70, format="percent", help="How much farther that code is, in "
                                              "squared distance, as a share of the residual's squared length."),
    "cost": st.column_config.NumberColumn("In distance", width=85, format="%.3g", help="The same cost in squared distance."),
    "added": st.column_config.NumberColumn("All levels", width=80, format="%.3g", help="What all levels leave more, in squared "
                                           "distance, when the deeper levels code the rest anew."),
    "free": st.column_config.CheckboxColumn("Free", width=60, help="Whether no item has the ID that follows."),
    "titles": st.column_config.TextColumn("Titles", width="large"),
}
ORDER = ("semantic_id", "items", "cause", "cosine", "level", "relative", "cost", "free")
LEVELS: Columns = {**COLUMNS, "residual": st.column_config.NumberColumn("Residual", width=80, format="%.3g",
                                                                       help="Squared length of what the level reads."),
                   "title": st.column_config.TextColumn("Item", width=140)}
CAUSES: Columns = {"cause": "Why", "meaning": st.column_config.TextColumn("What it means", width="large"),
                   "groups": st.column_config.NumberColumn("Shared IDs", format="localized"),
                   "items": st.column_config.NumberColumn("Items", format="localized"),
                   "surplus": st.column_config.NumberColumn("Need another ID", format="localized")}
OUTCOMES: Columns = {
    "remedy": st.column_config.TextColumn("Remedy", width="medium"),
    "surplus": st.column_config.NumberColumn("Need another ID", format="localized", help="Items less distinct IDs."),
    "rate": st.column_config.NumberColumn("Collision rate", format="percent", help="1 - distinct IDs / items, as in LC-Rec."),
    "items": st.column_config.NumberColumn("Share an ID", format="localized"),
    "largest": st.column_config.NumberColumn("Largest group", format="localized"),
    "changed": st.column_config.NumberColumn("Changed codes", format="localized", help="Items whose codes change; a level more "
                                             "does not count."),
    "error": st.column_config.NumberColumn("Error", format="percent", help="Mean squared length of what the codes leave, as a "
                                           "share of that of what they quantise."),
    "note": st.column_config.TextColumn("Note", width="medium"),
}
AFTER_TRAINING = ("These need a training of their own, with the same settings but for the one named. Each run also stands on the "
                  "page Doctor.")


@caching.resource(32, "Comparing the items of each ID …")
def explained(codes: Codes) -> Explained:
    """What is known of the collisions without training, for all visitors."""
    return reports.explain(codes, *reports.geometry_of(codes, sources.quantizer(codes.run)))


@caching.resource(32, "Measuring what remedies leave …")
def measured(codes: Codes) -> list[Outcome]:
    """What remedies leave that need no training, for all visitors."""
    return reports.at_once(codes, reports.geometry_of(codes, sources.quantizer(codes.run))[0], MAX_CELLS)


def show(codes: Codes) -> None:
    """The whole view."""
    shown = explained(codes)
    if codes.step is None and (said := at_scale.collisions_summary(codes.run)):
        st.markdown(f"**{said}** What follows is about the sample.")
    st.markdown(layout.plain(shown.summary))
    if not len(shown.groups):
        st.success("No two items share all their codes.", icon=":material/check_circle:")
        return
    for line in shown.unseen:
        st.info(layout.plain(line), icon=":material/visibility_off:")
    st.dataframe(shown.causes, hide_index=True, key="collision_causes", column_config=CAUSES)
    shared(shown)
    one_group(shown)
    remedies(codes)


def shared(shown: Explained) -> None:
    """The shared IDs, the fullest first; choosing a row shows its items."""
    frame, name = shown.frame, f"collisions-{shown.codes.run.id}"
    order = [name for name in (*ORDER, "titles") if name in frame]
    pickers.rows(frame.head(SHOWN), "collisions", address.ITEM, frame["first_item"].tolist(), column_config=COLUMNS,
                 column_order=order, height=380 if len(frame) > 10 else "content")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption("IDs with most items first"
                   + (f", {SHOWN} of {len(frame):,}" if len(frame) > SHOWN else "") + ". Choose a row to see its items.",
                   width="content")
        exports.csv_button(frame, name, "Collisions as CSV")


def one_group(shown: Explained) -> None:
    """The chosen ID: its items, and what each level's second-nearest code would have cost."""
    card = reports.group_card(shown, address.read(address.ITEM.below(shown.codes.cat.n_items)))
    st.subheader(f"ID {card.semantic_id}: {counted(len(card.items), 'item')}, {card.cause}", anchor=False)
    if card.summary:
        st.markdown(layout.plain(card.summary))
    left, right = st.columns([2, 3] if card.levels is not None else [1, 1e-6], gap="medium")
    with left:
        st.markdown("**Its items**")
        st.dataframe(card.items.head(SHOWN), hide_index=True, key="collision_items", height=min(35 * len(card.items) + 38, 320),
                     column_order=["cosine", "title", "category"],
                     column_config={"title": st.column_config.TextColumn("Title", width=240),
                                    "category": "Category", "cosine": st.column_config.NumberColumn(
                                        "Cosine", width=70, format="%.2f", help="With the mean direction of the others.")})
    if card.levels is not None:
        with right:
            st.markdown("**Level by level**: the item whose second-nearest code costs least there")
            st.dataframe(card.levels, hide_index=True, key="collision_levels", column_config=LEVELS, column_order=[
                "level", "relative", "cost", "residual", "next_code", "added", "free", "title"])
            exports.csv_button(card.levels, f"levels-of-{card.semantic_id}", "Levels as CSV")


def remedies(codes: Codes) -> None:
    """What each remedy leaves; those that need a training have a button, and are measured once they are trained."""
    st.subheader("What would help", anchor=False)
    now = measured(codes)
    if codes.step is not None or not codes.run.has_result():
        outcome_table(codes, now)
        return
    after = list(reports.trained(codes.run, codes.cat))
    outcome_table(codes, [*now, *after])
    if after:
        st.markdown(AFTER_TRAINING)
        trainings(after)
    elif codes.run.external:
        st.caption("KoLeo, more codes and a trained level have to be trained where this run was; record the next run the same "
                   "way and compare both.")


def outcome_table(codes: Codes, outcomes: list[Outcome]) -> None:
    """What each remedy leaves."""
    frame = reports.outcomes_frame(outcomes)
    st.markdown(layout.plain(reports.outcomes_summary(outcomes)))
    st.dataframe(frame, hide_index=True, key="collision_remedies", column_config=OUTCOMES, placeholder="")
    exports.csv_button(frame, f"collision-remedies-{codes.run.id}", "Remedies as CSV")


def trainings(after: list[Outcome]) -> None:
    """A button each for what was not trained yet, and how those stand that train."""
    for place, (column, one) in enumerate(zip(st.columns(len(after)), after, strict=True)):
        with column.container(border=True, height="stretch"):
            st.markdown(f"**{layout.plain(one.title)}**")
            st.caption(layout.plain(one.why))
            st.space("stretch")
            if one.run is None:
                assert one.config is not None
                run_control.button(one.config, "Train it", f"collision_remedy:{place}", _queued)
            else:
                seen = live.states(one.run)
                st.fragment(_stands, run_every=live.interval(seen))(one.run, seen)


def _queued(run_id: str) -> None:
    state.notice(f"Run {run_id} is queued; what it leaves is measured as soon as it has finished.")


def _stands(run: runs.Run, seen: tuple[str, ...]) -> None:
    """How a run stands; the page is drawn again when that changes."""
    live.follow(seen, run)
    status = run.status
    with st.container(horizontal=True, vertical_alignment="center"):
        live.badge(run, status)
        st.page_link(BY_KEY["codebooks"].file, label="Its collisions", icon=":material/arrow_forward:",
                     query_params=state.link_params(run=run.id, view="Collisions"))
    if status.state != "finished":
        live.progress(status)
