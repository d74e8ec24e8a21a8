"""What writing a run's folder costs: the same training bare, and with log, status, kept codes and checkpoints.

    python benchmarks/run_overhead.py [--data ../shared/data/amazon-beauty] [--steps 600] [--repeats 3]

Without ``--data`` it trains on the bundled shop. Bare and written trainings take turns, so that both see the
same machine; the quickest of each counts. The target is at most 5 % on top. Prints one JSON object.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tiger import datasets, quantizers, runs
from tiger.runs import train_quantizer
from tiger.runs.worker_context import WorkerContext


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", help="a folder of RecBole atomic files; the bundled shop without")
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    ref = {"name": "recbole", "params": {"path": args.data}} if args.data else {"name": "synthetic", "params": {}}
    cat = datasets.load_ref(ref)
    with tempfile.TemporaryDirectory() as home:
        os.environ["TIGER_HOME"] = home
        pairs = [(bare(cat, args.steps), written(cat, ref, args.steps)) for _ in range(args.repeats)]
    bare_s, written_s = min(pair[0] for pair in pairs), min(pair[1][0] for pair in pairs)
    print(json.dumps({
        "dataset": cat.name, "items": cat.n_items, "steps": args.steps, "bare_s": round(bare_s, 2),
        "written_s": round(written_s, 2), "overhead_percent": round(100 * (written_s / bare_s - 1), 1),
        "result_s": round(min(pair[1][1] for pair in pairs), 2)}, indent=1))


def bare(cat: datasets.Catalogue, n_steps: int) -> float:
    """Seconds of the training alone, from the first step on."""
    return _seconds(quantizers.create("rqvae", n_steps=n_steps).fit_steps(cat.embedding_IE))[0]


def written(cat: datasets.Catalogue, ref: dict, n_steps: int) -> tuple[float, float]:
    """Seconds of the same training in a run's folder, and of writing the result afterwards."""
    run = runs.new_run({"dataset": ref, "quantizer": {"name": "rqvae", "params": {"n_steps": n_steps}}})
    job = train_quantizer.QuantizerTraining(WorkerContext(run), quantizers.create("rqvae", n_steps=n_steps), cat.embedding_IE)
    return _seconds(job.steps())


def _seconds(steps) -> tuple[float, float]:
    start = end = 0.0
    for progress in steps:
        end = time.perf_counter()
        if progress.step <= 1:  # the k-means start and first touches are no steps
            start = end
    return end - start, time.perf_counter() - end


if __name__ == "__main__":
    main()
