"""Class: where is everybody, and what did they find?"""

from tiger.ui.classroom import view
from tiger.ui.shared import layout

layout.heading("classroom", "One line a visitor: the newest run, its perplexity over training as a share of the codes, and the "
                            "doctor's verdict. Choose a line to open its run or to show it to the class.", terms=False)
view.board()
view.predictions()
view.controls()
