"""The numbers of the core lessons, measured on the bundled shop; ``data/make_lessons.py`` keeps them in ``data/lessons.json``."""

import json
from functools import cache
from typing import TypeAlias

import numpy as np
import pandas as pd

from tiger import datasets, metrics, runs
from tiger.core import paths
from tiger.metrics.labels import label_numbers, purity
from tiger.metrics.reconstruction import explained_variance

FILE = paths.BUNDLED / "lessons.json"
SIZES, SEEDS, RUN, RECOMMENDER = (4, 16, 64, 256), 5, "demo-small", "demo-recommender"
WIDTHS = (1, 2, 3, 5, 10, 20)
SMALL: dict[str, object] = {"n_levels": 5, "n_codes": 16, "hidden": "128", "n_steps": 300, "batch_size": 512}
TRAININGS: dict[str, dict[str, object]] = {
    "k-means start and restarts": {}, "Rotation trick": {"estimator": "rotation"}, "No estimator": {"estimator": "none"},
    "Only the k-means start": {"restart_threshold": 0.0}, "Only restarts": {"kmeans_init": False},
    "Neither": {"kmeans_init": False, "restart_threshold": 0.0}}
"""What small RQ-VAEs are trained with, beside ``SMALL`` and the defaults."""
LEARNED, HASHED = "Learned codes", "LSH"
BOTH, ROTATION, BLOCKED, START, RESTARTS, NEITHER = TRAININGS
Rows: TypeAlias = "list[dict[str, float | str]]"


def measure(sizes: tuple[int, ...] = SIZES, n_seeds: int = SEEDS, trainings: tuple[str, ...] = tuple(TRAININGS),
            n_trained: int = 3, n_users: int = 500) -> dict[str, Rows]:
    """The numbers of all core lessons, on the bundled shop.

    Args:
        sizes: of one k-means codebook.
        n_seeds: seeds of each size.
        trainings: names of ``TRAININGS``.
        n_trained: seeds of each training.
        n_users: the first users, whom beam search is measured on.

    Returns:
        "codebooks": share of the embeddings' variance that one k-means codebook keeps, by size and seed;
        "levels": distinct prefixes and code vectors of the bundled RQ-VAE, by levels used;
        "trainings": variance kept, level 1's perplexity and distinct IDs of small RQ-VAEs, by training and seed;
        "collisions": items of the bundled RQ-VAEs that share all codes;
        "purity": of prefixes of the bundled RQ-VAE and of LSH, by level and seed;
        "beams": share of users whose likeliest item the bundled recommender's beam search finds first, by width.
    """
    emb_IE = datasets.load("synthetic", seed=0).embedding_IE
    codebooks: Rows = [{"n_codes": n_codes, "seed": seed, **_fitted(emb_IE, "rkmeans", seed, n_levels=1, n_codes=n_codes)}
                       for n_codes in sizes for seed in range(n_seeds)]
    trained: Rows = [{"training": name, "seed": seed, **_fitted(emb_IE, "rqvae", seed, **SMALL, **TRAININGS[name])}
                     for name in trainings for seed in range(n_trained)]
    run = runs.find(RUN)
    n_prefixes_L = metrics.prefix_numbers(run.codes())[1]
    vectors_L = np.cumsum(np.broadcast_to(run.learner.params["n_codes"], len(n_prefixes_L)))
    levels: Rows = [{"levels": place + 1, "vectors": int(vectors), "distinct": int(n_prefixes), "items": len(emb_IE)}
                    for place, (vectors, n_prefixes) in enumerate(zip(vectors_L, n_prefixes_L, strict=True))]
    return {"codebooks": codebooks, "levels": levels, "trainings": trained, "collisions": _collisions(),
            "purity": _purities(n_seeds), "beams": _beams(n_users)}


def _collisions() -> Rows:
    """Items of the bundled RQ-VAEs that share all codes with another one."""
    found: Rows = []
    for name in (RUN, "demo-rqvae"):
        run = runs.find(name)
        codes_IL = run.codes()
        count_P = np.bincount(metrics.prefix_numbers(codes_IL)[0][:, -1])
        found.append({"run": f"{codes_IL.shape[1]} levels of {run.learner.params['n_codes']}", "items": len(codes_IL),
                      "distinct": len(count_P), "sharing": int(count_P[count_P > 1].sum()), "largest": int(count_P.max())})
    return found


def _beams(n_users: int) -> Rows:
    """How often beam search finds the likeliest of all items, which scoring all of them gives."""
    cat, model = datasets.load("synthetic", seed=0), runs.find(RECOMMENDER).recommender()
    split = cat.split()
    histories = [split.history_before(int(user), "test") for user in split.test_U[:n_users]]
    best_U = model.score_batch(histories).argmax(1)
    return [{"width": width, "users": len(best_U),
             "found": round(float((model.rank_batch(histories, 1, width)[0][:, 0] == best_U).mean()), 4)}
            for width in WIDTHS]


def _purities(n_seeds: int) -> Rows:
    """Purity of the bundled RQ-VAE's prefixes and of as many LSH bits, for the departments of the shop."""
    from tiger import quantizers

    cat = datasets.load("synthetic", seed=0)
    department_I = label_numbers(cat.items["category"].str.split(" > ").str[0].to_numpy())
    codes = {(LEARNED, 0): runs.find(RUN).codes()} | {
        (HASHED, seed): quantizers.create("lsh", n_levels=5, n_codes=16, seed=seed).fit(cat.embedding_IE).encode(cat.embedding_IE)
        for seed in range(n_seeds)}
    return [{"codes": name, "seed": seed, "level": level + 1,
             "purity": round(purity(metrics.prefix_numbers(codes_IL)[0][:, level], department_I), 4)}
            for (name, seed), codes_IL in codes.items() for level in range(3)]


def _fitted(emb_IE: np.ndarray, name: str, seed: int, **params: object) -> dict[str, float | str]:
    """What a quantizer keeps of the embeddings, and how it uses its codes."""
    from tiger import quantizers  # here, so that lessons load no torch

    q = quantizers.create(name, seed=seed, **params).fit(emb_IE)
    codes_IL = q.encode(emb_IE)
    kept = explained_variance(emb_IE, np.arange(len(emb_IE)), q.decode(codes_IL))
    assert kept is not None, "the shop's items differ"
    perplexity = float(metrics.perplexity(np.bincount(codes_IL[:, 0], minlength=q.codes_per_level[0])))
    return {"kept": round(kept, 4), "perplexity": round(perplexity, 2), "distinct": int(metrics.prefix_numbers(codes_IL)[1][-1])}


@cache
def measured(name: str) -> "pd.DataFrame":
    """The bundled rows of one measurement."""
    return pd.DataFrame(json.loads(FILE.read_text(encoding="utf-8"))[name])
