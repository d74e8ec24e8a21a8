"""Answers as data frames, and each answer's takeaway as a sentence: what pages and exports show.

``usage``: codes, levels, collisions, kept steps. ``items``: neighbours, walks, typical words. ``training``: curves,
runs, the doctor. ``shop``: the catalogue. A ``*_words`` function says in one sentence what the frame of the same
name shows; it becomes the figure's alt text.
"""

from tiger.reports.items import (
    code_neighbours,
    code_words,
    id_neighbours,
    item_rows,
    items_of_code,
    items_of_prefix,
    neighbours,
    shared_codes,
    walk_frame,
    walk_summary,
)
from tiger.reports.training import (
    compare_frame,
    diagnose,
    doctor_frame,
    examine,
    explained_in_training,
    explained_variance,
    live_param_frame,
    runs_frame,
    training_frame,
    training_summary,
)
from tiger.reports.usage import (
    code_history,
    collisions_frame,
    collisions_summary,
    levels_frame,
    perplexity_over_time,
    usage_frame,
    usage_over_time,
    usage_over_time_summary,
    usage_summary,
)

__all__ = [
    "code_history",
    "code_neighbours",
    "code_words",
    "collisions_frame",
    "collisions_summary",
    "compare_frame",
    "diagnose",
    "doctor_frame",
    "examine",
    "explained_in_training",
    "explained_variance",
    "id_neighbours",
    "item_rows",
    "items_of_code",
    "items_of_prefix",
    "levels_frame",
    "live_param_frame",
    "neighbours",
    "perplexity_over_time",
    "runs_frame",
    "shared_codes",
    "training_frame",
    "training_summary",
    "usage_frame",
    "usage_over_time",
    "usage_over_time_summary",
    "usage_summary",
    "walk_frame",
    "walk_summary",
]
