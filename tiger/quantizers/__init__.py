"""Quantizers by name. A new one is one file and one line here."""

import json
from pathlib import Path
from typing import Any

from tiger.core import params
from tiger.quantizers.base import LiveParams, Quantizer
from tiger.quantizers.lsh import LSH
from tiger.quantizers.random_codes import RandomCodes
from tiger.quantizers.rkmeans import ResidualKMeans
from tiger.quantizers.rqvae import RQVAE
from tiger.quantizers.vqvae import VQVAE

REGISTRY: dict[str, type[Quantizer]] = {
    "rqvae": RQVAE,
    "vqvae": VQVAE,
    "rkmeans": ResidualKMeans,
    "lsh": LSH,
    "random_codes": RandomCodes,
}


def create(name: str, **values: Any) -> Quantizer:
    """Make a quantizer from its name and hyper-parameters.

    Raises:
        ValueError: unknown name or hyper-parameter (the known ones are listed), or a value out of bounds.
    """
    if name not in REGISTRY:
        raise ValueError(f"'{name}' is no quantizer; known are {', '.join(REGISTRY)}.")
    return params.build(REGISTRY[name], values)


def load(folder: Path) -> Quantizer:
    """Read a fitted quantizer that ``save`` wrote."""
    about = json.loads((folder / "quantizer.json").read_text(encoding="utf-8"))
    return create(about["quantizer"], **about["params"]).read_weights(folder)


__all__ = ["REGISTRY", "LiveParams", "Quantizer", "create", "load"]
