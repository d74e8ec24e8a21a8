"""Quantizers by name. A new one is one file and one line here."""

from tiger.core.learner import LiveParams, Registry
from tiger.quantizers.balanced_rkmeans import BalancedKMeans
from tiger.quantizers.base import Quantizer
from tiger.quantizers.fsq import FSQ
from tiger.quantizers.lsh import LSH
from tiger.quantizers.opq import OPQ
from tiger.quantizers.random_codes import RandomCodes
from tiger.quantizers.rkmeans import ResidualKMeans
from tiger.quantizers.rqvae import RQVAE
from tiger.quantizers.vqvae import VQVAE

REGISTRY: Registry[Quantizer] = Registry("quantizer", {
    "rqvae": RQVAE,
    "vqvae": VQVAE,
    "fsq": FSQ,
    "rkmeans": ResidualKMeans,
    "balanced_rkmeans": BalancedKMeans,
    "opq": OPQ,
    "lsh": LSH,
    "random_codes": RandomCodes,
})
create, load = REGISTRY.create, REGISTRY.load

__all__ = ["REGISTRY", "LiveParams", "Quantizer", "create", "load"]
