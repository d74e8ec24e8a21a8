"""The Tree page's comparisons: numbers side by side, disagreements, and the difference up to renaming."""

import numpy as np
import pandas as pd
import streamlit as st

from tiger.analysis import tree
from tiger.plots import tree as plot
from tiger.reports.codes import Codes
from tiger.reports.items import id_text
from tiger.ui.shared import exports, layout, state
from tiger.ui.tree import data as tree_data
from tiger.ui.tree import numbers as numbers_data
from tiger.ui.tree.data import Other
from tiger.ui.tree.view import item_row


def numbers(codes: Codes, other: Other, level: int) -> None:
    """Every number side by side, with intervals, and the three that matter as curves."""
    frame, sizes = numbers_data.numbers(codes, other)
    wide = table(frame)
    st.dataframe(wide, hide_index=True, height=min(36 * len(wide) + 40, 640), key="side_by_side")
    exports.csv_button(frame, "side-by-side", "All numbers as CSV")
    seeds_line(codes, frame)
    figures = [("recall", "recall_chance", "True neighbours on the same branch"),
               ("purity", "purity_null", "Purity"), ("nmi", "nmi_null", "Mutual information")]
    figures = [figure for figure in figures if (frame["measure"] == figure[0]).any()]
    for (value, null, title), column in zip(figures, st.columns(len(figures), gap="medium"), strict=True):
        with column:
            words = curve_summary(frame, value, title)
            st.markdown(f"**{title}** (dotted: by chance)")
            figure = plot.by_level(frame, value, null, words)
            st.plotly_chart(figure, key=f"curve:{value}", alt=words, config=exports.config(value))
            exports.under(figure, f"curve-{value}", frame[frame["measure"].isin([value, null])])
    fullness(sizes[sizes["level"] == level], level)


def seeds_line(codes: Codes, frame: pd.DataFrame) -> None:
    """How many seeds stand behind each interval, and a way to more of them."""
    seeds = frame.groupby("set", sort=False)["seeds"].max()
    counts = ", ".join(f"{name}: n = {n}" for name, n in seeds.items())
    st.caption("In brackets: 95 % interval over seeds (" + layout.plain(counts)
               + "); with one seed, over the sampled items. Neighbours: the 10 nearest by cosine of "
               f"{numbers_data.N_QUERIES} items that have an ID in both. Labels: {tree_data.labels(codes.cat)[1] or 'none'}.")
    missing = numbers_data.missing_seeds(codes.run)
    if missing:
        st.button(f"Train {len(missing)} more seed{'s' * (len(missing) > 1)}", icon=":material/casino:", key="more_seeds",
                  help="The same run with other seeds, one after another in the queue; the intervals widen to what "
                       "the method does, not one run.", on_click=_more_seeds, args=(codes, missing))


def _more_seeds(codes: Codes, missing: list[int]) -> None:
    try:
        numbers_data.train_seeds(codes.run, missing)
        state.notice(f"{len(missing)} runs wait or train now; come back when they have finished.")
    except (ValueError, TimeoutError) as error:
        state.notice(str(error))


def fullness(sizes: pd.DataFrame, level: int) -> None:
    """Branch sizes from the fullest down."""
    top = sizes[sizes["rank"] == 1].set_index("set")["size"]
    words = (f"Branch sizes at level {level}, from the fullest down; a flat line is an even tree. The fullest: "
             + ", ".join(f"{name} {size:,} items" for name, size in top.items()) + ".")
    st.markdown(f"**How full are the branches?** {layout.plain(words)}")
    figure = plot.sizes(sizes, words)
    st.plotly_chart(figure, key="sizes", alt=words, config=exports.config("branch-sizes"))
    exports.under(figure, "branch-sizes", sizes)


def curve_summary(frame: pd.DataFrame, value: str, title: str) -> str:
    """A curve's takeaway: each set's score at level 1 and at the last."""
    part = frame[frame["measure"] == value]
    said = [f"{name} {_share(group['mean'].iloc[0])} at level 1, {_share(group['mean'].iloc[-1])} at level "
            f"{group['level'].iloc[-1]}"
            for name, group in part.groupby("set", sort=False)]
    return f"{title}: {'; '.join(said)}."


def table(frame: pd.DataFrame) -> pd.DataFrame:
    """One row a measure and level, one column a set: "0.62 [0.60, 0.65]"."""
    def text(row: pd.Series) -> str:
        mean = _short(row["mean"])
        if not np.isfinite(row["low"]):
            return mean
        return f"{mean} [{_short(row['low'])}, {_short(row['high'])}]"

    shown = frame.assign(text=frame.apply(text, axis=1), order=frame["measure"].map(list(tree.MEASURES).index))
    wide = shown.pivot_table(index=["order", "measure", "level"], columns="set", values="text", aggfunc="first")
    wide = wide[list(dict.fromkeys(frame["set"]))].fillna("").reset_index().sort_values(["order", "level"])
    wide.insert(1, "what", [f"{title} ({unit})" if unit else title
                            for title, unit, _ in wide["measure"].map(tree.MEASURES)])
    return wide.drop(columns=["order", "measure"]).rename(columns={"what": "Measure", "level": "Level"})


def _short(value: float) -> str:
    """Three digits, and no powers of ten."""
    if not np.isfinite(value):
        return "unknown"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) >= 0.001 or value == 0 else "< 0.001"


def _share(value: float) -> str:
    return f"{value:.0%}" if np.isfinite(value) else "unknown"


def disagreements(codes: Codes, other: Other, level: int) -> None:
    """Pairs that one set keeps together and the other parts, both ways round."""
    rank = st.segmented_control("List", ["Most alike", "Least alike"], default="Most alike", required=True,
                                key="pairs", bind="query-params")
    for together, column in zip((True, False), st.columns(2, gap="medium"), strict=True):
        found = tree_data.disagreement(codes, other, level, together, rank == "Most alike")
        one, two = (other.title, codes.run.title) if together else (codes.run.title, other.title)
        with column:
            st.subheader(layout.plain(f"Together in {one}, apart in {two}"), anchor=False)
            share = found.n_pairs / max(found.n_together, 1)
            st.markdown(f"**{found.n_pairs:,}** of the {found.n_together:,} pairs that share their first {level} "
                        f"code{'s' * (level > 1)} there ({share:.0%}).")
            titles, ids = codes.cat.items["title"].to_numpy(), codes.codes_IL.tolist()
            frame = found.pairs.assign(
                title_a=titles[found.pairs["item_a"]], title_b=titles[found.pairs["item_b"]],
                id_a=[id_text(ids[item]) for item in found.pairs["item_a"]],
                id_b=[id_text(ids[item]) for item in found.pairs["item_b"]])
            frame = frame[["cosine", "title_a", "title_b", "id_a", "id_b", "item_a", "item_b"]]
            st.dataframe(frame, key=f"pairs:{together}", hide_index=True, height=420, selection_mode="single-row",
                         on_select=lambda together=together, frame=frame: item_row(f"pairs:{together}", frame["item_a"]),
                         column_config={"cosine": st.column_config.NumberColumn("Cosine", format="%.2f", width=70),
                                        "title_a": "Item", "title_b": "And", "id_a": "Its ID", "id_b": "Its ID ",
                                        "item_a": None, "item_b": None})
            exports.csv_button(frame, f"pairs-{'theirs' if together else 'own'}-{level}", "Pairs as CSV")
            if found.n_seen < found.n_pairs:
                st.caption(f"The list is picked from a sample of {found.n_seen:,} pairs.")


def difference(codes: Codes, other: Other) -> None:
    """Which items moved between the two trees, once codes are matched up to renaming."""
    found, summary = tree_data.matching(codes, other)
    st.markdown("Codes are only names: first they are paired so that as many items as possible stay together, level by "
                "level down the tree. What is left moved.")
    shown = summary.rename(columns={"level": "Level", "stayed": "Items that stay", "moved": "Move at this level",
                                    "stayed_share": "Stay", "chance_share": "Stay by chance", "pairs": "Paired branches"})
    percent = st.column_config.NumberColumn(format="percent")
    st.dataframe(shown, hide_index=True, column_config={"Stay": percent, "Stay by chance": percent})
    levels = [f"Level {level}" for level in range(1, found.n_levels + 1)]
    where = st.segmented_control("Items that moved at", levels, default=levels[0], required=True, key="moved",
                                 bind="query-params")
    items = np.flatnonzero(found.moved_at_I == levels.index(where or levels[0]) + 1)
    frame = pd.DataFrame({
        "item": items, "title": codes.cat.items["title"].to_numpy()[items],
        "id_here": [id_text(row) for row in codes.codes_IL[items].tolist()],
        "id_there": [id_text(row) for row in other.codes_IL[items].tolist()]})
    st.markdown(f"**{len(items):,} items** moved at {(where or levels[0]).lower()}.")
    st.dataframe(frame.head(1000), key=f"moved:{where}", hide_index=True, height=320, selection_mode="single-row",
                 on_select=lambda: item_row(f"moved:{where}", frame["item"]),
                 column_config={"item": None, "title": "Title", "id_here": "ID here", "id_there": "ID there"})
    exports.csv_button(frame, f"moved-{where}", "Moved items as CSV")
