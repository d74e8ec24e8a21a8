"""A catalogue with a clear shape and a small fitted quantizer, for everything that drifts."""

from typing import Any

import numpy as np
import pandas as pd

from tiger import quantizers
from tiger.core import params
from tiger.datasets.catalogue import Catalogue
from tiger.quantizers.base import Quantizer
from tiger.studies.drift import Baseline, DriftRow, Version

SMALL = {
    "rqvae": {"n_codes": 8, "n_steps": 25, "batch_size": 64, "hidden": "16", "latent_width": 6, "seed": 3},
    "vqvae": {"n_codes": 16, "n_steps": 25, "batch_size": 64, "hidden": "16", "latent_width": 6, "seed": 3},
    "fsq": {"n_levels": 3, "n_codes": 8, "n_steps": 40, "batch_size": 64, "hidden": "16", "seed": 3, "learning_rate": 0.01},
    "balanced_rkmeans": {"n_codes": 8, "seed": 3}, "opq": {"n_levels": 3, "n_codes": 8, "seed": 3},
    "rkmeans": {"n_codes": 8, "seed": 3}, "lsh": {"n_codes": 8, "seed": 3}, "random_codes": {"n_codes": 8, "seed": 3},
}


def catalogue(n_items: int = 120, width: int = 12, seed: int = 0, n_users: int = 40) -> Catalogue:
    """Items around six centres, one category each; users who stay in one category."""
    rng = np.random.default_rng(seed)
    group_I = np.arange(n_items) % 6
    emb_IE = (2 * rng.standard_normal((6, width))[group_I] + rng.standard_normal((n_items, width))).astype(np.float32)
    names = [f"item {item}" for item in range(n_items)]
    titles = [f"thing {'abcdef'[group]} number{item}" for item, group in enumerate(group_I)]
    items = pd.DataFrame({"item_id": names, "title": titles, "text": titles, "category": [f"c{g}" for g in group_I]})
    rows = [rng.choice(np.flatnonzero(group_I == user % 6), 6) for user in range(n_users)]
    indptr_U1 = np.arange(0, 6 * n_users + 1, 6)
    return Catalogue("drift", items, indptr_U1, np.concatenate(rows), [f"u{user}" for user in range(n_users)], emb_IE)


def fitted_baseline(cat: Catalogue, name: str = "rkmeans") -> Baseline:
    """A small quantizer fitted on the catalogue, and its codes."""
    made: Quantizer = quantizers.create(name, **SMALL[name]).fit(cat.embedding_IE)
    return Baseline(made, made.encode(cat.embedding_IE), cat.embedding_IE)


def same(cat: Catalogue) -> Version:
    """The catalogue's own vectors as the new version."""
    return Version(cat.embedding_IE.copy(), np.zeros(cat.n_items, bool))


def permuted(quantizer: Quantizer, seed: int) -> Quantizer:
    """The same quantizer with the codes of every level in another order: other names, the same vectors."""
    rng, made = np.random.default_rng(seed), type(quantizer)(**params.values(quantizer))
    made.load_tensors({name: value[rng.permutation(len(value))] if name.startswith("codebook.") else value.clone()
                       for name, value in quantizer.tensors().items()})
    return made


def row(strength: float, remedy: int, changed: float, error: float = 0.2, period: int = 1, n_remedies: int = 3,
        n_periods: int = 1, **more: Any) -> DriftRow:
    """A row as a drift study measures it."""
    given = {"strength": strength, "period": period, "remedy": remedy, "n_remedies": n_remedies, "n_periods": n_periods,
             "moved_degrees": 1.0, "changed": changed, "churn_before": changed, "error": error, "collided": 0, "tokens": 1,
             "token_share": 0.1, "seconds": 1.0, "churn": [changed], "survival": [1 - changed], "neighbours": [0.5],
             "chance": [0.1], "code_transitions": [[0, 0, 1]]} | more
    return DriftRow(**given)
