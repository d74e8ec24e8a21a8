"""The stage on the page: what the browser gets, and what it asks for."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import streamlit as st

from tiger.core.words import counted
from tiger.datasets.catalogue import Catalogue
from tiger.reports import shop, stage
from tiger.reports.beam_page import BeamRequest
from tiger.reports.stage import offline, pictures, stories
from tiger.ui.present import answers, request
from tiger.ui.shared import layout, pickers, recommenders, state
from tiger.ui.shared.assets import ADDRESS, joined
from tiger.ui.shared.events import heard

KEY, FOUND, WHY, BESIDE, PLAYING, WORD, CHANGED, REMOTE, FILL, HEARD = (
    "present_stage", "present_found", "present_why", "present_beside", "present_playing", "present_word", "present_changed",
    "present_remote", "present_fill", "present_heard")
N_FOUND, MAX_ASKS = 30, 50
Ask = Mapping[str, Any]
"""What a browser sent: each value is checked where it is used."""
Sent = dict[str, Any]
"""What the browser gets, as JSON."""
STAGE = st.components.v2.component(
    "tiger.stage", html='<div class="stage"></div>', css=stage.style(),
    js=f"{ADDRESS}{stage.script()}\n{joined(Path(__file__).parent, 'mount.js')}")


def show() -> None:
    """The stage."""
    request.trust_address()
    _stage()


@st.fragment
def _stage() -> None:
    """What the stage asks for runs this alone, so that the answer comes at once."""
    if st.session_state.pop(CHANGED, False):  # the list of stories below
        st.rerun()
    run = recommenders.current()
    if run is None:
        st.rerun()
    with layout.guard("The stage"):
        cat = state.catalogue_of(run)
        req = request.read(recommenders.writer(run, cat), cat)
        STAGE(key=KEY, data=data(req), on_ask_change=heard(KEY, "ask", answer))


def data(req: BeamRequest) -> Sent:
    """What the browser gets."""
    remote, dataset = bool(st.session_state.get(REMOTE)), state.dataset().id
    playing: Sent | None = None
    if chosen := st.session_state.get(PLAYING):
        playing = layout.attempt(_play, chosen, dataset, req.cat, remote, say=_say)
        if playing is None:
            st.session_state.pop(PLAYING)
    why = st.session_state.get(WHY)
    explained: tuple[int, ...] = (why,) if why is not None and why < req.cat.n_items else ()
    shown = answers.scene(req, request.made_up(), bool(st.session_state.get(BESIDE)), explained, remote)
    return {"dataset": dataset, "model": req.writer.run.id, "user": None if request.made_up() else req.user, "at": req.level,
            "scene": asdict(shown), "was": list(req.before.items) if req.before is not None else None,
            "cause": explained[0] if shown.causes else None, "found": _found(req, remote), "icons": pictures.icons(),
            "stories": [{"id": one.id, "name": one.name, "n": len(one.frames)} for one in stories.stories(dataset)],
            "playing": playing, "word": st.session_state.pop(WORD, ""), "fill": st.session_state.get(FILL, 0),
            "heard": st.session_state.get(HEARD, 0)}


def _play(story_id: str, dataset: str, cat: Catalogue, remote: bool) -> Sent:
    story = stories.find(story_id, dataset)
    return offline.played(story, answers.told(story, cat, remote))


def _say(text: str) -> None:
    """Say something on the stage, which lies above the page."""
    st.session_state[WORD] = text


def _found(req: BeamRequest, remote: bool) -> Sent | None:
    """What the drawer lists: people by what they like, or things by words of their titles."""
    kind, words = st.session_state.get(FOUND) or ("", "")
    if kind == "people":
        wanted, found = answers.who_likes(req.cat, words)
        rows = [{"user": one.user, "title": f"likes {one.likes}" if one.likes else f"Person {one.user}",
                 "said": ", ".join(f"{term}: {n}" for term, n in zip(wanted, one.counts, strict=True))
                 + f", of {counted(one.n_items, 'thing')}", "looks": _looks(req.cat, one.items, remote)} for one in found]
        if not words:
            rows = [{"user": shop.somebody_else(req.cat, req.user), "title": "Somebody at random", "said": "", "looks": []}]
        return {"kind": kind, "words": words, "rows": rows, "said": f"Nobody likes “{words}”.", "offers": answers.offers(req.cat)}
    if kind == "things":
        items = pickers.matches(req.cat, words)[:N_FOUND]
        rows = [{"item": item, "title": thing.title, "said": thing.group, "looks": [asdict(thing.look)]}
                for item, thing in answers.scenes.things(req, items, lambda some: pictures.looks(req.cat, some, remote)).items()]
        return {"kind": kind, "words": words, "rows": rows, "said": f"No thing has “{words}” in its text."}
    return None


def _looks(cat: Catalogue, items: tuple[int, ...], remote: bool) -> list[Sent]:
    return [asdict(look) for look in pictures.looks(cat, items, remote).values()]


def answer(asks: Any) -> None:
    """Do what a browser asked for, each question once; what cannot be is said on the stage, and changes nothing."""
    for ask in asks[:MAX_ASKS] if isinstance(asks, list) else []:
        if not isinstance(ask, dict) or str(ask.get("do")) not in ACTS:
            continue
        number = ask.get("number", 0)
        if not isinstance(number, int | float) or not st.session_state.get(HEARD, 0) < number < 1e15:
            continue
        st.session_state[HEARD] = number
        layout.attempt(ACTS[str(ask["do"])], ask, say=_say)


def _checked(do: Callable[[Ask], None]) -> Callable[[Ask], None]:
    """Whatever else is wrong with what was sent is one sentence, too."""
    def checked(ask: Ask) -> None:
        try:
            do(ask)
        except (KeyError, TypeError, AttributeError):
            raise ValueError("The browser sent something that this page does not understand; reload it.") from None

    return checked


def _show(ask: Ask) -> None:
    cat = state.catalogue()
    user = None if ask["user"] is None else stories.whole(ask["user"], cat.n_users - 1)
    items, was = (None if ask.get(name) is None else stories.items(ask[name]) for name in ("items", "was"))
    if any(item >= cat.n_items for item in (*(items or ()), *(was or ()))):
        raise ValueError(f"This dataset has items 0 to {cat.n_items - 1}; the browser asked for another one.")
    for key in (WHY, BESIDE, PLAYING):
        st.session_state.pop(key, None)
    request.show(user, items, was)


def _find(ask: Ask) -> None:
    st.session_state[FOUND] = (str(ask["kind"])[:10], " ".join(str(ask["words"])[:80].split()))


def _why(ask: Ask) -> None:
    st.session_state[WHY] = stories.whole(ask["item"], state.catalogue().n_items - 1)


def _beside(ask: Ask) -> None:
    st.session_state[BESIDE] = True


def _save(ask: Ask) -> None:
    saved = stories.save(stories.new(str(ask["name"]), state.dataset().id, tuple(map(stories.frame, ask["frames"]))))
    _say(f"Saved “{saved.name}”. Press S to play it; on the page you can download it as a file that plays offline.")
    st.session_state[CHANGED] = True


def _begin(ask: Ask) -> None:
    st.session_state[PLAYING] = stories.find(str(ask["id"]), state.dataset().id).id


def _stop(ask: Ask) -> None:
    st.session_state.pop(PLAYING, None)


ACTS = {name: _checked(do) for name, do in {
    "show": _show, "find": _find, "why": _why, "beside": _beside, "save": _save, "play": _begin, "stop": _stop}.items()}
