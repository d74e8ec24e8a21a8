"""Data frame in, Plotly figure out: no Streamlit, and no arithmetic beyond placing things on the page.

Every figure takes ``alt``, its takeaway in one sentence (the ``*_summary`` functions of ``reports`` make them),
and keeps it in ``figure.layout.meta["alt"]``.
"""

from tiger.plots.style import COLOURS, DASHES, SEQUENTIAL, SYMBOLS, colour, mark_changes, style
from tiger.plots.training import code_history, level_lines, loss_lines
from tiger.plots.usage import usage_bars, usage_heat
from tiger.plots.walk import batch_levels, residual_strip

__all__ = ["COLOURS", "DASHES", "SEQUENTIAL", "SYMBOLS", "batch_levels", "code_history", "colour",
           "level_lines", "loss_lines", "mark_changes", "residual_strip", "style", "usage_bars",
           "usage_heat"]
