"""Charts of lines, marks and bars that draw themselves in the browser, without a library: half of a page's wait was Plotly, which
Streamlit makes draw every figure twice.

A figure stays a Plotly figure (``tiger.plots``), which is what people save; ``packed`` reads from it what ``chart.js`` draws, and
``show`` leaves to Plotly what that cannot draw: heat maps, Sankey diagrams, several axes.
"""

from tiger.ui.shared.chart.component import send, show
from tiger.ui.shared.chart.packing import Part, packed

__all__ = ["Part", "packed", "send", "show"]
