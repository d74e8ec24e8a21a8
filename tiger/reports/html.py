"""One HTML file that needs nothing else: text, figures with their data under them, and tables."""

import html
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
import plotly.graph_objects as go

LONG = 30  # rows; a table of more is folded away
STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222;
       background: #fff; }
h1 { font-size: 1.7rem; }
h2 { font-size: 1.25rem; margin-top: 2rem; }
summary { cursor: pointer; }
table { border-collapse: collapse; font-size: 0.85rem; }
th, td { padding: 0.2rem 0.6rem; border-bottom: 1px solid #ddd; text-align: right; }
.wide { overflow-x: auto; }
footer { color: #666; margin-top: 3rem; font-size: 0.85rem; }
"""


@dataclass(frozen=True)
class Part:
    """A section of the page.

    Args:
        title: its heading; "" for none.
        text: plain sentences; an empty line begins a new paragraph.
        figure: drawn below the text; its alt text is the one in ``layout.meta``.
        table: shown at once without a figure, folded away below one and where it is long.
    """

    title: str = ""
    text: str = ""
    figure: go.Figure | None = None
    table: pd.DataFrame | None = None


def page(title: str, parts: Sequence[Part], footer: str = "") -> str:
    """The whole file as text: no address is fetched when it is opened."""
    body, drawn = [f"<h1>{html.escape(title)}</h1>"], False
    for part in parts:
        if part.title:
            body.append(f"<h2>{html.escape(part.title)}</h2>")
        body += [f"<p>{html.escape(text)}</p>" for text in part.text.split("\n\n") if text]
        if part.figure is not None:
            body.append(_figure(part.figure, first=not drawn))
            drawn = True
        if part.table is not None:
            shown = f'<div class="wide">{part.table.to_html(index=False, border=0, float_format=_short)}</div>'
            folded = part.figure is not None or len(part.table) > LONG
            body.append(f"<details><summary>The numbers</summary>{shown}</details>" if folded else shown)
    body.append(f"<footer>{html.escape(footer)}</footer>")
    return ('<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8"><meta name="viewport" '
            f'content="width=device-width"><title>{html.escape(title)}</title><style>{STYLE}</style></head>\n<body>\n'
            + "\n".join(body) + "\n</body></html>\n")


def _figure(figure: go.Figure, first: bool) -> str:
    alt = str((figure.layout.meta or {}).get("alt", ""))
    drawn = go.Figure(figure).update_layout(template="plotly_white")
    inner = drawn.to_html(full_html=False, include_plotlyjs="inline" if first else False, config={"displaylogo": False})
    return f'<figure role="img" aria-label="{html.escape(alt, quote=True)}">{inner}</figure>'


def _short(value: float) -> str:
    return f"{value:z.4g}"
