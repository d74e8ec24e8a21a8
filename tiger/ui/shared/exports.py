"""Take things away: every table has its CSV, every figure its HTML page and its picture."""

from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from tiger.core.tables import csv_bytes
from tiger.core.words import counted
from tiger.ui.shared import chart as drawn
from tiger.ui.shared.layout import plain, unfold

Figure: TypeAlias = "go.Figure | Callable[[], go.Figure]"
Table: TypeAlias = "pd.DataFrame | Callable[[], pd.DataFrame]"
LABEL = "Data and export"
Columns = dict[str, Any]
"""Streamlit's column configuration, by column of a data frame."""
CONFIG = {"displaylogo": False, "modeBarButtons": [["toImage"]]}  # the camera saves the figure as PNG


def csv_button(frame: pd.DataFrame | Callable[[], pd.DataFrame], name: str, label: str = "CSV",
               rows: int | None = None) -> None:
    """A small button that saves a table as ``name.csv``; pressing it changes nothing on the page.

    Args:
        frame: the table, or what makes it once the button is pressed; ``rows`` says how long it will be.
    """
    n_rows = len(frame) if isinstance(frame, pd.DataFrame) else rows
    st.download_button(label, lambda: csv_bytes(frame if isinstance(frame, pd.DataFrame) else frame()), f"{name}.csv",
                       "text/csv", key=f"csv:{name}", icon=":material/download:", type="tertiary", on_click="ignore",
                       help=f"{counted(n_rows or 0, 'row')} as {name}.csv")


def config(name: str, **more: object) -> dict[str, object]:
    """A chart's settings: no logo, and a camera that saves a PNG called ``name``, twice as fine as on the screen."""
    return CONFIG | {"toImageButtonOptions": {"format": "png", "filename": name, "scale": 2}} | more


def html_button(figure: Figure, name: str) -> None:
    """A small button that saves a figure as a page of its own, which opens without a network and exports PNG, too.

    Args:
        figure: the figure, or what makes it once the button is pressed.
    """
    st.download_button("Figure as HTML", lambda: html_bytes(figure if isinstance(figure, go.Figure) else figure(), name),
                       f"{name}.html", "text/html", key=f"html:{name}",
                       icon=":material/download:", type="tertiary", on_click="ignore",
                       help=f"An interactive page, {name}.html; its camera button saves a PNG.")


def html_bytes(figure: go.Figure, name: str) -> bytes:
    """The figure as a whole page, on white, with its alt text as the page's description."""
    alt = (figure.layout.meta or {}).get("alt", name)
    shown = go.Figure(figure).update_layout(template="plotly_white", paper_bgcolor="#ffffff", plot_bgcolor="#ffffff")
    page = shown.to_html(include_plotlyjs=True, config=config(name))
    safe = str(alt).replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
    head = f'<html lang="en"><head><title>{safe}</title><meta name="description" content="{safe}" />'
    return page.replace("<html>\n<head>", head, 1).encode()


def under(figure: Figure, name: str, table: Table, rows: int | None = None,
          whole: Callable[[], pd.DataFrame] | None = None, config: Columns | None = None, key: str = "") -> None:
    """What stands under every figure, folded away: its numbers as a table, as CSV, and the figure as HTML and PNG.

    Args:
        key: of a part that stays as it is, folded or not, when the figure is another one; else every ``name`` has its own.
    """
    unfold(LABEL, key or f"open:{name}", partial(numbers, figure, name, table, rows, whole, config))


def unsigned_zeros(frame: pd.DataFrame) -> pd.DataFrame:
    """For a table with three decimals: what is below zero and rounds to nothing is 0, so that nothing reads "-0.000"."""
    return frame.assign(**{str(name): column.mask((column <= 0) & (column > -5e-4), 0.0)
                           for name, column in frame.select_dtypes("floating").items()})


def chart(figure: go.Figure, key: str, name: str, table: Table, *, columns: Columns | None = None) -> None:
    """A figure with its alt text, its numbers under it, and both to save.

    Args:
        key: of the chart on the page.
        name: of the files that are saved.
        table: the figure's numbers.
        columns: the table's column configuration.
    """
    drawn.show(figure, key, config(name))
    under(figure, name, table, config=columns)


def titled(finding: str, reading: str) -> None:
    """What stands over a chart: what it shows of this run, its first sentence as the title, and how to read it."""
    first, _, rest = plain(finding.rstrip(".")).partition(". ")
    st.markdown(f"**{first}.** {rest}{'.' * bool(rest)}" if rest else f"**{first}**")
    st.caption(reading)


def numbers(figure: Figure, name: str, table: Table, rows: int | None = None,
            whole: Callable[[], pd.DataFrame] | None = None, config: Columns | None = None) -> None:
    """A figure's table and what saves it.

    Args:
        figure: the Plotly figure, or what makes its like where the page draws with Vega-Lite.
        table: what is shown, or what makes it.
        rows, whole: length and maker of the whole table, where ``table`` is only its beginning.
        config: the table's column configuration.
    """
    table = table if isinstance(table, pd.DataFrame) else table()
    st.dataframe(table, hide_index=True, height=260 if len(table) > 6 else "auto", key=f"under:{name}", column_config=config)
    buttons(figure, name, whole or table, rows)


def buttons(figure: Figure, name: str, table: pd.DataFrame | Callable[[], pd.DataFrame], rows: int | None = None) -> None:
    """What saves a figure and its table, in one row; for figures whose table is open anyway."""
    with st.container(horizontal=True, vertical_alignment="center"):
        csv_button(table, name, "Table as CSV", rows)
        html_button(figure, name)
        where = "button at the figure's upper right" if isinstance(figure, go.Figure) else "camera button in the HTML page"
        st.caption(f"PNG: the {where}.", width="content")
