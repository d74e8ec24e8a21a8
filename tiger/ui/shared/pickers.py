"""Widgets that stand for a parameter of the address: they show what it says, and a choice is written into it."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd
import streamlit as st

from tiger.datasets.catalogue import Catalogue
from tiger.reports import shop
from tiger.runs import Run
from tiger.ui.shared import address, caching, layout, state
from tiger.ui.shared.address import Choice, Number, Param


def shows(param: Param[Any], key: str, value: Any) -> Callable[[], None]:
    """Let a widget show a value; returns its ``on_change``, which writes what is chosen into the address. See ``state.show``."""
    return state.show(key, value, lambda chosen: address.write(param, chosen))


def segmented(param: Choice, label: str, options: Sequence[str] = (), *, hide_label: bool = False, help: str | None = None,
              key: str = "") -> str:
    """One of the parameter's options; ``options`` are those that can be chosen here."""
    here, key = replace(param, options=tuple(options) or param.options), key or f"pick_{param.name}"
    write = shows(here, key, address.read(here))
    return str(st.segmented_control(label, here.options, key=key, required=True, on_change=write, help=help,
                                    label_visibility="collapsed" if hide_label else "visible") or here.default)


def view(param: Choice) -> str:
    """The views of a page, one of which is shown."""
    return segmented(param, "View", hide_label=True)


def number(param: Number, label: str, value: int | None = None, *, width: Any = "stretch", help: str | None = None,
           key: str = "") -> int:
    """A number within the parameter's bounds; ``value`` is shown where the address has none."""
    key = key or f"pick_{param.name}"
    write = shows(param, key, address.read(param, value))
    return int(st.number_input(label, param.low, param.high, key=key, on_change=write, width=width, help=help))


def level(n_levels: int, label: str, *, default: int = 1, key: str = "pick_level", width: Any = "stretch") -> int:
    """How many levels count, from 1, as a slider; nothing is asked where there is only one."""
    if n_levels == 1:
        return 1
    write = shows(address.LEVEL, key, address.read(address.LEVEL.below(n_levels + 1), min(default, n_levels)))
    return int(st.select_slider(label, range(1, n_levels + 1), key=key, on_change=write, width=width))


def step(run: Run) -> int | None:
    """Scrub through the run's kept steps; None stands for the newest codes of all items."""
    kept = run.snapshots()
    if len(kept) < 2:
        st.caption("This run saved no intermediate steps, so only its final codes can be shown.")
        return kept[0] if kept and not run.knows_all_items() else None
    requested = address.read(address.STEP.below(kept[-1] + 1), kept[-1])
    write = shows(address.STEP, "pick_step", min(kept, key=lambda at: abs(at - requested)))
    chosen = st.select_slider("Step", kept, key="pick_step", format_func=lambda at: f"{at:,}", on_change=write,
                              help="The codes at each saved step.")
    return None if chosen == kept[-1] and run.has_result() else chosen


def rows(frame: pd.DataFrame, key: str, param: Param[Any], values: Sequence[Any], *, data: Any = None, **how: Any) -> None:
    """A table in which choosing a row writes that row's value.

    Args:
        values: one a row.
        data: the table as it is drawn, where that is more than the frame (styled).
        how: what ``st.dataframe`` takes.
    """
    def choose() -> None:
        chosen = st.session_state[key]["selection"]["rows"]
        if chosen and chosen[0] < len(values):
            address.write(param, values[chosen[0]])

    st.dataframe(frame if data is None else data, key=key, hide_index=True, on_select=choose, selection_mode="single-row", **how)


def item(cat: Catalogue) -> int:
    """Search an item by its title and choose it."""
    param = address.ITEM.below(cat.n_items)
    chosen = address.read(param, 0)
    left, right = st.columns([2, 3])
    search = left.text_input("Search items", key="item_search", placeholder="words in its title", type="search") or ""
    found = matches(cat, search)
    write = shows(param, "pick_item", chosen)
    titles = cat.items["title"]
    right.selectbox(f"Item ({len(found):,} match)" if search else "Item",
                    [chosen, *(other for other in found if other != chosen)], key="pick_item", on_change=write,
                    format_func=lambda number: str(titles.iloc[number]) or f"item {number}")
    return chosen


@caching.resource(128)
def matches(cat: Catalogue, search: str, at_most: int = 100) -> list[int]:
    """Numbers of the items whose text holds the searched words, those in most histories first."""
    return [int(number) for number in shop.browse(cat, search)["item"].head(at_most)]


def user(cat: Catalogue) -> int:
    """Choose a user by number, by step or at random. Where there is none, the page says so and ends here."""
    if not cat.n_users:
        layout.empty("This dataset has no histories, so there is no user to show; load it together with interactions.")
        st.stop()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = number(address.USER.below(cat.n_users), "User", shop.example(cat)[1], width=180)
        st.button("Random user", icon=":material/shuffle:", key="other_user",
                  on_click=lambda: address.write(address.USER, shop.somebody_else(cat, chosen)))
        st.caption(layout.plain(f"id {cat.user_ids[chosen]}"), width="content")
    return chosen
