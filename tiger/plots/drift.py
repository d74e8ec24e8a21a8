"""Drift: the trade-off between changed IDs and error, code transitions, and changes period by period."""

import pandas as pd
import plotly.graph_objects as go

from tiger.plots.style import QUIET, SYMBOLS, colour, style

SANKEY = ("rgba(0,114,178,{a})", "rgba(213,94,0,{a})", "rgba(0,158,115,{a})", "rgba(204,121,167,{a})",
          "rgba(230,159,0,{a})", "rgba(86,180,233,{a})", "rgba(166,118,29,{a})", "rgba(140,140,140,{a})")


def trade(frame: pd.DataFrame, alt: str) -> go.Figure:
    """Changed IDs against error: one line a remedy, its points the strengths, growing with them.

    Args:
        frame: ``reports.drift.drift_frame``, one period.
    """
    figure, strengths = go.Figure(), sorted(frame["strength"].unique())
    sizes = {strength: 9 + 4 * place for place, strength in enumerate(strengths)}
    for place, (_, part) in enumerate(frame.groupby("remedy")):
        figure.add_scatter(
            x=part["changed"], y=part["error"], mode="lines+markers", name=f"{part['remedy'].iloc[0]} {part['name'].iloc[0]}",
            line={"color": colour(place), "width": 1.3}, customdata=part[["strength", "seconds"]].to_numpy(),
            marker={"symbol": SYMBOLS[place], "size": part["strength"].map(sizes), "color": colour(place),
                    "line": {"width": 1, "color": "rgba(128,128,128,0.7)"}},
            hovertemplate="strength %{customdata[0]:g}: %{x:.1%} of the IDs changed, %{y:.1%} of the variance unexplained, "
                          "%{customdata[1]:.1f} processor seconds<extra>%{fullData.name}</extra>")
    figure.update_xaxes(title="IDs changed", tickformat=".0%", range=[-0.05, 1.05])
    figure.update_yaxes(title="Unexplained variance of the new vectors", tickformat=".0%", rangemode="tozero")
    style(figure, alt, 440)
    return figure.update_layout(legend={"y": -0.22, "yanchor": "top"})


def transitions(frame: pd.DataFrame, alt: str) -> go.Figure:
    """Old level-1 codes on the left, new ones on the right; bands are items. From ``reports.drift.transition_frame``.

    Items whose old code is not among the largest are left out: there are far more of them where codes are many.
    """
    frame = frame[frame["old"] >= 0]
    olds = sorted(frame["old"].unique(), key=lambda code: (code < 0, code))
    news = sorted(frame["new"].unique(), key=lambda code: (code < 0, code))
    left = {code: place for place, code in enumerate(olds)}
    right = {code: len(olds) + place for place, code in enumerate(news)}
    named = [code for code in olds if code >= 0]
    hue = {code: SANKEY[place % 7] for place, code in enumerate(named)} | {-1: SANKEY[7]}
    label = [f"code {code}" if code >= 0 else "other codes" for code in [*olds, *news]]
    figure = go.Figure(go.Sankey(
        arrangement="snap",
        node={"label": label, "pad": 12, "thickness": 16, "line": {"width": 0},
              "color": [hue.get(code, SANKEY[7]).format(a=0.9) for code in [*olds, *news]],
              "hovertemplate": "%{label}, items: %{value:,}<extra></extra>"},
        link={"source": frame["old"].map(left), "target": frame["new"].map(right), "value": frame["items"],
              "color": [hue[code].format(a=0.35) for code in frame["old"]],
              "hovertemplate": "%{source.label} → %{target.label}, items: %{value:,}<extra></extra>"}))
    return style(figure, alt, 420)


def over_periods(frame: pd.DataFrame, value: str, title: str, alt: str) -> go.Figure:
    """A number of every remedy over the periods; period 0 is today.

    Args:
        value: column of ``reports.drift.drift_frame``.
    """
    figure = go.Figure()
    for place, (_, part) in enumerate(frame.groupby("remedy")):
        start = [0.0] if value in ("changed", "token_share") else []
        x = [*range(len(start)), *part["period"]] if start else list(part["period"])
        figure.add_scatter(x=x, y=[*start, *part[value]], mode="lines+markers",
                           name=f"{part['remedy'].iloc[0]} {part['name'].iloc[0]}",
                           line={"color": colour(place), "width": 2}, marker={"symbol": SYMBOLS[place], "size": 9},
                           hovertemplate="period %{x}: %{y:.1%}<extra>%{fullData.name}</extra>")
    figure.update_xaxes(title="Period", dtick=1)
    figure.update_yaxes(title=title, tickformat=".0%", rangemode="tozero")
    style(figure, alt, 360)
    return figure.update_layout(legend={"y": -0.25, "yanchor": "top"})


def changed_bars(frame: pd.DataFrame, alt: str) -> go.Figure:
    """Share of the IDs that changed, one bar a remedy; from ``reports.drift.drift_frame`` of one strength and period."""
    figure = go.Figure(go.Bar(y=frame["name"], x=frame["changed"], orientation="h", marker={"color": colour(0)},
                              texttemplate="%{x:.0%}", textposition="outside", cliponaxis=False,
                              hovertemplate="%{y}: %{x:.1%} of the IDs changed<extra></extra>"))
    figure.update_xaxes(title="IDs changed", tickformat=".0%", range=[0, 1.08])
    figure.update_yaxes(autorange="reversed", type="category")
    style(figure, alt, 110 + 46 * len(frame))
    return figure.update_layout(bargap=0.35)


def recalls(frame: pd.DataFrame, alt: str) -> go.Figure:
    """Recall@10 of the old recommender on new IDs, and after some training steps, with 95 % confidence intervals.

    The line is recall before the drift.
    """
    names = [f"{row.remedy} {row.name_}" for row in frame.rename(columns={"name": "name_"}).itertuples()]
    figure = go.Figure()
    for value, name, place in (("recall_after", "on the new IDs, without training", 0),
                               ("recall_regained", "after some training steps", 4)):
        if value == "recall_after" or frame[value].notna().any():
            half = frame[f"{value}_pm"]
            figure.add_bar(y=names, x=frame[value], orientation="h", name=name, marker={"color": colour(place)},
                           error_x={"type": "data", "array": half.fillna(0), "thickness": 1.2, "color": QUIET,
                                    "visible": bool(half.notna().any())},
                           customdata=[f" ± {one:.4f}" if one == one else "" for one in half],
                           hovertemplate=f"%{{y}}: %{{x:.4f}}%{{customdata}}<extra>{name}</extra>")
    figure.add_vline(x=float(frame["recall_before"].iloc[0]), line={"dash": "dash", "color": QUIET, "width": 1.5},
                     annotation_text="before the drift", annotation_font_size=12)
    figure.update_xaxes(title="Recall@10", rangemode="tozero")
    figure.update_yaxes(autorange="reversed", type="category")
    style(figure, alt, 110 + 52 * len(names))
    return figure.update_layout(barmode="group", bargap=0.25)
