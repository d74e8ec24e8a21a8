"""The trie of a large catalogue: seconds to build, bytes it keeps, peak memory, and milliseconds of masks and child look-ups.

    python benchmarks/trie_masks.py [--items 10000000] [--width 50] [--seed 0] [--threads 1] [--dense 0]

Four levels of 256 codes, drawn uniformly without repetition. ``--dense 0`` leaves the dense tables of the first levels out, for
comparison. "prefixes" are beams as a search has them: random prefixes of the catalogue. Peak memory is that of the whole process
while the trie is built, less what it took before. Goal at 10,000,000 items and width 50: below 2 GB, below 60 s, below 1 ms
a mask at every level. Prints one JSON line.
"""

import argparse
import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import torch
from bare import machine

from tiger.search import trie as tries


def times_ms(work: Callable[[], object], repeats: int = 200) -> dict[str, float]:
    """Median and 95th percentile of one call's wall time, and the median of its processor time, after ten to warm up."""
    for _ in range(10):
        work()
    times, cpu = [], []
    for _ in range(repeats):
        start, start_cpu = time.perf_counter(), time.process_time()
        work()
        times.append(1000 * (time.perf_counter() - start))
        cpu.append(1000 * (time.process_time() - start_cpu))
    return {"p50": round(float(np.median(times)), 4), "p95": round(float(np.quantile(times, 0.95)), 4),
            "cpu_p50": round(float(np.median(cpu)), 4)}


def peak_gb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e9


def drawn(n_items: int, seed: int) -> np.ndarray:
    """Distinct IDs (I, 4) int16 in random order: a random walk through all numbers below 256^4."""
    rng = np.random.default_rng(seed)
    number_I = np.empty(0, np.int64)
    while len(number_I) < n_items:  # uniform draws without repetition, in pieces that fit memory
        number_I = np.unique(np.concatenate([number_I, rng.integers(0, 256**4, n_items - len(number_I) + n_items // 100)]))
    number_I = rng.permutation(number_I)[:n_items]
    return np.stack([(number_I >> shift & 255).astype(np.int16) for shift in (24, 16, 8, 0)], 1)


def main() -> None:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--items", type=int, default=10_000_000)
    parser.add_argument("--width", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--dense", type=int, help="levels that have a dense table")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    if args.dense is not None:
        tries.DENSE_LEVELS, tries.DENSE_CELLS = args.dense, 2**28
    ids_IM = drawn(args.items, args.seed)
    before_gb, start, cpu = peak_gb(), time.perf_counter(), time.process_time()
    trie = tries.Trie(ids_IM, [256] * 4)
    build_s, build_cpu_s = time.perf_counter() - start, time.process_time() - cpu
    rng, levels = np.random.default_rng(args.seed), []
    for depth in range(4):
        node_W = torch.from_numpy(rng.integers(0, trie.n_nodes(depth), args.width))
        code_W = torch.from_numpy(rng.integers(0, 256, args.width))
        levels.append({"nodes": trie.n_nodes(depth + 1), "mask_ms": times_ms(lambda d=depth, n=node_W: trie.mask(d, n)),
                       "child_ms": times_ms(lambda d=depth, n=node_W, c=code_W: trie.child(d, n, c))})
    print(json.dumps({"items": args.items, "width": args.width, "seed": args.seed, "dense_levels": tries.DENSE_LEVELS,
                      "build_s": round(build_s, 2), "build_cpu_s": round(build_cpu_s, 2),
                      "trie_gb": round(trie.nbytes / 1e9, 3), "build_peak_gb": round(peak_gb() - before_gb, 2),
                      "levels": levels, "machine": machine()}))


if __name__ == "__main__":
    main()
