"""Streamlit's server with the heavy imports done beforehand, so that the first visitor does not wait for them.

    python -m tiger.ui.shared.serve [words for Streamlit]
"""

import importlib
import sys
import threading

from streamlit.web import cli

from tiger.ui.shared import layout  # noqa: F401  all that Home needs, pandas included

LATER = ("plotly.graph_objects", "sklearn.cluster", "torch")  # Home does without them, other pages do not


def warm() -> None:
    """Import what is needed soon, while the server already answers."""
    for name in LATER:
        importlib.import_module(name)


def main() -> None:
    """Serve ``app.py`` until it is interrupted."""
    threading.Thread(target=warm, name="tiger-warm", daemon=True).start()
    sys.argv = ["streamlit", "run", "app.py", *sys.argv[1:]]
    cli.main(prog_name="streamlit")


if __name__ == "__main__":
    main()
