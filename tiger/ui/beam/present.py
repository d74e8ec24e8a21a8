"""The Beam page for a room: large type, no codes and no logarithms; the same search, the same address."""

from dataclasses import replace
from functools import partial
from html import escape

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from tiger.plots import beam as plot
from tiger.plots.beam import Mark
from tiger.reports import beam as report
from tiger.reports import beam_tree
from tiger.search import beam
from tiger.ui.beam import (
    data as beam_data,
)
from tiger.ui.beam import (
    others as beam_others,
)
from tiger.ui.beam import (
    setup as beam_setup,
)
from tiger.ui.beam import (
    state as beam_state,
)
from tiger.ui.beam import (
    steps as beam_steps,
)
from tiger.ui.beam.data import Scene

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
MARKS = {"kept": Mark("still in the running", "circle", "#2b8fd0", "solid"),
         beam_tree.DROPPED: Mark("set aside", "circle-open", "#d98e04", "dash"),
         beam.FULL: Mark("set aside: less likely", "triangle-down-open", "#d98e04", "dash"),
         "target": Mark("what this person really chose next", "star", "#d6247e", "solid")}
FULL_WORDS = {"displayModeBar": False}
N_OLD, N_NEW = 6, 5


def show(scene: Scene) -> None:
    """The whole view: who, how the choice narrows down, what is suggested."""
    scene = replace(scene, ask=replace(scene.ask, free=False), before=None)
    st.html(CSS)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        level = scene.level
        st.button("Back", icon=":material/arrow_back:", key="beam_back", disabled=level == 0,
                  on_click=partial(beam_state.go, level - 1))
        st.button("Next", icon=":material/arrow_forward:", key="beam_forward", disabled=level == scene.n_levels,
                  icon_position="right", type="primary", on_click=partial(beam_state.go, level + 1))
        st.button("Another person", icon=":material/shuffle:", key="beam_other",
                  on_click=partial(beam_state.choose_user, beam_setup.shop.somebody_else(scene.cat, scene.user)))
        beam_setup.presenter_switch()
    _past(scene)
    found = beam_data.search(scene)
    st.html(f'<div class="bp-say">{escape(story(scene, found))}</div>')
    if scene.level > 0:
        _tree(scene, found)
    if scene.level == scene.n_levels:
        _suggestions(scene, found)


def left_over(scene: Scene, found: beam.Trace, level: int) -> int:
    """How many items are still possible after a level."""
    if level == 0:
        return scene.ids.n_ids
    step = found.steps[level - 1]
    return int(step.loc[step["kept"], "n_items_below"].sum())


def story(scene: Scene, found: beam.Trace) -> str:
    """Where the search stands, without jargon."""
    level, now = scene.level, left_over(scene, found, scene.level)
    if level == 0:
        return f"What comes next? The shop has {now:,} things to choose from."
    before = left_over(scene, found, level - 1)
    if level == scene.n_levels:
        return f"Done: {now:,} things are left. The likeliest of them are suggested below."
    if now == before:
        return f"Step {level}: a closer look at the same {now:,} things."
    return f"Step {level}: from {before:,} things down to {now:,}. Thick lines are likely groups of things."


def _past(scene: Scene) -> None:
    items = scene.ask.items
    cards = [f'<div class="bp-card bp-old">{escape(scene.title(item))}</div>' for item in items[-N_OLD:]]
    more = f", and {len(items) - N_OLD} before these" if len(items) > N_OLD else ""
    st.html(f'<div class="bp-name">What this person chose so far, oldest first{more}</div>'
            f'<div class="bp-row">{"".join(cards)}</div>')


def _tree(scene: Scene, found: beam.Trace) -> None:
    level = scene.level
    target = [scene.target_id] if level == scene.n_levels else [scene.target_id[:level]]
    frame = beam_tree.grown(found, level, target, n_kept=6, n_full=2, n_outside=0, n_dropped=1)
    about = beam_data.about(scene, frame["prefix"].tolist())
    words = [text.rstrip(",") or "this person" for text in about["words"]]
    label = [f"{beam_steps.shell_text(text, 34)}  {beam_steps.share(logp)}"
             for text, logp in zip(words, frame["total_logp"], strict=True)]
    hover = [f"{beam_steps.shell_text(text, 90)}<br>{n:,} things" for text, n in zip(words, frame["n_items_below"], strict=True)]
    short = ["" if n == 1 else beam_steps.shell_text(text.split(",")[0], 18)
             for text, n in zip(words, frame["n_items_below"], strict=True)]
    target_id = scene.target_id
    frame = frame.assign(label=label, hover=hover, short=short,
                         target=[bool(prefix) and target_id[:len(prefix)] == prefix for prefix in frame["prefix"]])
    alt = f"{story(scene, found)} The likeliest: {words[_likeliest(frame, level)]}."
    headers = ["", *(f"step {at}" for at in range(1, scene.n_levels + 1))]
    figure = _figure(f"{scene.key}:{scene.ask}:{level}:{scene.target}", alt, scene.n_levels, headers, frame)
    beam_steps.legend(frame, MARKS, big=True)
    st.plotly_chart(figure, key=f"beam_room:{level}", alt=alt, config=FULL_WORDS)
    with st.expander("The picture as a table"):
        table = frame[frame["level"] > 0].assign(group=label[1:], became=lambda rows: [
            MARKS[fate].name if fate in MARKS else fate for fate in rows["fate"]])
        st.dataframe(table[["level", "group", "n_items_below", "became"]], hide_index=True, height=260, column_config={
            "level": "Step", "group": st.column_config.TextColumn("Group, and how likely", width=380),
            "n_items_below": "Things in it", "became": "What became of it"})


def _likeliest(frame: object, level: int) -> int:
    here = frame[frame["level"] == level]  # type: ignore[index]
    return int(here["total_logp"].idxmax())


@st.cache_resource(max_entries=64, show_spinner=False)
def _figure(key: str, alt: str, n_levels: int, headers: list[str], _frame: object) -> go.Figure:
    return plot.tree(_frame, alt, n_levels, headers, big=True, marks=MARKS)  # type: ignore[arg-type]


def _suggestions(scene: Scene, found: beam.Trace) -> None:
    """Cards: what is suggested to this person, and what everybody would get."""
    items = found.items.head(N_NEW)
    top = float(np.exp(items["logp"].max())) if len(items) else 1.0
    own = [_card(scene, int(row.item), float(np.exp(row.logp)) / top) for row in items.itertuples()]
    everybody = [_card(scene, item, None) for item in beam_others.listed(scene, None)[:N_NEW].tolist()]
    st.html(f'<div class="bp-name">Suggested to this person, likeliest first</div><div class="bp-five">{"".join(own)}'
            '</div><div class="bp-name">For comparison: the most popular things, the same for everybody</div>'
            f'<div class="bp-five">{"".join(everybody)}</div>')
    if scene.target is None:
        return
    place = found.items.loc[found.items["item"] == scene.target, "rank"]
    title = escape(scene.title(scene.target))
    if len(place):
        said = f"What this person really chose next, {title}, is suggestion no. {int(place.iloc[0])}."
    else:
        lost = report.lost_at(found, scene.target_id) if scene.target_id else None
        said = f"What this person really chose next, {title}, was set aside" + (f" at step {lost}." if lost else ".")
    st.html(f'<div class="bp-say">{said}</div>')


def _card(scene: Scene, item: int, part: float | None) -> str:
    hit = item == scene.target
    bar = "" if part is None else f'<div class="bp-bar" style="width:{max(part, 0.02):.0%}"></div>'
    return (f'<div class="bp-card{" bp-hit" if hit else ""}">{escape(scene.title(item))}'
            f'{"<small>✓ really chosen next</small>" if hit else ""}{bar}</div>')
