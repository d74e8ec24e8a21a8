"""The Tree page's trees: two side by side, the hyperplanes one by one, and what a branch holds."""

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from tiger import runs
from tiger.analysis import tree
from tiger.plots import colours
from tiger.plots import tree as plot
from tiger.reports.codes import Codes
from tiger.reports.items import id_text
from tiger.ui.shared import exports, layout, state
from tiger.ui.tree import data as tree_data
from tiger.ui.tree.data import Other

AGAINST = ("LSH", "Another run", "Categories")
ROOT_COLOUR = "#8C8C8C"
ITEMS = {"item": None, "title": "Title", "category": "Category", "semantic_id": "ID"}


def pick_other(codes: Codes) -> Other | None:
    """What to compare with; None, and why, where there is nothing of that kind."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        kind = st.segmented_control("Beside it", AGAINST, default="LSH", required=True, key="against",
                                    bind="query-params")
        if kind == "Another run":
            found = tree_data.other_runs(codes)
            if not found:
                st.caption("This dataset has no other finished run; train a second one with another seed.")
                return None
            return tree_data.of_run(found[_other_id(codes, found)], codes.cat)
        if kind not in AGAINST[1:]:
            seed = st.number_input("LSH seed", 0, 999, key="lsh_seed", bind="query-params", width=120,
                                   help="Other hyperplanes, drawn at random.")
            return tree_data.lsh(codes, int(seed))
    if not tree_data.has_categories(codes.cat):
        st.caption("This dataset names no categories, so there is no such tree.")
        return None
    return tree_data.categories(codes.cat)


def _other_id(codes: Codes, found: dict[str, runs.Run]) -> str:
    """Id of the run to compare with; it stands in the address, and one that is not there is said."""
    asked, first = st.query_params.get("other_run"), next(iter(found))
    if asked and asked not in found:
        if asked != codes.run.id:
            state.notice(f"No other finished run '{asked[:60]}' of this dataset exists here. Comparing with "
                         f"'{found[first].title}' instead.")
        st.query_params.pop("other_run", None)
    titles = [run.title for run in found.values()]
    words = {run_id: run.title if titles.count(run.title) == 1 else f"{run.title} ({run_id})"
             for run_id, run in found.items()}
    st.session_state["pick_other"] = asked if asked in found else first
    return st.selectbox("Run to compare", list(found), format_func=words.__getitem__, key="pick_other", width=320,
                        on_change=_keep_other)


def _keep_other() -> None:
    st.query_params["other_run"] = st.session_state["pick_other"]


def pick_level(codes: Codes) -> int:
    """How many codes count; in the address."""
    if codes.n_levels == 1:
        return 1
    asked = state.number_or("level", codes.n_levels + 1, min(2, codes.n_levels))
    st.session_state["tree_level"] = min(max(asked, 1), codes.n_levels)
    return int(st.select_slider("Levels that count", range(1, codes.n_levels + 1), key="tree_level",
                                on_change=lambda: state.put_number("level", st.session_state["tree_level"])))


def trees(codes: Codes, other: Other, level: int) -> None:
    """Both trees; a click on a branch of the run's tree shows what it holds."""
    kind = st.segmented_control("Drawn as", list(plot.KINDS), default="Icicle", required=True, key="drawn",
                                bind="query-params") or "Icicle"
    left, right = st.columns(2, gap="medium")
    with left:
        st.subheader(layout.plain(codes.run.title), anchor=False)
        key, root = own_key(codes), _branch(codes)[1] or 0
        frame = tree_data.drawn(key, codes.codes_IL, level, codes.cat, root)
        words = f"{codes.run.title}, {level} of {codes.n_levels} levels"
        if root:
            words = f"{codes.run.title}, below branch {frame['prefix'].iloc[0]}"
        _tree(frame, kind, "own_tree", f"{key}:{level}:{root}", words)
    with right:
        st.subheader(layout.plain(other.title), anchor=False)
        shown_IL, depth, planes = other.codes_IL, level, 0
        if other.kind == "LSH":
            planes = _planes(codes, other, level)
            shown_IL, depth = tree_data.bits(other), planes
        key = f"{other.key}:{'bits' if planes else ''}"
        frame = tree_data.drawn(key, shown_IL, depth, codes.cat)
        words = f"{other.title} after {planes} hyperplanes" if planes else f"{other.title}, {depth} levels"
        _tree(frame, kind, "other_tree", f"{key}:{depth}", words, fullest_first=not planes)
    if other.kind == "LSH":
        _splits(other, planes)
    chosen_item(codes, other)
    branch_card(codes)


def _planes(codes: Codes, other: Other, level: int) -> int:
    """Step through the hyperplanes one by one."""
    if other.bits == 1:
        return 1
    asked = state.number_or("planes", other.bits + 1, min(4, other.bits))
    st.session_state["planes"] = max(asked, 1)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.slider("Hyperplanes", 1, other.bits, key="planes",
                  on_change=lambda: state.put_number("planes", st.session_state["planes"]))
        st.button("One more", icon=":material/add:", key="plane_more", disabled=asked >= other.bits,
                  on_click=lambda: state.put_number("planes", min(max(asked, 1) + 1, other.bits)))
    return max(asked, 1)


def _splits(other: Other, planes: int) -> None:
    frame = tree_data.splits(other)
    row = frame.astype({"possible": "int64"}).to_dict("records")[planes]
    words = (f"After {planes} hyperplanes there are {row['buckets']:,} buckets of {row['possible']:,} possible; the "
             f"fullest holds {row['largest']:,} items, and {row['alone']:,} items are alone. The last plane cut "
             f"{row['split']:,} buckets in two.")
    st.markdown(words)
    figure = _splits_figure(f"{state.dataset().id}:{other.key}", planes, words, frame)
    st.plotly_chart(figure, key="splits", alt=words, config=exports.config("hyperplanes"))
    exports.under(figure, "hyperplanes", frame)


@st.cache_resource(max_entries=64, show_spinner=False)
def _splits_figure(key: str, planes: int, words: str, _frame: pd.DataFrame) -> go.Figure:
    return plot.splits(_frame, planes, words)


def _tree(frame: pd.DataFrame, kind: str, key: str, codes_key: str, title: str, fullest_first: bool = True) -> None:
    real = frame[(frame["rest"] == 0) & (frame["level"] > 0)]
    last = real[real["level"] == real["level"].max()]
    words = f"{title}: {len(last):,} of the deepest branches drawn, the fullest holds {last['size'].max():,} items."
    if (frame["rest"] > 0).any():
        words += f" “{tree.branches.REST}” stands for {frame['rest'].sum():,} smaller branches."
    figure = _figure(f"{state.dataset().id}:{codes_key}", kind, words, fullest_first, frame)
    st.plotly_chart(figure, key=f"{key}:{kind}", alt=words, selection_mode="points",
                    on_select=(lambda: _clicked(f"{key}:{kind}", frame)) if key == "own_tree" else "ignore",
                    config=exports.config(key))
    st.caption(layout.plain(words))
    exports.under(figure, f"{key}-branches", frame.drop(columns=["row", "parent", "code"]))


@st.cache_resource(max_entries=64, show_spinner=False)
def _figure(key: str, kind: str, words: str, fullest_first: bool, _frame: pd.DataFrame) -> go.Figure:
    return plot.branches(_labelled(_frame), kind, words, fullest_first)


def _labelled(frame: pd.DataFrame) -> pd.DataFrame:
    """What stands in and over each branch, and its colour."""
    name = frame["prefix"].where(frame["level"] > 0, "all items")
    last = name.str.rsplit("-", n=1).str[-1].where(frame["parent"] >= 0, name)
    word = frame["words"].str.split(", ").str[0].map(lambda text: f" {text}" if text else "")
    hover = [f"<b>{title}</b><br>{size:,} items" + "".join(f"<br>{text.replace('> ', '› ')}" for text in more if text)
             for title, size, *more in zip(name, frame["size"], frame["words"], frame["categories"], strict=True)]
    return frame.assign(label=last + word, hover=hover, colour=_colours(frame))


def _colours(frame: pd.DataFrame) -> list[str]:
    """Hues below the root, their shades below those, tints deeper down; a "…" is a pale form of its parent."""
    names, found = colours.palette(), {}
    look: dict[int, tuple[int, ...]] = {}
    rank = frame.groupby("parent").cumcount()
    for row, parent, place, rest in zip(frame["row"], frame["parent"], rank, frame["rest"], strict=True):
        if parent < 0:  # the root comes first, and parents before their children
            look[row], found[row] = (), ROOT_COLOUR
        elif rest:
            found[row] = colours.paler(found[parent])
        else:
            look[row] = (*look[parent][:2], place)
            found[row] = names[colours.place(*look[row])]
    return [found[row] for row in frame["row"]]


def _clicked(key: str, frame: pd.DataFrame) -> None:
    points = st.session_state[key]["selection"]["points"]
    if points:
        name = points[0].get("id") or str(points[0].get("customdata"))
        hit = frame[frame["row"].astype(str) == str(name)]
        if len(hit) and hit["level"].iloc[0] > 0 and hit["rest"].iloc[0] == 0:
            _go(str(hit["prefix"].iloc[0]))


def own_key(codes: Codes) -> str:
    """Names the run's tree in caches."""
    return f"own:{codes.run.id}:{codes.step}:{codes.run.status.attempt}"


def _branch(codes: Codes) -> tuple[str, int | None]:
    """The branch that the address names, and its row in the run's tree; None where nobody has such an ID."""
    asked = st.query_params.get("branch", "")[:80]
    parts = asked.split("-") if asked else []
    known = parts and all(part.isascii() and part.isdigit() and len(part) < 8 for part in parts)
    if not known or len(parts) > codes.n_levels:
        return asked, None
    return asked, tree_data.branches(own_key(codes), codes.codes_IL).row_of([int(part) for part in parts])


def chosen_item(codes: Codes, other: Other) -> None:
    """Where the item that was chosen on any page lies in both trees."""
    item = state.number("item", codes.cat.n_items)
    if item is None:
        return
    own, theirs = codes.codes_IL[item].tolist(), other.codes_IL[item].tolist()
    with st.container(horizontal=True, vertical_alignment="center"):
        here = f"lies at **{id_text(own)}** here" if own[0] >= 0 else "has **no ID** here"
        there = f"at **{id_text(theirs)}**" if theirs[0] >= 0 else "has none"
        there += f" in {layout.plain(other.title)}"
        st.markdown(f"The chosen item **{layout.plain(str(codes.cat.items['title'].iloc[item]))}** {here} and "
                    f"{'lies ' if own[0] < 0 <= theirs[0] else ''}{there}.", width="content")
        if own[0] >= 0:
            st.button("Look into its first branch", icon=":material/zoom_in:", key="to_branch", type="tertiary",
                      on_click=lambda: _go(str(own[0])))


def branch_card(codes: Codes) -> None:
    """What the chosen branch holds."""
    asked, row = _branch(codes)
    st.session_state["branch_text"] = asked
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.text_input("Look into a branch", placeholder="such as 12 or 12-7", key="branch_text", max_chars=80,
                      width=260, on_change=lambda: _go(st.session_state["branch_text"].strip()))
        st.button("The whole tree", icon=":material/zoom_out:", key="whole_tree", disabled=not asked,
                  on_click=lambda: _go(""))
    if row is None:
        st.caption("Click a branch of the left tree, or type its codes." if not asked
                   else f"No item has an ID that begins with {layout.plain(asked)}.")
        return
    found = tree_data.branches(own_key(codes), codes.codes_IL)
    items = found.items(row)
    frame = pd.DataFrame({"item": items, "title": codes.cat.items["title"].to_numpy()[items],
                          "category": codes.cat.items["category"].to_numpy()[items],
                          "semantic_id": [id_text(line) for line in codes.codes_IL[items].tolist()]})
    st.markdown(f"**Branch {asked}**: {len(items):,} items, {found.n_children_P[row]:,} branches below.")
    st.dataframe(frame.head(500), key=f"branch_items:{row}", hide_index=True, height=280, column_config=ITEMS,
                 on_select=lambda: item_row(f"branch_items:{row}", frame["item"]), selection_mode="single-row")
    exports.csv_button(frame, f"branch-{asked}", "Items as CSV")


def _go(branch: str) -> None:
    """Look into a branch from now on; the empty one is the whole tree."""
    if branch:
        st.query_params["branch"] = branch
    else:
        st.query_params.pop("branch", None)


def item_row(key: str, items: pd.Series) -> None:
    """Choose the item of the picked row for all pages."""
    rows = st.session_state[key]["selection"]["rows"]
    if rows:
        state.put_number("item", int(items.iloc[rows[0]]))
