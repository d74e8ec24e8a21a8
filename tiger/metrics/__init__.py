"""Numbers that judge codes and rankings; every function takes plain arrays and is vectorised.

``codes``: counts, perplexity, dead codes, prefixes, collisions. ``labels``: purity and mutual information
against shuffled labels. ``ranking``: recall, NDCG, neighbours, confidence intervals. ``reconstruction``:
explained variance.
"""

from tiger.metrics.codes import (
    Collisions,
    bucket_sizes,
    code_counts,
    collisions,
    collisions_of,
    dead_codes,
    entropy,
    has_id,
    level_sizes,
    perplexity,
    prefix_numbers,
)
from tiger.metrics.labels import (
    LabelScore,
    label_numbers,
    label_scores,
    normalised_mutual_information,
    purity,
)
from tiger.metrics.ranking import (
    Interval,
    NeighbourRecall,
    mean_interval,
    ndcg_at_k,
    nearest,
    neighbour_recall,
    neighbour_shares,
    rank_of_target,
    ranking_scores,
    recall_at_k,
    unit_rows,
)
from tiger.metrics.reconstruction import explained_variance, seeded_sample

__all__ = [
    "Collisions", "Interval", "LabelScore", "NeighbourRecall", "bucket_sizes", "code_counts", "collisions",
    "collisions_of", "dead_codes", "entropy", "explained_variance", "has_id", "label_numbers", "label_scores", "level_sizes",
    "mean_interval", "ndcg_at_k", "nearest", "neighbour_recall", "neighbour_shares", "normalised_mutual_information",
    "perplexity", "prefix_numbers", "purity", "rank_of_target", "ranking_scores", "recall_at_k", "seeded_sample", "unit_rows",
]
