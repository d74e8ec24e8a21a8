"""The numbers of one recommender that its cost depends on, read off a run's hyper-parameters."""

from collections.abc import Sequence
from dataclasses import dataclass

from tiger import models
from tiger.core import params
from tiger.core.params import Values


@dataclass(frozen=True)
class Shape:
    """The numbers of one recommender that its cost depends on.

    Args:
        width: D of the transformer.
        n_layers: layers that read the history.
        n_depth: layers that write codes (``encoder_decoder`` writes with as many as it reads with).
        history: items that are read, T.
        n_levels: codes of an ID, M.
        n_codes: codes to choose from at a level, K.
        beams: W.
        candidates: of a cascade's first stage, C.
        writer: the generative model, ``rq_transformer`` or ``encoder_decoder``.
        prefixes: whether each prefix of the catalogue has a vector (``rq_transformer`` only).
        heads: attention heads.
        head, ff: width of one head and of the feed-forward layers (``encoder_decoder`` only; else D / heads and 4 D).
        user_token: whether a token for the user is read before the items (``encoder_decoder`` only).
        vector: numbers of an item's vector where it is not D wide (``vector_regression``); 0: D.
    """

    width: int = 128
    n_layers: int = 2
    n_depth: int = 1
    history: int = 20
    n_levels: int = 4
    n_codes: int = 256
    beams: int = 20
    candidates: int = 100
    writer: str = "rq_transformer"
    prefixes: bool = False
    heads: int = 4
    head: int = 64
    ff: int = 1024
    user_token: bool = False
    vector: int = 0

    @property
    def inner(self) -> int:
        """A: what all heads of ``encoder_decoder`` have together."""
        return self.heads * self.head

    @property
    def tokens(self) -> int:
        """N: what ``encoder_decoder`` reads."""
        return self.history * self.n_levels + self.user_token

    @property
    def n_numbers(self) -> int:
        """Numbers of the vectors that a nearest-neighbour search compares."""
        return self.vector or self.width


def shape_of(name: str, given: Values, n_codes: Sequence[int] | None = None, n_numbers: int = 0,
             beams: int = 20) -> Shape:
    """The shape of a model run.

    Args:
        name: of the model.
        given: its hyper-parameters; what is missing has the model's default.
        n_codes: codes a level of the IDs that it writes, if it writes any.
        n_numbers: of an item's embedding, which ``vector_regression`` compares.
    """
    known = {spec.name: spec.default for spec in params.specs(models.REGISTRY[name])} | given
    start, writes = Shape(beams=beams), models.REGISTRY[name].generative
    named = {"width": "width", "n_layers": "n_layers", "n_depth": "n_depth_layers", "history": "history_length",
             "heads": "n_heads", "head": "head", "ff": "ff"}
    values = {field: known.get(param, getattr(start, field)) for field, param in named.items()}
    levels = {"n_levels": len(n_codes), "n_codes": max(n_codes)} if n_codes else {}
    return Shape(beams=beams, candidates=known.get("n_candidates") or start.candidates,
                 writer=name if writes else start.writer, prefixes=bool(known.get("prefix_vectors", False)),
                 user_token=bool(known.get("n_user_tokens")), vector=n_numbers if name == "vector_regression" else 0,
                 **values, **levels)
