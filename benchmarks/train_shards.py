"""How large a sample of many vectors must be: residual k-means on samples, judged on rows that none of them holds.

    python benchmarks/train_shards.py FOLDER [--samples 10000 100000 1000000] [--seeds 0 1 2] [--minibatch 10000]

FOLDER has shards of vectors (.npy or .parquet). For every sample and seed, residual k-means (3 x 256 codes) learns from it on
one thread, in mini-batches and, up to 10^5 rows, over all rows in every iteration. "lost" is the mean squared length of what the
codes leave of 100,000 rows beside the sample, as a share of their variance. Appends one JSON line a measurement to
benchmarks/logs/train_shards.jsonl.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np

from bare import machine, use_threads  # isort: skip  before torch is imported
from tiger import quantizers
from tiger.datasets.io import shards

LOG = Path(__file__).parent / "logs" / "train_shards.jsonl"
HELD_OUT, WHOLE = 100_000, 100_000


def lost_share(quantizer: quantizers.Quantizer, emb_NE: np.ndarray) -> float:
    """Mean squared error of what the codes decode to, over the variance."""
    left = np.square(emb_NE - quantizer.decode(quantizer.encode(emb_NE))).sum(1).mean()
    return float(left / np.square(emb_NE - emb_NE.mean(0)).sum(1).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--samples", type=int, nargs="+", default=[10**4, 10**5, 10**6])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--minibatch", type=int, default=10_000)
    given = parser.parse_args()
    use_threads(1)
    found = shards.sources(given.folder)
    n_rows = sum(source.n_rows for source in found)
    for n in given.samples:
        for seed in given.seeds:
            start_s = time.perf_counter()
            row_N = shards.sample_rows(n_rows, n, seed)
            sample_NE = shards.take(found, row_N)[0]
            read_s = time.perf_counter() - start_s
            other_N = np.setdiff1d(shards.sample_rows(n_rows, HELD_OUT, 1000 + seed), row_N)
            other_NE = shards.take(found, other_N)[0]
            for minibatch in {given.minibatch if n > given.minibatch else 0, 0 if n <= WHOLE else given.minibatch}:
                start_s = time.process_time()
                made = quantizers.create("rkmeans", seed=seed, minibatch=minibatch).fit(sample_NE)
                row = {"rows": n_rows, "sample": n, "seed": seed, "minibatch": minibatch, "read_s": round(read_s, 2),
                       "fit_cpu_s": round(time.process_time() - start_s, 2), "lost": round(lost_share(made, other_NE), 4)}
                print(row, flush=True)
                with LOG.open("a") as file:
                    file.write(json.dumps(row | {"machine": machine()}) + "\n")


if __name__ == "__main__":
    main()
