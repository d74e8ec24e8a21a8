"""The Map page's parts: controls, the picture, the worker's progress, and what lies near the chosen item."""

from typing import Any

import pandas as pd
import streamlit as st

from tiger import jobs, maps, projection, runs
from tiger.plots import map as plot
from tiger.ui import exports, live, map_data, pipeline, shell, state
from tiger.ui.codebook_data import Codes
from tiger.ui.map_data import SPACES, View

GROUP_LIMIT = 200
BUTTONS = [["toImage", "pan2d", "lasso2d", "select2d", "zoomIn2d", "zoomOut2d", "resetScale2d"]]
BUTTONS_3D = [["toImage", "tableRotation", "pan3d", "zoom3d", "resetCameraDefault3d"]]
NEAR = {"input": ("Input space", "Cosine", "largest cosine of the embeddings"),
        "latent": ("Latent space", "Distance", "smallest distance of what is quantised"),
        "id": ("ID space", "Codes shared", "longest shared beginning; equals by input cosine")}


def controls(codes: Codes) -> tuple[View, int]:
    """Space, layout, axes and level; all of them stand in the address."""
    known = maps.spaces(codes.run)
    shown = [word for word, space in SPACES.items() if space in known]
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        space = st.segmented_control("Space", shown, default=shown[0], required=True, key="space", bind="query-params",
                                     help="Embeddings that came in, what the quantizer cuts into codes, or what the "
                                          "codes give back.")
        method = st.segmented_control("Layout", ["PCA", "UMAP"], default="PCA", required=True, key="layout",
                                      bind="query-params", help="PCA at once; UMAP is computed by a worker and kept.")
        axes = st.segmented_control("Axes", ["2-D", "3-D"], default="2-D", required=True, key="axes",
                                    bind="query-params")
        seed = 0
        if method == "UMAP":
            seed = st.number_input("Seed", 0, 999, key="seed", bind="query-params", width=120)
        level = 1
        if codes.n_levels > 1:
            asked = state.number_or("level", codes.n_levels + 1, 1)
            st.session_state["map_level"] = min(max(asked, 1), codes.n_levels)
            level = st.select_slider("Coloured by the first … codes", range(1, codes.n_levels + 1), key="map_level",
                                     on_change=lambda: state.put_number("level", st.session_state["map_level"]))
    return View(SPACES[space or shown[0]], method or "PCA", 3 if axes == "3-D" else 2, int(seed)), int(level)


def picture(codes: Codes, view: View, level: int, item: int) -> None:
    """The map itself; a click or a lasso chooses items."""
    where, as_asked = map_data.layout(codes, view)
    frame = map_data.frame(codes, view, level)
    words = picture_words(codes, view if as_asked else View(view.space, "PCA", view.n_dims, 0), level, frame, where)
    if len(where.row_N) > projection.DRAWN_LIMIT and view.n_dims == 2:
        st.plotly_chart(map_data.density(where, words), key="density", alt=words, config=exports.config("density"))
    flat, here = view.n_dims == 2, f"{codes.key}:{view}:{level}:{as_asked}"
    ring, group = _rings(here, item, tuple(lassoed(codes)))
    figure = plot.ringed(map_data.figure(codes, view, level, words, frame), frame[frame["item"] == ring],
                         frame[frame["item"].isin(group)])
    name = f"map-{codes.run.id}-{view.space}"
    st.plotly_chart(figure, key="map", alt=words, on_select=(lambda: _picked(codes, here, item)) if flat else "ignore",
                    selection_mode=("points", "lasso", "box"),
                    config=exports.config(name, scrollZoom=True, modeBarButtons=BUTTONS if flat else BUTTONS_3D))
    st.caption(shell.plain(words) + ("" if flat else " In 3-D choose an item by search; clicks choose in 2-D."))
    exports.under(figure, name, map_data.table(codes, frame.head(1000)), len(frame),
                  lambda: map_data.table(codes, frame))


def picture_words(codes: Codes, view: View, level: int, frame: pd.DataFrame, where: projection.Layout) -> str:
    """The map's takeaway in a sentence or two: its alt text and its caption."""
    n_codes = map_data.n_first_codes(codes)
    words = (f"{view.method} of the {maps.SPACES[view.space]} of {codes.cat.n_items:,} items; hue and shape stand for "
             f"the {n_codes} codes of level 1" + (f", shades for level {level}." if level > 1 else "."))
    if where.explained_D is not None and view.method == "PCA":
        words += f" The axes hold {where.explained_D.sum():.0%} of the variance."
    if len(frame) < codes.cat.n_items:
        words += (f" Drawn is a sample of {len(frame):,} items, of every code as many as its share"
                  + ("; the density above it counts all." if view.n_dims == 2 else "."))
    return words


def _rings(here: str, item: int, group: tuple[int, ...]) -> tuple[int, tuple[int, ...]]:
    """What the figure rings: the chosen items, unless they were chosen on this very figure.

    Then the browser marks them itself and the figure stays as it is: Streamlit builds a Plotly chart anew whenever
    its figure changes, which takes time and forgets the zoom.
    """
    if st.session_state.get("map_by_hand") != (here, item, group):
        st.session_state["map_rings"] = item, group
    return st.session_state.get("map_rings", (item, group))


def _picked(codes: Codes, here: str, item: int) -> None:
    points = st.session_state["map"]["selection"]["points"]
    numbers = [int(point["customdata"][0] if isinstance(point["customdata"], list | tuple) else point["customdata"])
               for point in points if point.get("customdata") is not None]
    if len(set(numbers)) == 1:
        item = numbers[0]
        state.put_number("item", item)
    elif numbers:
        inside = sorted(set(numbers))
        step = max(1, -(-len(inside) // GROUP_LIMIT))
        st.query_params["group"] = "-".join(map(str, inside[::step]))
        if step > 1:
            state.notice(f"{len(inside):,} items are chosen; the list below shows one in {step} of them.")
    st.session_state["map_by_hand"] = (here, item, tuple(lassoed(codes))) if numbers else None


def lassoed(codes: Codes) -> list[int]:
    """Items that the lasso chose, from the address; what is no item number is left out."""
    parts = st.query_params.get("group", "")[:4000].split("-")
    found = [int(part) for part in parts if part.isascii() and part.isdigit() and len(part) < 10]
    return [number for number in found if number < codes.cat.n_items][:GROUP_LIMIT]


def umap_missing(codes: Codes, view: View) -> bool:
    """Whether UMAP is asked for and not there."""
    return not map_data.layout(codes, view)[1]


def umap_progress(codes: Codes, view: View) -> None:
    """Start the worker where nobody has, say how far it is, and show the map as soon as it is there."""
    if not umap_missing(codes, view):
        st.rerun()
    parent = codes.run if view.space != "input" else None
    config = maps.request(state.dataset_ref(), parent, view.space, view.umap)
    run = maps.running(config["projection"]["key"]) or _submit(config)
    if run is None:
        return
    status = run.status
    if status["state"] in live.ACTIVE:
        live.progress(status)
        st.caption("PCA is shown until UMAP is there. Its first run on a machine compiles for half a minute.")
        return
    st.warning(shell.plain(f"UMAP ended without a map ({status['state']}). {status['message']}"))
    if st.button("Compute it again", icon=":material/refresh:", key="umap_again"):
        _submit(config)


def _submit(config: dict[str, Any]) -> runs.Run | None:
    """Queue the worker; None, and the queue's own words on why, where it takes no more."""
    try:
        return jobs.supervisor().submit(config)
    except (ValueError, TimeoutError) as error:
        st.warning(shell.plain(f"UMAP waits, and PCA is shown: {error}"), icon=":material/hourglass_empty:")
        return None


def item_card(codes: Codes, item: int) -> None:
    """The chosen item: title, semantic ID, category."""
    row = codes.cat.items.iloc[item]
    st.subheader(shell.plain(row["title"] or f"Item {item}"), anchor=False)
    st.caption(shell.plain(" · ".join(filter(None, [f"item {item}", f"id {row['item_id']}", row["category"]]))))
    st.html(pipeline.CSS + pipeline.chips(codes.codes_IL[item]))
    same = (codes.codes_IL == codes.codes_IL[item]).cumprod(axis=1).sum(axis=0) - 1
    st.markdown("Others with the same beginning: " + ", ".join(f"**{n:,}** share {depth} code{'s' * (depth > 1)}"
                                                               for depth, n in enumerate(same.tolist(), 1)))


def near(codes: Codes, item: int) -> None:
    """The exact neighbours in three spaces side by side; a row chooses that item."""
    st.subheader("Its nearest items, three times", anchor=False)
    found = maps.nearby(codes.cat, item, codes.codes_IL, map_data.latent(codes), unit_IE=map_data.unit(codes.cat))
    for (space, frame), column in zip(found.items(), st.columns(len(found), gap="medium"), strict=True):
        title, value, how = NEAR[space]
        with column:
            st.markdown(f"**{title}**: {how}")
            both = int(frame["in_input"].sum())
            st.dataframe(frame, key=f"near:{space}:{item}", hide_index=True, selection_mode="single-row",
                         on_select=lambda space=space, frame=frame: _row(f"near:{space}:{item}", frame["item"]),
                         column_config={"item": None, "title": st.column_config.TextColumn("Title", width=170),
                                        "semantic_id": "ID", "value": st.column_config.NumberColumn(value, format="%.3g"),
                                        "in_input": None if space == "input" else "In input's 10"})
            if space != "input":
                st.caption(f"{both} of {len(frame)} are among the nearest in the input.")
            exports.csv_button(frame, f"near-{space}-{item}", "CSV")


def group_table(codes: Codes) -> None:
    """The items that the lasso chose, and the codes that they begin with."""
    items = lassoed(codes)
    if not items:
        return
    st.subheader(f"{len(items):,} items from the lasso", anchor=False)
    frame = pd.DataFrame({"item": items, "title": codes.cat.items["title"].to_numpy()[items],
                          "category": codes.cat.items["category"].to_numpy()[items],
                          "semantic_id": [maps.id_text(row) for row in codes.codes_IL[items].tolist()]})
    st.dataframe(frame, key="group", hide_index=True, height=260, selection_mode="single-row",
                 on_select=lambda: _row("group", frame["item"]))
    with st.container(horizontal=True):
        exports.csv_button(frame, "lasso", "CSV")
        st.button("Forget these", icon=":material/close:", type="tertiary", key="forget",
                  on_click=_forget)


def _forget() -> None:
    st.query_params.pop("group", None)


def _row(key: str, items: pd.Series) -> None:
    rows = st.session_state[key]["selection"]["rows"]
    if rows:
        state.put_number("item", int(items.iloc[rows[0]]))
