"""Answers as data frames, and each answer's takeaway as a sentence: what pages and exports show.

``codes``: a run's codes at one step. ``usage``: codes, levels, collisions, kept steps. ``items``: neighbours. ``walk``: one
item through the levels. ``training``: curves. ``doctor``: diagnoses and treatments. ``shop``: the catalogue. ``runs``:
the table of all runs.
``codebooks``, ``collisions``, ``map``, ``tree``: what those pages show. A ``*_summary`` function says in one sentence what the
frame of the same name shows; it becomes the figure's alt text.
"""

from tiger.reports.doctor import (
    Consultation,
    Examined,
    consult,
    diagnose,
    doctor_frame,
    examine,
    explained_in_training,
    explained_variance,
    treat,
    vector_rows,
)
from tiger.reports.items import (
    code_neighbours,
    id_neighbours,
    item_rows,
    items_of_code,
    neighbours,
    shared_codes,
)
from tiger.reports.training import (
    live_param_frame,
    training_finding,
    training_frame,
    training_summary,
)
from tiger.reports.usage import (
    collisions_summary,
    levels_frame,
    sizes_summary,
    usage_frame,
    usage_summary,
)

__all__ = [
    "Consultation", "Examined", "code_neighbours", "collisions_summary", "consult",
    "diagnose", "doctor_frame", "examine", "explained_in_training", "explained_variance", "id_neighbours",
    "item_rows", "items_of_code", "levels_frame", "live_param_frame", "neighbours",
    "shared_codes", "sizes_summary", "training_finding",
    "training_frame", "training_summary", "treat",
    "usage_frame", "usage_summary", "vector_rows",
]
