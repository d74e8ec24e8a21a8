"""Playground: a tiny quantizer on points of the plane, trained step by step in the browser."""

from tiger.ui.playground import component
from tiger.ui.shared import layout

layout.heading("playground", "A quantizer replaces every point by a few **codes**. Press **Play** and watch it learn them; then break it.")
with layout.guard("The playground"):
    component.show()
