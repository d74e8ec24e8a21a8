"""Small recommenders on MovieLens 100K: whole histories, and histories of two films, as a presenter builds one live.

    python benchmarks/movielens_presets.py [--data ../shared/data/ml-100k] [--seeds 0 1 2] [--threads 1]

TF-IDF vectors of titles and genres, RQ-VAE IDs; leave-one-out, the whole catalogue ranked at beam width 20, films of the history
left out of the lists and kept in them. "two" is every third user's history cut to its last two films (beam width 10, test item),
with the share of the ten suggestions that are among the ten films with most training interactions. Processor seconds are
those of the recommender. Prints one JSON line a recommender, seed and rule.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
from bare import PROJECT, machine, use_threads

from tiger import datasets, metrics, models, quantizers
from tiger.datasets.catalogue import Catalogue
from tiger.models import Recommender
from tiger.runs import presets
from tiger.semantic_ids import SemanticIds

SIZES = {"rq-small": (3, 32), "rq-long": (5, 16)}
"""Presets, and the levels and codes of the IDs that they write."""


def two_films(model: Recommender, popular: np.ndarray, cat: Catalogue, excludes: bool) -> dict[str, float]:
    """Recall@10 from the last two films alone, and how many of the suggestions are simply popular."""
    split = cat.split()
    users = np.arange(0, len(split.user_U), 3)
    lists_UR = np.full((len(users), 10), -1)
    for row, user in enumerate(users):
        found = model.recommend(split.history_before(int(split.user_U[user]), "test")[-2:], 10, 10, exclude_seen=excludes)["item"]
        lists_UR[row, :len(found)] = found
    scores = metrics.ranking_scores(lists_UR, split.test_U[users], [10])
    return {"recall@10": round(scores["recall@10"], 4), "popular": round(float(np.isin(lists_UR, popular).mean()), 3)}


def main() -> None:
    """Train each and print its scores."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=PROJECT.parent / "shared" / "data" / "ml-100k")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    use_threads(given.threads)
    cat = datasets.load("recbole", path=str(given.data), embedding={"method": "tfidf"})
    popular = models.create("popularity").fit(cat, None).recommend([0], 10, exclude_seen=False)["item"].to_numpy()
    chosen = {preset.key: preset.model for preset in presets.MODELS}
    for seed in given.seeds:
        for key in ("popularity", *SIZES) if seed == given.seeds[0] else SIZES:
            ids, start_s = None, time.process_time()
            if key in SIZES:
                n_levels, n_codes = SIZES[key]
                quantizer = quantizers.create("rqvae", seed=seed, n_levels=n_levels, n_codes=n_codes).fit(cat.embedding_IE)
                ids, start_s = SemanticIds.from_codes(quantizer.encode(cat.embedding_IE), n_codes=n_codes), time.process_time()
                model = models.create(chosen[key].name, **chosen[key].params, seed=seed).fit(cat, ids)
            else:
                model = models.create(key).fit(cat, ids)
            fit_s = time.process_time() - start_s
            for excludes in (True, False):
                scores = {split: round(model.evaluate(cat, split, 10, 20, exclude_seen=excludes)["recall@10"], 4)
                          for split in ("valid", "test")}
                print(json.dumps({"recommender": key, "seed": seed, "excluded": excludes, "fit_cpu_s": round(fit_s, 1), **scores,
                                  "two": two_films(model, popular, cat, excludes), "machine": machine()["cpu"]}), flush=True)


if __name__ == "__main__":
    main()
