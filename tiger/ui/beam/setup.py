"""The Beam page's upper part: which recommender, whose history and how it is changed, width, temperature, the step."""

from functools import partial
from html import escape

import streamlit as st

from tiger import runs
from tiger.datasets.catalogue import Catalogue
from tiger.reports import shop
from tiger.search import beam
from tiger.ui.beam import data as beam_data
from tiger.ui.beam import state as beam_state
from tiger.ui.beam.data import Scene
from tiger.ui.beam.state import Ask, change
from tiger.ui.shared import layout, pickers, state
from tiger.ui.shared.pagelist import BY_KEY

CSS = """<style>
.bm-row{display:flex;flex-wrap:wrap;gap:.35rem;align-items:stretch}
.bm-item{font-size:.8rem;line-height:1.3;padding:.28rem .5rem;border-radius:7px;max-width:13.5rem;
 border:1px solid color-mix(in srgb,currentColor 20%,transparent);
 background:color-mix(in srgb,currentColor 4%,transparent);display:flex;gap:.4rem}
.bm-item b{opacity:.75;font-weight:600}
.bm-item span{display:-webkit-box;-webkit-line-clamp:2;-webkit-box-orient:vertical;overflow:hidden}
.bm-unread{opacity:.75;border-style:dashed}
.bm-next{border:2px solid #d6247e;background:color-mix(in srgb,#d6247e 10%,transparent)}
</style>"""
SHOWN_ITEMS = 24


def explanation() -> str:
    """The line below the heading."""
    if beam_state.presenting():
        return "Somebody chose a few things. The recommender narrows down what may come next, from broad groups to single things."
    return ("A history goes in, and an ID comes out, one code a level. The likeliest beginnings stay in the beam, the others are "
            "pruned. Step forward and watch the tree grow.")


def pick_run() -> runs.Run | None:
    """The recommender to look at; without any, the way to train one."""
    if not state.catalogue().n_users:
        layout.empty("This dataset has no histories to start a beam from; load it together with interactions.")
        return None
    found = beam_data.usable()
    if not found:
        page = "recommender" if "recommender" in BY_KEY else "train"
        waiting = [run for run in state.models_here() if run.state in ("queued", "running", "paused")]
        text = ("The recommender is still training; its beams can be watched when it has finished or is stopped."
                if waiting else "No recommender of this dataset writes IDs yet, so there is no beam to watch.")
        layout.empty(text, page, "Watch it train" if waiting else "Train the first one")
        return None
    chosen = state.current_model()
    return next((run for run in found if chosen is not None and run.id == chosen.id), found[0])


def scene(run: runs.Run, cat: Catalogue) -> Scene:
    """Everything that the address asks for, checked."""
    model, ids = beam_data.model(run, cat)
    user = state.number_or("user", cat.n_users, shop.example(cat)[1])
    own, target = beam_state.own_history(cat, user)
    sizes = (len(ids.n_codes), ids.n_ids)
    ask = beam_state.read(cat, own, *sizes)
    before = beam_state.read_before(cat, own, *sizes)
    return Scene(run, model, ids, cat, user, own, target, ask, None if before == ask else before,
                 beam_state.step(sizes[0]))


def presenter_switch() -> None:
    """Large type and no jargon, on or off."""
    st.session_state["beam_presenter"] = beam_state.presenting()
    st.toggle("Presenter's view", key="beam_presenter", help="Large type and no jargon, to show to a room.",
              on_change=lambda: beam_state.present(st.session_state["beam_presenter"]))


def pick_user(scene: Scene) -> None:
    """Choose a user by number or by chance."""
    st.session_state["beam_user"] = scene.user
    st.number_input("User", 0, scene.cat.n_users - 1, key="beam_user", width=130,
                    on_change=lambda: beam_state.choose_user(st.session_state["beam_user"]))
    st.button("Someone else", icon=":material/shuffle:", key="beam_other",
              on_click=partial(beam_state.choose_user, shop.somebody_else(scene.cat, scene.user)))


def controls(scene: Scene) -> None:
    """User, recommender, width, temperature, free search, undo: one row that wraps where it is narrow."""
    ask, most = scene.ask, min(beam.MAX_WIDTH, scene.ids.n_ids)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        pick_user(scene)
        _pick_model(scene)
        st.session_state["beam_width"] = ask.width
        st.number_input("Beam width", 1, most, key="beam_width", width=125,
                        help=f"Beginnings that may stay after each level, 1 to {most}.",
                        on_change=lambda: _set(scene, width=st.session_state["beam_width"]))
        _temperature(scene)
        st.session_state["beam_free"] = ask.free
        st.toggle("Free search", key="beam_free", help="Any code of the level may follow, also where no item has such an "
                  "ID. Codes of other levels never can: the last layer scores one level at a time.",
                  on_change=lambda: _set(scene, free=st.session_state["beam_free"]))
        st.button("Undo", icon=":material/undo:", key="beam_undo", disabled=not beam_state.can_undo(),
                  on_click=partial(beam_state.undo, scene.own))
        presenter_switch()
    changed = beam_data.changed_ids(scene)
    if changed:
        st.info(layout.plain(changed), icon=":material/info:")


def _pick_model(scene: Scene) -> None:
    labels = {run.id: run.title for run in beam_data.usable()}
    if len(labels) > 1:
        st.session_state["beam_model"] = scene.run.id
        st.selectbox("Recommender", list(labels), format_func=lambda run_id: labels.get(run_id, run_id), width=230,
                     key="beam_model", on_change=lambda: state.choose_model(st.session_state["beam_model"]))


def _set(scene: Scene, *, width: int | None = None, free: bool | None = None, heat: tuple[float, ...] | None = None,
         items: tuple[int, ...] | None = None) -> None:
    """Search anew with something changed."""
    old = scene.ask
    new = Ask(old.items if items is None else items, width or old.width, heat or old.heat,
              old.free if free is None else free)
    change(old, new, scene.own)


def _temperature(scene: Scene) -> None:
    heat, n_levels = scene.ask.heat, scene.n_levels
    same = len(set(heat)) == 1
    label = f"Temperature {heat[0]:g}" if same else "Temperature " + " · ".join(f"{value:g}" for value in heat)
    with st.popover(label, icon=":material/thermostat:"):
        st.markdown("Below 1 the likely codes gain, above 1 the unlikely ones: logits are divided by it.")
        st.session_state["beam_heat"] = heat[0]
        st.slider("All levels", beam_state.LOW_HEAT, beam_state.HIGH_HEAT, step=0.1, key="beam_heat",
                  on_change=lambda: _set(scene, heat=(st.session_state["beam_heat"],) * n_levels))
        for level in range(n_levels):
            key = f"beam_heat:{level}"
            st.session_state[key] = heat[level]
            st.slider(f"Level {level + 1}", beam_state.LOW_HEAT, beam_state.HIGH_HEAT, step=0.1, key=key,
                      on_change=partial(_heat_of, scene, level))


def _heat_of(scene: Scene, level: int) -> None:
    value = round(float(st.session_state[f"beam_heat:{level}"]), 2)
    _set(scene, heat=(*scene.ask.heat[:level], value, *scene.ask.heat[level + 1:]))


def history(scene: Scene) -> None:
    """The history as a row of small cards, the held-out item after it, and the tools that change it."""
    items, reads = scene.ask.items, scene.model.max_items or len(scene.ask.items)
    unread = max(0, len(items) - reads)
    first = max(0, len(items) - SHOWN_ITEMS)
    cards = [f'<div class="bm-item"><span>{first} earlier …</span></div>'] if first else []
    cards += [_card(scene, place, items[place], " bm-unread" if place < unread else "") for place in range(first, len(items))]
    if scene.target is not None:
        cards.append(f'<div class="bm-item bm-next"><b>★ next</b><span>{escape(scene.title(scene.target))}</span></div>')
    st.html(CSS + f'<div class="bm-row">{"".join(cards)}</div>')
    said = []
    if unread:
        said.append(f"This history has {len(items)} items; the model reads the last {reads}, the dashed ones are left out.")
    if items != scene.own:
        said.append("The history was changed; ★ is still what this user really took next.")
    with st.container():  # always there, so that what stands below it keeps its place, and stays open
        if said:
            st.caption(" ".join(said))
    with st.expander("Change this history", icon=":material/edit:", key="beam_edit"):
        _editor(scene)


def _card(scene: Scene, place: int, item: int, extra: str) -> str:
    return f'<div class="bm-item{extra}"><b>{place + 1}</b><span>{escape(scene.title(item))}</span></div>'


def _editor(scene: Scene) -> None:
    """Move, drop and add items; every change can be undone."""
    items = scene.ask.items
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        last = len(items) - 1
        at = st.session_state["beam_place"] if st.session_state.get("beam_place") in range(len(items)) else max(last, 0)
        st.session_state["beam_place"] = at if items else None
        st.selectbox("Item of the history", range(len(items)), width=420, key="beam_place", disabled=not items,
                     placeholder="empty", format_func=lambda place: f"{place + 1}  {scene.title(items[place])}")
        st.button("Earlier", icon=":material/arrow_back:", key="beam_earlier", disabled=not items or at == 0,
                  on_click=lambda: _moved(scene, at, at - 1))
        st.button("Later", icon=":material/arrow_forward:", key="beam_later", disabled=at >= last,
                  on_click=lambda: _moved(scene, at, at + 1))
        st.button("Drop", icon=":material/close:", key="beam_drop", disabled=not items,
                  on_click=lambda: _set(scene, items=beam_state.without(items, at)))
        st.button("Empty it", key="beam_empty", disabled=not items, on_click=lambda: _set(scene, items=()))
        st.button("The user's own again", icon=":material/restart_alt:", key="beam_own", disabled=items == scene.own,
                  on_click=lambda: _set(scene, items=scene.own))
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        words = st.text_input("Find an item to add", key="beam_search", placeholder="words of its title", width=260,
                              type="search")
        options = pickers.matches(scene.cat, words or "")
        new = st.selectbox(f"{len(options):,} found" if words else "Most picked", options, key=f"beam_new:{words}", width=420,
                           format_func=scene.title)
        st.button("Add at the end", icon=":material/add:", key="beam_add", disabled=new is None,
                  on_click=lambda: _set(scene, items=(*items, new)))


def _moved(scene: Scene, at: int, to: int) -> None:
    """Move an item of the history; it stays the chosen one."""
    _set(scene, items=beam_state.moved(scene.ask.items, at, to - at))
    st.session_state["beam_place"] = to


def step_bar(scene: Scene) -> None:
    """Forward and back, level by level."""
    level, names = scene.level, ["Start", *(f"Level {level}" for level in range(1, scene.n_levels + 1))]
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        st.button("Back", icon=":material/arrow_back:", key="beam_back", disabled=level == 0,
                  on_click=partial(beam_state.go, level - 1))
        st.session_state["beam_step"] = level
        st.segmented_control("Step", range(len(names)), format_func=lambda at: names[at], key="beam_step", required=True,
                             label_visibility="collapsed", on_change=lambda: beam_state.go(st.session_state["beam_step"]))
        st.button("Forward", icon=":material/arrow_forward:", key="beam_forward", disabled=level == scene.n_levels,
                  icon_position="right", on_click=partial(beam_state.go, level + 1), type="primary")
