"""Second opinion: two ID sets of the same items, measure by measure, each difference with a paired bootstrap interval.

``influence``: each measure on the whole catalogue and how much every item moves it. ``bootstrap``: intervals from that.
``compare``: all measures of both sets, and how many IDs changed between them.
"""

from tiger.analysis.opinion.bootstrap import Drawn, draw
from tiger.analysis.opinion.compare import MEASURES, ROUNDS, Measure, Opinion, compare, depth_pairs
from tiger.analysis.opinion.influence import Score

__all__ = ["MEASURES", "ROUNDS", "Drawn", "Measure", "Opinion", "Score", "compare", "depth_pairs", "draw"]
