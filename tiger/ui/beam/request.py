"""What is asked of the Beam page: read from the address, written into it, and taken back."""

from dataclasses import replace
from typing import Any

import streamlit as st

from tiger.datasets.catalogue import Catalogue
from tiger.reports import beam_page as reports
from tiger.reports import shop
from tiger.reports.beam_page import BeamRequest, SearchRequest, Writer
from tiger.search import beam
from tiger.ui.shared import address, state
from tiger.ui.shared.address import Param

UNDO_STEPS = 50
SEARCH: tuple[Param[Any], ...] = (address.HISTORY, address.WIDTH, address.TEMPERATURE, address.FREE, address.SEEN)
N_PARTS = (4, 5)  # of ``WAS``: until November 2026 it said nothing of seen items


def read(writer: Writer, cat: Catalogue) -> BeamRequest:
    """What the address asks for; what makes no sense is said once and replaced."""
    user = address.read(address.USER.below(cat.n_users), shop.example(cat)[1])
    own, target = reports.held_out(cat, user)
    n_levels = len(writer.ids.n_codes)
    req = BeamRequest(writer, cat, user, own, target, reports.usual_search(writer, cat, own), None,
                        address.read(address.AT.below(n_levels + 1)))
    params, usual = _params(req), _values(req, req.search)
    search = _search(req, [address.read(param, value) for param, value in zip(params, usual, strict=True)])
    before = _before(req)
    return replace(req, search=search, before=None if before == search else before)


def _params(req: BeamRequest) -> list[Param[Any]]:
    """The parameters of ``SEARCH`` with this recommender's and catalogue's bounds."""
    most = min(beam.MAX_WIDTH, req.ids.n_ids)
    return [address.HISTORY.below(req.cat.n_items), address.WIDTH.below(most + 1), address.TEMPERATURE.of(req.n_levels),
            address.FREE, address.SEEN]


def _values(req: BeamRequest, search: SearchRequest) -> list[Any]:
    """A search as the values of ``SEARCH``; seen items: "auto" where the rule is the data's own."""
    by_rule = search.exclude_seen == req.usual.exclude_seen
    return [search.items, search.width, search.temperature, "1" if search.free else "0",
            "auto" if by_rule else "0" if search.exclude_seen else "1"]


def _search(req: BeamRequest, values: list[Any]) -> SearchRequest:
    """The search that values of ``SEARCH`` stand for."""
    items, width, temperature, free, seen = values
    usual = req.usual
    return SearchRequest(items, width, temperature, free == "1", usual.exclude_seen if seen == "auto" else seen == "0")


def _before(req: BeamRequest) -> SearchRequest | None:
    """The search to compare with, or None."""
    text = address.read(address.WAS)
    parts = text.split("~")
    if not text:
        return None
    usual = _values(req, req.usual)
    try:
        if len(parts) not in N_PARTS:
            raise ValueError("that is not a search of this page.")
        texts = [*parts, ""][:len(usual)]
        return _search(req, [param.parse(text) if text else value
                               for param, text, value in zip(_params(req), texts, usual, strict=True)])
    except ValueError as error:
        address.notice(f"The address compares with the search '{text[:20]}', but {error}")
        address.forget(address.WAS)
        return None


def _texts(req: BeamRequest, search: SearchRequest) -> list[str]:
    """A search as it stands in the address; "" for what is usual."""
    usual = _values(req, req.usual)
    return ["" if value == default else param.format(value)
            for param, value, default in zip(SEARCH, _values(req, search), usual, strict=True)]


def _write(req: BeamRequest, search: SearchRequest) -> None:
    for param, text, value in zip(SEARCH, _texts(req, search), _values(req, search), strict=True):
        address.write(param, value if text else None)
    address.forget(address.PICK)


def change(req: BeamRequest, **changes: Any) -> None:
    """Search anew; the first change since "Compare from here" is what the new search is compared with.

    Args:
        changes: fields of ``SearchRequest``.
    """
    new = replace(req.search, **changes)
    if new == req.search:
        return
    before = address.text_of(address.WAS)
    past = st.session_state.setdefault("beam_past", [])
    past.append((req.user, req.search, before))
    del past[:-UNDO_STEPS]
    if not before:
        address.write(address.WAS, "~".join(_texts(req, req.search)))
    _write(req, new)


def can_undo(req: BeamRequest) -> bool:
    """Whether there is a change of this user's search to take back."""
    past = st.session_state.get("beam_past") or []
    return bool(past) and past[-1][0] == req.user


def undo(req: BeamRequest) -> None:
    """Take back the last change."""
    if can_undo(req):
        _, search, before = st.session_state["beam_past"].pop()
        _write(req, search)
        address.write(address.WAS, before)


def compare_from_here() -> None:
    """Forget the search to compare with; the next change compares with what is shown now."""
    address.forget(address.WAS)


def restore(req: BeamRequest) -> None:
    """Go back to the search that is compared with."""
    if req.before is not None:
        change(req, **{name: getattr(req.before, name) for name in SearchRequest.__dataclass_fields__})
        compare_from_here()


def choose_user(user: int) -> None:
    """Another user with their own history; width and temperature stay."""
    address.write(address.USER, user)
    st.session_state.pop("beam_place", None)
    address.forget(address.HISTORY, address.WAS, address.PICK)


def go(level: int) -> None:
    """Show another level."""
    address.write(address.AT, level)
    address.forget(address.PICK)


def stage_params(req: BeamRequest) -> dict[str, str]:
    """Where Present shows this user and this search."""
    named = {param.name: text for param, text in zip(SEARCH, _texts(req, req.search), strict=True) if text}
    named.pop(address.FREE.name, None)
    return state.link_params(user=req.user, scene=req.level) | named


def asked_for_stage() -> bool:
    """Whether the address is one of the presenter's view, which was a part of this page until November 2026."""
    return bool(address.read(address.PRESENTER) == "1")
