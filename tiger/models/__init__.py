"""Recommenders by name. A new one is one file and one line here."""

from tiger.core.learner import LiveParams, Registry
from tiger.models.base import Recommender
from tiger.models.encoder_decoder import EncoderDecoder
from tiger.models.ensemble import Ensemble
from tiger.models.pair_ranker import Cascade, PairRanker
from tiger.models.popularity import Popularity
from tiger.models.rq_transformer import RQTransformer
from tiger.models.sasrec import SASRec
from tiger.models.sasrec_ids import SASRecIds
from tiger.models.vector_regression import VectorRegression

REGISTRY: Registry[Recommender] = Registry("model", {
    "encoder_decoder": EncoderDecoder,
    "rq_transformer": RQTransformer,
    "sasrec": SASRec,
    "sasrec_ids": SASRecIds,
    "vector_regression": VectorRegression,
    "pair_ranker": PairRanker,
    "cascade": Cascade,
    "ensemble": Ensemble,
    "popularity": Popularity,
})
create, load = REGISTRY.create, REGISTRY.load

__all__ = ["REGISTRY", "Ensemble", "LiveParams", "Recommender", "create", "load"]
