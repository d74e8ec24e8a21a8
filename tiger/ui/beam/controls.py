"""The Beam page's upper part: whose history and how it is changed, which recommender, width, temperature, the step."""

from collections.abc import Sequence
from functools import partial
from html import escape

import numpy as np
import streamlit as st

from tiger import runs
from tiger.core.words import counted
from tiger.reports import shop
from tiger.reports.beam_page import BeamRequest
from tiger.reports.stage import pictures
from tiger.search import beam
from tiger.ui.beam import request
from tiger.ui.beam.request import change
from tiger.ui.shared import address, layout, pickers, state
from tiger.ui.shared.pagelist import BY_KEY

CSS = """<style>
.bm-row{display:flex;flex-wrap:wrap;gap:.35rem;align-items:stretch}
.bm-item{font-size:.8rem;line-height:1.3;padding:.28rem .5rem;border-radius:7px;max-width:13.5rem;
 border:1px solid color-mix(in srgb,currentColor 20%,transparent);
 background:color-mix(in srgb,currentColor 4%,transparent);display:flex;gap:.4rem}
.bm-item img{width:2.1rem;height:2.1rem;object-fit:contain;border-radius:4px;background:#fff}
.bm-item b{opacity:.75;font-weight:600;white-space:nowrap}
.bm-item span{display:-webkit-box;-webkit-line-clamp:2;-webkit-box-orient:vertical;overflow:hidden}
.bm-unread{opacity:.75;border-style:dashed}
.bm-next{border:2px solid #d6247e;background:color-mix(in srgb,#d6247e 10%,transparent)}
</style>"""
SHOWN_ITEMS = 24


def explanation() -> str:
    """The line below the heading."""
    return ("The recommender reads a history and generates an ID, one code per level. After each level the most probable "
            "prefixes stay in the beam and the others are pruned. Step forward to see the tree grow.")


def nothing() -> None:
    """What is missing where no recommender writes IDs, and the way to it."""
    if not state.catalogue().n_users:
        layout.empty("This dataset has no histories to start beam search from; load it together with interactions.")
    elif any(run.state in ("queued", "running", "paused") for run in state.models_here()):
        layout.empty("The recommender is still training; beam search is available when it has finished or was stopped.",
                     "recommender", "Watch it train")
    else:
        layout.empty("This dataset has no generative recommender yet, so there is no beam search to show.", "recommender",
                     "Train the first one")


def search_bar(req: BeamRequest, usable: Sequence[runs.Run], changed_ids: str) -> None:
    """User, recommender, width, temperature, rules, undo: one row that wraps where it is narrow.

    Args:
        usable: recommenders to choose from.
        changed_ids: a sentence where the IDs that the recommender learned are not the run's any more.
    """
    search = req.search
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        _pick_user(req)
        _pick_model(req, usable)
        most = min(beam.MAX_WIDTH, req.ids.n_ids)
        st.number_input("Beam width", 1, most, key="beam_width", width=125,
                        help=f"Prefixes kept after each level, 1 to {most}.",
                        on_change=state.show("beam_width", search.width, lambda width: change(req, width=width)))
        _temperature(req)
        st.toggle("Free search", key="beam_free", help="Without the trie: any code of the level may follow, even where no item "
                                                       "has such an ID. Codes of other levels cannot, because the output layer "
                                                       "scores one level at a time.",
                  on_change=state.show("beam_free", search.free, lambda free: change(req, free=free)))
        st.toggle("Exclude seen items", key="beam_seen",
                  help="Leave out items that are already in the history. On by default where no user of the dataset has an item "
                       "twice.",
                  on_change=state.show("beam_seen", search.exclude_seen, lambda exclude: change(req, exclude_seen=exclude)))
        st.button("Undo", icon=":material/undo:", key="beam_undo", disabled=not request.can_undo(req),
                  on_click=partial(request.undo, req))
    if changed_ids:
        st.info(layout.plain(changed_ids), icon=":material/info:")


def pick_view(req: BeamRequest) -> str:
    """What is shown of the search, and the way to the same search for an audience."""
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", gap="small"):
        view = pickers.view(address.LOOK)
        st.page_link(BY_KEY["present"].file, label="Present", icon=BY_KEY["present"].icon, width="content",
                     help="The same search for an audience: full screen, large type, no jargon.",
                     query_params=request.stage_params(req))
    return view


def _pick_user(req: BeamRequest) -> None:
    st.number_input("User", 0, req.cat.n_users - 1, key="beam_user", width=130,
                    on_change=state.show("beam_user", req.user, request.choose_user))
    st.button("Random user", icon=":material/shuffle:", key="beam_other",
              on_click=partial(request.choose_user, shop.somebody_else(req.cat, req.user)))


def _pick_model(req: BeamRequest, usable: Sequence[runs.Run]) -> None:
    labels = {run.id: run.title for run in usable}
    if len(labels) > 1:
        st.selectbox("Recommender", list(labels), format_func=lambda run_id: labels.get(run_id, run_id), width=230,
                     key="beam_model", on_change=state.show("beam_model", req.writer.run.id, state.choose_model))


def _temperature(req: BeamRequest) -> None:
    """One temperature for all levels, or one for each."""
    values, param = req.search.temperature, address.TEMPERATURE
    with st.popover(f"Temperature {req.search.temperature_text()}", icon=":material/thermostat:"):
        st.markdown("Logits are divided by the temperature: below 1 probable codes become more probable, above 1 less.")
        st.slider("All levels", param.low, param.high, step=0.1, key="beam_temperature",
                  on_change=state.show("beam_temperature", values[0],
                                       lambda value: change(req, temperature=(round(value, 2),) * req.n_levels)))
        for level in range(req.n_levels):
            key = f"beam_temperature:{level}"
            st.slider(f"Level {level + 1}", param.low, param.high, step=0.1, key=key,
                      on_change=state.show(key, values[level], partial(_one_level, req, level)))


def _one_level(req: BeamRequest, level: int, value: float) -> None:
    values = req.search.temperature
    change(req, temperature=(*values[:level], round(value, 2), *values[level + 1:]))


def history(req: BeamRequest) -> None:
    """The history as a row of small cards, the held-out item after it, and the tools that change it."""
    items, reads = req.search.items, req.writer.model.max_items or len(req.search.items)
    unread, first = max(0, len(items) - reads), max(0, len(items) - SHOWN_ITEMS)
    shown = list(range(first, len(items)))
    pictured = dict(zip(shown, pictures.of(req.cat, [items[at] for at in shown]), strict=False))
    cards = [f'<div class="bm-item"><span>{first} earlier …</span></div>'] if first else []
    cards += [_card(req, at, items[at], " bm-unread" if at < unread else "", pictured.get(at, "")) for at in shown]
    if req.target is not None:
        cards.append(f'<div class="bm-item bm-next"><b>★ held out</b><span>{escape(req.title(req.target))}</span></div>')
    st.html(CSS + f'<div class="bm-row">{"".join(cards)}</div>')
    said = []
    if unread:
        said.append(f"This history has {counted(len(items), 'item')}; the model reads the last {reads}; dashed items are left "
                    "out.")
    if items != req.own:
        said.append("The history was edited; ★ is still this user's held-out item.")
    st.caption(layout.plain(" ".join([*said, req.seen_rule])))
    with layout.folded("Edit history", "beam_edit", ":material/edit:") as drawn:
        if drawn:
            _editor(req)


def _card(req: BeamRequest, at: int, item: int, extra: str, picture: str) -> str:
    image = f'<img src="{escape(picture)}" alt="">' if picture else ""
    return f'<div class="bm-item{extra}"><b>{at + 1}</b>{image}<span>{escape(req.title(item))}</span></div>'


def _editor(req: BeamRequest) -> None:
    """Move, drop and add items; every change can be undone."""
    items = req.search.items
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        last = len(items) - 1
        at = st.session_state["beam_place"] if st.session_state.get("beam_place") in range(len(items)) else max(last, 0)
        state.set_widget("beam_place", at if items else None)
        st.selectbox("Item of the history", range(len(items)), width=420, key="beam_place", disabled=not items,
                     placeholder="empty", format_func=lambda at: f"{at + 1}  {req.title(items[at])}")
        st.button("Earlier", icon=":material/arrow_back:", key="beam_earlier", disabled=not items or at == 0,
                  on_click=lambda: _move(req, at, at - 1))
        st.button("Later", icon=":material/arrow_forward:", key="beam_later", disabled=at >= last,
                  on_click=lambda: _move(req, at, at + 1))
        st.button("Drop", icon=":material/close:", key="beam_drop", disabled=not items,
                  on_click=lambda: change(req, items=(*items[:at], *items[at + 1:])))
        st.button("Clear history", key="beam_empty", disabled=not items, on_click=lambda: change(req, items=()))
        st.button("Reset to user's history", icon=":material/restart_alt:", key="beam_own", disabled=items == req.own,
                  on_click=lambda: change(req, items=req.own))
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        words = st.text_input("Find an item to add", key="beam_search", placeholder="words in its title", width=260,
                              type="search")
        options = pickers.matches(req.cat, words or "")
        new = st.selectbox(f"{len(options):,} found" if words else "Most popular", options, key=f"beam_new:{words}",
                           width=420, format_func=req.title)
        st.button("Add at the end", icon=":material/add:", key="beam_add", disabled=new is None,
                  on_click=lambda: change(req, items=(*items, new)))


def _move(req: BeamRequest, at: int, to: int) -> None:
    """Move an item of the history; it stays the chosen one."""
    row = list(req.search.items)
    item = row.pop(at)
    row.insert(int(np.clip(to, 0, len(row))), item)
    change(req, items=tuple(row))
    state.set_widget("beam_place", to)


def step_bar(req: BeamRequest) -> None:
    """Forward and back, level by level."""
    names = ["Start", *(f"Level {level}" for level in range(1, req.n_levels + 1))]
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        st.button("Back", icon=":material/arrow_back:", key="beam_back", disabled=req.level == 0,
                  on_click=partial(request.go, req.level - 1))
        st.segmented_control("Step", range(len(names)), format_func=lambda at: names[at], key="beam_step", required=True,
                             label_visibility="collapsed", on_change=state.show("beam_step", req.level, request.go))
        st.button("Forward", icon=":material/arrow_forward:", key="beam_forward", disabled=req.level == req.n_levels,
                  icon_position="right", type="primary", on_click=partial(request.go, req.level + 1))
