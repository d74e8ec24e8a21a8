"""Collisions explained: why items share an ID, where they could have parted, and what each remedy leaves.

``groups``: the items of every shared ID, why they share it, and how alike they are. ``parting``: level by level, what the
next-best code of each of these items would have cost. ``remedies``: what a counter, an extra level, and Sinkhorn
re-assignment of the last level leave, computed from the codebooks without training.
"""

from tiger.analysis.collisions.groups import CAUSES, Groups, group
from tiger.analysis.collisions.parting import Geometry, Parting, part
from tiger.analysis.collisions.remedies import Left, counted, extra_level, left_of, sinkhorn_last

__all__ = ["CAUSES", "Geometry", "Groups", "Left", "Parting", "counted", "extra_level", "group", "left_of", "part",
           "sinkhorn_last"]
