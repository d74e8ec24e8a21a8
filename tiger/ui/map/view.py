"""The Map page's upper part: controls, the picture and what it says, and the worker's progress."""

from dataclasses import replace

import pandas as pd
import streamlit as st

from tiger import runs
from tiger.plots import map as plot
from tiger.reports.codes import Codes
from tiger.runs import layouts, supervisor
from tiger.runs.records import RunConfig
from tiger.ui.map import data as map_data
from tiger.ui.map import items as map_items
from tiger.ui.map import words as map_summary
from tiger.ui.map.data import SPACES, View
from tiger.ui.shared import exports, layout, live, state
from tiger.ui.tree import data as tree_data

COLOURS = ("ID prefix", "Category")
BUTTONS = [["toImage", "pan2d", "lasso2d", "select2d", "zoomIn2d", "zoomOut2d", "resetScale2d"]]
BUTTONS_3D = [["toImage", "tableRotation", "pan3d", "zoom3d", "resetCameraDefault3d"]]


def controls(codes: Codes) -> tuple[View, int]:
    """Space, layout, axes and level; all of them stand in the address."""
    known = layouts.spaces(codes.run)
    shown = [word for word, space in SPACES.items() if space in known]
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        space = st.segmented_control("Space", shown, default=shown[0], required=True, key="space", bind="query-params",
                                     help="Embeddings that came in, what the quantizer cuts into codes, or what the "
                                          "codes give back.")
        method = st.segmented_control("Layout", ["PCA", "UMAP"], default="PCA", required=True, key="layout",
                                      bind="query-params", help="PCA at once; UMAP is computed by a worker and kept.")
        axes = st.segmented_control("Axes", ["2-D", "3-D"], default="2-D", required=True, key="axes",
                                    bind="query-params")
        seed, colour = 0, COLOURS[0]
        if method == "UMAP":
            seed = st.number_input("Seed", 0, 999, key="seed", bind="query-params", width=120)
        if tree_data.has_categories(codes.cat):
            colour = st.segmented_control("Colour by", COLOURS, default=COLOURS[0], required=True, key="colour",
                                          bind="query-params") or COLOURS[0]
        view = View(SPACES[space or shown[0]], method or "PCA", 3 if axes == "3-D" else 2, int(seed), colour)
        return view, _level(codes, map_data.prefixes(codes, view)[0].shape[1], colour)


def _level(codes: Codes, n_levels: int, colour: str) -> int:
    """How many levels count; one that only the IDs or only the categories have is no error."""
    if n_levels == 1:
        return 1
    asked = state.number_or("level", max(n_levels, codes.n_levels) + 1, 1)
    st.session_state["map_level"] = min(asked, n_levels)
    of_what = "codes" if colour == COLOURS[0] else "category levels"
    return int(st.select_slider(f"Coloured by the first … {of_what}", range(1, n_levels + 1), key="map_level",
                                on_change=lambda: state.put_number("level", st.session_state["map_level"])))


def picture(codes: Codes, view: View, level: int, item: int) -> None:
    """The map itself; a click or a lasso chooses items."""
    where, as_asked = map_data.layout(codes, view)
    if map_data.shows_density(codes.cat.n_items, view.n_dims):
        _density(codes, view)
    flat, here = view.n_dims == 2, f"{codes.run.id}:{codes.step}:{view}:{level}:{as_asked}"
    ring, group = _rings(here, item, tuple(map_items.lassoed(codes)[0]))
    frame = map_data.frame(codes, view, level)
    more = map_data.more(codes, view, level, frame, (ring, *group))
    words = map_summary.picture(codes, view if as_asked else replace(view, method="PCA"), level, len(frame), where)
    drawn = pd.concat([frame, more], ignore_index=True) if len(more) else frame
    figure = plot.ringed(map_data.figure(codes, view, level, words, frame), drawn[drawn["item"] == ring],
                         drawn[drawn["item"].isin(group)], more)
    name = f"map-{codes.run.id}-{view.space}"
    st.plotly_chart(figure, key="map", alt=words, on_select=(lambda: _picked(codes, here, item)) if flat else "ignore",
                    selection_mode=("points", "lasso", "box"),
                    config=exports.config(name, scrollZoom=True, modeBarButtons=BUTTONS if flat else BUTTONS_3D))
    st.caption(layout.plain(words + map_summary.about_chosen(item, map_items.lassoed(codes)[0], frame, more) + (
        "" if flat else " In 3-D choose an item by search; clicks choose in 2-D.")))
    exports.under(figure, name, map_data.table(codes, drawn.head(1000)), len(drawn),
                  lambda: map_data.table(codes, drawn))


def _density(codes: Codes, view: View) -> None:
    words = (f"Density of all {codes.cat.n_items:,} items in the PCA of their {layouts.SPACES[view.space]}; the colours are "
             "logarithmic.")
    st.plotly_chart(map_data.density(codes, view.space, words), key="density", alt=words,
                    config=exports.config("density"))
    st.caption(layout.plain(words))


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
        state.put_group(sorted(set(numbers)))
    st.session_state["map_by_hand"] = (here, item, tuple(map_items.lassoed(codes)[0])) if numbers else None


def umap_missing(codes: Codes, view: View) -> bool:
    """Whether UMAP is asked for and not there."""
    return not map_data.layout(codes, view)[1]


def umap_progress(codes: Codes, view: View) -> None:
    """Start the worker where nobody has, say how far it is, and show the map as soon as it is there."""
    if not umap_missing(codes, view):
        st.rerun()
    parent = codes.run if view.space != "input" else None
    config = layouts.request(state.dataset_ref(), parent, view.space, view.umap)
    run = layouts.running(config) or _submit(config)
    if run is None:
        return
    status = run.status
    if status.state in live.ACTIVE:
        live.progress(status)
        st.caption("PCA is shown until UMAP is there. Its first run on a machine compiles for half a minute.")
        return
    st.warning(layout.plain(f"UMAP ended without a map ({status.state}). {status.message}"))
    if st.button("Compute it again", icon=":material/refresh:", key="umap_again"):
        _submit(config)


def _submit(config: RunConfig) -> runs.Run | None:
    """Queue the worker; None, and the queue's own words on why, where it takes no more."""
    try:
        return supervisor.current().submit(config)
    except (ValueError, TimeoutError) as error:
        st.warning(layout.plain(f"UMAP waits, and PCA is shown: {error}"), icon=":material/hourglass_empty:")
        return None
