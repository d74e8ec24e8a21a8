"""Semantic IDs as a tree: its branches, what they hold, and how two trees differ.

``branches``: the tree itself and what each branch holds. ``splits``: LSH buckets hyperplane by hyperplane.
``compare``: two or more ID sets side by side. ``disagree``: items that one set keeps together and the other
parts. ``match``: which items moved, once codes are matched up to renaming.
"""

from tiger.analysis.tree.branches import Branches
from tiger.analysis.tree.compare import MEASURES, IdSet, compare, measure, measures_of, sizes_frame
from tiger.analysis.tree.disagree import Disagreement, bucket_numbers, disagreement
from tiger.analysis.tree.match import Matching, match, match_summary
from tiger.analysis.tree.splits import bits_of, codes_of, split_steps
from tiger.analysis.tree.words import (
    Groups,
    WordCounts,
    branch_names,
    category_codes,
    category_groups,
    category_mix,
    label_groups,
    typical_words,
    word_counts,
)

__all__ = [
    "MEASURES", "Branches", "Disagreement", "Groups", "IdSet", "Matching", "WordCounts", "bits_of", "branch_names",
    "bucket_numbers", "category_codes", "category_groups", "category_mix", "codes_of", "compare", "disagreement",
    "label_groups", "match", "match_summary", "measure", "measures_of", "sizes_frame", "split_steps", "typical_words",
    "word_counts",
]
