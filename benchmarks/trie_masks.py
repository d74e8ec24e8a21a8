"""Milliseconds a step for the trie's masks and child look-ups: 1,000,000 items, width 50.

    python benchmarks/trie_masks.py [--items 1000000] [--width 50] [--seed 0]

Four levels of 256 codes, drawn uniformly without repetition. Prints one JSON line.
"""

import argparse
import json
import platform
import sys
import time
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tiger.search.trie import Trie


def median_ms(work, repeats: int = 200) -> float:
    """Median time of one call, after ten to warm up."""
    for _ in range(10):
        work()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return 1000 * float(np.median(times))


def main() -> None:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--items", type=int, default=1_000_000)
    parser.add_argument("--width", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    rng = np.random.default_rng(args.seed)
    number_I = rng.choice(256**4, args.items, replace=False)
    ids_IM = np.stack([number_I >> shift & 255 for shift in (24, 16, 8, 0)], 1)
    start = time.perf_counter()
    trie = Trie(ids_IM, [256] * 4)
    build_s = time.perf_counter() - start
    levels = []
    for depth in range(4):
        node_W = torch.from_numpy(rng.integers(0, trie.n_nodes(depth), args.width))
        code_W = torch.from_numpy(rng.integers(0, 256, args.width))
        levels.append({"mask_ms": round(median_ms(lambda d=depth, n=node_W: trie.mask(d, n)), 4),
                       "child_ms": round(median_ms(
                           lambda d=depth, n=node_W, c=code_W: trie.child(d, n, c)), 4)})
    print(json.dumps({"items": args.items, "width": args.width, "seed": args.seed, "threads": args.threads,
                      "build_s": round(build_s, 2), "levels": levels, "machine": platform.processor()}))


if __name__ == "__main__":
    main()
