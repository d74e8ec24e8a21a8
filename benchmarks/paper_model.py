"""TIGER's own model on Amazon Beauty, trained as published, with RQ-VAE, LSH and random IDs: does the paper's order hold?

    python benchmarks/paper_model.py rqvae --seed 0 [--steps 200000] [--minutes 45] [--resume] [--splits valid]
    python benchmarks/paper_model.py rqvae lsh random --device cuda --graphs --minutes 9 --every 2000 --out FOLDER

Several kinds of IDs train side by side, a process each. A run stops after its steps or after --minutes of training, whichever
comes first, and --resume goes on: on the processor with the weights that a run in one go would have. OUT/KIND-SEED keeps codes,
checkpoint and curve.jsonl: every so many steps the mean loss since, and recall and NDCG on the validation items of --users users
(beam width 20, items of the history kept, as the paper's table probably has them). The end scores --splits under both rules (beam
width 50; every third user's validation item, every user's test item) and appends one line to --log.

The recipe (Rajput et al. 2023, section 4.1): 4 + 4 layers, width 128, 6 heads of 64, feed-forward 1024 with ReLU, dropout 0.1,
2,000 hashed user tokens, histories of 20 items, every item of a history once the goal, batches of 256, 200,000 steps, learning
rate 0.01 for 10,000 steps, then falling with the square root of the step. The paper names no optimiser; rate and schedule are
those with which T5 was trained (Raffel et al. 2020, section 3.1.2), by Adafactor, which is T5X's default, too. A shorter --steps
keeps the rate constant for the same share of its steps. What differs: IDs come from TF-IDF vectors of short phrases instead of
Sentence-T5's of whole descriptions; RQ-VAE as in beauty_recommenders.py; 3 codes and a collision level for all kinds; batches
hold histories of like length; a level's softmax is over its own codes.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from bare import BEAUTY, PROJECT, machine
from beauty_recommenders import VARIANTS
from graphed import GraphedEncoderDecoder
from on_device import answering_on

from tiger import datasets, models, quantizers
from tiger.core import params
from tiger.core.sampling import even_sample
from tiger.datasets.catalogue import Catalogue
from tiger.runs import checkpoint, presets
from tiger.runs.executors.base import KEEP_MEMORY
from tiger.semantic_ids import SemanticIds

LOG = Path(__file__).parent / "logs" / "paper_model.jsonl"
KINDS = ("rqvae", "lsh", "random")
RECIPE = next(preset.model.params for preset in presets.MODELS if preset.key == "tiger-published") | {"user_dropout": 0.0}
CURVE_WIDTH, WIDTH = 20, 50


def codes_of(kind: str, seed: int, cat: Catalogue, folder: Path, device: str) -> np.ndarray:
    """The codes (I, 3) of this kind; those that the folder has, so that a resumed run goes on with the same."""
    path = folder / "codes.npy"
    if not path.exists():
        _, _, name, values = VARIANTS[kind]
        place = {"device": device} if name == "rqvae" and device != "cpu" else {}
        quantizer = quantizers.create(str(name), seed=seed, **values, **place)
        np.save(path, quantizer.fit(cat.embedding_IE).encode(cat.embedding_IE))
    return np.load(path, allow_pickle=False)


def measured(model: models.Recommender, cat: Catalogue, split: str, users: np.ndarray | None, width: int, excludes: bool,
             device: str) -> dict[str, float]:
    """Recall, NDCG and the invalid-ID rate, rounded."""
    with answering_on(device, model):
        found = model.evaluate(cat, split, k=(5, 10), width=width, users=users, exclude_seen=excludes)
    return {key: round(value, 5) for key, value in found.items()}


def steps(model: Any, cat: Catalogue, ids: SemanticIds, state: dict[str, Any] | None, minutes: float,
          every: int) -> Iterator[dict[str, Any]]:
    """Train; yields whenever a line of the curve is due, and at the end."""
    start_s, cpu_s, losses = time.perf_counter(), time.process_time(), []
    for progress in model.fit_steps(cat, ids, state=state):
        losses.append(progress.metrics["loss"])
        over = progress.step == progress.n_steps or time.perf_counter() - start_s > 60 * minutes
        if progress.step % every == 0 or over:
            took_s, took_cpu_s = time.perf_counter() - start_s, time.process_time() - cpu_s
            yield {"step": progress.step, "n_steps": progress.n_steps, "epoch": round(progress.metrics["epoch"], 2),
                   "learning_rate": round(progress.metrics["learning_rate"], 6), "loss": round(float(np.nanmean(losses)), 4),
                   "ms_a_step": round(1000 * took_s / len(losses), 1),
                   "cpu_ms_a_step": round(1000 * took_cpu_s / len(losses), 1), "train_s": took_s}
            if over:
                return
            minutes -= took_s / 60
            start_s, cpu_s, losses = time.perf_counter(), time.process_time(), []


def settings(given: argparse.Namespace) -> params.Values:
    """The model's hyper-parameters: the recipe, and what the command line changes."""
    specs = {spec.name: spec for spec in params.specs(models.REGISTRY["encoder_decoder"])}
    changes = {name: params.check(specs[name], value) for name, value in (pair.split("=", 1) for pair in given.set)}
    return RECIPE | {"max_steps": given.steps, "precision": given.precision} | changes


def train(model: Any, cat: Catalogue, ids: SemanticIds, folder: Path, values: params.Values,
          given: argparse.Namespace) -> dict[str, Any]:
    """Train, from the folder's checkpoint if there is one; the last line of the curve."""
    saved = checkpoint.read(folder)
    if saved is not None and (not given.resume or saved["settings"] != values):
        raise SystemExit(f"{folder} has a training of {saved['model']['step']} steps with {saved['settings']}; go on with "
                         "--resume and the same settings, or choose another --out.")
    state, train_s = (saved["model"], saved["train_s"]) if saved else (None, 0.0)
    everybody = cat.split().user_U
    users, line = everybody[even_sample(len(everybody), given.users)], {"step": state["step"] if state else 0, "train_s": train_s}
    for line in steps(model, cat, ids, state, given.minutes, given.every):
        train_s += line["train_s"]
        checkpoint.write(folder, {"settings": values, "train_s": train_s, "model": model.training_state()})
        line |= {"train_s": round(train_s, 1),
                 "valid_kept": measured(model, cat, "valid", users, CURVE_WIDTH, False, given.device)}
        with (folder / "curve.jsonl").open("a") as file:
            file.write(json.dumps(line) + "\n")
        print(folder.name, json.dumps(line), flush=True)
    return line


def run(kind: str, given: argparse.Namespace) -> dict[str, Any]:
    """Train with one kind of IDs, and score what came out."""
    folder, values = given.out / f"{kind}-{given.seed}", settings(given)
    folder.mkdir(parents=True, exist_ok=True)
    cat = datasets.load("recbole", path=str(given.data), embedding={"method": given.embedding, "seed": given.seed})
    codes_IL = codes_of(kind, given.seed, cat, folder, given.device)
    ids = SemanticIds.from_codes(codes_IL, n_codes=256)
    make = GraphedEncoderDecoder if given.graphs else partial(models.create, "encoder_decoder")
    model = make(seed=given.seed, device=given.device, **values)
    line = train(model, cat, ids, folder, values, given)
    third = cat.split().user_U[::3]  # as in beauty_recommenders.py
    scores = {split + ending: measured(model, cat, split, third if split == "valid" else None, WIDTH, excludes, given.device)
              for split in given.splits for excludes, ending in ((True, ""), (False, "_kept"))}
    return {"data": given.data.name, "ids": kind, "seed": given.seed, "embedding": given.embedding, "width": WIDTH,
            "model": values, "quantizer": VARIANTS[kind][2:], "unique_ids": len(np.unique(codes_IL, axis=0)),
            "weights": sum(weight.numel() for weight in model.net_.parameters()), **line, **scores,
            "device": torch.cuda.get_device_name() if given.device == "cuda" else given.device,
            "graphs": given.graphs, "machine": machine()}


def side_by_side(given: argparse.Namespace) -> int:
    """One process a kind of IDs; how many failed."""
    rest = [word for word in sys.argv[1:] if word not in KINDS]
    children = [subprocess.Popen([sys.executable, __file__, kind, *rest]) for kind in given.ids]
    return sum(child.wait() != 0 for child in children)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ids", nargs="+", choices=KINDS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=200_000, help="of the whole schedule")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="of training in this call")
    parser.add_argument("--every", type=int, default=5000, help="steps between two lines of the curve, and two checkpoints")
    parser.add_argument("--users", type=int, default=2000, help="whose validation items make the curve")
    parser.add_argument("--splits", nargs="*", choices=("valid", "test"), default=["valid", "test"])
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE", help="other hyper-parameters of the model")
    parser.add_argument("--embedding", default="tfidf", help="tfidf, cooccurrence or sentence")
    parser.add_argument("--data", type=Path, default=BEAUTY)
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--precision", default="float32", choices=("float32", "bfloat16", "auto"))
    parser.add_argument("--graphs", action="store_true", help="record the steps as CUDA graphs, for --device cuda")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint")
    parser.add_argument("--out", type=Path, default=PROJECT / "workspace" / "paper_model")
    parser.add_argument("--log", type=Path, default=LOG)
    given = parser.parse_args()
    if len(given.ids) > 1:
        sys.exit(side_by_side(given))
    torch.set_num_threads(given.threads)
    if given.device == "cuda":
        torch.set_float32_matmul_precision("high")  # TF32
    row = run(given.ids[0], given)
    given.log.parent.mkdir(parents=True, exist_ok=True)
    with given.log.open("a") as file:
        file.write(json.dumps(row) + "\n")
    print(json.dumps(row), flush=True)


if __name__ == "__main__":
    if not KEEP_MEMORY.keys() <= os.environ.keys():
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | KEEP_MEMORY)
    main()
