"""Class: where is everybody, and what did they find?"""

from tiger.ui.classroom import view
from tiger.ui.shared import address, layout, pickers

layout.heading("classroom", "Everybody's newest run: perplexity over training as a share of the codes, and the doctor's verdict. "
                            "Choose one to open it or to show it to the class.", terms=False)
view.show(pickers.view(address.CLASS_VIEW))
view.controls()
