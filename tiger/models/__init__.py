"""Recommenders by name. A new one is one file and one line here."""

import json
from pathlib import Path
from typing import Any

from tiger.core import params
from tiger.models.base import LiveParams, Recommender
from tiger.models.encoder_decoder import EncoderDecoder
from tiger.models.pair_ranker import Cascade, PairRanker
from tiger.models.popularity import Popularity
from tiger.models.rq_transformer import RQTransformer
from tiger.models.sasrec import SASRec
from tiger.models.vector_regression import VectorRegression

REGISTRY: dict[str, type[Recommender]] = {
    "encoder_decoder": EncoderDecoder,
    "rq_transformer": RQTransformer,
    "sasrec": SASRec,
    "vector_regression": VectorRegression,
    "pair_ranker": PairRanker,
    "cascade": Cascade,
    "popularity": Popularity,
}


def create(name: str, **values: Any) -> Recommender:
    """Make a recommender from its name and hyper-parameters.

    Raises:
        ValueError: unknown name or hyper-parameter (the known ones are listed), or a value out of bounds.
    """
    if name not in REGISTRY:
        raise ValueError(f"'{name}' is no model; known are {', '.join(REGISTRY)}.")
    return params.build(REGISTRY[name], values)


def load(folder: Path | str) -> Recommender:
    """Read a fitted recommender that ``save`` wrote."""
    about = json.loads((Path(folder) / "model.json").read_text(encoding="utf-8"))
    return create(about["model"], **about["params"]).read_weights(Path(folder))


__all__ = ["REGISTRY", "LiveParams", "Recommender", "create", "load"]
