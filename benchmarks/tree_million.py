"""The tree and its numbers for a million items of 3 x 256 codes: seconds and peak memory.

    python benchmarks/tree_million.py [--items 1000000]

Codes are skewed (squares of uniform numbers) so that branches are as unequal as trained ones. The goal is
under 3 s and under 2 GB for tree and metrics together; memory counts the whole process, libraries included.
"""

import argparse
import resource
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np

from tiger import metrics
from tiger.analysis import tree


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--items", type=int, default=1_000_000)
    n_items = parser.parse_args().items
    rng = np.random.default_rng(0)
    codes_IL = (rng.random((n_items, 3)) ** 2 * 256).astype(np.int64)
    labels_I = rng.integers(0, 200, n_items)
    query_N = rng.integers(0, n_items, 500)
    neighbours = query_N, rng.integers(0, n_items, (500, 10))
    total_s, cpu_s = 0.0, time.process_time()
    for name, work in (("tree", lambda: tree.Branches.from_codes(codes_IL)),
                       ("numbers", lambda: tree.measure(codes_IL, None, neighbours)),
                       ("categories (1 shuffle)", lambda: metrics.label_scores(codes_IL, labels_I, 1))):
        start = time.perf_counter()
        result = work()
        spent_s = time.perf_counter() - start
        total_s += spent_s
        print(f"{name:>24}: {spent_s:6.2f} s   ({len(result):,} rows)")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    print(f"{'together':>24}: {total_s:6.2f} s   processor time "
          f"{time.process_time() - cpu_s:.2f} s   peak memory {peak / 2**30:.2f} GiB")
    other = codes_IL.copy()
    other[: n_items // 20, 2] = rng.integers(0, 256, n_items // 20)
    start = time.perf_counter()
    moved = (tree.match(codes_IL, other).moved_at_I > 0).sum()
    print(f"{'tree difference':>24}: {time.perf_counter() - start:6.2f} s   ({moved:,} items moved)")


if __name__ == "__main__":
    main()
