"""What one request costs each kind of recommender: counted by formula, and timed on this machine."""

from tiger.analysis.costs.formulas import (
    KINDS,
    PROBES,
    SIZES,
    cascade,
    cost_frame,
    cost_words,
    generative,
    n_prefixes,
    pairs,
    size_words,
    vectors_exact,
    vectors_index,
)
from tiger.analysis.costs.shape import Shape, shape_of
from tiger.analysis.costs.timing import measure

__all__ = ["KINDS", "PROBES", "SIZES", "Shape", "cascade", "cost_frame", "cost_words", "generative", "measure", "n_prefixes",
           "pairs", "shape_of", "size_words", "vectors_exact", "vectors_index"]
