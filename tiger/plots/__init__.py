"""Data frame in, Plotly figure out: no Streamlit, and no arithmetic beyond placing things on the page.

Every figure takes ``alt``, its takeaway in one sentence (the ``*_words`` functions of ``reports`` make them),
and keeps it in ``figure.layout.meta["alt"]``.
"""

from tiger.plots.items import residual_strip, walk
from tiger.plots.style import COLOURS, DASHES, SEQUENTIAL, SYMBOLS, colour, mark_changes, style
from tiger.plots.training import code_history, level_lines, loss_lines
from tiger.plots.usage import histogram, usage_bars, usage_heat, usage_over_time

__all__ = ["COLOURS", "DASHES", "SEQUENTIAL", "SYMBOLS", "code_history", "colour",
           "histogram", "level_lines", "loss_lines", "mark_changes", "residual_strip", "style", "usage_bars",
           "usage_heat", "usage_over_time", "walk"]
