"""Shards of vectors to unique semantic IDs: vectors a second and memory, local processes beside a Ray cluster on this machine.

    python benchmarks/encode_shards.py [--rows 100000 1000000] [--workers 1 2] [--repeats 1]

An RQ-VAE of 3 x 256 codes (hidden 128, latent 32) on normal vectors of width 64, in eight npy files. Each engine is started anew
for every measurement; ``start_s`` is what that takes, ``encode_s`` all three stages with everything written. The slope is that of
log time over log rows. The manifests and every byte of the IDs must be equal, or it fails. Prints one JSON object.
"""

import argparse
import hashlib
import json
import math
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil
from bare import machine, spread

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tiger import runs
from tiger.runs import artifacts
from tiger.runs.bulk import encode, engines

N_FILES, WIDTH, SHARD_SIZE = 8, 64, 131_072


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    os.environ |= {"RAY_USAGE_STATS_ENABLED": "0"}
    with tempfile.TemporaryDirectory() as home:
        os.environ["TIGER_HOME"] = home
        run = trained(args.seed)
        found = []
        for n_rows in args.rows:
            vectors = Path(home) / f"vectors-{n_rows}"
            write_vectors(vectors, n_rows, args.seed)
            ways = [(name, n) for n in args.workers for name in engines.REGISTRY]
            turns = [{way: timed(run, vectors, Path(home) / f"ids-{n_rows}-{way}-{turn}", *way) for way in ways}
                     for turn in range(args.repeats)]
            assert len({turn[way]["digest"] for turn in turns for way in ways}) == 1, "the engines disagree"
            found += [{"rows": n_rows, "engine": name, "workers": n,
                       "rows_per_s": spread([n_rows / turn[name, n]["encode_s"] for turn in turns])} |
                      {key: spread([turn[name, n][key] for turn in turns]) for key in ("start_s", "encode_s", "peak_mb")} |
                      {"ratio_to_local": spread([turn["local", n]["encode_s"] / turn[name, n]["encode_s"] for turn in turns])}
                      for name, n in ways]
    print(json.dumps({"seed": args.seed, "machine": machine(), "load": round(os.getloadavg()[0], 1), "measured": found,
                      "slope": slopes(found)}, indent=1))


def trained(seed: int) -> runs.Run:
    """A run with a small RQ-VAE; what is measured does not depend on how well it fits."""
    params = {"n_levels": 3, "n_codes": 256, "hidden": "128", "latent_width": 32, "n_steps": 50, "seed": seed}
    run = runs.new_run({"dataset": {"name": "synthetic", "params": {}}, "quantizer": {"name": "rqvae", "params": params}})
    from tiger import quantizers
    emb_IE = np.random.default_rng(seed).standard_normal((20_000, WIDTH), np.float32)
    artifacts.write_weights(run, quantizers.create("rqvae", **params).fit(emb_IE))
    return run


def write_vectors(folder: Path, n_rows: int, seed: int) -> None:
    """Normal vectors in files of equal length."""
    folder.mkdir()
    random = np.random.default_rng(seed + 1)
    for number, part in enumerate(np.array_split(np.arange(n_rows), N_FILES)):
        np.save(folder / f"{number}.npy", random.standard_normal((len(part), WIDTH), np.float32))


def timed(run: runs.Run, vectors: Path, output: Path, name: str, n_workers: int) -> dict[str, float | str]:
    """Seconds and peak memory (this process and all below it, or Ray's workers) of one encoding."""
    begun = time.perf_counter()
    engine = engines.REGISTRY[name](n_workers)
    start_s, peak = time.perf_counter() - begun, 0.0
    steps = encode.encode(run, vectors, output, engine, shard_size=SHARD_SIZE)
    begun = time.perf_counter()
    for _ in steps:
        peak = max(peak, memory_mb())
    encode_s = time.perf_counter() - begun
    engine.close()
    digest = hashlib.blake2b(b"".join(path.read_bytes() for path in sorted(output.glob("[mp]*"))), digest_size=8).hexdigest()
    return {"start_s": start_s, "encode_s": encode_s, "peak_mb": peak, "digest": digest}


def memory_mb() -> float:
    """What this process and those it started hold now; shared pages count once for each."""
    own = psutil.Process()
    total = 0
    for process in (own, *own.children(recursive=True)):
        try:
            total += process.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total / 2**20


def slopes(found: list[dict]) -> dict[str, float]:
    """Slope of log time over log rows between the fewest and the most rows."""
    known = {}
    for name, n in sorted({(one["engine"], one["workers"]) for one in found}):
        points = sorted((one["rows"], one["encode_s"]["median"]) for one in found if (one["engine"], one["workers"]) == (name, n))
        (rows, s), (most, longest) = points[0], points[-1]
        known[f"{name} {n}"] = round(math.log(longest / s) / math.log(most / rows), 2) if most > rows else math.nan
    return known


if __name__ == "__main__":
    main()
