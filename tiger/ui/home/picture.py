"""Home's picture: the pipeline from an item to the next ID, drawn with this session's own numbers.

Plain HTML and SVG in the text's own colour, so that it reads in light, dark and narrow windows.
"""

from base64 import b64encode
from html import escape

import streamlit as st

from tiger.core.words import counted
from tiger.reports import overview as reports
from tiger.reports.overview import CodedBy, Overview
from tiger.ui.shared import caching, chips, layout, state
from tiger.ui.shared.pagelist import BY_KEY, PATH

ACCENT = "#cf7a24"
QUIET = "#8d8a85"  # images do not inherit the text's colour; this grey reads on light and on dark
CSS = """<style>
.tg-part{font-size:.8rem;font-weight:600;opacity:.7;margin:.2rem 0 0}
.tg-card{display:flex;flex-direction:column;gap:.35rem}
.tg-name{font-size:.85rem;font-weight:650}
.tg-big{font-size:1.2rem;font-weight:650;line-height:1.25;overflow-wrap:anywhere}
.tg-art{height:84px;display:flex;flex-direction:column;justify-content:center;gap:.3rem;overflow:hidden}
.tg-art img{width:100%;max-width:230px;height:72px;object-fit:contain;object-position:left}
.tg-title{font-size:.9rem;line-height:1.35;display:-webkit-box;-webkit-line-clamp:3;
 -webkit-box-orient:vertical;overflow:hidden}
[class*=st-key-stage]{position:relative;justify-content:space-between}
[class*=st-key-stage]:hover{border-color:#cf7a24}
[class*=st-key-stage] [data-testid=stPageLink] *{position:static}
[class*=st-key-stage] [data-testid=stPageLink] a::after{content:"";position:absolute;inset:0}
[data-testid=stColumn]:not(:last-child)>div>div>[class*=st-key-stage]::after,
[data-testid=stColumn]:not(:last-child) [class*=st-key-stage]::after{content:"→";position:absolute;right:-1.45rem;top:42%;
 opacity:.6;font-size:1.2rem;pointer-events:none}
@container (max-width:620px){.tg-art{height:auto;min-height:0}
 [data-testid=stColumn]:not(:last-child) [class*=st-key-stage]::after{display:none}}
</style>"""


overview = caching.resource(64)(reports.overview)


def picture(shown: Overview) -> None:
    """The seven stages, each a box that opens its page."""
    coded = shown.coded
    st.html(chips.CSS + CSS)
    _row("From an item to its ID", [("catalogue", _items(shown)), ("map", _embedding(shown)), ("train", _quantizer(coded)),
                                    ("codebooks", _semantic_id(shown, coded))])
    _row("From IDs to a recommendation", [("tree", _tree(coded)), ("catalogue", _history(shown, coded)), ("beam", _next(coded))])


def _row(name: str, cards: list[tuple[str, str]]) -> None:
    st.html(f'<div class="tg-part">{name}</div>')
    for number, (column, (key, card)) in enumerate(zip(st.columns(len(cards), gap="medium"), cards, strict=True)):
        history = name != "From an item to its ID" and key == "catalogue"
        with column.container(border=True, height="stretch", key=f"stage:{key}:{number}"):
            st.html(card)
            st.page_link(BY_KEY[key].file, label="Users and histories" if history else BY_KEY[key].title, icon=BY_KEY[key].icon,
                         query_params=state.link_params(**({"show": "Users"} if history else {})))


def path() -> None:
    """The way through the lab for a first visit: seven steps, each a link to its page."""
    with st.container(border=True, key="path"):
        st.markdown("**Start here: ten minutes.** Seven steps, from points in the plane to a healthy codebook, a "
                    "collapsed one and a recommendation.")
        with st.container(horizontal=True, gap="small", key="path_steps"):
            for number, step in enumerate(PATH, start=1):
                st.page_link(BY_KEY[step.page].file, label=f"{number}. {step.title}", query_params=layout.path_params(number))


def _image(width: int, height: int, shapes: str) -> str:
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}">{shapes}</svg>'
    return f'<img alt="" src="data:image/svg+xml;base64,{b64encode(svg.encode()).decode()}">'


def _card(name: str, art: str, big: str, say: str) -> str:
    return (f'<div class="tg-card"><div class="tg-name">{name}</div><div class="tg-art">{art}</div>'
            f'<div class="tg-big">{big}</div><div class="tg-say">{say}</div></div>')


def _items(shown: Overview) -> str:
    return _card("1 Items", f'<div class="tg-title">“{escape(shown.item_title)}”</div>', counted(shown.n_items, "item"),
                 f"A sample of {counted(shown.n_in_files, 'item')}." if shown.n_in_files else
                 f"{counted(shown.n_users, 'user')} with {counted(shown.n_interactions, 'interaction')}.")


def _embedding(shown: Overview) -> str:
    top = max(map(abs, shown.values)) or 1.0
    bars = "".join(f'<rect x="{n * 7}" y="{35 - max(v, 0) / top * 33:.1f}" width="5" rx="1" '
                   f'height="{max(1.5, abs(v) / top * 33):.1f}" fill="{ACCENT if v > 0 else QUIET}"/>'
                   for n, v in enumerate(shown.values))
    return _card("2 Embedding", _image(224, 70, bars), counted(shown.width, "number"),
                 "describe an item. "
                 f"{'The bar is the first' if len(shown.values) == 1 else f'The bars are the first {len(shown.values)}'} of this "
                 "item's.")


def _quantizer(coded: CodedBy | None) -> str:
    if coded is None:
        return _card("3 Quantizer", _levels([]), "not trained yet", "Train one to give every item its codes.")
    chosen = [max(code, 0) / size for code, size in zip(coded.item_id, coded.n_codes, strict=False)]
    same = len(set(coded.n_codes)) == 1
    shape = f"{len(coded.n_codes)} × {coded.n_codes[0]}" if same else " + ".join(map(str, coded.n_codes))
    return _card(f"3 {escape(coded.title)}", _levels(chosen), f"{shape} codes",
                 f"{coded.level_summary} Perplexity by level: {', '.join(f'{value:.0f}' for value in coded.perplexity)}.")


def _levels(chosen: list[float]) -> str:
    rows, n_levels = [], min(len(chosen) or 3, 5)
    for level in range(n_levels):
        at = int(chosen[level] * 16) if chosen else -1
        fills = [f'fill="{ACCENT}"' if n == at else f'fill="{QUIET}" opacity=".35"' for n in range(16)]
        rows += [f'<rect x="{n * 14}" y="{level * 24 + 2}" width="11" height="17" rx="3" {fill}/>'
                 for n, fill in enumerate(fills)]
    return _image(222, 24 * n_levels, "".join(rows))


def _semantic_id(shown: Overview, coded: CodedBy | None) -> str:
    if coded is None:
        return _card("4 Semantic ID", chips.chips("???", " tg-open"), "no IDs yet", "The codes of an item, one a level.")
    without = shown.n_items - coded.n_items
    of = f"of {shown.n_items:,} by codes alone" if not without else \
        f"of the {counted(coded.n_items, 'item')} with codes; {counted(without, 'has', 'have')} none"
    return _card("4 Semantic ID", chips.chips(coded.item_id), f"{coded.prefixes[-1]:,} unique",
                 f"{of}; items that share all codes get one number more.")


def _tree(coded: CodedBy | None) -> str:
    def line(path: str, on: bool) -> str:
        colour, width = (ACCENT, 3) if on else (QUIET, 2)
        return f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="{width}"/>'

    lines = line("M110 8L40 36M110 8L110 36M40 36L16 64M40 36L64 64M110 36L110 64M180 36L204 64", False)
    dots = "".join(f'<circle cx="{x}" cy="{y}" r="6" fill="{ACCENT if on else QUIET}"/>' for x, y, on in (
        (110, 8, 1), (40, 36, 0), (110, 36, 0), (180, 36, 1), (16, 64, 0), (64, 64, 0), (110, 64, 0),
        (156, 64, 1), (204, 64, 0)))
    big = " → ".join(f"{n:,}" for n in coded.prefixes) if coded else "no branches yet"
    return _card("5 Tree", _image(220, 72, lines + line("M110 8L180 36L156 64", True) + dots), big,
                 "Branches at each level. Items that share a prefix lie on the same branch.")


def _history(shown: Overview, coded: CodedBy | None) -> str:
    rows = [chips.chips("???", " tg-open")] if coded is None else map(chips.chips, coded.history_ids)
    return _card("6 History", "".join(rows), counted(shown.n_history, "item"),
                 f"The history of user {shown.user} as semantic IDs, newest last.")


def _next(coded: CodedBy | None) -> str:
    return _card("7 Next ID", chips.chips("?" * (coded.n_tokens if coded else 3), " tg-open"), "one code at a time",
                 "A sequence model reads the history and generates the next item's ID; the tree restricts it to IDs that "
                 "exist.")
