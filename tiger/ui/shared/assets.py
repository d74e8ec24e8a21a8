"""The files that a page's component is made of in the browser."""

from pathlib import Path


def joined(folder: Path, *names: str) -> str:
    """A component's files one behind the other, so that the parts of a script are one module."""
    return "\n".join((folder / name).read_text(encoding="utf-8") for name in names)


ADDRESS = joined(Path(__file__).parent, "address.js") + "\n"
"""For components that write what they show into the address themselves, ``keepInAddress``, and tell the server a moment later:
``tellSoon`` and ``leaveUntold``."""

SYMBOLS = joined(Path(__file__).parent, "symbols.js") + "\n"
"""For components that draw SVG: ``make``, and marks and dashed lines by Plotly's names, ``outline`` and ``DASHES``."""
