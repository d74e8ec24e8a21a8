"""Two trained recommenders of Amazon Beauty combined: the weight chosen on the validation item, the test item scored once.

    python benchmarks/ensemble_beauty.py KEPT --seeds 0 1 2 [--first rqvae] [--second sasrec] [--rules excluded kept]

KEPT is the folder that ``beauty_recommenders.py VARIANT --seed S --keep KEPT`` saved models in, as VARIANT-SEED. For each seed
and rule (items of the history excluded from the lists, or kept in them): both members alone, the weighted sum of their
log-probabilities, and reciprocal rank fusion. Each member proposes its best ``--candidates`` items (the generative member by a
beam as wide), and every proposed item gets its exact log-probability from both. "proved" is the share of users whose ten items
would be the same if all items were scored, because no item outside both lists can reach the tenth score; "equal" is the share
for whom scoring all items of the catalogue does give the same ten (some users only: it takes half a second each).
The weight is that of the best NDCG@10 on the validation items of every third user, unless told otherwise. Appends one JSON line a
seed and rule to benchmarks/logs/ensemble_beauty.jsonl.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from bare import BEAUTY, machine

from tiger import datasets, metrics, models
from tiger.datasets.catalogue import Catalogue
from tiger.models.ensemble import BATCH, WEIGHTS, Ensemble, best, weighted

LOG = Path(__file__).parent / "logs" / "ensemble_beauty.jsonl"
FUSIONS = ("logp", "rank")
EXACT_USERS = 30
CUTS = (5, 10)


class Scores:
    """Places of the held-out items by name of the list, and how many lists were proved."""

    def __init__(self) -> None:
        self.place_U: dict[str, list[np.ndarray]] = {}
        self.proved: list[np.ndarray] = []

    def add(self, name: str, item_BC: np.ndarray, target_B: np.ndarray) -> None:
        ranked_BR = item_BC[:, :max(CUTS)]
        self.place_U.setdefault(name, []).append(metrics.rank_of_target(ranked_BR, target_B))

    def summary(self) -> dict[str, dict[str, float]]:
        found = {}
        for name, parts in self.place_U.items():
            place_U = np.concatenate(parts)
            found[name] = {key: round(value, 5) for cut in CUTS for key, value in (
                (f"recall@{cut}", float((place_U < cut).mean())),
                (f"ndcg@{cut}", float(np.where(place_U < cut, 1 / np.log2(place_U + 2), 0).mean())))}
        return found


def batches(model: Ensemble, cat: Catalogue, split: str, at_U: np.ndarray, n: int, excluded: bool):
    """Held-out items, queries, proposals and both kinds of values of some users, batch by batch."""
    parts = cat.split()
    target_U = parts.valid_U if split == "valid" else parts.test_U
    at_U = at_U[np.argsort(np.diff(cat.indptr_U1)[parts.user_U[at_U]], kind="stable")]  # by length: spares padding and beams
    for start in range(0, len(at_U), BATCH):
        at_B = at_U[start:start + BATCH]
        users = parts.user_U[at_B].tolist()
        histories = [parts.history_before(user, split) for user in users]
        found = model.propose(histories, n, histories if excluded else None)
        values = {}
        for fusion in FUSIONS:
            model.fusion = fusion
            values[fusion] = model.values(histories, found)
        yield target_U[at_B], histories, found, values


def choose(model: Ensemble, cat: Catalogue, at_U: np.ndarray, n: int, excluded: bool) -> tuple[dict[str, float], dict[str, list]]:
    """The best weight of each fusion on the validation items, and recall@10 and NDCG@10 of every weight."""
    sums = {fusion: np.zeros((len(WEIGHTS), 2)) for fusion in FUSIONS}
    for target_B, _, found, values in batches(model, cat, "valid", at_U, n, excluded):
        for fusion in FUSIONS:
            sums[fusion] += model.gains(found.item_BC, values[fusion], target_B)
    curves = {fusion: np.round(total / len(at_U), 5).tolist() for fusion, total in sums.items()}
    return {fusion: float(WEIGHTS[total[:, 1].argmax()]) for fusion, total in sums.items()}, curves


def score(model: Ensemble, cat: Catalogue, at_U: np.ndarray, n: int, excluded: bool, weights: dict[str, float]) -> dict:
    """The test item: members alone and both fusions."""
    kept, proved = Scores(), []
    for target_B, _, found, values in batches(model, cat, "test", at_U, n, excluded):
        for side, name in enumerate(("first", "second")):
            place_BC = found.place_2BC[side]
            kept.add(name, best(found.item_BC, np.where(place_BC >= 0, -place_BC, -np.inf), max(CUTS))[0], target_B)
        for fusion in FUSIONS:
            ranked_BR, score_BR = best(found.item_BC, weighted(values[fusion], weights[fusion]), max(CUTS))
            kept.add(fusion, ranked_BR, target_B)
            if fusion == "logp":
                last_2B = np.where(found.place_2BC >= 0, values[fusion], np.inf).min(2)
                proved.append(score_BR[:, -1] >= weighted(last_2B, weights[fusion]))
    return kept.summary() | {"proved": round(float(np.concatenate(proved).mean()), 4), "n_users": len(at_U)}


def equal_share(model: Ensemble, cat: Catalogue, at_U: np.ndarray, n: int, excluded: bool, weight: float) -> float:
    """For how many users scoring all items gives the same ten; validation items, log-probabilities."""
    model.fusion, model.weight_, same = "logp", weight, []
    for _, histories, found, values in batches(model, cat, "valid", at_U, n, excluded):
        model.fusion = "logp"
        ranked_BR, _ = best(found.item_BC, weighted(values["logp"], weight), max(CUTS))
        for row, history in enumerate(histories):
            score_I = model.score_batch([history])[0]
            if excluded:
                score_I[history] = -np.inf
            same.append(set(np.argsort(-score_I)[:max(CUTS)]) == set(ranked_BR[row]))
    return round(float(np.mean(same)), 4)


def run(cat: Catalogue, folders: tuple[Path, Path], n: int, excluded: bool, n_valid: int,
        n_test: int | None) -> dict[str, object]:
    """One pair of models under one rule."""
    start_s, cpu_s = time.perf_counter(), time.process_time()
    model = models.create("ensemble", weight=0.5, n_candidates=n).join([models.load(folder) for folder in folders]).fit(cat)
    n_users = len(cat.split().user_U)
    valid_U = np.arange(n_users)[::max(1, n_users // n_valid)]
    weights, curves = choose(model, cat, valid_U, n, excluded)
    test_U = np.arange(n_users) if n_test is None else np.arange(n_users)[::max(1, n_users // n_test)]
    test = score(model, cat, test_U, n, excluded, weights)
    equal = equal_share(model, cat, valid_U[::max(1, len(valid_U) // EXACT_USERS)][:EXACT_USERS], n, excluded, weights["logp"])
    return {"seen": "excluded" if excluded else "kept", "candidates": n, "weight": weights, "valid": curves,
            "n_valid": len(valid_U), "test": test, "equal": equal, "n_equal": EXACT_USERS,
            "seconds": round(time.perf_counter() - start_s, 1), "cpu_s": round(time.process_time() - cpu_s, 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kept", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--first", default="rqvae")
    parser.add_argument("--second", default="sasrec")
    parser.add_argument("--rules", nargs="+", choices=("excluded", "kept"), default=["excluded", "kept"])
    parser.add_argument("--candidates", type=int, default=50)
    parser.add_argument("--valid-users", type=int, default=7454, help="about so many, spread evenly (default every third)")
    parser.add_argument("--test-users", type=int, help="about so many, spread evenly; default all")
    parser.add_argument("--data", type=Path, default=BEAUTY)
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    cat = datasets.load("recbole", path=str(given.data))
    LOG.parent.mkdir(exist_ok=True)
    for rule in given.rules:
        for seed in given.seeds:
            folders = (given.kept / f"{given.first}-{seed}", given.kept / f"{given.second}-{seed}")
            found = run(cat, folders, given.candidates, rule == "excluded", given.valid_users, given.test_users)
            row = {"first": given.first, "second": given.second, "seed": seed, **found, "machine": machine()}
            with LOG.open("a") as file:
                file.write(json.dumps(row) + "\n")
            print(json.dumps({key: value for key, value in row.items() if key != "valid"}), flush=True)


if __name__ == "__main__":
    main()
