"""Class: where is everybody, and what did they find?"""

from tiger.ui.classroom import view
from tiger.ui.shared import address, layout, pickers

layout.heading("classroom", "Who is here, everybody's newest run with the doctor's verdict, and how the lessons were predicted. "
                            "Choose a run to open it or to show it to the class.", terms=False)
view.show(pickers.view(address.CLASS_VIEW))
view.controls()
