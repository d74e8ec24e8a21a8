"""One item's way through the levels, in numbers and as a picture. No Streamlit here.

A *trace* is what ``Quantizer.trace`` gives: latent (N, Z), codes (N, L), residual (N, L+1, Z) before each level
and after the last, chosen (N, L, Z) codebook vectors, error (N, L+1) squared norms of the residuals.
"""

import re
from collections.abc import Mapping

import numpy as np
import pandas as pd
import plotly.graph_objects as go

Trace = Mapping[str, np.ndarray]
FORMULA = r"r_1 = z,\quad c_l = \arg\min_k \lVert r_l - e^{(l)}_k \rVert^2,\quad r_{l+1} = r_l - e^{(l)}_{c_l}\;"


def formula_with_numbers(trace: Trace, row: int, level: int) -> str:
    """The residual step of one level with this item's first numbers, as LaTeX; the space at its end keeps it from scrolling."""
    before, chosen, after = (vector(part) for part in (trace["residual"][row, level], trace["chosen"][row, level],
                                                       trace["residual"][row, level + 1]))
    code = int(trace["codes"][row, level])
    sizes = trace["error"][row, level:level + 2]
    n, m = level + 1, level + 2
    return (rf"\begin{{aligned}} r_{{{m}}} &= r_{{{n}}} - e^{{({n})}}_{{{code}}} = {before} - {chosen} = {after}\\"
            rf"\lVert r_{{{n}}} \rVert^2 &= {sizes[0]:.3g}, \quad \lVert r_{{{m}}} \rVert^2 = {sizes[1]:.3g} \end{{aligned}}\;")


def reconstruction_summary(x_E: np.ndarray, recon_E: np.ndarray) -> str:
    """How well the codes give the embedding back, with the formula."""
    whole, missing = float(np.square(x_E).sum()) or 1.0, float(np.square(x_E - recon_E).sum())
    return (rf"Decoded: $\lVert x - \hat x \rVert^2 = {missing:.3g}$ of $\lVert x \rVert^2 = {whole:.3g}$; the codes "
            f"give back {max(0.0, 1 - missing / whole):.0%} of the embedding.")


def vector(values_Z: np.ndarray, shown: int = 3) -> str:
    """The first numbers of a vector."""
    numbers = ",\\,".join(f"{value:.2g}" for value in values_Z[:shown])
    return f"({numbers}{',…' if len(values_Z) > shown else ''})"


def lines(trace: Trace, row: int) -> dict[str, np.ndarray]:
    """The walk's vectors by name, in order: residual, chosen code, residual ... for ``plots.residual_strip``."""
    found = {}
    for level, code in enumerate(trace["codes"][row]):
        found["z = r<sub>1</sub>" if level == 0 else f"r<sub>{level + 1}</sub>"] = trace["residual"][row, level]
        found[f"level {level + 1}: − code {code}"] = trace["chosen"][row, level]
    found[f"left: r<sub>{len(trace['codes'][row]) + 1}</sub>"] = trace["residual"][row, -1]
    return found


def strips_frame(trace: Trace, row: int) -> pd.DataFrame:
    """The numbers of the walk's strips: one row a vector, named in plain text, one column a dimension."""
    found = lines(trace, row)
    names = [re.sub("<[^>]*>", "", name) for name in found]
    frame = pd.DataFrame(np.stack(list(found.values()))).add_prefix("dimension ")
    frame.insert(0, "strip", names)
    return frame


def batch_levels(trace: Trace) -> pd.DataFrame:
    """What a batch's residuals look like before each level and after the last: mean and spread of |r|^2."""
    error_NM = trace["error"]
    low, middle, high = np.quantile(error_NM, (0.1, 0.5, 0.9), axis=0)
    mean_M = error_NM.mean(0)
    n_levels = error_NM.shape[1] - 1
    used = [len(np.unique(trace["codes"][:, level])) for level in range(n_levels)]
    return pd.DataFrame({
        "residual": [f"before level {level + 1}" for level in range(n_levels)] + ["after the last"],
        "mean": mean_M, "p10": low, "median": middle, "p90": high, "left": mean_M / (mean_M[0] or 1.0),
        "codes_used": [*used, None],
    })


def batch_figure(frame: pd.DataFrame, alt: str, height: int = 250) -> go.Figure:
    """The batch's residual sizes as bars: mean, with the range of the middle 80 %."""
    figure = go.Figure(go.Bar(
        x=frame["residual"], y=frame["mean"], marker_color="#d98024",
        error_y={"type": "data", "symmetric": False, "array": frame["p90"] - frame["mean"], "thickness": 1.2,
                 "arrayminus": frame["mean"] - frame["p10"], "color": "#8a8580", "width": 4},
        hovertemplate="%{x}: mean |r|² = %{y:.4g}<extra></extra>"))
    figure.update_layout(height=height, margin={"l": 8, "r": 8, "t": 12, "b": 8}, bargap=0.45, meta={"alt": alt})
    figure.update_yaxes(title_text="|r|²", rangemode="tozero", range=[0, 1.2 * float(frame["p90"].max() or 1.0)])
    return figure
