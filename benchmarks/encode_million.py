"""Codes of 1,000,000 vectors: vectors a second against the bare multiplications, and the memory it takes.

    python benchmarks/encode_million.py [--rows 1000000] [--threads 2] [--rounds 10]

The paper's network on 256-d vectors in a memory-mapped file. Tenths of the rows are encoded in turn with the bare
multiplications of the same blocks. Targets: ratio at least 0.75, memory bounded by the batch. Prints one JSON object.
"""

import argparse
import json
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from bare import BareStep, machine, spread, use_threads

from tiger import quantizers

BLOCK = 1024


def peak_mb() -> float:
    """The most memory this process held so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


def make_rows(path: Path, n_rows: int, seed: int) -> np.ndarray:
    """Normal vectors on disk, so that the measured memory is the encoder's own."""
    random, rows_NE = np.random.default_rng(seed), np.lib.format.open_memmap(path, "w+", np.float32, (n_rows, 256))
    for start in range(0, n_rows, 10_000):
        part = rows_NE[start:start + 10_000]
        part[:] = random.standard_normal(part.shape, np.float32)
    rows_NE.flush()
    del rows_NE
    return np.load(path, mmap_mode="r")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    use_threads(args.threads)
    train_NE = np.random.default_rng(args.seed).standard_normal((12_000, 256), np.float32)
    q = quantizers.create("rqvae", n_steps=20, seed=args.seed).fit(train_NE)
    bare = BareStep(BLOCK)
    with tempfile.TemporaryDirectory() as folder:
        rows_NE = make_rows(Path(folder) / "rows.npy", args.rows, args.seed)
        q.encode(train_NE)
        pairs, total_s = [], 0.0
        for part in np.array_split(np.arange(args.rows), args.rounds):
            held_NE = np.array(rows_NE[part[0]:part[-1] + 1])  # in memory: the disk is not what is measured
            start = time.perf_counter()
            for _ in range(-(-len(part) // BLOCK)):
                bare.encode()
            middle = time.perf_counter()
            q.encode(held_NE)
            pairs.append((middle - start, time.perf_counter() - middle))
            total_s += pairs[-1][1]
            del held_NE
        before_mb = peak_mb()
        q.encode(rows_NE)  # in one call, straight from the file
        grown_mb = peak_mb() - before_mb
    print(json.dumps({"rows": args.rows, "seed": args.seed, "machine": machine(), "seconds": round(total_s, 2),
                      "rows_per_s": round(args.rows / total_s), "ratio": spread([own / real for own, real in pairs]),
                      "peak_before_one_call_mb": round(before_mb), "grown_mb_in_one_call": round(grown_mb),
                      "codes_mb": round(args.rows * 3 * 8 / 2**20)}, indent=1))


if __name__ == "__main__":
    main()
