"""What one request costs each kind of recommender: counted by formula, and timed on this machine."""

from tiger.analysis.costs.formulas import (
    KINDS,
    PROBES,
    SIZES,
    cascade,
    cost_frame,
    cost_summary,
    generative,
    n_prefixes,
    pairs,
    size_summary,
    vectors_exact,
    vectors_index,
)
from tiger.analysis.costs.shape import Shape, shape_of
from tiger.analysis.costs.timing import measure

__all__ = ["KINDS", "PROBES", "SIZES", "Shape", "cascade", "cost_frame", "cost_summary", "generative", "measure", "n_prefixes",
           "pairs", "shape_of", "size_summary", "vectors_exact", "vectors_index"]
