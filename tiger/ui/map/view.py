"""The Map page: what is asked of it, the picture, one item beside its neighbours, the items of a lasso."""

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from tiger import runs
from tiger.analysis import projection
from tiger.analysis.projection import Layout
from tiger.core.words import counted
from tiger.datasets.catalogue import Catalogue
from tiger.metrics import unit_rows
from tiger.plots import map as plot
from tiger.reports import map as reports
from tiger.reports.codes import Codes
from tiger.reports.map import ChosenItem, MapView, Picture
from tiger.runs import layouts, supervisor
from tiger.runs.records import RunConfig
from tiger.ui.map import component
from tiger.ui.shared import address, caching, chips, exports, items, layout, live, pickers, sources, state
from tiger.ui.shared.once import once

SPACES = {"Input": "input", "Latent": "latent", "Reconstruction": "reconstruction"}
SHOWN = 1000  # rows of a table
NEAR = {"input": ("Input space", "Cosine", "largest cosine similarity of the embeddings"),
        "latent": ("Latent space", "Distance", "smallest Euclidean distance of the latent vectors"),
        "id": ("ID space", "Codes shared", "longest shared prefix; ties by cosine similarity")}


def controls(newest: Codes) -> MapView:
    """Read what is asked of the map; all of it stands in the address. The map itself changes its colours."""
    known = layouts.spaces(newest.run)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        space = pickers.segmented(address.SPACE, "Space", [word for word, space in SPACES.items() if space in known],
                                  help="The embeddings, the latent vectors that the quantizer assigns codes to, or their "
                                       "reconstruction from the codes.")
        first = "UMAP" if stored_first(newest, SPACES[space]) else "PCA"
        method = pickers.segmented(address.LAYOUT, "Layout", sorted(address.LAYOUT.options, key=lambda word: word != first),
                                   help="PCA is instant; UMAP is computed by a worker and stored.")
        n_dims = 3 if pickers.segmented(address.AXES, "Axes") == "3-D" else 2
        seed = pickers.number(address.SEED, "Seed", width=120) if method == "UMAP" else 0
    by_category = sources.has_categories(newest.cat) and address.read(address.COLOUR) == "Category"
    n_levels = sources.category_codes(newest.cat).shape[1] if by_category else newest.n_levels
    level = min(address.read(address.LEVEL.below(max(n_levels, newest.n_levels) + 1), 1), n_levels)
    return MapView(SPACES[space], method, n_dims, seed, by_category, level)


def stored_first(codes: Codes, space: str) -> bool:
    """Whether the map can begin with UMAP: the one of seed 0 is there already."""
    n_dims = 3 if address.read(address.AXES) == "3-D" else 2
    key = umap_key(codes, MapView(space, "UMAP", n_dims, 0, False, 1))
    return umap_of(codes.cat, key, n_dims) is not None


@caching.resource(6)
def vectors(cat: Catalogue, run: runs.Run | None, space: str) -> np.ndarray:
    """The items' vectors in one space."""
    return layouts.vectors(cat, run, space)


@caching.resource(4)
def unit(cat: Catalogue) -> np.ndarray:
    """The embeddings scaled to length 1."""
    return unit_rows(cat.embedding_IE)


@caching.resource(32)
def pca(cat: Catalogue, run: runs.Run | None, space: str, n_dims: int) -> Layout:
    """The PCA of all items in one space."""
    return projection.pca(vectors(cat, run, space), n_dims)


@caching.resource(32)
def stored_umap(key: str, written_ns: int) -> Layout | None:
    """A layout that a worker stored; ``written_ns`` tells a new file from an old one."""
    return layouts.find_layout(key)


def umap_key(codes: Codes, view: MapView) -> str:
    """Names the UMAP that a view asks for."""
    return layouts.layout_key(state.dataset_ref(), of_space(codes.run, view.space), view.space, view.umap,
                              codes.cat.content.digest)


def umap_of(cat: Catalogue, key: str, n_dims: int) -> Layout | None:
    """The UMAP of this name; None while no worker has stored it."""
    found = stored_umap(key, layouts.written_ns(key))
    fits = found is not None and found.place_ND.shape[1] == n_dims and found.row_N.max() < cat.n_items
    return found if fits else None


def of_space(run: runs.Run, space: str) -> runs.Run | None:
    """The run that a space's vectors come from; the input needs none."""
    return run if space != "input" else None


@caching.resource(12)
def answer(codes: Codes, asked: MapView, key: str, written_ns: int) -> tuple[Picture, dict[str, Any]]:
    """The map in all its colours, and as the browser takes it; ``key`` and ``written_ns`` tell its UMAP.

    Args:
        asked: with the colours of no view in particular, ``colourless``, so that one answer is enough for all of them.
    """
    cat, umap = codes.cat, umap_of(codes.cat, key, asked.n_dims) if asked.method == "UMAP" else None
    shown = reports.picture(codes, sources.codes_at(codes.run, cat), sources.category_codes(cat), sources.texts(cat),
                            asked, umap, pca(cat, of_space(codes.run, asked.space), asked.space, asked.n_dims))
    return shown, component.packed(shown, shown.drawn_N)


@caching.resource(64)
def finding(codes: Codes) -> str:
    """What the map shows of this run, in one line."""
    return reports.finding(codes)


def colourless(view: MapView) -> MapView:
    """What places depend on, and colours do not."""
    return replace(view, by_category=False, level=1)


@caching.resource(64)
def chosen_item(codes: Codes, item: int) -> ChosenItem:
    """One item on the map, for all visitors."""
    latent_IZ = None
    if "latent" in layouts.spaces(codes.run):
        latent_IZ = vectors(codes.cat, codes.run, "latent")
    return reports.chosen_item(codes, item, latent_IZ, unit(codes.cat))


def picture(codes: Codes, view: MapView, item: int) -> None:
    """The map itself; a click or a lasso chooses items. Until UMAP is there, PCA is shown and the worker's progress."""
    key = umap_key(codes, view)
    shown, points = answer(codes, colourless(view), key, layouts.written_ns(key))
    if shown.view.method != view.method:
        st.fragment(umap_progress, run_every=live.TICK_S)(codes, view)
    if shown.density is not None:
        found = shown.density
        st.plotly_chart(once(plot.density, found.count_yx, found.x_B, found.y_B, found.summary), key="density",
                        alt=found.summary, config=exports.config("density"))
        st.caption(layout.plain(found.summary))
    group = tuple(state.group(codes.cat.n_items)[0])
    added_N = shown.added((item, *group))
    at_N = np.concatenate([shown.drawn_N, added_N])
    if len(added_N):
        points = component.packed(shown, at_N)
    name, look = f"map-{codes.run.id}-{view.space}", shown.look(view)
    now = {"item": item, "group": group, "finding": finding(codes), "more": shown.missing_summary(item, group, added_N)}
    component.show(points, view, now, name, picked, partial(lassoed, codes.cat.n_items))

    def figure() -> go.Figure:
        frame = shown.rows(at_N, look)
        return plot.ringed(plot.points(frame, look.summary, look.groups), frame[frame["item"] == item],
                           frame[frame["item"].isin(group)])

    exports.under(figure, name, lambda: shown.table(shown.rows(at_N[:SHOWN], look)), len(at_N),
                  lambda: shown.table(shown.rows(at_N, look)))


def picked(item: float) -> None:
    """A mark was clicked."""
    address.write(address.ITEM, int(item))


def lassoed(n_items: int, chosen: list[float]) -> None:
    """Marks were encircled."""
    state.put_group(sorted({int(item) for item in chosen if 0 <= item < n_items}))


def umap_progress(codes: Codes, view: MapView) -> None:
    """Start the worker where there is none, say how far it is, and show the map as soon as it is there."""
    if umap_of(codes.cat, umap_key(codes, view), view.n_dims) is not None:
        st.rerun()
    config = layouts.request(state.dataset_ref(), of_space(codes.run, view.space), view.space, view.umap,
                             codes.cat.content.digest)
    worker = layouts.running(config) or _submit(config)
    if worker is None:
        return
    status = worker.status
    if status.active:
        live.progress(status)
        st.caption("PCA is shown until UMAP is there. The first UMAP on a machine compiles for some seconds.")
        return
    st.warning(layout.plain(f"UMAP ended without a map ({status.state}). {status.message}"))
    if st.button("Compute it again", icon=":material/refresh:", key="umap_again"):
        _submit(config)


def _submit(config: RunConfig) -> runs.Run | None:
    """Queue the worker; None, and the queue's own words on why, where it takes no more."""
    def say(why: str) -> None:
        st.warning(layout.plain(f"UMAP waits, and PCA is shown: {why}"), icon=":material/hourglass_empty:")

    return layout.attempt(supervisor.current().submit, config, say=say)


def item_card(codes: Codes, item: int) -> None:
    """The chosen item: title, semantic ID, and how many items share its prefixes."""
    shown = chosen_item(codes, item)
    items.heading(codes.cat, item)
    st.html(chips.CSS + chips.chips(shown.codes_L))
    if shown.without_id:
        st.markdown(f"{shown.without_id} It shares no code with others." if codes.step is None else shown.without_id)
        return
    st.markdown("Items sharing a prefix: " + ", ".join(f"**{n:,}** {'shares' if n == 1 else 'share'} {depth} "
                                                       f"code{'s' * (depth > 1)}"
                                                       for depth, n in enumerate(shown.shared, 1)))


def near(codes: Codes, item: int) -> None:
    """The exact neighbours in three spaces side by side, folded away; a row chooses that item."""
    shown = chosen_item(codes, item)
    with layout.folded("Nearest neighbours in three spaces", "map_near", ":material/near_me:") as drawn:
        if drawn:
            for (space, frame), column in zip(shown.near.items(), st.columns(len(shown.near), gap="medium"), strict=True):
                with column:
                    _near_in(space, frame, item, shown.without_id)


def _near_in(space: str, frame: pd.DataFrame, item: int, without_id: str) -> None:
    """The neighbours in one space, and how many of them are neighbours in the input space, too."""
    title, value, how = NEAR[space]
    st.markdown(f"**{title}**: {how}")
    if frame.empty:
        st.caption(without_id or "No other item shares its first code.")
        return
    pickers.rows(frame, f"near:{space}:{item}", address.ITEM, frame["item"].tolist(), column_config={
        "item": None, "category": None, "title": st.column_config.TextColumn("Title", width=120),
        "semantic_id": st.column_config.TextColumn("ID", width=75),
        "value": st.column_config.NumberColumn(value, width=60, format="%.3g"),
        "in_input": None if space == "input" else "In input's 10"})
    if space != "input":
        st.caption(f"{int(frame['in_input'].sum())} of {len(frame)} "
                   f"{'is' if int(frame['in_input'].sum()) == 1 else 'are'} among the nearest in the input space.")
    exports.csv_button(frame.drop(columns="category"), f"near-{space}-{item}", "CSV")


def group_table(codes: Codes) -> None:
    """The items that the lasso chose, and the codes that they begin with."""
    chosen, whole = state.group(codes.cat.n_items)
    if not chosen:
        return
    st.subheader(f"{counted(whole, 'item')} from the lasso", anchor=False)
    if len(chosen) < whole:
        st.caption(f"Shown are {len(chosen):,} of the {whole:,} items: a link carries at most {address.GROUP_LIMIT}.")
    elif whole > SHOWN:
        st.caption(f"The table shows the first {SHOWN:,} of {counted(whole, 'item')}; the CSV has all of them.")
    frame = reports.group_rows(codes.cat, codes, chosen)
    pickers.rows(frame.head(SHOWN), "group", address.ITEM, chosen, height=260)
    with st.container(horizontal=True):
        exports.csv_button(frame, "lasso", "CSV")
        st.button("Clear selection", icon=":material/close:", type="tertiary", key="forget",
                  on_click=lambda: state.put_group([]))
