"""Cold items and diversity: recall over K and epsilon, entropy beside the paper's, recall against entropy."""

import pandas as pd
import plotly.graph_objects as go

from tiger.plots.style import DASHES, SYMBOLS, colour, style


def cold_lines(frame: pd.DataFrame, x: str, title: str, alt: str) -> go.Figure:
    """Recall of cold next items, one line a method.

    Args:
        frame: ``reports.cold.over_k`` or ``over_epsilon``.
        x: "k" or "epsilon".
    """
    figure = go.Figure()
    for place, (method, part) in enumerate(frame.sort_values(x).groupby("title", sort=False)):
        figure.add_scatter(x=part[x], y=part["recall"], mode="lines+markers", name=str(method),
                           line={"color": colour(place), "dash": DASHES[place], "width": 2},
                           marker={"symbol": SYMBOLS[place], "size": 9},
                           hovertemplate="%{x:g}: %{y:.1%}<extra>%{fullData.name}</extra>")
    figure.update_xaxes(title=title)
    figure.update_yaxes(title="Recall", tickformat=".0%", rangemode="tozero")
    style(figure, alt, 340)
    return figure.update_layout(legend={"y": -0.28, "yanchor": "top"})


def entropy_bars(frame: pd.DataFrame, alt: str) -> go.Figure:
    """Entropy@K at every temperature: ours in colour, the paper's as hollow bars; from ``beside_the_paper``."""
    figure = go.Figure()
    for place, (k, part) in enumerate(frame.groupby("k")):
        names = [f"T = {heat:g}" for heat in part["heat"]]
        figure.add_bar(x=names, y=part["ours"], name=f"Entropy@{k}, here", marker={"color": colour(place)},
                       hovertemplate="%{x}: %{y:.2f} nats<extra>%{fullData.name}</extra>", offsetgroup=f"{k}")
        figure.add_bar(x=names, y=part["reported"], name=f"Entropy@{k}, as reported", offsetgroup=f"{k}p",
                       marker={"color": "rgba(0,0,0,0)", "line": {"width": 2, "color": colour(place)}},
                       hovertemplate="%{x}: %{y:.2f} as reported<extra>%{fullData.name}</extra>")
    figure.update_yaxes(title="Entropy of the categories (nats)", rangemode="tozero")
    style(figure, alt, 360)
    return figure.update_layout(barmode="group", bargap=0.25, legend={"y": -0.15, "yanchor": "top"})


def recall_entropy(frame: pd.DataFrame, alt: str) -> go.Figure:
    """Recall@10 against Entropy@10, one mark a setting; from ``reports.diversity.diversity_frame``."""
    figure = go.Figure()
    groups = {"beam search": frame["heat"].isna(), "all levels": frame["heat"].notna() & (frame["level"] == 0),
              "one level alone": frame["level"] > 0}
    places = ("middle right", "top center", "bottom center")
    for place, (name, which) in enumerate(groups.items()):
        part = frame[which]
        short = part["name"] if place < 2 else [f"L{level}" for level in part["level"]]
        figure.add_scatter(x=part["entropy10"], y=part["recall"], name=name, text=short, textposition=places[place],
                           mode="lines+markers+text" if place == 1 else "markers+text", textfont={"size": 11},
                           line={"color": colour(place), "width": 1.5}, customdata=part["name"],
                           marker={"symbol": SYMBOLS[place], "size": 12, "color": colour(place)},
                           hovertemplate="%{customdata}: Entropy@10 %{x:.2f}, recall@10 %{y:.3f}<extra></extra>")
    figure.update_xaxes(title="Entropy@10 of the categories (nats)")
    figure.update_yaxes(title="Recall@10", rangemode="tozero")
    style(figure, alt, 360)
    return figure.update_layout(legend={"y": -0.2, "yanchor": "top"})
