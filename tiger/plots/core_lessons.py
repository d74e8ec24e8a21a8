"""Figures of the core lessons."""

from collections.abc import Mapping

import pandas as pd
import plotly.graph_objects as go

from tiger.plots.style import QUIET, colour, style


def kept(frame: pd.DataFrame, alt: str) -> go.Figure:
    """Explained variance over the codebook's size, a mark a seed.

    Args:
        frame: "codebooks" of ``reports.lesson_numbers.measure``.
    """
    mean = frame.groupby("n_codes", as_index=False)["kept"].mean()
    figure = go.Figure()
    figure.add_scatter(x=mean["n_codes"], y=mean["kept"], mode="lines", name="Mean of the seeds",
                       line={"color": colour(0), "width": 2}, hovertemplate="%{x} codes: %{y:.1%}<extra></extra>")
    figure.add_scatter(x=frame["n_codes"], y=frame["kept"], mode="markers", name="One seed",
                       marker={"color": colour(0), "size": 7}, customdata=frame["seed"],
                       hovertemplate="%{x} codes, seed %{customdata}: %{y:.1%}<extra></extra>")
    figure.update_xaxes(title="Codes in one codebook", type="log", tickvals=mean["n_codes"])
    figure.update_yaxes(title="Variance kept", tickformat=".0%", range=[0, 1])
    return style(figure, alt, 280)


def names(frame: pd.DataFrame, alt: str) -> go.Figure:
    """Distinct IDs and code vectors over the levels that are used.

    Args:
        frame: "levels" of ``reports.lesson_numbers.measure``.
    """
    figure = go.Figure()
    for column, title, look in (("distinct", "Distinct IDs", colour(0)), ("vectors", "Code vectors", QUIET)):
        figure.add_bar(x=frame["levels"], y=frame[column], name=title, marker={"color": look}, text=frame[column],
                       texttemplate="%{text:,}", textposition="outside", cliponaxis=False,
                       hovertemplate="levels: %{x}, IDs: %{y:,}<extra>" + title + "</extra>")
    figure.update_xaxes(title="Levels used", dtick=1)
    figure.update_yaxes(title="Number")
    return style(figure, alt, 280)


def trainings(frame: pd.DataFrame, names: Mapping[str, str], column: str, title: str, alt: str, *,
              ids: bool = False) -> go.Figure:
    """One bar a training, the mean of its seeds, with a mark a seed.

    Args:
        frame: "trainings" of ``reports.lesson_numbers.measure``.
        names: the trainings that are shown, and what they are called.
        column: what the bars' heights are.
        ids: whether the mean number of distinct IDs stands under each bar.
    """
    shown = frame[frame["training"].isin(names)]
    n_ids = shown.groupby("training")["distinct"].mean()
    called = {name: f"{words}<br>{n_ids[name]:,.0f} IDs" if ids else words for name, words in names.items()}
    shown = shown.assign(training=shown["training"].map(called))
    mean = shown.groupby("training")[[column]].mean().loc[list(called.values())]
    figure = go.Figure()
    figure.add_bar(x=mean.index, y=mean[column], name="Mean of the seeds", marker={"color": colour(5)},
                   hovertemplate="%{x}: %{y:.3g}<extra></extra>")
    figure.add_scatter(x=shown["training"], y=shown[column], mode="markers", name="One seed", customdata=shown["seed"],
                       marker={"color": colour(0), "size": 8, "symbol": "diamond"},
                       hovertemplate="%{x}, seed %{customdata}: %{y:.3g}<extra></extra>")
    figure.update_yaxes(title=title, rangemode="tozero", tickformat=".0%" if column == "kept" else None)
    return style(figure, alt, 280)


def collisions(frame: pd.DataFrame, alt: str) -> go.Figure:
    """Items with an ID of their own and items that share one, a bar a run.

    Args:
        frame: "collisions" of ``reports.lesson_numbers.measure``.
    """
    figure = go.Figure()
    parts = (("Own ID", frame["items"] - frame["sharing"]), ("Shared ID", frame["sharing"]))
    for look, (title, value) in enumerate(parts):
        figure.add_bar(x=value, y=frame["run"], orientation="h", name=title, marker={"color": colour(look)},
                       text=value, texttemplate="%{text:,}", hovertemplate="%{y}: %{x:,} items<extra>" + title + "</extra>")
    figure.update_xaxes(title="Items")
    return style(figure, alt, 220).update_layout(barmode="stack")


def purity(frame: pd.DataFrame, alt: str) -> go.Figure:
    """Purity over the levels that are used, learned codes beside LSH: the mean of the seeds.

    Args:
        frame: "purity" of ``reports.lesson_numbers.measure``.
    """
    figure = go.Figure()
    for place, (name, part) in enumerate(frame.groupby("codes", sort=False)):
        mean = part.groupby("level", as_index=False)["purity"].mean()
        figure.add_bar(x=mean["level"], y=mean["purity"], name=str(name), marker={"color": colour(place)}, text=mean["purity"],
                       texttemplate="%{text:.1%}", hovertemplate="levels: %{x}, %{y:.1%}<extra>" + str(name) + "</extra>")
    figure.update_xaxes(title="Levels used", dtick=1)
    figure.update_yaxes(title="Purity", tickformat=".0%", range=[0, 1])
    return style(figure, alt, 280)


def beams(frame: pd.DataFrame, alt: str) -> go.Figure:
    """Share of users whose likeliest item beam search finds, over its width.

    Args:
        frame: "beams" of ``reports.lesson_numbers.measure``.
    """
    figure = go.Figure()
    figure.add_scatter(x=frame["width"], y=frame["found"], mode="lines+markers+text", line={"color": colour(0), "width": 2},
                       text=[f"{value:.0%}" for value in frame["found"]], textposition="bottom right", cliponaxis=False,
                       hovertemplate="Width %{x}: %{y:.1%}<extra></extra>", showlegend=False)
    figure.update_xaxes(title="Beam width", type="log", tickvals=frame["width"])
    figure.update_yaxes(title="Users whose likeliest item is found", tickformat=".0%", range=[0, 1.05])
    return style(figure, alt, 280)
