"""Home's picture: the pipeline from an item to the next ID, drawn with this session's own numbers.

Plain HTML and SVG in the text's own colour, so that it reads in light, dark and narrow windows.
"""

from base64 import b64encode
from dataclasses import dataclass, field
from html import escape
from typing import Any

import numpy as np
import streamlit as st

from tiger import metrics, quantizers, runs
from tiger.analysis import doctor
from tiger.datasets.catalogue import Catalogue
from tiger.reports import shop
from tiger.runs.records import LearnerConfig

ACCENT = "#cf7a24"
QUIET = "#8d8a85"  # images do not inherit the text's colour; this grey reads on light and on dark
CSS = """<style>
.tg-part{font-size:.8rem;font-weight:600;opacity:.7;margin:.5rem 0 .35rem}
.tg-row{display:flex;align-items:stretch}
.tg-card{flex:1 1 0;min-width:0;box-sizing:border-box;padding:.75rem .85rem .8rem;
 border:1px solid color-mix(in srgb,currentColor 18%,transparent);border-radius:10px;
 background:color-mix(in srgb,currentColor 3%,transparent);display:flex;flex-direction:column;gap:.35rem}
.tg-arrow{flex:0 0 1.9rem;display:flex;align-items:center;justify-content:center;font-size:1.2rem;opacity:.6}
.tg-name{font-size:.85rem;font-weight:650}
.tg-big{font-size:1.2rem;font-weight:650;line-height:1.25;overflow-wrap:anywhere}
.tg-say{font-size:.83rem;line-height:1.4;opacity:.82}
.tg-art{height:84px;display:flex;flex-direction:column;justify-content:center;gap:.3rem;overflow:hidden}
.tg-art img{width:100%;max-width:230px;height:72px;object-fit:contain;object-position:left}
.tg-title{font-size:.9rem;line-height:1.35;display:-webkit-box;-webkit-line-clamp:3;
 -webkit-box-orient:vertical;overflow:hidden}
.tg-id{display:flex;gap:.24rem;flex-wrap:wrap}
.tg-id span{font-size:.8rem;line-height:1.35;padding:.04rem .42rem;border-radius:5px;
 font-variant-numeric:tabular-nums;border:1px solid color-mix(in srgb,#cf7a24 65%,transparent);
 background:color-mix(in srgb,#cf7a24 14%,transparent)}
.tg-id.tg-open span{border-style:dashed;background:none}
@media(max-width:760px){.tg-row{flex-direction:column}.tg-card{flex:0 0 auto}
 .tg-arrow{flex:0 0 1.7rem;transform:rotate(90deg)}.tg-art{height:auto;min-height:0}}
</style>"""


@dataclass(frozen=True)
class Facts:
    """What a run did to the catalogue, in numbers; all empty while there are no codes."""

    quantizer: str = ""
    sizes: list[int] = field(default_factory=list)
    perplexity: list[float] = field(default_factory=list)
    unique: int = 0
    prefixes: list[int] = field(default_factory=list)
    verdict: str = ""
    severity: str = ""
    evidence: list[str] = field(default_factory=list)
    ids_IM: np.ndarray | None = None


def facts(run: runs.Run | None) -> Facts:
    """The run's numbers; computed once per run and newest snapshot."""
    if run is None:
        return Facts()
    steps = run.snapshots()
    return _facts(run.id, run.state, steps[-1] if steps else -1)


@st.cache_data(max_entries=64, show_spinner=False)
def _facts(run_id: str, run_state: str, newest: int) -> Facts:
    run = runs.find(run_id)
    about = run.config.quantizer or LearnerConfig("imported")
    try:
        codes_IL = run.codes()
    except ValueError:  # none yet
        return Facts(about.name)
    n_codes = about.params.get("n_codes") or run.semantic_ids().n_codes[:codes_IL.shape[1]]  # imported: the IDs say it
    sizes = metrics.level_sizes(n_codes, codes_IL.shape[1])
    counts_LK = metrics.code_counts(codes_IL, sizes)
    found = doctor.examine(codes_IL, sizes, events=run.events()[0], params=about.params)
    prefixes = metrics.prefix_numbers(codes_IL)[1].tolist()
    return Facts(about.name, sizes, metrics.perplexity(counts_LK).tolist(),
                 prefixes[-1], prefixes, found.title, str(found.severity), list(found.evidence),
                 run.semantic_ids().ids_IM)


def picture(cat: Catalogue, fact: Facts, item: int, user: int) -> str:
    """The seven stages as HTML, for one example item and one example user."""
    making = [_items(cat, item), _embedding(cat, item), _quantizer(fact, item), _semantic_id(cat, fact, item)]
    using = [_tree(fact), _history(cat, fact, user), _next(fact)]
    return CSS + _row("From an item to its ID", making) + _row("From IDs to a recommendation", using)


def _row(name: str, cards: list[str]) -> str:
    arrow = '<div class="tg-arrow" aria-hidden="true">→</div>'
    return f'<div class="tg-part">{name}</div><div class="tg-row">{arrow.join(cards)}</div>'


def _image(width: int, height: int, shapes: str) -> str:
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}">{shapes}</svg>'
    return f'<img alt="" src="data:image/svg+xml;base64,{b64encode(svg.encode()).decode()}">'


def example(cat: Catalogue) -> tuple[int, int]:
    """The most picked item, and the first user who picked it and has five items or more."""
    item = int(shop.popularity(cat).argmax())
    users = shop.pickers(cat, item)
    long_enough = [int(user) for user in users if len(cat.history(int(user))) >= 5]
    return item, long_enough[0] if long_enough else int(users[0]) if len(users) else 0


def _card(name: str, art: str, big: str, say: str) -> str:
    return (f'<div class="tg-card"><div class="tg-name">{name}</div><div class="tg-art">{art}</div>'
            f'<div class="tg-big">{big}</div><div class="tg-say">{say}</div></div>')


def chips(codes: Any, extra: str = "") -> str:
    """A semantic ID as a row of small boxes; a row of -1 means that the item has none."""
    if -1 in list(codes):
        return '<div class="tg-say">no ID</div>'
    boxes = "".join(f"<span>{escape(str(code))}</span>" for code in codes)
    return f'<div class="tg-id{extra}">{boxes}</div>'


def _items(cat: Catalogue, item: int) -> str:
    title = escape(str(cat.items["title"].iloc[item]) or f"item {item}")
    return _card("1 Items", f'<div class="tg-title">“{title}”</div>', f"{cat.n_items:,} items",
                 f"{cat.n_users:,} people picked {cat.n_interactions:,} times.")


def _embedding(cat: Catalogue, item: int) -> str:
    values = cat.embedding_IE[item][:32]
    top = float(np.abs(values).max()) or 1.0
    bars = "".join(f'<rect x="{n * 7}" y="{35 - max(v, 0) / top * 33:.1f}" width="5" rx="1" '
                   f'height="{max(1.5, abs(v) / top * 33):.1f}" fill="{ACCENT if v > 0 else QUIET}"/>'
                   for n, v in enumerate(values.tolist()))
    width = cat.embedding_IE.shape[1]
    return _card("2 Embedding", _image(224, 70, bars), f"{width} numbers",
                 f"stand for what an item is. The bars are the first {len(values)} of this item's.")


def _quantizer(fact: Facts, item: int) -> str:
    if fact.ids_IM is None:
        return _card("3 Quantizer", _levels([]), "not trained yet", "Train one to give every item its codes.")
    known = quantizers.REGISTRY.get(fact.quantizer)
    words = known.title if known else fact.quantizer.replace("_", " ").capitalize()
    levels = len(fact.sizes)
    chosen = [max(int(code), 0) / size for code, size in zip(fact.ids_IM[item], fact.sizes, strict=False)]
    used = ", ".join(f"{value:.0f}" for value in fact.perplexity)
    made = known.level_summary if known else "Made by another system."
    shape = f"{levels} × {fact.sizes[0]}" if len(set(fact.sizes)) == 1 else " + ".join(map(str, fact.sizes))
    return _card(f"3 {escape(words)}", _levels(chosen), f"{shape} codes",
                 f"{made} In effective use (perplexity): {used}.")


def _levels(chosen: list[float]) -> str:
    rows, n_levels = [], min(len(chosen) or 3, 5)
    for level in range(n_levels):
        at = int(chosen[level] * 16) if chosen else -1
        fills = [f'fill="{ACCENT}"' if n == at else f'fill="{QUIET}" opacity=".35"' for n in range(16)]
        rows += [f'<rect x="{n * 14}" y="{level * 24 + 2}" width="11" height="17" rx="3" {fill}/>'
                 for n, fill in enumerate(fills)]
    return _image(222, 24 * n_levels, "".join(rows))


def _semantic_id(cat: Catalogue, fact: Facts, item: int) -> str:
    if fact.ids_IM is None:
        return _card("4 Semantic ID", chips("???", " tg-open"), "no IDs yet",
                     "The codes of an item, coarse to fine.")
    return _card("4 Semantic ID", chips(fact.ids_IM[item]), f"{fact.unique:,} unique",
                 f"of {cat.n_items:,} by codes alone; items that share all codes get one number more.")


def _tree(fact: Facts) -> str:
    def line(path: str, on: bool) -> str:
        colour, width = (ACCENT, 3) if on else (QUIET, 2)
        return f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="{width}"/>'

    lines = line("M110 8L40 36M110 8L110 36M40 36L16 64M40 36L64 64M110 36L110 64M180 36L204 64", False)
    dots = "".join(f'<circle cx="{x}" cy="{y}" r="6" fill="{ACCENT if on else QUIET}"/>' for x, y, on in (
        (110, 8, 1), (40, 36, 0), (110, 36, 0), (180, 36, 1), (16, 64, 0), (64, 64, 0), (110, 64, 0),
        (156, 64, 1), (204, 64, 0)))
    big = " → ".join(f"{n:,}" for n in fact.prefixes) or "no branches yet"
    return _card("5 Tree", _image(220, 72, lines + line("M110 8L180 36L156 64", True) + dots), big,
                 "Branches at each level. Items with the same first codes sit on the same branch.")


def _history(cat: Catalogue, fact: Facts, user: int) -> str:
    items = cat.history(user) if cat.n_users else np.empty(0, np.int64)
    ids_IM = fact.ids_IM
    rows = [chips("???", " tg-open")] if ids_IM is None else [chips(ids_IM[item]) for item in items[-3:]]
    return _card("6 History", "".join(rows), f"{len(items)} items",
                 f"What user {user} picked, as codes, newest last.")


def _next(fact: Facts) -> str:
    n = fact.ids_IM.shape[1] if fact.ids_IM is not None else 3
    return _card("7 Next ID", chips("?" * n, " tg-open"), "one code at a time",
                 "A sequence model reads the codes and writes the next item's; the tree keeps it to IDs that "
                 "exist.")
