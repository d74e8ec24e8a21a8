"""The Tree page's trees: two side by side, the hyperplanes one by one, and what a branch holds."""

from functools import partial

import streamlit as st

from tiger import runs
from tiger.core.words import counted
from tiger.plots import tree as plot
from tiger.reports import tree as reports
from tiger.reports.codes import Codes
from tiger.reports.tree import Branch, Reference
from tiger.ui.shared import address, exports, items, layout, pickers, sources, state
from tiger.ui.shared.once import once
from tiger.ui.tree import answers, component
from tiger.ui.tree.component import Side

SHOWN = 500  # rows of a branch's table


def pick_reference(codes: Codes) -> Reference | None:
    """What to compare with; None, and why, where there is nothing of that kind."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        kind = pickers.segmented(address.AGAINST, "Compare with")
        if kind == "Another run":
            found = {run.id: run for run in state.runs_here() if run.id != codes.run.id and run.has_result()}
            if not found:
                st.caption("This dataset has no other run with codes; train one with another seed.")
                return None
            return answers.of_run(found[_other_id(codes, found)], codes.cat)
        if kind == "LSH":
            return answers.lsh(codes, pickers.number(address.LSH_SEED, "LSH seed", width=120,
                                                     help="Seed of the random hyperplanes."))
    if not sources.has_categories(codes.cat):
        st.caption("This dataset has no categories, so there is no category tree.")
        return None
    return answers.categories(codes.cat)


def _other_id(codes: Codes, found: dict[str, runs.Run]) -> str:
    """Id of the run to compare with; it stands in the address, and one that is not there is said."""
    requested, first = address.read(address.OTHER_RUN), state.first_choice(list(found.values())) or next(iter(found.values()))
    if requested and requested not in found:
        if requested != codes.run.id:
            state.notice(f"This dataset has no other run '{requested[:60]}' with codes. Comparing with '{first.title}' instead.")
        address.forget(address.OTHER_RUN)
    labels = {run_id: layout.run_label(run) for run_id, run in found.items()}
    words = {run_id: label if list(labels.values()).count(label) == 1 else f"{label} ({run_id})"
             for run_id, label in labels.items()}
    shown = requested if requested in found else first.id
    return st.selectbox("Run to compare", list(found), format_func=words.__getitem__, key="pick_other", width=320,
                        on_change=pickers.shows(address.OTHER_RUN, "pick_other", shown))


def trees(codes: Codes, other: Reference) -> None:
    """Both trees, whose levels the browser cuts; a click on a branch of the run's tree shows what it holds."""
    level = min(address.read(address.LEVEL.below(codes.n_levels + 1), min(2, codes.n_levels)), codes.n_levels)
    requested = address.read(address.BRANCH)
    chosen = reports.branch(codes, answers.branches(codes, answers.depth(level, requested))[0], requested)
    asked = address.read(address.PLANES.below(other.n_bits + 1), 0) if other.n_bits else 0
    planes = asked or other.bits_at(level) if other.n_bits else 0
    own = Side("own_tree-branches", codes.run.title, answers.own_trees(codes, requested if chosen.row else ""), bool(chosen.row))
    theirs = Side("other_tree-branches", other.title, answers.other_trees(other, codes.n_levels, asked),
                  fullest_first=other.kind != "LSH")
    kind = component.show(own, theirs, level, codes.n_levels)
    left, right = st.columns(2, gap="medium")
    with left:
        _under(own, level, kind)
    with right:
        _under(theirs, level, kind)
        if other.n_bits > 1:
            _planes(other, planes)
    if planes:
        frame = answers.splits(other)
        words = reports.planes_summary(frame, planes)
        exports.titled(words, "Buckets and items in the largest one over the hyperplanes; dotted: those shown above.")
        exports.chart(once(plot.splits, frame, planes, words), "splits", "hyperplanes", frame)
    item_place(codes, other)
    branch_card(chosen)


def _under(side: Side, level: int, kind: str) -> None:
    shown = side.at(level)
    exports.under(partial(plot.branches, shown.frame, kind, shown.summary, side.fullest_first), side.file,
                  lambda: shown.frame.drop(columns=["row", "parent", "code"]))


def _planes(other: Reference, planes: int) -> None:
    """Step through the hyperplanes one by one; at first there are as many as the shown levels of the run have bits."""
    param = address.PLANES.below(other.n_bits + 1)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.slider("Hyperplanes", 1, other.n_bits, key="planes",
                  on_change=pickers.shows(param, "planes", planes))
        st.button("One more", icon=":material/add:", key="plane_more", disabled=planes >= other.n_bits,
                  on_click=lambda: address.write(param, planes + 1))


def item_place(codes: Codes, other: Reference) -> None:
    """Where the item that was chosen on any page lies in both trees."""
    item = address.read(address.ITEM.below(codes.cat.n_items))
    if item is None:
        return
    own, places = reports.place_summary(codes, other, item)
    with st.container(horizontal=True, vertical_alignment="center"):
        title = layout.plain(str(codes.cat.items["title"].iloc[item]))
        st.markdown(f"The chosen item **{title}** {places} in {layout.plain(other.title)}.", width="content")
        if own:
            st.button("Show its branch", icon=":material/zoom_in:", key="to_branch", type="tertiary",
                      on_click=lambda: address.write(address.BRANCH, own.split("-")[0]))


def branch_card(shown: Branch) -> None:
    """What the chosen branch holds."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.text_input("Show a branch", placeholder="such as 12 or 12-7", key="branch_text", max_chars=80, width=260,
                      on_change=state.show("branch_text", shown.requested,
                                           lambda text: address.write(address.BRANCH, text.strip())))
        st.button("The whole tree", icon=":material/zoom_out:", key="whole_tree", disabled=not shown.requested,
                  on_click=lambda: address.forget(address.BRANCH))
    if shown.row is None:
        st.caption("Click a branch of the left tree, or type its codes." if not shown.requested
                   else f"No item has an ID with the prefix {layout.plain(shown.requested)}.")
        return
    below = counted(shown.n_children, "branch", "branches")
    st.markdown(f"**Branch {shown.requested}**: {counted(shown.n_items, 'item')}, {below} below."
                + (f" The table has the {len(shown.items):,} of the sample." if len(shown.items) < shown.n_items else ""))
    items.table(shown.items.head(SHOWN), f"branch_items:{shown.row}", height=280)
    exports.csv_button(shown.items, f"branch-{shown.requested}", "Items as CSV")
