"""One step of the beam: the tree that grows, and the sum behind a branch's score."""

from functools import partial
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from tiger.plots import beam as plot
from tiger.reports import beam as report
from tiger.reports import beam_tree
from tiger.reports.beam import Prefix
from tiger.search import beam
from tiger.ui.beam import data as beam_data
from tiger.ui.beam import tables as beam_tables
from tiger.ui.beam.data import Scene
from tiger.ui.shared import exports, layout

TREE_COLUMNS: dict[str, Any] = {
    "level": "Level", "branch": "Codes so far", "words": st.column_config.TextColumn("Stands for", width=300),
    "step_logp": st.column_config.NumberColumn("Step log P", format="%.3f"),
    "total_logp": st.column_config.NumberColumn("Total log P", format="%.3f"),
    "n_items_below": st.column_config.NumberColumn("Items below", format="localized"), "fate": "What became of it"}


def show(scene: Scene) -> None:
    """The step's picture, its sentence, its formula, its table, and what an exact search says."""
    found = beam_data.search(scene)
    if scene.level == 0:
        st.markdown(f"Nothing is written yet: one empty beginning, and all {scene.ids.n_ids:,} items are possible. **Press "
                    "Forward:** the model gives every code of level 1 a probability.")
        return
    st.markdown(step_summary(scene, found))
    drawn = picture(scene, found)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        formula(scene, found, drawn)
    with right:
        beam_tables.exact_summary(scene, found)
    beam_tables.candidates(scene, found)
    beam_tables.exact_table(scene, found)


def step_summary(scene: Scene, found: beam.Trace) -> str:
    """What happened at this level, in two sentences."""
    level, n = scene.level, report.counts(found, scene.level)
    before, total = len(report.kept(found, level - 1)), sum(n.values())
    start = (f"**Level {level}:** {before:,} beginning{'s' * (before > 1)} × {scene.ids.n_codes[level - 1]:,} codes = "
             f"{total:,} candidates.")
    if level > scene.ids.n_levels:
        start += " This last number only tells items apart that share all their codes."
    if scene.ask.free:
        return (f"{start} Free search: the best {n[beam.KEPT] + n[report.INVALID]:,} stay; "
                f"beginnings among them that no item has: {n[report.INVALID]:,}.")
    return (f"{start} {n[beam.OUTSIDE]:,} begin no item's ID and go; of the others the best {n[beam.KEPT]:,} stay"
            + (f", and {n[beam.FULL]:,} go because the beam is full." if n[beam.FULL] else "."))


def picture(scene: Scene, found: beam.Trace) -> list[str]:
    """The tree; a click on a branch explains it below. Returns the branches that are drawn, likeliest first."""
    frame, alt = tree_frame(scene, found)
    headers = ["history", *(f"level {level}" for level in range(1, scene.n_levels + 1))]
    figure = _figure(f"{scene.key}:{scene.ask}:{scene.level}:{scene.target}", alt, scene.n_levels, headers, frame)
    legend(frame)
    key, name = f"beam_tree:{scene.level}", f"beam-tree-{scene.user}-{scene.level}"
    st.plotly_chart(figure, key=key, alt=alt, config=exports.config(name), selection_mode="points",
                    on_select=partial(_clicked, key))
    hidden = beam_tree.hidden(frame, report.counts(found, scene.level), scene.level)
    st.caption(f"The wider an edge, the likelier its code. Drawn of this level: {hidden}. Click a mark, or "
               "choose a branch below, to see its sum.")
    as_table(figure, frame, name)
    return [report.text(prefix) for prefix in frame.sort_values("total_logp", ascending=False)["prefix"] if prefix]


GLYPHS = {"circle": "●", "circle-open": "○", "triangle-down-open": "▽", "x-thin-open": "✕", "x": "✖", "square-open": "□",
          "triangle-up": "▲", "star": "★", "diamond-open": "◇"}


def legend(frame: pd.DataFrame, marks: dict[str, plot.Mark] | None = None, big: bool = False) -> None:
    """What the marks of a tree mean, as a line that wraps where the page is narrow."""
    parts = [f'<span style="white-space:nowrap"><b aria-hidden="true" style="color:{look.colour}">{GLYPHS[look.symbol]}</b> '
             f"{look.name}</span>" for look in plot.shown(frame, marks).values()]
    size = "1.05rem" if big else ".82rem"
    st.html(f'<div style="display:flex;flex-wrap:wrap;gap:.1rem 1.1rem;font-size:{size}">{"".join(parts)}</div>')


def as_table(figure: go.Figure, frame: pd.DataFrame, name: str) -> None:
    """The drawn branches as a table, and what saves them and the tree."""
    table = frame[frame["level"] > 0].assign(branch=[report.text(prefix) for prefix in frame["prefix"]][1:])
    table = table[["level", "branch", "words", "step_logp", "total_logp", "n_items_below", "fate"]]
    exports.under(figure, name, table, config=TREE_COLUMNS)


def tree_frame(scene: Scene, found: beam.Trace) -> tuple[pd.DataFrame, str]:
    """The branches to draw with their labels, and the picture's takeaway."""
    level, missed = scene.level, beam_tables.missed(scene, found)
    frame = beam_tree.grown(found, level, [scene.target_id, *missed[:3]])
    about = beam_data.about(scene, frame["prefix"].tolist())
    frame = labelled(scene, frame, about)
    frame["target"] = [bool(prefix) and scene.target_id[:len(prefix)] == prefix for prefix in frame["prefix"]]
    frame["exact"] = [prefix in missed for prefix in frame["prefix"]]
    best = frame[frame["level"] == level].sort_values("total_logp").iloc[-1]
    alt = (f"Beam search after level {level}: {len(report.kept(found, level)):,} beginnings kept; the likeliest is "
           f"{report.text(best['prefix'])} ({best['words'] or 'no item'}) with probability {share(best['total_logp'])}.")
    return frame, alt


def labelled(scene: Scene, frame: pd.DataFrame, about: pd.DataFrame) -> pd.DataFrame:
    """What stands beside each branch, over it, and under the pointer."""
    words = about["words"].tolist()
    label, hover = [], []
    for row, said in zip(frame.itertuples(), words, strict=True):
        short = shell_text(said, 44)
        code = f"<b>{row.code}</b>  " if row.code >= 0 else ""
        label.append(f"{code}{short or 'no item'}  {share(row.total_logp)}")
        hover.append(f"{report.text(row.prefix) or 'the history'}<br>{shell_text(said, 90)}<br>step log P {row.step_logp:.3f}, "
                     f"total {row.total_logp:.3f}<br>{row.n_items_below:,} items below, {row.fate}")
    return frame.assign(words=words, label=label, short=[str(code) for code in frame["code"]], hover=hover)


def shell_text(text: str, longest: int) -> str:
    """Text for a figure: short, and nothing in it read as a tag."""
    cut = text if len(text) <= longest else text[:longest - 1].rstrip() + "…"
    return cut.replace("&", "&amp;").replace("<", "&lt;")


def share(logp: float) -> str:
    """A log-probability as a percentage."""
    share = 100 * 2.718281828459045 ** logp
    return f"{share:.0f} %" if share >= 10 else f"{share:.2g} %" if share >= 0.01 else "< 0.01 %"


@st.cache_resource(max_entries=128, show_spinner=False)
def _figure(key: str, alt: str, n_levels: int, headers: list[str], _frame: pd.DataFrame) -> go.Figure:
    return plot.tree(_frame, alt, n_levels, headers)


def _clicked(key: str) -> None:
    points = st.session_state[key]["selection"]["points"]
    names = [point.get("customdata") for point in points if point.get("customdata")]
    if names:
        name = names[0]
        st.query_params["pick"] = str(name[0] if isinstance(name, list | tuple) else name)


def picked(scene: Scene, found: beam.Trace) -> Prefix:
    """The branch that the address names, as far as the search met it; else the likeliest one of this level."""
    written = st.query_params.get("pick", "")
    prefix = report.prefix_of(written, scene.ids.n_codes)
    if prefix and len(prefix) <= scene.level and report.find(found, prefix) is not None:
        return prefix
    if written:
        st.query_params.pop("pick", None)
    return found.steps[scene.level - 1]["prefix"].iloc[0] if scene.ask.free else report.kept(found, scene.level)[0]


def formula(scene: Scene, found: beam.Trace, drawn: list[str]) -> None:
    """The sum behind a branch's score, with its numbers; ``drawn`` are the branches to choose from by keyboard."""
    prefix = picked(scene, found)
    st.session_state["beam_branch"] = report.text(prefix)
    st.selectbox("Branch", dict.fromkeys([report.text(prefix), *drawn]), key="beam_branch", width=260,
                 on_change=lambda: st.query_params.update(pick=st.session_state["beam_branch"]))
    way = report.path(found, prefix)
    words = beam_data.about(scene, [prefix])["words"].iloc[0]
    st.markdown(f"**Why {report.text(prefix)} scores as it does**" + (f" ({layout.plain(words)})" if words else ""))
    st.markdown(r"$\displaystyle \log P(c_{1..l}\mid h)=\sum_{i=1}^{l}\log p(c_i\mid c_{<i},h)$")  # inline: it wraps
    parts = " ".join(f"{value:+.3f}" for value in way["step_logp"]).removeprefix("+")
    total = way["total_logp"].iloc[-1]
    share_tex = share(total).replace("%", r"\%")
    st.markdown(rf"$\log P({','.join(map(str, prefix))}\mid h)$ $={parts}$ $={total:.3f},$ ${{P=e^{{{total:.3f}}}={share_tex}}}$")
    place, fate = way["place"].iloc[-1], way["fate"].iloc[-1]
    heat = scene.ask.heat[:scene.level]
    if any(value != 1 for value in heat):
        st.caption(r"With a temperature $T_l$, $p(c_l\mid c_{<l},h)=\mathrm{softmax}(z_l/T_l)$; here $T=" + ",\\,".join(
            f"{value:g}" for value in heat) + "$.")
    st.caption(f"Place {place:,.0f} of {way['n_candidates'].iloc[-1]:,} candidates; {fate}. The last that was kept has "
               f"{way['worst_kept'].iloc[-1]:.3f}.")
