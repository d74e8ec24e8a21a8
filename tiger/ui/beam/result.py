"""The end of a search: the recommendations beside everybody else's, the held-out item marked, and IDs nobody has."""

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from tiger import models
from tiger.reports import beam as report
from tiger.ui.beam import data as beam_data
from tiger.ui.beam import others as beam_others
from tiger.ui.beam.data import N_LISTED, Scene
from tiger.ui.shared import exports, layout, state
from tiger.ui.shared.pagelist import BY_KEY

STAR = "★ "
TINT = "background-color: rgba(214, 36, 126, .22)"


def lists(scene: Scene, beside: list[str]) -> dict[str, np.ndarray]:
    """Item numbers by recommender, best first: the beam, the exact search, and those to put beside them."""
    found = {"Beam": beam_data.search(scene).items["item"].to_numpy(np.int64)}
    found["Exact search"] = beam_data.best(scene, max(scene.ask.width, beam_data.N_SEARCHED)).item_K
    others = beam_others.others(scene)
    for name in beside:
        try:
            found[name] = beam_others.listed(scene, others[name])
        except ValueError as error:
            st.caption(layout.plain(f"{name} is left out: {error}"))
    return found


def show(scene: Scene) -> None:
    """One table of titles, one row a place; the place of the held-out item in each list; the CSV of both."""
    names = list(beam_others.others(scene))
    beside = st.pills("Beside the beam", names, selection_mode="multi", default=names[:3], key=f"beam_beside:{scene.run.id}",
                      help="Other recommenders of this dataset, for the same history.")
    train_links()
    found = lists(scene, beside)
    places = report.places(found, scene.target)
    st.markdown(place_summary(scene, places))
    frame = report.recommendations(found, N_LISTED)
    shown = frame.copy()
    for name in found:
        shown[name] = [_title(scene, item) for item in frame[name]]
    logp = dict(beam_data.search(scene).items[["item", "logp"]].itertuples(index=False, name=None))
    shown.insert(2, "log P", [logp.get(item) for item in frame["Beam"]])
    columns: dict[str, Any] = {name: st.column_config.TextColumn(name, width=230) for name in found}
    columns |= {"rank": st.column_config.NumberColumn("#", width=40),
                "log P": st.column_config.NumberColumn("log P", width=70, format="%.3f")}
    st.dataframe(shown.style.map(lambda cell: TINT if str(cell).startswith(STAR) else ""), hide_index=True,
                 column_config=columns, key="beam_lists", height=35 * (N_LISTED + 1) + 3)
    exports.csv_button(_long(scene, found), f"recommendations-user-{scene.user}", "All lists as CSV")
    written = places.assign(place=places["place"].astype("string").fillna("not found"))
    st.dataframe(written, hide_index=True, key="beam_places", column_config={
        "recommender": "List", "place": st.column_config.TextColumn("Place of ★", help="Not found: not among its first "
                                                                      f"{beam_data.N_SEARCHED}, or the beam's width."),
        "shared": st.column_config.NumberColumn("Shared with the beam", help="Items in common, over the whole lists.")})
    if scene.ask.free:
        invalid(scene)


def train_links() -> None:
    """The way to every baseline that could stand here, too, and has not been trained."""
    missing = beam_others.untrained()
    if not missing:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption("Not trained yet:", width="content")
        for preset in missing:
            title = models.REGISTRY[preset.model.name].title
            st.page_link(BY_KEY["recommender"].file, label=f"Train {title}", icon=":material/play_circle:", width="content",
                         query_params=state.link_params(recipe=preset.key))


def _title(scene: Scene, item: int) -> str:
    if item < 0:
        return ""
    return (STAR if item == scene.target else "") + scene.title(item)


def _long(scene: Scene, found: dict[str, np.ndarray]) -> pd.DataFrame:
    rows = [(name, place, item, scene.title(item), item == scene.target) for name, items in found.items()
            for place, item in enumerate(items.tolist(), start=1)]
    return pd.DataFrame(rows, columns=["recommender", "place", "item", "title", "held_out"])


def place_summary(scene: Scene, places: pd.DataFrame) -> str:
    """Where the lists have the held-out item, in a sentence or two."""
    if scene.target is None:
        return "This user has too few items for one to be held out."
    said = [f"{layout.plain(row.recommender)} no. **{row.place}**" for row in places.itertuples() if not pd.isna(row.place)]
    title = f"★ What came next is “{layout.plain(scene.title(scene.target))}”: "
    return title + (", ".join(said) + "." if said else "none of these lists has it.") + _why_missed(scene)


def _why_missed(scene: Scene) -> str:
    """At which level the beam gave the held-out item up."""
    if not scene.target_id:
        return " It has no ID, so this recommender can never write it."
    found = beam_data.search(scene)
    level = report.lost_at(found, scene.target_id)
    if level is None:
        return ""
    row = report.path(found, scene.target_id).iloc[level - 1]
    return (f" The beam gave it up at level {level}: its beginning {row['prefix']} was place {row['place']:,.0f}, and the beam "
            f"holds {scene.ask.width}.")


def invalid(scene: Scene) -> None:
    """The IDs that the free search wrote and no item has."""
    wrong = beam_data.search(scene).invalid
    total = len(wrong) + len(beam_data.search(scene).items)
    st.markdown(f"**IDs that no item has:** {len(wrong)} of {total} that the free search wrote.")
    if wrong.empty:
        return
    real = []
    for codes in wrong["id"]:
        depth = next(depth for depth in range(len(codes) - 1, -1, -1) if depth == 0 or len(scene.ids.prefix_items(codes[:depth])))
        real.append(report.text(codes[:depth]) or "nothing")
    frame = pd.DataFrame({"id": [report.text(codes) for codes in wrong["id"]], "logp": wrong["logp"], "exists": real})
    st.dataframe(frame, hide_index=True, key="beam_invalid", height=min(36 * len(frame) + 40, 300), column_config={
        "id": "Written ID", "logp": st.column_config.NumberColumn("log P", format="%.3f"),
        "exists": st.column_config.TextColumn("Exists as far as", help="The longest beginning that some item has.")})
    exports.csv_button(frame, f"invalid-ids-user-{scene.user}", "Invalid IDs as CSV")
