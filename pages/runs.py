"""Runs: how do all runs compare?"""

from tiger.ui.runs import chosen, compare, sweep, view
from tiger.ui.shared import layout

layout.heading("runs", "Every run of this workspace in one table. Tick runs to compare their curves and parameters; tick one to "
                       "open, name, tag or delete it.")
page = view.answer()
sweep.form()
view.filters(page)
view.groups(page)
view.table(page)
view.keep_current(page)
rows = chosen.rows()
chosen.actions(rows)
sweep.show(rows)
if len(rows) > 1:
    compare.show(rows)
