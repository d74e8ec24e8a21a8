"""The Beam page for a room: large type, no codes and no logarithms; the same search, the same address."""

from collections.abc import Sequence
from html import escape

import streamlit as st

from tiger.plots import beam as plot
from tiger.reports.beam_page import BeamRequest, Room
from tiger.ui.beam import controls, steps

CSS = """<style>
[data-testid=stMain] h1{font-size:2.5rem}
[data-testid=stMain] [data-testid=stMarkdownContainer] p,[data-testid=stMain] button p{font-size:1.3rem}
.bp-say{font-size:1.75rem;line-height:1.35;font-weight:600;margin:.2rem 0}
.bp-name{font-size:1.15rem;opacity:.75;margin:.5rem 0 .45rem}
.bp-row{display:flex;flex-wrap:wrap;gap:.6rem}
.bp-five{display:grid;grid-template-columns:repeat(auto-fit,minmax(10.5rem,1fr));gap:.6rem}
.bp-card{font-size:1.15rem;line-height:1.35;padding:.7rem .9rem;border-radius:12px;
 border:1px solid color-mix(in srgb,currentColor 22%,transparent);
 background:color-mix(in srgb,currentColor 4%,transparent)}
.bp-old{flex:0 1 auto;max-width:16rem;font-size:1rem;padding:.5rem .7rem}
.bp-hit{border:3px solid #d6247e;background:color-mix(in srgb,#d6247e 12%,transparent)}
.bp-hit small{color:inherit;font-weight:650}
.bp-card small{display:block;font-size:1rem;opacity:.8;margin-top:.25rem}
.bp-bar{height:.5rem;border-radius:4px;background:#2b8fd0;margin-top:.45rem}
</style>"""
N_HISTORY = 6  # cards of the history


def show(req: BeamRequest, room: Room, popular: Sequence[int]) -> None:
    """The whole view: who, how the choice narrows down, what is suggested, and what everybody would get."""
    st.html(CSS)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        controls.back(req, "Back")
        controls.forward(req, "Next")
        controls.another_user(req, "Random person")
        controls.presenter_switch()
    _history(req)
    st.html(f'<div class="bp-say">{escape(room.story)}</div>')
    if room.tree is not None:
        _tree(req, room)
    if req.level == req.n_levels:
        _suggestions(req, room, popular)


def _history(req: BeamRequest) -> None:
    items = req.search.items
    cards = [f'<div class="bp-card bp-old">{escape(req.title(item))}</div>' for item in items[-N_HISTORY:]]
    more = f", and {len(items) - N_HISTORY} earlier ones" if len(items) > N_HISTORY else ""
    st.html(f'<div class="bp-name">What this person has chosen so far, oldest first{more}</div>'
            f'<div class="bp-row">{"".join(cards)}</div>')


def _tree(req: BeamRequest, room: Room) -> None:
    assert room.tree is not None
    steps.legend(room.tree, room=True)
    st.plotly_chart(plot.tree(room.tree, room.alt, req.n_levels, room=True), key=f"beam_room:{req.level}", alt=room.alt,
                    config={"displayModeBar": False})
    with st.expander("The picture as a table"):
        names = {fate: look.name for fate, look in plot.looks(room=True).items()}
        table = plot.labelled(room.tree[room.tree["level"] > 0], room=True)
        table = table.assign(became=table["fate"].map(names))
        st.dataframe(table[["level", "label", "n_items_below", "became"]], hide_index=True, height=260, column_config={
            "level": "Step", "label": st.column_config.TextColumn("Group, and how likely", width=380),
            "n_items_below": "Things in it", "became": "Outcome"})


def _suggestions(req: BeamRequest, room: Room, popular: Sequence[int]) -> None:
    """Cards: what is suggested to this person, and what everybody would get."""
    own = [_card(req, item, part) for item, part in room.items]
    everybody = [_card(req, item, None) for item in popular]
    whose = "that this person does not have" if req.search.exclude_seen else "the same for everyone"
    st.html(f'<div class="bp-name">Recommended to this person, most likely first. {escape(room.rule)}</div>'
            f'<div class="bp-five">{"".join(own)}</div>'
            f'<div class="bp-name">For comparison: the most popular things, {whose}</div>'
            f'<div class="bp-five">{"".join(everybody)}</div>')
    if room.outcome:
        st.html(f'<div class="bp-say">{escape(room.outcome)}</div>')


def _card(req: BeamRequest, item: int, part: float | None) -> str:
    hit = item == req.target
    bar = "" if part is None else f'<div class="bp-bar" style="width:{max(part, 0.02):.0%}"></div>'
    return (f'<div class="bp-card{" bp-hit" if hit else ""}">{escape(req.title(item))}'
            f'{"<small>✓ chosen next</small>" if hit else ""}{bar}</div>')
