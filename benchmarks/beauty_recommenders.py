"""The paper's table on Amazon Beauty or Sports: one recommender, one kind of IDs and one seed a call, from text to test score.

    python benchmarks/beauty_recommenders.py rqvae --seed 0 [--data ../shared/data/amazon-beauty] [--threads 2] [--device cuda]

Leave-one-out, the whole catalogue ranked, no sampling, under both rules: items of the history left out of the lists
("valid", "test": the lab's default where data hold no repeats, as here), and kept ("valid_kept", "test_kept"). Seconds
hold everything: vectors, IDs, training. Settings were chosen on the validation item (docs/EXPERIMENTS.md); the test
item is looked at once, at the end. Appends one JSON line to benchmarks/logs/beauty_recommenders.jsonl. With --keep the
model and its codes are saved below that folder, for benchmarks that combine trained models.
"""

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from bare import BEAUTY, machine
from on_device import answering_on

from tiger import datasets, models, quantizers
from tiger.semantic_ids import SemanticIds

LOG = Path(__file__).parent / "logs" / "beauty_recommenders.jsonl"
GENERATIVE = {"n_epochs": 12, "dropout": 0.5, "label_smoothing": 0.1, "precision": "auto"}
RQVAE = {"koleo": 1.0, "precision": "auto"}
CODES_ONLY = GENERATIVE | {"prefix_vectors": False, "dropout": 0.3, "label_smoothing": 0.0}
SPLIT = {"norm": "post", "split_histories": True, "batch_size": 256, "learning_rate": 1e-3, "n_epochs": 24, "precision": "auto"}
VARIANTS: dict[str, tuple[str, dict, str | None, dict]] = {  # model and its values, quantizer and its values
    "rqvae": ("rq_transformer", GENERATIVE, "rqvae", RQVAE),
    "rkmeans": ("rq_transformer", GENERATIVE, "rkmeans", {}),
    "lsh": ("rq_transformer", GENERATIVE, "lsh", {}),
    "random": ("rq_transformer", GENERATIVE, "random_codes", {}),
    "rqvae-codes-only": ("rq_transformer", CODES_ONLY, "rqvae", RQVAE),
    "lsh-codes-only": ("rq_transformer", CODES_ONLY, "lsh", {}),
    "random-codes-only": ("rq_transformer", CODES_ONLY, "random_codes", {}),
    "sasrec": ("sasrec", {"n_epochs": 16, "dropout": 0.5, "precision": "auto"}, None, {}),
    "sasrec-ids": ("sasrec_ids", {"n_epochs": 32, "dropout": 0.6, "precision": "auto"}, "rqvae", RQVAE),
    "sasrec-split": ("sasrec", SPLIT | {"dropout": 0.5}, None, {}),
    "sasrec-ids-split": ("sasrec_ids", SPLIT | {"dropout": 0.6}, "rqvae", RQVAE),
    "rqvae-split": ("rq_transformer", SPLIT | {"n_epochs": 12, "dropout": 0.5, "label_smoothing": 0.1}, "rqvae", RQVAE),
    "popularity": ("popularity", {}, None, {}),
}


def run(variant: str, seed: int, data: Path, embedding: str, width: int, keep: Path | None = None, device: str = "cpu",
        splits: Sequence[str] = ("valid", "test")) -> dict[str, object]:
    """Train one variant and score it on the validation and the test item."""
    name, values, kind, quantizer_values = VARIANTS[variant]
    on_device = {} if device == "cpu" else {"device": device}
    start_s = time.perf_counter()
    cat = datasets.load("recbole", path=str(data), embedding={"method": embedding, "seed": seed})
    ids, unique = None, None
    if kind is not None:
        quantizer = quantizers.create(kind, seed=seed, **quantizer_values, **(on_device if kind == "rqvae" else {}))
        codes_IL = quantizer.fit(cat.embedding_IE).encode(cat.embedding_IE)
        ids = SemanticIds.from_codes(codes_IL, n_codes=256)
        unique = len({tuple(row) for row in codes_IL.tolist()})
    seeded = {} if name == "popularity" else {"seed": seed, **on_device}
    model = models.create(name, **seeded, **values).fit(cat, ids)
    fit_s = time.perf_counter() - start_s
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        model.save(keep)
        if ids is not None:
            np.save(keep / "codes.npy", codes_IL)
    users = {"valid": cat.split().user_U[::3], "test": None}  # the validation item is on record already
    with answering_on(device, model):
        scores = {split + ending: model.evaluate(cat, split, k=(5, 10), width=width, users=users[split], exclude_seen=excludes)
                  for split in splits for excludes, ending in ((True, ""), (False, "_kept"))}
    total_s = time.perf_counter() - start_s
    return {"data": data.name, "variant": variant, "seed": seed, "embedding": embedding, "width": width, "model": values,
            "quantizer": quantizer_values, "unique_ids": unique, "fit_s": round(fit_s, 1), "total_s": round(total_s, 1),
            "device": _named(device), "threads": torch.get_num_threads(),
            **{split: {key: round(value, 5) for key, value in found.items()} for split, found in scores.items()}}


def _named(device: str) -> str:
    return torch.cuda.get_device_name() if device == "cuda" else device


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("variant", choices=list(VARIANTS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--data", type=Path, default=BEAUTY)
    parser.add_argument("--embedding", default="cooccurrence", help="tfidf, cooccurrence or sentence")
    parser.add_argument("--width", type=int, default=50, help="beam width of the scores")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu", help="where networks are trained and searched: cpu or cuda")
    parser.add_argument("--splits", nargs="+", choices=("valid", "test"), default=["valid", "test"])
    parser.add_argument("--epochs", type=int, help="train for so many instead, to see whether all runs")
    parser.add_argument("--keep", type=Path, help="save the model and its codes below this folder, as VARIANT-SEED")
    parser.add_argument("--log", type=Path, default=LOG)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    keep = given.keep and given.keep / f"{given.variant}-{given.seed}"
    if given.epochs:
        VARIANTS[given.variant][1]["n_epochs"] = given.epochs
    row = run(given.variant, given.seed, given.data, given.embedding, given.width, keep, given.device,
              given.splits) | {"machine": machine()}
    given.log.parent.mkdir(exist_ok=True)
    with given.log.open("a") as file:
        file.write(json.dumps(row) + "\n")
    print(json.dumps(row, indent=1))


if __name__ == "__main__":
    main()
