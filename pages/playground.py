"""Playground: a tiny quantizer on points of the plane, trained step by step in the browser."""

from tiger.ui.playground import component
from tiger.ui.shared import layout

layout.heading("playground", "Every point gets a short **semantic ID**: the code of its cell, then the code of what is left. "
                             "Press **Play** to watch a tiny network learn the cells; then break it.")
with layout.guard("The playground"):
    component.show()
